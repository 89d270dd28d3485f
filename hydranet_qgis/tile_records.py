"""What a run decided about each of its tiles: the rows of `routing.gpkg` as plain Python types."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from .errors import RunFolderError
from .i18n import tr
from .run_folder import ROUTING_LAYER, Run, unreadable
from .uncertainty import MODEL

UNABLE = ("outside resolution", "not requested")
"""Reasons of experts that could not serve, whatever their score."""
OUTSIDE_MASK = "outside mask"
"""Reason of tiles that were left out because no polygon of the mask touches them."""


_PATIENCE_S = 0.5  # for a table that another program is writing; a small run is read in the main thread


@dataclass(frozen=True)
class TileRecord:
    """One tile and every decision about it. Tuples follow `Run.experts`.

    Attributes:
        valid: share of pixels with data, 0 to 1.
        scores: calibrated score of each expert, None where the tile has no data or was left out.
        chosen: experts that decoded it, strongest first.
        reason: what became of the tile.
        reasons: why each expert was chosen or not.
        wkb: polygon of the tile's core in the scene's CRS.
        scene: class that the scene expert gave it, "" without one.
        scene_score: probability of that class, None without one.
        scene_branches: branches that served it, counted from 1, ascending.
        totals, models: mean total and mean model uncertainty of each expert that decoded it, 0 to 1, None
            elsewhere; empty for a run that tells none.
    """

    index: int
    row: int
    col: int
    valid: float
    scores: tuple[float | None, ...]
    chosen: tuple[str, ...]
    reason: str
    reasons: tuple[str, ...]
    wkb: bytes
    scene: str = ""
    scene_score: float | None = None
    scene_branches: tuple[int, ...] = ()
    totals: tuple[float | None, ...] = ()
    models: tuple[float | None, ...] = ()

    def unsure(self, kind: str, position: int) -> float | None:
        """Mean uncertainty of an expert, None where it has none.

        Args:
            kind: TOTAL or MODEL, see `uncertainty`.
            position: of the expert in the run.
        """
        values = self.models if kind == MODEL else self.totals
        return values[position] if values else None

    @property
    def scored(self) -> bool:
        """Whether the model saw it at all."""
        return any(score is not None for score in self.scores)

    @property
    def masked(self) -> bool:
        """Whether the mask left it out."""
        return self.reason == OUTSIDE_MASK

    @property
    def top(self) -> int | None:
        """Position of the strongest expert that could have served; None if there is none, or no data."""
        could = [
            position
            for position, (score, reason) in enumerate(zip(self.scores, self.reasons))
            if score is not None and reason not in UNABLE
        ]
        return max(could, key=lambda position: self.scores[position] or 0.0) if could else None

    @property
    def top_score(self) -> float | None:
        """Score of that expert."""
        return None if self.top is None else self.scores[self.top]


def read_tiles(run: Run, cancelled: Callable[[], bool] = lambda: False) -> list[TileRecord]:
    """Read every tile of the run's routing table, in row-major order.

    A GeoPackage is an SQLite file; asked directly it gives 20,000 tiles in a quarter of a second, where OGR,
    with a call for each field of each tile, takes eight.

    Args:
        run: the run.
        cancelled: asked now and then; after a "yes" the tiles read so far are returned.

    Raises:
        RunFolderError: the table is missing or cannot be read.
    """
    names = [expert.name for expert in run.experts]
    try:
        # Connecting would make a file that is not there.
        name = str(run.routing) if run.routing.is_file() else ":memory:"
        with closing(sqlite3.connect(name, timeout=_PATIENCE_S)) as table:
            if not table.execute("PRAGMA table_info(tiles)").fetchall():
                raise RunFolderError(
                    tr("{path} is missing or holds no layer '{layer}'; run HydraNet again.").format(
                        path=run.routing, layer=ROUTING_LAYER
                    )
                )
            rows = table.execute('SELECT * FROM tiles ORDER BY "row", "col"')
            reader = _Reader([column[0] for column in rows.description], names)
            tiles: list[TileRecord] = []
            for row in rows:
                if len(tiles) % 1000 == 0 and cancelled():
                    break
                tiles.append(reader.record(row))
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise unreadable(run.routing, error) from error
        raise RunFolderError(
            tr("{path} is in use by another program; close it there and choose the run again.").format(
                path=run.routing
            )
        ) from error
    except (sqlite3.Error, LookupError, TypeError, ValueError) as error:
        raise unreadable(run.routing, error) from error
    return tiles


class _Reader:
    """Makes records of the table's rows.

    Args:
        columns: of the table.
        names: of the run's experts; one that the table does not know has no scores.

    Raises:
        LookupError: a column that every run has is not there.
    """

    def __init__(self, columns: list[str], names: list[str]) -> None:
        place = {name: number for number, name in enumerate(columns)}
        self._fixed = [place[name] for name in ("tile", "row", "col", "valid", "chosen", "reason")]
        # Named by who wrote the file: "geom" with GDAL.
        self._shape = place.get("geom", place.get("geometry"))
        self._scores = [place.get(f"score_{name}") for name in names]
        self._reasons = [place.get(f"reason_{name}") for name in names]
        self._scene = [place.get(name) for name in ("scene", "scene_score", "scene_branches")]
        self._totals = _places(place, "uncertainty_", names)
        self._models = _places(place, "model_uncertainty_", names)
        self._branches: dict[str, tuple[int, ...]] = {}  # few are ever combined

    def record(self, row: tuple[Any, ...]) -> TileRecord:
        """One tile."""
        index, at_row, col, valid, chosen, reason = (row[number] for number in self._fixed)
        scene, score, branches = (None if number is None else row[number] for number in self._scene)
        return TileRecord(
            index=int(index),
            row=int(at_row),
            col=int(col),
            valid=float(valid or 0.0),
            scores=tuple(None if number is None else row[number] for number in self._scores),
            chosen=tuple(part for part in (chosen or "").split(",") if part),
            reason=reason or "",
            reasons=tuple("" if number is None else row[number] or "" for number in self._reasons),
            wkb=wkb_of(None if self._shape is None else row[self._shape]),
            scene=scene or "",
            scene_score=score,
            scene_branches=self._served(branches) if branches else (),
            totals=tuple([None if number is None else row[number] for number in self._totals]),
            models=tuple([None if number is None else row[number] for number in self._models]),
        )

    def _served(self, text: str) -> tuple[int, ...]:
        """Numbers of branches from a text such as "1,3"."""
        if text not in self._branches:
            self._branches[text] = tuple(int(part) for part in text.split(",") if part.strip())
        return self._branches[text]


def _places(place: dict[str, int], prefix: str, names: list[str]) -> list[int | None]:
    """Where each expert's column of this kind stands; empty where no expert has one."""
    found = [place.get(prefix + name) for name in names]
    return found if any(number is not None for number in found) else []


def wkb_of(blob: bytes | None) -> bytes:
    """The WKB behind a GeoPackage's own header: 8 bytes, and an envelope as its flags tell."""
    return blob[8 + (0, 32, 48, 48, 64)[(blob[3] >> 1) & 0b111] :] if blob else b""
