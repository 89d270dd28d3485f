"""Small helpers for what the dock draws itself, in the theme's own colours."""

from __future__ import annotations

from qgis.PyQt.QtCore import QRectF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontMetrics, QIcon, QPainter, QPalette, QPen, QPixmap
from qgis.PyQt.QtWidgets import QApplication, QWidget

from ..expert_colors import contrast, text_on

_READABLE = 3.0  # contrast of text with what it stands on, from which on it is a theme's choice


def palette_of(widget: QWidget) -> QPalette:
    """Colours for what a widget paints itself.

    QGIS's dark themes are style sheets: they colour docks, dialogs and labels, but not the palette of what
    paints itself, where text may then be as dark as the window, or as it was in the theme before. What lies
    around it tells the colours.
    """
    role, group = QPalette.ColorRole.WindowText, QPalette.ColorGroup.Active
    usual = QApplication.palette().color(group, role)
    around, readable = widget, []
    while around is not None:
        palette = around.palette()
        text, window = palette.color(group, role), palette.color(group, QPalette.ColorRole.Window)
        if contrast(text.name(), window.name()) >= _READABLE:
            if text != usual:
                return palette
            readable.append(palette)
        around = around.parentWidget()
    return readable[0] if readable else widget.palette()


def muted(palette: QPalette, share: float = 0.62) -> QColor:
    """The text colour, drawn back towards the background by 1 - `share`."""
    return mix(palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window), share)


def mix(first: QColor, second: QColor, share: float) -> QColor:
    """`share` of the first colour and the rest of the second."""
    return QColor(
        round(first.red() * share + second.red() * (1 - share)),
        round(first.green() * share + second.green() * (1 - share)),
        round(first.blue() * share + second.blue() * (1 - share)),
    )


def mixed_with_white(color: str, share: float) -> str:
    """`share` of "#rrggbb" and the rest white: what it looks like over something bright, without shining."""
    return mix(QColor(color), QColor("#ffffff"), share).name()


def smaller(widget: QWidget, factor: float = 0.88) -> QFont:
    """The widget's font, a little smaller."""
    return scaled(widget.font(), factor)


def scaled(font: QFont, factor: float) -> QFont:
    """A font of another size, whether its size is given in points or pixels."""
    other = QFont(font)
    if font.pointSizeF() > 0:
        other.setPointSizeF(font.pointSizeF() * factor)
    elif font.pixelSize() > 0:
        other.setPixelSize(max(1, round(font.pixelSize() * factor)))
    return other


def dot(color: str) -> QIcon:
    """A round icon of one colour, for entries of a list; ringed where its row is selected."""
    icon = QIcon(_disc(color, QPen(Qt.PenStyle.NoPen)))
    # Rows are selected in blue, and so is water.
    icon.addPixmap(_disc(color, QPen(QColor("#ffffff"), 3)), QIcon.Mode.Selected)
    return icon


def _disc(color: str, ring: QPen) -> QPixmap:
    pixmap = QPixmap(24, 24)
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(ring)
    painter.setBrush(QColor(color))
    painter.drawEllipse(QRectF(4, 4, 16, 16))
    painter.end()
    return pixmap


def draw_chip(painter: QPainter, box: QRectF, text: str, color: str) -> None:
    """A rounded, filled label; the text is shortened to fit."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    radius = min(box.height() / 2, 8.0)
    painter.drawRoundedRect(box, radius, radius)
    painter.setPen(QColor(text_on(color)))
    inner = box.adjusted(7, 0, -7, 0)
    shown = QFontMetrics(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, int(inner.width()) + 1)
    painter.drawText(inner, int(Qt.AlignmentFlag.AlignCenter), shown)


def chip_width(metrics: QFontMetrics, text: str) -> int:
    """Width a chip needs for its whole text."""
    return metrics.horizontalAdvance(text) + 15
