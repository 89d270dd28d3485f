"""Reading tiles in the background: a word while it lasts, the latest run wins, nothing after the end."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hydranet_qgis.dock import tile_loader
from hydranet_qgis.dock.background import Background
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.run_folder import Run
from hydranet_qgis.tile_records import read_tiles
from tests.qgis.fake_worker import fake_run


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Tiles are read in the background, and not before the event is set."""
    gate = threading.Event()

    def read(run: Run, cancelled: Any) -> Any:
        assert gate.wait(20)
        assert threading.current_thread() is not threading.main_thread()
        return read_tiles(run, cancelled)

    monkeypatch.setattr(tile_loader, "AT_ONCE", 0)
    monkeypatch.setattr(tile_loader, "read_tiles", read)
    yield gate
    gate.set()


def test_a_big_run_says_that_it_is_being_read(slow: Any, dock: Any, run: Run, qtbot: Any) -> None:
    panel: RunPanel = dock.panel
    with qtbot.waitSignal(panel.runShown, timeout=20_000) as shown:
        assert panel.open_run(str(run.folder))
        widgets = panel.widgets
        assert widgets.reading.isVisible()
        assert widgets.reading_text.text() == "Reading 12 tiles…"
        assert not widgets.table.isVisible()
        assert panel.run.folder == run.folder  # its summary is there already
        assert "routed" in widgets.summary.card.legend.text()
        assert not widgets.summary.copy_button.isEnabled()
        slow.set()
    assert shown.args[0].folder == run.folder
    assert widgets.table.isVisible()
    assert len(panel.shown_tiles()) == 12
    assert widgets.summary.copy_button.isEnabled()


def test_another_run_takes_the_place_of_one_being_read(
    slow: Any, dock: Any, run: Run, scene: Path, tmp_path: Path, qtbot: Any
) -> None:
    panel: RunPanel = dock.panel
    panel.open_run(str(run.folder))
    fake_run.write_run(tmp_path / "other", {"input": str(scene), "created": "2026-06-01T00:00:00+00:00"})
    shown = []
    panel.runShown.connect(lambda one: shown.append(one.folder))
    panel.open_run(str(tmp_path / "other"))
    slow.set()
    qtbot.waitUntil(lambda: not panel.loader.busy, timeout=20_000)
    qtbot.wait(50)
    assert shown == [tmp_path / "other"]
    assert panel.model.run.folder == tmp_path / "other"


def test_a_table_that_cannot_be_read_is_told(
    slow: Any, dock: Any, run: Run, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run: Run, cancelled: Any) -> Any:
        raise KeyError("row")

    monkeypatch.setattr(tile_loader, "read_tiles", broken)
    panel: RunPanel = dock.panel
    panel.open_run(str(run.folder))
    qtbot.waitUntil(lambda: not panel.loader.busy, timeout=20_000)
    assert "cannot be read (KeyError: 'row')" in panel.widgets.problem.text()
    assert panel.widgets.tiles.isVisible()
    assert panel.shown_tiles() == []


def test_a_small_table_with_nonsense_is_told(dock: Any, run: Run) -> None:
    with closing(sqlite3.connect(run.routing)) as table, table:
        for (name,) in table.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            table.execute(f'DROP TRIGGER "{name}"')
        table.execute("UPDATE tiles SET score_water = 'high' WHERE tile > 0")
    dock.panel.open_run(str(run.folder))
    assert "cannot be read (" in dock.panel.widgets.problem.text()
    assert dock.panel.shown_tiles() == []


def test_the_dock_may_go_while_tiles_are_read(slow: Any, dock: Any, run: Run, qtbot: Any) -> None:
    shown = []
    dock.panel.runShown.connect(shown.append)
    dock.panel.open_run(str(run.folder))
    slow.set()
    dock.panel.close_down()
    qtbot.wait(50)
    assert shown == []


def test_what_was_cancelled_is_never_told(qtbot: Any) -> None:
    work, told, gate = Background(), [], threading.Event()
    work.start(lambda cancelled: gate.wait(20), told.append)
    work.cancel()
    gate.set()
    work.start(lambda cancelled: "second", told.append)
    qtbot.waitUntil(lambda: bool(told), timeout=10_000)
    assert told == ["second"]
    assert not work.busy
    work.close()


def test_what_the_thread_raises_reaches_who_asked(qtbot: Any) -> None:
    work, told = Background(), []
    work.start(lambda cancelled: 1 // 0, told.append)
    qtbot.waitUntil(lambda: bool(told), timeout=10_000)
    assert isinstance(told[0], ZeroDivisionError)
    work.close()
