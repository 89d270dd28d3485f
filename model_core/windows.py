"""Windows of a raster in raw numbers with their mask, whole or, where the file is damaged, block by block.

The same pixels come back for a window however it is cut into smaller ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .bands import BAND_NAMES
from .errors import SceneError
from .masks import Masks
from .pixel_counts import WHOLE, Part
from .raster_file import detail, is_there
from .raster_reader import READ_FAILURES, RasterReader

# Their blocks are units of reading, not of storage, so damage is told by whole blocks only.
_VIRTUAL_DRIVERS = {"VRT", "SENTINEL2"}


class WindowReader:
    """Reads the used bands of one dataset into the model's order.

    Args:
        path: as the user gave it, for messages.
        dataset: the open raster, whose layout is looked at here only.
        reader: reads it.
        sources: 1-based raster bands that are used, in the order of `targets`.
        targets: model band index of each.
        masks: which pixels hold data.
        skip_damaged: parts that cannot be read become NoData instead of an error.
    """

    def __init__(
        self,
        path: str,
        dataset: DatasetReader,
        reader: RasterReader,
        sources: Sequence[int],
        targets: Sequence[int],
        masks: Masks,
        skip_damaged: bool,
    ) -> None:
        self._path = path
        self._width, self._height = dataset.width, dataset.height
        self._reader = reader
        self._sources = list(sources)
        self._targets = list(targets)
        self._masks = masks
        self._skip_damaged = skip_damaged
        self._on_disk = is_there(path)
        self._virtual = dataset.driver in _VIRTUAL_DRIVERS
        # The planes that are read stand last and move up to their places, see `read`.
        self._first = len(BAND_NAMES) - len(self._sources)
        self._grids: dict[tuple[int, int], list[int]] = {}
        for position, band in enumerate(self._sources):
            self._grids.setdefault(dataset.block_shapes[band - 1], []).append(position)

    def read(self, window: Window, own: Part = WHOLE) -> tuple[np.ndarray, np.ndarray, int, int]:
        """Raw numbers of a window that lies inside the raster.

        Returns:
            float32 (8, H, W), the planes of unused bands undefined; the mask, bool (H, W); how many pixels of
            the window's part `own` were NaN or infinite; how many of them could not be read.

        Raises:
            SceneError: the file is damaged there, or gone.
        """
        x, y = int(window.col_off), int(window.row_off)
        height, width = int(window.height), int(window.width)
        if self._skip_damaged and self._virtual:
            values, valid, damaged = self._read_aligned(x, y, width, height)
        else:
            values, valid, damaged = self._read_window(x, y, width, height)
        for position, target in enumerate(self._targets, start=self._first):
            if position != target:
                values[target] = values[position]
        lost = 0
        if damaged is not None and damaged.any():
            lost = int(np.count_nonzero(damaged[own]))
            valid &= ~damaged
        return values, valid, self._masks.exclude(valid, values, self._targets, own), lost

    def _read_window(
        self, x: int, y: int, width: int, height: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Values (8, H, W) in reading order, mask (H, W), and damaged pixels (H, W), None for none."""
        window = Window(x, y, width, height)
        values = np.empty((len(BAND_NAMES), height, width), dtype=np.float32)
        try:
            # One call for all bands, straight into the last planes; each then moves up to its place, which is
            # never behind where it was read, so none is overwritten before it has moved.
            self._reader.read(self._sources, window, values[self._first :])
            return values, self._masks.read(window), None
        except READ_FAILURES as error:
            failure = error
        # With or without the damage being skipped: a dataset that failed once must not be read again.
        self._renew(threads=1)
        self._refuse_unless_damage_is_skipped(failure, x, y, width, height)
        found = self._read_blocks(x, y, width, height)
        self._renew()
        return found

    def _renew(self, threads: int | None = None) -> None:
        try:
            self._reader.renew(threads)
        except READ_FAILURES as error:
            raise SceneError(
                f"'{self._path}' is no longer there or cannot be opened ({detail(error)}); bring it back (or "
                "its drive) and start again."
            ) from error

    def _refuse_unless_damage_is_skipped(
        self, error: Exception, x: int, y: int, width: int, height: int
    ) -> None:
        if self._on_disk and not is_there(self._path):
            raise SceneError(
                f"'{self._path}' is no longer there; bring it back (or its drive) and start again."
            ) from error
        if not self._skip_damaged:
            raise SceneError(
                f"'{self._path}' cannot be read at columns {x} to {x + width - 1}, rows {y} to "
                f"{y + height - 1} ({detail(error)}); it is truncated or damaged, get it again or give "
                "--skip-damaged (in QGIS: 'Skip damaged parts') to take those parts for NoData."
            ) from error

    def _read_aligned(
        self, x: int, y: int, width: int, height: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """As `_read_window`, but always whole blocks, so that damage does not depend on the window."""
        rows, cols = (math.lcm(*(shape[axis] for shape in self._grids)) for axis in (0, 1))
        left, top = x // cols * cols, y // rows * rows
        right = min(-(-(x + width) // cols) * cols, self._width)
        bottom = min(-(-(y + height) // rows) * rows, self._height)
        values, valid, damaged = self._read_window(left, top, right - left, bottom - top)
        cut = np.s_[y - top : y - top + height, x - left : x - left + width]
        return (
            np.ascontiguousarray(values[(slice(None), *cut)]),
            np.ascontiguousarray(valid[cut]),
            None if damaged is None else damaged[cut],
        )

    def _read_blocks(
        self, x: int, y: int, width: int, height: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read what can be read, block by block, see `_read_window`."""
        values = np.zeros((len(BAND_NAMES), height, width), dtype=np.float32)
        valid = np.ones((height, width), dtype=bool)
        damaged = np.zeros((height, width), dtype=bool)
        for (rows, cols), positions in self._grids.items():
            bands = [self._sources[position] for position in positions]
            for block, place in _blocks(x, y, width, height, rows, cols):
                numbers = np.empty((len(bands), int(block.height), int(block.width)), dtype=np.float32)
                try:
                    self._reader.read(bands, block, numbers)
                    mask = self._masks.read(block)
                except READ_FAILURES as error:
                    self._refuse_unless_damage_is_skipped(error, x, y, width, height)
                    damaged[place] = True
                    continue
                for plane, position in zip(numbers, positions, strict=True):
                    values[(self._first + position, *place)] = plane
                valid[place] &= mask
        return values, valid, damaged


def _blocks(
    x: int, y: int, width: int, height: int, rows: int, cols: int
) -> Iterator[tuple[Window, tuple[slice, slice]]]:
    """The part of each block that lies in a window, and its place in the window.

    A file's block is decoded as a whole whatever part of it is asked for, so it fails as a whole, too.
    """
    for top in range(y // rows * rows, y + height, rows):
        for left in range(x // cols * cols, x + width, cols):
            y0, y1 = max(top, y), min(top + rows, y + height)
            x0, x1 = max(left, x), min(left + cols, x + width)
            yield Window(x0, y0, x1 - x0, y1 - y0), np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
