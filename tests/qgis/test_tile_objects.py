"""Objects in a tile's detail: each with its experts, or why there are none; and who can read it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtTest import QTest

from hydranet_qgis.dock import RunDock
from hydranet_qgis.dock.object_model import CLASS, LAYERS, LENGTH, SCORE, SERVED_ROLE
from hydranet_qgis.dock.object_table import MOST_ROWS
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.tile_model import FRACTION_ROLE, OBJECTS
from hydranet_qgis.dock.tile_picture import LARGE, SIDE
from hydranet_qgis.objects_style import expert_color
from hydranet_qgis.run_folder import Run
from tests.qgis.object_panel import row_numbers, section_of, tile_lines
from tests.qgis.object_runs import CLASSES, SIX, Made, with_objects
from tests.qgis.run_edits import edit_expert, edit_json, with_scene
from tests.qgis.test_i18n import Marker, complaints, data_of, marker  # noqa: F401 - a fixture

PICTURE_MS = 5000


def test_a_tile_shows_each_object_with_its_experts(objects: RunPanel) -> None:
    objects.select_tile(5)
    section = section_of(objects)
    model = section.model
    assert not section.isHidden() and not section.table.isHidden() and section.note.isHidden()
    assert "ship&nbsp;4" in section.title.text() and "building&nbsp;2" in section.title.text()
    assert section.groups.text() == "Scene groups: layer 1: 2, 4; layer 2: 1, 4"
    assert (model.rowCount(), model.columnCount()) == (6, LAYERS + 2)
    titles = [model.headerData(at, Qt.Orientation.Horizontal) for at in range(LAYERS)]
    assert titles == ["Class", "Score", "Length"]
    assert row_numbers(objects) == [1, 3, 5, 4, 6, 2]  # the surest first
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
    assert row_numbers(objects) == [6]
    assert section_of(objects).groups.text() == "Scene groups: layer 1: 1, 3; layer 2: 1, 2"


def test_groups_of_another_tile_are_not_told_as_this_one_s(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(run, [replace(SIX[5], tile=6)]).folder))
    panel.select_tile(5)
    assert row_numbers(panel) == [1] and section_of(panel).groups.isHidden()


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
    table = section_of(objects).table
    table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    assert row_numbers(objects) == up
    table.select(4)
    table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    # Equals stay in the run's order.
    assert row_numbers(objects) == ([1, 2, 5, 6, 3, 4] if column == CLASS else up[::-1])
    assert table.current().id == 4  # the row moved with its object


def test_objects_of_unknown_size_come_last_either_way(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(run, [Made(metres=False), *SIX[:2]]).folder))
    panel.select_tile(5)
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        section_of(panel).table.sortByColumn(LENGTH, order)
        assert row_numbers(panel)[-1] == 1
    index = section_of(panel).model.index(2, LENGTH)
    assert index.data() == "–" and "size not known" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_a_model_without_experts_in_its_decoder_has_no_columns_for_them(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(run, [Made(groups="", experts="", top=None)]).folder))
    panel.select_tile(5)
    section = section_of(panel)
    assert section.model.columnCount() == LAYERS and section.groups.isHidden()
    card = panel.widgets.summary.card
    assert card.usage.isHidden() and not card.objects.isHidden()
    section.table.grab()


def test_eighty_objects_scroll_in_a_table_of_limited_height(panel: RunPanel, run: Run) -> None:
    many = [Made(score=0.3 + 0.005 * at, place=(165 + at, 330), tile=9, size=(20, 9)) for at in range(80)]
    panel.open_run(str(with_objects(run, many).folder))
    panel.select_tile(9)
    table = section_of(panel).table
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
    table = section_of(objects).table
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
    table = section_of(objects).table
    assert table.horizontalScrollBar().maximum() == 0
    assert table.model().headerData(LAYERS, Qt.Orientation.Horizontal) == "Layer 1"
    table.setFixedWidth(260)
    assert table.model().headerData(LAYERS, Qt.Orientation.Horizontal) == "L 1"


# Why there are none


def test_a_dock_of_280_pixels_shows_all_of_it(dock: RunDock, panel: RunPanel, run: Run, qtbot: Any) -> None:
    """Nothing is cut off on the right, and each title says a word."""
    names = [replace(SIX[0], kind="a very long name of a class"), *SIX[1:]]
    assert panel.open_run(str(with_objects(with_scene(run), names).folder))
    panel.select_tile(5)
    section_of(panel).table.select(3)
    dock.resize(280, 900)
    qtbot.waitUntil(lambda: dock.width() == 280)
    detail, table = panel.widgets.tiles.detail, section_of(panel).table
    qtbot.waitUntil(lambda: detail.picture.width() == SIDE, timeout=PICTURE_MS)
    dock.grab()
    assert detail.scroll.widget().width() <= detail.scroll.viewport().width()
    assert detail.picture._chosen == 3
    filters = panel.widgets.tiles.filters
    assert filters.clear_button.geometry().right() < filters.width() <= 280
    header = table.horizontalHeader()
    assert not header.isSortIndicatorShown()
    assert header.sectionSize(SCORE) >= header.fontMetrics().horizontalAdvance("Score") + 8
    # What sorts goes on sorting, told or not.
    before = row_numbers(panel)
    place = QPoint(header.sectionViewportPosition(SCORE) + 15, header.height() // 2)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert row_numbers(panel) == before[::-1]
    dock.resize(700, 900)
    qtbot.waitUntil(lambda: detail.picture.width() == LARGE, timeout=PICTURE_MS)
    assert detail.picture._chosen == 3 and header.isSortIndicatorShown()


def test_a_class_that_the_run_does_not_list_has_a_dot(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(run, [Made("tank")]).folder))
    panel.select_tile(5)
    index = section_of(panel).model.index(0, CLASS)
    assert index.data() == "tank" and not index.data(Qt.ItemDataRole.DecorationRole).isNull()


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
    section = section_of(objects)
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
        assert section_of(panel).note.text() == said
        assert panel.widgets.table.isColumnHidden(OBJECTS)
        assert panel.widgets.summary.card.objects_note.isHidden()


def test_a_run_of_scores_only_says_so(panel: RunPanel, run: Run) -> None:
    run = edit_expert(with_objects(run), "objects", output=None, style=None, objects=None)
    edit_json(run, lambda data: data.update(decoded=False))
    panel.open_run(str(run.folder))
    panel.select_tile(5)
    assert section_of(panel).note.text() == "Scores only: no objects were looked for."
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
    assert section_of(panel).isHidden() and page.objects.isHidden()
    assert panel.widgets.table.isColumnHidden(OBJECTS)
    assert card.objects.isHidden() and card.usage.isHidden() and card.objects_note.isHidden()
    assert page.detail.picture.sizeHint().width() == SIDE
    assert "object" not in panel.widgets.summary.csv()
    header = next(iter(tile_lines(panel)))
    assert "objects" not in header
    assert panel.model.describe(panel.model.tiles[5]).count(";") == 0


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
    section, card = section_of(dock.panel), dock.panel.widgets.summary.card
    for widget in (section.table, section, card.objects, card.usage, dock.panel.widgets.tiles.objects):
        assert widget.accessibleName()
    assert section.table.accessibleDescription() and section.groups.toolTip()
    for column in range(section.model.columnCount()):
        assert section.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert section.table.focusPolicy() & Qt.FocusPolicy.TabFocus and not section.table.tabKeyNavigation()
