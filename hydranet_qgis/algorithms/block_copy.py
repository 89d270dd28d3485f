"""Copying the pixels of a layer of any provider through QGIS, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsProcessingFeedback, QgsRasterBlockFeedback
from qgis.PyQt.QtCore import Qt

from ..errors import InputError
from ..i18n import tr
from .gdal_copy import OPTIONS
from .pixel_window import PixelWindow

# Small, because other Python of this QGIS waits while one is read.
_BLOCK = 512
_TYPES = {
    Qgis.DataType.Byte: "Byte",
    Qgis.DataType.UInt16: "UInt16",
    Qgis.DataType.Int16: "Int16",
    Qgis.DataType.UInt32: "UInt32",
    Qgis.DataType.Int32: "Int32",
    Qgis.DataType.Float32: "Float32",
    Qgis.DataType.Float64: "Float64",
}
_COLOURS = range(3, 6)  # red, green and blue have the same numbers in QGIS and GDAL


def types_of(provider: Any) -> list[str] | None:
    """GDAL's names of the bands' types; None if one is not numbers but colours, or not real numbers."""
    found = [_TYPES.get(provider.dataType(band)) for band in range(1, provider.bandCount() + 1)]
    return found if found and None not in found else None


def band_name(told: str, number: int) -> str:
    """The name in what QGIS calls a band, such as "Band 2: nir (Gray)"; "" if there is none."""
    match = re.match(rf"\D*0*{number}\s*(?::\s*(?P<name>.*?))?\s*(?:\([^()]*\))?\Z", told)
    return (match.group("name") or "") if match else told


class BlockCopy:
    """A window of a layer's pixels as QGIS sees them, as a GeoTIFF. Made in the main thread."""

    def __init__(self, layer: Any, window: PixelWindow, crs: Any) -> None:
        provider = layer.dataProvider()
        self._bands = range(1, provider.bandCount() + 1)
        self._types = types_of(provider) or []
        self._names = [band_name(provider.generateBandName(band), band) for band in self._bands]
        self._window, self._wkt, self._title = window, crs.toWkt(), layer.name()
        self._bytes = sum(provider.dataTypeSize(band) for band in self._bands)
        # Asked of the layer's own provider: a clone may forget what the user has set.
        self._named = {band: provider.userNoDataValues(band) for band in self._bands}
        self._nodata = {band: _nodata_of(provider, band) for band in self._bands}
        # Of a GeoTIFF all bands have the same.
        self._fill = next((value for value in self._nodata.values() if value is not None), None)
        # Its own, because the layer's belongs to the main thread.
        self._provider = provider.clone()
        if self._provider is None:
            raise InputError(
                tr("Layer '{name}' cannot be exported; save it as a GeoTIFF and use that.").format(
                    name=self._title
                )
            )

    def size(self, window: PixelWindow) -> int:
        """Bytes it takes at most."""
        return window.width * window.height * self._bytes

    def write(self, path: Path, tags: Mapping[str, str], feedback: QgsProcessingFeedback) -> None:
        """Write the file; a cancel leaves it unfinished.

        Raises:
            OSError, RuntimeError: it cannot be read or written.
        """
        target = self._create(path, tags)
        listener = QgsRasterBlockFeedback()
        # Directly: this thread has no event loop that could pass the signal on while it waits for a block.
        feedback.canceled.connect(listener.cancel, Qt.ConnectionType.DirectConnection)
        blocks = list(self._blocks())
        for done, (col, row, width, height) in enumerate(blocks):
            if feedback.isCanceled():
                return
            for band in self._bands:
                values = self._read(band, col, row, width, height, listener)
                if feedback.isCanceled():
                    return
                target.GetRasterBand(band).WriteArray(values, col, row)
            feedback.setProgress(100.0 * (done + 1) / len(blocks))
        target.FlushCache()

    def _create(self, path: Path, tags: Mapping[str, str]) -> Any:
        from osgeo import gdal

        kind = getattr(gdal, f"GDT_{self._types[0]}")
        for name in self._types[1:]:
            kind = gdal.DataTypeUnion(kind, getattr(gdal, f"GDT_{name}"))
        window = self._window
        target = gdal.GetDriverByName("GTiff").Create(
            str(path), window.width, window.height, len(self._bands), kind, list(OPTIONS)
        )
        if target is None:
            raise OSError(gdal.GetLastErrorMsg())
        target.SetGeoTransform(window.transform)
        if self._wkt:
            target.SetProjection(self._wkt)
        for name, value in tags.items():
            target.SetMetadataItem(name, value)
        for band, name in zip(self._bands, self._names):
            into = target.GetRasterBand(band)
            into.SetDescription(name)
            if self._fill is not None:
                into.SetNoDataValue(self._fill)
            colour = int(self._provider.colorInterpretation(band))
            if colour in _COLOURS and len(self._bands) > 1:
                into.SetColorInterpretation(colour)
        return target

    def _blocks(self) -> Iterator[tuple[int, int, int, int]]:
        width, height = self._window.width, self._window.height
        for row in range(0, height, _BLOCK):
            for col in range(0, width, _BLOCK):
                yield col, row, min(_BLOCK, width - col), min(_BLOCK, height - row)

    def _read(self, band: int, col: int, row: int, width: int, height: int, listener: Any) -> Any:
        """Values of one band, (height, width)."""
        import numpy as np

        box = self._window.box(col, row, width, height)
        block = self._provider.block(band, box, width, height, listener)
        kind = np.dtype(self._types[band - 1].lower().replace("byte", "uint8"))
        data = bytes(block.data()) if block is not None and block.isValid() else b""
        if len(data) < width * height * kind.itemsize:
            if listener.isCanceled():
                return np.zeros((height, width), kind)
            why = block.error().summary() if block is not None else ""
            raise OSError(why or tr("the source does not answer"))
        values = np.frombuffer(data, kind, width * height).reshape(height, width)
        named, nodata = self._named[band], self._nodata[band]
        if named or nodata != self._fill:
            values = values.copy()
            if nodata is not None:
                values[values == nodata] = self._fill
            for span in named:
                values[(values >= span.min()) & (values <= span.max())] = self._fill
        return values


def _nodata_of(provider: Any, band: int) -> float | None:
    """Value that stands for no data in a band: the source's, or one that the user named."""
    if provider.sourceHasNoDataValue(band) and provider.useSourceNoDataValue(band):
        return float(provider.sourceNoDataValue(band))
    named = provider.userNoDataValues(band)
    return float(named[0].min()) if named else None
