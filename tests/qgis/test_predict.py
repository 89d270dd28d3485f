"""`hydranet:predict` from end to end with the scripted worker: results, layers, refusals, failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingUtils,
    QgsProject,
    QgsProperty,
    QgsRasterLayer,
    QgsVectorLayer,
)

from hydranet_qgis import run_events, worker_client
from hydranet_qgis.run_folder import read_run
from tests.qgis.conftest import Feedback, make_scene

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


def _run(
    source: Path | str, output: Path | str, feedback: Feedback | None = None, **more: Any
) -> dict[str, Any]:
    import processing

    parameters = {"INPUT": str(source), "OUTPUT_FOLDER": str(output), **more}
    return processing.run("hydranet:predict", parameters, feedback=feedback or Feedback())


def test_a_run_gives_folder_layers_and_counts(scene: Path, tmp_path: Path) -> None:
    feedback = Feedback()
    result = _run(scene, tmp_path / "out", feedback, TOP_K=2)
    run = read_run(tmp_path / "out")
    assert (result["TILES"], result["ROUTED_TILES"], result["ABSTAINED_TILES"]) == (
        12,
        run.routed,
        run.abstained,
    )
    assert result["OUTPUT_FOLDER"] == str(tmp_path / "out")
    assert result["RUN_JSON"] == str(tmp_path / "out" / "run.json")
    assert set(result["OUTPUT_LAYERS"]) == {str(e.output) for e in run.experts if e.output}
    assert all(QgsRasterLayer(path).isValid() for path in result["OUTPUT_LAYERS"])
    assert QgsVectorLayer(result["ROUTING"]).featureCount() == 12
    assert "The radiometry was guessed from the values." in feedback.warnings
    assert feedback.steps == sorted(feedback.steps)
    assert feedback.steps[-1] == 100


def test_the_request_is_what_was_asked(scene: Path, tmp_path: Path) -> None:
    import json

    feedback = Feedback()
    _run(
        scene, tmp_path / "out", feedback, BANDS=" blue=2,green=3,red=4 ", TOP_K=3, POLICY="top-k",
        OVERLAP=32, EXTENT="500000,500320,5199680,5200000", EXPERTS=["water", "clouds"],
        FORCE_GSD=True, RADIOMETRY="0.0001,0", MISS_RATE=7, SKIP_DAMAGED=True, RESUME=True, THREADS=3,
        MEMORY_MB=512, UNCERTAINTY=True, OBJECT_SCORE=0.4,
    )  # fmt: skip
    request = json.loads((tmp_path / "out" / "run.json").read_text())["request"]
    assert request == {
        "input": str(scene), "output": str(tmp_path / "out"), "bundle": None,
        "bands": "blue=2,green=3,red=4", "radiometry": "0.0001,0",
        "experts": ["water", "clouds"], "policy": "top-k", "top_k": 3, "miss_rate": 0.07,
        "thresholds": None, "overlap": 32, "extent": [500000.0, 5199680.0, 500320.0, 5200000.0],
        "mask": None, "uncertainty": True, "object_score": 0.4, "decode": True, "force_gsd": True,
        "skip_damaged": True, "overwrite": False, "resume": True, "threads": 3, "memory_mb": 512,
        "device": "auto", "precision": "auto",
    }  # fmt: skip
    command = next(line for line in feedback.lines if line.startswith("hydranet predict"))
    assert command.endswith(
        "--bands=blue=2,green=3,red=4 --radiometry=0.0001,0 --experts=water,clouds --policy=top-k --top-k=3 "
        "--overlap=32 --extent=500000.0,5199680.0,500320.0,5200000.0 --object-score=0.4 --threads=3 "
        "--memory-mb=512 --uncertainty --force-gsd --skip-damaged --resume"
    )


def test_an_extent_in_another_crs_is_brought_to_the_scene(scene: Path, tmp_path: Path) -> None:
    import json

    layer = QgsRasterLayer(str(scene))
    box = layer.extent()
    from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsReferencedRectangle

    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    moved = QgsCoordinateTransform(layer.crs(), degrees, QgsProject.instance()).transformBoundingBox(box)
    _run(scene, tmp_path / "out", EXTENT=QgsReferencedRectangle(moved, degrees))
    extent = json.loads((tmp_path / "out" / "run.json").read_text())["request"]["extent"]
    assert extent == pytest.approx([box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()], abs=20)


def test_temporary_outputs_share_one_folder(scene: Path) -> None:
    result = _run(scene, QgsProcessing.TEMPORARY_OUTPUT, ROUTING=QgsProcessing.TEMPORARY_OUTPUT)
    folder = Path(result["OUTPUT_FOLDER"])
    assert (folder / "run.json").is_file()
    assert result["ROUTING"] == f"{folder / 'routing.gpkg'}|layername=tiles"


@pytest.mark.parametrize("name", ["copy.gpkg", "copy.geojson", "copy.shp"])
def test_routing_can_be_saved_elsewhere(name: str, scene: Path, tmp_path: Path) -> None:
    result = _run(scene, tmp_path / "out", ROUTING=str(tmp_path / name))
    assert Path(str(result["ROUTING"]).split("|")[0]) == tmp_path / name
    copy = QgsVectorLayer(str(tmp_path / name))
    assert copy.featureCount() == 12
    assert copy.crs().authid() in ("EPSG:32632", "EPSG:4326")
    original = QgsVectorLayer(str(tmp_path / "out" / "routing.gpkg"))
    first = {f["tile"]: f["reason"] for f in original.getFeatures()}
    assert {f["tile"]: f["reason"] for f in copy.getFeatures()} == first


def test_the_worker_stays_warm_between_runs(scene: Path, tmp_path: Path) -> None:
    _run(scene, tmp_path / "a")
    pid = worker_client.shared_client().pid
    _run(scene, tmp_path / "b")
    assert worker_client.shared_client().pid == pid is not None


def test_whoever_listens_hears_of_a_finished_run(scene: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    run_events.listen(heard.append)
    try:
        _run(scene, tmp_path / "out")
    finally:
        run_events.forget(heard.append)
    assert heard == [str(tmp_path / "out")]


def test_layers_come_into_a_styled_group(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    import processing

    definition = QgsProcessingOutputLayerDefinition(QgsProcessing.TEMPORARY_OUTPUT, project)
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "ROUTING": definition}
    processing.runAndLoadResults("hydranet:predict", parameters, feedback=Feedback())
    run = read_run(tmp_path / "out")
    group = project.layerTreeRoot().findGroup(run.label)
    names = [node.name() for node in group.children()]
    assert names[0] == "Routing"
    assert sorted(names[1:]) == sorted(e.label for e in run.experts if e.output)
    assert names[-1] == "Biomass density (simulated)"  # a surface hides everything under it
    water = next(n.layer() for n in group.children() if n.name() == "Water")
    assert [c.label for c in water.renderer().classes()] == ["other", "water"]
    assert water.customProperty("hydranet/run_folder") == str(tmp_path / "out")
    assert [node.name() for node in project.layerTreeRoot().children()] == [run.label]


def test_a_saved_routing_layer_joins_the_group(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    import processing

    definition = QgsProcessingOutputLayerDefinition(str(tmp_path / "mine.gpkg"), project)
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "ROUTING": definition}
    processing.runAndLoadResults("hydranet:predict", parameters, feedback=Feedback())
    top = project.layerTreeRoot().findGroup(read_run(tmp_path / "out").label).children()[0]
    assert top.layer().source().startswith(str(tmp_path / "mine.gpkg"))
    assert top.layer().customProperty("hydranet/role") == "routing"


def test_an_overwritten_run_keeps_its_group_and_loses_old_layers(
    scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    import processing

    def load(**more: Any) -> list[str]:
        definition = QgsProcessingOutputLayerDefinition(QgsProcessing.TEMPORARY_OUTPUT, project)
        parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "ROUTING": definition}
        processing.runAndLoadResults("hydranet:predict", {**parameters, **more}, feedback=Feedback())
        (group,) = project.layerTreeRoot().children()
        assert group.name() == read_run(tmp_path / "out").label
        return [node.name() for node in group.children()]

    before = load(TOP_K=3)
    assert "Biomass density (simulated)" in before
    for name in ("routing.gpkg", "biomass.tif"):
        (tmp_path / "out" / name).unlink()
    after = load(EXPERTS=["water", "clouds"], OVERWRITE=True)
    assert after == ["Routing", "Water", "Clouds and shadows"]
    assert len(project.mapLayers()) == 3


def test_a_layer_takes_the_crs_that_qgis_was_told(tmp_path: Path, project: QgsProject) -> None:
    import processing
    from qgis.core import QgsCoordinateReferenceSystem

    layer = QgsRasterLayer(str(make_scene(tmp_path / "bare.tif", epsg=0)), "bare")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32632"))
    project.addMapLayer(layer)
    parameters = {"INPUT": layer.id(), "OUTPUT_FOLDER": str(tmp_path / "out")}
    processing.runAndLoadResults("hydranet:predict", parameters, feedback=Feedback())
    loaded = [x for x in project.mapLayers().values() if x.customProperty("hydranet/run_folder")]
    assert loaded
    assert {x.crs().authid() for x in loaded} == {"EPSG:32632"}


@pytest.mark.parametrize("name", ["crash", "killed"])
def test_a_crash_is_an_error_with_last_words_and_can_be_continued(name: str, tmp_path: Path) -> None:
    out, scene = tmp_path / "out", make_scene(tmp_path / f"{name}.tif")
    with pytest.raises(QgsProcessingException, match="stopped unexpectedly.*the tensor is too big") as told:
        _run(scene, out)
    assert str(told.value).endswith("run it again with the same run folder and tick Resume.")
    assert (out / "journal" / "plan.json").is_file()
    assert _run(scene, out, RESUME=True)["TILES"] == 12
    assert not (out / "journal").exists()


def test_an_error_of_the_worker_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(QgsProcessingException, match=r"^The raster has 3 bands; say which is which\.$"):
        _run(make_scene(tmp_path / "error.tif"), tmp_path / "out")


def test_an_error_on_the_way_is_told_as_the_worker_tells_it(tmp_path: Path) -> None:
    with pytest.raises(QgsProcessingException, match=r"^The disk is full\. What is done is kept: .*\.$"):
        _run(make_scene(tmp_path / "full.tif"), tmp_path / "out")
    assert (tmp_path / "out" / "journal").is_dir()


def test_a_refusal_to_continue_gives_no_such_advice(tmp_path: Path) -> None:
    (tmp_path / "out" / "journal").mkdir(parents=True)
    with pytest.raises(QgsProcessingException, match=r"^The unfinished run is another one\.$"):
        _run(make_scene(tmp_path / "differs.tif"), tmp_path / "out", RESUME=True)
    assert (tmp_path / "out" / "journal").is_dir()


def test_nothing_is_kept_of_a_crash_in_a_temporary_folder(tmp_path: Path) -> None:
    before = set(Path(QgsProcessingUtils.tempFolder()).rglob("journal"))
    with pytest.raises(QgsProcessingException) as told:
        _run(make_scene(tmp_path / "killed.tif"), QgsProcessing.TEMPORARY_OUTPUT)
    assert "Resume" not in str(told.value)
    assert set(Path(QgsProcessingUtils.tempFolder()).rglob("journal")) == before


def test_an_error_in_a_temporary_folder_gives_no_advice_to_continue_it(tmp_path: Path) -> None:
    before = set(Path(QgsProcessingUtils.tempFolder()).rglob("journal"))
    with pytest.raises(QgsProcessingException, match=r"^The disk is full\.$"):
        _run(make_scene(tmp_path / "full.tif"), QgsProcessing.TEMPORARY_OUTPUT)
    assert set(Path(QgsProcessingUtils.tempFolder()).rglob("journal")) == before


def test_the_advice_is_the_engines() -> None:
    from hydranet_qgis.algorithms.leftovers import ADVICE
    from model_core import predict as engine

    assert engine._GO_ON.startswith(ADVICE.strip())


@pytest.mark.parametrize("name", ["slow", "deaf"])
def test_a_run_can_be_cancelled(name: str, tmp_path: Path) -> None:
    with pytest.raises(QgsProcessingException, match="cancelled"):
        _run(make_scene(tmp_path / f"{name}.tif"), tmp_path / "out", Feedback(cancel=True))
    assert not (tmp_path / "out").exists()


def test_a_cancelled_resume_keeps_what_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "out" / "journal").mkdir(parents=True)
    with pytest.raises(QgsProcessingException, match="had to be ended"):
        _run(make_scene(tmp_path / "deaf.tif"), tmp_path / "out", Feedback(cancel=True), RESUME=True)
    assert (tmp_path / "out" / "journal").is_dir()


def test_how_it_was_read_and_chosen_is_told(scene: Path, tmp_path: Path) -> None:
    feedback = Feedback()
    _run(scene, tmp_path / "out", feedback, POLICY="recall", MISS_RATE=2.3)
    told = "\n".join(feedback.lines)
    assert "Bands: blue ← 2, green ← 3" in told and "pan synthesised; re3 missing (by description)" in told
    assert "Reflectance: (value − 1000) × 0.0001 (from metadata)" in told
    assert "Policy: recall, at most 2.3 % missed; thresholds clouds 0.22, water 0.21" in told
    assert "--policy=recall --miss-rate=0.023 --overlap" in told


def test_a_destination_by_expression_is_understood(scene: Path, tmp_path: Path) -> None:
    result = _run(scene, tmp_path / "out", ROUTING=QgsProperty.fromExpression("'TEMPORARY_OUTPUT'"))
    assert result["ROUTING"].endswith("routing.gpkg|layername=tiles")


def test_it_runs_in_the_background(scene: Path, tmp_path: Path, project: QgsProject, qtbot: Any) -> None:
    from qgis.core import QgsProcessingAlgRunnerTask

    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
    feedback, context = Feedback(), QgsProcessingContext()
    context.setProject(project)
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out")}
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    ended: list[tuple[bool, dict[str, Any]]] = []
    task.executed.connect(lambda ok, results: ended.append((ok, results)))
    QgsApplication.taskManager().addTask(task)
    qtbot.waitUntil(lambda: bool(ended), timeout=60_000)
    assert ended[0][0] and ended[0][1]["TILES"] == 12
    assert len(context.layersToLoadOnCompletion()) == len(ended[0][1]["OUTPUT_LAYERS"])


def test_a_step_of_a_model_loads_nothing_by_itself(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    from qgis.core import (
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildAlgorithm,
        QgsProcessingModelChildParameterSource,
    )

    source = QgsProcessingModelChildParameterSource.fromStaticValue
    model = QgsProcessingModelAlgorithm("m", "g")
    child = QgsProcessingModelChildAlgorithm("hydranet:predict")
    child.setChildId("p")
    values = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "BANDS": "auto", "TOP_K": 2,
              "POLICY": "threshold", "OVERLAP": 64, "RADIOMETRY": "auto", "FORCE_GSD": False,
              "OVERWRITE": False}  # fmt: skip
    for key, value in values.items():
        child.addParameterSources(key, [source(value)])
    model.addChildAlgorithm(child)
    context = QgsProcessingContext()
    context.setProject(project)
    results, ok = model.run({}, context, Feedback())
    assert ok
    assert results["CHILD_RESULTS"]["p"]["TILES"] == 12
    assert context.layersToLoadOnCompletion() == {}
