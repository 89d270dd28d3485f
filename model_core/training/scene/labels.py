"""What a tile can be called, and what its land cover says about that.

EuroSAT's chips have one class each. A tile with land-cover labels has none of these classes, but where one
cover takes nearly all of it, only a few of them can be right: a *weak* label.
"""

from __future__ import annotations

import numpy as np

from ...tasks import TASK_NAMES, UNKNOWN, VEGETATION
from ..pack import CHIP_NEEDS, Sample

CLASSES: tuple[str, ...] = tuple(sorted(CHIP_NEEDS))
"""The ten classes of EuroSAT (Helber et al. 2019), in the order of the scene expert's outputs."""

LOW = ("AnnualCrop", "HerbaceousVegetation", "Pasture", "PermanentCrop")

COVERS: dict[str, tuple[str, ...]] = {
    "water": ("River", "SeaLake"),
    "trees": ("Forest",),
    "low vegetation": LOW,
    "built-up": ("Highway", "Industrial", "Residential"),
    "vegetation": (*LOW, "Forest"),
}
"""A cover that takes nearly all of a tile -> the classes the tile can have. "vegetation" is trees and low
vegetation together, where a label tells no more. Bare ground is left out: EuroSAT has no class for desert,
and a ploughed field is a crop."""

DOMINANT = 0.8
"""Share of a tile's valid pixels that one cover must take."""

CLEAR = 0.05
"""Largest share of a tile's valid pixels that may be labelled cloud."""

GSD_M = (5.0, 20.0)
"""Pixels the scene expert is trained for: EuroSAT's 10 m, drawn between half and double."""


def chip_class(sample: Sample) -> int:
    """Number of an EuroSAT chip's class."""
    return CLASSES.index(sample.region.removeprefix("eurosat-"))


def in_range(gsd_m: float | None) -> bool:
    """Whether the scene expert is for pixels of this size; of an unknown size it is not."""
    return gsd_m is not None and GSD_M[0] <= gsd_m <= GSD_M[1]


def compatible(cover: str) -> np.ndarray:
    """float32 (classes,), 1 for the classes that a tile with this cover can have."""
    return np.array([name in COVERS[cover] for name in CLASSES], np.float32)


def dominant_cover(labels: np.ndarray, valid: np.ndarray) -> str | None:
    """The cover that takes nearly all of a tile; None if none does, or clouds are in the way.

    Forest that a survey of damage calls healthy is trees.

    Args:
        labels: uint8 (tasks, H, W) in the order of `TASK_NAMES`, 255 unknown.
        valid: bool (H, W).
    """
    count = int(valid.sum())
    if not count:
        return None
    of = {name: np.where(valid, labels[row], UNKNOWN) for row, name in enumerate(TASK_NAMES)}
    if np.isin(of["clouds"], (1, 2)).sum() > CLEAR * count:
        return None
    land, trees = of["landcover"], (of["landcover"] == 1) | (of["forest_damage"] == 0)
    found = {
        "water": (land == 0) | (of["water"] == 1),
        "trees": trees,
        "low vegetation": land == 2,
        "built-up": land == 4,
        "vegetation": trees | np.isin(land, (2, VEGETATION)),
    }
    return next((name for name, where in found.items() if where.sum() >= DOMINANT * count), None)
