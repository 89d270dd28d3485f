"""`hydranet:preparebands` with the scripted worker: one layer, or one per band, becomes 8 named bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
)

from hydranet_qgis.algorithms import prepare_bands
from hydranet_qgis.algorithms.band_stack import name_in
from hydranet_qgis.algorithms.natural_colour import natural_ranges
from tests.qgis.conftest import BANDS, Feedback, make_scene

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the worker was asked and what it read."""
    seen: list[dict[str, Any]] = []
    job = prepare_bands.PrepareBandsAlgorithm.job

    def listen(self: Any, request: dict[str, Any], feedback: Any) -> dict[str, Any]:
        event = job(self, request, feedback)
        seen.append(event["summary"])
        return event

    monkeypatch.setattr(prepare_bands.PrepareBandsAlgorithm, "job", listen)
    return seen


def _prepare(
    layers: list[Path | str], out: Path | str, feedback: Feedback | None = None, **more: Any
) -> dict[str, Any]:
    import processing

    parameters = {"INPUT": [str(layer) for layer in layers], "OUTPUT": str(out), **more}
    return processing.run("hydranet:preparebands", parameters, feedback=feedback or Feedback())


def _single(path: Path, size: int = 64, step: float = 10, epsg: int = 32632, left: float = 500000) -> Path:
    """A file of one band without a description."""
    made = make_scene(path, size, size, epsg, bands=1)
    raster = gdal.Open(str(made), gdal.GA_Update)
    raster.GetRasterBand(1).SetDescription("")
    raster.SetGeoTransform((left, step, 0, 5200000, 0, -step))
    raster.FlushCache()
    return made


def test_one_layer_is_handed_over_as_it_is(scene: Path, tmp_path: Path, jobs: list[dict[str, Any]]) -> None:
    result = _prepare([scene], tmp_path / "out.tif", BANDS="phisat2", RADIOMETRY="0.0001,0", THREADS=2)
    assert result == {"OUTPUT": str(tmp_path / "out.tif")}
    (done,) = jobs
    assert done["request"] == {
        "input": str(scene), "output": str(tmp_path / "out.tif"), "bands": "phisat2",
        "radiometry": "0.0001,0", "extent": None, "allow_missing": False, "skip_damaged": False,
        "overwrite": True, "threads": 2,
    }  # fmt: skip
    assert done["read"] == list(BANDS)


def test_files_of_one_band_are_put_together(tmp_path: Path, jobs: list[dict[str, Any]]) -> None:
    files = [
        _single(tmp_path / "T32UMU_20230801T103629_B02_10m.tif"),
        _single(tmp_path / "T32UMU_20230801T103629_B8A_20m.tif", 32, 20),
        _single(tmp_path / "scene_red.tif"),
    ]
    feedback = Feedback()
    _prepare(
        files, tmp_path / "out.tif", feedback, EXTENT="500000,500320,5199680,5200000", ALLOW_MISSING=True
    )
    (done,) = jobs
    assert done["read"][:3] == ["B02", "B8A", "red"]
    assert (done["width"], done["height"]) == (64, 64)  # the finest resolution
    assert done["request"]["extent"] == [500000.0, 5199680.0, 500320.0, 5200000.0]
    assert done["request"]["allow_missing"]
    stack = Path(done["request"]["input"])
    assert stack.suffix == ".vrt" and stack.is_relative_to(QgsProcessingUtils.tempFolder())
    assert not stack.exists()
    assert "2: T32UMU_20230801T103629_B8A_20m (B8A)" in feedback.lines


def test_layers_of_the_project_are_taken_in_their_order(
    tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    layers = [QgsRasterLayer(str(_single(tmp_path / f"{name}.tif")), name) for name in ("x1", "green")]
    project.addMapLayers(layers)
    _prepare([layer.id() for layer in reversed(layers)], tmp_path / "out.tif", BANDS="blue=2")
    assert jobs[0]["read"][:2] == ["green", ""]


def test_a_layer_without_a_file_is_exported_for_it(
    tmp_path: Path, project: QgsProject, jobs: list[dict[str, Any]]
) -> None:
    gdal.FileFromMemBuffer("/vsimem/p.tif", make_scene(tmp_path / "x.tif").read_bytes())
    layer = QgsRasterLayer("/vsimem/p.tif", "fleeting")
    project.addMapLayer(layer)
    feedback = Feedback()
    _prepare([layer.id()], tmp_path / "out.tif", feedback, EXTENT="500200,500400,5199700,5199900")
    assert (jobs[0]["width"], jobs[0]["height"], jobs[0]["read"]) == (20, 20, list(BANDS))
    assert not Path(jobs[0]["request"]["input"]).exists()
    assert any("'fleeting' is no file on this computer" in line for line in feedback.lines)
    project.removeMapLayer(layer.id())
    gdal.Unlink("/vsimem/p.tif")


def test_it_is_loaded_in_natural_colours(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    import processing

    definition = QgsProcessingOutputLayerDefinition(str(tmp_path / "out.tif"), project)
    parameters = {"INPUT": [str(scene)], "OUTPUT": definition}
    processing.runAndLoadResults("hydranet:preparebands", parameters, feedback=Feedback())
    (layer,) = project.mapLayers().values()
    renderer = layer.renderer()
    assert (renderer.redBand(), renderer.greenBand(), renderer.blueBand()) == (4, 3, 2)
    stretch = renderer.redContrastEnhancement()
    assert 600 <= stretch.minimumValue() < stretch.maximumValue() <= 2400


def test_what_has_no_natural_colours_gets_none(tmp_path: Path) -> None:
    make_scene(tmp_path / "two.tif", bands=2)
    assert natural_ranges(tmp_path / "two.tif") == []
    raster = gdal.Open(str(make_scene(tmp_path / "empty.tif")), gdal.GA_Update)
    raster.GetRasterBand(4).Fill(0)
    raster.GetRasterBand(4).SetNoDataValue(0)
    raster = None
    assert natural_ranges(tmp_path / "empty.tif") == []


def _refused(context: QgsProcessingContext, layers: list[Path], out: Path | str, **more: Any) -> str:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:preparebands")
    parameters = {"INPUT": [str(layer) for layer in layers], "OUTPUT": str(out), **more}
    accepted, told = algorithm.checkParameterValues(parameters, context)
    assert not accepted
    return told


def test_what_cannot_work_is_refused(scene: Path, tmp_path: Path, context: QgsProcessingContext) -> None:
    one, out = _single(tmp_path / "B02.tif"), tmp_path / "out.tif"
    elsewhere = _single(tmp_path / "B03.tif", left=900000)
    other = _single(tmp_path / "B04.tif", epsg=32633)
    told = _refused(context, [one, other], out)
    assert told == (
        "The layers 'B02' and 'B04' have different coordinate systems; reproject one of them first."
    )
    assert "The layer 'B03' does not overlap the others" in _refused(context, [one, elsewhere], out)
    assert "Layer 'lake' has 8 bands; give one layer with all" in _refused(context, [one, scene], out)
    assert "is one of the inputs" in _refused(context, [scene], scene)
    assert "is one of the inputs" in _refused(context, [one, scene.with_name("B02.tif")], one)
    assert "give a name that ends in .tif" in _refused(context, [scene], tmp_path / "out.img")
    assert "no.tif' cannot be opened; choose" in _refused(context, [scene, tmp_path / "no.tif"], out)
    assert "the layer has only 2" in _refused(context, [one, one], out, BANDS="blue=3")
    assert "Radiometry 'bright'" in _refused(context, [scene], out, RADIOMETRY="bright")
    assert "The extent lies outside" in _refused(context, [scene], out, EXTENT="0,10,0,10")


def test_pictures_are_refused(project: QgsProject, context: QgsProcessingContext, tmp_path: Path) -> None:
    url = "type=xyz&url=https://tiles.example.org/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmax=19&zmin=0"
    layer = QgsRasterLayer(url, "tiles from afar", "wms")
    project.addMapLayer(layer)
    told = _refused(context, [layer.id()], tmp_path / "out.tif")
    assert "Layer 'tiles from afar' shows finished pictures" in told


@pytest.mark.parametrize("name", ["slow", "deaf", "error", "crash"])
def test_a_cancel_or_failure_is_told_and_the_stack_goes(name: str, tmp_path: Path) -> None:
    files = [_single(tmp_path / "B02.tif"), _single(tmp_path / "B03.tif")]
    before = set(Path(QgsProcessingUtils.tempFolder()).rglob("*.vrt"))
    told = {"error": "Bands are missing", "crash": "the tensor is too big"}.get(name, "cancelled")
    with pytest.raises(QgsProcessingException, match=told):
        _prepare(files, tmp_path / f"{name}.tif", Feedback(cancel=name in ("slow", "deaf")))
    assert set(Path(QgsProcessingUtils.tempFolder()).rglob("*.vrt")) == before


def test_a_temporary_output_will_do(scene: Path) -> None:
    result = _prepare([scene], QgsProcessing.TEMPORARY_OUTPUT)
    assert QgsRasterLayer(result["OUTPUT"]).bandCount() == 8


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("T32UMU_20230801T103629_B02_10m", "B02"),
        ("S2A_MSIL2A_20230801_B8A_20m", "B8A"),
        ("scene_nir", "nir"),
        ("scene red edge 1", "red_edge_1"),
        ("LC08_B12_clipped", "B12"),
        ("20230801_coastal", "coastal"),
        ("scene_pan_10m", "pan"),
        ("my lake", ""),
        ("scene_B20", ""),
        ("", ""),
    ],
)
def test_the_band_in_a_files_name(text: str, name: str) -> None:
    assert name_in(text) == name
