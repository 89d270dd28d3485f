"""A run of very many tiles in a few seconds: the bundle's experts, asked by dice instead of a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from model_core.bands import BAND_NAMES
from model_core.predict import RunSummary, predict
from model_core.request import PredictRequest
from model_core.spec import ExpertSpec
from tests.core.fakes import FakeModel

TILE, OVERLAP = 8, 2
_SEED = 5
_PIXEL_M = 10.0  # as Sentinel-2, so that some experts are outside their resolution


class Dice(FakeModel):
    """Scores as a calibrated router has them, most of them low, but drawn at random."""

    default_batch = 64

    def __init__(self, experts: Sequence[ExpertSpec]) -> None:
        rng = np.random.default_rng(_SEED)
        super().__init__(experts, TILE, lambda pixels, valid: rng.beta(0.6, 1.4, (len(pixels), len(experts))))


def write_many(folder: Path, experts: Sequence[ExpertSpec], rows: int, cols: int) -> RunSummary:
    """Make a scene of rows x cols tiles, a few of them without data, and a run of it.

    Args:
        folder: takes `scene.tif` and the folder `run`.
        experts: who may be chosen, with their thresholds.
        rows, cols: of the grid.
    """
    step = TILE - OVERLAP
    height, width = (TILE + (count - 1) * step for count in (rows, cols))
    pixels = np.random.default_rng(_SEED).integers(500, 3000, (8, height, width), dtype=np.uint16)
    pixels[:, : height // 5, : width // 6] = 0
    folder.mkdir(parents=True, exist_ok=True)
    scene = folder / "scene.tif"
    with rasterio.open(
        scene, "w", driver="GTiff", width=width, height=height, count=8, dtype="uint16", nodata=0,
        crs="EPSG:32632", transform=from_origin(500000, 5200000, _PIXEL_M, _PIXEL_M), tiled=True,
    ) as raster:  # fmt: skip
        raster.write(pixels)
        raster.descriptions = BAND_NAMES
    # One thread, so that the dice fall alike each time.
    request = PredictRequest(
        str(scene), str(folder / "run"), radiometry="0.0001,0", overlap=OVERLAP, overwrite=True, threads=1
    )
    return predict(request, load_model=lambda _path, **_options: Dice(experts))
