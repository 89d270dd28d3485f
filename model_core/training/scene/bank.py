"""The frozen encoder's features of many tiles, computed once, so that training the head takes minutes.

Only the levels that the head reads are kept, in bfloat16: rounding of 0.4 % is far below what another
brightness does to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from ...networks.encoder import Encoder, Features
from ..augment import augment
from ..pack import Sample
from ..sampling import Tile, collate
from .covers import RealTiles, placed_covers
from .labels import CLASSES, chip_class, class_target, cover_target
from .mosaics import ChipTiles

Labelled = tuple[Tile, Tensor]
"""A tile, and its target as `class_loss` takes it."""

NATIVE = 0.4
"""Share of the mosaics and of the lone chips in larger tiles that keep their pixel size."""

ONE_CLASS = 0.5
"""Share of the mosaics that are of one class; the others are of two to four."""


ROUNDS = {"chips": 10, "pieces": 4, "real": 2}
"""Epochs in which every tile of a kind is seen once: ten thousands of chips, a few thousand real tiles."""

KNOWN = 0.5
"""Share of a real tile whose cover labels must tell for it to be a check."""


@dataclass(frozen=True)
class BankPlan:
    """How many tiles are encoded.

    Attributes:
        versions: of every training chip on its own, the first two as they are, the others augmented; every
            other one as reflectance.
        alone, mosaics, real: tiles with one chip, with many, and of real scenes: (edge, count) of each size.
        validation: mosaics of one class for each class.
    """

    versions: int = 5
    alone: tuple[tuple[int, int], ...] = ((128, 1000), (256, 300))
    mosaics: tuple[tuple[int, int], ...] = ((128, 1600), (256, 500))
    real: tuple[tuple[int, int], ...] = ((128, 2400), (256, 900))
    validation: int = 12


@dataclass(frozen=True)
class Part:
    """Features of N tiles of one size.

    Attributes:
        name: what they are, for the log.
        features: of the levels kept; the finer ones are empty.
        target: float32 (N, groups), as `class_loss` takes it.
        rounds: epochs in which each is trained on once.
        batch: tiles a step, as a share of the training's batch size.
    """

    name: str
    features: Features
    target: Tensor
    rounds: int = 1
    batch: float = 1.0

    def __len__(self) -> int:
        return len(self.target)

    def rows(self, index: Tensor) -> tuple[Features, Tensor]:
        """Features and targets of the tiles in `index`."""
        return self.features.select(index), self.target[index]


class Bank:
    """Encodes tiles for one head.

    Args:
        encoder: frozen and folded.
        level: the finest level to keep.
        seed: of what is drawn.
        log: takes lines for the user.
    """

    def __init__(self, encoder: Encoder, level: int, seed: int, log: Callable[[str], None]) -> None:
        self.encoder, self.level, self.seed, self.log = encoder, level, seed, log

    def training(self, chips: Sequence[Sample], scenes: Sequence[Sample], plan: BankPlan) -> list[Part]:
        """All that the head is trained on.

        Args:
            chips: of the training split.
            scenes: of the training split, with covers, see `covers.completed`.
            plan: how many tiles of each kind.
        """
        shown, measured = ChipTiles(chips), ChipTiles(chips, calibrated=True)
        parts = []
        for version in range(plan.versions):
            random = np.random.default_rng([self.seed, 1, version])
            tiles = (shown, measured)[version % 2]
            drawn = ((tiles.alone(chip, 64, 1.0, random), one_hot(chip)) for chip in chips)
            name = f"chips, version {version}"
            parts.append(self.encoded(name, drawn, jitter=version > 1, rounds=ROUNDS["chips"]))
        for size, count in plan.alone:
            random = np.random.default_rng([self.seed, 2, size])
            drawn = islice(_alone((shown, measured), size, random), count)
            name = f"one chip in {size} px"
            parts.append(self.encoded(name, drawn, jitter=True, rounds=ROUNDS["pieces"]))
        for size, count in plan.mosaics:
            random = np.random.default_rng([self.seed, 3, size])
            drawn = islice(_mosaics((shown, measured), size, random), count)
            name = f"mosaics of {size} px"
            parts.append(self.encoded(name, drawn, jitter=True, rounds=ROUNDS["pieces"]))
        for size, count in plan.real:
            random = np.random.default_rng([self.seed, 4, size])
            source = RealTiles(scenes, size)
            drawn = filter(None, (source.draw(random) for _ in range(count)))
            name = f"real tiles of {size} px"
            parts.append(self.encoded(name, drawn, jitter=True, rounds=ROUNDS["real"], batch=0.5))
        return [part for part in parts if len(part)]

    def alone(self, chips: Sequence[Sample], *, calibrated: bool = False, size: int = 64) -> Part:
        """Every chip on its own, as it is, somewhere in a tile of `size` pixels."""
        tiles, random = ChipTiles(chips, calibrated=calibrated), np.random.default_rng(0)
        drawn = ((tiles.alone(chip, size, 1.0, random), one_hot(chip)) for chip in chips)
        return self.encoded(f"chips in {size} px", drawn)

    def pure(self, chips: Sequence[Sample], each: int, size: int = 256) -> Part:
        """`each` mosaics of every class, as reflectance and at the chips' own pixel size."""
        tiles, random = ChipTiles(chips, calibrated=True), np.random.default_rng([self.seed, 5])
        drawn = (
            (tile, class_target(shares))
            for kind in tiles.present
            for tile, shares in (tiles.mosaic(size, 1.0, [kind], [1.0], random) for _ in range(each))
        )
        return self.encoded("mosaics of one class", drawn)

    def covers(self, scenes: Sequence[Sample], sizes: Sequence[int] = (128, 256)) -> list[Part]:
        """Real tiles whose cover is labelled, overlapping by half: a part for each source and size."""
        parts = []
        for size in sizes:
            for source in sorted({sample.source for sample in scenes}):
                own = [sample for sample in scenes if sample.source == source]
                drawn = (
                    (placed.tile, cover_target(shares))
                    for placed, shares in placed_covers(own, size, size // 2, KNOWN)
                )
                parts.append(self.encoded(f"{source}, {size} px", drawn))
        return [part for part in parts if len(part)]

    @torch.inference_mode()
    def encoded(
        self,
        name: str,
        tiles: Iterable[Labelled],
        *,
        jitter: bool = False,
        rounds: int = 1,
        batch: float = 1.0,
    ) -> Part:
        """Features of tiles of one size; with `jitter` in other light and with bands missing."""
        iterator = iter(tiles)
        levels: list[list[Tensor]] = []
        coverage, target = [], []
        random = torch.Generator().manual_seed(int.from_bytes(f"{self.seed}/{name}".encode()[-7:], "big"))
        while rows := list(islice(iterator, 16)):
            together = collate([tile for tile, _ in rows])
            inputs = (together["reflectance"], together["available"], together["valid"])
            if jitter:
                inputs = augment(together, random)
            features = self.encoder(*inputs)
            levels.append([level.to(torch.bfloat16) for level in features.levels[self.level :]])
            coverage.append(features.coverage)
            target += [shares for _, shares in rows]
        count = len(target)
        if count:
            self.log(f"encoded {count} tiles: {name}")
        empty = (torch.empty(count, 0, 1, 1),) * self.level
        if not count:
            return Part(name, Features(empty, torch.empty(0, 1, 1, 1)), torch.empty(0))
        kept = tuple(torch.cat(column).contiguous() for column in zip(*levels, strict=True))
        return Part(name, Features((*empty, *kept), torch.cat(coverage)), torch.stack(target), rounds, batch)


def one_hot(chip: Sample) -> Tensor:
    """A chip's class as a target (groups,)."""
    target = torch.zeros(len(CLASSES))
    target[chip_class(chip)] = 1.0
    return class_target(target)


def _scale(random: np.random.Generator) -> float:
    return 1.0 if random.random() < NATIVE else float(np.exp(random.uniform(np.log(0.5), np.log(2.0))))


def _alone(kinds_of_light: Sequence[ChipTiles], size: int, random: np.random.Generator):
    while True:
        tiles = kinds_of_light[int(random.integers(len(kinds_of_light)))]
        kind = tiles.present[int(random.integers(len(tiles.present)))]
        chip = tiles.by_class[kind][int(random.integers(len(tiles.by_class[kind])))]
        yield tiles.alone(chip, size, min(_scale(random), size / 64), random), one_hot(chip)


def _mosaics(kinds_of_light: Sequence[ChipTiles], size: int, random: np.random.Generator):
    while True:
        tiles = kinds_of_light[int(random.integers(len(kinds_of_light)))]
        wanted = 1 if random.random() < ONE_CLASS else int(random.integers(2, 5))
        kinds = random.choice(tiles.present, min(wanted, len(tiles.present)), replace=False).tolist()
        shares = random.dirichlet([2.0] * len(kinds))
        tile, target = tiles.mosaic(size, _scale(random), kinds, shares, random)
        yield tile, class_target(target)
