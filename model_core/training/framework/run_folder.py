"""The folder of a training: `runs/YYYYMMDD_HHMMSS/{config.json, weights/, results/, analysis/}`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import RequestError

Log = Callable[[str], None]

PARTS = ("weights", "results", "analysis")


def new_run(parent: Path) -> Path:
    """Create a run folder of its own below `parent`, called after the time."""
    stamp = datetime.now().strftime("%Y%m%d_%H%M%S")
    for number in range(100):
        run = parent / (stamp if not number else f"{stamp}_{number}")
        try:
            run.mkdir(parents=True)
        except FileExistsError:  # another training began in the same second
            continue
        for name in PARTS:
            (run / name).mkdir()
        return run
    raise RequestError(f"{parent} takes no new run folder {stamp}; choose another folder with --runs.")


def remember(run: Path, config: Mapping[str, Any]) -> None:
    """Keep the numbers of a training in `config.json` of its run folder.

    Raises:
        RequestError: the folder holds a training with other numbers.
    """
    path = run / "config.json"
    text = json.dumps(dict(config), indent=1)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise RequestError(
            f"{run} holds a run of another recipe; choose another folder, or none for a new one."
        )
    run.mkdir(parents=True, exist_ok=True)
    write_json(path, text)


def write_json(path: Path, content: Any) -> None:
    """Write JSON (or its text) whole or not at all; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=1) + "\n"
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextmanager
def logged(run: Path, echo: Log):
    """Lines of a training, to the user and into `train.log` of its run folder, with the seconds."""
    import time

    run.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (run / "train.log").open("a", encoding="utf-8") as file:

        def log(message: str) -> None:
            line = f"{time.monotonic() - started:8.0f} s  {message}"
            echo(line)
            file.write(line + "\n")
            file.flush()

        yield log
