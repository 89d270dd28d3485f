"""Layers that are no file on this computer: exported first, where they have pixels of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsRasterRange,
)

from hydranet_qgis.algorithms import block_copy
from hydranet_qgis.algorithms.block_copy import band_name
from hydranet_qgis.algorithms.layer_export import LayerExport
from hydranet_qgis.errors import InputError, WorkerCancelled
from tests.qgis.conftest import BANDS, Feedback, make_scene
from tests.qgis.test_predict import _run
from tests.qgis.test_predict_refusals import _refusal

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")

# The middle of the scene, a tenth of a pixel more than whole pixels: columns 20 to 39, rows 10 to 29.
PART = [500201.0, 5199701.0, 500399.0, 5199899.0]


@pytest.fixture
def virtual(scene: Path, project: QgsProject) -> QgsRasterLayer:
    """A layer that QGIS calculates when it is read: twice the first band."""
    box = "500000,5199520,500640,5200000"
    uri = (
        f"?crs=EPSG:32632&extent={box}&width=64&height=48&formula=%22lake@1%22 * 2"
        f"&lake:uri={scene}&lake:provider=gdal"
    )
    layer = QgsRasterLayer(uri, "calculated", "virtualraster")
    assert layer.isValid()
    project.addMapLayer(layer)
    return layer


@pytest.fixture
def in_memory(tmp_path: Path, project: QgsProject) -> Iterator[QgsRasterLayer]:
    """A GDAL raster that only this process can open."""
    gdal.FileFromMemBuffer("/vsimem/fleeting.tif", make_scene(tmp_path / "x.tif").read_bytes())
    layer = QgsRasterLayer("/vsimem/fleeting.tif", "fleeting")
    project.addMapLayer(layer)
    yield layer
    project.removeMapLayer(layer.id())
    gdal.Unlink("/vsimem/fleeting.tif")


def _pixels(path: Path | str, band: int = 1) -> Any:
    raster = gdal.Open(str(path))  # kept: a band does not keep its raster
    return raster.GetRasterBand(band).ReadAsArray()


def test_a_calculated_layer_is_exported_beside_the_run_folder(
    virtual: QgsRasterLayer, scene: Path, tmp_path: Path
) -> None:
    feedback = Feedback()
    result = _run(virtual.id(), tmp_path / "out", feedback, BANDS="blue=1")
    exported = tmp_path / "out_input.tif"
    assert result["TILES"] == 12
    assert json.loads((tmp_path / "out" / "run.json").read_text())["request"]["input"] == str(exported)
    assert (_pixels(exported) == 2.0 * _pixels(scene)).all()
    made, source = gdal.Open(str(exported)), gdal.Open(str(scene))
    assert made.GetGeoTransform() == source.GetGeoTransform()
    assert "32632" in made.GetSpatialRef().GetAuthorityCode(None)
    assert any(f"exported to {exported}. Keep that file" in line for line in feedback.lines)
    assert feedback.steps == sorted(feedback.steps) and feedback.steps[-1] == 100
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out", "out_input.tif"]


def test_names_scales_and_tags_come_along(in_memory: QgsRasterLayer, tmp_path: Path) -> None:
    _run(in_memory.id(), tmp_path / "out")
    made = gdal.Open(str(tmp_path / "out_input.tif"))
    assert [made.GetRasterBand(n).GetDescription() for n in range(1, 9)] == list(BANDS)
    assert (_pixels(tmp_path / "out_input.tif", 8) == _pixels(tmp_path / "x.tif", 8)).all()


@pytest.mark.parametrize("kind", ["virtual", "in_memory"])
def test_only_the_extent_is_exported(
    kind: str, request: pytest.FixtureRequest, scene: Path, tmp_path: Path
) -> None:
    layer = request.getfixturevalue(kind)
    extent = f"{PART[0]},{PART[2]},{PART[1]},{PART[3]}"
    _run(layer.id(), tmp_path / "out", BANDS="blue=1", EXTENT=extent)
    told = json.loads((tmp_path / "out" / "run.json").read_text())["request"]
    assert told["extent"] is None
    factor = 2 if kind == "virtual" else 1
    assert (_pixels(told["input"]) == factor * _pixels(scene)[10:30, 20:40]).all()
    assert gdal.Open(told["input"]).GetGeoTransform() == (500200, 10, 0, 5199900, 0, -10)


@pytest.mark.parametrize("extent", [None, PART])
def test_a_raster_that_does_not_lie_straight_is_exported_as_it_is(
    extent: list[float] | None, tmp_path: Path, project: QgsProject
) -> None:
    """QGIS shows it through a warped one, which has other pixels."""
    source = gdal.Open(str(make_scene(tmp_path / "turned.tif")), gdal.GA_Update)
    source.SetGeoTransform((500000, 8, 6, 5199700, 6, -8))
    source.FlushCache()
    gdal.FileFromMemBuffer("/vsimem/turned.tif", (tmp_path / "turned.tif").read_bytes())
    layer = QgsRasterLayer("/vsimem/turned.tif", "turned")
    project.addMapLayer(layer)
    LayerExport(layer, extent, tmp_path / "e.tif").write(Feedback())
    made = gdal.Open(str(tmp_path / "e.tif"))
    x, dx, sx, y, sy, dy = made.GetGeoTransform()
    left, top = gdal.ApplyGeoTransform(gdal.InvGeoTransform(source.GetGeoTransform()), x, y)
    col, row, width, height = round(left), round(top), made.RasterXSize, made.RasterYSize
    assert (dx, sx, sy, dy) == (8, 6, 6, -8)
    assert (_pixels(tmp_path / "e.tif") == source.ReadAsArray(col, row, width, height)[0]).all()
    if extent is None:
        assert (col, row, width, height) == (0, 0, 64, 48)
    else:
        corners = [(x, y) for x in extent[0::2] for y in extent[1::2]]
        places = [gdal.ApplyGeoTransform(gdal.InvGeoTransform(made.GetGeoTransform()), *c) for c in corners]
        seen = [(x, y) for x, y in places if 0 <= col + x <= 64 and 0 <= row + y <= 48]
        assert seen and all(0 <= x <= width and 0 <= y <= height for x, y in seen)
        assert width < 64
    project.clear()
    gdal.Unlink("/vsimem/turned.tif")


def test_an_extent_elsewhere_is_refused(
    virtual: QgsRasterLayer, tmp_path: Path, context: QgsProcessingContext
) -> None:
    parameters = {"INPUT": virtual.id(), "OUTPUT_FOLDER": str(tmp_path / "out"), "EXTENT": "0,10,0,10"}
    assert "The extent lies outside the raster 'calculated'" in _refusal(parameters, context)


def test_the_export_of_a_temporary_run_is_temporary(virtual: QgsRasterLayer, tmp_path: Path) -> None:
    feedback = Feedback()
    result = _run(virtual.id(), QgsProcessing.TEMPORARY_OUTPUT, feedback, BANDS="blue=1")
    told = json.loads(Path(result["RUN_JSON"]).read_text())["request"]["input"]
    assert told.endswith("_input.tif") and Path(told).is_file()
    assert not any("Keep that file" in line for line in feedback.lines)


def test_another_file_in_the_way_is_left_alone(virtual: QgsRasterLayer, tmp_path: Path) -> None:
    mine = tmp_path / "out_input.tif"
    mine.write_bytes(b"mine")
    with pytest.raises(QgsProcessingException, match="another file is there; move it away"):
        _run(virtual.id(), tmp_path / "out", BANDS="blue=1")
    assert mine.read_bytes() == b"mine"


def test_resuming_takes_the_export_that_is_there(
    virtual: QgsRasterLayer, scene: Path, tmp_path: Path
) -> None:
    _run(virtual.id(), tmp_path / "out", BANDS="blue=1")
    exported = tmp_path / "out_input.tif"
    first = exported.stat().st_mtime_ns
    (tmp_path / "out" / "routing.gpkg").unlink()
    feedback = Feedback()
    _run(virtual.id(), tmp_path / "out", feedback, BANDS="blue=1", RESUME=True)
    assert exported.stat().st_mtime_ns == first
    assert any("is used again" in line for line in feedback.lines)


@pytest.mark.parametrize(("name", "kept"), [("error", False), ("crash", True)])
def test_the_export_of_a_failed_run_stays_only_if_the_run_can_be_resumed(
    name: str, kept: bool, in_memory: QgsRasterLayer, tmp_path: Path
) -> None:
    with pytest.raises(QgsProcessingException):
        _run(in_memory.id(), tmp_path / name)  # the fake worker goes by the name of the export
    assert (tmp_path / f"{name}_input.tif").is_file() == kept


@pytest.mark.parametrize("kind", ["virtual", "in_memory"])
def test_an_export_can_be_cancelled(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    layer = request.getfixturevalue(kind)
    export = LayerExport(layer, None, tmp_path / "e.tif")
    feedback = Feedback()
    feedback.cancel()
    with pytest.raises(WorkerCancelled):
        export.write(feedback)
    assert not list(tmp_path.glob("e.tif*"))


def test_memory_holds_a_block_at_most(
    virtual: QgsRasterLayer, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_copy, "_BLOCK", 10)
    export = LayerExport(virtual, None, tmp_path / "e.tif")
    sizes: list[int] = []
    read = block_copy.BlockCopy._read
    monkeypatch.setattr(
        block_copy.BlockCopy, "_read", lambda self, *a: (sizes.append(a[3] * a[4]), read(self, *a))[1]
    )
    export.write(Feedback())
    assert len(sizes) == 35 and max(sizes) == 100
    assert (_pixels(tmp_path / "e.tif") == 2.0 * _pixels(scene)).all()


def test_values_that_the_user_calls_no_data_are_no_data(
    virtual: QgsRasterLayer, scene: Path, tmp_path: Path
) -> None:
    value = 2.0 * float(_pixels(scene)[5, 5])
    virtual.dataProvider().setUserNoDataValue(1, [QgsRasterRange(value, value)])
    LayerExport(virtual, None, tmp_path / "e.tif").write(Feedback())
    raster = gdal.Open(str(tmp_path / "e.tif"))
    band = raster.GetRasterBand(1)
    assert band.ReadAsArray()[5, 5] == band.GetNoDataValue()


def test_too_little_space_is_told_before(
    virtual: QgsRasterLayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    usage = type("usage", (), {"free": 100})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="of pixels to export, and .* only 0 MB of space; give an extent"):
        LayerExport(virtual, None, tmp_path / "e.tif").write(Feedback())


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Band 2", ""),
        ("Band 02", ""),
        ("Band 2: nir", "nir"),
        ("Band 02: nir (Gray)", "nir"),
        ("Band 2 (Red)", ""),
        ("Kanal 2: B08", "B08"),
        ("reflectance", "reflectance"),
    ],
)
def test_the_name_in_what_qgis_calls_a_band(told: str, name: str) -> None:
    assert band_name(told, 2) == name
