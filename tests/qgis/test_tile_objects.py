"""Objects in the dock: in a tile's detail and picture, in the table of tiles, on the map, in the summary."""

from __future__ import annotations

import csv
import io
import itertools
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from osgeo import ogr
from qgis.core import QgsGeometry
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtTest import QTest

from hydranet_qgis.dock import RunDock, object_shapes, tile_loader
from hydranet_qgis.dock.object_model import CLASS, LAYERS, LENGTH, SCORE, SERVED_ROLE
from hydranet_qgis.dock.object_table import MOST_ROWS
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.summary_table import object_numbers
from hydranet_qgis.dock.tile_columns import ABSTAINED, ANY_OBJECT
from hydranet_qgis.dock.tile_model import FRACTION_ROLE, OBJECTS
from hydranet_qgis.dock.tile_objects import TileObjects
from hydranet_qgis.dock.tile_picture import LARGE, SIDE
from hydranet_qgis.errors import RunFolderError
from hydranet_qgis.expert_colors import assign, contrast
from hydranet_qgis.object_records import RunObjects, objects_of, read_objects
from hydranet_qgis.objects_style import expert_color
from hydranet_qgis.run_folder import Run, RunClass, RunExpert
from hydranet_qgis.tile_records import TileRecord, read_tiles
from hydranet_qgis.what_if import Policy, WhatIf
from tests.qgis.object_runs import CLASSES, LEFT, SIX, TILE_M, TOP, Made, with_objects
from tests.qgis.run_edits import edit_expert, edit_json, with_scene
from tests.qgis.test_i18n import Marker, complaints, data_of, marker  # noqa: F401 - a fixture

PICTURE_MS = 5000
# How colours look to who lacks one kind of cones (Machado, Oliveira and Fernandes 2009), for linear RGB.
CONES = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        *((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216)),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        *((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413)),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        *((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602)),
        (0.004733, 0.691367, 0.303900),
    ),
}


@pytest.fixture
def objects(panel: RunPanel, run: Run) -> RunPanel:
    """The panel with a run that found six objects."""
    assert panel.open_run(str(with_objects(run).folder))
    return panel


def _section(panel: RunPanel) -> TileObjects:
    return panel.widgets.tiles.detail.objects


def _rows(panel: RunPanel) -> list[int]:
    """Numbers of the objects in the order of the rows."""
    return [record.id for record in _section(panel).model.records]


def _outline(panel: RunPanel) -> QgsGeometry | None:
    """What is outlined on the map as an object."""
    band = panel.map_link._object_marker._band
    return band.asGeometry() if band is not None else None


def _lab(color: str, cones: Any) -> Any:
    import numpy as np

    values = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    values = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(np.array(cones) @ values, 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _apart(first: str, second: str) -> float:
    """Least difference (CIE 1976) of two colours to any of these eyes."""
    import numpy as np

    return min(float(np.linalg.norm(_lab(first, c) - _lab(second, c))) for c in CONES.values())


# What is read


def test_the_table_is_read_as_it_was_written(run: Run) -> None:
    found = objects_of(with_objects(run))
    assert (found.problem, found.expert.name, len(found.records)) == ("", "objects", 6)
    first, seam = found.records[0], found.records[5]
    assert (first.id, first.label, first.score, first.tile, first.tiles) == (1, "ship", 0.93, 5, (5,))
    assert (first.area, first.length, first.width, first.top) == (46 * 12, 46, 12, 2)
    assert first.groups == ((2, 4), (1, 4))
    assert first.experts == (((6, 0.71), (8, 0.29)), ((2, 0.55), (13, 0.45)))
    assert seam.tiles == (5, 6)
    assert object_shapes.shape(first).area() == pytest.approx(46 * 12)
    assert [one.id for one in found.by_tile[5]] == [1, 2, 3, 4, 5, 6]
    assert [one.id for one in found.by_tile[6]] == [6]
    assert list(found.by_class.items()) == [("ship", 4), ("building", 2)]
    assert list(found.tiles_by_class.items()) == [("ship", 2), ("building", 1)]
    assert found.by_expert == {1: 1, 2: 2, 3: 1, 4: 1, 13: 1}
    assert found.colors() == dict(CLASSES)


def test_what_the_model_does_not_tell_is_empty(run: Run) -> None:
    run = with_objects(run, [Made(groups="", experts="", top=None, metres=False)])
    (one,) = read_objects(run)
    assert (one.groups, one.experts, one.top) == ((), (), None)
    assert (one.area, one.length, one.width) == (None, None, None)


def test_reading_stops_when_nobody_waits(run: Run) -> None:
    run = with_objects(run, [Made()] * 1500)
    asked = iter((False, True))
    assert len(read_objects(run, lambda: next(asked))) == 1000


def test_a_run_without_an_objects_expert_has_none(run: Run) -> None:
    assert objects_of(run) == RunObjects() and read_objects(run) == []


def _no_file(path: Path) -> None:
    path.unlink()


def _no_table(path: Path) -> None:
    path.write_bytes(b"not a table at all" * 100)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6000])


def _no_layer(path: Path) -> None:
    path.unlink()
    ogr.GetDriverByName("GPKG").CreateDataSource(str(path)).CreateLayer("other", None, ogr.wkbNone)


def _no_column(path: Path) -> None:
    table = ogr.Open(str(path), update=1)
    layer = table.GetLayerByName("objects")
    layer.DeleteField(layer.GetLayerDefn().GetFieldIndex("experts"))


def _value(name: str, value: Any) -> Any:
    def change(path: Path) -> None:
        table = ogr.Open(str(path), update=1)
        layer = table.GetLayerByName("objects")
        feature = layer.GetNextFeature()
        feature[name] = value
        layer.SetFeature(feature)

    return change


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_no_file, "missing"),
        (_no_table, "cannot be read"),
        (_cut, "cannot be read"),
        (_no_layer, "holds no layer 'objects'"),
        (_no_column, "cannot be read"),
        (_value("experts", "6:0.71;8"), "cannot be read"),
        (_value("groups", "two"), "cannot be read"),
        (_value("tiles", "5, six"), "cannot be read"),
        (_value("score", None), "cannot be read"),
    ],
)
def test_a_damaged_file_is_told_in_a_sentence_and_hides_no_tile(
    damage: Any, said: str, panel: RunPanel, run: Run
) -> None:
    run = with_objects(run)
    damage(run.folder / "objects.gpkg")
    with pytest.raises(RunFolderError):
        read_objects(run)
    assert panel.open_run(str(run.folder))
    assert len(panel.shown_tiles()) == 12 and panel.widgets.problem.isHidden()
    panel.select_tile(5)
    section, card = _section(panel), panel.widgets.summary.card
    assert not section.note.isHidden() and section.table.isHidden() and section.groups.isHidden()
    assert said in section.note.text() and "Traceback" not in section.note.text()
    assert "run HydraNet again" in section.note.text() and "\n" not in section.note.text()
    assert not card.objects_note.isHidden() and card.objects.isHidden() and card.usage.isHidden()
    assert "(object" not in panel.widgets.summary.csv()
    assert panel.widgets.table.isColumnHidden(OBJECTS) and panel.widgets.tiles.objects.isHidden()
    if damage is _no_file:
        assert not (run.folder / "objects.gpkg").exists()


def test_a_file_in_use_is_told(run: Run) -> None:
    run = with_objects(run)
    with closing(sqlite3.connect(run.folder / "objects.gpkg", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = objects_of(run)
    assert "in use by another program" in found.problem and found.records == ()


# A tile in detail


def test_a_tile_shows_each_object_with_its_experts(objects: RunPanel) -> None:
    objects.select_tile(5)
    section = _section(objects)
    model = section.model
    assert not section.isHidden() and not section.table.isHidden() and section.note.isHidden()
    assert "ship&nbsp;4" in section.title.text() and "building&nbsp;2" in section.title.text()
    assert section.groups.text() == "Scene groups: layer 1: 2, 4; layer 2: 1, 4"
    assert (model.rowCount(), model.columnCount()) == (6, LAYERS + 2)
    titles = [model.headerData(at, Qt.Orientation.Horizontal) for at in range(LAYERS)]
    assert titles == ["Class", "Score", "Length"]
    assert _rows(objects) == [1, 3, 5, 4, 6, 2]  # the surest first
    cells = [model.index(0, at).data() for at in range(5)]
    assert cells == ["ship", "0.93", "46 m", "6: 0.71, 8: 0.29", "2: 0.55, 13: 0.45"]
    assert model.index(0, LAYERS).data(SERVED_ROLE) == ((6, 0.71), (8, 0.29))
    assert model.index(1, SCORE).data(FRACTION_ROLE) == (0.88, "#8b5cf6")
    assert model.index(5, LENGTH).data() == "8.4 m"
    tip = model.index(0, LENGTH).data(Qt.ItemDataRole.ToolTipRole)
    assert "46 m long, 12 m wide, area 552 m²" in tip
    assert "Layer 2: expert 2 with 0.55, expert 13 with 0.45" in tip and "Another tile" not in tip
    # Of the object across the seam the neighbour's experts are told, and that they are.
    assert "Another tile sees more of it" in model.index(4, CLASS).data(Qt.ItemDataRole.ToolTipRole)


def test_an_object_across_a_seam_stands_in_both_tiles(objects: RunPanel) -> None:
    objects.select_tile(6)
    assert _rows(objects) == [6]
    assert _section(objects).groups.text() == "Scene groups: layer 1: 1, 3; layer 2: 1, 2"


def test_groups_of_another_tile_are_not_told_as_this_one_s(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(run, [replace(SIX[5], tile=6)]).folder))
    panel.select_tile(5)
    assert _rows(panel) == [1] and _section(panel).groups.isHidden()


@pytest.mark.parametrize(
    ("column", "up"),
    [
        (CLASS, [3, 4, 1, 2, 5, 6]),
        (SCORE, [2, 6, 4, 5, 3, 1]),
        (LENGTH, [2, 3, 1, 4, 6, 5]),
        (LAYERS, [1, 5, 2, 6, 4, 3]),  # experts 6 with 0.71 and 0.50, 8, 9, 14, 15
        (LAYERS + 1, [3, 5, 1, 6, 4, 2]),  # experts 1, 2 with 0.75 and 0.55, 3, 4, 13
    ],
)
def test_every_column_sorts(column: int, up: list[int], objects: RunPanel) -> None:
    objects.select_tile(5)
    table = _section(objects).table
    table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    assert _rows(objects) == up
    table.select(4)
    table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    # Equals stay in the run's order.
    assert _rows(objects) == ([1, 2, 5, 6, 3, 4] if column == CLASS else up[::-1])
    assert table.current().id == 4  # the row moved with its object


def test_objects_of_unknown_size_come_last_either_way(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(run, [Made(metres=False), *SIX[:2]]).folder))
    panel.select_tile(5)
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        _section(panel).table.sortByColumn(LENGTH, order)
        assert _rows(panel)[-1] == 1
    index = _section(panel).model.index(2, LENGTH)
    assert index.data() == "–" and "size not known" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_a_model_without_experts_in_its_decoder_has_no_columns_for_them(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(run, [Made(groups="", experts="", top=None)]).folder))
    panel.select_tile(5)
    section = _section(panel)
    assert section.model.columnCount() == LAYERS and section.groups.isHidden()
    card = panel.widgets.summary.card
    assert card.usage.isHidden() and not card.objects.isHidden()
    section.table.grab()


def test_eighty_objects_scroll_in_a_table_of_limited_height(panel: RunPanel, run: Run) -> None:
    many = [Made(score=0.3 + 0.005 * at, place=(165 + at, 330), tile=9, size=(20, 9)) for at in range(80)]
    panel.open_run(str(with_objects(run, many).folder))
    panel.select_tile(9)
    table = _section(panel).table
    assert table.model().rowCount() == 80
    row = table.verticalHeader().defaultSectionSize()
    assert table.height() < (MOST_ROWS + 3) * row and row >= table.fontMetrics().height() + 4
    assert table.select(1)
    assert table.visualRect(table.model().index(table.model().rowCount() - 1, 0)).isValid()
    assert table.indexAt(table.visualRect(table.currentIndex()).center()).isValid()  # scrolled there
    panel.select_tile(5)
    assert table.isHidden()


def test_what_is_drawn_tells_experts_and_weights(objects: RunPanel) -> None:
    objects.select_tile(5)
    table = _section(objects).table
    table.resize(420, table.height())
    image = QImage(table.viewport().size(), QImage.Format.Format_RGB32)
    table.viewport().render(image)
    box = table.visualRect(table.model().index(0, LAYERS))
    found = {}
    for number in (6, 8):
        color = QColor(expert_color(number))
        places = itertools.product(range(box.left(), box.right()), range(box.top(), box.bottom() + 1))
        found[number] = sum(image.pixelColor(x, y) == color for x, y in places)
    assert found[8] > 0 and found[6] > 1.5 * found[8]  # weights 0.71 and 0.29


def test_the_table_fits_a_narrow_dock(dock: RunDock, objects: RunPanel) -> None:
    dock.resize(620, 700)
    objects.select_tile(5)
    table = _section(objects).table
    assert table.horizontalScrollBar().maximum() == 0
    assert table.model().headerData(LAYERS, Qt.Orientation.Horizontal) == "Layer 1"
    table.setFixedWidth(260)
    assert table.model().headerData(LAYERS, Qt.Orientation.Horizontal) == "L 1"


# Why there are none


@pytest.mark.parametrize(
    ("tile", "said"),
    [
        (9, "Objects looked at the tile and found none."),
        (1, "No objects were looked for: the tile was not routed to Objects."),
        (0, "No objects were looked for: the tile was not routed to Objects."),
    ],
)
def test_a_tile_without_objects_says_why(tile: int, said: str, objects: RunPanel) -> None:
    objects.select_tile(tile)
    section = _section(objects)
    assert section.note.text() == said and not section.note.isHidden()
    assert section.table.isHidden() and section.groups.isHidden()


def test_an_expert_that_took_no_part_says_why(panel: RunPanel, run: Run) -> None:
    run = with_objects(run, (), ())
    warning = "Expert 'objects' was skipped: the pixel size of 10 m is outside 0.5 to 6 m."
    edit_json(run, lambda data: data["warnings"].append(warning))
    told = {
        "outside resolution": "No objects were looked for: the expert is for pixels of 0.5 to 6 m.",
        "not requested": "No objects were looked for: the run was asked for without this expert.",
    }
    for skipped, said in told.items():
        edit_expert(run, "objects", skipped=skipped)
        panel.open_run(str(run.folder))
        panel.select_tile(5)
        assert _section(panel).note.text() == said
        assert panel.widgets.table.isColumnHidden(OBJECTS)
        assert panel.widgets.summary.card.objects_note.isHidden()


def test_a_run_of_scores_only_says_so(panel: RunPanel, run: Run) -> None:
    run = edit_expert(with_objects(run), "objects", output=None, style=None, objects=None)
    edit_json(run, lambda data: data.update(decoded=False))
    panel.open_run(str(run.folder))
    panel.select_tile(5)
    assert _section(panel).note.text() == "Scores only: no objects were looked for."
    assert panel.widgets.table.isColumnHidden(OBJECTS)


def test_a_run_that_found_nothing_says_so_in_the_summary(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(run, ()).folder))
    card = panel.widgets.summary.card
    assert card.objects_note.text() == "None were found." and card.objects.isHidden()
    assert "(objects),,0" in panel.widgets.summary.csv()
    run = edit_expert(panel.run, "objects", output=None, style=None, tiles=0)
    panel.open_run(str(run.folder))
    assert card.objects_note.text() == "No tile was routed to the expert."


def test_a_run_without_the_expert_shows_nothing_of_it(panel: RunPanel, run: Run) -> None:
    panel.select_tile(5)
    page, card = panel.widgets.tiles, panel.widgets.summary.card
    assert _section(panel).isHidden() and page.objects.isHidden()
    assert panel.widgets.table.isColumnHidden(OBJECTS)
    assert card.objects.isHidden() and card.usage.isHidden() and card.objects_note.isHidden()
    assert page.detail.picture.sizeHint().width() == SIDE
    assert "object" not in panel.widgets.summary.csv()
    header = next(iter(_tile_lines(panel)))
    assert "objects" not in header
    assert panel.model.describe(panel.model.tiles[5]).count(";") == 0


# On the map and in the picture


def test_choosing_an_object_marks_it_on_the_map_until_none_is_chosen(objects: RunPanel) -> None:
    objects.select_tile(5)
    table, told = _section(objects).table, []
    objects.widgets.tiles.objectSelected.connect(told.append)
    assert _outline(objects) is None
    assert table.select(3)
    assert _outline(objects).area() == pytest.approx(30 * 22)
    table.select(1)
    center = _outline(objects).centroid().asPoint()
    assert (center.x(), center.y()) == pytest.approx((LEFT + 175 + 23, TOP - 180 - 6))
    assert objects.widgets.tiles.detail.picture._chosen == 1
    QTest.keyClick(table, Qt.Key.Key_Escape)
    assert table.current() is None and _outline(objects) is None
    assert objects.widgets.tiles.detail.picture._chosen is None
    assert objects.map_link._marker._band is not None  # the tile's own outline
    assert [one.id if one else None for one in told] == [3, 1, None]


def test_another_tile_or_run_takes_the_object_off_the_map(objects: RunPanel, canvas: Any) -> None:
    objects.select_tile(5)
    _section(objects).table.select(6)
    assert _outline(objects) is not None
    objects.select_tile(6)  # has it as well, but nobody chose it there
    assert _outline(objects) is None and _section(objects).current() is None
    _section(objects).table.select(6)
    objects.map_link.close()
    assert _outline(objects) is None


def test_a_click_beside_the_rows_chooses_none(objects: RunPanel) -> None:
    objects.select_tile(6)  # one row
    table = _section(objects).table
    table.setFixedHeight(200)
    table.select(6)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 150))
    assert table.current() is None and _outline(objects) is None


def test_a_double_click_or_enter_moves_the_map_there(objects: RunPanel, canvas: Any) -> None:
    objects.select_tile(5)
    table, opened = _section(objects).table, []
    objects.widgets.tiles.objectActivated.connect(opened.append)
    table.select(5)
    QTest.keyClick(table, Qt.Key.Key_Return)
    center, box = canvas.extent().center(), canvas.extent()
    assert (center.x(), center.y()) == pytest.approx((LEFT + 245, TOP - 300.5), abs=0.5)
    assert 120 < box.width() < 30 * 120
    place = table.visualRect(table.model().index(0, CLASS)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert canvas.extent().center() == center  # one click only marks it
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert canvas.extent().center().x() == pytest.approx(LEFT + 198, abs=0.5)
    assert [one.id for one in opened] == [5, 1]


def _picture(panel: RunPanel, tile: int, qtbot: Any) -> Any:
    panel.select_tile(tile)
    picture = panel.widgets.tiles.detail.picture
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=PICTURE_MS)
    return picture


def _like(image: QImage, color: str) -> int:
    """Pixels that look like a colour."""
    wanted, found = QColor(color), 0
    for x, y in itertools.product(range(image.width()), range(image.height())):
        seen = image.pixelColor(x, y)
        off = abs(seen.red() - wanted.red()) + abs(seen.green() - wanted.green())
        found += off + abs(seen.blue() - wanted.blue()) < 60
    return found


def test_the_picture_outlines_objects_and_the_chosen_one_thicker(objects: RunPanel, qtbot: Any) -> None:
    picture = _picture(objects, 6, qtbot)
    assert picture.sizeHint().width() == LARGE == picture.image.width() / picture.devicePixelRatioF()
    picture.resize(LARGE, LARGE)
    color = dict(CLASSES)["ship"]
    before = _like(picture.grab().toImage(), color)
    _section(objects).table.select(6)
    after = _like(picture.grab().toImage(), color)
    assert before > 5 and after > 1.5 * before
    objects.select_tile(1)
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=PICTURE_MS)
    assert picture._objects == []


def test_outlines_are_placed_in_their_tile_also_in_a_turned_raster(run: Run) -> None:
    run = with_objects(run)
    tile = next(one for one in read_tiles(run) if one.index == 5)
    found = read_objects(run)
    (place,) = object_shapes.in_tile(tile, found[:1])
    # 15 m right and 20 m below the corner of a tile of 160 m.
    assert (place[0].x(), place[0].y()) == pytest.approx((15 / TILE_M, 20 / TILE_M))
    assert (place[2].x(), place[2].y()) == pytest.approx((61 / TILE_M, 32 / TILE_M))

    def turned(wkb: bytes) -> bytes:
        shape = QgsGeometry()
        shape.fromWkb(wkb)
        shape.rotate(30, QgsGeometry.fromWkt(f"Point({LEFT} {TOP})").asPoint())
        return bytes(shape.asWkb())

    (again,) = object_shapes.in_tile(replace(tile, wkb=turned(tile.wkb)), [
        found[0]._replace(wkb=turned(found[0].wkb))
    ])  # fmt: skip
    for before, after in zip(place, again, strict=True):
        assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()))
    (gone,) = object_shapes.in_tile(tile, [found[0]._replace(wkb=b"")])
    assert gone.isEmpty()


# Tiles


def _tile_lines(panel: RunPanel) -> list[dict[str, str]]:
    from hydranet_qgis.dock.summary_table import tiles_csv

    return list(csv.DictReader(io.StringIO("".join(tiles_csv(panel.model.columns)))))


def test_tiles_count_and_sort_by_their_objects(dock: RunDock, objects: RunPanel) -> None:
    dock.resize(700, 700)
    model, table = objects.model, objects.widgets.table
    assert not table.isColumnHidden(OBJECTS)
    assert model.headerData(OBJECTS, Qt.Orientation.Horizontal) == "Objects"
    cells = {t.index: model.index(model.row_of(t.index), OBJECTS).data() for t in model.tiles}
    assert (cells[5], cells[6], cells[9], cells[1], cells[0]) == ("6", "1", "0", "–", "–")
    table.sortByColumn(OBJECTS, Qt.SortOrder.DescendingOrder)
    assert [tile.index for tile in objects.shown_tiles()][:3] == [5, 6, 9]
    table.sortByColumn(OBJECTS, Qt.SortOrder.AscendingOrder)
    assert [tile.index for tile in objects.shown_tiles()][:3] == [9, 6, 5]  # without a number come last
    assert "; 6 objects" in model.describe(model.tiles[5]) and "; 1 object" in model.describe(model.tiles[6])


def test_tiles_are_filtered_by_the_class_of_their_objects(objects: RunPanel) -> None:
    page = objects.widgets.tiles
    assert [page.objects.itemText(at) for at in range(page.objects.count())] == [
        *("All objects", "With objects (2)", "ship (2)", "building (1)"),
    ]

    def shown(data: Any) -> list[int]:
        page.objects.setCurrentIndex(page.objects.findData(data))
        return [tile.index for tile in objects.shown_tiles()]

    assert shown(ANY_OBJECT) == [5, 6] and shown("ship") == [5, 6] and shown("building") == [5]
    assert page.clear_button.isEnabled()
    page.kind.setCurrentIndex(page.kind.findData(ABSTAINED))
    assert objects.shown_tiles() == []
    page.clear_filters()
    assert page.objects.currentData() is None and len(objects.shown_tiles()) == 12


def test_filters_of_scenes_and_objects_leave_room_to_type(dock: RunDock, panel: RunPanel, run: Run) -> None:
    page = panel.widgets.tiles
    panel.open_run(str(with_objects(with_scene(run)).folder))
    dock.resize(400, 700)
    dock.grab()
    assert not page.scene.isHidden() and not page.objects.isHidden()
    assert page.text.width() > 200 and page.scene.y() == page.objects.y() > page.text.y()


def test_many_objects_are_read_in_a_thread(
    panel: RunPanel, run: Run, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_loader, "OBJECTS_AT_ONCE", 5)
    panel.open_run(str(with_objects(run).folder))
    assert panel.loader.busy and not panel.model.has_objects
    qtbot.waitUntil(lambda: not panel.loader.busy, timeout=5000)
    panel.select_tile(5)
    assert len(_rows(panel)) == 6


def test_a_run_made_anew_shows_its_new_objects(objects: RunPanel, run: Run) -> None:
    from tests.qgis.object_runs import write_objects

    objects.select_tile(5)
    write_objects(run.folder / "objects.gpkg", run.crs_wkt, SIX[:2])
    edit_json(run, lambda data: data.update(created="2026-05-04T12:00:00+00:00"))
    objects.refresh()
    objects.select_tile(5)
    assert sorted(_rows(objects)) == [1, 2]


# Summary and what if


def test_the_summary_counts_classes_and_experts(objects: RunPanel) -> None:
    card = objects.widgets.summary.card
    assert "6 in all" in card._heads["objects"].text()
    assert "ship: 4 · 67 %, mean 0.66" in card.objects.accessibleDescription()
    assert "Expert 2: 2 objects, 33 %" in card.usage.accessibleDescription()
    assert card.usage.line(5) == "Expert 5: 0 objects, 0 %"
    ship, building = object_numbers(objects.model.columns.found)
    assert (ship.name, ship.tiles, ship.share) == ("ship", 4, pytest.approx(4 / 6))
    assert building.mean_score == pytest.approx((0.88 + 0.67) / 2)
    objects.widgets.summary.picture()


def test_the_csv_has_objects_and_experts(objects: RunPanel) -> None:
    rows = list(csv.reader(io.StringIO(objects.widgets.summary.csv())))
    assert len({len(row) for row in rows}) == 1
    told = [row[:4] for row in rows if row[0].startswith("(object")]
    assert told == [
        ["(objects)", "", "6", ""],
        ["(object class)", "ship", "4", "0.6667"],
        ["(object class)", "building", "2", "0.3333"],
        *(["(object expert)", str(n), str(c), f"{c / 6:.4f}"] for n, c in ((1, 1), (2, 2), (3, 1))),
        *(["(object expert)", str(n), "1", "0.1667"] for n in (4, 13)),
    ]
    lines = {line["tile"]: line for line in _tile_lines(objects)}
    names = ("objects", "objects_ship", "objects_building")
    assert [lines["5"][name] for name in names] == ["6", "4", "2"]
    assert [lines["9"][name] for name in names] == ["0", "0", "0"]
    assert [lines["1"][name] for name in names] == ["", "", ""]


def test_what_if_decodes_no_tile_again_for_the_seams_of_objects(run: Run) -> None:
    """Neighbours share pixels: water is decoded again there, objects are made of what is kept."""
    run = with_objects(run)
    run = edit_json(run, lambda data: data.update(grid={"tile": 20, "overlap": 4, "rows": 3, "cols": 4}))
    tiles = read_tiles(run)
    low = Policy(k=9, thresholds={"objects": 0.1, "water": 0.1})
    changes = {one.name: one for one in WhatIf(run, tiles).change(low).experts}
    assert (changes["objects"].before, changes["objects"].after) == (3, 11)
    assert (changes["objects"].added, changes["objects"].seams) == (8, 0)
    assert changes["water"].added and changes["water"].seams


def test_the_expert_has_a_row_in_scores_map_and_what_if(objects: RunPanel) -> None:
    objects.select_tile(5)
    at = [expert.name for expert in objects.run.experts].index("objects")
    assert objects.widgets.bars.line(at) == "Objects: score 0.85, threshold 0.50, reaches its threshold 0.50"
    assert any("objects" in str(objects.widgets.heat.choice.itemData(row)) for row in
               range(objects.widgets.heat.choice.count()))  # fmt: skip
    tile = objects.model.tiles[5]
    assert isinstance(tile, TileRecord) and "objects" in tile.chosen


def test_its_colour_is_told_from_all_others_by_any_eye() -> None:
    import json

    root = Path(__file__).parents[2]
    bundled = json.loads((root / "resources" / "bundle" / "model.json").read_text(encoding="utf-8"))
    told = [(e["name"], e["kind"], [c["color"] for c in e["classes"]]) for e in bundled["experts"]]
    if not any(kind == "objects" for _, kind, _ in told):
        told.append(("objects", "objects", [color for _, color in CLASSES]))
    experts = [
        RunExpert(
            *(name, name, kind, None, tuple(RunClass(at, "", color) for at, color in enumerate(drawn))),
            *(0.5, False, 0, 0, None, None, None, None),
        )
        for name, kind, drawn in told
    ]
    colors = assign(experts)
    mine = colors.pop("objects")
    assert min(_apart(mine, other) for other in (*colors.values(), dict(CLASSES)["ship"])) > 20
    assert contrast(mine, "#ffffff") > 2 and contrast(mine, "#2b2b2b") > 2


def test_what_a_screen_reader_and_a_translator_find(
    marker: Marker,  # noqa: F811 - the fixture
    dock: RunDock,
    run: Run,
) -> None:
    run = with_objects(run)
    assert dock.panel.open_run(str(run.folder))
    found = []
    for tile in (5, 9, 1):
        dock.panel.select_tile(tile)
        found += complaints(dock, data_of(run) | {name for name, _ in CLASSES})
    assert not found, "\n".join(found)
    section, card = _section(dock.panel), dock.panel.widgets.summary.card
    for widget in (section.table, section, card.objects, card.usage, dock.panel.widgets.tiles.objects):
        assert widget.accessibleName()
    assert section.table.accessibleDescription() and section.groups.toolTip()
    for column in range(section.model.columnCount()):
        assert section.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert section.table.focusPolicy() & Qt.FocusPolicy.TabFocus and not section.table.tabKeyNavigation()
