"""`hydranet:objects` with the scripted worker, and what `hydranet:predict` gives of objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    NULL,
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsFeature,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)

from hydranet_qgis import paths, results, run_events
from hydranet_qgis.bundle_info import read_bundle
from hydranet_qgis.objects_fields import empty_layer
from hydranet_qgis.run_folder import read_run
from tests.qgis.conftest import Feedback, make_scene
from tests.qgis.fake_worker import fake_objects, fake_run

pytestmark = pytest.mark.usefixtures("bundle", "provider", "fake_worker")

SHIP, BUILDING = (name for name, _ in fake_objects.CLASSES)
EVERY = range(1, 12)  # the first of 12 tiles has no data
LIKELY = [tile for tile in EVERY if fake_objects.score_of(*divmod(tile, 4)) >= fake_objects.THRESHOLD]
PREDICT = {"BANDS": "auto", "TOP_K": 7, "POLICY": "threshold", "OVERLAP": 64, "RADIOMETRY": "auto",
           "FORCE_GSD": False, "OVERWRITE": False}  # fmt: skip


def expected(
    tiles: Any, least: float = fake_objects.LEAST, classes: tuple[str, ...] = (SHIP, BUILDING)
) -> Any:
    """Tile, class and score of what the worker finds."""
    found = [(tile, name, score) for tile in tiles for name, score, _ in fake_objects.found_in(tile)]
    return sorted(item for item in found if item[2] >= least and item[1] in classes)


def content(layer: Any) -> list[tuple[int, str, float]]:
    source = layer if isinstance(layer, QgsVectorLayer) else QgsVectorLayer(str(layer))
    return sorted((f["tile"], f["class"], f["score"]) for f in source.getFeatures())


def model_json(
    objects: bool, format_: int = 4, classes: tuple[str, ...] = (SHIP, BUILDING)
) -> dict[str, Any]:
    """model.json of the fake worker's model, as far as the plugin reads it."""
    experts: list[dict[str, Any]] = [
        {"name": name, "title": title, "kind": "classes"} for name, title in fake_run.TITLES.items()
    ]
    data: dict[str, Any] = {"format": f"hydranet-bundle/{format_}", "experts": experts,
                            "input": {"tile_size": 128}}  # fmt: skip
    if format_ == 4:
        data["objects"] = None
    if objects:
        listed = [{"value": value, "name": name, "color": "#e4572e"} for value, name in enumerate(classes)]
        experts.append({"name": "objects", "title": "Objects", "kind": "objects", "classes": listed})
        data["objects"] = {"expert": "objects", "thresholds": [0.55, 0.4][: len(classes)]}
    return data


def make_bundle(folder: Path, data: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps(data))
    return folder


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with an objects expert as the plugin's own; registered before the provider."""
    folder = make_bundle(tmp_path / "bundle", model_json(objects=True))
    monkeypatch.setattr(paths, "default_bundle", lambda: folder)
    return folder


def run_objects(source: Path, feedback: Feedback | None = None, **more: Any) -> dict[str, Any]:
    import processing

    parameters = {"INPUT": str(source), "OUTPUT": QgsProcessing.TEMPORARY_OUTPUT, **more}
    return processing.run("hydranet:objects", parameters, feedback=feedback or Feedback())


def run_predict(source: Path, folder: Path, bundle: Path, **more: Any) -> dict[str, Any]:
    import processing

    parameters = {
        "INPUT": str(source),
        "OUTPUT_FOLDER": str(folder),
        "BUNDLE": str(bundle),
        "TOP_K": 7,
        **more,
    }
    return processing.run("hydranet:predict", parameters, feedback=Feedback())


def refusal(parameters: dict[str, Any], context: QgsProcessingContext, name: str = "objects") -> str:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"hydranet:{name}")
    accepted, sentence = algorithm.checkParameterValues(parameters, context)
    assert not accepted
    return sentence


def requested(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text())["request"]


def test_a_temporary_layer_holds_what_was_found(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Path] = []
    monkeypatch.setattr(run_events, "announce", told.append)
    feedback = Feedback()
    result = run_objects(scene, feedback)
    assert set(result) == {"OUTPUT", "COUNT"}
    assert content(result["OUTPUT"]) == expected(LIKELY)
    assert result["COUNT"] == len(expected(LIKELY)) > 0
    assert result["OUTPUT"].crs().authid() == "EPSG:32632"
    assert [field.name() for field in result["OUTPUT"].fields()] == [name for name, _ in fake_objects.FIELDS]
    assert told == []  # nobody asked for a run
    assert feedback.steps == sorted(feedback.steps) and feedback.steps[-1] == 100
    assert f"Objects: {result['COUNT']} found (ship {result['COUNT']}, building 0)" in feedback.lines


def test_a_run_folder_is_kept_and_announced(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Path] = []
    monkeypatch.setattr(run_events, "announce", told.append)
    result = run_objects(scene, OUTPUT_FOLDER=str(tmp_path / "out"), CLASSES=["building"], OBJECT_SCORE=0.3)
    assert result["OUTPUT_FOLDER"] == str(tmp_path / "out") and told == [tmp_path / "out"]
    run = read_run(tmp_path / "out")
    (expert,) = (expert for expert in run.experts if expert.finds_objects)
    # The run has all classes, the layer those that were wanted.
    assert content(expert.source) == expected(LIKELY, 0.3)
    assert content(result["OUTPUT"]) == expected(LIKELY, 0.3, (BUILDING,))
    assert expert.objects is not None and expert.objects.count == len(expected(LIKELY, 0.3))
    assert expert.objects.by_class == {"ship": 6, "building": 2}


def test_the_request_is_for_the_objects_expert_alone(scene: Path, tmp_path: Path, bundle: Path) -> None:
    run_objects(scene, OUTPUT_FOLDER=str(tmp_path / "a"), OBJECT_SCORE=0.25, THRESHOLDS="objects=0.1")
    request = requested(tmp_path / "a")
    assert request["experts"] == ["objects"] and request["object_score"] == 0.25
    assert (request["policy"], request["top_k"], request["thresholds"]) == ("threshold", 1, {"objects": 0.1})
    assert (request["decode"], request["uncertainty"], request["bundle"]) == (True, False, None)
    run_objects(scene, OUTPUT_FOLDER=str(tmp_path / "b"), EVERY_TILE=True, POLICY="recall")
    request = requested(tmp_path / "b")
    assert request["experts"] == ["objects"] and request["object_score"] is None
    assert (request["policy"], request["top_k"], request["thresholds"]) == ("top-k", 1, None)


def test_every_tile_is_searched_on_request(scene: Path) -> None:
    assert content(run_objects(scene, EVERY_TILE=True)["OUTPUT"]) == expected(EVERY)
    assert len(expected(EVERY)) > len(expected(LIKELY))


@pytest.mark.parametrize("name", ["copy.gpkg", "copy.geojson", "copy.shp"])
def test_it_can_be_saved_as_a_file_with_its_style(name: str, scene: Path, tmp_path: Path) -> None:
    result = run_objects(scene, OUTPUT=str(tmp_path / name), OUTPUT_FOLDER=str(tmp_path / "out"))
    assert content(tmp_path / name) == expected(LIKELY)
    assert str(result["OUTPUT"]).split("|")[0] == str(tmp_path / name)
    assert (tmp_path / "copy.qml").read_bytes() == (tmp_path / "out" / "objects.qml").read_bytes()


def test_where_no_tile_is_searched_the_layer_is_empty_with_all_columns(scene: Path, tmp_path: Path) -> None:
    result = run_objects(scene, THRESHOLDS="objects=1", OUTPUT_FOLDER=str(tmp_path / "out"))
    assert result["COUNT"] == 0 and result["OUTPUT"].featureCount() == 0
    assert not (tmp_path / "out" / "objects.gpkg").exists()
    names = [field.name() for field in result["OUTPUT"].fields()]
    assert names == [name for name, _ in fake_objects.FIELDS]
    assert result["OUTPUT"].crs().authid() == "EPSG:32632"


def test_the_columns_are_those_of_the_engine() -> None:
    import ast

    tree = ast.parse((paths.root() / "model_core" / "objects" / "table.py").read_text(encoding="utf-8"))
    (told,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FIELDS"
    )
    assert [field.name() for field in empty_layer().fields()] == list(told)
    assert [name for name, _ in fake_objects.FIELDS] == list(told)


@pytest.mark.parametrize("to_file", [False, True])
def test_the_loaded_layer_is_styled_and_lies_in_the_group_of_its_run(
    to_file: bool, scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    import processing

    target = str(tmp_path / "mine.gpkg") if to_file else QgsProcessing.TEMPORARY_OUTPUT
    parameters = {
        "INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"),
        "OUTPUT": QgsProcessingOutputLayerDefinition(target, project),
    }  # fmt: skip
    processing.runAndLoadResults("hydranet:objects", parameters, feedback=Feedback())
    run = read_run(tmp_path / "out")
    (layer,) = project.mapLayers().values()
    assert layer.name() == "Objects" and layer.providerType() == ("ogr" if to_file else "memory")
    assert isinstance(layer.renderer(), QgsCategorizedSymbolRenderer)
    assert layer.renderer().classAttribute() == "class"
    assert len(layer.styleManager().styles()) == 4
    assert results.layer_role(layer) == "expert:objects" and results.run_folder_of(layer) == run.folder
    assert "Objects of lake" in layer.metadata().title()
    assert [node.name() for node in project.layerTreeRoot().findGroup(run.label).children()] == ["Objects"]


def test_a_scene_without_crs_gives_objects_too(tmp_path: Path) -> None:
    result = run_objects(make_scene(tmp_path / "plain.tif", epsg=0))
    assert content(result["OUTPUT"]) == expected(LIKELY)
    assert not result["OUTPUT"].crs().isValid()
    (first, *_) = result["OUTPUT"].getFeatures()
    assert first["score"] > 0 and first["length_m"] == NULL


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"CLASSES": ["cars"]}, "CLASSES"),
        ({"OBJECT_SCORE": 1.5}, "OBJECT_SCORE"),
        ({"THRESHOLDS": "water=0.5"}, "Thresholds names 'water', which is none of the experts objects"),
        ({"THRESHOLDS": "objects=0.5", "POLICY": "top-k"}, "the policy top-k does not use them"),
        ({"THRESHOLDS": "objects=0.5", "EVERY_TILE": True}, "thresholds 'objects=0.5' decide nothing"),
        ({"BANDS": "landsat"}, "Bands 'landsat' is not known"),
        ({"EXTENT": "0,10,0,10"}, "The extent lies outside the raster"),
        ({"BUNDLE": "/nowhere"}, "has no model.json"),
        ({"OUTPUT_FOLDER": "{}/out", "OUTPUT": "{}/out/mine.gpkg"}, "cannot be saved in the run folder"),
        (
            {"OUTPUT_FOLDER": "{}/out", "OUTPUT": "ogr:dbname='{}/out/objects.gpkg' table=\"o\" (geom)"},
            "cannot be saved in the run folder",
        ),
    ],
)
def test_what_cannot_work_is_refused(
    more: dict[str, Any], sentence: str, scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    (tmp_path / "out").mkdir()
    given = {key: v.replace("{}", str(tmp_path)) if isinstance(v, str) else v for key, v in more.items()}
    parameters = {"INPUT": str(scene), "OUTPUT": "memory:", **given}
    assert sentence in refusal(parameters, context)


@pytest.mark.parametrize("format_", [3, 4])
def test_a_bundle_without_an_objects_expert_is_refused(
    format_: int, scene: Path, tmp_path: Path, bundle: Path, context: QgsProcessingContext
) -> None:
    other = make_bundle(tmp_path / "other", model_json(objects=False, format_=format_))
    parameters = {"INPUT": str(scene), "OUTPUT": "memory:", "BUNDLE": str(other)}
    assert f"The model bundle {other} has no expert that finds objects; choose" in refusal(
        parameters, context
    )
    with pytest.raises(QgsProcessingException, match="has no expert that finds objects"):  # a model's step
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:objects")
        assert algorithm.prepare(parameters, context, Feedback())
        algorithm.runPrepared(parameters, context, Feedback())
    (bundle / "model.json").write_text(json.dumps(model_json(objects=False, format_=format_)))
    del parameters["BUNDLE"]
    assert "comes with the plugin has no expert that finds objects" in refusal(parameters, context)
    (bundle / "model.json").write_text("{")
    assert "cannot be read" in refusal(parameters, context)


def test_classes_of_another_bundle_are_told(
    scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    other = make_bundle(tmp_path / "other", model_json(objects=True, classes=(SHIP,)))
    parameters = {"INPUT": str(scene), "OUTPUT": "memory:", "BUNDLE": str(other), "CLASSES": [BUILDING]}
    assert "The chosen model bundle finds ship, and no building" in refusal(parameters, context)


def test_what_is_offered_comes_from_the_bundle(provider: Any, bundle: Path) -> None:
    info = read_bundle(bundle)
    assert info.objects is not None and info.objects.classes == (SHIP, BUILDING)
    assert info.least_scores == (0.55, 0.4)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:objects")
    classes = algorithm.parameterDefinition("CLASSES")
    assert classes.options() == [SHIP, BUILDING] and classes.allowMultiple() and classes.usesStaticStrings()
    assert "This model: ship 0.55, building 0.40." in algorithm.parameterDefinition("OBJECT_SCORE").help()
    own = {d.name() for d in algorithm.parameterDefinitions()}
    assert own == {
        *("INPUT", "BANDS", "CLASSES", "EVERY_TILE", "EXTENT", "MASK", "OBJECT_SCORE", "POLICY", "MISS_RATE"),
        *("THRESHOLDS", "OVERLAP", "RADIOMETRY", "SKIP_DAMAGED", "FORCE_GSD", "BUNDLE", "THREADS"),
        *("MEMORY_MB", "RESUME", "OVERWRITE", "OUTPUT", "OUTPUT_FOLDER"),
    }
    assert {o.name() for o in algorithm.outputDefinitions()} == {"OUTPUT", "OUTPUT_FOLDER", "COUNT"}
    assert not algorithm.parameterDefinition("OUTPUT_FOLDER").createByDefault()


@pytest.mark.parametrize(
    "content_", ["{", '{"experts": [{"name": "objects", "kind": "objects"}], "objects": 3}']
)
def test_a_damaged_bundle_does_not_hide_the_algorithm(
    content_: str, bundle: Path, provider: Any, context: QgsProcessingContext
) -> None:
    (bundle / "model.json").write_text(content_)
    provider.refreshAlgorithms()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:objects")
    assert algorithm.parameterDefinition("CLASSES").options() == []
    assert algorithm.parameterDefinition("OBJECT_SCORE").help().endswith("for its classes.")


def test_the_dialog_runs_it_in_the_background(scene: Path, context: QgsProcessingContext, qtbot: Any) -> None:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:objects")
    ended: list[tuple[bool, dict[str, Any]]] = []
    feedback = Feedback()  # the task only points to it
    parameters = {"INPUT": str(scene), "OUTPUT": QgsProcessing.TEMPORARY_OUTPUT}
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    task.executed.connect(lambda ok, found: ended.append((ok, found)))
    QgsApplication.taskManager().addTask(task)
    qtbot.waitUntil(lambda: bool(ended), timeout=20_000)
    ((ok, found),) = ended
    assert ok and found["COUNT"] == len(expected(LIKELY))
    layer = context.takeResultLayer(found["OUTPUT"])
    assert content(layer) == expected(LIKELY)


def test_a_mask_limits_the_search(scene: Path, project: QgsProject) -> None:
    mask = QgsVectorLayer("Polygon?crs=EPSG:32632", "here", "memory")
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(500170, 5199850, 500310, 5199990)))
    mask.dataProvider().addFeature(feature)
    mask.updateExtents()
    project.addMapLayer(mask)
    found = run_objects(scene, MASK=mask.id())["OUTPUT"]
    assert content(found) == expected([1]) != expected(LIKELY)


def test_a_cancelled_run_leaves_nothing(tmp_path: Path) -> None:
    feedback = Feedback(cancel=True)
    with pytest.raises(QgsProcessingException):
        run_objects(make_scene(tmp_path / "slow.tif"), feedback, OUTPUT_FOLDER=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_error_of_the_worker_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(QgsProcessingException, match="The raster has 3 bands; say which is which."):
        run_objects(make_scene(tmp_path / "error.tif"))


@pytest.mark.parametrize("damage", ["missing", "garbage", "no layer"])
def test_objects_that_cannot_be_read_are_told_in_a_sentence(
    damage: str, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hydranet_qgis.algorithms.worker_algorithm import WorkerAlgorithm

    real = WorkerAlgorithm.job

    def job(self: Any, request: dict[str, Any], feedback: Any) -> dict[str, Any]:
        done = real(self, request, feedback)
        path = Path(request["output"]) / "objects.gpkg"
        path.unlink()
        if damage == "garbage":
            path.write_bytes(b"no table at all" * 100)
        elif damage == "no layer":
            (path.parent / "routing.gpkg").rename(path)
        return done

    monkeypatch.setattr(WorkerAlgorithm, "job", job)
    told = "objects.gpkg is missing or holds no layer of objects; run HydraNet again."
    with pytest.raises(QgsProcessingException, match=told):
        run_objects(scene, OUTPUT_FOLDER=str(tmp_path / "out"))


def test_predict_gives_objects_as_a_layer_of_their_own(scene: Path, tmp_path: Path, bundle: Path) -> None:
    target = tmp_path / "found.gpkg"
    result = run_predict(scene, tmp_path / "out", bundle, OUTPUT_OBJECTS=str(target), OBJECT_SCORE=0.3)
    assert requested(tmp_path / "out")["object_score"] == 0.3
    assert content(target) == expected(LIKELY, 0.3)
    assert str(result["OUTPUT_OBJECTS"]).startswith(str(target))
    run = read_run(tmp_path / "out")
    rasters = {str(expert.output) for expert in run.experts if expert.output and not expert.finds_objects}
    assert set(result["OUTPUT_LAYERS"]) == rasters  # a list for inputs that take rasters
    assert "OUTPUT_OBJECTS" not in run_predict(scene, tmp_path / "other", bundle)


def test_predict_of_a_model_that_finds_none_gives_an_empty_layer(
    scene: Path, tmp_path: Path, bundle: Path
) -> None:
    more = {"OUTPUT_OBJECTS": QgsProcessing.TEMPORARY_OUTPUT, "THRESHOLDS": "objects=1"}
    result = run_predict(scene, tmp_path / "out", bundle, **more)
    assert result["OUTPUT_OBJECTS"].featureCount() == 0 and result["OUTPUT_OBJECTS"].isValid()


def test_predict_loads_objects_once(scene: Path, tmp_path: Path, bundle: Path, project: QgsProject) -> None:
    import processing

    parameters: dict[str, Any] = {
        "INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "BUNDLE": str(bundle), "TOP_K": 7,
        "ROUTING": QgsProcessingOutputLayerDefinition(QgsProcessing.TEMPORARY_OUTPUT, project),
    }  # fmt: skip
    processing.runAndLoadResults("hydranet:predict", parameters, feedback=Feedback())
    run = read_run(tmp_path / "out")
    own = results.find_layer(project, run, "expert:objects")
    assert own.source() == f"{tmp_path / 'out' / 'objects.gpkg'}|layername=objects"
    assert own.renderer().classAttribute() == "class"
    names = [node.name() for node in project.layerTreeRoot().findGroup(run.label).children()]
    assert names == [item.name for item in results.plan(run)]
    project.clear()
    copy = QgsProcessingOutputLayerDefinition(str(tmp_path / "copy.gpkg"), project)
    more = {"OUTPUT_OBJECTS": copy, "OUTPUT_FOLDER": str(tmp_path / "again")}
    processing.runAndLoadResults("hydranet:predict", {**parameters, **more}, feedback=Feedback())
    again = [layer for layer in project.mapLayers().values() if results.layer_role(layer) == "expert:objects"]
    assert [layer.source().split("|")[0] for layer in again] == [str(tmp_path / "copy.gpkg")]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"EXPERTS": ["water"]},
            "Objects of the expert objects are wanted, but the experts are limited to water",
        ),
        ({"OUTPUT_OBJECTS": "{}/out/x.gpkg"}, "The objects cannot be saved in the run folder"),
        ({"BUNDLE": "{}/other"}, "the chosen model bundle has only clouds, water"),
    ],
)
def test_objects_that_predict_cannot_give_are_refused(
    more: dict[str, Any], sentence: str, scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    make_bundle(tmp_path / "other", model_json(objects=False))
    given = {key: v.replace("{}", str(tmp_path)) if isinstance(v, str) else v for key, v in more.items()}
    parameters = {
        "INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "OUTPUT_OBJECTS": "memory:", **given
    }  # fmt: skip
    assert sentence in refusal(parameters, context, "predict")


@pytest.mark.parametrize(
    ("name", "output"), [("objects", "OUTPUT"), ("predict", "OUTPUT_OBJECTS")], ids=["objects", "predict"]
)
def test_a_model_chains_objects_and_gives_them_out(
    name: str, output: str, scene: Path, tmp_path: Path, bundle: Path, context: QgsProcessingContext
) -> None:
    static = QgsProcessingModelChildParameterSource.fromStaticValue
    child = QgsProcessingModelChildAlgorithm(f"hydranet:{name}")
    child.setChildId("o")
    values = {**PREDICT, "INPUT": str(scene), "BUNDLE": str(bundle)}
    if name == "predict":
        values["OUTPUT_FOLDER"] = str(tmp_path / "out")
    else:
        del values["TOP_K"]
    for key, value in values.items():
        child.addParameterSources(key, [static(value)])
    given = QgsProcessingModelOutput("Found")
    given.setChildId("o")
    given.setChildOutputName(output)
    child.setModelOutputs({"Found": given})
    model = QgsProcessingModelAlgorithm("m", "g")
    model.addChildAlgorithm(child)
    after = QgsProcessingModelChildAlgorithm("native:extractbyattribute")
    after.setChildId("s")
    source = QgsProcessingModelChildParameterSource.fromChildOutput("o", output)
    after.addParameterSources("INPUT", [source])
    for key, value in {"FIELD": "score", "OPERATOR": 2, "VALUE": "0.8"}.items():
        after.addParameterSources(key, [static(value)])
    model.addChildAlgorithm(after)
    kept = QgsProcessingModelOutput("Sure")
    kept.setChildId("s")
    kept.setChildOutputName("OUTPUT")
    model.childAlgorithm("s").setModelOutputs({"Sure": kept})
    model.updateDestinationParameters()
    wanted = {
        d.name(): str(tmp_path / f"{n}.gpkg") for n, d in enumerate(model.destinationParameterDefinitions())
    }
    results_, ok = model.run(wanted, context, Feedback())
    assert ok and len(wanted) == 2
    found = sorted((content(path) for path in wanted.values()), key=len)
    assert found == [expected(LIKELY, 0.8001), expected(LIKELY)]
    assert 0 < len(found[0]) < len(found[1])
