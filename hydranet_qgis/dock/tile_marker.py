"""Showing a tile or an object on the map: an outline that stays, a flash, and the canvas moved to it."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProject,
)
from qgis.gui import QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QColor


class TileMarker:
    """Outlines one tile, or object, on a canvas.

    Args:
        canvas: the map, None where there is no window; then nothing happens.
        color: of the outline.
        margin: how much more than it is shown when the map moves there; the default is a tile with some of
            its surroundings.
    """

    def __init__(self, canvas: Any, color: str = "#ffd60a", margin: float = 1.8) -> None:
        self._canvas = canvas
        self._color, self._margin = QColor(color), margin
        self._band: Any = None

    def outline(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Draw an outline until another takes its place."""
        if self._canvas is None:
            return
        if self._band is None:
            self._band = QgsRubberBand(self._canvas)
            self._band.setColor(self._color)
            self._band.setFillColor(QColor(0, 0, 0, 0))
            self._band.setSecondaryStrokeColor(QColor(0, 0, 0, 150))
            self._band.setWidth(2)
        self._band.setToGeometry(geometry, crs)
        self._band.show()

    def flash(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Have it blink, where the map shows it."""
        if self._canvas is not None:
            self._canvas.flashGeometries([geometry], crs)

    def zoom(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Move the map to it and have it blink."""
        if self._canvas is None:
            return
        target = self._canvas.mapSettings().destinationCrs()
        moved = QgsGeometry(geometry)
        if crs.isValid() and target.isValid() and crs != target:
            try:
                moved.transform(QgsCoordinateTransform(crs, target, QgsProject.instance()))
            except QgsCsException:
                return  # it lies where the map's projection has no place for it
        box = moved.boundingBox()
        box.scale(self._margin)
        self._canvas.setExtent(box)
        self._canvas.refresh()
        self._canvas.flashGeometries([moved], target)

    def clear(self) -> None:
        """Take the outline off the map."""
        if self._band is not None and not sip.isdeleted(self._band):
            self._canvas.scene().removeItem(self._band)
        self._band = None
