"""The worker's events as Processing's progress and log, with a guess at the time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from qgis.core import QgsProcessingFeedback

from ..i18n import tr

# Share of the bar (percent) at which tiles begin and end; before lies the worker's start, after it
# the loading of the layers.
_BEGIN, _END = 3.0, 97.0
# Processing keeps every text as a line of the log, so that they must not come with every batch.
_BETWEEN_S = 1.0
# Earlier there is too little to judge the speed by.
_PATIENCE_S = 2.0
_FINISHING = "Finishing "  # how the engine begins to tell of a file it is writing


class JobFeedback:
    """Called with every event of a job; moves the bar and writes the log.

    Args:
        feedback: Processing's feedback of the algorithm.
        text: what is done with tiles, with {done} and {total}.
        clock: seconds; another one for tests.
    """

    def __init__(
        self, feedback: QgsProcessingFeedback, text: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._feedback, self._text, self._clock = feedback, text, clock
        self._left = TimeLeft(clock)
        self._told = float("-inf")
        feedback.setProgressText(tr("Starting the worker"))

    def __call__(self, event: dict[str, Any]) -> None:
        name = event.get("event")
        if name == "started":
            self._feedback.setProgress(_BEGIN)
        elif name == "progress":
            self._progress(int(event.get("done") or 0), int(event.get("total") or 0), event)
        elif name == "log":
            message = str(event.get("message") or "")
            if event.get("level") == "warning":
                self._feedback.pushWarning(message)
            else:
                self._feedback.pushInfo(message)
        elif name == "finished":
            self._feedback.setProgress(_END)
            self._feedback.setProgressText(tr("Reading the results"))

    def _progress(self, done: int, total: int, event: dict[str, Any]) -> None:
        if total > 0:
            self._feedback.setProgress(_BEGIN + (_END - _BEGIN) * min(done / total, 1.0))
        message, left = str(event.get("message") or ""), self._left(done, total)
        if message.startswith(_FINISHING):
            self._feedback.setProgressText(tr("Writing {file}").format(file=message[len(_FINISHING) :]))
        elif total > 0 and (done >= total or self._clock() - self._told >= _BETWEEN_S):
            self._told = self._clock()
            self._feedback.setProgressText(self._text.format(done=done, total=total) + left)


class TimeLeft:
    """Guesses from the speed so far how long the rest will take.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._begin = clock, clock()
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> str:
        """Something like ", about 40 s left", "" while nothing can be said."""
        if self._first is None:
            # What an earlier run did, and the start of the worker, tell nothing about the speed.
            self._first, self._begin = done, self._clock()
        elapsed, worked = self._clock() - self._begin, done - self._first
        if elapsed < _PATIENCE_S or worked <= 0 or done >= total:
            return ""
        return tr(", about {time} left").format(time=duration(elapsed / worked * (total - done)))


def duration(seconds: float) -> str:
    """A time in words, as exact as a guess can be: "40 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return tr("{seconds} s").format(seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return tr("{minutes} min").format(minutes=minutes)
    return tr("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)
