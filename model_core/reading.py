"""What is read: panels of a few tiles side by side, so that memory does not grow with the raster's width.

Only tiles that are wanted are read. Neighbouring panels share some columns and rows; the blocks under
them are decoded once, because the block cache holds the last two rows of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window

from .area import Area
from .grid import Tile, TileGrid
from .pixel_counts import PixelCounts
from .scene import Scene


@dataclass(frozen=True)
class Panel:
    """A few neighbouring tiles of one row with their pixels; `x` counts in the output raster.

    Attributes:
        tiles: from left to right; none if nothing is wanted of this row.
        reflectance: float32 (8, h, w).
        valid: bool (h, w), pixels with data.
        inside: bool (h, w), the same without those outside the mask: pixels that get a value.
        counts: odd pixels met.
        last: whether it is the last panel of its row.
    """

    row: int
    tiles: tuple[Tile, ...]
    x: int
    reflectance: np.ndarray
    valid: np.ndarray
    inside: np.ndarray
    counts: PixelCounts
    last: bool

    def pixels(self, tile: Tile) -> tuple[np.ndarray, np.ndarray]:
        """Reflectance (8, h, w) and validity (h, w) of one of its tiles; views."""
        columns = slice(tile.x - self.x, tile.x - self.x + tile.width)
        return self.reflectance[:, :, columns], self.valid[:, columns]


class PanelReader:
    """Reads the wanted tiles of a grid panel by panel."""

    def __init__(
        self, scene: Scene, window: Window, grid: TileGrid, wanted: np.ndarray, area: Area | None, width: int
    ) -> None:
        """Prepare.

        Args:
            scene: where to read; used by one thread at a time.
            window: the part of the scene that the grid covers.
            grid: the tiles.
            wanted: bool (N,), tiles to read.
            area: the mask, or None.
            width: most tiles in a panel.
        """
        self._scene, self._window, self._grid = scene, window, grid
        self._wanted, self._area, self._width = wanted, area, width

    def panels(self, first_row: int) -> Iterator[Panel]:
        """All panels from row of tiles `first_row` on, at least one for each row.

        Raises:
            SceneError: the raster cannot be read.
        """
        for row in range(first_row, self._grid.rows):
            groups = self._groups(self._grid.row_tiles(row))
            if not groups:
                yield self._nothing(row)
            for number, tiles in enumerate(groups):
                yield self._read(row, tiles, number == len(groups) - 1)

    def _groups(self, tiles: Sequence[Tile]) -> list[tuple[Tile, ...]]:
        """Runs of wanted neighbours, none longer than a panel."""
        groups: list[list[Tile]] = []
        for tile in tiles:
            if not self._wanted[tile.index]:
                continue
            if groups and groups[-1][-1].col == tile.col - 1 and len(groups[-1]) < self._width:
                groups[-1].append(tile)
            else:
                groups.append([tile])
        return [tuple(group) for group in groups]

    def _read(self, row: int, tiles: tuple[Tile, ...], last: bool) -> Panel:
        x, y, height = tiles[0].x, tiles[0].y, tiles[0].height
        width = tiles[-1].x + tiles[-1].width - x
        # The cores of tiles partition the raster: so a pixel that panels share is counted once.
        left, top, right, bottom = *tiles[0].core[:2], *tiles[-1].core[2:]
        patch = self._scene.read(
            Window(self._window.col_off + x, self._window.row_off + y, width, height),
            np.s_[top - y : bottom - y, left - x : right - x],
        )
        inside = patch.valid
        if self._area is not None:
            inside = inside & self._area.inside(x, y, width, height)
        return Panel(row, tiles, x, patch.reflectance, patch.valid, inside, patch.counts, last)

    @staticmethod
    def _nothing(row: int) -> Panel:
        empty = np.empty((0, 0), dtype=bool)
        pixels = np.empty((8, 0, 0), dtype=np.float32)
        return Panel(row, (), 0, pixels, empty, empty, PixelCounts(), True)
