"""The folder of a report, there whole or not at all: what it may hold, and what is never replaced."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from ...errors import OutputError
from ...files import write_whole
from ...whole_folder import recover, whole_folder

FORMAT = "hydranet-evaluation/1"
REPORT, FIGURES = "report.html", "figures.json"
NAMES = frozenset(
    (REPORT, FIGURES, "confusion.csv", "classes.csv", "router.csv", "reliability.csv", "tiles.csv")
) | {"uncertainty.csv"}
"""All that a report may consist of."""


def check_target(folder: Path, overwrite: bool) -> None:
    """Refuse an output folder that cannot be taken.

    Raises:
        OutputError: it is a file, holds other things than a report, or a report that is not to be replaced.
    """
    recover(folder.resolve(), "report")
    _refuse(folder, overwrite)


def _refuse(folder: Path, overwrite: bool) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputError(f"'{folder}' is a file; give the name of a folder for the report.")
    if not folder.exists():
        return
    try:
        held = {entry.name for entry in folder.iterdir()}
    except OSError as error:
        raise OutputError(f"'{folder}' cannot be read ({error.strerror}); choose another folder.") from error
    if not held:
        return
    if held - NAMES or not _is_report(folder):
        other = ", ".join(sorted(held - NAMES)[:3]) or "files that are no whole report"
        raise OutputError(
            f"'{folder}' holds other things than a report ({other}); choose an empty or a new folder."
        )
    if not overwrite:
        raise OutputError(
            f"'{folder}' holds a report; choose another folder or allow overwriting (--overwrite)."
        )


def _is_report(folder: Path) -> bool:
    try:
        data = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("format") == FORMAT


def write_folder(folder: Path, files: Mapping[str, bytes], overwrite: bool) -> None:
    """Write a report.

    Args:
        folder: its name.
        files: content by name, all of `NAMES`.
        overwrite: replace a report that is there.

    Raises:
        OutputError: the folder cannot be taken or written; what was there is as it was.
    """
    with whole_folder(folder.resolve(), "report", lambda: _refuse(folder, overwrite)) as part:
        for name, content in files.items():
            write_whole(part / name, content)
