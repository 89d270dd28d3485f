"""Measure the dock: `python -m tests.bench.dock_inside RUN ROUNDS RESULT` writes milliseconds as JSON.

It is QGIS's process; nothing here may import torch. Every step is measured until what it changes is drawn.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QEventLoop, Qt, QTimer

from hydranet_qgis.dock import RunDock
from hydranet_qgis.dock.tile_columns import ALL, NEARLY, TileColumns, columns_of
from hydranet_qgis.dock.tile_model import SCORE
from hydranet_qgis.run_folder import read_run
from hydranet_qgis.run_registry import RunRegistry
from hydranet_qgis.tile_records import read_tiles
from hydranet_qgis.what_if import TOP_K, Policy, WhatIf

_TICK_MS = 2
_SETTLED_MS = 100  # after a run is shown, until everything that it set off is done


def main() -> int:
    folder, rounds, result = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    application = QgsApplication([], True)
    application.initQgis()
    canvas, registry = QgsMapCanvas(), RunRegistry(QgsProject.instance())
    canvas.resize(800, 600)
    dock = RunDock(registry, canvas, lambda: None)
    dock.resize(350, 900)
    dock.show()
    found = Bench(dock, folder, rounds).run()
    result.write_text(json.dumps(found), encoding="utf-8")
    # Layers and widgets left alive at exit make QGIS crash.
    dock.panel.close_down()
    registry.close()
    dock.deleteLater()
    QgsProject.instance().clear()
    pump(_SETTLED_MS)
    del dock, canvas
    application.exitQgis()
    return 0


class Bench:
    """Steps in the dock with one run, each done in `rounds` after one that does not count."""

    def __init__(self, dock: Any, folder: Path, rounds: int) -> None:
        self._dock, self._panel, self._folder = dock, dock.panel, folder
        self._rounds = rounds
        self._found: dict[str, list[float]] = {}

    def run(self) -> dict[str, Any]:
        """All steps: milliseconds of each round by name, and the size of the run."""
        run = read_run(self._folder)
        self._time("dock_read_ms", lambda _turn: read_tiles(run))
        tiles = read_tiles(run)
        self._time("dock_columns_ms", lambda _turn: columns_of(run, tiles))
        for turn in range(self._rounds + 1):
            self._open(turn)
        self._steps(columns_of(self._panel.run, tiles))
        if any(len(values) != self._rounds for values in self._found.values()):
            raise RuntimeError(f"some steps were not measured {self._rounds} times: {self._found}")
        return {"tiles": len(tiles), "experts": len(run.experts), "milliseconds": self._found}

    def _open(self, turn: int) -> None:
        """Open the run in an empty project: the call, and the longest time without a turn of the loop."""
        panel = self._panel
        QgsProject.instance().clear()
        pump(_SETTLED_MS)
        if panel.run is not None:
            raise RuntimeError("the dock still shows a run of an empty project")
        watch = Watch()
        begin = time.perf_counter()
        panel.open_run(str(self._folder))
        opened = time.perf_counter() - begin
        watch.restart()
        while panel.loader.busy:
            QgsApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        pump(_SETTLED_MS)
        longest = watch.stop()
        if len(panel.shown_tiles()) != panel.run.total:
            raise RuntimeError(f"{len(panel.shown_tiles())} tiles are shown, {panel.run.total} were expected")
        if turn:
            self._found.setdefault("dock_open_ms", []).append(_ms(opened))
            self._found.setdefault("dock_block_ms", []).append(_ms(longest))

    def _steps(self, columns: TileColumns) -> None:
        panel, widgets, run = self._panel, self._panel.widgets, self._panel.run
        orders = (Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder)
        expert = max(run.experts, key=lambda one: one.tiles).name
        # Both change most of the tiles, and differ.
        policies = (Policy(TOP_K, 2), Policy(TOP_K, 3))
        trial = WhatIf(run, columns.tiles)
        page = widgets.tabs.currentWidget()

        panel.select_tile(columns.tiles[-1].index)
        self._time("dock_show_ms", lambda _turn: panel.loader.loaded.emit(columns))
        self._time("dock_sort_ms", lambda turn: widgets.table.sortByColumn(SCORE, orders[turn % 2]))
        self._time(
            "dock_filter_ms", lambda _turn: self._filter(NEARLY, expert), lambda: self._filter(ALL, None)
        )
        if not 0 < len(panel.shown_tiles()) < run.total:
            raise RuntimeError(f"the filter shows {len(panel.shown_tiles())} of {run.total} tiles")
        self._filter(ALL, None)
        # Far apart, so that the table scrolls each time.
        self._time("dock_select_ms", lambda turn: panel.select_tile(turn * 7919 % run.total))
        self._time("dock_what_if_ms", lambda turn: trial.change(policies[turn % 2]))

        def back() -> None:
            widgets.tabs.setCurrentWidget(page)
            panel.loader.loaded.emit(columns)

        self._time("dock_what_if_open_ms", lambda _turn: widgets.tabs.setCurrentWidget(widgets.what_if), back)
        self._time("dock_what_if_move_ms", lambda turn: widgets.what_if.set_policy(policies[turn % 2]))
        if not all(trial.change(policy).tiles for policy in policies):
            raise RuntimeError("a policy that was tried changes nothing; try another one")

    def _filter(self, kind: str, expert: str | None) -> None:
        widgets = self._panel.widgets
        widgets.expert.setCurrentIndex(widgets.expert.findData(expert))
        widgets.kind.setCurrentIndex(widgets.kind.findData(kind))

    def _time(
        self, name: str, act: Callable[[int], object], before: Callable[[], object] = lambda: None
    ) -> None:
        """Time a step; `act` is told the round, from 0 on, which is not counted."""
        for turn in range(self._rounds + 1):
            before()
            pump(0)
            begin = time.perf_counter()
            act(turn)
            self._dock.repaint()
            QgsApplication.processEvents()
            if turn:
                self._found.setdefault(name, []).append(_ms(time.perf_counter() - begin))


class Watch:
    """Ticks in the main thread, and keeps the longest time between two ticks."""

    def __init__(self) -> None:
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        self.restart()

    def restart(self) -> None:
        """Forget what was before."""
        self._longest, self._last = 0.0, time.perf_counter()

    def stop(self) -> float:
        """The longest time in seconds that the loop was late."""
        self._tick()
        self._timer.stop()
        return self._longest

    def _tick(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, now - self._last - _TICK_MS / 1000)
        self._last = now


def pump(milliseconds: int) -> None:
    """Let the window live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)


if __name__ == "__main__":
    sys.exit(main())
