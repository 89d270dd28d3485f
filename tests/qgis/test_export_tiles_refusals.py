"""What `hydranet:exporttiles` refuses before it starts: one sentence each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from hydranet_qgis.algorithms.tiles_inputs import read_more_labels
from hydranet_qgis.errors import InputError
from tests.qgis.label_layers import class_raster, drawn, polygons

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


def _refusal(parameters: dict[str, Any], context: QgsProcessingContext) -> str:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:exporttiles")
    accepted, sentence = algorithm.checkParameterValues(parameters, context)
    assert not accepted
    return sentence


@pytest.fixture
def given(scene: Path, tmp_path: Path, project: QgsProject) -> dict[str, Any]:
    """Parameters that would do."""
    layer = drawn(polygons("r", "w"), "kind", ("r", "#00ff00", "Reed"), ("w", "#0000ff", "Water"))
    project.addMapLayer(layer)
    return {
        "INPUT": [str(scene)], "LABELS": layer.id(), "FIELD": "kind", "TASK": "reed",
        "OUTPUT_FOLDER": str(tmp_path / "out"),
    }  # fmt: skip


def test_what_would_do_is_accepted(given: dict[str, Any], context: QgsProcessingContext) -> None:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:exporttiles")
    assert algorithm.checkParameterValues(given, context) == (True, "")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"TASK": "Reed beds"}, "The task is called 'Reed beds'; use a short name of small letters"),
        ({"TASK": "run"}, "The task is called 'run'"),
        ({"TASK": "9lives"}, "The task is called '9lives'"),
        ({"LABELS": None}, "There are no labels; give label polygons or a label raster."),
        ({"FIELD": "species"}, "The layer 'beds' has no field 'species'; its fields are kind, note."),
        ({"CLASSES": ["r", "", ""]}, "Row 1 of the table of classes"),
        ({"PRESENT": "Reed,Mud"}, "name 'Mud', which is none of Reed, Water, none."),
        ({"TILE_SIZE": 100}, "The tile size is 100; use a multiple of 32."),
        ({"TILE_SIZE": 64, "STRIDE": 65}, "is 65 pixels, but a tile has 64; use at most 64."),
        ({"SPLITS": "60,15,25"}, "The shares of the splits are '60,15,25'; write four numbers"),
        ({"SPLITS": "60,15,10,10"}, "that make 100"),
        ({"SPLITS": "0,50,25,25"}, "the first above 0"),
        ({"SPLITS": "a,b,c,d"}, "such as 60,15,10,15"),
        ({"BANDS": "blue=9"}, "the layer has only 8"),
        ({"RADIOMETRY": "bright"}, "write auto, or scale,offset"),
        ({"RESUME": True, "OVERWRITE": True}, "Resume continues the export in the folder and Overwrite"),
        ({"INPUT": ["/nowhere/x.tif"]}, "x.tif' cannot be opened; choose rasters"),
        ({"MORE_LABELS": "/nowhere/x.json"}, "x.json cannot be read (No such file or directory)"),
        ({"LABELS": "/nowhere/x.gpkg"}, "x.gpkg' cannot be opened; choose a polygon layer."),
        ({"LABELS": None, "LABEL_RASTER": "/nowhere/c.tif"}, "The raster of classes '/nowhere/c.tif' cannot"),
    ],
)
def test_what_cannot_work_is_refused(
    more: dict[str, Any], sentence: str, given: dict[str, Any], context: QgsProcessingContext
) -> None:
    assert sentence in _refusal({**given, **more}, context)


def test_polygons_and_a_raster_are_too_many(
    given: dict[str, Any], tmp_path: Path, context: QgsProcessingContext
) -> None:
    raster = class_raster(tmp_path / "c.tif").source()
    assert "are both given; leave one of them out." in _refusal({**given, "LABEL_RASTER": raster}, context)


def test_layers_that_hold_nothing_of_use_are_refused(
    given: dict[str, Any], project: QgsProject, context: QgsProcessingContext
) -> None:
    empty, chosen = polygons(name="nothing"), QgsProcessingFeatureSourceDefinition(given["LABELS"], True)
    lines = QgsVectorLayer("LineString?crs=EPSG:32632&field=kind:string", "lines", "memory")
    away = polygons("r", name="away")
    away.setCrs(away.crs().fromEpsgId(32610))
    url = "type=xyz&url=https://tiles.example.org/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmax=19&zmin=0"
    pictures = QgsRasterLayer(url, "tiles from afar", "wms")
    project.addMapLayers([empty, lines, away, pictures])
    assert "The layer 'nothing' is empty" in _refusal({**given, "LABELS": empty.id()}, context)
    assert "No polygon of the layer 'beds' is selected" in _refusal({**given, "LABELS": chosen}, context)
    assert "The layer 'lines' holds no polygons" in _refusal({**given, "LABELS": lines.id()}, context)
    outside = _refusal({**given, "AREA": away.id()}, context)
    assert outside == "The layer 'away' lies outside the raster 'lake'; choose one that overlaps it."
    assert "shows finished pictures" in _refusal({**given, "INPUT": [pictures.id()]}, context)
    both = {**given, "INPUT": [*given["INPUT"], *given["INPUT"]], "AREA": away.id()}
    assert "lies outside all of the rasters" in _refusal(both, context)


def test_a_folder_that_is_taken_is_refused_unless_something_is_said(
    given: dict[str, Any], tmp_path: Path, context: QgsProcessingContext
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "routerset.json").write_text("{}")
    assert "already holds tiles; choose another folder, or tick Overwrite." in _refusal(given, context)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:exporttiles")
    assert algorithm.checkParameterValues({**given, "OVERWRITE": True}, context)[0]
    assert algorithm.checkParameterValues({**given, "RESUME": True}, context)[0]
    (tmp_path / "file").write_text("")
    assert "is a file; give" in _refusal({**given, "OUTPUT_FOLDER": str(tmp_path / "file")}, context)
    odd = {**given, "OUTPUT_FOLDER": str(tmp_path / "a%20b")}
    assert "in its path, and QGIS opens nothing from there" in _refusal(odd, context)
    for name, ending in (("SUMMARY", "s.html"), ("FOOTPRINTS", "t.gpkg")):
        among = {**given, "OVERWRITE": True, name: str(tmp_path / "out" / ending)}
        assert "cannot be saved in the folder of the tiles" in _refusal(among, context)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "cannot be read"),
        ('{"task": "a"}', "is no JSON list of objects with a task and a path each"),
        ('[{"task": "a"}]', "is no JSON list of objects with a task and a path each"),
        ('[{"task": "A b", "path": "x"}]', "The task is called 'A b'"),
        ('[{"task": "reed", "path": "x"}]', "The task 'reed' comes twice"),
    ],
)
def test_a_list_of_tasks_that_is_none_is_refused(content: str, sentence: str, tmp_path: Path) -> None:
    listed = tmp_path / "more.json"
    listed.write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_more_labels(str(listed), "reed")


def test_paths_of_a_list_are_seen_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "x.gpkg").write_text("")
    listed = tmp_path / "more.json"
    listed.write_text(json.dumps([{"task": "a", "path": "x.gpkg"}, {"task": "b", "path": "/vsizip/y.zip/y"}]))
    paths = [one["path"] for one in read_more_labels(str(listed), "reed")]
    assert paths == [str(tmp_path / "x.gpkg"), "/vsizip/y.zip/y"]
