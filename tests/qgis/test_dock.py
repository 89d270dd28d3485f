"""The dock as its user meets it: empty, with runs, filtered, on the map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProject,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QColor, QHelpEvent, QImage
from qgis.PyQt.QtWidgets import QFileDialog

from hydranet_qgis import results, routing_style, run_events
from hydranet_qgis.dock import RunDock
from hydranet_qgis.dock.layout import NARROW
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.tile_model import ABSTAINED, REASON, SCORE
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
    text = dock.panel.widgets.summary.text()
    assert f"<b>{run.routed}</b>&nbsp;routed" in text
    assert "<b>58&nbsp;%</b> compute saved" in text
    assert "2&nbsp;warnings" in text


def test_a_folder_that_is_no_run_is_told(dock: RunDock, tmp_path: Path) -> None:
    assert not dock.panel.open_run(str(tmp_path))
    problem = dock.panel.widgets.problem
    assert problem.isVisible()
    assert "is not a HydraNet run" in problem.text()


def test_warnings_unfold(panel: RunPanel) -> None:
    summary = panel.widgets.summary
    summary.line.linkActivated.emit("#warnings")
    assert summary.warnings.isVisible()
    assert "Expert 'roads' was skipped" in summary.warnings.text()
    summary.line.linkActivated.emit("#warnings")
    assert not summary.warnings.isVisible()


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


def test_tab_leaves_the_table(panel: RunPanel, dock: RunDock, qtbot: Any) -> None:
    dock.activateWindow()
    panel.widgets.table.setFocus()
    assert not panel.widgets.table.tabKeyNavigation()
    order = [panel.widgets.runs]
    while order[-1].nextInFocusChain() is not panel.widgets.runs and len(order) < 60:
        order.append(order[-1].nextInFocusChain())
    reached = [
        w
        for w in order
        if w in (panel.widgets.kind, panel.widgets.text, panel.widgets.heat, panel.widgets.table)
    ]
    assert reached == [panel.widgets.kind, panel.widgets.text, panel.widgets.heat, panel.widgets.table]


def test_the_detail_says_every_score(panel: RunPanel, run: Run) -> None:
    panel.select_tile(8)
    tile = panel.selected_tile()
    assert panel.widgets.detail_title.text().startswith("<b>Row 2, column 0</b>")
    spoken = panel.widgets.bars.accessibleDescription()
    for expert, score, reason in zip(run.experts, tile.scores, tile.reasons, strict=True):
        assert f"{expert.label}: score {score:.2f}, threshold {expert.threshold:.2f}, {reason}" in spoken


def test_the_bars_are_drawn_to_scale(panel: RunPanel) -> None:
    bars = panel.widgets.bars
    panel.select_tile(11)
    tile = panel.selected_tile()
    bars.resize(300, bars.sizeHint().height())
    image = QImage(bars.size(), QImage.Format.Format_ARGB32)
    bars.render(image)
    name = tile.chosen[0]
    position = [e.name for e in panel.run.experts].index(name)
    color = QColor(panel.model.colors[name])
    height = bars.row_height()
    widths = []
    for y in range(position * height, (position + 1) * height):
        pixels = [x for x in range(22, 300) if image.pixelColor(x, y) == color]
        widths.append(max(pixels) - 22 if pixels else 0)
    assert max(widths) == pytest.approx(tile.scores[position] * 278, abs=8)


def test_a_tool_tip_tells_an_expert_and_its_reason(panel: RunPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    from hydranet_qgis.dock import score_bars

    told: list[str] = []
    monkeypatch.setattr(score_bars.QToolTip, "showText", lambda place, text, widget: told.append(text))
    panel.select_tile(8)
    bars = panel.widgets.bars
    place = QPoint(5, bars.row_height() + 3)
    bars.event(QHelpEvent(QEvent.Type.ToolTip, place, QPoint(0, 0)))
    assert told == [bars.line(1)]
    assert told[0].startswith("Water: score")


def test_filters_narrow_the_table_and_say_so(panel: RunPanel) -> None:
    widgets = panel.widgets
    widgets.kind.setCurrentIndex(widgets.kind.findData("water"))
    shown = panel.proxy.rowCount()
    assert 0 < shown < 12
    assert widgets.count.text() == f"{shown} of 12 tiles"
    assert panel.proxy.headerData(SCORE, Qt.Orientation.Horizontal) == "Water"
    widgets.kind.setCurrentIndex(widgets.kind.findData(ABSTAINED))
    widgets.text.setText("nothing like it")
    assert panel.proxy.rowCount() == 0
    assert not panel.select_tile(5)


def test_the_map_is_painted_by_a_score_and_back(panel: RunPanel, project: QgsProject, qtbot: Any) -> None:
    heat = panel.widgets.heat
    layer = results.find_layer(project, panel.run, results.ROUTING_ROLE)
    with qtbot.waitSignal(panel.mapChanged) as changed:
        heat.setCurrentIndex(heat.findData("water"))
        heat.activated.emit(heat.currentIndex())
    assert changed.args == ["water"]
    assert layer.renderer().classAttribute() == "score_water"
    heat.setCurrentIndex(heat.findData(routing_style.STRONGEST))
    heat.activated.emit(heat.currentIndex())
    assert layer.renderer().type() == "categorizedSymbol"
    heat.setCurrentIndex(0)
    heat.activated.emit(0)
    assert layer.renderer().type() == "singleSymbol"


def test_painting_brings_a_missing_routing_layer(panel: RunPanel, project: QgsProject) -> None:
    project.removeMapLayer(results.find_layer(project, panel.run, results.ROUTING_ROLE).id())
    heat = panel.widgets.heat
    heat.setCurrentIndex(heat.findData("clouds"))
    heat.activated.emit(heat.currentIndex())
    layer = results.find_layer(project, panel.run, results.ROUTING_ROLE)
    assert layer.renderer().classAttribute() == "score_clouds"
    assert project.layerTreeRoot().findGroup(panel.run.label).children()[0].layer() is layer


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
    heat = panel.widgets.heat
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
    panel.widgets.fit(width)
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


def test_a_run_read_again_only_when_changed(panel: RunPanel, run: Run) -> None:
    first = panel._read(run.folder)
    assert panel._read(run.folder) is first
    (run.folder / "run.json").write_text((run.folder / "run.json").read_text() + " ")
    import os

    os.utime(run.folder / "run.json", ns=(1, 1))
    assert panel._read(run.folder) is not first
    assert panel._read(run.folder) == read_run(run.folder)


def test_points_are_in_the_scene(panel: RunPanel) -> None:
    geometry, crs = panel._place(panel.model.tiles[5])
    assert crs.authid() == "EPSG:32632"
    assert geometry.boundingBox().center().toQPointF() == QPointF(500240, 5199760)
