"""One pass over input and reference, window by window: everything that the figures are worked out from.

All sums are whole numbers, so no result depends on the windows or on the threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from ...errors import CancelledError, SceneError
from ...raster_file import detail, open_raster, quiet_gdal
from ...writer import NODATA, PROBABILITY_STEPS
from .codes import MOST, NONE, Codes
from .compared import Compared
from .truth import Truth

BLOCK, MOST_BLOCKS = 256, 4096
"""Edge in pixels of the blocks that are drawn for the intervals, doubled until there are no more of them."""

# Columns and rows read at once: whole blocks of tiled files, and never long to wait for.
_COLUMNS, _ROWS = 2048, 512
_MAP_EDGE = 720
"""Longest edge of the map of agreement, in cells."""

NOTHING, RIGHT, RIGHT_EMPTY, MISSED, FALSE, CONFUSED, INPUT_ONLY, REFERENCE_ONLY = range(8)
"""Outcomes of a pixel; `RIGHT_EMPTY` is agreement on the background."""


@dataclass
class Counted:
    """What was counted; K codes, B blocks.

    Attributes:
        matrix: int64 (K, K), rows = reference, columns = input.
        margins: int64 (B, 3, K): right, of the reference and of the input, in each block.
        reference_only, input_only: int64 (K,), pixels without a partner.
        block: edge of a block in pixels.
        cell: edge in pixels of a cell of the map.
        outcomes: int64 (rows, columns, 8), pixels of each outcome in each cell.
        doubt: int64 (251, 2), right and wrong pixels by step of the uncertainty; None = there is no band.
    """

    matrix: np.ndarray
    margins: np.ndarray
    reference_only: np.ndarray
    input_only: np.ndarray
    block: int
    cell: int
    outcomes: np.ndarray
    doubt: np.ndarray | None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class Sources:
    """The input's file, opened once for each thread.

    Args:
        compared: the input.
    """

    def __init__(self, compared: Compared) -> None:
        self._path = compared.path
        self._local, self._lock, self._stack = threading.local(), threading.Lock(), ExitStack()

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Class values, integers (h, w), and where there are any, bool (h, w).

        Raises:
            SceneError: the raster cannot be read there.
        """
        source = self._opened()
        try:
            return source.read(1, window=window), source.read_masks(1, window=window) > 0
        except (RasterioError, OSError) as error:
            raise self._damaged(window, error) from error

    def read_band(self, band: int, window: Window) -> np.ndarray:
        """Another band (h, w).

        Raises:
            SceneError: the raster cannot be read there.
        """
        try:
            return self._opened().read(band, window=window)
        except (RasterioError, OSError) as error:
            raise self._damaged(window, error) from error

    def close(self) -> None:
        """Close every thread's file."""
        self._stack.close()

    def _opened(self) -> DatasetReader:
        if not hasattr(self._local, "source"):
            self._local.source = open_raster(self._path, 1)
            with self._lock:
                self._stack.callback(self._local.source.close)
        return self._local.source

    def _damaged(self, window: Window, error: Exception) -> SceneError:
        x, y = int(window.col_off), int(window.row_off)
        return SceneError(
            f"'{self._path}' cannot be read at columns {x} to {x + int(window.width) - 1}, rows {y} to "
            f"{y + int(window.height) - 1} ({detail(error)}); it is truncated or damaged, get it again."
        )


def block_edge(width: int, height: int) -> int:
    """Edge of the blocks of a raster, in pixels."""
    edge = BLOCK
    while -(-width // edge) * -(-height // edge) > MOST_BLOCKS:
        edge *= 2
    return edge


def windows_of(width: int, height: int) -> list[Window]:
    """The windows of a pass, row by row."""
    return [
        Window(x, y, min(_COLUMNS, width - x), min(_ROWS, height - y))
        for y in range(0, height, _ROWS)
        for x in range(0, width, _COLUMNS)
    ]


def count_all(
    compared: Compared,
    truth: Truth,
    sources: Sources,
    codes: Codes,
    threads: int,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Counted:
    """Compare every pixel.

    Args:
        compared: the input.
        truth: the reference.
        sources: of the input.
        codes: of the class values; gets those that are met.
        threads: windows in work at once.
        progress: called with windows done and in all.
        cancelled: asked before each window.

    Raises:
        CancelledError: `cancelled` said so.
        SceneError, RequestError: input or reference cannot be read, or hold too many values.
    """
    width, height = compared.grid.width, compared.grid.height
    edge, cell = block_edge(width, height), max(1, -(-max(width, height) // _MAP_EDGE))
    blocks = -(-width // edge) * -(-height // edge)
    total = Counted(
        np.zeros((MOST, MOST), np.int64),
        np.zeros((blocks, 3, 8), np.int64),
        np.zeros(MOST, np.int64),
        np.zeros(MOST, np.int64),
        edge,
        cell,
        np.zeros((-(-height // cell), -(-width // cell), 8), np.int64),
        None if compared.uncertainty_band is None else np.zeros((PROBABILITY_STEPS + 1, 2), np.int64),
    )
    outcome = _outcome_table(codes, compared.legend.background)
    windows = windows_of(width, height)

    def work(window: Window) -> None:
        values, known = sources.read(window)
        mine = codes.encode(values, known, "The input")
        values, known = truth.read(window)
        theirs = codes.encode(values, known, "The reference")
        doubt = None
        if compared.uncertainty_band is not None:
            doubt = sources.read_band(compared.uncertainty_band, window)
        _add(total, window, mine, theirs, outcome, doubt, -(-width // edge))

    with quiet_gdal(1):
        for done, _ in enumerate(in_order(work, windows, threads, cancelled), start=1):
            progress(done, len(windows))
    return total


def in_order(
    work: Callable[[Window], None], tasks: list, threads: int, cancelled: Callable[[], bool]
) -> Iterator[None]:
    """Do all tasks in some threads, a few ahead of what is asked for.

    Raises:
        CancelledError: `cancelled` said so.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque = deque()
        try:
            for task in tasks:
                if cancelled():
                    raise CancelledError("Stopped; no report was written.")
                waiting.append(pool.submit(work, task))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                if cancelled():
                    raise CancelledError("Stopped; no report was written.")
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _outcome_table(codes: Codes, background: int | None) -> np.ndarray:
    """Outcome by code of the reference and of the input: uint8 (256 * 256,)."""
    theirs, mine = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    table = np.where(theirs == mine, RIGHT, CONFUSED)
    if background is not None:
        empty = codes.code(background)
        table[(theirs != empty) & (mine == empty)] = MISSED
        table[(theirs == empty) & (mine != empty)] = FALSE
        table[empty, empty] = RIGHT_EMPTY
    table[theirs == NONE] = INPUT_ONLY
    table[mine == NONE] = REFERENCE_ONLY
    table[(mine == NONE) & (theirs == NONE)] = NOTHING
    return table.ravel().astype(np.uint8)


def _add(
    total: Counted,
    window: Window,
    mine: np.ndarray,
    theirs: np.ndarray,
    outcome: np.ndarray,
    doubt: np.ndarray | None,
    blocks_across: int,
) -> None:
    """Count a window's pixels; `mine` and `theirs` are codes uint8 (h, w) of input and reference."""
    x, y = int(window.col_off), int(window.row_off)
    height, width = mine.shape
    both = (mine != NONE) & (theirs != NONE)
    kinds = int(max(mine[mine != NONE].max(initial=0), theirs[theirs != NONE].max(initial=0))) + 1
    # Which block each row and column of the window lies in, numbered within the window.
    down, across = (
        np.arange(start, start + size) // total.block - start // total.block
        for start, size in ((y, height), (x, width))
    )
    rows, columns = int(down[-1]) + 1, int(across[-1]) + 1
    place = (down[:, None] * columns + across[None, :])[both]
    key = (place * kinds + theirs[both]) * kinds + mine[both]
    found = np.bincount(key, minlength=rows * columns * kinds * kinds)
    found = found.reshape(rows * columns, kinds, kinds)
    margins = np.stack([found.diagonal(axis1=1, axis2=2), found.sum(2), found.sum(1)], axis=1)
    numbers = (y // total.block + np.arange(rows))[:, None] * blocks_across + x // total.block
    numbers = (numbers + np.arange(columns)[None, :]).ravel()
    codes = theirs.astype(np.uint16) << 8
    codes |= mine
    results = outcome[codes]
    cells, top, left = _cells(total.cell, x, y, results)
    alone = [
        np.bincount(a[(a != NONE) & (b == NONE)], minlength=MOST) for a, b in ((theirs, mine), (mine, theirs))
    ]
    with total.lock:
        if total.margins.shape[2] < kinds:
            wider = np.zeros((len(total.margins), 3, MOST), np.int64)
            wider[:, :, : total.margins.shape[2]] = total.margins
            total.margins = wider
        total.matrix[:kinds, :kinds] += found.sum(0)
        total.margins[numbers, :, :kinds] += margins
        total.reference_only += alone[0]
        total.input_only += alone[1]
        total.outcomes[top : top + cells.shape[0], left : left + cells.shape[1]] += cells
        if doubt is not None and total.doubt is not None:
            usable = both & (doubt != NODATA)
            step = np.minimum(doubt[usable].astype(np.int64), PROBABILITY_STEPS)
            wrong = (mine != theirs)[usable]
            counts = np.bincount(step * 2 + wrong, minlength=total.doubt.size)
            total.doubt += counts.reshape(total.doubt.shape)


def _cells(cell: int, x: int, y: int, results: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Outcomes (rows, columns, 8) of the map's cells that a window touches, and where they begin."""
    height, width = results.shape
    top, left = y // cell, x // cell
    down = np.arange(y, y + height) // cell - top
    across = np.arange(x, x + width) // cell - left
    rows, columns = int(down[-1]) + 1, int(across[-1]) + 1
    key = ((down[:, None] * columns + across[None, :]) << 3) + results
    counts = np.bincount(key.ravel(), minlength=rows * columns * 8)
    return counts.reshape(rows, columns, 8), top, left
