"""What a run's objects expert found: the rows of `objects.gpkg` as plain Python types."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .errors import RunFolderError
from .i18n import tr
from .run_folder import OBJECTS_LAYER, Run, RunExpert, unreadable
from .tile_records import wkb_of

_PATIENCE_S = 0.5  # as of tile_records: a small file is read in the main thread
_MOST_EXPERTS = 4096  # many times what a model may have; the dock draws a column for each
_NUMBERS = r"(?:\d+(?:,\d+)*)?"
_PAIRS = r"(?:\d+:\d+(?:\.\d+)?(?:,\d+:\d+(?:\.\d+)?)*)?"
_GROUPS = re.compile(rf"{_NUMBERS}(?: \| {_NUMBERS})*")  # "2,4 | 1,4"
_EXPERTS = re.compile(rf"{_PAIRS}(?: \| {_PAIRS})*")  # "6:0.71,8:0.29 | 2:0.55,13:0.45"


class ObjectRecord(NamedTuple):
    """One object; a tuple, because a town has a hundred thousand of them.

    Attributes:
        id: its number in the run, from 1.
        label: its class.
        score: 0 to 1.
        area, length, width: square metres and metres on the ground, None where the scene's pixels have no
            known size.
        tile: number of the tile that says most about it; groups and experts are of that tile.
        tiles: all tiles that found it, ascending.
        groups_text, experts_text: as the file spells them, read by `groups` and `experts`.
        top: expert with the largest weight in the last decoder layer, None without routing.
        wkb: its outline in the scene's CRS, b"" for none.
    """

    id: int
    label: str
    score: float
    area: float | None
    length: float | None
    width: float | None
    tile: int
    tiles: tuple[int, ...]
    groups_text: str
    experts_text: str
    top: int | None
    wkb: bytes

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """For each decoder layer the scene groups that were candidates, from 1; empty without any."""
        found = tuple(tuple(map(int, filter(None, part.split(",")))) for part in _layers(self.groups_text))
        return found if any(found) else ()

    @property
    def experts(self) -> tuple[tuple[tuple[int, float], ...], ...]:
        """For each decoder layer (number from 1, weight) of who served it; empty without routing."""
        found = []
        for part in _layers(self.experts_text):
            pairs = [pair.partition(":") for pair in part.split(",") if pair]
            found.append(tuple((int(number), float(weight)) for number, _, weight in pairs))
        return tuple(found) if any(found) else ()


@dataclass(frozen=True)
class RunObjects:
    """All objects of a run.

    Attributes:
        expert: who found them, None in a run without an objects expert.
        records: in the run's order.
        problem: why they cannot be shown, in a sentence; "" if they can.
    """

    expert: RunExpert | None = None
    records: tuple[ObjectRecord, ...] = ()
    problem: str = ""

    @cached_property
    def by_tile(self) -> dict[int, list[ObjectRecord]]:
        """Objects of each tile that found some, by its number; one at a seam is in several."""
        found: dict[int, list[ObjectRecord]] = {}
        for record in self.records:
            for tile in record.tiles:
                found.setdefault(tile, []).append(record)
        return found

    @cached_property
    def by_class(self) -> dict[str, int]:
        """Number of objects of each class that there are, in the order of the classes."""
        found = Counter(record.label for record in self.records)
        known = [one.name for one in self.expert.classes] if self.expert is not None else []
        # A class that run.json does not list is shown all the same.
        return {name: found[name] for name in [*known, *sorted(set(found) - {*known})] if found[name]}

    @cached_property
    def tiles_by_class(self) -> dict[str, int]:
        """Number of tiles that have an object of each class of `by_class`."""
        found = Counter(name for here in self.by_tile.values() for name in {one.label for one in here})
        return {name: found[name] for name in self.by_class}

    @cached_property
    def by_expert(self) -> dict[int, int]:
        """Number of objects that each expert of the last decoder layer served most, by its number."""
        found = Counter(record.top for record in self.records if record.top is not None)
        return {number: found[number] for number in sorted(found)}

    def colors(self) -> dict[str, str]:
        """Colour of each class as `#rrggbb`, as on the map."""
        classes = self.expert.classes if self.expert is not None else ()
        return {one.name: one.color for one in classes if one.color}


def objects_expert(run: Run | None) -> RunExpert | None:
    """The run's objects expert, None without one."""
    return next((expert for expert in run.experts if expert.finds_objects), None) if run is not None else None


def objects_of(run: Run, cancelled: Callable[[], bool] = lambda: False) -> RunObjects:
    """All objects of a run; where they cannot be read, why. Arguments as of `read_objects`."""
    expert = objects_expert(run)
    if expert is None:
        return RunObjects()
    try:
        found = RunObjects(expert, tuple(read_objects(run, cancelled)))
        # Worked out in this thread, and kept: of a hundred thousand objects the window would feel it.
        _ = found.tiles_by_class, found.by_expert
        return found
    except RunFolderError as error:
        return RunObjects(expert, (), str(error))


def read_objects(run: Run, cancelled: Callable[[], bool] = lambda: False) -> list[ObjectRecord]:
    """Read what the objects expert found, in the run's order; nothing where it was not run.

    Asked directly as an SQLite file, as the table of tiles is, for the same reason.

    Args:
        run: the run.
        cancelled: asked now and then; after a "yes" the objects read so far are returned.

    Raises:
        RunFolderError: the file is missing, in use, or cannot be read.
    """
    expert = objects_expert(run)
    if expert is None or expert.output is None:
        return []
    path: Path = expert.output
    try:
        name = str(path) if path.is_file() else ":memory:"  # connecting would make the file
        with closing(sqlite3.connect(name, timeout=_PATIENCE_S)) as table:
            if not table.execute("PRAGMA table_info(objects)").fetchall():
                raise RunFolderError(
                    tr("{path} is missing or holds no layer '{layer}'; run HydraNet again.").format(
                        path=path, layer=OBJECTS_LAYER
                    )
                )
            # What a user draws into the layer has no number, and is none of what the run found.
            rows = table.execute("SELECT * FROM objects WHERE id IS NOT NULL ORDER BY id")
            reader = _Reader([column[0] for column in rows.description])
            found: list[ObjectRecord] = []
            for row in rows:
                if len(found) % 1000 == 0 and cancelled():
                    break
                found.append(reader.record(row))
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise unreadable(path, error) from error
        raise RunFolderError(
            tr("{path} is in use by another program; close it there and choose the run again.").format(
                path=path
            )
        ) from error
    except (sqlite3.Error, LookupError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(path, error) from error
    return found


class _Reader:
    """Makes records of the table's rows.

    Args:
        columns: of the table.

    Raises:
        LookupError: a column is not there.
    """

    _NAMES = (
        *("id", "class", "score", "area_m2", "length_m", "width_m", "tile", "tiles"),
        *("groups", "experts", "top_expert"),
    )

    def __init__(self, columns: list[str]) -> None:
        place = {name: number for number, name in enumerate(columns)}
        self._fixed = [place[name] for name in self._NAMES]
        self._shape = place.get("geom", place.get("geometry"))
        self._tiles: dict[str, tuple[int, ...]] = {}  # many objects lie in the same
        self._texts: dict[str, str] = {}

    def record(self, row: tuple[Any, ...]) -> ObjectRecord:
        """One object.

        Raises:
            TypeError, ValueError: a value is not what it should be.
        """
        number, label, score, area, length, width, tile, tiles, groups, experts, top = (
            row[at] for at in self._fixed
        )
        return ObjectRecord(
            id=int(number),
            label=str(label or ""),
            score=float(score),
            area=_number(area),
            length=_number(length),
            width=_number(width),
            tile=int(tile),
            tiles=self._served(str(tiles)),
            groups_text=self._told(_GROUPS, groups or ""),
            experts_text=self._told(_EXPERTS, experts or ""),
            top=None if top is None else _expert(int(top)),
            wkb=wkb_of(None if self._shape is None else row[self._shape]),
        )

    def _served(self, text: str) -> tuple[int, ...]:
        if text not in self._tiles:
            self._tiles[text] = tuple(int(part) for part in text.split(","))
        return self._tiles[text]

    def _told(self, form: re.Pattern[str], text: str) -> str:
        """The text, which is only read when it is shown, if it can be."""
        if not form.fullmatch(text):
            raise ValueError(f"{text!r}")
        return self._texts.setdefault(text, text)


def _layers(text: str) -> list[str]:
    return [part.strip() for part in text.split("|")]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _expert(number: int) -> int:
    if not 1 <= number <= _MOST_EXPERTS:
        raise ValueError(f"top_expert={number}")
    return number
