"""The map tool that picks a tile: a click chooses, Escape goes back to the tool before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.core import QgsPointXY
from qgis.gui import QgsMapTool
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QToolTip


class TileTool(QgsMapTool):
    """Tells where the map is clicked, in the map's coordinates.

    Args:
        canvas: the map.
        describe: words about a place, "" where there is no tile; shown beside the cursor.

    Signals:
        clicked(object): the `QgsPointXY`.
    """

    clicked = pyqtSignal(object)

    def __init__(self, canvas: Any, describe: Callable[[QgsPointXY], str]) -> None:
        super().__init__(canvas)
        self._describe = describe
        self._said = ""
        self._before: Any = None
        self.setCursor(Qt.CursorShape.CrossCursor)

    def take(self) -> None:
        """Become the map's tool."""
        canvas = self.canvas()
        if canvas.mapTool() is not self:
            self._before = canvas.mapTool()
            canvas.setMapTool(self)

    def leave(self) -> None:
        """Give the map back to the tool before."""
        canvas = self.canvas()
        if canvas.mapTool() is not self:
            return
        before, self._before = self._before, None
        if before is not None and not sip.isdeleted(before):
            canvas.setMapTool(before)
        else:
            canvas.unsetMapTool(self)

    def deactivate(self) -> None:
        QToolTip.hideText()
        self._said = ""
        super().deactivate()

    def canvasMoveEvent(self, event: Any) -> None:
        # Moving with a button held drags the map.
        said = "" if event.buttons() else self._describe(self.toMapCoordinates(event.pos()))
        if said == self._said:
            return
        self._said = said
        if said:
            QToolTip.showText(self.canvas().mapToGlobal(event.pos()), said, self.canvas())
        else:
            QToolTip.hideText()

    def canvasReleaseEvent(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.toMapCoordinates(event.pos()))

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.accept()
            self.leave()
        else:
            super().keyPressEvent(event)
