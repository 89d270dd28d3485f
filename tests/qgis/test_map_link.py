"""Dock and map tied together: the tool, the marker, the selection both ways, and the preview."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas, QgsMapToolPan, QgsRubberBand
from qgis.PyQt.QtCore import QPoint, Qt

from hydranet_qgis import results
from hydranet_qgis.dock.map_link import MapLink
from hydranet_qgis.dock.map_tiles import MapTiles
from hydranet_qgis.run_folder import Run
from hydranet_qgis.tile_records import TileRecord, read_tiles


@pytest.fixture
def tiles(run: Run) -> list[TileRecord]:
    return read_tiles(run)


@pytest.fixture
def link(run: Run, tiles: list[TileRecord], project: QgsProject, canvas: QgsMapCanvas) -> Iterator[MapLink]:
    results.load_run(run, project)
    made = MapLink(canvas)
    made.show_run(run, tiles)
    canvas.setExtent(_routing(run).extent())
    yield made
    made.close()
    made.deleteLater()


def _routing(run: Run) -> Any:
    return results.find_layer(QgsProject.instance(), run, results.ROUTING_ROLE)


def _bands(canvas: QgsMapCanvas) -> list[QgsRubberBand]:
    return [item for item in canvas.scene().items() if isinstance(item, QgsRubberBand) and item.isVisible()]


def _center(tile: TileRecord) -> QgsPointXY:
    return MapTiles.shape(tile).centroid().asPoint()


def _pixel(canvas: QgsMapCanvas, point: QgsPointXY) -> QPoint:
    place = canvas.getCoordinateTransform().transform(point)
    return QPoint(round(place.x()), round(place.y()))


def _selected(run: Run) -> set[int]:
    return {feature["tile"] for feature in _routing(run).selectedFeatures()}


def _feature_ids(run: Run, tiles: set[int]) -> list[int]:
    return [feature.id() for feature in _routing(run).getFeatures() if feature["tile"] in tiles]


def test_a_click_with_the_tool_picks_the_tile(
    link: MapLink, tiles: list[TileRecord], canvas: QgsMapCanvas, qtbot: Any
) -> None:
    link.action.trigger()
    assert link.action.isChecked()
    for tile in (tiles[0], tiles[6], tiles[-1]):
        with qtbot.waitSignal(link.tilePicked) as picked:
            qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=_pixel(canvas, _center(tile)))
        assert picked.args == [tile.index]


def test_a_click_beside_all_tiles_picks_none(link: MapLink, canvas: QgsMapCanvas, qtbot: Any) -> None:
    canvas.setExtent(QgsRectangle(400_000, 5_000_000, 400_100, 5_000_100))
    link.action.trigger()
    with qtbot.assertNotEmitted(link.tilePicked):
        qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton)


def test_the_right_button_picks_none(
    link: MapLink, tiles: list[TileRecord], canvas: QgsMapCanvas, qtbot: Any
) -> None:
    link.action.trigger()
    with qtbot.assertNotEmitted(link.tilePicked):
        qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.RightButton, pos=_pixel(canvas, _center(tiles[6])))


def test_escape_goes_back_to_the_tool_before(link: MapLink, canvas: QgsMapCanvas, qtbot: Any) -> None:
    pan = QgsMapToolPan(canvas)
    canvas.setMapTool(pan)
    link.action.trigger()
    assert canvas.mapTool() is not pan
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.mapTool() is pan
    assert not link.action.isChecked()
    canvas.unsetMapTool(pan)


def test_choosing_another_tool_unchecks_the_action(link: MapLink, canvas: QgsMapCanvas) -> None:
    link.action.trigger()
    pan = QgsMapToolPan(canvas)
    canvas.setMapTool(pan)
    assert not link.action.isChecked()
    canvas.unsetMapTool(pan)


def test_a_second_press_of_the_action_leaves_the_tool(link: MapLink, canvas: QgsMapCanvas) -> None:
    link.action.trigger()
    link.action.trigger()
    assert not link.action.isChecked()
    assert canvas.mapTool() is None


def test_a_map_in_another_crs_finds_the_same_tile(
    link: MapLink, tiles: list[TileRecord], canvas: QgsMapCanvas
) -> None:
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    move = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:32632"),
        QgsCoordinateReferenceSystem("EPSG:4326"),
        QgsProject.instance(),
    )
    for tile in tiles:
        assert link.tile_at(move.transform(_center(tile))).index == tile.index


def test_rotated_tiles_are_told_apart(tiles: list[TileRecord]) -> None:
    turned = []
    for tile in tiles:
        shape = MapTiles.shape(tile)
        shape.rotate(30.0, QgsPointXY(500_300, 5_199_800))
        turned.append(replace(tile, wkb=bytes(shape.asWkb())))
    found = MapTiles(turned)
    for tile in turned:
        box = MapTiles.shape(tile).boundingBox()
        assert found.at(_center(tile)).index == tile.index
        near = found.at(QgsPointXY(box.xMinimum() + 1, box.yMaximum() - 1))
        assert near is None or near.index != tile.index  # the corner of the box is not the tile


def test_tiles_side_by_side_are_one_part(tiles: list[TileRecord]) -> None:
    found = MapTiles(tiles)
    # Four columns: 1 and 2 lie side by side, 5 below 1, and 3 and 4 in different rows.
    assert found.together({1, 2}).constGet().numGeometries() == 1
    assert found.together({1, 5}).constGet().numGeometries() == 2
    assert found.together({3, 4}).constGet().numGeometries() == 2
    whole = found.together(range(12))
    assert whole.constGet().numGeometries() == 3
    assert whole.area() == pytest.approx(sum(MapTiles.shape(tile).area() for tile in tiles))


def test_tiles_of_any_shape_are_found(tiles: list[TileRecord]) -> None:
    cut = [replace(tile, wkb=bytes(MapTiles.shape(tile).buffer(-5.0, 4).asWkb())) for tile in tiles]
    found = MapTiles([*cut, replace(tiles[0], index=99, wkb=b"")])
    assert all(found.at(_center(tile)).index == tile.index for tile in cut)
    assert found.together({1, 2, 99}).area() == pytest.approx(
        sum(MapTiles.shape(tile).area() for tile in cut[1:3])
    )
    assert MapTiles().at(QgsPointXY(0, 0)) is None


def test_hovering_tells_place_and_strongest_expert(link: MapLink, run: Run, tiles: list[TileRecord]) -> None:
    tile = tiles[11]
    said = link.describe(_center(tile))
    assert said == f"Row 2, column 3 · {run.experts[tile.top].label} {tile.top_score:.2f}"
    assert link.describe(_center(tiles[0])) == "Row 0, column 0"
    assert link.describe(QgsPointXY(0, 0)) == ""


def test_a_selection_in_qgis_is_told_in_tiles(link: MapLink, run: Run, qtbot: Any) -> None:
    with qtbot.waitSignal(link.selectionChanged) as told:
        _routing(run).selectByIds(_feature_ids(run, {3, 7}))
    assert told.args == [[3, 7]]
    with qtbot.waitSignal(link.selectionChanged) as told:
        _routing(run).removeSelection()
    assert told.args == [[]]


def test_tiles_are_selected_in_qgis_without_an_echo(link: MapLink, run: Run, qtbot: Any) -> None:
    with qtbot.assertNotEmitted(link.selectionChanged):
        link.select([2, 5, 999])
    assert _selected(run) == {2, 5}
    with qtbot.assertNotEmitted(link.selectionChanged):
        link.select([])
    assert _selected(run) == set()


def test_two_that_follow_each_other_do_not_circle(link: MapLink, run: Run) -> None:
    told = []
    link.selectionChanged.connect(lambda tiles: (told.append(tiles), link.select(tiles)))
    _routing(run).selectByIds(_feature_ids(run, {4}))
    assert told == [[4]]


def test_a_removed_layer_is_let_go_and_a_new_one_followed(link: MapLink, run: Run, qtbot: Any) -> None:
    project = QgsProject.instance()
    project.removeMapLayer(_routing(run).id())
    link.select([2])
    link.mark(None)
    results.load_routing(run, project)
    link.select([2])
    assert _selected(run) == {2}
    with qtbot.waitSignal(link.selectionChanged) as told:
        _routing(run).selectByIds(_feature_ids(run, {6}))
    assert told.args == [[6]]


def test_the_preview_is_one_band_over_all_tiles(
    link: MapLink, tiles: list[TileRecord], canvas: QgsMapCanvas
) -> None:
    link.preview({1, 2, 999})
    (band,) = _bands(canvas)
    expected = MapTiles.shape(tiles[1]).area() + MapTiles.shape(tiles[2]).area()
    assert band.asGeometry().area() == pytest.approx(expected)
    assert 0 < band.fillColor().alpha() < 128
    link.preview({3})
    assert len(_bands(canvas)) == 1
    link.preview(())
    assert _bands(canvas) == []


def test_marker_and_preview_follow_the_crs_of_the_map(
    link: MapLink, tiles: list[TileRecord], canvas: QgsMapCanvas
) -> None:
    link.mark(tiles[6])
    link.preview({6})
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    boxes = [band.asGeometry().boundingBox() for band in _bands(canvas)]
    assert len(boxes) == 2
    assert all(math.isclose(box.center().x(), 9.0, abs_tol=0.1) for box in boxes)


def test_zoom_moves_the_map(link: MapLink, tiles: list[TileRecord], canvas: QgsMapCanvas) -> None:
    link.zoom(tiles[6])
    shape = MapTiles.shape(tiles[6])
    assert canvas.extent().contains(shape.boundingBox())


def test_close_leaves_nothing_on_the_map(
    run: Run, tiles: list[TileRecord], project: QgsProject, canvas: QgsMapCanvas, qtbot: Any
) -> None:
    qtbot.waitUntil(lambda: not _bands(canvas), timeout=10_000)  # the flash of an earlier test
    results.load_run(run, project)
    link = MapLink(canvas)
    link.show_run(run, tiles)
    link.mark(tiles[1])
    link.preview({1, 2})
    link.action.trigger()
    link.close()
    link.close()
    assert _bands(canvas) == []
    assert canvas.mapTool() is None
    with qtbot.assertNotEmitted(link.selectionChanged):
        _routing(run).selectByIds(_feature_ids(run, {3}))
    link.deleteLater()


def test_without_a_map_nothing_happens(run: Run, tiles: list[TileRecord], project: QgsProject) -> None:
    link = MapLink(None)
    link.show_run(run, tiles)
    link.mark(tiles[0])
    link.zoom(tiles[0])
    link.preview({1})
    link.select([1])
    assert not link.action.isEnabled()
    assert link.tile_at(QgsPointXY(500_100, 5_199_900)) is None
    link.close()


def test_the_tool_is_off_without_a_run(link: MapLink, canvas: QgsMapCanvas) -> None:
    link.action.trigger()
    link.show_run(None, [])
    assert not link.action.isEnabled()
    assert canvas.mapTool() is None


def test_twenty_thousand_tiles_are_found_and_previewed(canvas: QgsMapCanvas, run: Run) -> None:
    many = []
    for number in range(20_000):
        row, col = divmod(number, 200)
        shape = QgsGeometry.fromRect(QgsRectangle(col, row, col + 1, row + 1))
        many.append(TileRecord(number, row, col, 1.0, (), (), "", (), bytes(shape.asWkb())))
    found = MapTiles(many)
    assert found.at(QgsPointXY(120.5, 70.5)).index == 70 * 200 + 120
    assert found.together(range(20_000)).area() == pytest.approx(20_000)
