"""The picture of a tile with outlines of its objects: cut out of the scene in a thread, and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qgis.core import QgsGeometry
from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QImage, QPainter, QPainterPath, QPalette, QPen, QPolygonF, QTransform
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ..i18n import tr
from ..object_records import ObjectRecord
from ..run_folder import Run
from ..tile_records import TileRecord
from .background import Background
from .object_shapes import in_tile
from .painting import mix, muted, palette_of, smaller
from .scene_pixels import Pixels, read_pixels, rgb_bands

SIDE = 96
LARGE = 168
"""Side of a picture in a run with objects, where outlines have to be told apart."""
KEPT = 64
"""Pictures that are kept; 64 large ones at twice the resolution are 29 MB."""

_MANY = 30  # from so many objects on their outlines' dark edges would hide what they are around


class TilePicture(QWidget):
    """A square with the tile and a little of its surroundings, or a word why there is none.

    Attributes:
        large: whether it takes more room, see LARGE; counts from the next `show_tile` on.
        state: "none" (no tile), "waiting", "shown", "missing" (the scene is not there any more), or "beside"
            (it is, but has no pixel where the tile lies).
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.state = "none"
        self.large = False
        self._objects: list[tuple[int, QPolygonF, str]] = []  # number, outline in shares of the tile, colour
        self._chosen: int | None = None
        self._thread = Background(self)
        self._kept: OrderedDict[tuple[str, str, int, int], tuple[QImage, QRectF] | None] = OrderedDict()
        self._shown: tuple[QImage, QRectF] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Picture of the tile"))

    @property
    def image(self) -> QImage | None:
        """The picture shown, None while there is none."""
        return self._shown[0] if self._shown is not None else None

    def show_tile(self, run: Run | None, tile: TileRecord | None) -> None:
        """Show a tile; its picture comes when it has been read."""
        self._thread.cancel()
        self._shown = None
        self.updateGeometry()
        if run is None or tile is None or not tile.wkb:
            self._become("none", "")
            return
        side = round(self.sizeHint().width() * self.devicePixelRatioF())
        key = (str(run.folder), run.created, tile.index, side)
        if key in self._kept:
            self._kept.move_to_end(key)
            self._show(self._kept[key], run)
            return
        geometry = QgsGeometry()
        geometry.fromWkb(tile.wkb)
        edges = geometry.boundingBox()
        box = (edges.xMinimum(), edges.yMinimum(), edges.xMaximum(), edges.yMaximum())
        path, folder = run.scene, run.folder
        self._become("waiting", tr("Reading the tile's picture…"))

        def then(result: Any) -> None:
            if isinstance(result, Exception):
                # Not kept: the disk may come back.
                self._missing(run)
                return
            made = _picture(result) if result is not None else None
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            self._show(made, run)

        self._thread.start(lambda _: read_pixels(path, rgb_bands(folder), box, side), then)

    def show_objects(
        self, tile: TileRecord | None, records: Sequence[ObjectRecord], colors: dict[str, str]
    ) -> None:
        """Outline objects over the tile shown, as soon as there is a picture; none of them is the chosen one.

        Args:
            tile: the tile.
            records: its objects.
            colors: "#rrggbb" of each class by name.
        """
        shapes = in_tile(tile, records) if tile is not None and records else []
        self._objects = [
            (one.id, outline, colors.get(one.label, "#808080")) for one, outline in zip(records, shapes)
        ]
        self.choose_object(None)

    def choose_object(self, number: int | None) -> None:
        """Draw the outline of one object thicker; None draws all alike."""
        self._chosen = number
        self.update()

    def close_down(self) -> None:
        """Stop reading, for good."""
        self._thread.close()
        self._kept.clear()

    def sizeHint(self) -> QSize:
        side = LARGE if self.large else SIDE
        return QSize(side, side)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        shape = QPainterPath()
        shape.addRoundedRect(box, 4, 4)
        ink = palette_of(self).color(QPalette.ColorRole.WindowText)
        window = palette_of(self).color(QPalette.ColorRole.Window)
        painter.fillPath(shape, mix(ink, window, 0.08))
        painter.setClipPath(shape)
        if self._shown is not None:
            image, frame = self._shown
            painter.drawImage(box, image)
            scale = box.width() / image.width()
            placed = QRectF(
                frame.left() * scale, frame.top() * scale, frame.width() * scale, frame.height() * scale
            )
            for color, width in ((QColor(0, 0, 0, 140), 3.0), (QColor(255, 214, 10), 1.4)):
                painter.setPen(QPen(color, width))
                painter.drawRect(placed)
            self._draw_objects(painter, placed)
        elif self.state in ("missing", "beside"):
            painter.setPen(muted(palette_of(self)))
            painter.setFont(smaller(self))
            flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
            gone = self.state == "missing"
            text = tr("The scene is not there any more") if gone else tr("The scene has no pixel here")
            painter.drawText(box.adjusted(6, 4, -6, -4), flags, text)
        painter.setClipping(False)
        painter.setPen(QPen(mix(ink, window, 0.25), 1))
        painter.drawPath(shape)
        painter.end()

    def _draw_objects(self, painter: QPainter, placed: QRectF) -> None:
        """Outline the objects, the chosen one last and thicker; `placed` is where the tile is."""
        onto = QTransform.fromTranslate(placed.left(), placed.top()).scale(placed.width(), placed.height())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        shade = 130 if len(self._objects) <= _MANY else 50
        for number, outline, color in sorted(self._objects, key=lambda one: one[0] == self._chosen):
            chosen = number == self._chosen
            edge = QColor(255, 255, 255, 235) if chosen else QColor(0, 0, 0, shade)
            for pen, width in ((edge, 4.4 if chosen else 2.2), (QColor(color), 2.6 if chosen else 1.1)):
                line = QPen(pen, width)
                line.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
                painter.setPen(line)
                painter.drawPolygon(onto.map(outline))

    def _show(self, made: tuple[QImage, QRectF] | None, run: Run) -> None:
        if made is None:
            self._become("beside", tr("No picture: {scene} has no pixel here.").format(scene=run.scene))
            return
        self._shown = made
        self._become("shown", tr("The tile and its surroundings in {scene}").format(scene=run.scene))

    def _missing(self, run: Run) -> None:
        self._become(
            "missing",
            tr("No picture: the scene {scene} cannot be read; put it back where it was.").format(
                scene=run.scene or Path(run.folder).name
            ),
        )

    def _become(self, state: str, tip: str) -> None:
        self.state = state
        self.setToolTip(tip)
        self.setAccessibleDescription(tip)
        self.update()


def _picture(pixels: Pixels) -> tuple[QImage, QRectF]:
    image = QImage(pixels.rgb, pixels.width, pixels.height, 4 * pixels.width, QImage.Format.Format_RGBA8888)
    return image.copy(), QRectF(*pixels.frame)  # the copy owns its bytes
