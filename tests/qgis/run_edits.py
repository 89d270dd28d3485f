"""Changes to a run folder on the disk, as another run or a reroute would make them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from osgeo import gdal

from hydranet_qgis.run_folder import Run, read_run

STEP = 0.004  # the worker keeps 0 to 1 in bytes


def edit_json(run: Run, change: Callable[[dict[str, Any]], None]) -> Run:
    """Change run.json and read it again."""
    path = run.folder / "run.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    return read_run(run.folder)


def edit_expert(run: Run, name: str, **values: Any) -> Run:
    """Change what run.json says of an expert."""

    def change(data: dict[str, Any]) -> None:
        next(item for item in data["experts"] if item["name"] == name).update(values)

    return edit_json(run, change)


def replace_raster(path: Path, bands: list[float], nodata: float = 255) -> None:
    """Put another raster of the same grid in its place, each band of one value, the second scaled by STEP.

    The upper half has no data.
    """
    import numpy as np

    old = gdal.Open(str(path))
    kind, size = old.GetRasterBand(1).DataType, (old.RasterYSize, old.RasterXSize)
    part = path.with_suffix(".part")
    new = gdal.GetDriverByName("GTiff").Create(str(part), size[1], size[0], len(bands), kind)
    new.SetGeoTransform(old.GetGeoTransform())
    new.SetProjection(old.GetProjection())
    for number, value in enumerate(bands, start=1):
        band, values = new.GetRasterBand(number), np.full(size, value)
        values[: size[0] // 2] = nodata
        band.SetNoDataValue(nodata)
        band.WriteArray(values)
        if number == 2:
            band.SetScale(STEP)
    new.FlushCache()
    del old, new, band
    os.replace(part, path)


def with_uncertainty(run: Run, name: str = "water") -> Run:
    """The same run, with a band of uncertainty 0.5 in the raster of one expert."""
    replace_raster(run.folder / f"{name}.tif", [1, 0.5 / STEP])
    return edit_expert(run, name, uncertainty_band=2)


def without(run: Run, name: str) -> Run:
    """The same run after an expert lost all its tiles."""
    for ending in ("tif", "qml"):
        (run.folder / f"{name}.{ending}").unlink()
    return edit_expert(run, name, output=None, style=None, tiles=0)
