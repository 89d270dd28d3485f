"""Copying what GDAL reads but the worker may not: rasters in memory, on the web, in a bucket.

GDAL copies names, wavelengths, scales and NoData along, and its own block by block.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingFeedback

from .pixel_window import PixelWindow

OPTIONS = ("TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "BIGTIFF=IF_SAFER")


class GdalCopy:
    """A window of a GDAL raster, as a GeoTIFF."""

    def __init__(self, layer: Any, window: PixelWindow, crs: Any) -> None:
        self._source = str(layer.source()).split("|", 1)[0]
        self._window, self._wkt = window, crs.toWkt()
        provider = layer.dataProvider()
        self._values = sum(provider.dataTypeSize(band) for band in range(1, layer.bandCount() + 1))

    def size(self, window: PixelWindow) -> int:
        """Bytes it takes at most."""
        return window.width * window.height * self._values

    def write(self, path: Path, tags: Mapping[str, str], feedback: QgsProcessingFeedback) -> None:
        """Write the file; a cancel leaves it unfinished.

        Raises:
            OSError, RuntimeError: it cannot be read or written.
        """
        from osgeo import gdal

        def told(share: float, *_: Any) -> int:
            feedback.setProgress(100.0 * share)
            return 0 if feedback.isCanceled() else 1

        crs = {"outputSRS": self._wkt} if self._wkt else {}
        source = gdal.Open(self._source)
        if source is None:
            raise OSError(gdal.GetLastErrorMsg())
        box = self._box(source)
        try:
            written = gdal.Translate(
                str(path), source, format="GTiff", creationOptions=list(OPTIONS), callback=told,
                srcWin=box, **crs,
            )  # fmt: skip
        except RuntimeError:
            if feedback.isCanceled():
                return
            raise
        if written is None:
            if not feedback.isCanceled():
                raise OSError(gdal.GetLastErrorMsg())
            return
        for name, value in tags.items():
            written.SetMetadataItem(name, value)
        written.FlushCache()

    def _box(self, source: Any) -> list[int]:
        """Left, top, width and height of the window in the raster's own pixels.

        QGIS shows a raster that does not lie with north on top through a warped one with another grid.
        """
        from osgeo import gdal

        window, transform = self._window, source.GetGeoTransform(can_return_null=True)
        whole = [0, 0, source.RasterXSize, source.RasterYSize]
        if transform is None and source.GetGCPCount():
            return whole  # placed by control points only
        if transform is None or (transform[1] > 0 > transform[5] and transform[2] == transform[4] == 0):
            return [window.left, window.top, window.width, window.height]
        place, inverse = window.box(0, 0, window.width, window.height), gdal.InvGeoTransform(transform)
        corners = [
            gdal.ApplyGeoTransform(inverse, x, y)
            for x in (place.xMinimum(), place.xMaximum())
            for y in (place.yMinimum(), place.yMaximum())
        ]
        left, right = _span([col for col, _ in corners], whole[2])
        top, bottom = _span([row for _, row in corners], whole[3])
        return [left, top, right - left, bottom - top]


def _span(ends: Sequence[float], size: int) -> tuple[int, int]:
    """Whole pixels from the least to the largest of some places, one at least, inside 0 to `size`."""
    first = min(max(math.floor(min(ends)), 0), size - 1)
    return first, max(min(math.ceil(max(ends)), size), first + 1)
