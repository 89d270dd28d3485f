"""From the workers to whoever called: events of scenes, each heard once, progress as it comes.

Workers speak through the scheduler, which promises nothing about a worker that is lost. So the events of a
scene also come back with its result, and the caller adds what it has not heard. Counts of tiles are not
repeated.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from .. import events

_LEAST_S = 0.2  # between two counts of the same scene or strip
STRIP = "strip"  # a count of tiles of one strip; only between worker and caller


class Teller:
    """On a worker: says what a scene says, and remembers it.

    Attributes:
        told: all events but counts, each with its number.
        token: of this attempt.
    """

    def __init__(self, scene: int, send: Callable[[str], None]) -> None:
        """Begin.

        Args:
            scene: its number.
            send: takes a message, one line of JSON.
        """
        self.told: list[tuple[int, events.Event]] = []
        self.token = uuid.uuid4().hex
        self._scene, self._send = scene, send
        self._number, self._last = 0, 0.0
        self._lock = threading.Lock()

    def __call__(self, event: events.Event) -> None:
        """Say an event."""
        with self._lock:
            counts = event["event"] in ("progress", STRIP)
            now = time.monotonic()
            if counts and now - self._last < _LEAST_S and not _is_last(event):
                return
            if counts:
                self._last = now
            else:
                self.told.append((self._number, event))
            message = {"scene": self._scene, "token": self.token, "number": self._number, "event": event}
            self._number += 1
            self._send(json.dumps(message))  # ASCII: paths that are no text must travel too


def _is_last(event: events.Event) -> bool:
    return event["done"] >= event["total"]


class Hearing:
    """At the caller: one scene's events, in order and once; counts of strips are added up."""

    def __init__(self, tell: events.Emit) -> None:
        self._tell = tell
        self._heard: set[tuple[str, int]] = set()
        self._strips: dict[str, int] = {}
        self._total = 0
        self._base = 0
        self._begin = time.perf_counter()

    def hear(self, token: str, number: int, event: events.Event) -> None:
        """Pass on what a worker says."""
        if event["event"] == STRIP:
            self._strips[event["name"]] = event["done"]
            self._count()
            return
        if event["event"] == "progress":
            if not self._strips:
                self._base = event["done"]
            elif event["done"] < event["total"]:
                return
        else:
            if (token, number) in self._heard:
                return
            self._heard.add((token, number))
            if event["event"] == "started":
                self._total, self._base = event["total_tiles"], 0
                self._strips.clear()
        self._tell(event)

    def catch_up(self, token: str, told: list[Any]) -> None:
        """Pass on what the result tells and was not heard."""
        for number, event in told:
            self.hear(token, number, event)

    def _count(self) -> None:
        done = min(self._base + sum(self._strips.values()), self._total)
        elapsed = time.perf_counter() - self._begin
        left = events.time_left(elapsed, done - self._base, self._total - done)
        self._tell(events.progress(done, self._total, f"{done} of {self._total} tiles{left}"))
