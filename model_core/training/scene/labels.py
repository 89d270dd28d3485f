"""What a tile can be called, and what its land cover says about that.

EuroSAT's chips have one class each. A tile with land-cover labels has none of these classes, but the share of
it that a cover takes is what the classes that go with this cover should be given *together*: learning from
label proportions (Quadrianto et al. 2009) of partial labels (Cour et al. 2011).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...tasks import TASK_NAMES, UNKNOWN, VEGETATION
from ..pack import CHIP_NEEDS, Sample

CLASSES: tuple[str, ...] = tuple(sorted(CHIP_NEEDS))
"""The ten classes of EuroSAT (Helber et al. 2019), in the order of the scene expert's outputs."""

LOW = ("AnnualCrop", "HerbaceousVegetation", "Pasture", "PermanentCrop")
BUILT = ("Highway", "Industrial", "Residential")

COVERS: dict[str, tuple[str, ...]] = {
    "water": ("River", "SeaLake"),
    "trees": ("Forest",),
    "low vegetation": LOW,
    "built-up": BUILT,
    "vegetation": (*LOW, "Forest"),
    "land": (*LOW, "Forest", *BUILT),
}
"""A cover -> the classes that go with it. "vegetation" is trees or low vegetation and "land" all that is not
water, where a label tells no more. Bare ground has none: EuroSAT has no class for desert, and a ploughed
field is a crop."""

PLAIN = ("water", "trees", "low vegetation", "built-up")
"""Covers of which none holds another."""

BARE, CLOUD = 16, 17
CODES = {0: "water", 1: "trees", 2: "low vegetation", 4: "built-up", VEGETATION: "vegetation", 7: "land"}
"""Values of a raster of covers, those of the land-cover labels as far as there are any. Beside them 255,
unknown, and `BARE` and `CLOUD`, which are known and have no class."""
LAND = 7

GROUPS: tuple[tuple[int, ...], ...] = (
    *((number,) for number in range(len(CLASSES))),
    *(tuple(CLASSES.index(name) for name in names) for names in COVERS.values()),
)
"""What a target gives shares of: every class alone, then the classes of every cover together."""

MEMBERS: Tensor = torch.stack(
    [torch.tensor([float(n in group) for n in range(len(CLASSES))]) for group in GROUPS]
)
"""float32 (groups, classes), 1 where a class is in a group."""

LABELLED = 0.25
"""Share of a tile's valid pixels of which the cover must be known for it to be trained on."""

MOST_BARE = 0.3
"""Largest share of a tile's known pixels that may be bare ground, for which there is no class."""

CLEAR = 0.05
"""Largest share of a tile's valid pixels that may be cloud."""

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


def class_target(classes: Tensor) -> Tensor:
    """Shares of classes (classes,) as a target (groups,)."""
    return torch.cat([classes.float(), torch.zeros(len(COVERS))])


def cover_target(shares: np.ndarray) -> Tensor:
    """Shares of covers (covers,) as a target (groups,)."""
    return torch.cat([torch.zeros(len(CLASSES)), torch.from_numpy(shares.astype(np.float32))])


def cover_codes(sample: Sample) -> np.ndarray:
    """What a scene's labels say of each pixel's cover: uint8 (H, W) of `CODES`.

    Of two labels the one that tells more counts. Forest that a survey of damage calls healthy is trees, and
    damaged forest is trees or what grows after them.
    """
    none = np.full(sample.valid.shape, UNKNOWN, np.uint8)
    of = {name: sample.labels.get(name, none) for name in TASK_NAMES}
    land, damage = of["landcover"], of["forest_damage"]
    codes = none.copy()
    codes[of["water"] == 0] = LAND
    codes[of["water"] == 1] = 0
    codes[(damage == 1) | (land == VEGETATION)] = VEGETATION
    codes[damage == 0] = 1
    for value in (0, 1, 2, 4):
        codes[land == value] = value
    codes[land == 3] = BARE
    codes[np.isin(of["clouds"], (1, 2))] = CLOUD
    codes[~sample.valid] = UNKNOWN
    return codes


def cover_shares(codes: np.ndarray, valid: np.ndarray, known: float = LABELLED) -> np.ndarray | None:
    """Share of each cover in a tile's known pixels that are neither bare nor cloud.

    Args:
        codes: uint8 (H, W), see `CODES`.
        valid: bool (H, W).
        known: share of the valid pixels whose cover must be known.

    Returns:
        float64 (covers,) in the order of `COVERS`, sum 1; None if too little is known, or too much of it is
        bare or cloud.
    """
    count = np.bincount(codes[valid], minlength=256)
    pixels, cloud, bare = int(valid.sum()), int(count[CLOUD]), int(count[BARE])
    found = np.array([count[code] for code in CODES], np.float64)
    sure = found.sum() + bare
    if not found.sum() or cloud > CLEAR * pixels or sure < known * pixels or bare > MOST_BARE * sure:
        return None
    return found / found.sum()
