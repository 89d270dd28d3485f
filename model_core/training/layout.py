"""Tiles as they come, without augmentation: what validation, calibration and test look at.

Scenes of about a tile or more are cut on a grid; smaller ones are laid out side by side with others
of their source and split, in the order of their ids. Nothing is random.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch

from ..tasks import TASK_NAMES, UNKNOWN
from .pack import Sample
from .sampling import Tile


@dataclass(frozen=True)
class PlacedTile:
    """A tile and where it is from.

    Attributes:
        ids: the scenes it shows.
        gsd_m: ground sampling distance of the first of them; None where it is not known.
    """

    tile: Tile
    source: str
    ids: tuple[str, ...]
    gsd_m: float | None = None


def natural_tiles(samples: list[Sample], size: int = 256, stride: int | None = None) -> Iterator[PlacedTile]:
    """Cut or lay out every sample once, in a fixed order.

    Args:
        samples: scenes of one split.
        size: tile edge.
        stride: distance between tiles of large scenes; below `size` they overlap.
    """
    step = stride or size
    small = []
    # Scenes set on fire come after the real ones they are copies of, whose mosaics they must not break up.
    for sample in sorted(samples, key=lambda s: (s.source, "fire" in s.labels, s.id)):
        rows, cols = sample.valid.shape
        if max(rows, cols) <= size // 2:
            small.append(sample)
            continue
        for top in _starts(rows, size, step):
            for left in _starts(cols, size, step):
                yield _place([(sample, top, left, 0, 0)], size)
    # Chips are grouped by what they can say, so that a mosaic has one set of bands and of known tasks.
    for _, group in groupby(small, key=_kind):
        yield from _mosaics(list(group), size)


def _kind(sample: Sample) -> tuple:
    return (
        sample.source,
        tuple(sorted(sample.labels)),
        tuple(sorted(sample.needs.items())),
        sample.available.tobytes(),
    )


def _starts(length: int, size: int, step: int) -> list[int]:
    if length <= size:
        return [0]
    starts = list(range(0, length - size, step))
    return [*starts, length - size]


def _mosaics(samples: list[Sample], size: int) -> Iterator[PlacedTile]:
    parts: list[tuple[Sample, int, int, int, int]] = []
    x = y = height = 0
    for sample in samples:
        rows, cols = sample.valid.shape
        if x + cols > size:
            x, y, height = 0, y + height, 0
        if y + rows > size:
            yield _place(parts, size)
            parts, x, y, height = [], 0, 0, 0
        parts.append((sample, 0, 0, x, y))
        x, height = x + cols, max(height, rows)
    if parts:
        yield _place(parts, size)


def _place(parts: list[tuple[Sample, int, int, int, int]], size: int) -> PlacedTile:
    bands = torch.zeros(8, size, size)
    valid = torch.zeros(size, size, dtype=torch.bool)
    labels = torch.full((len(TASK_NAMES), size, size), UNKNOWN, dtype=torch.uint8)
    for sample, top, left, x, y in parts:
        window = np.s_[top : top + size - y, left : left + size - x]
        piece = sample.valid[window]
        target = np.s_[y : y + piece.shape[0], x : x + piece.shape[1]]
        bands[(slice(None), *target)] = torch.from_numpy(
            sample.bands[(slice(None), *window)].astype(np.float32)
        )
        valid[target] = torch.from_numpy(piece)
        for name, label in sample.labels.items():
            labels[(TASK_NAMES.index(name), *target)] = torch.from_numpy(label[window])
    first = parts[0][0]
    needs = torch.tensor([int(first.needs.get(name, -1)) for name in TASK_NAMES], dtype=torch.int8)
    tile = Tile(bands, torch.from_numpy(first.available.copy()), valid, labels, needs, first.source)
    return PlacedTile(tile, first.source, tuple(part[0].id for part in parts), first.gsd_m)
