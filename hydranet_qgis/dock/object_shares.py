"""Objects of a run as bars: how many of each class, and which experts served how many of them."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QEvent, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFontMetrics, QPainter, QPalette
from qgis.PyQt.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..i18n import tr
from ..objects_style import expert_color
from .expert_shares import ExpertShares
from .painting import mix, muted, palette_of, smaller
from .summary_table import ObjectNumbers

_BAR_HEIGHT, _GAP = 44, 4
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class ObjectShares(ExpertShares):
    """Draws `ObjectNumbers` as the experts' tiles are drawn; what they count are objects."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Objects per class"))

    def remark(self, one: ObjectNumbers) -> str:
        """Mean score in words."""
        return tr("mean {score}").format(score=f"{one.mean_score or 0.0:.2f}")


class ExpertUsage(QWidget):
    """A small column for each expert of the objects expert's last layer: how many objects it served most."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._counts: dict[int, int] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Objects per expert"))

    def show_counts(self, counts: dict[int, int]) -> None:
        """Show the number of objects by the number of the expert, from 1; those between have none."""
        self._counts = {number: counts.get(number, 0) for number in range(1, max(counts, default=0) + 1)}
        self.setAccessibleDescription("; ".join(self.line(number) for number in counts))
        self.updateGeometry()
        self.update()

    def line(self, number: int) -> str:
        """One expert's column in words."""
        count = self._counts[number]
        share = count / (sum(self._counts.values()) or 1)
        told = "< 1" if 0 < share < 0.01 else f"{100 * share:.0f}"
        return tr("Expert {number}: {count} objects, {share} %").format(
            number=number, count=f"{count:,}", share=told
        )

    def sizeHint(self) -> QSize:
        return QSize(240, _BAR_HEIGHT + 2 * QFontMetrics(smaller(self)).height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and self._counts:
            number = int((event.pos().x() + self._gap() / 2) // self._step()) + 1
            if number in self._counts:
                QToolTip.showText(event.globalPos(), self.line(number), self)
                return True
            QToolTip.hideText()
        return super().event(event)

    def paintEvent(self, event: Any) -> None:
        if not self._counts:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(smaller(self))
        palette, metrics = palette_of(self), QFontMetrics(painter.font())
        text = palette.color(QPalette.ColorRole.WindowText)
        window = palette.color(QPalette.ColorRole.Window)
        step, high = self._step(), max(self._counts.values()) or 1
        whole = sum(self._counts.values()) or 1
        center = int(Qt.AlignmentFlag.AlignCenter)
        gap, every = self._gap(), self._every(metrics)
        for place, (number, count) in enumerate(self._counts.items()):
            track = QRectF(place * step, metrics.height(), step - gap, _BAR_HEIGHT)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(mix(text, window, 0.13))
            painter.drawRect(QRectF(track.left(), track.bottom() - 2, track.width(), 2))
            bar = QRectF(track)
            if count:
                bar.setTop(track.bottom() - max(2.0, track.height() * count / high))
                painter.setBrush(QColor(expert_color(number)))
                painter.drawRoundedRect(bar, 2, 2)
            share = f"{100 * count / whole:.0f}"
            if count and metrics.horizontalAdvance("00") <= step:
                painter.setPen(muted(palette))
                head = QRectF(track.left() - gap, bar.top() - metrics.height(), step + gap, metrics.height())
                painter.drawText(head, center, share if share != "0" else "<1")
            if number % every == 0:
                painter.setPen(text if count else muted(palette))
                wide = metrics.horizontalAdvance(str(number)) + 2.0
                left = min(track.center().x() - wide / 2, self.width() - wide)
                foot = QRectF(left, track.bottom() + 1, wide, metrics.height())
                painter.drawText(foot, center, str(number))
        painter.end()

    def _step(self) -> float:
        """Width of a column and the gap beside it in pixels."""
        return min(34.0, (self.width() + self._gap()) / max(1, len(self._counts)))

    def _gap(self) -> float:
        """Pixels between columns; of many columns a gap takes less than they do."""
        return min(float(_GAP), 0.3 * self.width() / max(1, len(self._counts)))

    def _every(self, metrics: QFontMetrics) -> int:
        """Which numbers have room below their columns: all, every second, every fifth and so on."""
        most = max(self._counts, default=1)
        room = (metrics.horizontalAdvance(str(most)) + 4) / self._step()
        return next((every for every in _TICKS if every >= room), most)
