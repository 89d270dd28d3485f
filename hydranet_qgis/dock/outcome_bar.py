"""A bar of what became of a run's tiles, with its legend in words."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QRectF, QSize
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPalette
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ..i18n import tr
from ..run_folder import Run
from .painting import mix, palette_of

ROUTED_COLOR, ABSTAINED_COLOR, EMPTY_COLOR = "#1799a6", "#f0a63a", "#8c979d"


class OutcomeBar(QWidget):
    """A thin bar divided by the numbers of routed, abstained, empty and masked tiles."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._counts = (0, 0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_run(self, run: Run) -> None:
        """Show a run's four numbers; what the mask left out stays unpainted."""
        self._counts = (run.routed, run.abstained, run.empty, run.masked)
        told = tr("{routed} routed, {abstained} abstained, {empty} without data, {masked} outside the mask")
        self.setToolTip(
            told.format(routed=run.routed, abstained=run.abstained, empty=run.empty, masked=run.masked)
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 10)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(box, 5, 5)
        painter.setClipPath(shape)
        text = palette_of(self).color(QPalette.ColorRole.WindowText)
        window = palette_of(self).color(QPalette.ColorRole.Window)
        painter.fillRect(box, mix(text, window, 0.13))
        x, total = 0.0, max(1, sum(self._counts))
        for count, color in zip(self._counts, (ROUTED_COLOR, ABSTAINED_COLOR, EMPTY_COLOR)):
            width = box.width() * count / total
            painter.fillRect(QRectF(x, 0, width, box.height()), QColor(color))
            x += width
        painter.end()


def legend_html(run: Run) -> str:
    """The four numbers with their shares as rich text; "masked" only where a mask was used."""
    parts = [
        (ROUTED_COLOR, "●", run.routed, tr("routed")),
        (ABSTAINED_COLOR, "●", run.abstained, tr("abstained")),
        (EMPTY_COLOR, "●", run.empty, tr("no data")),
    ]
    if run.masked:
        parts.append((EMPTY_COLOR, "○", run.masked, tr("outside the mask")))
    total = max(1, run.total)
    return " &nbsp; ".join(
        f'<span style="color:{color}">{sign}</span>&nbsp;<b>{count:,}</b>&nbsp;'
        f"{word.replace(' ', '&nbsp;')}&nbsp;({100 * count / total:.0f}&nbsp;%)"
        for color, sign, count, word in parts
    )
