"""The folder of an export, there whole or not at all: what it may hold, and what is never replaced."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path

from ..errors import OutputError
from ..whole_folder import recover, whole_folder
from .manifest import listed
from .names import MANIFEST

WHAT = "ONNX export"
MAX_MANIFEST_BYTES = 16 * 1024 * 1024


def check_folder(path: Path, overwrite: bool) -> None:
    """Refuse what is in the way, before minutes of work.

    Raises:
        OutputError: something that is no folder, a folder with other files, or an export that is not to be
            overwritten.
    """
    recover(path, WHAT)
    _refuse(path, overwrite)


def _refuse(path: Path, overwrite: bool) -> None:
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        raise OutputError(f"'{path}' is no folder but is in the way; give the name of a new folder.")
    found = {file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir()}
    if not found:
        return
    own = _listed(path)
    if own is None or found - own:
        other = "" if own is None else f" beside an export, such as '{min(found - own)}'"
        raise OutputError(
            f"'{path}' holds other files{other}; give the name of a new folder, as an export takes the place "
            "of the whole folder."
        )
    if not overwrite:
        raise OutputError(
            f"'{path}' already holds an export; give another folder, or allow it to be replaced "
            "(--overwrite)."
        )


def _listed(path: Path) -> set[str] | None:
    """What the manifest in a folder lists, itself included; None where there is none."""
    file = path / MANIFEST
    try:
        if file.stat().st_size > MAX_MANIFEST_BYTES:
            return None
        return {MANIFEST, *listed(json.loads(file.read_text(encoding="utf-8")))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def new_folder(path: Path, overwrite: bool) -> AbstractContextManager[Path]:
    """`whole_folder` for an export.

    Args:
        path: the final name, see `check_folder`.
        overwrite: an export of that name may be replaced.

    Raises:
        OutputError: the name is taken, or the disk does not take it.
    """
    return whole_folder(path, WHAT, lambda: _refuse(path, overwrite))
