"""What `hydranet:predict` refuses, before it starts or when it is run: one sentence each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingException, QgsProject, QgsRasterLayer

from hydranet_qgis import environment
from tests.qgis.test_predict import _run

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


def _refusal(parameters: dict[str, Any], context: QgsProcessingContext) -> str:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
    accepted, sentence = algorithm.checkParameterValues(parameters, context)
    assert not accepted
    return sentence


def test_a_missing_python_is_told_when_run(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = environment.discover
    monkeypatch.setattr(
        environment, "find_interpreter", lambda: missing("/no/python", {}, tmp_path, tmp_path)
    )
    with pytest.raises(QgsProcessingException, match="worker's Python '/no/python' .* does not exist"):
        _run(scene, tmp_path / "out")


@pytest.mark.parametrize("name", ["a|b", "S2%20scene/run"])
def test_a_run_folder_that_qgis_opens_no_table_from_is_refused(
    name: str, scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / name)}
    assert "in its path, and QGIS opens no tables from there" in _refusal(parameters, context)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"BANDS": "blue=2,grün=3"}, "Bands names 'grün'"),
        ({"BANDS": "blue=9"}, "layer band 9, but the layer has only 8"),
        ({"BANDS": "blue=2,blue=3"}, "names blue twice"),
        ({"BANDS": "blue=0"}, "write a number from 1"),
        ({"BANDS": "landsat"}, "Bands 'landsat' is not known; write auto, one of phisat2"),
        ({"RADIOMETRY": "bright"}, "write auto, or scale,offset"),
        ({"RADIOMETRY": "0,0"}, "write auto, or scale,offset"),
        ({"EXTENT": "0,10,0,10"}, "The extent lies outside the raster"),
        ({"BUNDLE": "/nowhere"}, "has no model.json"),
        ({"TOP_K": 0}, "TOP_K"),
        ({"TOP_K": 65}, "TOP_K"),
        ({"EXPERTS": ["unicorns"]}, "EXPERTS"),
        ({"THREADS": 0}, "THREADS"),
        ({"MEMORY_MB": 63}, "MEMORY_MB"),
        ({"MISS_RATE": 100}, "MISS_RATE"),
        ({"RESUME": True, "OVERWRITE": True}, "tick only one of them"),
        ({"THRESHOLDS": "unicorns=0.4"}, "Thresholds names 'unicorns', which is none of the experts clouds"),
        ({"THRESHOLDS": "water=high"}, "Thresholds gives water 'high'; write a number from 0 to 1."),
        ({"THRESHOLDS": "water=1.1"}, "Thresholds gives water '1.1'"),
        ({"THRESHOLDS": "water"}, "Thresholds gives water ''"),
        ({"THRESHOLDS": "water=0.1,water=0.2"}, "names water twice"),
        ({"THRESHOLDS": "water=0.1", "POLICY": "top-k"}, "the policy top-k does not use them"),
        ({"MASK": "/nowhere.gpkg"}, "Could not load source layer for MASK"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    more: dict[str, Any], sentence: str, scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    told = _refusal({"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), **more}, context)
    assert sentence in told


def test_a_run_is_not_overwritten_unless_allowed(
    scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    _run(scene, tmp_path / "out")
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out")}
    assert "already holds a run" in _refusal(parameters, context)
    (tmp_path / "out" / "routing.gpkg").unlink()
    assert _run(scene, tmp_path / "out", OVERWRITE=True)["TILES"] == 12


def test_an_unfinished_run_is_continued_or_replaced_only_if_asked(
    scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    (tmp_path / "out" / "journal").mkdir(parents=True)
    (tmp_path / "out" / "journal" / "plan.json").write_text("{}")
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out")}
    assert "holds an unfinished run; tick Resume" in _refusal(parameters, context)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
    for way in ("RESUME", "OVERWRITE"):
        assert algorithm.checkParameterValues({**parameters, way: True}, context) == (True, "")


def test_a_file_is_no_run_folder(scene: Path, context: QgsProcessingContext) -> None:
    assert "is a file" in _refusal({"INPUT": str(scene), "OUTPUT_FOLDER": str(scene)}, context)


def test_a_missing_raster_is_told_in_a_sentence(tmp_path: Path, context: QgsProcessingContext) -> None:
    told = _refusal({"INPUT": str(tmp_path / "no.tif"), "OUTPUT_FOLDER": str(tmp_path / "out")}, context)
    assert told.endswith("no.tif' cannot be opened; choose a raster that QGIS can show.")


def test_a_layer_of_pictures_is_refused(
    project: QgsProject, context: QgsProcessingContext, tmp_path: Path
) -> None:
    url = "type=xyz&url=https://tiles.example.org/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmax=19&zmin=0"
    layer = QgsRasterLayer(url, "tiles from afar", "wms")
    assert layer.isValid()
    project.addMapLayer(layer)
    told = _refusal({"INPUT": layer.id(), "OUTPUT_FOLDER": str(tmp_path / "out")}, context)
    assert told == (
        "Layer 'tiles from afar' shows finished pictures (wms): their colours are no measured bands, so "
        "nothing can be predicted from them. Choose a layer with the bands themselves."
    )
