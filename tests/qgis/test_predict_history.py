"""What the history keeps of a run gives the same run again: as Python, as text, as a stored set of values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProject, QgsRasterLayer

from tests.qgis.conftest import Feedback

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


def _given(scene: Path, out: Path) -> dict[str, Any]:
    """Values of every kind, as the dialog hands them over."""
    return {
        "INPUT": str(scene), "OUTPUT_FOLDER": str(out), "EXPERTS": ["water", "clouds"], "TOP_K": 3,
        "POLICY": "threshold", "THRESHOLDS": "water=0.4", "MASK": None,
        "EXTENT": "500000,500320,5199680,5200000 [EPSG:32632]",
        "MISS_RATE": 2.5, "RADIOMETRY": "0.0001,0", "THREADS": None, "MEMORY_MB": 512,
        "UNCERTAINTY": True, "OVERWRITE": True, "RESUME": False, "EXPERT_WATER": None, "BANDS": "auto",
    }  # fmt: skip


def _request(out: Path) -> dict[str, Any]:
    return json.loads((out / "run.json").read_text())["request"]


def _algorithm(name: str = "predict") -> Any:
    return QgsApplication.processingRegistry().createAlgorithmById(f"hydranet:{name}")


def _first(scene: Path, out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    import processing

    parameters = _given(scene, out)
    processing.run("hydranet:predict", parameters, feedback=Feedback())
    (out / "routing.gpkg").unlink()
    return parameters, _request(out)


def test_the_python_command_repeats_the_run(
    scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    import processing

    parameters, request = _first(scene, tmp_path / "out")
    command = _algorithm().asPythonCommand(parameters, context)
    made = {"processing": processing}
    exec(command, made)  # noqa: S102 - as QGIS does with a line of its history
    assert _request(tmp_path / "out") == request


def test_the_stored_values_repeat_the_run(scene: Path, tmp_path: Path, context: QgsProcessingContext) -> None:
    """As a text of JSON, which newer QGIS keeps in its history and batch files hold."""
    import processing

    parameters, request = _first(scene, tmp_path / "out")
    algorithm = _algorithm()
    if hasattr(algorithm, "asMap"):
        stored = algorithm.asMap(parameters, context)["inputs"]
        command, able = algorithm.asQgisProcessCommand(parameters, context)
        assert able and "hydranet:predict" in command
    else:
        stored = parameters
    processing.run("hydranet:predict", json.loads(json.dumps(stored)), feedback=Feedback())
    assert _request(tmp_path / "out") == request


def test_a_layer_of_the_project_is_stored_by_its_source(
    scene: Path, tmp_path: Path, project: QgsProject, context: QgsProcessingContext
) -> None:
    layer = QgsRasterLayer(str(scene), "lake")
    project.addMapLayer(layer)
    parameters = {"INPUT": layer, "OUTPUT_FOLDER": str(tmp_path / "out")}
    assert str(scene) in _algorithm().asPythonCommand(parameters, context)


def test_every_algorithm_can_be_written_as_python(context: QgsProcessingContext, tmp_path: Path) -> None:
    for name, parameters in {
        "route": {"INPUT": "/a.tif", "OUTPUT_FOLDER": "/out"},
        "reroute": {"RUN_FOLDER": str(tmp_path), "POLICY": "top-k"},
        "preparebands": {"INPUT": ["/a.tif", "/b.tif"], "OUTPUT": "/c.tif"},
    }.items():
        command = _algorithm(name).asPythonCommand(parameters, context)
        assert command.startswith(f'processing.run("hydranet:{name}"')
