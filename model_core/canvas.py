"""Where the overlapping tiles of one expert are blended, holding one tile and a seam.

Neighbouring tiles are routed to different experts, so every expert has its own weights: a pixel's value
is sum(w * value) / sum(w) over the tiles *this expert* decoded, and a weight of 0 means that it was
never asked.

Tiles come row by row and from left to right. So left of the tile in work every pixel above the next row
is final and is handed out at once; only the rows that the next row of tiles shares (the seam) are kept
over the whole width. Columns where the expert was not asked cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .grid import Tile, TileGrid

# Takes a finished part of the output: row of tiles, first column, sum of weight times value (C, h, w) and
# sum of weights (h, w). Its first pixel row is the row of tiles' own. Both arrays are lent: use them at once.
Emit = Callable[[int, int, np.ndarray, np.ndarray], None]

Spans = list[tuple[int, int]]


class Canvas:
    """The open pixels of one expert's output.

    Values are added in the order of the calls; the engine calls in tile order, so the float sums, and
    with them every written byte, do not depend on how tiles were put into batches.
    """

    def __init__(self, channels: int, grid: TileGrid, emit: Emit, first_row: int = 0) -> None:
        """Open an empty canvas.

        Args:
            channels: planes of the expert's values.
            grid: the tiles.
            emit: takes what is final.
            first_row: row of tiles that comes first.
        """
        self._grid = grid
        self._emit = emit
        self._planes = channels + 1  # the last one holds the weights
        self._row = first_row
        self._left = 0  # columns left of it are done in this row
        self._work: np.ndarray | None = None  # (C + 1, tile height, tile width), from column `_left` on
        self._shared_columns = 0  # of it, those that tiles on the left have already added to
        # (C + 1, shared rows, width). Left of `_left` it holds what this row leaves to the next one, from
        # there on what the row above left to this one; the spans say in which columns there is anything.
        self._seam: np.ndarray | None = None
        self._above: Spans = []
        self._below: Spans = []

    def add(self, tile: Tile, values: np.ndarray, weights: np.ndarray) -> None:
        """Blend one tile in, and hand out what lies before it.

        Args:
            tile: right of, or in a row below, the one before.
            values: float32 (C, h, w); used up.
            weights: float32 (h, w), above 0.
        """
        self.finish_rows(tile.row)
        self._sweep(tile.x)
        if self._work is None:
            self._work = np.empty((self._planes, tile.height, tile.width), dtype=np.float32)
            self._shared_columns = 0
        # Columns that hold something are added to, all others are written: no pass to set them to 0 first.
        old, new = np.s_[..., : self._shared_columns], np.s_[..., self._shared_columns :]
        values[old] *= weights[old]
        self._work[:-1][old] += values[old]
        self._work[-1][old] += weights[old]
        np.multiply(values[new], weights[new], out=self._work[:-1][new])
        self._work[-1][new] = weights[new]
        self._load(tile.x + self._shared_columns, tile.x + tile.width)

    def finish_rows(self, row: int) -> None:
        """Hand out all that lies above row of tiles `row`; no tile above it will come any more."""
        while self._row < row:
            if self._work is not None or self._above or self._below:
                self._sweep(self._grid.width)
            self._above, self._below = _merged(self._below), []
            self._row, self._left = self._row + 1, 0

    def _final_rows(self) -> int:
        """Rows of this row's tiles that the next row does not share."""
        return self._grid.top(self._row + 1) - self._grid.top(self._row)

    def _shared_rows(self) -> int:
        """Rows that the row above left to this one."""
        if self._row == 0:
            return 0
        return self._grid.top(self._row - 1) + self._grid.tile_height - self._grid.top(self._row)

    def _sweep(self, x: int) -> None:
        """Finish the columns left of `x` in this row."""
        if self._work is not None:
            width = self._work.shape[2]
            count = min(x - self._left, width)
            self._give(self._work[:, :, :count])
            self._left += count
            if count < width:
                # numpy minds that the two sides overlap
                self._work[:, :, : width - count] = self._work[:, :, count:]
                self._shared_columns = width - count  # the tile at `x`, which is to come, fills the rest
            else:
                self._work = None
        if self._left < x:
            self._pass(x)
            self._left = x

    def _give(self, block: np.ndarray) -> None:
        """Hand out the upper part of finished columns (C + 1, h, n), keep the lower one for the next row."""
        if not block.shape[2]:
            return
        final = self._final_rows()
        upper, lower = block[:, :final], block[:, final:]
        if upper[-1].any():
            self._emit(self._row, self._left, upper[:-1], upper[-1])
        if lower.shape[1] and lower[-1].any():
            self._keep(self._left, lower)

    def _pass(self, x: int) -> None:
        """Finish columns up to `x` where this row has no tile: only the row above may have left something."""
        final, shared = self._final_rows(), self._shared_rows()
        for left, right in _within(self._above, self._left, x):
            block = self._seam[:, :shared, left:right]
            upper = block[:, :final]
            if upper[-1].any():
                self._emit(self._row, left, upper[:-1], upper[-1])
            if shared > final and block[-1, final:].any():
                self._keep(left, block[:, final:].copy())

    def _keep(self, left: int, lower: np.ndarray) -> None:
        """Store rows for the next row of tiles."""
        if self._seam is None:
            self._seam = np.empty((self._planes, self._grid.most_shared_rows, self._grid.width), np.float32)
        rows, right = lower.shape[1], left + lower.shape[2]
        self._seam[:, :rows, left:right] = lower
        self._seam[:, rows:, left:right] = 0.0
        self._below.append((left, right))

    def _load(self, left: int, right: int) -> None:
        """Add what the row above left in these columns to the tile in work."""
        shared = self._shared_rows()
        for start, end in _within(self._above, left, right):
            target = slice(start - self._left, end - self._left)
            self._work[:, :shared, target] += self._seam[:, :shared, start:end]


def _within(spans: Spans, left: int, right: int) -> Spans:
    """The parts of spans between two columns."""
    cut = ((max(start, left), min(end, right)) for start, end in spans)
    return [(start, end) for start, end in cut if start < end]


def _merged(spans: Spans) -> Spans:
    """Touching spans, given from left to right, as one."""
    merged: Spans = []
    for left, right in spans:
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], right)
        else:
            merged.append((left, right))
    return merged
