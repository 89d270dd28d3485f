"""Table, map, heat map and what-if follow one another: each signal of the dock's parts is connected."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas

from hydranet_qgis import results, run_events
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.tile_columns import ABSTAINED, WOULD_CHANGE
from hydranet_qgis.run_folder import Run


def _selected(project: QgsProject, run: Run) -> list[int]:
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    return sorted(feature["tile"] for feature in layer.selectedFeatures())


def test_tiles_selected_in_the_table_are_selected_on_the_map(
    panel: RunPanel, project: QgsProject, qtbot: Any
) -> None:
    panel.widgets.expert.setCurrentIndex(panel.widgets.expert.findData("water"))
    wanted = sorted(tile.index for tile in panel.shown_tiles())
    panel.widgets.table.selectAll()
    qtbot.waitUntil(lambda: _selected(project, panel.run) == wanted, timeout=10_000)
    assert f"{len(wanted)} selected" in panel.widgets.count.text()


def test_tiles_selected_on_the_map_are_selected_in_the_table(
    panel: RunPanel, project: QgsProject, qtbot: Any
) -> None:
    layer = results.find_layer(project, panel.run, results.ROUTING_ROLE)
    layer.selectByExpression('"tile" in (2, 7)')
    qtbot.waitUntil(lambda: panel.widgets.tiles.selection.tiles() == [2, 7], timeout=10_000)
    assert panel.selected_tile().index == 2
    panel.widgets.text.setText("r0")
    layer.selectByExpression('"tile" in (1, 9)')
    qtbot.waitUntil(lambda: panel.widgets.tiles.selection.tiles() == [1], timeout=10_000)
    assert panel.widgets.problem.text().startswith("1 of the 2 tiles selected on the map are hidden")


def test_a_tile_picked_on_the_map_comes_to_the_front(
    panel: RunPanel, project: QgsProject, qtbot: Any
) -> None:
    widgets = panel.widgets
    widgets.tabs.setCurrentWidget(widgets.summary)
    panel.map_link.tilePicked.emit(7)
    assert widgets.tiles.isVisible()
    assert panel.selected_tile().index == 7
    assert not widgets.problem.isVisible()
    qtbot.waitUntil(lambda: _selected(project, panel.run) == [7], timeout=10_000)


def test_filters_that_hide_a_picked_tile_are_cleared_and_that_is_told(panel: RunPanel) -> None:
    widgets = panel.widgets
    widgets.kind.setCurrentIndex(widgets.kind.findData(ABSTAINED))
    hidden = next(tile for tile in panel.model.tiles if tile.chosen)
    panel.map_link.tilePicked.emit(hidden.index)
    assert panel.selected_tile() is hidden
    assert len(panel.shown_tiles()) == 12
    assert "filters were cleared" in widgets.problem.text()


def test_what_would_change_can_be_listed_and_is_drawn(panel: RunPanel, monkeypatch: Any) -> None:
    widgets = panel.widgets
    widgets.what_if.previewChanged.emit(frozenset({4, 8}))
    at = widgets.kind.findData(WOULD_CHANGE)
    assert widgets.kind.itemText(at) == "Would change (2)"
    widgets.kind.setCurrentIndex(at)
    assert [tile.index for tile in panel.shown_tiles()] == [4, 8]
    assert panel.map_link._previewed == {4, 8}
    widgets.what_if.previewChanged.emit(frozenset())
    assert panel.shown_tiles() == []


def test_a_run_with_another_policy_is_shown_again(panel: RunPanel, qtbot: Any) -> None:
    with qtbot.waitSignal(panel.runShown) as shown:
        run_events.announce(panel.run.folder)  # as the algorithm does at its end
    assert shown.args[0].folder == panel.run.folder


def test_each_part_can_tell_a_problem(panel: RunPanel) -> None:
    widgets = panel.widgets
    for part in (widgets.heat, widgets.what_if, widgets.summary):
        part.problem.emit(f"a problem of {type(part).__name__}")
        assert widgets.problem.text() == f"a problem of {type(part).__name__}"
        assert widgets.problem.isVisible()


def test_nothing_is_left_on_the_map_when_the_dock_goes(panel: RunPanel, canvas: QgsMapCanvas) -> None:
    panel.select_tile(5)
    panel.map_link.preview([1, 2])
    panel.close_down()
    panel.close_down()  # unloading after a close is harmless
    assert panel.map_link._band is None
    assert panel.run is None
