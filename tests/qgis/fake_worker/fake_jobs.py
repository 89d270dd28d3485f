"""What the scripted worker does beside predicting: a run decided anew, and a raster prepared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_run
from osgeo import gdal

Progress = Callable[[int, int], None]
BANDS = ("pan", "blue", "green", "red", "re1", "re2", "re3", "nir")
_POLICY = ("policy", "top_k", "miss_rate", "thresholds")


def _pairs(folder: Path) -> int:
    return sum(item["tiles"] for item in json.loads((folder / "run.json").read_text())["experts"])


def reroute(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write the run of `params["run"]` again with another policy; as the real one, with what that changed."""
    folder = Path(params["run"])
    old = json.loads((folder / "run.json").read_text())
    decoded = _pairs(folder) if old.get("decoded", True) else 0
    for path in folder.iterdir():
        path.unlink()
    request = {**old["request"], **{key: params[key] for key in _POLICY}, "decode": True}
    summary = fake_run.write_run(folder, request, progress)
    change = {
        "at": "2026-05-05T10:00:00+00:00", "policy": old["policy"],
        "added": max(0, _pairs(folder) - decoded), "dropped": max(0, decoded - _pairs(folder)),
    }  # fmt: skip
    summary["reroutes"] = [*old.get("reroutes", []), change]
    (folder / "run.json").write_text(json.dumps(summary, indent=1))
    return summary


def prepare(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write eight bands, each a copy of one of the input's."""
    gdal.UseExceptions()
    source = gdal.Open(params["input"])
    size = (source.RasterXSize, source.RasterYSize)
    target = gdal.GetDriverByName("GTiff").Create(params["output"], *size, 8, gdal.GDT_UInt16)
    target.SetGeoTransform(source.GetGeoTransform())
    target.SetProjection(source.GetProjection())
    read = []
    for number, name in enumerate(BANDS):
        whence = source.GetRasterBand(number % source.RasterCount + 1)
        into = target.GetRasterBand(number + 1)
        into.SetDescription(name)
        into.SetNoDataValue(0)
        into.WriteArray(whence.ReadAsArray())
        read.append(whence.GetDescription())
        progress(number + 1, 8)
    target.FlushCache()
    # What a test wants to know of the request and of the raster, beside what the real one says.
    return {"path": params["output"], "width": size[0], "height": size[1], "request": params, "read": read}
