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
from ..feature_noise import noisy
from ..framework.losses import balance_loss, diversity_loss
from ..framework.options import Options
from ..framework.schedules import gate_temperature
from .bank import Part
from .labels import CLASSES, MEMBERS
from .losses import class_loss, gate_loss, gate_target

GATE_WEIGHT = 0.5
"""lambda, the weight of KL(target || gate)."""

SPARSE_FROM = 0.6
"""Share of the epochs after which the strongest branches run alone."""

SETTLED_FROM = 0.5
"""Share of the epochs after which BatchNorm keeps its statistics: tiles full of data and nearly empty ones
have others, and the finished network knows only one set."""

DROPOUT = 0.3
"""Of the branches' features before the combiner, in training (Srivastava et al. 2014)."""

FEATURE_NOISE = 0.15
"""Standard deviation of the random gain of every channel of the encoder's features, tile by tile: these are
computed once, and without it every epoch would see the same numbers."""

REAL_WEIGHT = 1.4
"""Of a step on real tiles: with their share of the steps it makes them half of what is learnt from."""


@dataclass(frozen=True)
class Checks:
    """What a head is judged by while it is trained: parts of the validation split.

    Attributes:
        chips, mosaics: of EuroSAT's chips.
        covers: real tiles with labelled covers, a part for each source and size.
    """

    chips: Part
    mosaics: Part
    covers: Sequence[Part]


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
        return sum(-(-_share(part) // self._batch(part)) for part in self.parts)

    def _batch(self, part: Part) -> int:
        return max(1, int(part.batch * self.options.batch_size))

    def batches(self, epoch: int) -> Iterator[tuple[Features, Tensor]]:
        """Of each part its share of the tiles, other ones in the next epochs; a batch is of one part."""
        found = []
        for number, part in enumerate(self.parts):
            turn, place = divmod(epoch, part.rounds)
            order = np.random.default_rng([self.options.seed, turn, number]).permutation(len(part))
            count = _share(part)
            rows = np.resize(order[place * count :], count) if place * count < len(part) else order[:count]
            found += [(number, batch) for batch in torch.from_numpy(rows).split(self._batch(part))]
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

    def losses(self, batch: tuple[Features, Tensor]) -> dict[str, Tensor]:
        """The class, and the gate's own; diversity and balance if they have a weight."""
        features, target = batch
        out = self.module(noisy(features, FEATURE_NOISE), self.k)
        joined = nn.functional.dropout(out.features.flatten(1), DROPOUT)
        logits = self.module.body.combine(joined)
        wanted = gate_target(out.logits, target, self.branches)
        real = target[:, len(CLASSES) :].sum() > 0
        weight = REAL_WEIGHT if real else 1.0
        parts = {
            "class": weight * class_loss(logits, target),
            "gate": weight * GATE_WEIGHT * gate_loss(out.gates, wanted),
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
        features, target = part.rows(some)
        return {"train/chips": accuracy(self.module, Part("train", features, target), self.k)}


def _share(part: Part) -> int:
    """Tiles of a part in an epoch."""
    return -(-len(part) // part.rounds)


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
    """Share of the tiles called by their class, or by one that goes with the cover of the largest share."""
    logits, _ = predict(module, part, k)
    return float(fits(logits, part.target).float().mean())


def fits(logits: Tensor, target: Tensor) -> Tensor:
    """bool (N,): the class that is called is in the group of the largest share; both (N, …)."""
    return MEMBERS[target.argmax(1), logits.argmax(1)] > 0


def judged(module: SceneHead, checks: Checks, k: int) -> dict[str, float]:
    """Accuracy on chips, on mosaics and on real tiles, and first of all their mean.

    On real tiles it is the mean over parts: every source counts alike, however many windows it gives.
    """
    found = {"chips": accuracy(module, checks.chips, k), "mosaics": accuracy(module, checks.mosaics, k)}
    real = {f"covers {part.name}": accuracy(module, part, k) for part in checks.covers}
    if real:
        found["covers"] = float(np.mean(list(real.values())))
    return {"score": float(np.mean(list(found.values()))), **found, **real}
