"""The scene head as the epoch loop trains it: from all branches softly weighted to the strongest alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from ...networks.encoder import Features
from ...networks.scene_head import SceneHead
from ..framework.losses import balance_loss, diversity_loss
from ..framework.options import Options
from ..framework.schedules import gate_temperature
from .bank import Part
from .losses import class_loss, gate_loss, gate_target

GATE_WEIGHT = 0.5
"""lambda, the weight of KL(target || gate)."""

SPARSE_FROM = 0.6
"""Share of the epochs after which the strongest branches run alone."""

SETTLED_FROM = 0.5
"""Share of the epochs after which BatchNorm keeps its statistics: tiles full of data and nearly empty ones
have others, and the finished network knows only one set."""

EPOCHS_OVER_ALL = 4
"""Epochs in which every tile is seen once."""


WEIGHTS = {"chips": 0.45, "mosaics": 0.45, "covers": 0.1}
"""What each check counts: the tiles of one cover are a dozen, and each would move the figure by far."""


@dataclass(frozen=True)
class Checks:
    """What a head is judged by while it is trained: parts of the validation split."""

    chips: Part
    mosaics: Part
    covers: Part


class SceneTrainee:
    """See `framework.loop.Trainee`.

    Args:
        module: the head in its trainable form.
        branches: the classes of each branch.
        k: branches that run for a tile.
        options: numbers of the training.
        parts: encodes the training tiles; called when the first epoch begins, so that a finished training
            is loaded without them.
        checks: encodes those of the validation.
    """

    def __init__(
        self,
        module: SceneHead,
        branches: Sequence[Sequence[int]],
        k: int,
        options: Options,
        parts: Callable[[], list[Part]],
        checks: Callable[[], Checks],
    ) -> None:
        self.module, self.branches, self.k, self.options = module, branches, k, options
        self._parts, self._checks = parts, checks

    @cached_property
    def parts(self) -> list[Part]:
        """Tiles to train on."""
        return self._parts()

    @cached_property
    def checks(self) -> Checks:
        """Tiles to validate on."""
        return self._checks()

    def parameters(self) -> Iterable[nn.Parameter]:
        """All of the head's: the encoder is no part of it."""
        return self.module.parameters()

    def steps(self) -> int:
        """Batches of an epoch, the same in every epoch."""
        return sum(-(-self._rows(part) // self.options.batch_size) for part in self.parts)

    def _rows(self, part: Part) -> int:
        return -(-len(part) // EPOCHS_OVER_ALL)

    def batches(self, epoch: int) -> Iterator[tuple[Features, Tensor, Tensor]]:
        """A quarter of the tiles, other ones in the next epochs; a batch is of one kind and size."""
        turn, place = divmod(epoch, EPOCHS_OVER_ALL)
        found = []
        for number, part in enumerate(self.parts):
            order = np.random.default_rng([self.options.seed, turn, number]).permutation(len(part))
            count = self._rows(part)
            rows = np.resize(order[place * count :], count) if place * count < len(part) else order[:count]
            found += [(number, batch) for batch in torch.from_numpy(rows).split(self.options.batch_size)]
        for pick in np.random.default_rng([self.options.seed, epoch, 99]).permutation(len(found)):
            number, index = found[pick]
            yield self.parts[number].rows(index)

    def begin(self, epoch: int) -> None:
        """Temperature, sparsity, and whether BatchNorm still learns its statistics."""
        options, gate = self.options, self.module.body.gate
        gate.temperature = self.temperature(epoch)
        self.module.body.sparsity = min(1.0, epoch / (SPARSE_FROM * options.epochs))
        if epoch >= SETTLED_FROM * options.epochs:
            for part in self.module.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.eval()

    def temperature(self, epoch: int) -> float:
        """Of the gate, in the epoch with this number from 0."""
        options = self.options
        return gate_temperature(epoch, options.epochs, options.temperature_start, options.temperature_end)

    def losses(self, batch: tuple[Features, Tensor, Tensor]) -> dict[str, Tensor]:
        """The class, and the gate's own; diversity and balance if they have a weight."""
        features, target, weak = batch
        out = self.module(features, self.k)
        wanted = gate_target(out.logits, target, weak, self.branches)
        parts = {
            "class": class_loss(out.logits, target, weak),
            "gate": GATE_WEIGHT * gate_loss(out.gates, wanted),
        }
        if self.options.diversity_weight:
            parts["diversity"] = self.options.diversity_weight * diversity_loss(out.gates)
        if self.options.balance_weight:
            parts["balance"] = self.options.balance_weight * balance_loss(out.gates)
        return parts

    def validate(self) -> dict[str, float]:
        """Accuracy on chips, on mosaics and on tiles of one land cover, led by one figure for all."""
        return judged(self.module, self.checks, self.k)

    def watch(self) -> dict[str, float]:
        """Accuracy on training chips."""
        part = self.parts[0]
        some = torch.arange(0, len(part), max(1, len(part) // 1000))
        features, target, weak = part.rows(some)
        return {"train/chips": accuracy(self.module, Part("train", features, target, weak), self.k)}


@torch.inference_mode()
def predict(module: SceneHead, part: Part, k: int, *, gates: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Uncalibrated logits (N, classes) and gates (N, branches) of a part's tiles."""
    logits, said = [], []
    for index in torch.arange(len(part)).split(64):
        given = None if gates is None else gates[index]
        out = module(part.features.select(index), k, gates=given)
        logits.append(out.logits)
        said.append(out.gates)
    return torch.cat(logits).clone(), torch.cat(said).clone()


def accuracy(module: SceneHead, part: Part, k: int) -> float:
    """Share of the tiles called by their class, or by one that they can have."""
    logits, _ = predict(module, part, k)
    right = part.target.gather(1, logits.argmax(1, keepdim=True))[:, 0] > 0
    return float(right.float().mean())


def judged(module: SceneHead, checks: Checks, k: int) -> dict[str, float]:
    """Accuracy on every check that has tiles, and first of all their mean with `WEIGHTS`."""
    parts = {"chips": checks.chips, "mosaics": checks.mosaics, "covers": checks.covers}
    found = {name: accuracy(module, part, k) for name, part in parts.items() if len(part)}
    weight = sum(WEIGHTS[name] for name in found)
    return {"score": sum(WEIGHTS[name] * value for name, value in found.items()) / weight, **found}
