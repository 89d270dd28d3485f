"""Showing a running job to a person: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import os
import time
from typing import Any, Protocol, TextIO

from .events import Event

_RATE_AFTER_S = 2.0  # before that, tiles that were in work together make a rate that means nothing


class View(Protocol):
    """Hears the events of a job."""

    def __call__(self, event: Event) -> None: ...

    def close(self) -> None:
        """The job has ended."""


def view(stream: TextIO, name: str) -> View:
    """What suits a stream.

    Args:
        stream: standard error, as a rule.
        name: of the scene, if there is one only.
    """
    return BarView(stream, name) if stream.isatty() else LineView(stream, name)


def crowd_view(stream: TextIO, scenes: int) -> View:
    """What suits a stream for scenes that run beside each other.

    Args:
        stream: standard error, as a rule.
        scenes: how many there are.
    """
    return CrowdBar(stream, scenes) if stream.isatty() else CrowdLines(stream)


class BarView:
    """A tqdm bar over the tiles of the scene in work."""

    def __init__(self, stream: TextIO, name: str) -> None:
        """Show an empty bar until the number of tiles is known."""
        from tqdm import tqdm

        self._stream = stream
        self._title = name
        self._fresh = True
        self._bar: Any = tqdm(desc=name, unit=" tiles", file=stream, dynamic_ncols=True)

    def __call__(self, event: Event) -> None:
        """Show one event."""
        kind = event["event"]
        if kind == "scene_started":
            self._title = _title(event)
            self._bar.reset(total=None)
            self._bar.set_description(self._title)
        elif kind == "started":
            self._bar.reset(total=event["total_tiles"])
            self._bar.set_description(self._title)
            self._fresh = True
        elif kind == "progress":
            if self._fresh:  # what an earlier run did tells nothing about the speed
                self._bar.initial = self._bar.n = self._bar.last_print_n = event["done"]
                self._fresh = False
            self._bar.update(event["done"] - self._bar.n)
            if event["message"].startswith("Finishing"):
                self._bar.set_description(f"{self._title}: {event['message']}")
        elif kind == "scene_ended" or kind == "log":
            self._bar.write(f"hydranet: {_sentence(event)}", file=self._stream)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


class LineView:
    """A line at the start and the end of a scene, and one each tenth of its tiles."""

    def __init__(self, stream: TextIO, name: str) -> None:
        """Write nothing yet."""
        self._stream = stream
        self._title = name
        self._tenth = 0
        self._first: tuple[int, float] | None = None  # tiles at the first report, and when that was

    def __call__(self, event: Event) -> None:
        """Show one event."""
        kind = event["event"]
        if kind == "scene_started":
            self._title = _title(event)
            self._say(self._title)
        elif kind == "started":
            self._tenth, self._first = 0, None
            self._say(f"{self._title}: {event['total_tiles']} tiles")
        elif kind == "progress":
            self._progress(event["done"], event["total"])
        elif kind == "finished" and "scene" not in event:
            self._say(f"{self._title}: done")
        elif kind in ("scene_ended", "log"):
            self._say(_sentence(event))

    def close(self) -> None:
        """Nothing is open."""

    def _progress(self, done: int, total: int) -> None:
        now = time.perf_counter()
        if self._first is None:
            self._first = done, now
        tenth = 10 * done // max(total, 1)
        if tenth > self._tenth:
            self._tenth = tenth
            worked, seconds = done - self._first[0], now - self._first[1]
            rate = f", {worked / seconds:.3g} tiles/s" if seconds >= _RATE_AFTER_S else ""
            self._say(f"{self._title}: {10 * tenth} % ({done} of {total} tiles{rate})")

    def _say(self, text: str) -> None:
        self._stream.write(f"hydranet: {text}\n")
        self._stream.flush()


class CrowdBar:
    """A tqdm bar over scenes, those in work counting by their share of tiles."""

    def __init__(self, stream: TextIO, scenes: int) -> None:
        """Show an empty bar."""
        from tqdm import tqdm

        self._stream = stream
        self._open: dict[int, tuple[int, int]] = {}  # tiles done and in all, by scene
        self._ended, self._tiles = 0, 0
        form = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total} [{elapsed}<{remaining}{postfix}]"
        self._bar: Any = tqdm(desc="scenes", total=scenes, file=stream, dynamic_ncols=True, bar_format=form)

    def __call__(self, event: Event) -> None:
        """Show one event."""
        kind = event["event"]
        if kind == "progress":
            self._open[event["scene"]["number"]] = event["done"], event["total"]
        elif kind == "scene_ended":
            self._ended += 1
            self._tiles += self._open.pop(event["scene"]["number"], (0, 0))[1]
        if kind in ("progress", "scene_ended"):
            shares = sum(done / max(total, 1) for done, total in self._open.values())
            tiles = self._tiles + sum(done for done, _ in self._open.values())
            self._bar.set_postfix_str(f"{tiles} tiles", refresh=False)
            self._bar.update(self._ended + shares - self._bar.n)
        if kind in ("scene_ended", "log"):
            self._bar.write(f"hydranet: {_sentence(event)}", file=self._stream)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


class CrowdLines:
    """A line at the start and the end of each scene."""

    def __init__(self, stream: TextIO) -> None:
        """Write nothing yet."""
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Show one event."""
        kind = event["event"]
        if kind in ("scene_started", "scene_ended", "log"):
            text = _title(event) if kind == "scene_started" else _sentence(event)
            self._stream.write(f"hydranet: {text}\n")
            self._stream.flush()

    def close(self) -> None:
        """Nothing is open."""


def _title(event: Event) -> str:
    """`scene 3 of 40: name`."""
    return f"scene {event['scene']['number']} of {event['total_scenes']}: {os.path.basename(event['folder'])}"


def _sentence(event: Event) -> str:
    if event["event"] == "log":
        place = f"scene {event['scene']['number']}: " if "scene" in event else ""
        return f"{event['level']}: {place}{event['message']}"
    row = event["row"]
    told = f"{row['tiles']} tiles in {row['seconds']:.1f} s" if row["status"] == "done" else row["message"]
    return f"scene {event['scene']['number']}: {row['status']}: {told}"
