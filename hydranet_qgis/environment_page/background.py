"""Work that takes too long for the main thread, its result handed back there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal


class Background(QObject):
    """Runs one function at a time in a thread; of several only the last one's result counts.

    Signals:
        done(object): what the last function returned, in the main thread.
    """

    done = pyqtSignal(object)
    _told = pyqtSignal(int, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        self._waiting = False
        self._told.connect(self._take)

    @property
    def busy(self) -> bool:
        """Whether a result is still to come."""
        return self._waiting

    def start(self, function: Callable[[], Any]) -> None:
        """Run a function; it must not raise. A result still to come is dropped."""
        self._number += 1
        self._waiting = True
        arguments = (self._number, function)
        threading.Thread(target=self._work, args=arguments, name="hydranet-page", daemon=True).start()

    def drop(self) -> None:
        """The result still to come is no longer wanted."""
        self._number += 1
        self._waiting = False

    def _work(self, number: int, function: Callable[[], Any]) -> None:
        result = function()
        try:
            self._told.emit(number, result)
        except RuntimeError:
            return  # the page has been closed meanwhile

    def _take(self, number: int, result: Any) -> None:
        if number == self._number:
            self._waiting = False
            self.done.emit(result)
