"""A run folder, or one of its files, dropped on the dock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsMimeDataUtils
from qgis.PyQt.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qgis.PyQt.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from qgis.PyQt.QtWidgets import QApplication

from hydranet_qgis.dock import RunDock
from hydranet_qgis.run_folder import Run
from tests.qgis.fake_worker import fake_run


def _mime(*paths: Path) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def _enter(dock: RunDock, mime: QMimeData) -> bool:
    event = QDragEnterEvent(
        QPoint(50, 200),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.setAccepted(False)
    QApplication.sendEvent(dock.panel, event)
    return event.isAccepted()


def _drop(dock: RunDock, mime: QMimeData) -> None:
    _enter(dock, mime)  # Qt hands a drop only to who was entered
    event = QDropEvent(
        QPointF(50, 200),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(dock.panel, event)


@pytest.mark.parametrize("names", [(".",), ("run.json",), ("routing.gpkg",), ("run.json", "routing.gpkg")])
def test_a_run_dropped_is_opened(dock: RunDock, run: Run, names: tuple[str, ...]) -> None:
    mime = _mime(*(run.folder / name for name in names))
    hint = dock.panel._hint
    assert _enter(dock, mime)
    assert hint.isVisible()
    assert hint.geometry() == dock.panel.rect()
    assert hint.text == "Drop to open the run in 'run'"
    _drop(dock, mime)
    assert not hint.isVisible()
    assert dock.panel.run.folder == run.folder
    assert len(dock.panel.shown_tiles()) == 12


def test_something_else_says_so_before_and_after(dock: RunDock, tmp_path: Path) -> None:
    mime = _mime(tmp_path)
    assert _enter(dock, mime)
    assert "belongs to no HydraNet run" in dock.panel._hint.text
    _drop(dock, mime)
    assert f"{tmp_path} belongs to no HydraNet run" in dock.panel.widgets.problem.text()
    assert dock.panel.widgets.problem.isVisible()


def test_two_runs_at_once_are_refused(dock: RunDock, run: Run, scene: Path, tmp_path: Path) -> None:
    fake_run.write_run(tmp_path / "other", {"input": str(scene)})
    _drop(dock, _mime(run.folder, tmp_path / "other"))
    assert "drop one run at a time" in dock.panel.widgets.problem.text()
    assert dock.panel.run is None


def test_a_web_address_is_no_local_file(dock: RunDock) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/run.json")])
    _drop(dock, mime)
    assert "no local file" in dock.panel.widgets.problem.text()


def test_text_is_not_taken_at_all(dock: RunDock) -> None:
    mime = QMimeData()
    mime.setText("run.json")
    assert not _enter(dock, mime)
    assert not dock.panel._hint.isVisible()


def test_the_hint_goes_when_the_mouse_does(dock: RunDock, run: Run) -> None:
    _enter(dock, _mime(run.folder))
    QApplication.sendEvent(dock.panel, QDragLeaveEvent())
    assert not dock.panel._hint.isVisible()


def test_a_layer_dragged_from_qgis_s_browser_is_known(dock: RunDock, run: Run) -> None:
    uri = QgsMimeDataUtils.Uri()
    uri.layerType, uri.providerKey, uri.name, uri.uri = "vector", "ogr", "tiles", run.routing_uri
    mime: Any = QgsMimeDataUtils.encodeUriList([uri])
    assert _enter(dock, mime)
    _drop(dock, mime)
    assert dock.panel.run.folder == run.folder
