"""`hydranet:evaluate` with the scripted worker: what it is asked, what it refuses, what it hands over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProject,
    QgsRasterLayer,
)

from hydranet_qgis.algorithms import evaluate
from hydranet_qgis.algorithms.mask_file import copies
from hydranet_qgis.run_folder import Run
from model_core.evaluation.reference.request import EvaluateRequest
from tests.qgis.conftest import Feedback, make_scene
from tests.qgis.label_layers import class_raster, drawn, polygons, saved

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the worker was asked and what it found."""
    seen: list[dict[str, Any]] = []
    job = evaluate.EvaluateAlgorithm.job

    def listen(self: Any, request: dict[str, Any], feedback: Any) -> dict[str, Any]:
        event = job(self, request, feedback)
        seen.append(event["summary"])
        return event

    monkeypatch.setattr(evaluate.EvaluateAlgorithm, "job", listen)
    return seen


def _evaluate(out: Path, feedback: Feedback | None = None, **more: Any) -> dict[str, Any]:
    import processing

    parameters = {"OUTPUT_FOLDER": str(out), **more}
    return processing.run("hydranet:evaluate", parameters, feedback=feedback or Feedback())


def _refusal(context: QgsProcessingContext, **parameters: Any) -> str:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:evaluate")
    accepted, sentence = algorithm.checkParameterValues(parameters, context)
    assert not accepted
    return sentence


def _of(run: Run, name: str) -> Any:
    return next(expert for expert in run.experts if expert.name == name)


def _registered(project: QgsProject, layer: Any) -> str:
    project.addMapLayer(layer)
    return layer.id()


def test_it_asks_for_what_was_chosen_and_hands_the_figures_over(
    tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    raster = class_raster(tmp_path / "classes.tif").source()
    saved(polygons("r", "w"), tmp_path / "truth.gpkg")
    result = _evaluate(
        tmp_path / "out", INPUT=raster, REFERENCE=str(tmp_path / "truth.gpkg"), FIELD="kind",
        CLASSES=["r", "2", "w", "unknown"], BACKGROUND="1", AREA=str(tmp_path / "truth.gpkg"), SHARE=5,
        OVERWRITE=True, THREADS=3,
    )  # fmt: skip
    request = jobs[0]["request"]
    assert request == {
        "input": raster, "output": str(tmp_path / "out"), "reference": str(tmp_path / "truth.gpkg"),
        "expert": None, "layer": None, "field": "kind", "classes": {"r": "2", "w": "unknown"},
        "background": "1", "area": str(tmp_path / "truth.gpkg"), "share": 0.05, "overwrite": True,
        "threads": 3,
    }  # fmt: skip
    assert list(EvaluateRequest.from_json(request).to_json().items()) == list(request.items())
    assert result == {
        "OUTPUT_FOLDER": str(tmp_path / "out"), "REPORT": str(tmp_path / "out" / "report.html"),
        "OVERALL_ACCURACY": 0.9, "KAPPA": 0.79, "MEAN_IOU": 0.81, "MEAN_F1": 0.895, "PIXELS": 20,
        "CONFUSION": str(tmp_path / "out" / "confusion.csv"),
    }  # fmt: skip


def test_left_alone_it_asks_for_the_engines_own_ways_and_tells_the_figures(
    tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    raster, feedback = class_raster(tmp_path / "classes.tif").source(), Feedback()
    truth = class_raster(tmp_path / "truth.tif").source()
    _evaluate(tmp_path / "out", feedback, INPUT=raster, REFERENCE_RASTER=truth)
    plain = EvaluateRequest(input=raster, output=str(tmp_path / "out"), reference=truth)
    assert jobs[0]["request"] == plain.to_json()
    start = next(i for i, line in enumerate(feedback.lines) if line.startswith("Overall"))
    assert feedback.lines[start : start + 5] == [
        "Overall accuracy 0.900, Kappa 0.790, Mean IoU 0.810, Mean F1 0.895; 20 pixels compared",
        "Class        IoU         F1  Precision     Recall     Pixels",
        "water      0.833      0.909      0.900          -         11",
        "The same on the command line:",
        "hydranet evaluate a.tif out",
    ]


def test_a_layer_of_a_run_is_judged_with_its_run(
    run: Run, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    water = _of(run, "water")
    truth = polygons("r")
    drawn(truth, "kind", ("r", "#0000ff", water.classes[1].name))
    name, feedback = _registered(project, truth), Feedback()
    _evaluate(tmp_path / "out", feedback, INPUT=str(water.output), REFERENCE=name, FIELD="kind")
    request = jobs[0]["request"]
    assert (request["input"], request["expert"]) == (str(run.folder), "water")
    assert request["classes"] == {"r": water.classes[1].name}
    assert any(line.startswith(f"The run {run.folder} is judged") for line in feedback.lines)
    assert any("is taken from the legend of 'beds'" in line for line in feedback.lines)
    _evaluate(tmp_path / "b", RUN_FOLDER=str(run.folder), EXPERT="water", REFERENCE=name, FIELD="note")
    request = jobs[1]["request"]
    assert (request["input"], request["expert"]) == (str(run.folder), "water")
    assert request["classes"] is None


def test_a_legend_that_says_other_words_is_left_alone(
    run: Run, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    truth = drawn(polygons("r"), "kind", ("r", "#0000ff", "something else"))
    name = _registered(project, truth)
    _evaluate(tmp_path / "a", RUN_FOLDER=str(run.folder), EXPERT="water", REFERENCE=name, FIELD="kind")
    assert jobs[0]["request"]["classes"] is None


def test_another_raster_in_a_run_folder_is_a_plain_one(
    run: Run, tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    raster = class_raster(run.folder / "mine.tif").source()
    _evaluate(tmp_path / "out", INPUT=raster, REFERENCE=_registered(project, polygons("r")))
    assert (jobs[0]["request"]["input"], jobs[0]["request"]["expert"]) == (raster, None)


def test_what_is_no_file_is_copied_or_exported_meanwhile(
    tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    path = make_scene(tmp_path / "classes.tif", bands=1)
    gdal.FileFromMemBuffer("/vsimem/e.tif", path.read_bytes())
    fleeting = _registered(project, QgsRasterLayer("/vsimem/e.tif", "fleeting"))
    truth, feedback = polygons("r", "w"), Feedback()
    name = _registered(project, truth)
    truth.selectByExpression("\"kind\" = 'w'")
    chosen = QgsProcessingFeatureSourceDefinition(name, True)
    _evaluate(tmp_path / "out", feedback, INPUT=fleeting, REFERENCE=chosen, FIELD="kind")
    request = jobs[0]["request"]
    assert not Path(request["input"]).exists() and not Path(request["reference"]).exists()
    assert [json.loads(row) for row in jobs[0]["reference"]["rows"]] == [{"kind": "w"}]
    assert any("'fleeting' is no file on this computer" in line for line in feedback.lines)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["classes.tif", "out"]
    gdal.Unlink("/vsimem/e.tif")


def test_what_cannot_work_is_refused(
    run: Run, tmp_path: Path, project: QgsProject, context: QgsProcessingContext
) -> None:
    raster, truth = class_raster(tmp_path / "classes.tif").source(), _registered(project, polygons("r"))
    out = {"OUTPUT_FOLDER": str(tmp_path / "out")}
    plain = {"INPUT": raster, "REFERENCE": truth, **out}
    own = {"RUN_FOLDER": str(run.folder), "EXPERT": "water", "REFERENCE": truth, **out}
    assert "There is nothing to judge" in _refusal(context, REFERENCE=truth, **out)
    assert "A class raster and a run folder are both given" in _refusal(context, **{**own, "INPUT": raster})
    assert "There is no reference" in _refusal(context, INPUT=raster, **out)
    assert "Reference polygons and a reference raster are both" in _refusal(
        context, REFERENCE_RASTER=raster, **plain
    )
    assert "but no run folder is given" in _refusal(context, EXPERT="water", **plain)
    assert "is not a HydraNet run" in _refusal(context, **{**own, "RUN_FOLDER": str(tmp_path)})
    assert "has no result of an expert 'mud'; it has" in _refusal(context, **{**own, "EXPERT": "mud"})
    assert "say which one is to be judged" in _refusal(context, **{**own, "EXPERT": ""})
    assert "gives no classes (density)" in _refusal(context, **{**own, "EXPERT": "biomass"})
    assert "'mud' is no class of the expert" in _refusal(context, CLASSES=["r", "mud"], **own)
    assert "'mud' is no class of the expert" in _refusal(context, BACKGROUND="mud", **own)
    assert "has no field 'x'" in _refusal(context, FIELD="x", **plain)
    assert "x.tif' cannot be opened" in _refusal(context, **{**plain, "INPUT": "/nowhere/x.tif"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("")
    assert "already holds a report; choose another, or tick Overwrite." in _refusal(context, **plain)


@pytest.mark.parametrize("name", ["slow", "deaf", "error", "crash"])
def test_a_cancel_or_failure_is_told_and_copies_go(name: str, tmp_path: Path, project: QgsProject) -> None:
    told = {"error": "Bands are missing", "crash": "the tensor is too big"}.get(name, "cancelled")
    raster, truth = class_raster(tmp_path / "c.tif").source(), _registered(project, polygons("r"))
    with pytest.raises(QgsProcessingException, match=told):
        feedback = Feedback(cancel=name in ("slow", "deaf"))
        _evaluate(tmp_path / name, feedback, INPUT=raster, REFERENCE=truth)
    assert list(copies().iterdir()) == []


def test_it_runs_as_a_step_of_a_model(
    tmp_path: Path, context: QgsProcessingContext, jobs: list[dict[str, Any]]
) -> None:
    model, child = (
        QgsProcessingModelAlgorithm("m", "g"),
        QgsProcessingModelChildAlgorithm("hydranet:evaluate"),
    )
    child.setChildId("judge")
    raster = class_raster(tmp_path / "c.tif").source()
    values = {"INPUT": raster, "REFERENCE_RASTER": raster, "SHARE": 1, "OUTPUT_FOLDER": str(tmp_path / "out")}
    for name, value in values.items():
        source = QgsProcessingModelChildParameterSource.fromStaticValue(value)
        child.addParameterSources(name, [source])
    model.addChildAlgorithm(child)
    _, fine = model.run({}, context, Feedback())
    assert fine and jobs[0]["request"]["input"] == raster
    assert (tmp_path / "out" / "report.html").is_file()
