"""Having something done in the main thread, where layers and the project may be touched, from any other.

Algorithms work in the background, and in a model every part of them may.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QObject, Qt, QThread, QTimer, pyqtSignal, pyqtSlot

# A main thread that does not answer for so long waits for the thread that asks.
_PATIENCE_S = 20.0
_LOOK_S = 0.1

_lock = threading.Lock()
_caller: _Caller | None = None


class _Caller(QObject):
    """Lives in the main thread and carries calls there."""

    called = pyqtSignal(object)
    put_off = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._later: deque[Callable[[], Any]] = deque()
        # A timer of 0 ms lets the window live between two calls, which events posted one after the other
        # do not.
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self.next)
        self.moveToThread(QgsApplication.instance().thread())
        self.called.connect(self.call, Qt.ConnectionType.QueuedConnection)
        self.put_off.connect(self.keep, Qt.ConnectionType.QueuedConnection)

    @pyqtSlot(object)
    def call(self, function: Any) -> None:
        """Call it; the thread is the main one by then."""
        function()

    @pyqtSlot(object)
    def keep(self, function: Any) -> None:
        """Call it in a turn of its own."""
        self._later.append(function)
        self._timer.start()

    @pyqtSlot()
    def next(self) -> None:
        """Call one of those that were put off."""
        function = self._later.popleft()
        if not self._later:
            self._timer.stop()
        function()


def here() -> bool:
    """Whether this is the main thread."""
    return bool(QThread.currentThread() == QgsApplication.instance().thread())


def do(function: Callable[[], Any]) -> None:
    """Call it now if this is the main thread; else have it called there before any event that comes now."""
    if here():
        function()
    else:
        _the_caller().called.emit(function)


def soon(function: Callable[[], Any]) -> None:
    """Have it called in the main thread when the window has nothing else to do, one such call at a time."""
    _the_caller().put_off.emit(function)


def wait_for(function: Callable[[], Any], cancelled: Callable[[], bool]) -> bool:
    """Have it called in the main thread, and wait until that is done.

    Args:
        function: what to call; it may still be called when nobody waits any more.
        cancelled: asked now and then whether waiting has become pointless.

    Returns:
        Whether it was called. A main thread that itself waits for this one is not waited for endlessly.
    """
    done = threading.Event()

    def call() -> None:
        try:
            function()
        finally:
            done.set()

    do(call)
    until = time.monotonic() + _PATIENCE_S
    while not done.wait(_LOOK_S) and time.monotonic() < until and not cancelled():
        continue
    return done.is_set()


def _the_caller() -> _Caller:
    global _caller
    with _lock:
        if _caller is None:
            _caller = _Caller()
        return _caller
