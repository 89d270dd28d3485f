"""Outlines of objects as they lie in their tile, and as geometries for the map."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import QgsGeometry
from qgis.PyQt.QtCore import QPointF
from qgis.PyQt.QtGui import QPolygonF

from ..object_records import ObjectRecord
from ..tile_records import TileRecord


def shape(record: ObjectRecord) -> QgsGeometry:
    """An object's outline in the scene's CRS, empty where the file has none."""
    return _geometry(record.wkb)


def in_tile(tile: TileRecord, records: Sequence[ObjectRecord]) -> list[QPolygonF]:
    """Outlines of objects in shares of their tile: (0, 0) is its upper left corner, (1, 1) the opposite one.

    A tile of a turned raster is turned with it, and so are they. One without an outline is an empty polygon.
    """
    corners = _ring(_geometry(tile.wkb))
    if len(corners) < 4:
        return [QPolygonF() for _ in records]
    # A tile's ring runs from its upper left corner over the upper right one.
    origin, right, down = corners[0], corners[1] - corners[0], corners[3] - corners[0]
    turn = right.x() * down.y() - right.y() * down.x()
    if not turn:
        return [QPolygonF() for _ in records]

    def place(point: QPointF) -> QPointF:
        off = point - origin
        return QPointF(
            (off.x() * down.y() - off.y() * down.x()) / turn,
            (off.y() * right.x() - off.x() * right.y()) / turn,
        )

    return [QPolygonF([place(point) for point in _ring(shape(record))]) for record in records]


def _geometry(wkb: bytes) -> QgsGeometry:
    geometry = QgsGeometry()
    if wkb:
        geometry.fromWkb(wkb)
    return geometry


def _ring(geometry: QgsGeometry) -> list[QPointF]:
    """Corners of a polygon's outer ring, of the first part of several."""
    if geometry.isNull() or geometry.isEmpty():
        return []
    parts = geometry.asMultiPolygon() if geometry.isMultipart() else [geometry.asPolygon()]
    return [QPointF(point.x(), point.y()) for point in parts[0][0]] if parts and parts[0] else []
