"""How a raster is cut into overlapping tiles, and how they are blended back.

Tiles have one size and are spread evenly from edge to edge, so that nothing is padded and no two rows
share many more pixels than others. Only a raster smaller than a tile gives smaller tiles. Each tile owns a
core; cores meet in the middle of the overlaps and partition the raster.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import RequestError


@dataclass(frozen=True)
class Tile:
    """One tile.

    Attributes:
        index: position in row-major order.
        row, col: position in the grid.
        x, y: left and upper pixel of the window in the raster.
        width, height: size of the window; smaller than the tile size only where the raster is.
        core: (x0, y0, x1, y1), the part of the raster this tile speaks for, x1 and y1 excluded.
    """

    index: int
    row: int
    col: int
    x: int
    y: int
    width: int
    height: int
    core: tuple[int, int, int, int]


@dataclass(frozen=True)
class TileGrid:
    """Tiles over a raster of width x height pixels.

    Args:
        width: of the raster.
        height: of the raster.
        size: edge of a tile.
        overlap: pixels that neighbouring tiles share at least, 0 to size / 2.

    Raises:
        RequestError: the raster is empty, or size or overlap are out of range.
    """

    width: int
    height: int
    size: int = 256
    overlap: int = 64

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise RequestError(f"A raster of {self.width} x {self.height} pixels has nothing to process.")
        check_overlap(self.size, self.overlap)

    @property
    def rows(self) -> int:
        """Number of tile rows."""
        return len(self._ys)

    @property
    def cols(self) -> int:
        """Number of tile columns."""
        return len(self._xs)

    @property
    def tile_height(self) -> int:
        """Height of every tile."""
        return min(self.size, self.height)

    def top(self, row: int) -> int:
        """First pixel row of a row of tiles; of the row after the last one, the raster's height."""
        return self._ys[row] if row < self.rows else self.height

    @cached_property
    def most_shared_rows(self) -> int:
        """Largest number of pixel rows that a row of tiles shares with the next one."""
        return max(self.top(row) + self.tile_height - self.top(row + 1) for row in range(self.rows))

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """All tiles, row by row."""
        return tuple(tile for row in range(self.rows) for tile in self.row_tiles(row))

    def row_tiles(self, row: int) -> tuple[Tile, ...]:
        """The tiles of one row, from left to right.

        Raises:
            RequestError: there is no such row.
        """
        if not 0 <= row < self.rows:
            raise RequestError(f"Tile row {row} was asked for, but the grid has rows 0 to {self.rows - 1}.")
        height, width = self.tile_height, min(self.size, self.width)
        y0, y1 = self._y_seams[row], self._y_seams[row + 1]
        return tuple(
            Tile(
                index=row * self.cols + col,
                row=row,
                col=col,
                x=x,
                y=self._ys[row],
                width=width,
                height=height,
                core=(self._x_seams[col], y0, self._x_seams[col + 1], y1),
            )
            for col, x in enumerate(self._xs)
        )

    @cached_property
    def _xs(self) -> tuple[int, ...]:
        return _positions(self.width, self.size, self.overlap)

    @cached_property
    def _ys(self) -> tuple[int, ...]:
        return _positions(self.height, self.size, self.overlap)

    @cached_property
    def _x_seams(self) -> tuple[int, ...]:
        return _seams(self._xs, self.width, self.size)

    @cached_property
    def _y_seams(self) -> tuple[int, ...]:
        return _seams(self._ys, self.height, self.size)


def check_overlap(size: int, overlap: int) -> None:
    """Refuse a tile size or overlap that makes no grid.

    Raises:
        RequestError: size below 1, or overlap outside 0 to size / 2.
    """
    if size < 1:
        raise RequestError(f"The tile size is {size} pixels; it must be at least 1.")
    if not 0 <= overlap <= size // 2:
        raise RequestError(
            f"The overlap is {overlap} pixels; with tiles of {size} pixels choose between 0 and {size // 2}."
        )


def _positions(extent: int, size: int, overlap: int) -> tuple[int, ...]:
    """First pixel of each tile along one axis: evenly spread, sharing `overlap` pixels at least."""
    if extent <= size:
        return (0,)
    steps = -(-(extent - size) // (size - overlap))  # rounded up: the fewest that cover the axis
    return tuple(index * (extent - size) // steps for index in range(steps + 1))


def _seams(positions: tuple[int, ...], extent: int, size: int) -> tuple[int, ...]:
    """Borders of the cores along one axis: the raster's edges and the middles of the overlaps."""
    middles = ((right + left + size) // 2 for left, right in zip(positions, positions[1:], strict=False))
    return (0, *middles, extent)


def blend_weights(size: int, overlap: int) -> np.ndarray:
    """How much each pixel of a tile counts where tiles overlap.

    The weights rise linearly over the overlap and never reach 0, so that every pixel can be divided by
    the sum of its weights: 1 where tiles share just the overlap, more where they share more. Tiles smaller
    than `size` use the upper left part.

    Returns:
        float32 (size, size).

    Raises:
        RequestError: overlap outside 0 to size / 2.
    """
    check_overlap(size, overlap)
    ramp = np.ones(size, dtype=np.float64)
    if overlap:
        rise = (np.arange(overlap) + 0.5) / overlap
        ramp[:overlap] = rise
        ramp[size - overlap :] = rise[::-1]
    return np.outer(ramp, ramp).astype(np.float32)
