"""`hydranet:reroute` with the scripted worker: the run folder and the project follow the new policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from hydranet_qgis import results, run_events
from hydranet_qgis.run_folder import Run, read_run
from tests.qgis.conftest import Feedback
from tests.qgis.fake_worker import fake_run

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


def _reroute(run: Path, feedback: Feedback | None = None, **more: Any) -> dict[str, Any]:
    import processing

    parameters = {"RUN_FOLDER": str(run), **more}
    return processing.run("hydranet:reroute", parameters, feedback=feedback or Feedback())


def _pairs(run: Run) -> int:
    return sum(expert.tiles for expert in run.experts)


def test_a_run_gets_another_policy(run: Run) -> None:
    feedback = Feedback()
    result = _reroute(run.folder, feedback, POLICY="threshold", TOP_K=1, THRESHOLDS="water=1")
    new = read_run(run.folder)
    assert (new.top_k, new.thresholds, new.reroutes) == (1, {"water": 1.0}, 1)
    assert "water.tif" not in {Path(path).name for path in result["OUTPUT_LAYERS"]}
    assert all(QgsRasterLayer(path).isValid() for path in result["OUTPUT_LAYERS"])
    assert result["OUTPUT_FOLDER"] == str(run.folder)
    assert result["ROUTING"] == new.routing_uri
    assert (result["ADDED"], result["DROPPED"]) == (0, _pairs(run) - _pairs(new))
    assert result["TILES"] == 12 and result["ROUTED_TILES"] == new.routed
    assert (
        f"hydranet reroute {run.folder} --policy=threshold --top-k=1 --thresholds=water=1.0" in feedback.lines
    )
    assert feedback.steps == sorted(feedback.steps) and feedback.steps[-1] == 100


def test_a_run_of_scores_is_decoded(scene: Path, tmp_path: Path) -> None:
    fake_run.write_run(tmp_path / "run", {"input": str(scene), "decode": False})
    assert not read_run(tmp_path / "run").decoded
    result = _reroute(tmp_path / "run")
    new = read_run(tmp_path / "run")
    assert new.decoded and result["ADDED"] == _pairs(new) > 0
    assert set(result["OUTPUT_LAYERS"]) == {str(e.output) for e in new.experts if e.output}


def test_layers_of_the_run_in_the_project_follow(run: Run, project: QgsProject) -> None:
    results.load_run(run, project)
    before = results.find_layer(project, run, results.ROUTING_ROLE)
    assert results.find_layer(project, run, "expert:water") is not None
    _reroute(run.folder, THRESHOLDS="water=1")
    new = read_run(run.folder)
    assert results.find_layer(project, new, "expert:water") is None
    assert results.find_layer(project, new, results.ROUTING_ROLE) is before
    assert len(project.mapLayers()) == len(results.plan(new))
    _reroute(run.folder, POLICY="top-k", TOP_K=5)
    assert results.find_layer(project, read_run(run.folder), "expert:water") is not None


def test_a_run_that_the_project_does_not_show_is_loaded_only_if_asked(run: Run, project: QgsProject) -> None:
    import processing

    _reroute(run.folder)
    assert not project.mapLayers()
    processing.runAndLoadResults("hydranet:reroute", {"RUN_FOLDER": str(run.folder)}, feedback=Feedback())
    group = project.layerTreeRoot().findGroup(run.label)
    assert len(group.children()) == len(results.plan(read_run(run.folder)))


def test_whoever_listens_hears_of_it(run: Run) -> None:
    heard: list[str] = []
    run_events.listen(heard.append)
    try:
        _reroute(run.folder)
    finally:
        run_events.forget(heard.append)
    assert heard == [str(run.folder)]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"RUN_FOLDER": "/nowhere"}, "/nowhere is not a HydraNet run: it has no run.json"),
        ({"THRESHOLDS": "ships=0.4"}, "Thresholds names 'ships', which is none of the experts clouds, water"),
        ({"THRESHOLDS": "water=0.4", "POLICY": "recall"}, "the policy recall does not use them"),
        ({"MEMORY_MB": 1}, "MEMORY_MB"),
        ({"POLICY": "guess"}, "POLICY"),
    ],
)
def test_what_cannot_work_is_refused(
    more: dict[str, Any], sentence: str, run: Run, context: QgsProcessingContext
) -> None:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:reroute")
    accepted, told = algorithm.checkParameterValues({"RUN_FOLDER": str(run.folder), **more}, context)
    assert not accepted and sentence in told


@pytest.mark.parametrize("name", ["slow", "deaf", "error", "crash"])
def test_a_cancel_or_failure_leaves_the_run_as_it_was(name: str, scene: Path, tmp_path: Path) -> None:
    folder = tmp_path / name
    fake_run.write_run(folder, {"input": str(scene)})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    told = {"error": "Bands are missing", "crash": "the tensor is too big"}.get(name, "cancelled")
    with pytest.raises(QgsProcessingException, match=told):
        _reroute(folder, Feedback(cancel=name in ("slow", "deaf")))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_its_values_are_those_asked_for(run: Run) -> None:
    _reroute(run.folder, POLICY="recall", MISS_RATE=2.3, TOP_K=4)
    request = json.loads((run.folder / "run.json").read_text())["request"]
    assert (request["policy"], request["miss_rate"], request["top_k"]) == ("recall", 0.023, 4)


def test_edits_of_the_table_that_are_not_saved_are_not_lost(run: Run, project: QgsProject) -> None:
    table = next(one for one in results.load_run(run, project) if isinstance(one, QgsVectorLayer))
    assert table.startEditing()
    assert table.deleteFeature(next(table.getFeatures()).id())
    with pytest.raises(QgsProcessingException, match="has edits that are not saved"):
        _reroute(run.folder, TOP_K=3)
    assert table.rollBack()
    _reroute(run.folder, TOP_K=3)
