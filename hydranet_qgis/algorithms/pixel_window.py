"""A part of a raster in whole pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from qgis.core import QgsRectangle

from ..errors import InputError
from ..i18n import tr
from .values import Box

_SLIVER = 1e-6  # of a pixel: an extent that was typed with so much less or more means the same


@dataclass(frozen=True)
class PixelWindow:
    """Columns and rows of a raster, and where they lie.

    Attributes:
        left, top, width, height: pixels.
        x, y: of the upper left corner, in the raster's CRS.
        dx, dy: size of a pixel, both above 0.
    """

    left: int
    top: int
    width: int
    height: int
    x: float
    y: float
    dx: float
    dy: float

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """As GDAL has it."""
        return (self.x, self.dx, 0.0, self.y, 0.0, -self.dy)

    def box(self, col: int, row: int, width: int, height: int) -> QgsRectangle:
        """Where a part of it lies."""
        x, y = self.x + col * self.dx, self.y - row * self.dy
        return QgsRectangle(x, y - height * self.dy, x + width * self.dx, y)


def window_of(provider: Any, extent: Box | None, name: str) -> PixelWindow:
    """The pixels of a raster that an extent touches, all of them without one.

    Raises:
        InputError: it touches none.
    """
    box, cols, rows = provider.extent(), provider.xSize(), provider.ySize()
    dx, dy = box.width() / cols, box.height() / rows
    left, top, right, bottom = 0, 0, cols, rows
    if extent is not None:
        left = max(0, math.floor((extent[0] - box.xMinimum()) / dx + _SLIVER))
        right = min(cols, math.ceil((extent[2] - box.xMinimum()) / dx - _SLIVER))
        top = max(0, math.floor((box.yMaximum() - extent[3]) / dy + _SLIVER))
        bottom = min(rows, math.ceil((box.yMaximum() - extent[1]) / dy - _SLIVER))
    if left >= right or top >= bottom:
        raise InputError(
            tr("The extent lies outside the raster '{name}'; choose one that overlaps it.").format(name=name)
        )
    x, y = box.xMinimum() + left * dx, box.yMaximum() - top * dy
    return PixelWindow(left, top, right - left, bottom - top, x, y, dx, dy)
