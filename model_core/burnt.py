"""Polygons with a code each, on the pixels of a raster.

A pixel belongs to the polygon that holds its centre, and where polygons overlap the later feature of the
layer wins, as in gdal_rasterize and as QGIS draws them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.features import rasterize

from .area import place_pixels
from .area_file import Shapes, clip

_BEYOND = 2.0  # pixels around a window that a polygon is cut to, so that the cut is seen nowhere


class Burnt:
    """Polygons laid over a raster, window by window; safe to use from several threads.

    Attributes:
        notes: sentences for the user.
    """

    def __init__(
        self,
        shapes: Shapes,
        codes: Sequence[int] | np.ndarray,
        crs: CRS | None,
        transform: Affine,
        width: int,
        height: int,
    ) -> None:
        """Lay them over the raster.

        Args:
            shapes: what was read.
            codes: of each polygon, 0 to 255.
            crs: of the raster.
            transform: from its pixels to that CRS.
            width: in pixels.
            height: in pixels.

        Raises:
            RequestError: they cannot be brought to the raster's CRS.
        """
        self._polygons, index, notes = place_pixels(shapes, crs, transform, width, height)
        self.notes = tuple(notes)
        self._codes = np.asarray(codes, np.uint8)[index]
        self._tree = shapely.STRtree(self._polygons)
        self._frame = shapely.box(0, 0, width, height)

    def met(self) -> set[int]:
        """Codes of the polygons that touch the raster."""
        return set(self._codes[self._tree.query(self._frame, predicate="intersects")].tolist())

    def burn(self, x: int, y: int, width: int, height: int, fill: int) -> np.ndarray:
        """Codes of a window's pixels: uint8 (height, width), `fill` outside all polygons."""
        found = np.full((height, width), fill, dtype=np.uint8)
        frame = shapely.box(x - _BEYOND, y - _BEYOND, x + width + _BEYOND, y + height + _BEYOND)
        pieces = []
        for place in np.sort(self._tree.query(frame)):
            parts = clip(self._polygons[place : place + 1], frame)
            pieces += [(part, int(self._codes[place])) for part in parts]
        if pieces:
            rasterize(pieces, out=found, transform=Affine.translation(x, y))
        return found
