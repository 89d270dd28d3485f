"""Tiles and evaluation in the real qgis_process: a table of classes from a script, figures as outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from .qgis_home import QgisHome

BANDS = ("pan", "blue", "green", "red", "re1", "re2", "re3", "nir")


def test_tiles_are_exported_and_a_raster_is_judged(
    home: QgisHome, make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    scene = make_raster("s.tif", rng.integers(300, 3000, (8, 256, 256)).astype(np.uint16), BANDS)
    labels = np.zeros((1, 256, 256), np.uint8)
    labels[:, :, :64], labels[:, :, 192:] = 4, 9
    classes = make_raster("labels.tif", labels)
    table = [f"CLASSES={cell}" for cell in ("0", "land", "", "4", "reed", "#00ff00", "9", "unknown", "")]
    done = home.qgis_process(
        "--json", "run", "hydranet:exporttiles", "--", f"INPUT={scene}", f"LABEL_RASTER={classes}",
        "TASK=reed", "TILE_SIZE=64", "BLOCK=640", "THREADS=1", f"OUTPUT_FOLDER={tmp_path / 'set'}",
        f"FOOTPRINTS={tmp_path / 'tiles.gpkg'}", f"SUMMARY={tmp_path / 's.html'}", *table,
    )  # fmt: skip
    assert done.code == 0, done.out + done.err
    # 4 by 4 tiles: a column of reed, two of land, one of which nothing is known.
    assert done.json["results"]["TILES"] == 12
    (task,) = json.loads((tmp_path / "set" / "routerset.json").read_text(encoding="utf-8"))["tasks"]
    assert [(one["name"], one["value"]) for one in task["classes"]] == [("land", 0), ("reed", 1)]
    assert task["classes"][1]["color"] == "#00ff00"
    assert (tmp_path / "tiles.gpkg").is_file() and (tmp_path / "s.html").is_file()
    found = np.zeros((1, 256, 256), np.uint8)
    found[:, :, :32] = 1
    done = home.qgis_process(
        "--json", "run", "hydranet:evaluate", "--", f"INPUT={make_raster('found.tif', found)}",
        f"REFERENCE_RASTER={classes}", f"OUTPUT_FOLDER={tmp_path / 'report'}", "THREADS=1",
        *(f"CLASSES={cell}" for cell in ("0", "0", "4", "1", "9", "unknown")),
    )  # fmt: skip
    assert done.code == 0, done.out + done.err
    results = done.json["results"]
    assert results["PIXELS"] == 192 * 256
    assert results["OVERALL_ACCURACY"] == pytest.approx(160 / 192)
    assert Path(results["REPORT"]).is_file()
