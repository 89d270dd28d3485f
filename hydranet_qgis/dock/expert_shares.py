"""Tiles per expert, and per scene class, as bars: number, share, mean score."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFontMetrics, QPainter, QPalette
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ..i18n import tr
from .painting import mix, muted, palette_of, smaller
from .summary_table import ExpertNumbers, SceneNumbers
from .tile_words import doubt_in_words

_BAR, _PAD, _DOT = 6, 4, 9


class ExpertShares(QWidget):
    """Draws `ExpertNumbers`, those without a tile fainter."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._numbers: list[ExpertNumbers] = []
        self._colors: dict[str, str] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Tiles per expert"))

    def show_numbers(self, numbers: list[ExpertNumbers], colors: dict[str, str]) -> None:
        """Show another run's experts."""
        self._numbers, self._colors = numbers, colors
        said = [f"{one.label}: {self.count(one)}, {self.remark(one)}" for one in numbers]
        self.setAccessibleDescription("; ".join(said))
        self.updateGeometry()
        self.update()

    def count(self, one: ExpertNumbers) -> str:
        """Number and share of its tiles in words."""
        share = "< 1" if 0 < one.share < 0.01 else f"{100 * one.share:.0f}"
        return tr("{tiles} · {share} %").format(tiles=f"{one.tiles:,}", share=share)

    def remark(self, one: ExpertNumbers) -> str:
        """Mean score in words, or why it did not take part."""
        if one.skipped:
            known = {
                "outside resolution": tr("unsuited pixel size"),
                "not requested": tr("not asked for"),
            }
            return known.get(one.skipped, one.skipped)
        if one.mean_score is None:
            return tr("no scores")
        text = tr("mean {score}").format(score=f"{one.mean_score:.2f}")
        doubt = doubt_in_words(one.uncertainty, one.model_uncertainty)
        return f"{text}, {doubt}" if doubt else text

    def sizeHint(self) -> QSize:
        return QSize(240, max(1, len(self._numbers)) * self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, one in enumerate(self._numbers):
            self._row(painter, QRectF(0, number * self._height(), self.width(), self._height()), one)
        painter.end()

    def _height(self) -> int:
        return self.fontMetrics().height() + _BAR + 3 + 2 * _PAD

    def _row(self, painter: QPainter, box: QRectF, one: ExpertNumbers) -> None:
        text = palette_of(self).color(QPalette.ColorRole.WindowText)
        window = palette_of(self).color(QPalette.ColorRole.Window)
        color, faint = QColor(self._colors.get(one.name, "#808080")), muted(palette_of(self))
        center = int(Qt.AlignmentFlag.AlignVCenter)
        metrics = QFontMetrics(self.font())
        line = QRectF(box.left(), box.top() + _PAD, box.width(), metrics.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color if one.tiles else mix(color, window, 0.45))
        painter.drawEllipse(QRectF(line.left(), line.center().y() - _DOT / 2, _DOT, _DOT))
        painter.setFont(self.font())
        painter.setPen(text if one.tiles else faint)
        count = self.count(one)
        painter.drawText(line, center | int(Qt.AlignmentFlag.AlignRight), count)
        left = line.left() + _DOT + 7
        room = line.width() - (left - line.left()) - metrics.horizontalAdvance(count) - 8
        title = metrics.elidedText(one.label, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(left, line.top(), room, line.height()), center, title)
        used = metrics.horizontalAdvance(title) + 8
        painter.setFont(smaller(self))
        painter.setPen(faint)
        small = QFontMetrics(painter.font())
        if room - used > small.horizontalAdvance("mean…"):
            shown = small.elidedText(self.remark(one), Qt.TextElideMode.ElideRight, int(room - used))
            painter.drawText(QRectF(left + used, line.top(), room - used, line.height() + 1), center, shown)
        track = QRectF(left, line.bottom() + 3, box.right() - left, _BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mix(text, window, 0.13))
        painter.drawRoundedRect(track, _BAR / 2, _BAR / 2)
        if one.tiles:
            track.setWidth(max(_BAR, track.width() * min(1.0, one.share)))
            painter.setBrush(color)
            painter.drawRoundedRect(track, _BAR / 2, _BAR / 2)


class SceneShares(ExpertShares):
    """Draws `SceneNumbers` the same way."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Tiles per scene class"))

    def remark(self, one: SceneNumbers) -> str:
        """Mean probability in words."""
        return tr("mean {score}").format(score=f"{one.mean_score or 0.0:.2f}")
