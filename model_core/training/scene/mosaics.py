"""Tiles out of EuroSAT's chips: one chip with nothing around it, or many side by side.

The product's tiles are 16 times as large as a chip, full of one class or of several, or nearly empty. A
head that saw chips alone would meet none of these in training. Neighbouring parts of a mosaic are of one
class as long as its area lasts, as land is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...radiometry import DISPLAY_SCALE
from ...tasks import TASK_NAMES, UNKNOWN
from ..pack import Sample
from ..sampling import Tile
from .labels import CLASSES, chip_class

NO_NEEDS = torch.full((len(TASK_NAMES),), -1, dtype=torch.int8)

_SLOPE = 2750 / 254 / (DISPLAY_SCALE * 10000)
"""EuroSAT's pictures are Level-1C with 0 to 2750 stretched to 1 to 255 (so the data set's authors); the pack,
like the product, reads any 8-bit picture by one scale, which makes them brighter by a third."""


class ChipTiles:
    """Draws tiles from chips.

    Args:
        chips: EuroSAT chips of one split.
        calibrated: show top-of-atmosphere reflectance, in place of what an 8-bit picture is taken for.
    """

    def __init__(self, chips: Sequence[Sample], *, calibrated: bool = False) -> None:
        self.calibrated = calibrated
        self.by_class: list[list[Sample]] = [[] for _ in CLASSES]
        for chip in chips:
            self.by_class[chip_class(chip)].append(chip)
        self.present = [number for number, found in enumerate(self.by_class) if found]

    def alone(self, chip: Sample, size: int, scale: float, random: np.random.Generator) -> Tile:
        """One chip somewhere in a tile of `size` pixels, the rest without data."""
        piece = _turned(self._scaled(chip, scale), random)
        edge = piece.shape[1]
        top, left = (int(random.integers(size - edge + 1)) for _ in range(2))
        return _tile([(piece, top, left)], size, chip)

    def mosaic(
        self,
        size: int,
        scale: float,
        classes: Sequence[int],
        shares: Sequence[float],
        random: np.random.Generator,
    ) -> tuple[Tile, Tensor]:
        """A tile full of chips, class after class.

        Args:
            size: edge of the tile.
            scale: size of a chip's pixels on the tile; 2 shows half of the ground.
            classes: which to show.
            shares: of the tile's area, to sum to 1.
            random: draws the chips and their turns.

        Returns:
            The tile, and the area that each class really took: float32 (classes of EuroSAT,), sum 1.
        """
        edge = max(8, round(64 * scale))
        places = [(top, left) for top in range(0, size, edge) for left in range(0, size, edge)]
        ends = np.cumsum(shares) / np.sum(shares) * len(places)
        target = torch.zeros(len(CLASSES))
        parts = []
        for number, (top, left) in enumerate(places):
            kind = classes[min(int(np.searchsorted(ends, number, side="right")), len(classes) - 1)]
            chips = self.by_class[kind]
            chip = chips[int(random.integers(len(chips)))]
            piece = _turned(self._scaled(chip, scale), random)[:, : size - top, : size - left]
            target[kind] += piece.shape[1] * piece.shape[2]
            parts.append((piece, top, left))
        return _turned_tile(_tile(parts, size, chip), random), target / target.sum()

    def _scaled(self, chip: Sample, scale: float) -> Tensor:
        bands = torch.from_numpy(chip.bands.astype(np.float32))
        if self.calibrated:
            bands = reflectance(bands) * torch.from_numpy(chip.available)[:, None, None]
        edge = max(8, round(bands.shape[1] * scale))
        if edge == bands.shape[1]:
            return bands
        # Shrinking averages over the new pixel, as a coarser sensor would.
        return F.interpolate(
            bands[None], (edge, edge), mode="bilinear", align_corners=False, antialias=scale < 1.0
        )[0]


def reflectance(shown: Tensor) -> Tensor:
    """Reflectance x 10000 of EuroSAT's pictures, from what the pack takes their 8-bit values for."""
    return (shown * _SLOPE - 2750 / 254).clamp_min(0.0)


def _turned(bands: Tensor, random: np.random.Generator) -> Tensor:
    if random.random() < 0.5:
        bands = bands.flip(2)
    return torch.rot90(bands, int(random.integers(4)), (1, 2))


def _turned_tile(tile: Tile, random: np.random.Generator) -> Tile:
    """The rows of classes should not always lie west to east."""
    turns = int(random.integers(4))
    return Tile(
        torch.rot90(tile.bands, turns, (1, 2)),
        tile.available,
        torch.rot90(tile.valid, turns, (0, 1)),
        tile.labels,
        tile.needs,
        tile.source,
    )


def _tile(parts: Sequence[tuple[Tensor, int, int]], size: int, like: Sample) -> Tile:
    bands, valid = torch.zeros(8, size, size), torch.zeros(size, size, dtype=torch.bool)
    for piece, top, left in parts:
        where = np.s_[top : top + piece.shape[1], left : left + piece.shape[2]]
        bands[(slice(None), *where)] = piece
        valid[where] = True
    # Labels of pixels are not read here: one cell says so for all of them.
    labels = torch.full((len(TASK_NAMES), 1, 1), UNKNOWN, dtype=torch.uint8)
    return Tile(bands, torch.from_numpy(like.available.copy()), valid, labels, NO_NEEDS, like.source)
