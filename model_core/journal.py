"""What is finished, written down as the run goes, so that a killed run can be continued.

`plan.json` says what the run is, `progress.jsonl` what of it is done: a line for each row of tiles that is
routed, one for each tile that was searched for objects, and one each time rows of blocks are safe on the
disk. A line cut off by a crash, and a block file that does not match its checksum, count as not written;
everything before them holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .errors import OutputError
from .files import write_whole
from .grid import TileGrid
from .objects.detections import Detections
from .pixel_counts import PixelCounts
from .records import Start, TileRecord
from .scene_tiles import SceneTiles

FORMAT = "hydranet-journal/1"
PLAN = "plan.json"
PROGRESS = "progress.jsonl"
RESULT, MOVING = "result", "moving.json"
STRIPS = "strips"  # parts of the run that others worked out, see `cluster.strips`
RUN_JSON = "run.json"


@dataclass(frozen=True)
class Block:
    """One expert's rows of pixels from `row` on, in a file of their own.

    Attributes:
        row: first pixel row.
        file: name inside the journal.
        crc32: of the file.
        counts: what the writer counted in them, see `writer.Counts`.
    """

    row: int
    file: str
    crc32: int
    counts: dict[str, Any]


@dataclass
class Done:
    """How far the run came.

    Attributes:
        until: pixel rows above it are safe, for all experts.
        blocks: by expert, in order; an expert without blocks wrote nothing.
        start: where the engine goes on.
    """

    until: int = 0
    blocks: dict[str, list[Block]] = field(default_factory=dict)
    start: Start = field(default_factory=Start)


class Journal:
    """The journal of one run, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: Any = None

    @property
    def exists(self) -> bool:
        """Whether anything was begun here."""
        return (self.folder / PLAN).is_file()

    @property
    def reroutes(self) -> bool:
        """Whether what was begun here only changes a finished run, which is whole until the end of that."""
        return self._plan().get("reroute") is True

    @property
    def unfinished(self) -> bool:
        """Whether a run was begun here that is not there yet."""
        return self.exists and not self.reroutes and not self.moved

    @property
    def moved(self) -> bool:
        """Whether the run was moved out of here to its last file, and only the journal was not removed.

        `run.json` is the last.
        """
        if not (self.folder / MOVING).exists() or (self.folder / RESULT / RUN_JSON).exists():
            return False
        return (self.folder.parent / RUN_JSON).exists()

    @property
    def worth_keeping(self) -> bool:
        """Whether any block of a run is safe here, or any strip whole."""
        strips = self.folder / STRIPS
        return bool(self._last_until()) or any(strips.glob("*[0-9]"))

    @property
    def job(self) -> str | None:
        """The job that began the run, if it said so: an attempt after the first may go on."""
        job = self._plan().get("job") if self.unfinished else None
        return job if isinstance(job, str) else None

    @property
    def overwrites(self) -> bool:
        """Whether the run begun here is to replace an older one."""
        return self._plan().get("overwrite") is True

    def begin(self, run: Mapping[str, Any], overwrite: bool, job: str | None = None) -> None:
        """Write down what the run is.

        Args:
            run: all that its results depend on.
            overwrite: whether it is to replace an older one.
            job: that begins it, if it may have to begin more than once.

        Raises:
            OutputError: the disk does not take it.
        """
        plan = {"format": FORMAT, "overwrite": overwrite, "run": run, "job": job}
        write_whole(self.folder / PLAN, (json.dumps(plan, indent=1, sort_keys=True) + "\n").encode())

    def begin_reroute(self) -> None:
        """Write down that a finished run is being changed.

        Raises:
            OutputError: the disk does not take it.
        """
        write_whole(self.folder / PLAN, (json.dumps({"format": FORMAT, "reroute": True}) + "\n").encode())

    def check(self, run: Mapping[str, Any]) -> None:
        """Make sure that the run written down is this one.

        Raises:
            OutputError: it is another, or cannot be read.
        """
        plan = self._plan()
        found, wanted = plan.get("run"), json.loads(json.dumps(run))
        if plan.get("format") != FORMAT or not isinstance(found, dict):
            raise OutputError(
                f"The journal in '{self.folder.parent}' cannot be read; allow the run to be overwritten."
            )
        if found != wanted:
            other = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
            raise OutputError(
                f"The unfinished run in '{self.folder.parent}' differs from this one in: {', '.join(other)}; "
                "repeat the request it was begun with, choose another folder, or allow it to be overwritten."
            )

    def _plan(self) -> dict[str, Any]:
        """What `begin` wrote; empty if that cannot be read."""
        try:
            plan = json.loads((self.folder / PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return plan if isinstance(plan, dict) else {}

    def load(self, grid: TileGrid, experts: list[str], branches: int | None = None) -> Done:
        """Read how far the run came, and let go of what is not whole.

        Args:
            grid: of the run.
            experts: names, in the model's order.
            branches: of the model's scene expert; None = it has none.
        """
        records: list[TileRecord] = []
        done = Done()
        found: dict[int, Detections] = {}
        for line in self.lines():
            if "tile" in line:
                try:
                    found[int(line["tile"])] = Detections.from_dict(line["found"])
                except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                    break  # its row would be taken for safe, and what was found in the tile be lost
                continue
            with contextlib.suppress(KeyError, TypeError, ValueError, IndexError):
                if "row" in line:
                    if line["row"] == len(records):
                        records.append(_record(line, grid, branches))
                else:
                    done.until, done.start.spent = int(line["until"]), dict(line["spent"])
                    for name, blocks in line["blocks"].items():
                        done.blocks.setdefault(name, []).extend(Block(**block) for block in blocks)
        self._keep_whole(done, set(experts))
        first = next((r for r in range(grid.rows) if grid.top(r) + grid.tile_height > done.until), grid.rows)
        first = min(first, len(records))
        done.start.row, done.start.records = first, records[:first]
        done.start.found = {tile: one for tile, one in found.items() if tile < first * grid.cols}
        return done

    def _keep_whole(self, done: Done, experts: set[str]) -> None:
        """Check every block file; rows from the first bad one on are not safe."""
        bad = [
            block.row
            for name, blocks in done.blocks.items()
            for block in blocks
            if name not in experts or not self._matches(block)
        ]
        done.until = min([done.until, *bad])
        for name, blocks in done.blocks.items():
            done.blocks[name] = [block for block in blocks if block.row < done.until]

    def _matches(self, block: Block) -> bool:
        try:
            return zlib.crc32((self.folder / block.file).read_bytes()) == block.crc32
        except OSError:
            return False

    def rewind(self, done: Done) -> None:
        """Write the progress file anew with what `load` found to hold.

        Raises:
            OutputError: the disk does not take it.
        """
        lines = [_record_line(record) for record in done.start.records]
        lines += [_found_line(tile, found) for tile, found in sorted(done.start.found.items())]
        if done.until:
            lines.append(_safe_line(done.until, done.blocks, done.start.spent))
        write_whole(self.folder / PROGRESS, "".join(lines).encode())

    def row_done(self, record: TileRecord) -> None:
        """Note a row of tiles."""
        self._append(_record_line(record), sync=False)

    def tile_searched(self, tile: int, found: Detections) -> None:
        """Note what was found in a tile; before the row of the tile is said to be safe."""
        self._append(_found_line(tile, found), sync=False)

    def safe_until(self, until: int, blocks: Mapping[str, list[Block]], spent: Mapping[str, Any]) -> None:
        """Note that pixel rows above `until` are safe; `blocks` are those new since the last time."""
        self._append(_safe_line(until, blocks, spent), sync=True)

    def add(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Take over lines of another journal, of rows that follow those here."""
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        self._append(text, sync=True)

    def close(self) -> None:
        """Close the progress file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, line: str, sync: bool) -> None:
        try:
            if self._file is None:
                self._file = (self.folder / PROGRESS).open("ab")
            self._file.write(line.encode())
            self._file.flush()
            if sync:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(
                f"The journal in '{self.folder}' could not be written ({error.strerror}); "
                "check the free space."
            ) from error

    def lines(self) -> list[dict[str, Any]]:
        """The lines that are whole, up to the first that is not."""
        found = []
        try:
            text = (self.folder / PROGRESS).read_bytes()
        except OSError:
            return []
        for line in text.split(b"\n")[:-1]:  # what follows the last line end is a line cut off
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if not isinstance(entry, dict):
                break
            found.append(entry)
        return found

    def _last_until(self) -> int:
        return max((line["until"] for line in self.lines() if isinstance(line.get("until"), int)), default=0)


def _record_line(record: TileRecord) -> str:
    # Python writes the shortest text that reads back as the same float: nothing is lost.
    scores = [None if np.isnan(row).any() else [float(score) for score in row] for row in record.scores]
    entry = {
        "row": record.row,
        "valid": [float(share) for share in record.valid],
        "scores": scores,
        "counts": record.counts.as_dict(),
    }
    if record.scenes is not None:
        entry["scenes"] = record.scenes.as_list()
    return json.dumps(entry, separators=(",", ":")) + "\n"


def _found_line(tile: int, found: Detections) -> str:
    return json.dumps({"tile": tile, "found": found.as_dict()}, separators=(",", ":")) + "\n"


def _record(line: dict[str, Any], grid: TileGrid, branches: int | None) -> TileRecord:
    valid = np.array(line["valid"], dtype=np.float64)
    known = next((row for row in line["scores"] if row is not None), [np.nan])
    blank = [np.nan] * len(known)
    scores = np.array([blank if row is None else row for row in line["scores"]], dtype=np.float32)
    if valid.shape != (grid.cols,) or len(scores) != grid.cols:
        raise ValueError("a row of another grid")
    scenes = None if branches is None else SceneTiles.from_list(line["scenes"], branches)
    if scenes is not None and len(scenes) != grid.cols:
        raise ValueError("a row of another grid")
    return TileRecord(int(line["row"]), valid, scores, PixelCounts.from_dict(line["counts"]), scenes)


def _safe_line(until: int, blocks: Mapping[str, list[Block]], spent: Mapping[str, Any]) -> str:
    entry = {
        "until": until,
        "blocks": {name: [vars(block) for block in those] for name, those in blocks.items() if those},
        "spent": dict(spent),
    }
    return json.dumps(entry, separators=(",", ":")) + "\n"
