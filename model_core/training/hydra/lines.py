"""Where a Hydra expert draws the line between classes: the offsets of `training.decision`, on every head."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from ...evaluation.evaluate import HEADLINE
from ...networks.encoder import Features
from ...networks.expert import Expert
from ..decision import Fit, fit_offsets
from ..framework.run_folder import Log
from ..pack import Sample
from .frozen import Frozen
from .judging import mean_probability


class _Speaking:
    """As much of `HydraNet` as fitting needs: one expert, whose logits are those of its heads' mean."""

    def __init__(self, frozen: Frozen, name: str, expert: Expert) -> None:
        self.frozen, self.expert = frozen, expert
        self.channels = {name: frozen.specs[name].channels}

    def encode(self, reflectance: Tensor, available: Tensor, valid: Tensor) -> Features:
        return self.frozen.encode({"reflectance": reflectance, "available": available, "valid": valid})

    def decode(self, _name: str, features: Features) -> Tensor:
        return mean_probability([self.expert], features).clamp_min(1e-12).log()


def fit_lines(
    frozen: Frozen, name: str, expert: Expert, cal: list[Sample], val: list[Sample], log: Log
) -> Fit | None:
    """Fit the offsets of an expert by the logarithm of its heads' mean probability; None without scenes.

    Added to every head, offsets move the mean not exactly as they move its logarithm; heads that agree on
    where the line is make no difference, and elsewhere it is small.
    """
    return fit_offsets(_Speaking(frozen, name, expert), cal, val, HEADLINE, log).get(name)


@torch.no_grad()
def with_offsets(expert: Expert, offsets: tuple[float, ...]) -> Expert:
    """A copy of a decoder in deploy form whose every head has the offsets in its bias.

    The head makes 4 values per class, as in `decision.apply_offsets`.

    Raises:
        ValueError: the decoder has another number of classes.
    """
    moved = copy.deepcopy(expert)
    bias = moved.head.bias if moved.heads == 1 else moved.head.common.bias  # the common part is in each head
    if len(offsets) * 4 != len(bias):
        raise ValueError(f"{len(offsets)} offsets for a decoder of {len(bias) // 4} classes.")
    bias += torch.tensor(offsets, dtype=bias.dtype).repeat_interleave(4)
    return moved


def as_record(fit: Fit | None, channels: int) -> dict[str, Any]:
    """JSON form of a fit; no offsets where there was nothing to fit on."""
    return fit.as_dict() if fit else Fit((0.0,) * channels, 0.0, 0.0, 0.0, 0, "none").as_dict()
