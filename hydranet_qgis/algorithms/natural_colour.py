"""A raster in natural colours, as an eye would see it, where it has red, green and blue."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsContrastEnhancement,
    QgsMultiBandColorRenderer,
    QgsProcessingLayerPostProcessorInterface,
)

_WINDOWS, _EDGE = 3, 256  # sampled: so many windows along and across, of so many pixels
_CUT = (2.0, 98.0)  # per cent

# Processing keeps only a bare pointer, and asks when the algorithm is long gone; the last ones are enough.
_alive: collections.deque[QgsProcessingLayerPostProcessorInterface] = collections.deque(maxlen=64)

Range = tuple[int, float, float]
"""Number of a band and the values to be drawn darkest and brightest."""


def natural_ranges(path: Path) -> list[Range]:
    """Bands and ranges for red, green and blue, from a sample; empty where one is missing or all NoData."""
    from osgeo import gdal

    dataset = gdal.Open(str(path))
    if dataset is None:
        return []
    numbers = {dataset.GetRasterBand(n).GetDescription(): n for n in range(1, dataset.RasterCount + 1)}
    found = [_range(dataset, numbers.get(name)) for name in ("red", "green", "blue")]
    return [item for item in found if item is not None] if None not in found else []


def _range(dataset: Any, number: int | None) -> Range | None:
    import numpy as np

    if number is None:
        return None
    band = dataset.GetRasterBand(number)
    parts = []
    for row in _starts(dataset.RasterYSize):
        for col in _starts(dataset.RasterXSize):
            width, height = min(_EDGE, dataset.RasterXSize - col), min(_EDGE, dataset.RasterYSize - row)
            values = band.ReadAsArray(col, row, width, height)
            parts.append(values[values != band.GetNoDataValue()])
    values = np.concatenate(parts)
    if not values.size:
        return None
    low, high = (float(value) for value in np.percentile(values, _CUT))
    return number, low, max(high, low + 1.0)


def _starts(size: int) -> list[int]:
    """First pixels of windows spread over a length."""
    room = max(0, size - _EDGE)
    return sorted({room * number // (_WINDOWS - 1) for number in range(_WINDOWS)})


class NaturalColour(QgsProcessingLayerPostProcessorInterface):
    """Gives a loaded layer the style; made in the background, called in the main thread."""

    def __init__(self, ranges: list[Range]) -> None:
        super().__init__()
        self._ranges = ranges
        _alive.append(self)

    def postProcessLayer(self, layer: Any, context: Any, feedback: Any) -> None:
        provider = layer.dataProvider()
        renderer = QgsMultiBandColorRenderer(provider, *(number for number, _, _ in self._ranges))
        setters = (
            renderer.setRedContrastEnhancement,
            renderer.setGreenContrastEnhancement,
            renderer.setBlueContrastEnhancement,
        )
        for (number, low, high), use in zip(self._ranges, setters):
            stretch = QgsContrastEnhancement(provider.dataType(number))
            stretch.setContrastEnhancementAlgorithm(
                QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
            )
            stretch.setMinimumValue(low)
            stretch.setMaximumValue(high)
            use(stretch)
        layer.setRenderer(renderer)
        layer.triggerRepaint()
        layer.emitStyleChanged()
