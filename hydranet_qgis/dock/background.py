"""Work that must not block the window: one thing at a time, in a thread, and only the latest is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal

Work = Callable[[Callable[[], bool]], Any]
"""What is worked out in the thread; it is given a function that says whether its result is still wanted."""


class Background(QObject):
    """A thread of its own for one purpose, such as the picture of a tile.

    No `QgsTask`: each would show up in QGIS's list of tasks, and a tile's picture is worked out at every
    press of an arrow key.
    """

    _ended = pyqtSignal(int, object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(1, "HydraNet dock")
        self._number = 0
        self._then: Callable[[Any], None] | None = None
        self._unwanted = threading.Event()
        # Queued: emitted in the thread, taken in this object's own.
        self._ended.connect(self._take, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether a result is still to come."""
        return self._then is not None

    def start(self, work: Work, then: Callable[[Any], None]) -> None:
        """Work something out, in place of what is still under way.

        Args:
            work: called in the thread; must touch no widget, layer or project.
            then: called in this thread with what `work` returned, or with the exception it raised.
        """
        self.cancel()
        self._unwanted = threading.Event()
        self._then = then
        self._pool.submit(self._run, self._number, work, self._unwanted)

    def cancel(self) -> None:
        """Forget what is under way; its `then` is not called any more."""
        self._unwanted.set()
        self._number += 1
        self._then = None

    def close(self) -> None:
        """Cancel, and wait until the thread has ended; nothing can be started afterwards."""
        self.cancel()
        self._pool.shutdown(wait=True)

    def _run(self, number: int, work: Work, unwanted: threading.Event) -> None:
        if unwanted.is_set():
            return
        try:
            result = work(unwanted.is_set)
        except Exception as error:  # noqa: BLE001 - whoever asked is told, in the window's own thread
            result = error
        if not unwanted.is_set():
            self._ended.emit(number, result)

    def _take(self, number: int, result: Any) -> None:
        if number == self._number and self._then is not None:
            then, self._then = self._then, None
            then(result)
