"""Checks of what the user typed for tiles of his own: sentences instead of tracebacks."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..i18n import tr
from .label_requests import SPLITS, whole

SET_FILE = "routerset.json"
PART = ".part"
"""End of the name of the folder in which the worker keeps what is not finished."""

_PLAN = "plan.json"
_TASK = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_TAKEN = ("routing", "run", "con", "prn", "aux", "nul")  # files of a run, and devices on Windows
_TILE_STEP = 32
_MOST_BYTES = 4 * 2**20
# QGIS cuts a source at the one and takes the other for the code of a character.
_UNREADABLE = re.compile(r"\||%[0-9A-Fa-f]{2}")


def check_task(name: str) -> None:
    """Check the name of a task.

    Raises:
        InputError: no expert can be called so.
    """
    if not _TASK.match(name) or name in _TAKEN:
        raise InputError(
            tr(
                "The task is called '{name}'; use a short name of small letters, numbers and _ that begins "
                "with a letter and is none of {taken}."
            ).format(name=name, taken=", ".join(_TAKEN))
        )


def check_tiling(tile_size: int, stride: int | None) -> None:
    """Check how tiles lie.

    Raises:
        InputError: the network cannot read such tiles, or they leave gaps.
    """
    if tile_size % _TILE_STEP:
        raise InputError(
            tr("The tile size is {size}; use a multiple of {step}.").format(size=tile_size, step=_TILE_STEP)
        )
    if stride is not None and stride > tile_size:
        raise InputError(
            tr("The step from tile to tile is {stride} pixels, but a tile has {size}; use at most {size}.")
            .format(stride=stride, size=tile_size)
        )  # fmt: skip


def read_splits(text: str) -> dict[str, float]:
    """Read "60,15,10,15" as a share of each split.

    Raises:
        InputError: these are no four numbers that make 100, or nothing is left to learn from.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    whole_parts = len(numbers) == len(SPLITS) and all(math.isfinite(n) and n >= 0 for n in numbers)
    if not whole_parts or abs(sum(numbers) - 100.0) > 1e-6 or numbers[0] <= 0:
        raise InputError(
            tr(
                "The shares of the splits are '{text}'; write four numbers for {names} that make 100, the "
                "first above 0, such as 60,15,10,15."
            ).format(text=text, names=", ".join(SPLITS))
        )
    return {name: number / 100.0 for name, number in zip(SPLITS, numbers)}


def check_present(present: Collection[str], classes: Collection[str]) -> None:
    """Check names of classes against those that are known.

    Args:
        present: what the user named.
        classes: known names; empty if only the worker will know.

    Raises:
        InputError: one is none of them.
    """
    strange = [name for name in present if classes and name not in classes]
    if strange:
        raise InputError(
            tr("Classes that need the expert name '{name}', which is none of {names}.").format(
                name=strange[0], names=", ".join(dict.fromkeys(classes))
            )
        )


def read_more_labels(path: str, task: str) -> list[dict[str, Any]]:
    """Read the list of further tasks; paths in it are seen from its folder.

    Args:
        path: a JSON file, "" for none.
        task: name of the first task.

    Raises:
        InputError: it cannot be read, or lists no tasks.
    """
    if not path:
        return []
    file = Path(path)
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(tr("larger than {count} bytes").format(count=_MOST_BYTES))
        listed = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            tr("The list of more tasks {path} cannot be read ({why}); mend it or leave it out.").format(
                path=path, why=getattr(error, "strerror", None) or error
            )
        ) from error
    sound = isinstance(listed, list) and all(
        isinstance(one, dict) and all(isinstance(one.get(key), str) for key in ("task", "path"))
        for one in listed
    )
    if not sound:
        raise InputError(
            tr(
                "The list of more tasks {path} is no JSON list of objects with a task and a path each; see "
                "the help page for an example."
            ).format(path=path)
        )
    names = [task]
    for one in listed:
        check_task(one["task"])
        if one["task"] in names:
            raise InputError(
                tr("The task '{name}' comes twice; give each a name of its own.").format(name=one["task"])
            )
        names.append(one["task"])
    return [{**one, "path": _seen_from(file.parent, one["path"])} for one in listed]


def check_folder(folder: str) -> None:
    """Check a folder that results are to be written into.

    Raises:
        InputError: it is a file, or QGIS could not open anything in it.
    """
    if Path(folder).is_file():
        raise InputError(
            tr("The output folder {folder} is a file; give the name of a folder.").format(folder=folder)
        )
    unreadable = _UNREADABLE.search(folder)
    if unreadable:
        raise InputError(
            tr(
                "The output folder {folder} has '{found}' in its path, and QGIS opens nothing from there; "
                "choose another folder."
            ).format(folder=folder, found=unreadable.group())
        )


def check_output(folder: str, told: bool) -> None:
    """Check the folder to be written.

    Raises:
        InputError: it cannot be one, or holds tiles that nothing was said about.
    """
    check_folder(folder)
    if not told and (Path(folder) / SET_FILE).exists():
        raise InputError(
            tr("The folder {folder} already holds tiles; choose another folder, or tick Overwrite.").format(
                folder=folder
            )
        )


def check_beside(target: str, folder: str) -> None:
    """Check that nothing is to be written among the tiles: such a folder could not be overwritten later.

    Args:
        target: file to be written, "" for none.
        folder: of the tiles.

    Raises:
        InputError: it is.
    """
    if target and os.path.dirname(os.path.realpath(target)) == os.path.realpath(folder):
        raise InputError(
            tr("{target} cannot be saved in the folder of the tiles; choose another place.").format(
                target=target
            )
        )


def is_unfinished(folder: Path) -> bool:
    """Whether the worker has begun tiles for that folder and not ended."""
    return (folder.with_name(folder.name + PART) / _PLAN).is_file()


def _seen_from(folder: Path, path: str) -> str:
    beside = folder / path
    return str(beside.resolve()) if beside.exists() else whole(path)
