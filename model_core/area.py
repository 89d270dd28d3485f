"""The polygons of a vector file as a mask on a raster: which pixels lie inside, which tiles they touch.

A pixel is inside if its centre is. Whether it is depends on the polygons and the pixel alone, never on
the window it is asked for in: each polygon edge crosses each pixel row at one place, computed once and the
same way for every window. A centre exactly on an edge belongs to the polygon on its right, or below.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import shapely
from affine import Affine
from rasterio.crs import CRS

from .area_file import Shapes, clip, place, polygon_parts, read_shapes, repaired_parts
from .errors import RequestError

# Rows worked on at once, and edges: what is needed beside the answer stays below some 50 MB.
_ROWS, _EDGES = 256, 4096
# Pixels by which the quick look at boxes is wider than the pixel centres, so that rounding hides nothing.
_MARGIN = 0.01


class Box(Protocol):
    """A window in pixels, such as `grid.Tile`."""

    x: int
    y: int
    width: int
    height: int


class Area:
    """Polygons on the pixel grid of a raster; safe to use from several threads.

    Attributes:
        width, height: of the grid.
        notes: sentences for the user about what was met in the file.
    """

    def __init__(self, polygons: np.ndarray, width: int, height: int, notes: tuple[str, ...] = ()) -> None:
        """Take valid polygons in pixel coordinates, (0, 0) being the upper left corner of the grid."""
        self.width, self.height = width, height
        self.notes = notes
        # Overlapping polygons are joined: after that, each crossing of an edge goes out or in.
        frame = shapely.box(-2.0, -2.0, width + 2.0, height + 2.0)
        joined = shapely.union_all(clip(polygons, frame))
        parts = polygon_parts(np.array([joined], dtype=object))
        self._tree = shapely.STRtree(parts)
        rings = shapely.get_rings(parts)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        same = ring[:-1] == ring[1:]
        ends = np.concatenate([points[:-1][same], points[1:][same]], axis=1)  # (n, 4): x1, y1, x2, y2
        ends = ends[ends[:, 1] != ends[:, 3]]  # along a row: no row of centres is crossed
        upward = ends[:, 1] > ends[:, 3]
        ends[upward] = ends[upward][:, [2, 3, 0, 1]]  # one direction, so that shared edges cross alike
        # Rows whose centre y satisfies y1 <= y < y2.
        first = np.ceil(ends[:, 1] - 0.5).astype(np.int64)
        last = np.ceil(ends[:, 3] - 0.5).astype(np.int64)
        crosses = first < last
        order = np.argsort(first[crosses], kind="stable")
        self._ends = ends[crosses][order]
        self._first, self._last = first[crosses][order], last[crosses][order]
        self._left = np.minimum(self._ends[:, 0], self._ends[:, 2])

    def inside(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Which pixels of a window have their centre inside a polygon: bool (height, width)."""
        found = np.zeros((height, width), dtype=bool)
        for top in range(0, height, _ROWS):
            block = found[top : top + _ROWS]
            self._fill(block, x, y + top)
        return found

    def touches(self, tile: Box) -> bool:
        """Whether any pixel of the tile's window lies inside."""
        centres = shapely.box(
            tile.x + 0.5 - _MARGIN, tile.y + 0.5 - _MARGIN,
            tile.x + tile.width - 0.5 + _MARGIN, tile.y + tile.height - 0.5 + _MARGIN,
        )  # fmt: skip
        if self._tree.query(centres).size == 0:  # by the polygons' boxes: the rest is for `inside`
            return False
        return bool(self.inside(tile.x, tile.y, tile.width, tile.height).any())

    def is_empty(self) -> bool:
        """Whether no pixel of the whole grid lies inside."""
        return not any(
            self.inside(0, top, self.width, min(_ROWS, self.height - top)).any()
            for top in range(0, self.height, _ROWS)
        )

    def _fill(self, out: np.ndarray, x: int, y: int) -> None:
        """Answer for the window of `out` (h, w), all False, whose upper left pixel is (x, y)."""
        height, width = out.shape
        begun = int(np.searchsorted(self._first, y + height))  # edges that begin above the window's end
        near = np.flatnonzero((self._left[:begun] < x + width) & (self._last[:begun] > y))
        if near.size == 0:
            return
        toggles = np.zeros((height, width + 1), dtype=bool)  # the last column takes what lies on the right
        for start in range(0, near.size, _EDGES):
            edges = near[start : start + _EDGES]
            first = np.maximum(self._first[edges], y)
            count = np.minimum(self._last[edges], y + height) - first
            # One entry per edge and row that it crosses.
            edge = np.repeat(edges, count)
            row = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
            x1, y1, x2, y2 = self._ends[edge].T
            at = x1 + (row + 0.5 - y1) * ((x2 - x1) / (y2 - y1))
            column = np.clip(np.ceil(at - 0.5) - x, 0, width).astype(np.int64)
            np.logical_xor.at(toggles, (row - y, column), True)
        np.logical_xor.accumulate(toggles, axis=1, out=toggles)
        out[:] = toggles[:, :width]


def load_area(path: str, crs: CRS | None, transform: Affine, width: int, height: int) -> Area:
    """Read a mask for a raster.

    Args:
        path: a vector file; all polygons of its first layer that has any count.
        crs: of the raster, or None.
        transform: from the pixels of the output window to that CRS.
        width: of the output window in pixels.
        height: of the output window in pixels.

    Raises:
        RequestError: the file cannot be read, holds no polygons, cannot be brought to the raster's CRS,
            or no pixel of the window lies inside.
    """
    area = lay_area(read_shapes(path), crs, transform, width, height)
    if area.is_empty():
        raise RequestError(
            f"No pixel of the part to cover lies inside the mask '{path}'; check where its polygons lie "
            "and which CRS it declares."
        )
    return area


def lay_area(shapes: Shapes, crs: CRS | None, transform: Affine, width: int, height: int) -> Area:
    """Lay polygons that were read over a raster; it may be that no pixel lies inside.

    Args:
        shapes: the polygons.
        crs: of the raster, or None.
        transform: from the pixels of the output window to that CRS.
        width: of the output window in pixels.
        height: of the output window in pixels.

    Raises:
        RequestError: they cannot be brought to the raster's CRS.
    """
    polygons, _, notes = place_pixels(shapes, crs, transform, width, height)
    return Area(polygons, width, height, tuple(notes))


def place_pixels(
    shapes: Shapes, crs: CRS | None, transform: Affine, width: int, height: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """As `area_file.place`, in pixel coordinates: (0, 0) is the upper left corner of the raster."""
    if transform.is_degenerate:
        raise RequestError(
            f"The raster's pixels have no size, so no {shapes.what} can be laid over it; run without."
        )
    polygons, index, notes = place(shapes, crs, transform, width, height)
    to_pixel = ~transform
    pixels = shapely.transform(polygons, lambda points: np.stack(to_pixel * tuple(points.T), axis=-1))
    pixels, part = repaired_parts(pixels)
    return pixels, index[part], notes
