"""The mask on its way to the worker: the layer's own file, or a copy of what the layer means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from hydranet_qgis.algorithms.mask_file import MaskFile, copies, resolve_mask
from hydranet_qgis.run_folder import read_run
from hydranet_qgis.tile_records import read_tiles
from tests.qgis.conftest import Feedback, make_scene
from tests.qgis.test_predict import _run
from tests.qgis.test_predict_refusals import _refusal

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")

# The scene is 4 by 3 tiles of 160 m from (500000, 5200000); each polygon lies inside one tile.
UPPER_RIGHT = "Polygon((500500 5199900, 500520 5199900, 500520 5199920, 500500 5199920, 500500 5199900))"
LOWER_LEFT = "Polygon((500010 5199600, 500030 5199600, 500030 5199620, 500010 5199620, 500010 5199600))"
UTM = QgsCoordinateReferenceSystem("EPSG:32632")


def _memory(*wkts: str, kind: str = "Polygon") -> QgsVectorLayer:
    layer = QgsVectorLayer(f"{kind}?crs=EPSG:32632&field=n:integer", "areas", "memory")
    for number, wkt in enumerate(wkts):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(wkt))
        feature["n"] = number
        layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    return layer


def _save(layer: QgsVectorLayer, path: Path, name: str = "areas", append: bool = False) -> Path:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName = name
    options.driverName = {".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".geojson": "GeoJSON"}[path.suffix]
    if append:
        options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    context = QgsProject.instance().transformContext()
    QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), context, options)
    return path


def _used(scene: Path, out: Path, mask: Any) -> tuple[str, set[int], list[str]]:
    """The mask in the request, the tiles it left to do, and the log."""
    feedback = Feedback()
    _run(scene, out, feedback, MASK=mask)
    run = read_run(out)
    tiles = read_tiles(run)
    assert run.masked == sum(tile.masked for tile in tiles)
    path = json.loads((out / "run.json").read_text())["request"]["mask"]
    return path, {tile.index for tile in tiles if not tile.masked}, feedback.lines


@pytest.mark.parametrize("name", ["mask.gpkg", "mask.shp", "mask.geojson"])
def test_a_plain_file_is_used_as_it_is(name: str, scene: Path, tmp_path: Path, project: QgsProject) -> None:
    path = _save(_memory(UPPER_RIGHT), tmp_path / name)
    assert _used(scene, tmp_path / "by_path", str(path))[:2] == (str(path), {3})
    layer = QgsVectorLayer(str(path), "mask")
    project.addMapLayer(layer)
    assert _used(scene, tmp_path / "by_layer", layer.id())[:2] == (str(path), {3})
    whole = QgsProcessingFeatureSourceDefinition(layer.id())
    assert _used(scene, tmp_path / "by_definition", whole)[:2] == (str(path), {3})


def _copied(path: str, lines: list[str]) -> bool:
    told = any("its polygons are copied" in line for line in lines)
    assert told == (Path(path).parent == copies())
    return told and list(copies().iterdir()) == []


def test_a_layer_without_a_file_is_copied_and_the_copy_removed(
    scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    layer = _memory(UPPER_RIGHT, LOWER_LEFT)
    project.addMapLayer(layer)
    path, done, lines = _used(scene, tmp_path / "out", layer.id())
    assert done == {3, 8}
    assert _copied(path, lines)


def test_only_the_selected_polygons_count_if_asked(
    scene: Path, tmp_path: Path, project: QgsProject, context: QgsProcessingContext
) -> None:
    layer = QgsVectorLayer(str(_save(_memory(UPPER_RIGHT, LOWER_LEFT), tmp_path / "m.gpkg")), "areas")
    project.addMapLayer(layer)
    selected = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "MASK": selected}
    assert "No polygon of the mask 'areas' is selected" in _refusal(parameters, context)
    layer.selectByExpression('"n" = 1')
    path, done, lines = _used(scene, tmp_path / "out", selected)
    assert done == {8}
    assert _copied(path, lines)


def _filter(layer: QgsVectorLayer) -> None:
    layer.setSubsetString('"n" = 1')


def _edit(layer: QgsVectorLayer) -> None:
    layer.startEditing()
    layer.deleteFeature(next(f.id() for f in layer.getFeatures() if f["n"] == 0))


@pytest.mark.parametrize("change", [_filter, _edit])
def test_what_the_layer_means_counts_not_what_its_file_says(
    change: Any, scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    layer = QgsVectorLayer(str(_save(_memory(UPPER_RIGHT, LOWER_LEFT), tmp_path / "m.gpkg")), "areas")
    project.addMapLayer(layer)
    change(layer)
    path, done, lines = _used(scene, tmp_path / "out", layer.id())
    assert done == {8}
    assert _copied(path, lines)


def test_a_crs_that_qgis_was_told_counts(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    wrong = _memory(UPPER_RIGHT)
    wrong.setCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    layer = QgsVectorLayer(str(_save(wrong, tmp_path / "m.gpkg")), "areas")
    layer.setCrs(UTM)
    project.addMapLayer(layer)
    path, done, lines = _used(scene, tmp_path / "out", layer.id())
    assert done == {3}
    assert _copied(path, lines)


def test_one_of_several_layers_of_a_file_is_copied(scene: Path, tmp_path: Path) -> None:
    path = _save(_memory(UPPER_RIGHT), tmp_path / "m.gpkg", "one")
    _save(_memory(LOWER_LEFT), path, "two", append=True)
    used, done, lines = _used(scene, tmp_path / "out", f"{path}|layername=two")
    assert done == {8}
    assert _copied(used, lines)


def test_curves_and_heights_become_plain_polygons(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    round_one = "CurvePolygonZ(CircularStringZ(500500 5199910 1, 500520 5199910 1, 500500 5199910 1))"
    layer = _memory(round_one, kind="CurvePolygonZ")
    assert layer.featureCount() == 1
    project.addMapLayer(layer)
    _, done, _ = _used(scene, tmp_path / "out", layer.id())
    assert done == {3}


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (
            lambda: _memory("LineString(500000 5200000, 500100 5199900)", kind="LineString"),
            "holds no polygons",
        ),
        (lambda: _memory(), "The mask 'areas' is empty"),
        (lambda: _memory("Polygon((0 0, 1 0, 1 1, 0 0))"), "The mask 'areas' lies outside the raster 'lake'"),
    ],
)
def test_a_mask_that_cannot_work_is_refused(
    layer: Any, sentence: str, scene: Path, tmp_path: Path, project: QgsProject, context: QgsProcessingContext
) -> None:
    mask = layer()
    project.addMapLayer(mask)
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "MASK": mask.id()}
    assert sentence in _refusal(parameters, context)


def test_a_mask_in_another_crs_is_no_reason_to_refuse(
    scene: Path, tmp_path: Path, project: QgsProject, context: QgsProcessingContext
) -> None:
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", "degrees", "memory")
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromWkt("Polygon((9 46.94, 9.01 46.94, 9.01 46.96, 9 46.96, 9 46.94))"))
    layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    project.addMapLayer(layer)
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "out"), "MASK": layer.id()}
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
    assert algorithm.checkParameterValues(parameters, context) == (True, "")
    assert len(_used(scene, tmp_path / "out", layer.id())[1]) == 12


def test_the_copy_goes_also_when_the_run_fails(tmp_path: Path, project: QgsProject) -> None:
    layer = _memory(UPPER_RIGHT)
    project.addMapLayer(layer)
    with pytest.raises(QgsProcessingException, match="3 bands"):
        _run(make_scene(tmp_path / "error.tif"), tmp_path / "out", MASK=layer.id())
    assert list(copies().iterdir()) == []


def _copy_of(layer: QgsVectorLayer, context: QgsProcessingContext) -> MaskFile:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
    return resolve_mask(algorithm, {"MASK": layer.id()}, "MASK", context)


def test_the_same_polygons_give_the_same_file_so_that_a_run_can_be_resumed(
    project: QgsProject, context: QgsProcessingContext
) -> None:
    layer, other = _memory(UPPER_RIGHT), _memory(LOWER_LEFT)
    project.addMapLayers([layer, other])
    seen = []
    for _ in range(2):
        mask = _copy_of(layer, context)
        found = Path(mask.path)
        seen.append((mask.path, found.read_bytes(), found.stat().st_mtime_ns))
        mask.remove()
        assert not found.exists()
    assert seen[0] == seen[1]
    mask = _copy_of(other, context)
    assert mask.path != seen[0][0]
    mask.remove()


def test_a_copy_lives_as_long_as_one_run_uses_it(project: QgsProject, context: QgsProcessingContext) -> None:
    layer = _memory(UPPER_RIGHT)
    project.addMapLayer(layer)
    first, second = _copy_of(layer, context), _copy_of(layer, context)
    assert first.path == second.path
    first.remove()
    first.remove()
    assert Path(second.path).is_file()
    second.remove()
    assert not Path(second.path).exists()
