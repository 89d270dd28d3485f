"""The folder of a training: `runs/YYYYMMDD_HHMMSS/{config.json, weights/, results/, analysis/}`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import RequestError

Log = Callable[[str], None]

PARTS = ("weights", "results", "analysis")


def new_run(parent: Path) -> Path:
    """Create a run folder of its own below `parent`, called after the time.

    Raises:
        RequestError: it cannot be made there.
    """
    stamp = datetime.now().strftime("%Y%m%d_%H%M%S")
    try:
        for number in range(100):
            run = parent / (stamp if not number else f"{stamp}_{number}")
            try:
                run.mkdir(parents=True)
            except FileExistsError:  # another training began in the same second
                continue
            _make_parts(run)
            return run
    except OSError as error:
        raise RequestError(
            f"No run folder can be made in {parent} ({error.strerror}); choose another folder with --runs."
        ) from error
    raise RequestError(f"{parent} takes no new run folder {stamp}; choose another folder with --runs.")


def remember(run: Path, config: Mapping[str, Any]) -> None:
    """Keep the numbers of a training in `config.json` of its run folder, which is made with its parts.

    Raises:
        RequestError: the folder holds a training with other numbers.
    """
    path = run / "config.json"
    text = json.dumps(dict(config), indent=1)
    if path.is_file():
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            stored = None
        other = _difference(stored, json.loads(text))
        if other:
            raise RequestError(
                f"{run} holds a run of another recipe ({other}); choose another folder, "
                "or none for a new one."
            )
    _make_parts(run)
    if not path.is_file():
        write_json(path, text)


def _make_parts(run: Path) -> None:
    for name in PARTS:
        (run / name).mkdir(parents=True, exist_ok=True)


def _difference(there: Any, here: Any, name: str = "") -> str:
    """The first number in which two configurations differ, in words; empty if there is none."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in (*here, *(key for key in there if key not in here)):
            inner = f"{name}.{key}" if name else key
            if key not in there or key not in here:
                return f"{inner} is only in {'this' if key in here else 'that'} one"
            found = _difference(there[key], here[key], inner)
            if found:
                return found
        return ""
    return "" if there == here else f"{name or 'its config.json'} is {there!r} there, {here!r} here"


def write_json(path: Path, content: Any) -> None:
    """Write JSON (or its text) whole or not at all; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=1) + "\n"
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextmanager
def logged(run: Path, echo: Log) -> Iterator[Log]:
    """Lines of a training, to the user and into `train.log` of its run folder, with the seconds."""
    run.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (run / "train.log").open("a", encoding="utf-8") as file:

        def log(message: str) -> None:
            line = f"{time.monotonic() - started:8.0f} s  {message}"
            echo(line)
            file.write(line + "\n")
            file.flush()

        yield log
