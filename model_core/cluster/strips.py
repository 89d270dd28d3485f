"""Strips of one huge scene, each worked out by itself and laid beside the run's journal.

A strip is what a run that goes on would do between two rows of pixels: it begins with the first row of tiles
that reaches below its upper edge, as `Journal.load` does, and writes the rows of blocks inside it. Tiles
across an edge are computed on both sides of it, which is all that strips cost. What a strip finds out has the
form of a journal, so taking it over is joining journals, and the run is finished as every run that was
continued: its bytes are those of a run that was never cut.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio

from ..background import WriteBehind
from ..budget import Limits
from ..engine import Engine
from ..errors import OutputError
from ..grid import Tile, TileGrid
from ..journal import STRIPS, Done, Journal
from ..output import RunOutput
from ..records import Start, TileRecord
from ..writer import BLOCK

if TYPE_CHECKING:
    from ..engine import Progress
    from ..plan import Plan
    from ..scene_expert import SceneExpertSpec

_WRITE_BEHIND = 64  # pieces of a tile's size


@dataclass(frozen=True)
class Strip:
    """Rows of pixels from `first` to `end`, which is excluded; both are edges of rows of blocks."""

    first: int
    end: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.first:07d}-{self.end:07d}"

    @classmethod
    def named(cls, name: str) -> Strip | None:
        """The strip of a folder's name, or None if it is another folder."""
        first, _, end = name.partition("-")
        return cls(int(first), int(end)) if first.isdigit() and end.isdigit() else None

    def rows(self, grid: TileGrid) -> range:
        """Rows of tiles that reach into it."""
        first = next(r for r in range(grid.rows) if grid.top(r) + grid.tile_height > self.first)
        return range(first, next(r for r in range(first, grid.rows + 1) if grid.top(r) >= self.end))

    def own_tiles(self, grid: TileGrid) -> slice:
        """Tiles that begin in it: each tile begins in one strip only."""
        inside = [row for row in self.rows(grid) if grid.top(row) >= self.first]
        return slice(inside[0] * grid.cols, (inside[-1] + 1) * grid.cols) if inside else slice(0, 0)


class StripWork:
    """The tiles of a strip; an `engine.Work`."""

    def __init__(self, plan: Plan, strip: Strip) -> None:
        rows = strip.rows(plan.grid)
        self._plan = plan
        self.wanted = np.zeros(len(plan.grid.tiles), dtype=bool)
        part = slice(rows.start * plan.grid.cols, rows.stop * plan.grid.cols)
        self.wanted[part] = plan.wanted[part]

    @property
    def scene_expert(self) -> SceneExpertSpec | None:
        """See `engine.Work`."""
        return self._plan.scene_expert

    def serves(self, tiles: Sequence[Tile], scores: np.ndarray) -> list[list[int]]:
        """See `engine.Work`."""
        return self._plan.serves(tiles, scores)


class StripOutput(RunOutput):
    """Writes the blocks of a strip, and nothing of what its tiles say above and below it."""

    def __init__(self, plan: Plan, journal: Journal, behind: WriteBehind, strip: Strip) -> None:
        experts, uncertainty = plan.model.experts, plan.request.uncertainty
        super().__init__(experts, plan.grid, journal, behind, Done(until=strip.first), uncertainty)
        self._end, self._rows = strip.end, strip.rows(plan.grid)

    def take(self, expert: int, top: int, *part: Any) -> None:
        """See `engine.Output`."""
        if top < self._end:
            super().take(expert, top, *part)

    def row_done(self, record: TileRecord) -> None:
        """See `engine.Output`."""
        if record.row in self._rows:
            super().row_done(record)

    def _flush(self, until: int, spent: dict[str, Any]) -> None:
        super()._flush(min(until, self._end), spent)


def cut(grid: TileGrid, done: Done, rows: int, journal: Journal) -> list[Strip]:
    """The strips that are left of a run, those that are whole already among them.

    Args:
        grid: of the run.
        done: how far it came.
        rows: pixel rows of a strip, at most; rounded up to rows of blocks.
        journal: of the run.
    """
    step = -(-rows // BLOCK) * BLOCK
    whole = {strip.first: strip for strip in _whole(journal)}
    strips, first = [], done.until
    while first < grid.height:
        after = [edge for edge in whole if edge > first]
        strip = whole.get(first) or Strip(first, min([first + step, grid.height, *after]))
        strips.append(strip)
        first = strip.end
    return strips


def work_out(
    plan: Plan, strip: Strip, limits: Limits, folder: Path, progress: Progress, check: Callable[[], None]
) -> None:
    """Do the tiles of a strip and lay the result into the journal of the run, whole or not at all.

    Args:
        plan: of the whole run.
        strip: what to do of it.
        limits: threads and memory.
        folder: of the run's journal.
        progress: see `engine.Engine.run`.
        check: likewise.

    Raises:
        CancelledError: from `check`.
        SceneError, OutputError, BundleError: reading, writing or the model failed.
    """
    target = folder / STRIPS / strip.name
    part = target.with_name(f"{strip.name}.{uuid.uuid4().hex}.part")
    try:
        with contextlib.suppress(FileExistsError):
            target.parent.mkdir()
        part.mkdir()
        journal = Journal(part)
        with rasterio.Env(GDAL_CACHEMAX=limits.cache_bytes), WriteBehind(_WRITE_BEHIND) as behind:
            output = StripOutput(plan, journal, behind, strip)
            start = Start(row=strip.rows(plan.grid).start)
            Engine(plan, limits, output, start, StripWork(plan, strip)).run(progress, check)
        journal.close()
        # Another attempt at the same strip may have been quicker; it wrote the same.
        if not target.exists():
            os.rename(part, target)
    except OSError as error:
        if not target.exists():
            raise OutputError(
                f"The strip {strip.name} could not be put into '{folder}' ({error.strerror or error}); check "
                "the free space, and that every worker can write there."
            ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def join(journal: Journal, strip: Strip, spent: dict[str, Any]) -> dict[str, Any] | None:
    """Take a whole strip that follows what is done into the journal of the run.

    Args:
        journal: of the run.
        strip: begins where what is done ends.
        spent: by what is done.

    Returns:
        What was spent so far, with the strip; None if the strip is not whole.
    """
    lines = Journal(journal.folder / STRIPS / strip.name).lines()
    if not lines or lines[-1].get("until") != strip.end:
        return None
    total = spent
    for line in lines:
        if "until" in line:
            total = _sum(spent, line["spent"])
            line["spent"] = total
            for blocks in line["blocks"].values():
                for block in blocks:
                    block["file"] = f"{STRIPS}/{strip.name}/{block['file']}"
    journal.add(lines)
    return total


def take_over(plan: Plan, journal: Journal) -> Done:
    """How far a run came that is to go on, with the strips that follow; the journal holds just that then.

    Raises:
        OutputError: the disk does not take it.
    """
    done = settle(plan, journal)
    until, spent = done.until, done.start.spent
    while strip := next((strip for strip in _whole(journal) if strip.first == until), None):
        joined = join(journal, strip, spent)
        if joined is None:
            shutil.rmtree(journal.folder / STRIPS / strip.name, ignore_errors=True)
            continue
        until, spent = strip.end, joined
    return done if until == done.until else settle(plan, journal)


def settle(plan: Plan, journal: Journal) -> Done:
    """Read how far a run came, and write the journal anew with what holds of it.

    Raises:
        OutputError: the disk does not take it.
    """
    journal.close()
    scene = plan.model.scene
    branches = None if scene is None else len(scene.branches)
    done = journal.load(plan.grid, [spec.name for spec in plan.model.experts], branches)
    journal.rewind(done)
    return done


def _whole(journal: Journal) -> list[Strip]:
    """Strips that lie beside a journal."""
    found = [Strip.named(path.name) for path in (journal.folder / STRIPS).glob("*-*") if path.is_dir()]
    return sorted((strip for strip in found if strip is not None), key=lambda strip: strip.first)


def _sum(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Seconds of both, stage by stage; of the experts one by one."""
    total = {**other, **one}
    for name in one.keys() & other.keys():
        a, b = one[name], other[name]
        total[name] = [x + y for x, y in zip(a, b, strict=True)] if isinstance(a, list) else a + b
    return total
