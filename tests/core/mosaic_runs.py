"""Runs to be laid over each other: three small scenes, two of which overlap and one has another CRS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine, from_origin

from model_core.bands import BAND_NAMES
from tests.core.fakes import ALL, HYDRA, OBJECTS, FakeFinder, by_content, digital, run, sea

EXPERTS = (*ALL, HYDRA, OBJECTS)
LATE, EARLY, SOUTH = "S2A_MSIL2A_20240601T101010_N0510", "patch_2024-05-03", "south"


def write_scene(
    path: Path, size: tuple[int, int], corner: tuple[float, float] | Affine, crs: Any, seed: int
) -> Path:
    """A scene of 8 bands with a few bright objects; `size` is width and height, at 10 m if not told."""
    transform = corner if isinstance(corner, Affine) else from_origin(*corner, 10.0, 10.0)
    pixels = digital(*size, seed=seed)
    if min(size) > 30:
        pixels[:, 5:20, 5:20] = sea(15, 15, [(3, 3, 6, 5, 0.9, seed % 2)], seed)
    pixels[:, -4:, :9] = 0  # no data in a corner
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=size[0], height=size[1], count=8, dtype="uint16", crs=crs,
        transform=transform, nodata=0,
    ) as raster:  # fmt: skip
        raster.write(pixels)
        raster.descriptions = tuple(BAND_NAMES)
    return path


def predict_scene(scene: Path, folder: Path, experts: Sequence[Any] = EXPERTS, **options: Any) -> Path:
    """Run the fake model, whose routing differs from tile to tile; returns the run folder."""
    model = FakeFinder(experts, scores=by_content(len(experts)))
    run(scene, folder, model, **{"top_k": 4, **options})
    return folder


def three_runs(folder: Path) -> Path:
    """Two overlapping scenes, the earlier one with uncertainty, and one in the next zone; where runs are."""
    scenes, runs = folder / "scenes", folder / "runs"
    late = write_scene(scenes / f"{LATE}.tif", (70, 50), (500000, 5000000), "EPSG:32631", 0)
    early = write_scene(scenes / f"{EARLY}.tif", (60, 60), (500300, 4999800), "EPSG:32631", 1)
    south = write_scene(scenes / f"{SOUTH}.tif", (40, 40), (500000, 5000000), "EPSG:32632", 2)
    predict_scene(late, runs / LATE)
    predict_scene(early, runs / EARLY, uncertainty=True)
    predict_scene(south, runs / SOUTH)
    return runs


def change_run(folder: Path, **changes: Any) -> None:
    """Replace whole entries of a run.json."""
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def laid(rasters: Sequence[Path], transform: Affine, shape: tuple[int, ...]) -> np.ndarray:
    """Rasters of one resolution laid over each other pixel by pixel; the last one is on top."""
    found: np.ndarray | None = None
    for path in rasters:
        with rasterio.open(path) as raster:
            pixels = raster.read()
            nodata = raster.nodata
            if found is None:
                found = np.full(shape, nodata, pixels.dtype)
            column, row = ~transform * (raster.transform.c, raster.transform.f)
            rows = slice(round(row), round(row) + raster.height)
            columns = slice(round(column), round(column) + raster.width)
        known = ~np.isnan(pixels) if np.isnan(nodata) else pixels != nodata
        np.copyto(found[: len(pixels), rows, columns], pixels, where=known)
    assert found is not None
    return found


def contents(folder: Path, without: str = "") -> dict[str, str]:
    """Checksum of every file below a folder, by its relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (without and path.is_relative_to(folder / without))
    }
