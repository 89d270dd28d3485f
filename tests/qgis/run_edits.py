"""Changes to a run folder on the disk, as another run or a reroute would make them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from osgeo import gdal, ogr

from hydranet_qgis.run_folder import Run, read_run

STEP = 0.004  # the worker keeps 0 to 1 in bytes
PARTS = {"total": 2, "aleatoric": 3, "model": 4}  # bands of an expert with several heads
UNSURE = (0.5, 0.4, 0.1)  # its values
SCENES = ["Forest", "Pasture", "River", "Sea or lake", "Dense city"]
BRANCHES = [["Forest", "Pasture"], ["River", "Sea or lake"], ["Dense city"]]


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
    """Put another raster of the same grid in its place, each band of one value.

    All but the first are scaled by STEP. The upper half has no data.
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
        if number > 1:
            band.SetScale(STEP)
    new.FlushCache()
    del old, new, band
    os.replace(part, path)


def with_uncertainty(run: Run, name: str = "water") -> Run:
    """The same run, with a band of uncertainty 0.5 in the raster of one expert."""
    replace_raster(run.folder / f"{name}.tif", [1, 0.5 / STEP])
    return edit_expert(run, name, uncertainty_band=2)


def with_parts(run: Run, name: str = "water", kinds: int = 3) -> Run:
    """The same run as a worker of today makes it, with the parts of an expert's uncertainty.

    In a tile that the expert decoded the means are 0.02 and 0.002 for every number of the tile.

    Args:
        run: the run, changed.
        name: of the expert.
        kinds: 3 for an expert of several heads, 1 for one of a single head.
    """
    replace_raster(run.folder / f"{name}.tif", [1, *(value / STEP for value in UNSURE[:kinds])])
    parts = {"uncertainty_": 0.02, "model_uncertainty_": 0.002}

    def means(feature: Any) -> dict[str, Any]:
        decoded = name in (feature["chosen"] or "").split(",")
        told = list(parts.items())[: 2 if kinds == 3 else 1]
        return {prefix + name: feature["tile"] * share if decoded else None for prefix, share in told}

    _add_columns(run, means)
    bands = dict(list(PARTS.items())[:kinds])
    return edit_expert(run, name, uncertainty_bands=bands, uncertainty_band=2, heads=5 if kinds == 3 else 1)


def with_scene(run: Run) -> Run:
    """The same run of a model with a scene expert; tile 1 of the table is of class 1, and so on round."""

    def scene(feature: Any) -> dict[str, Any]:
        if feature["reason"] in ("no data", "outside mask"):
            return {"scene": None, "scene_score": None, "scene_branches": None}
        number = feature["tile"]
        served = "2" if number % 4 == 3 else "1,3"
        name = SCENES[number % (len(SCENES) - 1)]  # no tile is of the last
        return {"scene": name, "scene_score": 0.9 - 0.01 * number, "scene_branches": served}

    _add_columns(run, scene)
    told = {"title": "Scene", "classes": SCENES, "branches": BRANCHES, "k": 2}
    return edit_json(run, lambda data: data.update(scene_expert=told))


def _add_columns(run: Run, values: Callable[[Any], dict[str, Any]]) -> None:
    """Add columns to the table of tiles, by the names and with the values that are told for each tile."""
    table = ogr.Open(str(run.routing), update=1)
    layer = table.GetLayerByName("tiles")
    found = {feature.GetFID(): values(feature) for feature in layer}
    for name in next(iter(found.values())):
        texts = any(isinstance(one[name], str) for one in found.values())
        if layer.FindFieldIndex(name, True) < 0:
            layer.CreateField(ogr.FieldDefn(name, ogr.OFTString if texts else ogr.OFTReal))
    for number, one in found.items():
        feature = layer.GetFeature(number)
        for name, value in one.items():
            if value is not None:
                feature[name] = value
        layer.SetFeature(feature)
    table.FlushCache()


def without(run: Run, name: str) -> Run:
    """The same run after an expert lost all its tiles."""
    for ending in ("tif", "qml"):
        (run.folder / f"{name}.{ending}").unlink()
    return edit_expert(run, name, output=None, style=None, tiles=0)
