"""`hydranet:route` with the scripted worker: scores and decisions, no rasters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsVectorLayer,
)

from hydranet_qgis.run_folder import read_run
from tests.qgis.conftest import Feedback, make_scene

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


def _route(scene: Path, out: Path | str, feedback: Feedback | None = None, **more: Any) -> dict[str, Any]:
    import processing

    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(out), **more}
    return processing.run("hydranet:route", parameters, feedback=feedback or Feedback())


def test_tiles_are_scored_and_nothing_is_decoded(scene: Path, tmp_path: Path) -> None:
    feedback = Feedback()
    result = _route(scene, tmp_path / "out", feedback, THRESHOLDS="water=0.1", EXPERTS=["water", "clouds"])
    run = read_run(tmp_path / "out")
    assert not run.decoded and not list((tmp_path / "out").glob("*.tif"))
    assert set(result) == {
        "OUTPUT_FOLDER", "ROUTING", "TILES", "ROUTED_TILES", "ABSTAINED_TILES", "RUN_JSON",
    }  # fmt: skip
    assert (result["TILES"], result["ROUTED_TILES"]) == (12, run.routed)
    assert QgsVectorLayer(result["ROUTING"]).featureCount() == 12
    request = json.loads((tmp_path / "out" / "run.json").read_text())["request"]
    assert (request["decode"], request["uncertainty"]) == (False, False)
    assert request["thresholds"] == {"water": 0.1}
    command = next(line for line in feedback.lines if line.startswith("hydranet "))
    assert command.startswith("hydranet route ") and "--thresholds=water=0.1" in command


def test_the_tiles_are_loaded_into_the_runs_group(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    import processing

    definition = QgsProcessingOutputLayerDefinition(QgsProcessing.TEMPORARY_OUTPUT, project)
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "ROUTING": definition}
    processing.runAndLoadResults("hydranet:route", parameters, feedback=Feedback())
    group = project.layerTreeRoot().findGroup(read_run(tmp_path / "out").label)
    assert [node.name() for node in group.children()] == ["Routing"]


@pytest.mark.parametrize("name", ["slow", "deaf"])
def test_it_can_be_cancelled(name: str, tmp_path: Path) -> None:
    with pytest.raises(QgsProcessingException, match="cancelled"):
        _route(make_scene(tmp_path / f"{name}.tif"), tmp_path / "out", Feedback(cancel=True))
    assert not (tmp_path / "out").exists()
