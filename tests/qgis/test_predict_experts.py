"""`hydranet:predict`'s raster destination per expert: copies, all-NoData rasters, models, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
)

from hydranet_qgis import paths
from hydranet_qgis.run_folder import read_run
from tests.qgis.conftest import Feedback
from tests.qgis.fake_worker import fake_run
from tests.qgis.test_predict import _run
from tests.qgis.test_predict_refusals import _refusal

pytestmark = pytest.mark.usefixtures("bundle", "provider", "fake_worker")

UNUSED = "roads"  # the fake worker never routes to it


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fake worker's experts as the plugin's own bundle; registered before the provider."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    experts = [{"name": name, "title": title} for name, title in fake_run.TITLES.items()]
    (folder / "model.json").write_text(json.dumps({"experts": experts, "input": {"tile_size": 128}}))
    monkeypatch.setattr(paths, "default_bundle", lambda: folder)
    return folder


def _shape(path: Path | str) -> dict[str, Any]:
    raster = gdal.Open(str(path))
    band = raster.GetRasterBand(1)
    return {
        "size": (raster.RasterXSize, raster.RasterYSize),
        "transform": raster.GetGeoTransform(),
        "crs": raster.GetSpatialRef().GetAuthorityCode(None),
        "type": band.DataType,
        "nodata": repr(band.GetNoDataValue()),
    }


def test_empty_cells_of_the_batch_dialog_ask_for_nothing(scene: Path, tmp_path: Path) -> None:
    empty = {name: QgsProcessingOutputLayerDefinition("") for name in ("EXPERT_WATER", "ROUTING")}
    results = _run(scene, tmp_path / "run", **empty)
    assert not results.get("EXPERT_WATER")
    assert results["ROUTING"] == read_run(tmp_path / "run").routing_uri


def test_a_used_experts_raster_is_copied_with_its_style(scene: Path, tmp_path: Path) -> None:
    target = tmp_path / "made" / "water.tif"
    result = _run(scene, tmp_path / "out", EXPERT_WATER=str(target))
    assert result["EXPERT_WATER"] == str(target)
    assert target.read_bytes() == (tmp_path / "out" / "water.tif").read_bytes()
    assert target.with_suffix(".qml").read_bytes() == (tmp_path / "out" / "water.qml").read_bytes()
    assert "EXPERT_CLOUDS" not in result


def test_an_unused_experts_raster_is_all_no_data_on_the_runs_grid(scene: Path, tmp_path: Path) -> None:
    feedback = Feedback()
    result = _run(scene, tmp_path / "out", feedback, EXPERT_ROADS=QgsProcessing.TEMPORARY_OUTPUT)
    assert _shape(result["EXPERT_ROADS"]) == _shape(tmp_path / "out" / "water.tif")
    layer = QgsRasterLayer(result["EXPERT_ROADS"], "roads")
    raster = gdal.Open(result["EXPERT_ROADS"])
    assert (raster.ReadAsArray() == 255).all()
    assert raster.GetRasterBand(1).GetMetadataItem("CLASS_1") == "road"
    assert raster.GetRasterBand(1).GetColorTable().GetColorEntry(1)[:3] == (0x6A, 0x3D, 0x9A)
    assert [c.label for c in layer.renderer().classes()] == ["other", "road"]  # by the style beside it
    assert Path(result["EXPERT_ROADS"]).stat().st_size < 5000
    assert feedback.steps == sorted(feedback.steps) and feedback.steps[-1] == 100


def test_a_surface_is_all_nan(scene: Path, tmp_path: Path) -> None:
    target = str(tmp_path / "b.tif")
    _run(scene, tmp_path / "out", EXPERT_BIOMASS=target, THRESHOLDS="biomass=1")
    run = read_run(tmp_path / "out")
    assert next(e for e in run.experts if e.name == "biomass").output is None
    assert _shape(target)["nodata"] == "nan"


def test_it_lies_where_the_window_of_the_run_lies(scene: Path, tmp_path: Path, bundle: Path) -> None:
    """The engine's rasters cover the extent only; run.json has its window."""
    from hydranet_qgis.algorithms.empty_raster import write_empty

    fake_run.write_run(tmp_path / "run", {"input": str(scene)})
    data = json.loads((tmp_path / "run" / "run.json").read_text())
    data["window"] = {"col_off": 5, "row_off": 7, "width": 30, "height": 20}
    data["uncertainty"] = True
    (tmp_path / "run" / "run.json").write_text(json.dumps(data))
    run = read_run(tmp_path / "run")
    expert = next(e for e in run.experts if e.name == UNUSED)
    write_empty(run, expert, tmp_path / "e.tif")
    assert _shape(tmp_path / "e.tif")["transform"] == (500050, 10, 0, 5199930, 0, -10)
    assert _shape(tmp_path / "e.tif")["size"] == (30, 20)
    raster = gdal.Open(str(tmp_path / "e.tif"))
    assert [raster.GetRasterBand(n).GetDescription() for n in (1, 2)] == ["class", "uncertainty"]


@pytest.mark.parametrize("expert", ["WATER", "ROADS"])
def test_other_formats_are_translated(expert: str, scene: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.img"
    _run(scene, tmp_path / "out", **{f"EXPERT_{expert}": str(target)})
    raster = gdal.Open(str(target))
    assert raster.GetDriver().ShortName == "HFA"
    assert (raster.RasterXSize, raster.RasterYSize) == (64, 48)


@pytest.mark.parametrize("expert", ["WATER", "ROADS"])
def test_a_loaded_one_takes_the_place_of_the_runs_own(
    expert: str, scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    import processing

    target = str(tmp_path / "mine.tif")
    definition = QgsProcessingOutputLayerDefinition(target, project)
    parameters = {
        "INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), f"EXPERT_{expert}": definition,
        "ROUTING": QgsProcessingOutputLayerDefinition(QgsProcessing.TEMPORARY_OUTPUT, project),
    }  # fmt: skip
    processing.runAndLoadResults("hydranet:predict", parameters, feedback=Feedback())
    run = read_run(tmp_path / "out")
    group = project.layerTreeRoot().findGroup(run.label)
    layers = {node.name(): node.layer() for node in group.children()}
    title = fake_run.TITLES[expert.lower()]
    assert layers[title].source() == target
    assert (
        len(layers) == len(group.children()) == 1 + len({*(e.label for e in run.experts if e.output), title})
    )
    assert [c.label for c in layers[title].renderer().classes()][1] == {"WATER": "water", "ROADS": "road"}[
        expert
    ]


def test_one_that_is_left_out_is_refused(scene: Path, tmp_path: Path, context: QgsProcessingContext) -> None:
    parameters = {
        "INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "EXPERTS": ["clouds"],
        "EXPERT_WATER": str(tmp_path / "w.tif"),
    }  # fmt: skip
    sentence = "A raster of the expert water is wanted, but the experts are limited to clouds; add it there"
    assert sentence in _refusal(parameters, context)
    with pytest.raises(QgsProcessingException, match=sentence):  # as a step of a model, which checks nothing
        from qgis.core import QgsApplication

        algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
        assert algorithm.prepare(parameters, context, Feedback())
        algorithm.runPrepared(parameters, context, Feedback())


def test_one_that_another_bundle_lacks_is_refused(
    scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.json").write_text(json.dumps({"experts": [{"name": "ships"}]}))
    parameters = {
        "INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "BUNDLE": str(other),
        "EXPERT_WATER": str(tmp_path / "w.tif"),
    }  # fmt: skip
    told = _refusal(parameters, context)
    assert "the chosen model bundle has only ships; leave EXPERT_WATER empty" in told


@pytest.mark.parametrize("dialog", [True, False], ids=["as the dialog says it", "as text"])
@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ({"WATER": "out/water.tif"}, "cannot lie in the run folder"),
        ({"WATER": "lake.tif"}, "The raster of the expert water would replace the input raster"),
        ({"WATER": "link/lake.tif"}, "would replace the input raster"),
        ({"WATER": "a.tif", "CLOUDS": "b/../a.tif"}, "experts clouds and water are both to be"),
        ({"WATER": "a.foo"}, "no raster format ends in '.foo'"),
    ],
)
def test_one_that_would_destroy_something_is_refused(
    dialog: bool,
    targets: dict[str, str],
    sentence: str,
    scene: Path,
    tmp_path: Path,
    context: QgsProcessingContext,
) -> None:
    (tmp_path / "link").symlink_to(scene.parent)
    parameters: dict[str, Any] = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out")}
    for name, target in targets.items():
        path = str(tmp_path / target)
        wrapped = QgsProcessingOutputLayerDefinition(path, QgsProject.instance()) if dialog else path
        parameters[f"EXPERT_{name}"] = wrapped
    assert sentence in _refusal(parameters, context)


def test_one_that_cannot_be_written_is_told_and_the_run_stays(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told = "The raster of the expert water could not be written .* the run itself is finished and lies in"
    with pytest.raises(QgsProcessingException, match=told):
        _run(scene, tmp_path / "out", EXPERT_WATER=str(tmp_path / "file" / "water.tif"))
    assert read_run(tmp_path / "out").total == 12


@pytest.mark.parametrize(("expert", "found"), [("WATER", True), ("ROADS", False)])
def test_a_model_chains_it_and_gives_it_out(
    expert: str, found: bool, scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    """The next step reads the raster as a single layer; a final output of the model is loaded by its name."""
    static = QgsProcessingModelChildParameterSource.fromStaticValue
    model = QgsProcessingModelAlgorithm("m", "g")
    child = QgsProcessingModelChildAlgorithm("hydranet:predict")
    child.setChildId("p")
    values = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "BANDS": "auto", "TOP_K": 2,
              "POLICY": "threshold", "OVERLAP": 64, "RADIOMETRY": "auto", "FORCE_GSD": False,
              "OVERWRITE": False}  # fmt: skip
    for key, value in values.items():
        child.addParameterSources(key, [static(value)])
    model.addChildAlgorithm(child)
    after = QgsProcessingModelChildAlgorithm("native:rasterlayerproperties")
    after.setChildId("s")
    source = QgsProcessingModelChildParameterSource.fromChildOutput("p", f"EXPERT_{expert}")
    after.addParameterSources("INPUT", [source])
    model.addChildAlgorithm(after)
    results, ok = model.run({}, context, Feedback())
    assert ok
    assert results["CHILD_RESULTS"]["s"]["WIDTH_IN_PIXELS"] == 64
    layer = results["CHILD_RESULTS"]["p"][f"EXPERT_{expert}"]
    pixels = gdal.Open(layer).ReadAsArray()
    assert (pixels != 255).any() == found
    others = [key for key in results["CHILD_RESULTS"]["p"] if key.startswith("EXPERT_")]
    assert others == [f"EXPERT_{expert}"]


def test_a_model_can_give_it_out(scene: Path, tmp_path: Path, context: QgsProcessingContext) -> None:
    static = QgsProcessingModelChildParameterSource.fromStaticValue
    model = QgsProcessingModelAlgorithm("m", "g")
    child = QgsProcessingModelChildAlgorithm("hydranet:predict")
    child.setChildId("p")
    values = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "BANDS": "auto", "TOP_K": 2,
              "POLICY": "threshold", "OVERLAP": 64, "RADIOMETRY": "auto", "FORCE_GSD": False,
              "OVERWRITE": False}  # fmt: skip
    for key, value in values.items():
        child.addParameterSources(key, [static(value)])
    output = QgsProcessingModelOutput("Water")
    output.setChildId("p")
    output.setChildOutputName("EXPERT_WATER")
    child.setModelOutputs({"Water": output})
    model.addChildAlgorithm(child)
    model.updateDestinationParameters()
    (wanted,) = [d.name() for d in model.destinationParameterDefinitions()]
    results, ok = model.run({wanted: str(tmp_path / "w.tif")}, context, Feedback())
    assert ok
    assert results[wanted] == str(tmp_path / "w.tif")
    assert (tmp_path / "w.tif").is_file()
