"""Copying what GDAL reads but the worker may not: rasters in memory, on the web, in a bucket.

GDAL copies names, wavelengths, scales and NoData along, and its own block by block.
"""

from __future__ import annotations

from collections.abc import Mapping
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

        window, crs = self._window, {"outputSRS": self._wkt} if self._wkt else {}
        source = gdal.Open(self._source)
        if source is None:
            raise OSError(gdal.GetLastErrorMsg())
        try:
            written = gdal.Translate(
                str(path), source, format="GTiff", creationOptions=list(OPTIONS), callback=told,
                srcWin=[window.left, window.top, window.width, window.height], **crs,
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
