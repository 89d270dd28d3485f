"""`hydranet:exporttiles` with the scripted worker: what it is asked, and what becomes of its tiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsField,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from hydranet_qgis.algorithms import export_tiles
from hydranet_qgis.algorithms.mask_file import copies
from model_core.tiles.request import TilesRequest
from tests.qgis.conftest import Feedback, make_scene
from tests.qgis.label_layers import class_raster, drawn, polygons, saved

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the worker was asked and what it found."""
    seen: list[dict[str, Any]] = []
    job = export_tiles.ExportTilesAlgorithm.job

    def listen(self: Any, request: dict[str, Any], feedback: Any) -> dict[str, Any]:
        event = job(self, request, feedback)
        seen.append(event["summary"])
        return event

    monkeypatch.setattr(export_tiles.ExportTilesAlgorithm, "job", listen)
    return seen


def _export(
    rasters: list[Path | str], out: Path | str, feedback: Feedback | None = None, **more: Any
) -> dict[str, Any]:
    import processing

    parameters = {"INPUT": [str(item) for item in rasters], "OUTPUT_FOLDER": str(out), "TASK": "reed", **more}
    return processing.run("hydranet:exporttiles", parameters, feedback=feedback or Feedback())


def _registered(project: QgsProject, layer: Any) -> str:
    project.addMapLayer(layer)
    return layer.id()


def test_it_asks_for_what_was_chosen_and_no_more(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    saved(polygons("r", "w"), tmp_path / "beds.gpkg")
    result = _export(
        [scene], tmp_path / "out", LABELS=str(tmp_path / "beds.gpkg"), FIELD="kind", TITLE="Reed beds",
        CLASSES=["r", "reed", "#00ff00", "w", "unknown", ""], PRESENT="reed", SHARE=2.3, THREADS=2,
        LABEL_KIND="derived", BANDS="phisat2", RADIOMETRY="0.0001,0", TILE_SIZE=64, STRIDE=32, BLOCK=500,
        SPLITS="70,10,10,10", SEED=7, KEEP_UNLABELLED=True, LEAST_VALID=50, LICENCE="CC0", OVERWRITE=True,
        AREA=str(tmp_path / "beds.gpkg"),
    )  # fmt: skip
    (done,) = jobs
    request = done["request"]
    assert request == {
        "inputs": [str(scene)], "output": str(tmp_path / "out"),
        "labels": [
            {"task": "reed", "path": str(tmp_path / "beds.gpkg"), "layer": None, "field": "kind",
             "classes": {"r": "reed", "w": "unknown"}, "background": "none", "colors": {"reed": "#00ff00"},
             "present": ["reed"], "share": 0.023, "title": "Reed beds", "label_kind": "derived"}
        ],
        "area": str(tmp_path / "beds.gpkg"), "bands": "phisat2", "radiometry": "0.0001,0", "tile_size": 64,
        "stride": 32, "block_m": 500.0, "splits": {"train": 0.7, "val": 0.1, "cal": 0.1, "test": 0.1},
        "seed": 7, "keep_unlabelled": True, "least_valid": 0.5, "licence": "CC0", "overwrite": True,
        "resume": False, "threads": 2,
    }  # fmt: skip
    assert list(TilesRequest.from_json(request).to_json().items()) == list(request.items())
    counts = {name: result[name] for name in ("TILES", "TRAIN", "VAL", "CAL", "TEST")}
    assert counts == {"TILES": 4, "TRAIN": 1, "VAL": 1, "CAL": 1, "TEST": 1}
    assert result["CONTACT_SHEET"] == str(tmp_path / "out" / "contact_sheet.png")
    assert result["OUTPUT_FOLDER"] == str(tmp_path / "out")


def test_left_alone_it_asks_for_the_engines_own_ways(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    feedback = Feedback()
    saved(polygons("r"), tmp_path / "beds.gpkg")
    _export([scene], tmp_path / "out", feedback, LABELS=str(tmp_path / "beds.gpkg"))
    request = jobs[0]["request"]
    labels = [{"task": "reed", "path": str(tmp_path / "beds.gpkg")}]
    plain = TilesRequest(inputs=(str(scene),), output=str(tmp_path / "out"), labels=labels)
    assert request == plain.to_json()
    assert "No field is given, so all label polygons are one class." in feedback.lines
    told = [line for line in feedback.lines if line.startswith(("Tiles:", "Left", "Reed", "hydranet"))]
    assert told == [
        "Tiles: train 1, val 1, cal 1, test 1; regions: 4",
        "Left out: no data 2, outside 1",
        "Reed is needed in train 1, val 0, cal 0, test 1",
        "Reed has pixels of <reed> 1200",
        "hydranet tiles a.tif out",
    ]


def test_classes_and_colours_come_from_the_legend(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    layer = saved(polygons("r", "w", "x"), tmp_path / "beds.gpkg")
    drawn(layer, "kind", ("r", "#00ff00", "Reed"), ("w", "#0000ff", "Open water"))
    feedback, name = Feedback(), _registered(project, layer)
    _export([scene], tmp_path / "out", feedback, LABELS=name, FIELD="kind", PRESENT="Reed")
    (label,) = jobs[0]["request"]["labels"]
    assert label["classes"] == {"r": "Reed", "w": "Open water", "x": "unknown"}
    assert label["colors"] == {"Reed": "#00ff00", "Open water": "#0000ff"}
    assert (
        "Classes and colours are those of the legend of 'beds': r = Reed, w = Open water, x = unknown."
        in feedback.lines
    )
    _export([scene], tmp_path / "table", LABELS=name, FIELD="kind", CLASSES=["r", "a", "", "w", "b", ""])
    assert jobs[1]["request"]["labels"][0]["classes"] == {"r": "a", "w": "b"}
    _export([scene], tmp_path / "other", LABELS=name, FIELD="note")
    assert jobs[2]["request"]["labels"][0]["classes"] is None


def test_a_label_raster_brings_its_palette(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    layer = class_raster(tmp_path / "c.tif", (1, "#00ff00", "reed"), (0, "#ffffff", "rest"))
    _export([scene], tmp_path / "out", LABEL_RASTER=_registered(project, layer))
    (label,) = jobs[0]["request"]["labels"]
    assert label["path"] == str(tmp_path / "c.tif") and label["field"] is None
    assert label["classes"] == {"0": "rest", "1": "reed"}
    _export([scene], tmp_path / "plain", LABEL_RASTER=str(class_raster(tmp_path / "p.tif").source()))
    assert jobs[1]["request"]["labels"][0]["classes"] is None


def _copied(job: dict[str, Any], field: str = "kind") -> list[str]:
    """Values of the copied field, of a copy that is gone."""
    (label,), (seen,) = job["request"]["labels"], job["labels"]
    assert Path(label["path"]).parent == copies() and not Path(label["path"]).exists()
    assert (label["layer"], label["field"], seen["layers"]) == (None, field, 1)
    rows = [json.loads(row) for row in seen["rows"]]
    assert all(set(row) == {field} for row in rows)
    return [row[field] for row in rows]


def test_a_memory_layer_is_copied_with_its_field(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    feedback, layer = Feedback(), polygons("r", "w")
    _export([scene], tmp_path / "out", feedback, LABELS=_registered(project, layer), FIELD="kind")
    assert _copied(jobs[0]) == ["r", "w"]
    assert any(line.startswith("Polygons that are not one plain file") for line in feedback.lines)
    numbers = polygons(3, 1, column="kind:integer")
    _export([scene], tmp_path / "numbers", LABELS=_registered(project, numbers), FIELD="kind")
    assert _copied(jobs[1]) == [1, 3]


def test_only_the_selected_filtered_or_edited_polygons_count(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    layer = saved(polygons("r", "w", "m"), tmp_path / "beds.gpkg")
    name = _registered(project, layer)
    layer.selectByExpression("\"kind\" = 'w'")
    chosen = QgsProcessingFeatureSourceDefinition(name, True)
    _export([scene], tmp_path / "a", LABELS=chosen, FIELD="kind")
    assert _copied(jobs[0]) == ["w"]
    layer.setSubsetString("\"kind\" <> 'r'")
    _export([scene], tmp_path / "b", LABELS=name, FIELD="kind")
    assert _copied(jobs[1]) == ["m", "w"]
    layer.setSubsetString("")
    layer.startEditing()
    layer.changeAttributeValue(next(layer.getFeatures()).id(), layer.fields().indexOf("kind"), "new")
    _export([scene], tmp_path / "c", LABELS=name, FIELD="kind")
    assert _copied(jobs[2]) == ["m", "new", "w"]
    layer.rollBack()


def test_one_layer_of_several_is_named_and_a_key_of_the_table_copied(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    path = tmp_path / "both.gpkg"
    saved(polygons("r"), path, "one")
    saved(polygons("w"), path, "two", append=True)
    _export([scene], tmp_path / "out", LABELS=f"{path}|layername=two", FIELD="kind")
    (label,) = jobs[0]["request"]["labels"]
    assert (label["path"], label["layer"], label["field"]) == (str(path), "two", "kind")
    assert json.loads(jobs[0]["labels"][0]["rows"][0])["kind"] == "w"
    _export([scene], tmp_path / "key", LABELS=f"{path}|layername=two", FIELD="fid")
    assert _copied(jobs[1], "fid_") == [1]


def test_a_virtual_field_is_in_no_file_and_copied(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    layer = saved(polygons("r", "w"), tmp_path / "beds.gpkg")
    kind = QgsField(layer.fields().field("kind"))
    kind.setName("big")
    layer.addExpressionField('upper("kind")', kind)
    _export([scene], tmp_path / "out", LABELS=_registered(project, layer), FIELD="big")
    assert _copied(jobs[0], "big") == ["R", "W"]


def test_a_raster_without_a_file_is_exported_only_where_it_was_looked_at(
    tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    gdal.FileFromMemBuffer("/vsimem/t.tif", make_scene(tmp_path / "x.tif").read_bytes())
    name = _registered(project, QgsRasterLayer("/vsimem/t.tif", "fleeting"))
    area = _registered(project, polygons("a", "b", "c", "d"))
    labels = _registered(project, polygons("r"))
    feedback = Feedback()
    _export([name], tmp_path / "out", feedback, LABELS=labels, AREA=area)
    assert jobs[0]["inputs"] == [[40, 10]]
    assert any("'fleeting' is no file on this computer" in line for line in feedback.lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "x.tif"]
    part = tmp_path / "error.part"
    part.mkdir()
    for there, wanted in ((True, ["error_input_1.tif"]), (False, [])):
        if there:
            (part / "plan.json").write_text("{}")
        with pytest.raises(QgsProcessingException, match="Bands are missing"):
            _export([name], tmp_path / "error", LABELS=labels, RESUME=not there)
        # What can be continued needs the same file.
        assert [path.name for path in tmp_path.glob("error_*")] == wanted
        (part / "plan.json").unlink(missing_ok=True)
    gdal.Unlink("/vsimem/t.tif")


def test_more_tasks_are_read_from_a_list(
    scene: Path, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    saved(polygons("r"), tmp_path / "beds.gpkg")
    class_raster(tmp_path / "c.tif")
    listed = tmp_path / "more.json"
    listed.write_text(json.dumps([{"task": "mud", "path": "c.tif", "share": 0.05}]))
    result = _export(
        [scene], tmp_path / "out", LABELS=str(tmp_path / "beds.gpkg"), MORE_LABELS=str(listed),
        FOOTPRINTS="memory:",
    )  # fmt: skip
    tasks = TilesRequest.from_json(jobs[0]["request"]).labels
    assert [(task.task, task.path, task.share) for task in tasks] == [
        ("reed", str(tmp_path / "beds.gpkg"), 0.01),
        ("mud", str(tmp_path / "c.tif"), 0.05),
    ]
    assert [field.name() for field in result["FOOTPRINTS"].fields()][-2:] == ["needs_reed", "needs_mud"]


def test_tiles_become_a_layer_with_split_and_relevance(
    scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    import processing

    saved(polygons("r"), tmp_path / "beds.gpkg")
    other = make_scene(tmp_path / "zone.tif", epsg=32633)
    parameters = {
        "INPUT": [str(scene), str(other)], "LABELS": str(tmp_path / "beds.gpkg"), "TASK": "reed",
        "OUTPUT_FOLDER": str(tmp_path / "out"), "SUMMARY": str(tmp_path / "s.html"),
        "FOOTPRINTS": QgsProcessingOutputLayerDefinition(str(tmp_path / "tiles.gpkg"), project),
    }  # fmt: skip
    processing.runAndLoadResults("hydranet:exporttiles", parameters, feedback=Feedback())
    layer = next(item for item in project.mapLayers().values() if isinstance(item, QgsVectorLayer))
    assert layer.crs() == QgsCoordinateReferenceSystem("EPSG:32632")
    rows = list(layer.getFeatures())
    assert [row["split"] for row in rows] == ["train", "val", "cal", "test"]
    assert [row["needs_reed"] for row in rows][:2] == [1, 0] and rows[3]["needs_reed"] == 1
    assert not isinstance(rows[2]["needs_reed"], int)  # unknown
    first = QgsGeometry.fromWkt("Polygon((500000 5200000, 500160 5200000, 500160 5199680, 500000 5199680))")
    assert rows[0].geometry().symDifference(first).area() < 1e-6
    assert rows[1].geometry().area() == pytest.approx(160 * 320, rel=0.01)  # turned into the first CRS
    assert [c.value() for c in layer.renderer().categories()] == ["train", "val", "cal", "test"]


def test_the_summary_is_a_page_with_the_contact_sheet(scene: Path, tmp_path: Path) -> None:
    saved(polygons("r"), tmp_path / "beds.gpkg")
    page = tmp_path / "s.html"
    result = _export([scene], tmp_path / "out", LABELS=str(tmp_path / "beds.gpkg"), SUMMARY=str(page))
    assert result["SUMMARY"] == str(page)
    text = page.read_text(encoding="utf-8")
    assert "&lt;reed&gt;" in text and "<reed>" not in text
    assert "contact_sheet.png" in text and "hydranet tiles a.tif out" in text and "Few tiles need it." in text
    without = _export([scene], tmp_path / "plain", LABELS=str(tmp_path / "beds.gpkg"))
    assert "SUMMARY" not in without and "FOOTPRINTS" not in without


@pytest.mark.parametrize("name", ["slow", "deaf", "error", "crash"])
def test_a_cancel_or_failure_is_told_and_copies_go(
    name: str, scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    told = {"error": "Bands are missing", "crash": "the tensor is too big"}.get(name, "cancelled")
    labels = _registered(project, polygons("r"))
    with pytest.raises(QgsProcessingException, match=told):
        _export([scene], tmp_path / name, Feedback(cancel=name in ("slow", "deaf")), LABELS=labels)
    assert list(copies().iterdir()) == []


def test_it_runs_as_a_step_of_a_model(
    scene: Path, tmp_path: Path, context: QgsProcessingContext, jobs: list[dict[str, Any]]
) -> None:
    saved(polygons("r"), tmp_path / "beds.gpkg")
    model = QgsProcessingModelAlgorithm("m", "g")
    child = QgsProcessingModelChildAlgorithm("hydranet:exporttiles")
    child.setChildId("tiles")
    values = {
        "INPUT": [str(scene)], "LABELS": str(tmp_path / "beds.gpkg"), "TASK": "reed", "BANDS": "auto",
        "RADIOMETRY": "auto", "SHARE": 1, "TILE_SIZE": 256, "LEAST_VALID": 20, "SPLITS": "60,15,10,15",
        "SEED": 0, "LABEL_KIND": "hand", "OUTPUT_FOLDER": str(tmp_path / "out"),
    }  # fmt: skip
    static = QgsProcessingModelChildParameterSource.fromStaticValue
    for name, value in values.items():
        child.addParameterSources(name, [static(value)])
    model.addChildAlgorithm(child)
    _, fine = model.run({}, context, Feedback())
    assert fine and jobs[0]["request"]["labels"][0]["task"] == "reed"
    assert (tmp_path / "out" / "routerset.json").is_file()


def test_temporary_folders_will_do(scene: Path, tmp_path: Path) -> None:
    saved(polygons("r"), tmp_path / "beds.gpkg")
    result = _export([scene], QgsProcessing.TEMPORARY_OUTPUT, LABELS=str(tmp_path / "beds.gpkg"))
    assert (Path(result["OUTPUT_FOLDER"]) / "routerset.json").is_file()
