"""What other threads have the main thread do, and in which order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QTimer

from hydranet_qgis import main_thread


def elsewhere(work: Callable[[], Any]) -> threading.Thread:
    made = threading.Thread(target=work)
    made.start()
    return made


def never() -> bool:
    return False


def test_here_it_is_done_at_once() -> None:
    done: list[bool] = []
    main_thread.do(lambda: done.append(main_thread.here()))
    assert done == [True]
    assert main_thread.wait_for(lambda: done.append(False), never) and done == [True, False]


def test_from_elsewhere_it_is_done_here_in_order(qtbot: Any) -> None:
    done: list[tuple[int, bool]] = []
    calls = [lambda number=number: done.append((number, main_thread.here())) for number in range(20)]
    thread = elsewhere(lambda: [main_thread.do(call) for call in calls])
    thread.join()
    assert done == []
    qtbot.waitUntil(lambda: len(done) == 20, timeout=5_000)
    assert done == [(number, True) for number in range(20)]


def test_what_waits_goes_on_when_it_is_done(qtbot: Any) -> None:
    told: list[Any] = []
    thread = elsewhere(lambda: told.append(main_thread.wait_for(lambda: told.append("done"), never)))
    qtbot.waitUntil(lambda: len(told) == 2, timeout=5_000)
    thread.join()
    assert told == ["done", True]


def test_a_main_thread_that_waits_itself_is_not_waited_for_for_ever(monkeypatch: Any) -> None:
    monkeypatch.setattr(main_thread, "_PATIENCE_S", 0.2)
    told: list[Any] = []
    elsewhere(lambda: told.append(main_thread.wait_for(lambda: told.append("late"), never))).join()
    assert told == [False]
    QgsApplication.processEvents()
    assert told == [False, "late"]


def test_nobody_waits_once_the_job_is_stopped() -> None:
    told: list[Any] = []
    elsewhere(lambda: told.append(main_thread.wait_for(lambda: None, lambda: True))).join()
    assert told == [False]
    QgsApplication.processEvents()


def test_what_is_put_off_leaves_the_window_its_turns(qtbot: Any) -> None:
    """Between two of them timers and input have their turn, and what is not put off comes before."""
    done: list[str] = []
    ticks = QTimer()
    ticks.setInterval(0)
    ticks.timeout.connect(lambda: done.append("window"))
    ticks.start()
    for name in ("first", "second", "third"):
        main_thread.soon(lambda name=name: done.append(name))
    elsewhere(lambda: main_thread.do(lambda: done.append("at once"))).join()
    qtbot.waitUntil(lambda: "third" in done, timeout=5_000)
    ticks.stop()
    named = [name for name in done if name != "window"]
    assert named == ["at once", "first", "second", "third"]
    assert "window" in done[done.index("first") : done.index("second")]
    assert "window" in done[done.index("second") : done.index("third")]


def test_no_timer_runs_when_nothing_is_left(qtbot: Any) -> None:
    done: list[int] = []
    main_thread.soon(lambda: done.append(1))
    qtbot.waitUntil(lambda: bool(done), timeout=5_000)
    assert not main_thread._the_caller()._timer.isActive()
