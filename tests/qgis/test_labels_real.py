"""Labels with the real worker: tiles as an analyst's legend names them, and what a reference says."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)

from hydranet_qgis import environment, worker_client
from model_core.routerset import read_routerset
from tests.qgis.conftest import PYTHON, Feedback, make_scene
from tests.qgis.label_layers import drawn, polygons

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(environment, "find_interpreter", lambda: PYTHON)
    yield
    worker_client.shared_client().shutdown()


def _call(name: str, feedback: Feedback | None = None, **parameters: Any) -> dict[str, Any]:
    import processing

    return processing.run(f"hydranet:{name}", parameters, feedback=feedback or Feedback())


def _square(left: float) -> QgsGeometry:
    return QgsGeometry.fromRect(QgsRectangle(left, 5197440, left + 2560, 5200000))


def _halves(project: QgsProject) -> QgsVectorLayer:
    """A memory layer: "r" over the upper left quarter of 512 by 512 pixels of 10 m, "x" right of it."""
    layer = polygons(name="beds")
    for kind, left in (("r", 500000), ("x", 502560)):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(_square(left))
        feature.setAttributes([kind, ""])
        layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    project.addMapLayer(drawn(layer, "kind", ("r", "#00ff00", "Reed bed")))
    return layer


def test_a_legend_becomes_a_routerset_with_a_layer_of_its_tiles(tmp_path: Path, project: QgsProject) -> None:
    scene, feedback = make_scene(tmp_path / "waves.tif", 512, 512), Feedback()
    result = _call(
        "exporttiles", feedback, INPUT=[str(scene)], LABELS=_halves(project).id(), FIELD="kind", TASK="reed",
        TILE_SIZE=128, BLOCK=1280, FOOTPRINTS="memory:", SUMMARY=str(tmp_path / "s.html"), THREADS=1,
        OUTPUT_FOLDER=str(tmp_path / "set"),
    )  # fmt: skip
    made = read_routerset(tmp_path / "set")
    (task,) = made.tasks
    assert [(item.name, item.color) for item in task.classes] == [("none", None), ("Reed bed", "#00ff00")]
    needs = {entry.id: entry.relevance.get("reed") for entry in made.entries}
    # 4 by 4 tiles: a quarter is reed, a quarter unknown and left out, the rest was seen and is empty.
    assert sorted(needs.values()) == [0] * 8 + [1] * 4
    rows = {row["id"]: row for row in result["FOOTPRINTS"].getFeatures()}
    assert {name: row["needs_reed"] for name, row in rows.items()} == needs
    assert {name: row["split"] for name, row in rows.items()} == {e.id: e.split for e in made.entries}
    reed = _square(500000)
    for name, row in rows.items():
        assert row.geometry().within(reed.buffer(1, 1)) == (needs[name] == 1)
    assert (
        result["TILES"]
        == len(made.entries)
        == result["TRAIN"] + result["VAL"] + result["CAL"] + result["TEST"]
    )
    assert Path(result["CONTACT_SHEET"]).stat().st_size > 1000
    assert "Reed bed" in (tmp_path / "s.html").read_text(encoding="utf-8")
    assert any(line.startswith("hydranet tiles ") for line in feedback.lines)


def _stripes(path: Path, share: int) -> Path:
    """A class raster: 1 in the first `share` of 100 columns, else 0."""
    raster = gdal.GetDriverByName("GTiff").Create(str(path), 100, 40, 1, gdal.GDT_Byte)
    raster.SetGeoTransform((500000, 10, 0, 5200000, 0, -10))
    raster.SetProjection(gdal.Open(str(make_scene(path.with_name("grid.tif"), bands=1))).GetProjection())
    values = np.zeros((40, 100), np.uint8)
    values[:, :share] = 1
    raster.GetRasterBand(1).WriteArray(values)
    raster.FlushCache()
    return path


def test_a_reference_gives_the_figures_that_one_counts_by_hand(tmp_path: Path, project: QgsProject) -> None:
    result = _call(
        "evaluate", INPUT=str(_stripes(tmp_path / "found.tif", 30)), THREADS=1,
        REFERENCE_RASTER=str(_stripes(tmp_path / "true.tif", 40)), OUTPUT_FOLDER=str(tmp_path / "report"),
    )  # fmt: skip
    assert result["PIXELS"] == 4000
    assert result["OVERALL_ACCURACY"] == pytest.approx(0.9)
    assert result["MEAN_IOU"] == pytest.approx((30 / 40 + 60 / 70) / 2)
    assert result["MEAN_F1"] == pytest.approx((60 / 70 + 120 / 130) / 2)
    assert Path(result["REPORT"]).read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    rows = list(csv.reader(Path(result["CONFUSION"]).read_text(encoding="utf-8").splitlines()))
    assert {"2400", "400", "1200"} <= {cell for row in rows for cell in row}
    with pytest.raises(QgsProcessingException, match="already holds a report"):
        _call(
            "evaluate", INPUT=str(tmp_path / "found.tif"), REFERENCE_RASTER=str(tmp_path / "true.tif"),
            OUTPUT_FOLDER=str(tmp_path / "report"),
        )  # fmt: skip


def test_a_run_is_judged_with_its_routing(tmp_path: Path, project: QgsProject) -> None:
    scene = make_scene(tmp_path / "waves.tif", 512, 512)
    run = _call(
        "predict", INPUT=str(scene), EXPERTS=["water"], POLICY="top-k", TOP_K=1, FORCE_GSD=True,
        OUTPUT_FOLDER=str(tmp_path / "run"),
    )  # fmt: skip
    (water,) = run["OUTPUT_LAYERS"]
    names = [c["name"] for e in json.loads((tmp_path / "run" / "run.json").read_text())["experts"]
             if e["name"] == "water" for c in e["classes"]]  # fmt: skip
    layer, feedback = _halves(project), Feedback()
    drawn(layer, "kind", ("r", "#0000ff", names[1]))
    result = _call(
        "evaluate", feedback, INPUT=water, REFERENCE=layer.id(), FIELD="kind", BACKGROUND=names[0],
        OUTPUT_FOLDER=str(tmp_path / "report"),
    )  # fmt: skip
    assert any("is judged: what its expert" in line for line in feedback.lines)
    # A quarter is unknown to the reference.
    assert result["PIXELS"] == 512 * 512 * 3 // 4
    assert "recall" in Path(result["REPORT"]).read_text(encoding="utf-8").lower()
