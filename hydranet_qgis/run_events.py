"""A bell: whoever finishes a run rings it, whoever shows runs listens.

Plain Python, so that algorithms need no Qt object, no window and no plugin instance. Listeners are
called in the ringing thread; a bound `pyqtSignal.emit` passes the call on to its own thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

Listener = Callable[[str], None]

_lock = threading.Lock()
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Call `listener(folder)` for every run finished from now on."""
    with _lock:
        if listener not in _listeners:
            _listeners.append(listener)


def forget(listener: Listener) -> None:
    """Stop calling it; nothing happens if it never listened."""
    with _lock:
        if listener in _listeners:
            _listeners.remove(listener)


def announce(folder: Path) -> None:
    """A run in `folder` has finished."""
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        listener(str(folder))
