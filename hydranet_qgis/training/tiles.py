"""The tasks of a routerset, read from its `routerset.json` alone: what can be trained on its tiles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..i18n import tr

SET_FILE = "routerset.json"
_FORMAT = "hydranet-routerset/1"
_MOST_BYTES = 4 * 2**20


@dataclass(frozen=True)
class TileTask:
    """One task that the tiles have labels for.

    Attributes:
        name: identifier, as of an expert.
        title: what the user reads.
        classes: names of its classes.
    """

    name: str
    title: str
    classes: tuple[str, ...] = ()


def read_tasks(folder: Path) -> tuple[TileTask, ...]:
    """The tasks of the routerset in a folder, at least one.

    Raises:
        InputError: there is none that can be read.
    """
    path = folder / SET_FILE
    if not path.is_file():
        raise InputError(
            tr(
                "The folder {folder} has no {file}, so it holds no training tiles; choose one that Export "
                "training tiles finished."
            ).format(folder=folder, file=SET_FILE)
        )
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(tr("it is too large"))
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(tr("its format is {format}").format(format=data["format"]))
        tasks = tuple(
            TileTask(
                str(item["name"]),
                str(item.get("title") or item["name"]),
                tuple(str(entry["name"]) for entry in item["classes"]),
            )
            for item in data["tasks"]
        )
        if not tasks:
            raise ValueError(tr("it lists no tasks"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            tr("The training tiles of {path} cannot be understood ({why}); export them again.").format(
                path=path, why=error
            )
        ) from error
    return tasks
