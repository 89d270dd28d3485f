"""Showing a tile on the map: an outline that stays, a flash, and the canvas moved to it."""

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

_MARGIN = 1.8  # the tile with some of its surroundings


class TileMarker:
    """Outlines one tile on a canvas.

    Args:
        canvas: the map, None where there is no window; then nothing happens.
    """

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas
        self._band: Any = None

    def outline(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Draw the outline of a tile until another takes its place."""
        if self._canvas is None:
            return
        if self._band is None:
            self._band = QgsRubberBand(self._canvas)
            self._band.setColor(QColor(255, 214, 10))
            self._band.setFillColor(QColor(0, 0, 0, 0))
            self._band.setSecondaryStrokeColor(QColor(0, 0, 0, 150))
            self._band.setWidth(2)
        self._band.setToGeometry(geometry, crs)
        self._band.show()

    def zoom(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Move the map to a tile and flash it."""
        if self._canvas is None:
            return
        target = self._canvas.mapSettings().destinationCrs()
        moved = QgsGeometry(geometry)
        if crs.isValid() and target.isValid() and crs != target:
            try:
                moved.transform(QgsCoordinateTransform(crs, target, QgsProject.instance()))
            except QgsCsException:
                return  # the tile lies where the map's projection has no place for it
        box = moved.boundingBox()
        box.scale(_MARGIN)
        self._canvas.setExtent(box)
        self._canvas.refresh()
        self._canvas.flashGeometries([moved], target)

    def clear(self) -> None:
        """Take the outline off the map."""
        if self._band is not None and not sip.isdeleted(self._band):
            self._canvas.scene().removeItem(self._band)
        self._band = None
