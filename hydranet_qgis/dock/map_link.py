"""Dock and map tied together: pick a tile, mark it, go to it, select it, and preview a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPointXY,
    QgsProject,
)
from qgis.gui import QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QColor, QIcon
from qgis.PyQt.QtWidgets import QAction

from .. import paths, results
from ..i18n import tr
from ..object_records import ObjectRecord
from ..run_folder import Run
from ..tile_records import TileRecord
from .map_selection import LayerSelection
from .map_tiles import MapTiles
from .object_shapes import shape
from .tile_marker import TileMarker
from .tile_tool import TileTool

_OBJECT = "#ff2d95"  # of no class, and seen on water as on roofs


class MapLink(QObject):
    """Everything between the dock and the map. Without a map (None) all of it does nothing.

    Args:
        canvas: the map, or None.
        parent: owner.

    Signals:
        tilePicked(int): index of a tile clicked with the tool.
        selectionChanged(list): indices of the tiles that the user selected on the routing layer.

    Attributes:
        action: checkable; switches the tile tool on and off.
    """

    tilePicked = pyqtSignal(int)
    selectionChanged = pyqtSignal(list)

    def __init__(self, canvas: Any, parent: Any = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._run: Run | None = None
        self._closed = False
        self._tiles = MapTiles()
        self._marked: TileRecord | None = None
        self._previewed: frozenset[int] = frozenset()
        self._marker = TileMarker(canvas)
        self._object: ObjectRecord | None = None
        self._object_marker = TileMarker(canvas, _OBJECT, margin=6.0)
        self._band: Any = None
        self._selection = LayerSelection(self)
        self._selection.changed.connect(self.selectionChanged)
        self.action = QAction(QIcon(paths.icon_path("tile_tool")), tr("Pick a tile on the map"), self)
        self.action.setCheckable(True)
        self.action.setToolTip(tr("Pick a tile on the map; Escape goes back to the tool before"))
        self.action.triggered.connect(self._switch)
        self._tool: TileTool | None = None
        project = QgsProject.instance()
        project.layersAdded.connect(self._find_layer)
        if canvas is None:
            self.action.setEnabled(False)
        else:
            self._tool = TileTool(canvas, self.describe)
            self._tool.setAction(self.action)
            self._tool.clicked.connect(self._pick)
            canvas.destinationCrsChanged.connect(self._redraw)

    def show_run(self, run: Run | None, tiles: Sequence[TileRecord]) -> None:
        """Tie another run to the map, or none."""
        self._run, self._tiles = run, MapTiles(tiles)
        self.mark(None)
        self.mark_object(None)
        self.preview(())
        self._find_layer()
        self.action.setEnabled(self._tool is not None and run is not None)
        if run is None and self._tool is not None:
            self._tool.leave()

    def mark(self, tile: TileRecord | None) -> None:
        """Outline a tile until another takes its place; None takes the outline away."""
        self._marked = tile
        if tile is None or not tile.wkb:
            self._marker.clear()
        else:
            self._marker.outline(MapTiles.shape(tile), self.crs())

    def zoom(self, tile: TileRecord) -> None:
        """Move the map to a tile."""
        if tile.wkb:
            self._marker.zoom(MapTiles.shape(tile), self.crs())

    def mark_object(self, record: ObjectRecord | None) -> None:
        """Outline an object and have it blink; None takes the outline away, and the tile's is left."""
        self._outline_object(record)
        if record is not None and record.wkb:
            self._object_marker.flash(shape(record), self.crs())

    def zoom_object(self, record: ObjectRecord) -> None:
        """Move the map to an object."""
        if record.wkb:
            self._object_marker.zoom(shape(record), self.crs())

    def select(self, tiles: Iterable[int]) -> None:
        """Select these tiles on the routing layer; `selectionChanged` keeps quiet about it."""
        self._selection.select(tiles)

    def preview(self, tiles: Iterable[int]) -> None:
        """Highlight the tiles that would change, all at once; none takes the highlight away."""
        self._previewed = frozenset(tiles)
        if self._canvas is None or sip.isdeleted(self._canvas):
            return
        changed = self._tiles.together(self._previewed)
        if changed.isEmpty():
            self._drop_band()
            return
        if self._band is None:
            self._band = QgsRubberBand(self._canvas)
            self._band.setFillColor(QColor(255, 64, 160, 70))
            self._band.setStrokeColor(QColor(255, 64, 160, 220))
            self._band.setSecondaryStrokeColor(QColor(255, 255, 255, 130))
            self._band.setWidth(1)
        self._band.setToGeometry(changed, self.crs())
        self._band.show()

    def close(self) -> None:
        """Take everything off the map and let go of project and layer."""
        if self._closed:
            return
        self._closed, self._run = True, None
        QgsProject.instance().layersAdded.disconnect(self._find_layer)
        self._selection.let_go()
        self._marker.clear()
        self._object_marker.clear()
        self._drop_band()
        if self._tool is not None and not sip.isdeleted(self._canvas):
            self._tool.leave()
            self._canvas.destinationCrsChanged.disconnect(self._redraw)

    def crs(self) -> QgsCoordinateReferenceSystem:
        """CRS of the tiles: the layer's, for the user may have told QGIS one that the file lacks."""
        layer = self._selection.layer
        if layer is not None and layer.crs().isValid():
            return layer.crs()
        return QgsCoordinateReferenceSystem.fromWkt((self._run.crs_wkt if self._run else "") or "")

    def tile_at(self, point: QgsPointXY) -> TileRecord | None:
        """The tile at a point of the map, given in the map's coordinates."""
        if self._canvas is None or self._run is None:
            return None
        crs, shown = self.crs(), self._canvas.mapSettings().destinationCrs()
        if crs.isValid() and shown.isValid() and crs != shown:
            try:
                point = QgsCoordinateTransform(shown, crs, QgsProject.instance()).transform(point)
            except QgsCsException:
                return None
        return self._tiles.at(point)

    def describe(self, point: QgsPointXY) -> str:
        """A few words about the tile at a point of the map, "" where there is none."""
        tile = self.tile_at(point)
        if tile is None or self._run is None:
            return ""
        place = tr("Row {row}, column {col}").format(row=tile.row, col=tile.col)
        if tile.top is None:
            return place
        title = self._run.experts[tile.top].label
        return f"{place} · {title} {tile.top_score:.2f}"

    def _pick(self, point: QgsPointXY) -> None:
        tile = self.tile_at(point)
        if tile is not None:
            self.tilePicked.emit(tile.index)

    def _switch(self, checked: bool) -> None:
        if self._tool is None:
            return
        if checked:
            self._tool.take()
        else:
            self._tool.leave()
        self.action.setChecked(self._canvas.mapTool() is self._tool)

    def _find_layer(self, *_: object) -> None:
        run = self._run
        layer = results.find_layer(QgsProject.instance(), run, results.ROUTING_ROLE) if run else None
        self._selection.follow(layer)

    def _redraw(self) -> None:
        """The map's CRS changed: what is drawn on it is in the old one."""
        self.mark(self._marked)
        self._outline_object(self._object)
        self.preview(self._previewed)

    def _outline_object(self, record: ObjectRecord | None) -> None:
        self._object = record
        if record is None or not record.wkb:
            self._object_marker.clear()
        else:
            self._object_marker.outline(shape(record), self.crs())

    def _drop_band(self) -> None:
        if self._band is not None and not sip.isdeleted(self._band):
            self._canvas.scene().removeItem(self._band)
        self._band = None
