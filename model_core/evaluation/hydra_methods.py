"""The decoders that a Hydra comparison sets side by side, as probabilities of their heads."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..networks.encoder import Features
from ..networks.expert import Expert
from ..networks.inference import NetworkModel
from ..spec import ExpertSpec

ENSEMBLE, HYDRA, RECENTRED = "ensemble", "hydra", "recentred"
AVERAGED, SINGLE, SHIPPED = "averaged", "single", "shipped"
METHODS = (ENSEMBLE, HYDRA, RECENTRED, AVERAGED, SINGLE, SHIPPED)
DIVIDING = (ENSEMBLE, HYDRA, RECENTRED)
"""Methods with more than one opinion, hence with model uncertainty."""


@dataclass(frozen=True)
class Contest:
    """The decoders of one expert, all reading the same features.

    Attributes:
        spec: the expert.
        members: the ensemble; each of them alone is the method `single`.
        averaged: student with one head, distilled from the mean of the members.
        hydra: student with a head for each member.
        shipped: the bundle's decoder, its line between the classes moved back; None if it has several heads.
        recentred: `hydra` around the former decoder; None if the run has none.
    """

    spec: ExpertSpec
    members: tuple[Expert, ...]
    averaged: Expert
    hydra: Expert
    shipped: Expert | None
    recentred: Expert | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Those of `METHODS` that are there."""
        missing = {SHIPPED} if self.shipped is None else set()
        missing |= {RECENTRED} if self.recentred is None else set()
        return tuple(name for name in METHODS if name not in missing)

    def decoders(self, method: str) -> tuple[Expert, ...]:
        """What runs for one answer of a method."""
        return {
            ENSEMBLE: self.members,
            HYDRA: (self.hydra,),
            RECENTRED: (self.recentred,) if self.recentred is not None else (),
            AVERAGED: (self.averaged,),
            SINGLE: self.members[:1],
            SHIPPED: (self.shipped,) if self.shipped is not None else (),
        }[method]

    def heads(self, features: Features) -> dict[str, np.ndarray]:
        """Class probabilities of a tile by method: float32 (M, C, H, W); `single` is in the ensemble's."""
        return {
            method: head_probabilities(self.decoders(method), features, self.spec.channels)
            for method in self.methods
            if method != SINGLE
        }


@torch.inference_mode()
def head_probabilities(decoders: tuple[Expert, ...], features: Features, channels: int) -> np.ndarray:
    """Softmax of every head of every decoder for one tile: float32 (M, C, H, W)."""
    return torch.cat([_heads(decoder, features, channels) for decoder in decoders]).numpy()


def _heads(decoder: Expert, features: Features, channels: int) -> Tensor:
    logits = decoder(features).contiguous()  # (1, M * C, H, W)
    split = logits.float().unflatten(1, (-1, channels))[0]  # (M, C, H, W)
    return torch.softmax(split, 1)


def shipped_decoder(model: NetworkModel, spec: ExpertSpec) -> Expert | None:
    """A copy of the bundle's decoder that says what training made it say; None if it has several heads.

    The bundle's line between the classes may have been moved after training (`training.decision`), which the
    other decoders' was not. Here it is moved back, so that all are compared without.
    """
    if spec.heads > 1:
        return None
    decoder = copy.deepcopy(model.network.experts[spec.name])
    fit = model.info.data["training"].get("decision_offsets", {}).get(spec.name)
    if fit is not None:
        # Channel 4 c + i of the head is class c, see `training.decision.apply_offsets`.
        moved = torch.tensor(fit["offsets"], dtype=decoder.head.bias.dtype).repeat_interleave(4)
        with torch.no_grad():
            decoder.head.bias -= moved
    return decoder
