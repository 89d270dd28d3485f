"""An expert's output that is an older raster but for the tiles that changed.

Inside the windows of the changed tiles (the region) the older pixels go, and what the engine blends takes
their place; everywhere else they stay. Rows of blocks come and go one by one, as in a new run, so memory does
not depend on the raster's height.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from .background import WriteBehind
from .errors import OutputError
from .grid import Tile
from .journal import Block
from .objects.detections import Detections
from .raster_file import detail
from .records import TileRecord
from .spec import ExpertSpec
from .writer import BLOCK, BlockWriter, finish


class PatchWriter(BlockWriter):
    """Writes blocks of the older raster, changed where tiles changed."""

    def __init__(
        self,
        folder: Path,
        spec: ExpertSpec,
        width: int,
        height: int,
        uncertainty: bool,
        old: Path | None,
        changed: Sequence[Tile],
    ) -> None:
        """Begin an output.

        Args:
            folder: takes the block files.
            spec: the expert.
            width: in pixels.
            height: in pixels.
            uncertainty: as in `BlockWriter`.
            old: the older raster; None = it had none.
            changed: tiles that it has and should not have, or the other way round, in tile order.

        Raises:
            OutputError: the older raster cannot be read, or is another one.
        """
        super().__init__(folder, spec, width, height, uncertainty)
        self._old = old
        self._changed = deque(changed)  # in tile order, from the top
        self._regions: dict[int, np.ndarray] = {}  # bool (h, width) of each open row of blocks
        self._next = 0  # first row of the first row of blocks that was never open
        if old is not None:
            self._check(old)

    def write(self, top: int, left: int, values: np.ndarray) -> None:
        """Take finished values (bands, h, w); those outside the region are left out."""
        bottom, right = top + values.shape[1], left + values.shape[2]
        self._open_until(bottom)
        for block in range(top - top % BLOCK, bottom, BLOCK):
            first, last = max(top, block), min(bottom, block + BLOCK)
            rows = slice(first - block, last - block)
            target, region = self._open[block][:, rows, left:right], self._regions[block][rows, left:right]
            np.copyto(target, values[:, first - top : last - top], where=region)

    def flush(self, until: int) -> list[Block]:
        """Write the rows of blocks that lie wholly above row `until`, those too that nothing changed.

        Raises:
            OutputError: the older raster cannot be read, or the disk does not take it.
        """
        new = []
        for block in range(self._safe, self._height, BLOCK):
            end = min(block + BLOCK, self._height)
            if end > until:
                break
            self._open_until(end)
            new += super().flush(end)
            self._regions.pop(block)
        return new

    def _open_until(self, bottom: int) -> None:
        """Take up the older pixels down to row `bottom`."""
        while self._next < bottom:
            row, rows = self._next, min(BLOCK, self._height - self._next)
            region = np.zeros((rows, self._width), dtype=bool)
            while self._changed and self._changed[0].y + self._changed[0].height <= row:
                self._changed.popleft()
            for tile in takewhile(lambda tile, end=row + rows: tile.y < end, self._changed):
                above = max(tile.y - row, 0)
                region[above : tile.y + tile.height - row, tile.x : tile.x + tile.width] = True
            values = self._older(row, rows)
            values[:, region] = self.nodata
            self._open[row], self._regions[row] = values, region
            self._next += rows

    def _older(self, row: int, rows: int) -> np.ndarray:
        """Rows of the older raster, (bands, rows, width)."""
        if self._old is None:
            return np.full((self.bands, rows, self._width), self.nodata, dtype=self.dtype)
        try:
            with rasterio.Env(), rasterio.open(self._old) as raster:
                return raster.read(window=Window(0, row, self._width, rows))
        except (RasterioError, OSError) as error:
            raise self._trouble(detail(error)) from error

    def _check(self, old: Path) -> None:
        wanted = (self._width, self._height, (self.dtype,) * self.bands)
        try:
            with rasterio.open(old) as raster:
                found = (raster.width, raster.height, raster.dtypes)
        except (RasterioError, OSError) as error:
            raise self._trouble(detail(error)) from error
        if found != wanted:
            raise self._trouble("its size or its bands are not those of the run")

    def _trouble(self, why: str) -> OutputError:
        return OutputError(f"'{self._old}' cannot be changed ({why}); run the prediction again.")


class PatchOutput:
    """Takes what the engine finishes of the changed experts; nothing is noted, for nothing is continued.

    Attributes:
        objects: by the tile's index, what the objects expert found in the tiles that came.
    """

    def __init__(self, writers: Mapping[int, PatchWriter], behind: WriteBehind) -> None:
        """Take the writers by expert, and the thread that writes."""
        self._writers = writers
        self._behind = behind
        self.objects: dict[int, Detections] = {}

    def take(
        self, expert: int, top: int, left: int, sums: np.ndarray, weight: np.ndarray, inside: np.ndarray
    ) -> None:
        """See `engine.Output`."""
        writer = self._writers[expert]
        values = finish(writer.spec, sums, weight, inside, bool(writer.uncertainty_bands))
        self._behind.call(writer.write, top, left, values)

    def found(self, tile: Tile, detections: Detections) -> None:
        """See `engine.Output`."""
        self.objects[tile.index] = detections

    def row_done(self, record: TileRecord) -> None:
        """See `engine.Output`."""

    def rows_above(self, until: int, spent: Mapping[str, Any]) -> None:
        """See `engine.Output`; `spent` is not needed."""
        for writer in self._writers.values():
            self._behind.call(writer.flush, until)
