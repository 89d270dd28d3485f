"""The last trainings of this session, and a bell that rings when one begins, goes on or ends.

Like `run_events`: plain Python, listeners are called in the ringing thread, and a bound `pyqtSignal.emit`
passes the call on to its own thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .state import Training

Listener = Callable[[Training], None]

KEPT = 12
"""So many trainings can be looked at again."""

_lock = threading.RLock()
_listeners: list[Listener] = []
_trainings: list[Training] = []


def trainings() -> list[Training]:
    """Those that are kept, the newest first."""
    with _lock:
        return list(_trainings)


def begin(training: Training) -> None:
    """A training begins; the oldest that has ended is forgotten when there are too many."""
    with _lock:
        _trainings.insert(0, training)
        ended = [one for one in _trainings if not one.running]
        for old in reversed(ended):
            if len(_trainings) > KEPT:
                _trainings.remove(old)
    changed(training)


def changed(training: Training) -> None:
    """Something is new about a training."""
    with _lock:  # until all are called: the signal of a panel thrown away meanwhile would crash QGIS
        for listener in list(_listeners):
            listener(training)


def listen(listener: Listener) -> None:
    """Call `listener(training)` for everything new from now on."""
    with _lock:
        if listener not in _listeners:
            _listeners.append(listener)


def forget(listener: Listener) -> None:
    """Stop calling it: once this returns, no thread is about to; nothing happens if it never listened."""
    with _lock:
        if listener in _listeners:
            _listeners.remove(listener)


def clear() -> None:
    """Forget all trainings."""
    with _lock:
        _trainings.clear()
