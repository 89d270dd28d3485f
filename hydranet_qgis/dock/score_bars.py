"""Every expert's score for one tile: a bar, its threshold, its rank if chosen, why, and how unsure it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.PyQt.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen
from qgis.PyQt.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..expert_colors import text_on
from ..i18n import tr
from ..run_folder import Run, RunExpert
from ..tile_records import TileRecord
from .painting import mix, muted, palette_of, smaller
from .tile_words import unsure, unsure_meaning, why

_BAR, _PAD, _BADGE, _GAP = 6, 4, 16, 8
_CENTER = int(Qt.AlignmentFlag.AlignVCenter)
_WRAPPED = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop)


@dataclass(frozen=True)
class _Row:
    """One expert's place: from `top` on, `height` pixels; the reason beside the title or under the bar.

    Attributes:
        unsure: its uncertainty in words, in a line of its own at the bottom; "" for none.
    """

    top: int
    height: int
    why: str
    below: bool
    unsure: str


class ScoreBars(QWidget):
    """Draws the scores of one tile in the run's order of experts, so that tiles can be compared.

    A reason too long for the line of its expert's title is written under the bar, in as many lines as it
    takes, so the height depends on the width.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._tile: TileRecord | None = None
        self._colors: dict[str, str] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(tr("Scores of the tile"))

    def show_tile(self, run: Run | None, tile: TileRecord | None, colors: dict[str, str]) -> None:
        """Show a tile of a run, or nothing if it is None."""
        self._run, self._tile, self._colors = run, tile, colors
        lines = [self.line(position) for position in range(len(self._experts()))]
        self.setAccessibleDescription("; ".join(lines))
        self.updateGeometry()
        self.update()

    def line(self, position: int) -> str:
        """The row of an expert in words."""
        if self._run is None or self._tile is None:
            return ""
        expert, score = self._run.experts[position], self._tile.scores[position]
        reason = why(self._run, self._tile, position)
        if score is None:
            return tr("{expert}: no score, {why}").format(expert=expert.label, why=reason)
        line = tr("{expert}: score {score}, threshold {threshold}, {why}").format(
            expert=expert.label, score=f"{score:.2f}", threshold=f"{expert.threshold:.2f}", why=reason
        )
        return ", ".join(filter(None, (line, unsure(self._tile, position))))

    def rows(self, width: int) -> list[tuple[int, int]]:
        """Top and height of each expert's row in pixels, if the widget is `width` wide."""
        return [(row.top, row.height) for row in self._layout(width)]

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        rows = self._layout(width)
        return rows[-1].top + rows[-1].height if rows else self.fontMetrics().height()

    def sizeHint(self) -> QSize:
        return QSize(240, self.heightForWidth(max(240, self.width())))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.fontMetrics().height())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            y = event.pos().y()
            for position, row in enumerate(self._layout(self.width())):
                if row.top <= y < row.top + row.height:
                    said = (self.line(position), unsure_meaning(self._tile, position))
                    QToolTip.showText(event.globalPos(), "\n".join(filter(None, said)), self)
                    return True
        return super().event(event)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for position, (row, expert) in enumerate(zip(self._layout(self.width()), self._experts())):
            self._row(painter, row, position, expert)
        painter.end()

    def _experts(self) -> tuple[RunExpert, ...]:
        return self._run.experts if self._run is not None and self._tile is not None else ()

    def _layout(self, width: int) -> list[_Row]:
        rows, top = [], 0
        metrics, small = QFontMetrics(self._title_font(True)), QFontMetrics(smaller(self))
        room = width - _BADGE - 6
        for position, expert in enumerate(self._experts()):
            text = why(self._run, self._tile, position)
            beside = room - self._number_width() - metrics.horizontalAdvance(expert.label) - _GAP
            below = small.horizontalAdvance(text) > beside
            height = metrics.height() + _BAR + 2 * _PAD + 3
            if below:
                height += small.boundingRect(QRect(0, 0, room, 1000), _WRAPPED, text).height() + 2
            doubt = unsure(self._tile, position)
            if doubt:
                height += small.height() + 1
            rows.append(_Row(top, height, text, below, doubt))
            top += height
        return rows

    def _title_font(self, bold: bool) -> Any:
        font = self.font()
        font.setBold(bold)
        return font

    def _number_width(self) -> int:
        return self.fontMetrics().horizontalAdvance("0.00") + 6

    def _row(self, painter: QPainter, row: _Row, position: int, expert: RunExpert) -> None:
        tile = self._tile
        score = tile.scores[position]
        rank = tile.chosen.index(expert.name) + 1 if expert.name in tile.chosen else None
        color = self._colors.get(expert.name, "#808080")
        text = palette_of(self).color(QPalette.ColorRole.WindowText)
        faint = muted(palette_of(self))

        painter.setFont(self._title_font(rank is not None))
        metrics = QFontMetrics(painter.font())
        line = QRectF(0, row.top + _PAD, self.width(), metrics.height())
        self._badge(painter, line, rank, color)
        painter.setFont(self._title_font(rank is not None))
        painter.setPen(text if score is not None else faint)
        number = "–" if score is None else f"{score:.2f}"
        painter.drawText(line, _CENTER | int(Qt.AlignmentFlag.AlignRight), number)
        left = line.left() + _BADGE + 6
        room = line.right() - self._number_width() - left
        title = metrics.elidedText(expert.label, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(left, line.top(), room, line.height()), _CENTER, title)
        track = QRectF(left, line.bottom() + 3, self.width() - left, _BAR)
        painter.setFont(smaller(self))
        painter.setPen(faint)
        if row.below:
            under = QRectF(left, track.bottom() + 2, track.width(), row.top + row.height - track.bottom())
            painter.drawText(under, _WRAPPED, row.why)
        else:
            used = metrics.horizontalAdvance(title) + _GAP
            beside = QRectF(left + used, line.top(), room - used, line.height() + 1)
            painter.drawText(beside, _CENTER, row.why)
        if row.unsure:
            high = painter.fontMetrics().height()
            last = QRectF(left, row.top + row.height - high - 3, track.width(), high)
            painter.drawText(last, _CENTER, row.unsure)
        self._bar(painter, track, score, rank, expert, color)

    def _badge(self, painter: QPainter, line: QRectF, rank: int | None, color: str) -> None:
        circle = QRectF(line.left(), line.center().y() - _BADGE / 2, _BADGE, _BADGE)
        if rank is None:
            painter.setPen(
                QPen(mix(QColor(color), palette_of(self).color(QPalette.ColorRole.Window), 0.6), 1.5)
            )
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(circle.adjusted(4.5, 4.5, -4.5, -4.5))
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        painter.drawEllipse(circle)
        font = smaller(self)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(text_on(color)))
        painter.drawText(circle, int(Qt.AlignmentFlag.AlignCenter), str(rank))

    def _bar(
        self,
        painter: QPainter,
        track: QRectF,
        score: float | None,
        rank: int | None,
        expert: RunExpert,
        color: str,
    ) -> None:
        window = palette_of(self).color(QPalette.ColorRole.Window)
        text = palette_of(self).color(QPalette.ColorRole.WindowText)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mix(text, window, 0.13))
        painter.drawRoundedRect(track, _BAR / 2, _BAR / 2)
        if score is not None:
            filled = QRectF(track)
            filled.setWidth(max(_BAR, track.width() * min(max(score, 0.0), 1.0)))
            painter.setBrush(QColor(color) if rank is not None else mix(QColor(color), window, 0.55))
            painter.drawRoundedRect(filled, _BAR / 2, _BAR / 2)
        # Under the policy top-k no threshold is applied, so none is drawn.
        if self._run.policy != "top-k":
            x = track.left() + track.width() * min(max(expert.threshold, 0.0), 1.0)
            painter.setPen(QPen(window, 3.5))
            painter.drawLine(QPointF(x, track.top() - 2), QPointF(x, track.bottom() + 2))
            painter.setPen(QPen(text, 1.5))
            painter.drawLine(QPointF(x, track.top() - 2), QPointF(x, track.bottom() + 2))
