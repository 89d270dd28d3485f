"""What a running job says, and the one clean channel it says it on: JSON lines on standard output.

Libraries print. `claim_stdout` takes the real standard output for the events alone and sends
whatever anything else prints, from Python or from C, to standard error.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from collections.abc import Callable
from importlib import metadata
from typing import Any, TextIO

from . import __version__

PROTOCOL = 1

Event = dict[str, Any]
Emit = Callable[[Event], None]


def started(total_tiles: int, folder: str) -> Event:
    """The job knows its work: that many tiles, into that folder."""
    return {"event": "started", "total_tiles": total_tiles, "folder": folder}


def progress(done: int, total: int, message: str) -> Event:
    """`done` of `total` tiles are through."""
    return {"event": "progress", "done": done, "total": total, "message": message}


def time_left(elapsed: float, done: int, left: int) -> str:
    """A guess to end a progress message with; empty while there is nothing to go by, or little to wait for.

    Args:
        elapsed: seconds that what is done took.
        done: how much that is.
        left: how much is to do.
    """
    seconds = elapsed / done * left if done else 0.0
    return f", about {seconds:.0f} s left" if elapsed > 2.0 and seconds >= 1.0 else ""


def log(level: str, message: str) -> Event:
    """A sentence for the log; level `info` or `warning`."""
    return {"event": "log", "level": level, "message": message}


def finished(folder: str, summary: dict[str, Any]) -> Event:
    """The run folder is whole; `summary` is its run.json."""
    return {"event": "finished", "folder": folder, "summary": summary}


def epoch(number: int, epochs: int, figures: dict[str, float | None], best: int, seconds: float) -> Event:
    """An epoch of a training is done.

    Args:
        number: from 1; 0 = what was measured before the first step.
        epochs: at most.
        figures: by column, such as "loss/total", "val/iou", "lr"; None = could not be measured.
        best: number of the best epoch so far.
        seconds: spent in training so far.
    """
    return {
        "event": "epoch", "number": number, "epochs": epochs, "figures": figures, "best": best,
        "seconds": round(seconds, 1),
    }  # fmt: skip


def prepared(output: str, summary: dict[str, Any]) -> Event:
    """The raster `output` is whole; `summary` is as `prepare.prepare` returns it."""
    return {"event": "finished", "output": output, "summary": summary}


def checked(summary: dict[str, Any]) -> Event:
    """Everything works; `summary` is as `libraries.check` returns it."""
    return {"event": "finished", "summary": summary}


def failed(kind: str, message: str) -> Event:
    """The job ended with an error of that class."""
    return {"event": "error", "kind": kind, "message": message}


def cancelled() -> Event:
    """The job was stopped by the user; nothing half-written bears a final name."""
    return {"event": "cancelled"}


def of_scene(event: Event, number: int, path: str) -> Event:
    """An event of one scene among several."""
    return {**event, "scene": {"number": number, "path": path}}


def scene_started(total_scenes: int, folder: str) -> Event:
    """One of so many scenes begins; its run goes into that folder."""
    return {"event": "scene_started", "total_scenes": total_scenes, "folder": folder}


def scene_ended(row: dict[str, Any]) -> Event:
    """One scene is through, well or not; `row` is its row of the summary."""
    return {"event": "scene_ended", "row": row}


def scenes_summary(path: str, rows: list[dict[str, Any]]) -> Event:
    """All scenes are through, or the user stopped; `path` is the summary as a file."""
    return {"event": "summary", "path": path, "rows": rows}


def versions() -> dict[str, str | None]:
    """Versions of what the results depend on, read without importing any of it; None = not installed."""
    found: dict[str, str | None] = {"hydranet": __version__, "python": sys.version.split()[0]}
    for name in ("torch", "numpy", "rasterio", "pyogrio", "shapely", "safetensors"):
        found[name] = _version(name)
    return found


@functools.cache  # milliseconds each, of every scene and every strip
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def claim_stdout() -> TextIO:
    """Keep standard output for the events and send every other print to standard error.

    Returns:
        A text stream on the original standard output.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return stream


class EventWriter:
    """Writes events as JSON lines, whole lines also when several threads speak.

    Attributes:
        broken: set once the reader has gone; later events are dropped, so that a job can end tidily.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.broken = threading.Event()

    def emit(self, event: Event) -> None:
        """Write one event."""
        # ASCII only and no NaN: any JSON reader in any locale can take the line.
        line = json.dumps(event, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n"
        with self._lock:
            if self.broken.is_set():
                return
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):
                self.broken.set()
