"""How far a training is: one scale for all of its stages, and the question whether it is to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

from ... import events
from ...errors import CancelledError

SCALE = 1000
"""Of the progress bar: parts of a thousand of the whole work."""

EVERY_SECONDS = 0.3


class Progress:
    """Tells a listener how it goes.

    Args:
        emit: hears events.
        cancelled: True ends the training.
    """

    def __init__(self, emit: events.Emit, cancelled: Callable[[], bool]) -> None:
        self._emit, self.cancelled = emit, cancelled
        self._low, self._high, self._message = 0, SCALE, ""
        self._said, self._began = 0.0, time.monotonic()

    def stage(self, low: int, high: int, message: str) -> None:
        """Begin a stage that takes the progress from `low` to `high` of `SCALE`."""
        self.check()
        self._low, self._high, self._message = low, high, message
        self._said, self._began = 0.0, time.monotonic()
        self.at(0.0)

    def at(self, share: float) -> None:
        """The stage is done to this share, 0 to 1; told a few times a second.

        Raises:
            CancelledError: the training is to stop.
        """
        self.check()
        now = time.monotonic()
        if share < 1.0 and now - self._said < EVERY_SECONDS:
            return
        self._said = now
        done = self._low + int((self._high - self._low) * min(share, 1.0))
        left = events.time_left(now - self._began, int(1000 * share), int(1000 * (1 - share)))
        self._emit(events.progress(done, SCALE, self._message + left))

    def of(self, done: int, total: int) -> None:
        """As `at`, of `total` equal parts."""
        self.at(done / max(total, 1))

    def message(self, text: str) -> None:
        """What the stage says from now on."""
        self._message = text

    def check(self) -> None:
        """Raise CancelledError if the training is to stop."""
        if self.cancelled():
            raise CancelledError("The training was stopped; resume it to continue.")
