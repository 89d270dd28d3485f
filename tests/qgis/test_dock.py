"""The dock as its user meets it: empty, with runs, filtered, on the map."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProject,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QEvent, QPoint, Qt
from qgis.PyQt.QtGui import QColor, QHelpEvent, QImage, QPalette
from qgis.PyQt.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QFileDialog,
    QLineEdit,
    QPlainTextEdit,
    QTableView,
    QToolButton,
    QWidget,
)

from hydranet_qgis import results, routing_style, run_events
from hydranet_qgis.dock import RunDock
from hydranet_qgis.dock.painting import palette_of
from hydranet_qgis.dock.run_list import Listed, RunList, fill
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.tile_columns import ABSTAINED
from hydranet_qgis.dock.tile_model import REASON, SCORE
from hydranet_qgis.dock.tile_table import NARROW
from hydranet_qgis.dock.tile_words import why
from hydranet_qgis.run_folder import Run, read_run
from tests.qgis.fake_worker import fake_run


def _click_row(panel: RunPanel, tile: int, qtbot: Any) -> None:
    assert panel.select_tile(tile)
    table = panel.widgets.table
    place = table.visualRect(table.currentIndex()).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def _bands(canvas: QgsMapCanvas) -> list[QgsRubberBand]:
    return [item for item in canvas.scene().items() if isinstance(item, QgsRubberBand) and item.isVisible()]


def test_without_a_run_it_says_what_to_do(dock: RunDock, asked: list[str], qtbot: Any) -> None:
    widgets = dock.panel.widgets
    assert widgets.pages.currentWidget() is widgets.empty
    qtbot.mouseClick(widgets.empty.run_button, Qt.MouseButton.LeftButton)
    assert asked == ["run"]


def test_opening_a_folder_shows_and_loads_the_run(
    dock: RunDock, run: Run, project: QgsProject, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(run.folder))
    with qtbot.waitSignal(dock.panel.runShown) as shown:
        qtbot.mouseClick(dock.panel.widgets.empty.open_button, Qt.MouseButton.LeftButton)
    assert shown.args[0].folder == run.folder
    assert dock.panel.widgets.pages.currentWidget() is dock.panel.widgets.content
    assert len(project.mapLayers()) == len(results.plan(run))
    assert len(dock.panel.shown_tiles()) == run.total


def test_a_folder_that_is_no_run_is_told(dock: RunDock, tmp_path: Path) -> None:
    assert not dock.panel.open_run(str(tmp_path))
    problem = dock.panel.widgets.problem
    assert problem.isVisible()
    assert "is not a HydraNet run" in problem.text()


def test_a_click_zooms_to_the_tile_and_outlines_it(panel: RunPanel, canvas: QgsMapCanvas, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not _bands(canvas), timeout=10_000)  # the flash of an earlier test
    with qtbot.waitSignal(panel.tileActivated) as activated:
        _click_row(panel, 5, qtbot)
    geometry = QgsGeometry()
    geometry.fromWkb(activated.args[0].wkb)
    assert canvas.extent().contains(geometry.boundingBox())
    assert canvas.extent().width() < 10 * geometry.boundingBox().width()
    shape = _bands(canvas)[0].asGeometry().boundingBox()
    assert shape.width() == pytest.approx(geometry.boundingBox().width(), rel=0.01)


def test_a_map_in_another_projection_shows_the_same_place(
    panel: RunPanel, canvas: QgsMapCanvas, qtbot: Any
) -> None:
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    _click_row(panel, 5, qtbot)
    center = canvas.extent().center()
    assert (center.x(), center.y()) == pytest.approx((9.0, 46.95), abs=0.1)


def test_arrows_choose_and_enter_zooms(panel: RunPanel, canvas: QgsMapCanvas, qtbot: Any) -> None:
    table = panel.widgets.table
    panel.select_tile(5)
    table.setFocus()
    with qtbot.waitSignal(panel.tileSelected) as selected:
        qtbot.keyClick(table, Qt.Key.Key_Down)
    assert selected.args[0].index == 6
    before = canvas.extent()
    with qtbot.waitSignal(panel.tileActivated):
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert canvas.extent() != before


def test_tab_goes_from_the_run_to_the_detail_in_reading_order(
    panel: RunPanel, dock: RunDock, qtbot: Any
) -> None:
    dock.activateWindow()
    widgets = panel.widgets
    assert not widgets.table.tabKeyNavigation()
    order = [widgets.runs]
    while order[-1].nextInFocusChain() is not widgets.runs and len(order) < 300:
        order.append(order[-1].nextInFocusChain())
    wanted = [
        *(widgets.runs, widgets.open_button, widgets.run_button, widgets.pick_button, widgets.heat.choice),
        *(widgets.heat.imagery_button, widgets.heat.ramp_button, widgets.heat.opacity),
        *(widgets.kind, widgets.expert, widgets.text, widgets.table),
    ]
    assert [widget for widget in order if widget in wanted] == wanted


def test_ctrl_f_finds_and_enter_goes_to_the_table(panel: RunPanel, dock: RunDock, qtbot: Any) -> None:
    widgets = panel.widgets
    dock.activateWindow()
    qtbot.waitUntil(dock.isActiveWindow, timeout=10_000)
    widgets.table.setFocus()
    qtbot.keyClick(widgets.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert widgets.text.hasFocus()
    qtbot.keyClicks(widgets.text, "water")
    qtbot.keyClick(widgets.text, Qt.Key.Key_Return)
    assert widgets.table.hasFocus()
    assert "water" in panel.selected_tile().chosen


def test_every_control_has_a_name_for_screen_readers(panel: RunPanel) -> None:
    kinds = (QComboBox, QLineEdit, QToolButton, QTableView, QPlainTextEdit)
    for kind in kinds:
        for widget in panel.widgets.content.findChildren(kind):
            if not widget.objectName().startswith("qt_") and not isinstance(widget.parent(), kinds):
                named = widget.accessibleName() or getattr(widget, "text", str)() or widget.toolTip()
                assert named, f"{kind.__name__} in {type(widget.parent()).__name__}"


def test_the_detail_says_every_score(panel: RunPanel, run: Run) -> None:
    panel.select_tile(8)
    tile = panel.selected_tile()
    assert "Row 2, column 0" in panel.widgets.detail_title.text()
    spoken = panel.widgets.bars.accessibleDescription()
    for position, (expert, score) in enumerate(zip(run.experts, tile.scores, strict=True)):
        reason = why(run, tile, position)
        assert f"{expert.label}: score {score:.2f}, threshold {expert.threshold:.2f}, {reason}" in spoken


def test_the_bars_are_drawn_to_scale(panel: RunPanel) -> None:
    bars = panel.widgets.bars
    panel.select_tile(11)
    tile = panel.selected_tile()
    bars.resize(300, bars.heightForWidth(300))
    image = QImage(bars.size(), QImage.Format.Format_ARGB32)
    bars.render(image)
    name = tile.chosen[0]
    position = [e.name for e in panel.run.experts].index(name)
    color = QColor(panel.model.colors[name])
    top, height = bars.rows(300)[position]
    widths = []
    for y in range(top, top + height):
        pixels = [x for x in range(22, 300) if image.pixelColor(x, y) == color]
        widths.append(max(pixels) - 22 if pixels else 0)
    assert max(widths) == pytest.approx(tile.scores[position] * 278, abs=8)


def test_a_tool_tip_tells_an_expert_and_its_reason(panel: RunPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    from hydranet_qgis.dock import score_bars

    told: list[str] = []
    monkeypatch.setattr(score_bars.QToolTip, "showText", lambda place, text, widget: told.append(text))
    panel.select_tile(8)
    bars = panel.widgets.bars
    place = QPoint(5, bars.rows(bars.width())[1][0] + 3)
    bars.event(QHelpEvent(QEvent.Type.ToolTip, place, QPoint(0, 0)))
    assert told == [bars.line(1)]
    assert told[0].startswith("Water: score")


def test_a_long_reason_takes_lines_of_its_own(panel: RunPanel) -> None:
    bars = panel.widgets.bars
    panel.select_tile(11)
    narrow, wide = bars.rows(180), bars.rows(900)
    assert len(narrow) == len(wide) == len(panel.run.experts)
    assert bars.heightForWidth(180) > bars.heightForWidth(900)
    assert all(a[0] + a[1] == b[0] for a, b in zip(narrow, narrow[1:], strict=False))


def test_filters_narrow_the_table_and_say_so(panel: RunPanel) -> None:
    widgets = panel.widgets
    widgets.expert.setCurrentIndex(widgets.expert.findData("water"))
    shown = panel.shown_tiles()
    assert 0 < len(shown) < 12
    assert all("water" in tile.chosen for tile in shown)
    assert widgets.count.text() == f"{len(shown)} of 12 tiles"
    assert panel.model.headerData(SCORE, Qt.Orientation.Horizontal) == "Water"
    widgets.kind.setCurrentIndex(widgets.kind.findData(ABSTAINED))
    widgets.text.setText("nothing like it")
    assert panel.shown_tiles() == []
    assert not panel.select_tile(5)
    widgets.tiles.clear_button.click()
    assert len(panel.shown_tiles()) == 12
    assert not widgets.tiles.clear_button.isEnabled()


def test_the_map_s_expert_takes_the_column_of_scores(panel: RunPanel, qtbot: Any) -> None:
    heat = panel.widgets.heat.choice
    with qtbot.waitSignal(panel.mapChanged) as changed:
        heat.setCurrentIndex(heat.findData("water"))
        heat.activated.emit(heat.currentIndex())
    assert changed.args == ["water"]
    assert panel.model.focus == "water"
    widgets = panel.widgets
    widgets.expert.setCurrentIndex(widgets.expert.findData("clouds"))
    assert panel.model.focus == "clouds"  # what was chosen in the table itself goes first
    widgets.tiles.clear_filters()
    assert panel.model.focus == "water"
    heat.setCurrentIndex(heat.findData(routing_style.OUTLINES))
    heat.activated.emit(heat.currentIndex())
    assert panel.model.focus is None


def test_a_finished_run_appears_by_itself(dock: RunDock, run: Run, qtbot: Any) -> None:
    dock.hide()
    run_events.announce(run.folder)
    qtbot.waitUntil(lambda: dock.panel.run is not None, timeout=10_000)
    assert dock.panel.run.folder == run.folder
    assert dock.isVisible()


def test_the_latest_run_comes_first_and_the_chosen_one_stays(
    panel: RunPanel, run: Run, scene: Path, tmp_path: Path, qtbot: Any
) -> None:
    later = tmp_path / "later"
    fake_run.write_run(later, {"input": str(scene), "created": "2026-06-01T00:00:00+00:00", "top_k": 1})
    panel._registry.remember(later)
    qtbot.waitUntil(lambda: panel.widgets.runs.count() == 2, timeout=10_000)
    assert [panel.widgets.runs.itemData(i) for i in range(2)] == [str(later), str(run.folder)]
    assert panel.run.folder == run.folder
    panel.widgets.runs.setCurrentIndex(0)
    assert (panel.run.folder, panel.run.top_k) == (later, 1)


def test_a_project_opened_again_shows_its_runs_and_its_colours(
    panel: RunPanel, run: Run, project: QgsProject, tmp_path: Path, qtbot: Any
) -> None:
    heat = panel.widgets.heat.choice
    heat.setCurrentIndex(heat.findData("water"))
    heat.activated.emit(heat.currentIndex())
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    qtbot.waitUntil(lambda: panel.run is None, timeout=10_000)
    assert panel.widgets.pages.currentWidget() is panel.widgets.empty
    assert project.read(str(tmp_path / "p.qgz"))
    qtbot.waitUntil(lambda: panel.run is not None, timeout=10_000)
    assert panel.run.folder == run.folder
    assert heat.currentData() == "water"


def test_a_damaged_table_is_told_in_the_dock(dock: RunDock, run: Run) -> None:
    run.routing.unlink()
    dock.panel.open_run(str(run.folder))
    assert "routing.gpkg is missing" in dock.panel.widgets.problem.text()
    assert dock.panel.model.rowCount() == 0


@pytest.mark.parametrize("width", [350, 500, NARROW + 60])
def test_it_fits_its_width(width: int, dock: RunDock, panel: RunPanel) -> None:
    dock.resize(width, 700)
    panel.widgets.tiles.resize(width, 600)
    assert dock.minimumSizeHint().width() <= 350
    assert panel.widgets.table.isColumnHidden(REASON) == (width < NARROW)
    assert not dock.grab().isNull()


def test_the_outline_goes_with_the_run(panel: RunPanel, canvas: QgsMapCanvas, qtbot: Any) -> None:
    # All tests share one canvas; the flash of the last one's tile fades in its own time.
    qtbot.waitUntil(lambda: not _bands(canvas), timeout=10_000)
    panel.select_tile(5)
    assert len(_bands(canvas)) == 1
    panel.close_down()
    assert _bands(canvas) == []


def test_a_run_is_read_again_only_when_it_changed(panel: RunPanel, run: Run) -> None:
    first = panel._runs.read(run.folder)
    assert panel._runs.read(run.folder) is first
    (run.folder / "run.json").write_text((run.folder / "run.json").read_text() + " ")
    os.utime(run.folder / "run.json", ns=(1, 1))
    assert panel._runs.read(run.folder) is not first
    assert panel._runs.read(run.folder) == read_run(run.folder)


def test_a_run_made_anew_is_shown_anew_and_keeps_the_tile(
    panel: RunPanel, run: Run, scene: Path, qtbot: Any
) -> None:
    panel.select_tile(5)
    run.routing.unlink()
    fake_run.write_run(run.folder, {"input": str(scene), "policy": "top-k", "top_k": 1})
    os.utime(run.folder / "run.json", ns=(1, 1))
    with qtbot.waitSignal(panel.runShown):
        panel.refresh()
    assert panel.run.policy == "top-k"
    assert panel.selected_tile().index == 5
    assert len(panel.selected_tile().chosen) == 1


def test_runs_of_one_scene_and_minute_are_told_apart(run: Run, tmp_path: Path, qtbot: Any) -> None:
    fake_run.write_run(tmp_path / "milder", {"input": run.scene})
    twin = read_run(tmp_path / "milder")
    combo = QComboBox()
    qtbot.addWidget(combo)
    fill(combo, [Listed(run.folder, run), Listed(twin.folder, twin)], "")
    names = [f"{run.short_label} · run", f"{run.short_label} · milder"]
    assert [combo.itemText(at) for at in range(2)] == names


def test_what_is_painted_has_the_colours_of_the_theme_around_it(qtbot: Any) -> None:
    """QGIS's dark themes colour docks and labels by a style sheet, and leave the palette dark on dark."""
    outer = QWidget()
    inner = QWidget(QWidget(outer))
    qtbot.addWidget(outer)
    assert palette_of(inner).color(QPalette.ColorRole.WindowText) == QApplication.palette().color(
        QPalette.ColorRole.WindowText
    )
    sheet = QApplication.instance().styleSheet()
    try:
        QApplication.instance().setStyleSheet("QDockWidget { color: #abcdef; background-color: #123456; }")
        dock = QDockWidget()
        painted = QWidget()
        dock.setWidget(painted)
        qtbot.addWidget(dock)
        dock.show()
        colors = palette_of(painted)
        assert colors.color(QPalette.ColorRole.WindowText).name() == "#abcdef"
        assert colors.color(QPalette.ColorRole.Window).name() == "#123456"
        # The theme was changed while the window is open: some palettes are neither the old nor the new one.
        stale = QPalette(QColor("#000000"), QColor("#010101"))
        stale.setColor(QPalette.ColorRole.WindowText, QColor("#000000"))
        stale.setColor(QPalette.ColorRole.Window, QColor("#010101"))
        painted.setPalette(stale)
        assert palette_of(painted).color(QPalette.ColorRole.WindowText).name() == "#abcdef"
    finally:
        QApplication.instance().setStyleSheet(sheet)


def test_a_run_that_is_gone_is_listed_at_the_end_and_cannot_be_chosen(
    run: Run, tmp_path: Path, qtbot: Any
) -> None:
    class Registry:
        def folders(self) -> list[Path]:
            return [run.folder]

        def missing(self) -> list[Path]:
            return [tmp_path / "gone"]

    combo = QComboBox()
    qtbot.addWidget(combo)
    fill(combo, RunList(Registry()).entries(), str(tmp_path / "gone"))
    assert [combo.itemText(at) for at in range(2)] == [run.short_label, "gone · not there"]
    assert combo.currentIndex() == 0
    assert not combo.model().item(1).isEnabled()
    assert combo.itemData(1, Qt.ItemDataRole.ToolTipRole).startswith(f"{tmp_path / 'gone'} is not there")


def test_without_any_run_left_it_says_which_are_missing(dock: RunDock, run: Run) -> None:
    dock.panel.widgets.empty.tell_missing(["/somewhere/run is not there; put it back."])
    assert dock.panel.widgets.empty.missing.isVisible()
    dock.panel.widgets.empty.tell_missing([])
    assert not dock.panel.widgets.empty.missing.isVisible()


def test_a_damaged_run_stays_in_the_list_greyed_with_the_reason(
    panel: RunPanel, scene: Path, tmp_path: Path, qtbot: Any
) -> None:
    broken = tmp_path / "broken"
    fake_run.write_run(broken, {"input": str(scene)})
    panel._registry.remember(broken)
    qtbot.waitUntil(lambda: panel.widgets.runs.count() == 2, timeout=10_000)
    (broken / "run.json").write_text("{")
    panel.refresh()
    combo = panel.widgets.runs
    at = combo.findData(str(broken))
    assert at == 1
    assert not combo.model().item(at).isEnabled()
    assert "cannot be read" in combo.itemData(at, Qt.ItemDataRole.ToolTipRole)
    assert combo.currentIndex() == 0
