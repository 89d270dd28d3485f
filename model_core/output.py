"""What the engine finishes, on its way to the disk: values at once, files in a thread that writes behind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .background import WriteBehind
from .grid import Tile, TileGrid
from .journal import Block, Done, Journal
from .objects.detections import Detections
from .records import TileRecord
from .spec import ExpertSpec
from .writer import BLOCK, BlockWriter, finish


class RunOutput:
    """Writes blocks and journal of one run.

    Attributes:
        writers: by the number of each expert that has pixels.
        objects: by the index of each tile that went to the objects expert, what was found in it.
        seconds: time spent writing.
    """

    def __init__(
        self,
        experts: Sequence[ExpertSpec],
        grid: TileGrid,
        journal: Journal,
        behind: WriteBehind,
        done: Done,
        uncertainty: bool = False,
    ) -> None:
        """Begin, or go on after `done`.

        Args:
            experts: of the model.
            grid: of the run.
            journal: notes what is safe; its folder takes the blocks.
            behind: the thread that writes.
            done: what an earlier run left.
            uncertainty: add the uncertainty bands to experts that have them.
        """
        self._grid = grid
        self._journal = journal
        self._behind = behind
        self._until = done.until
        self.seconds = float(done.start.spent.get("write", 0.0))
        self.objects = dict(done.start.found)
        self.writers = {
            number: BlockWriter(journal.folder, spec, grid.width, grid.height, uncertainty)
            for number, spec in enumerate(experts)
            if spec.kind != "objects"
        }
        for writer in self.writers.values():
            writer.resume(done.blocks.get(writer.spec.name, []), done.until)

    def take(
        self, expert: int, top: int, left: int, sums: np.ndarray, weight: np.ndarray, inside: np.ndarray
    ) -> None:
        """See `engine.Output`."""
        writer = self.writers[expert]
        values = finish(writer.spec, sums, weight, inside, bool(writer.uncertainty_bands))
        self._behind.call(self._write, writer, top, left, values)

    def found(self, tile: Tile, detections: Detections) -> None:
        """See `engine.Output`."""
        self.objects[tile.index] = detections
        self._behind.call(self._journal.tile_searched, tile.index, detections)

    def row_done(self, record: TileRecord) -> None:
        """See `engine.Output`."""
        self._behind.call(self._journal.row_done, record)

    def rows_above(self, until: int, spent: dict[str, Any]) -> None:
        """See `engine.Output`."""
        self._behind.call(self._flush, until, spent)

    def _write(self, writer: BlockWriter, top: int, left: int, values: np.ndarray) -> None:
        begin = time.perf_counter()
        writer.write(top, left, values)
        self.seconds += time.perf_counter() - begin

    def _flush(self, until: int, spent: dict[str, Any]) -> None:
        """Make every row of blocks safe that is whole."""
        begin = time.perf_counter()
        whole = until if until >= self._grid.height else until - until % BLOCK
        if whole <= self._until:
            return
        new: dict[str, list[Block]] = {w.spec.name: w.flush(whole) for w in self.writers.values()}
        self._until = whole
        self.seconds += time.perf_counter() - begin
        self._journal.safe_until(whole, new, {**spent, "write": self.seconds})


def remove_strays(folder: Path, done: Done) -> None:
    """Remove block files that the journal does not know: of rows that will be written again."""
    known = {block.file for blocks in done.blocks.values() for block in blocks}
    for path in folder.glob("*-*.tif*"):
        if path.name not in known:
            path.unlink(missing_ok=True)
