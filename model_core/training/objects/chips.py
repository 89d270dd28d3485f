"""The Planet ship chips of the pack (80 x 80 pixels, 3 m, display RGB), with the ship cut out of the water.

The chips carry a class and no outline. One ship lies in the middle of a chip on water, so it is what
differs from the chip's border; masks that do not look like one whole ship are refused.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from ...errors import RequestError
from ...radiometry import DISPLAY_SCALE
from .truth import oriented_rectangle

MIN_AREA, MAX_AREA = 60, 2500
"""Plausible area of a ship in pixels of 3 m."""

MIN_ELONGATION = 1.8

MAX_REST = 0.15
"""Greatest area beside the mask that differs from the water too, as a share of the mask's."""

MAX_CONTACT = 5
"""Pixels of the chip's outermost line that a mask may hold; more is a ship cut by the chip's edge."""

BORDER = 5
"""Width in pixels of the chip's border that is taken for water."""


@dataclass(frozen=True)
class Chip:
    """One ship cut out.

    Attributes:
        bands: float32 (3, 80, 80), red, green, blue as reflectance x 10000 on the scale of display scenes.
        mask: bool (80, 80), the ship.
        rect: float64 (5,) cx, cy, length, width, angle of the ship in pixels of the chip, as in `truth`.
        water: float32 (3,), level of the chip's own water.
    """

    id: str
    split: str
    bands: np.ndarray
    mask: np.ndarray
    rect: np.ndarray
    water: np.ndarray


def load_chips(root: Path, splits: tuple[str, ...]) -> list[Chip]:
    """Read the ship chips of the given splits whose ship could be cut out.

    Raises:
        RequestError: `root` holds no ships.zip.
    """
    chips = []
    for name, split, bands in read_chips(root, splits, "ship"):
        mask = ship_mask(bands)
        if mask is not None:
            edge = _border(bands.shape[1:]) & ~mask
            water = np.median(bands[:, edge], axis=1).astype(np.float32)
            chips.append(Chip(name, split, bands, mask, oriented_rectangle(mask), water))
    return chips


def read_chips(root: Path, splits: tuple[str, ...], kind: str) -> Iterator[tuple[str, str, np.ndarray]]:
    """Id, split and float32 (3, H, W) red, green, blue (reflectance x 10000) of the chips of one class.

    Raises:
        RequestError: `root` holds no ships.zip.
    """
    path = root / "ships.zip"
    if not path.is_file():
        raise RequestError(f"No ships.zip in {root}; give the folder of the training pack.")
    with zipfile.ZipFile(path) as archive:
        for row in csv.DictReader(io.TextIOWrapper(archive.open("splits.csv"), newline="")):
            if row["class"] == kind and row["split"] in splits:
                rgb = Image.open(io.BytesIO(archive.read(row["file"]))).convert("RGB")
                bands = np.asarray(rgb, np.float32).transpose(2, 0, 1) * np.float32(DISPLAY_SCALE * 1e4)
                yield Path(row["file"]).stem, row["split"], bands


def _border(shape: tuple[int, int]) -> np.ndarray:
    border = np.ones(shape, bool)
    border[BORDER:-BORDER, BORDER:-BORDER] = False
    return border


def water_distance(bands: np.ndarray) -> np.ndarray:
    """How far each pixel's colour is from the water at the chip's border, in its deviations: (H, W).

    The chip is smoothed by a pixel first. Median and median deviation of the border bear a ship that touches
    it.
    """
    smooth = ndimage.gaussian_filter(bands, (0, 0.8, 0.8))
    ring = smooth[:, _border(bands.shape[1:])]
    level = np.median(ring, axis=1)[:, None, None]
    spread = 1.4826 * np.median(np.abs(ring - level[:, :, 0]), axis=1)[:, None, None]
    spread = np.maximum(spread, 25.0)  # 0.0025 of reflectance: about two of 255 levels
    return np.sqrt((((smooth - level) / spread) ** 2).mean(0))


def ship_mask(bands: np.ndarray) -> np.ndarray | None:
    """Mask of the ship in the middle of a chip, or None if it does not look like one whole ship."""
    distance = water_distance(bands)
    rows, cols = distance.shape
    middle = np.zeros_like(distance, bool)
    middle[rows * 3 // 8 : rows * 5 // 8, cols * 3 // 8 : cols * 5 // 8] = True
    # A part of the ship's own distance, so that the blur around a bright hull does not count as hull.
    threshold = max(3.5, 0.33 * float(np.percentile(distance[middle], 90)))
    found = ndimage.binary_opening(distance > threshold, np.ones((2, 2)))
    found = ndimage.binary_closing(np.pad(found, 4), np.ones((3, 3)), iterations=2)[4:-4, 4:-4]
    numbered, count = ndimage.label(ndimage.binary_fill_holes(found))
    if not count:
        return None
    inside = np.bincount(numbered[middle], minlength=count + 1)
    inside[0] = 0
    if not inside.any():
        return None
    mask = numbered == inside.argmax()
    # Much else that is no water: the other half of this ship, a second one or a wake.
    if (found & ~mask).sum() > MAX_REST * mask.sum():
        return None
    return mask if plausible(mask) else None


def plausible(mask: np.ndarray) -> bool:
    """Whether a mask may be one whole ship: not across the chip, of a ship's area, and long."""
    contact = [int(line.sum()) for line in (mask[0], mask[-1], mask[:, 0], mask[:, -1])]
    across = (contact[0] and contact[1]) or (contact[2] and contact[3])
    if across or max(contact) > MAX_CONTACT or not MIN_AREA <= mask.sum() <= MAX_AREA:
        return False
    _, _, length, width, _ = oriented_rectangle(mask)
    # A hull fills its rectangle; a hull with a wake or a second ship beside it does not.
    return length >= MIN_ELONGATION * width and mask.sum() >= 0.55 * length * width
