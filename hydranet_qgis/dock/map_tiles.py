"""The tiles of a run as shapes: which one lies at a point, and several as one shape.

All corners are kept in one array, because a loop over twenty thousand geometries would be felt.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from qgis.core import QgsGeometry, QgsPointXY

from ..tile_records import TileRecord

# A tile's polygon as WKB: byte order, type, one ring of five points, and those.
_HEAD = struct.pack("<BIII", 1, 3, 1, 5)
_POINTS = 5


class MapTiles:
    """Finds tiles by place.

    Args:
        tiles: all tiles of a run, each with its polygon in the scene's CRS.
    """

    def __init__(self, tiles: Sequence[TileRecord] = ()) -> None:
        self._tiles = [tile for tile in tiles if tile.wkb]

    def at(self, point: QgsPointXY) -> TileRecord | None:
        """The tile at a point in the scene's CRS, None beside all of them."""
        import numpy as np

        if not self._tiles:
            return None
        place = (point.x(), point.y())
        low, high = self._boxes
        near = ((low <= place) & (high >= place)).all(axis=1)
        here = QgsGeometry.fromPointXY(point)
        # A rotated tile's box also covers corners of its neighbours.
        for number in np.flatnonzero(near):
            if self.shape(self._tiles[number]).intersects(here):
                return self._tiles[number]
        return None

    def together(self, indices: Iterable[int]) -> QgsGeometry:
        """One multipolygon of several tiles; tiles side by side in a row are one part.

        Indices that are not known are left out.
        """
        import numpy as np

        found = sorted(self._numbers[index] for index in set(indices) if index in self._numbers)
        geometry = QgsGeometry()
        if not found:
            return geometry
        if self._corners is None:
            parts = [self._tiles[number].wkb for number in found]
        else:
            corners = self._corners[found]  # (n, 5, 2), around each tile from its upper left corner
            place = np.array([(self._tiles[number].row, self._tiles[number].col) for number in found])
            beside = (np.diff(place, axis=0) == (0, 1)).all(axis=1)
            # Only where they truly share an edge.
            beside &= (corners[:-1, 1] == corners[1:, 0]).all(axis=1)
            beside &= (corners[:-1, 2] == corners[1:, 3]).all(axis=1)
            first = np.flatnonzero(np.concatenate(([True], ~beside)))
            last = np.concatenate((first[1:] - 1, [len(found) - 1]))
            rings = corners[first]
            rings[:, 1:3] = corners[last, 1:3]
            parts = [_HEAD + ring.astype("<f8").tobytes() for ring in rings]
        geometry.fromWkb(struct.pack("<BII", 1, 6, len(parts)) + b"".join(parts))
        return geometry

    @staticmethod
    def shape(tile: TileRecord) -> QgsGeometry:
        """A tile's polygon in the scene's CRS."""
        geometry = QgsGeometry()
        geometry.fromWkb(tile.wkb)
        return geometry

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {tile.index: number for number, tile in enumerate(self._tiles)}

    @cached_property
    def _corners(self) -> Any | None:
        """float64 (N, 5, 2); None where a tile is no plain rectangle, as HydraNet never writes."""
        import numpy as np

        length = len(_HEAD) + 16 * _POINTS
        if any(len(tile.wkb) != length or not tile.wkb.startswith(_HEAD) for tile in self._tiles):
            return None
        kind = np.dtype([("head", f"V{len(_HEAD)}"), ("points", "<f8", (_POINTS, 2))])
        return np.frombuffer(b"".join(tile.wkb for tile in self._tiles), dtype=kind)["points"].copy()

    @cached_property
    def _boxes(self) -> tuple[Any, Any]:
        """float64 (N, 2) each: lower left and upper right corners of the tiles' boxes."""
        import numpy as np

        if self._corners is not None:
            return self._corners.min(axis=1), self._corners.max(axis=1)
        boxes = [self.shape(tile).boundingBox() for tile in self._tiles]
        return (
            np.array([(box.xMinimum(), box.yMinimum()) for box in boxes]),
            np.array([(box.xMaximum(), box.yMaximum()) for box in boxes]),
        )
