"""The raster of an expert that no tile was routed to: all NoData, on the run's grid."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ..run_folder import RUN_FILE, Run, RunExpert
from ..uncertainty import KINDS

NODATA = 255
_STEP = 1.0 / 250  # of a probability or an uncertainty kept as bytes
_NAMES = {"classes": "class", "probability": "probability"}
_OPTIONS = ("TILED=YES", "COMPRESS=DEFLATE", "SPARSE_OK=TRUE", "BIGTIFF=IF_SAFER")


def write_empty(run: Run, expert: RunExpert, path: Path, wkt: str = "") -> None:
    """Write it as the engine would: same grid, type, NoData value, names and colours.

    Args:
        run: where it was not routed.
        expert: whose raster it is.
        path: the GeoTIFF to write.
        wkt: coordinate system for a run whose scene has none.

    Raises:
        OSError, RuntimeError: it cannot be written.
    """
    from osgeo import gdal

    width, height, transform = _grid(run)
    surface = expert.kind == "density"
    kind, nodata = (gdal.GDT_Float32, math.nan) if surface else (gdal.GDT_Byte, NODATA)
    unsure = _unsure(expert) if run.uncertainty and not surface else ()
    count = 1 + len(unsure)
    raster = gdal.GetDriverByName("GTiff").Create(str(path), width, height, count, kind, list(_OPTIONS))
    if raster is None:
        raise OSError(gdal.GetLastErrorMsg())
    raster.SetGeoTransform(transform)
    if run.crs_wkt or wkt:
        raster.SetProjection(run.crs_wkt or wkt)
    bands = [raster.GetRasterBand(number) for number in range(1, count + 1)]
    for band in bands:
        band.SetNoDataValue(nodata)
    bands[0].SetDescription(_NAMES.get(expert.kind, expert.name))
    if expert.unit:
        bands[0].SetUnitType(expert.unit)
    if expert.classes:
        # GDAL takes the band beside a palette for its transparency, so with more bands there is none.
        _describe_classes(bands[0], expert, colours=not unsure)
    if expert.kind == "probability":
        bands[0].SetScale(_STEP)
    for band, name in zip(bands[1:], unsure):
        band.SetDescription(name)
        band.SetScale(_STEP)
    raster.FlushCache()


def _unsure(expert: RunExpert) -> tuple[str, ...]:
    """Names of the bands of uncertainty: an expert of several heads tells its parts."""
    if expert.heads == 1:
        return ("uncertainty",)
    return tuple(f"{kind} uncertainty" for kind in KINDS)


def _describe_classes(band: Any, expert: RunExpert, colours: bool) -> None:
    from osgeo import gdal

    table = gdal.ColorTable()
    for item in expert.classes:
        color = item.color or "#ffffff"
        table.SetColorEntry(item.value, (*(int(color[i : i + 2], 16) for i in (1, 3, 5)), 255))
        band.SetMetadataItem(f"CLASS_{item.value}", item.name)
    if colours:
        band.SetColorTable(table)


def _grid(run: Run) -> tuple[int, int, tuple[float, ...]]:
    """Width, height and GDAL's transform of the run's rasters."""
    data = json.loads((run.folder / RUN_FILE).read_text(encoding="utf-8"))
    scene = data["scene"]
    window = data.get("window") or {"col_off": 0, "row_off": 0, **scene}
    a, b, c, d, e, f = (float(value) for value in scene["transform"])
    col, row = int(window["col_off"]), int(window["row_off"])
    x, y = c + a * col + b * row, f + d * col + e * row
    return int(window["width"]), int(window["height"]), (x, a, b, y, d, e)
