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
from .labels import CLASSES, chip_class
from .mosaics import ChipTiles
from .weak import WeakTiles, compatible, placed_covers

Labelled = tuple[Tile, Tensor]
"""A tile, and its classes as `class_loss` takes them."""

NATIVE = 0.4
"""Share of the mosaics and of the lone chips in larger tiles that keep their pixel size."""

ONE_CLASS = 0.5
"""Share of the mosaics that are of one class; the others are of two to four."""


@dataclass(frozen=True)
class BankPlan:
    """How many tiles are encoded.

    Attributes:
        versions: of every training chip on its own, the first of them as it is, the others augmented.
        alone, mosaics, weak: tiles with one chip, with many and with weak labels: (edge, count) of each size.
        validation: mosaics of one class for each class.
    """

    versions: int = 4
    alone: tuple[tuple[int, int], ...] = ((128, 2400), (256, 400))
    mosaics: tuple[tuple[int, int], ...] = ((128, 4000), (256, 1600))
    weak: tuple[tuple[int, int], ...] = ((128, 1400), (256, 700))
    validation: int = 12


@dataclass(frozen=True)
class Part:
    """Features of N tiles of one size.

    Attributes:
        name: what they are, for the log.
        features: of the levels kept; the finer ones are empty.
        target, weak: as `class_loss` takes them.
    """

    name: str
    features: Features
    target: Tensor
    weak: Tensor

    def __len__(self) -> int:
        return len(self.target)

    def rows(self, index: Tensor) -> tuple[Features, Tensor, Tensor]:
        """Features, targets and kinds of label of the tiles in `index`."""
        return self.features.select(index), self.target[index], self.weak[index]


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
            scenes: of the training split.
            plan: how many tiles of each kind.
        """
        tiles = ChipTiles(chips)
        parts = []
        for version in range(plan.versions):
            random = np.random.default_rng([self.seed, 1, version])
            drawn = ((tiles.alone(chip, 64, 1.0, random), one_hot(chip)) for chip in chips)
            parts.append(self.encoded(f"chips, version {version}", drawn, jitter=version > 0))
        for size, count in plan.alone:
            random = np.random.default_rng([self.seed, 2, size])
            drawn = _alone(tiles, size, random)
            parts.append(self.encoded(f"one chip in {size} px", islice(drawn, count), jitter=True))
        for size, count in plan.mosaics:
            random = np.random.default_rng([self.seed, 3, size])
            drawn = _mosaics(tiles, size, random)
            parts.append(self.encoded(f"mosaics of {size} px", islice(drawn, count), jitter=True))
        for size, count in plan.weak:
            random = np.random.default_rng([self.seed, 4, size])
            source = WeakTiles(scenes, size)
            drawn = filter(None, (source.draw(random) for _ in range(count)))
            parts.append(self.encoded(f"weak labels, {size} px", drawn, jitter=True, weak=True))
        return [part for part in parts if len(part)]

    def alone(self, chips: Sequence[Sample]) -> Part:
        """Every chip on its own, as it is."""
        tiles, random = ChipTiles(chips), np.random.default_rng(0)
        drawn = ((tiles.alone(chip, 64, 1.0, random), one_hot(chip)) for chip in chips)
        return self.encoded("chips", drawn)

    def pure(self, chips: Sequence[Sample], each: int, size: int = 256) -> Part:
        """`each` mosaics of every class, at the chips' own pixel size."""
        tiles, random = ChipTiles(chips), np.random.default_rng([self.seed, 5])
        drawn = (
            tiles.mosaic(size, 1.0, [kind], [1.0], random) for kind in tiles.present for _ in range(each)
        )
        return self.encoded("mosaics of one class", drawn)

    def covers(self, scenes: Sequence[Sample], size: int = 256) -> Part:
        """Every tile of one land cover, as it is."""
        drawn = (
            (placed.tile, torch.from_numpy(compatible(cover)))
            for placed, cover in placed_covers(scenes, size, size // 2)
        )
        return self.encoded("tiles of one cover", drawn, weak=True)

    @torch.inference_mode()
    def encoded(
        self, name: str, tiles: Iterable[Labelled], *, jitter: bool = False, weak: bool = False
    ) -> Part:
        """Features of tiles of one size; with `jitter` in other light and with bands missing."""
        iterator = iter(tiles)
        levels: list[list[Tensor]] = []
        coverage, target = [], []
        random = torch.Generator().manual_seed(self.seed)
        while rows := list(islice(iterator, 16)):
            batch = collate([tile for tile, _ in rows])
            inputs = (batch["reflectance"], batch["available"], batch["valid"])
            if jitter:
                inputs = augment(batch, random)
            features = self.encoder(*inputs)
            levels.append([level.to(torch.bfloat16) for level in features.levels[self.level :]])
            coverage.append(features.coverage)
            target += [classes for _, classes in rows]
        count = len(target)
        self.log(f"encoded {count} tiles: {name}")
        empty = (torch.empty(count, 0, 1, 1),) * self.level
        if not count:
            return Part(name, Features(empty, torch.empty(0, 1, 1, 1)), torch.empty(0), torch.empty(0))
        kept = tuple(torch.cat(column).contiguous() for column in zip(*levels, strict=True))
        marks = torch.full((count,), weak, dtype=torch.bool)
        return Part(name, Features((*empty, *kept), torch.cat(coverage)), torch.stack(target), marks)


def one_hot(chip: Sample) -> Tensor:
    """A chip's class as shares (classes,)."""
    target = torch.zeros(len(CLASSES))
    target[chip_class(chip)] = 1.0
    return target


def _scale(random: np.random.Generator) -> float:
    return 1.0 if random.random() < NATIVE else float(np.exp(random.uniform(np.log(0.5), np.log(2.0))))


def _alone(tiles: ChipTiles, size: int, random: np.random.Generator):
    while True:
        kind = tiles.present[int(random.integers(len(tiles.present)))]
        chip = tiles.by_class[kind][int(random.integers(len(tiles.by_class[kind])))]
        yield tiles.alone(chip, size, min(_scale(random), size / 64), random), one_hot(chip)


def _mosaics(tiles: ChipTiles, size: int, random: np.random.Generator):
    while True:
        wanted = 1 if random.random() < ONE_CLASS else int(random.integers(2, 5))
        kinds = random.choice(tiles.present, min(wanted, len(tiles.present)), replace=False).tolist()
        yield tiles.mosaic(size, _scale(random), kinds, random.dirichlet([2.0] * len(kinds)), random)
