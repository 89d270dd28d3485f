"""Objects counted: in the table of tiles, its filter, the summary, its CSV, and in what if."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QFontMetrics

from hydranet_qgis.dock import RunDock, tile_loader
from hydranet_qgis.dock.object_shares import ExpertUsage
from hydranet_qgis.dock.painting import smaller
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.summary_table import object_numbers
from hydranet_qgis.dock.tile_columns import ABSTAINED, ANY_OBJECT
from hydranet_qgis.dock.tile_model import OBJECTS
from hydranet_qgis.run_folder import Run
from hydranet_qgis.tile_records import TileRecord, read_tiles
from hydranet_qgis.what_if import Policy, WhatIf
from tests.qgis.object_panel import row_numbers, tile_lines
from tests.qgis.object_runs import SIX, with_objects
from tests.qgis.run_edits import edit_json, with_scene


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
    assert len(row_numbers(panel)) == 6


def test_a_run_made_anew_shows_its_new_objects(objects: RunPanel, run: Run) -> None:
    from tests.qgis.object_runs import write_objects

    objects.select_tile(5)
    write_objects(run.folder / "objects.gpkg", run.crs_wkt, SIX[:2])
    edit_json(run, lambda data: data.update(created="2026-05-04T12:00:00+00:00"))
    objects.refresh()
    objects.select_tile(5)
    assert sorted(row_numbers(objects)) == [1, 2]


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


def test_the_summary_fits_a_narrow_dock(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_objects(with_scene(run)).folder))
    assert panel.widgets.summary.card.minimumSizeHint().width() <= 240


@pytest.mark.parametrize("most", [16, 64, 256])
def test_columns_of_many_experts_keep_apart(most: int, qtbot: Any) -> None:
    usage = ExpertUsage()
    qtbot.addWidget(usage)
    usage.resize(240, usage.sizeHint().height())
    usage.show_counts({1: 3, most: 9})
    usage.show()
    metrics = QFontMetrics(smaller(usage))
    every = usage._every(metrics)
    assert every * usage._step() > metrics.horizontalAdvance(str(most))
    assert 0 < usage._gap() < usage._step() / 2 and most * usage._step() <= 240 + usage._gap() + 1e-6
    usage.grab()


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
    lines = {line["tile"]: line for line in tile_lines(objects)}
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
