"""Every expert's score for one tile: a bar, its threshold, its rank if chosen, and the reason."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen
from qgis.PyQt.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..expert_colors import text_on
from ..run_folder import Run, RunExpert, TileRecord
from .painting import mix, muted, smaller

_BAR, _PAD, _BADGE = 6, 4, 16


class ScoreBars(QWidget):
    """Draws the scores of one tile in the run's order of experts, so that tiles can be compared."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._tile: TileRecord | None = None
        self._colors: dict[str, str] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)
        self.setAccessibleName("Scores of the tile")

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
        said = "no score" if score is None else f"score {score:.2f}, threshold {expert.threshold:.2f}"
        return f"{expert.label}: {said}, {self._tile.reasons[position] or 'no reason given'}"

    def row_height(self) -> int:
        """Height of one expert's row in pixels."""
        return QFontMetrics(self.font()).height() + _BAR + 2 * _PAD + 3

    def sizeHint(self) -> QSize:
        return QSize(240, max(1, len(self._experts())) * self.row_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            position = event.pos().y() // self.row_height()
            if 0 <= position < len(self._experts()):
                QToolTip.showText(event.globalPos(), self.line(position), self)
                return True
        return super().event(event)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = self.row_height()
        for position, expert in enumerate(self._experts()):
            self._row(painter, QRectF(0, position * height, self.width(), height), position, expert)
        painter.end()

    def _experts(self) -> tuple[RunExpert, ...]:
        return self._run.experts if self._run is not None and self._tile is not None else ()

    def _row(self, painter: QPainter, box: QRectF, position: int, expert: RunExpert) -> None:
        tile = self._tile
        score, reason = tile.scores[position], tile.reasons[position]
        rank = tile.chosen.index(expert.name) + 1 if expert.name in tile.chosen else None
        color = self._colors.get(expert.name, "#808080")
        text = self.palette().color(QPalette.ColorRole.WindowText)
        faint = muted(self.palette())

        line = QRectF(box.left(), box.top() + _PAD, box.width(), QFontMetrics(self.font()).height())
        self._badge(painter, line, rank, color)
        font = self.font()
        font.setBold(rank is not None)
        number = "–" if score is None else f"{score:.2f}"
        metrics = QFontMetrics(font)
        number_width = QFontMetrics(self.font()).horizontalAdvance("0.00") + 6
        painter.setFont(font)
        painter.setPen(text if score is not None else faint)
        center = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(line, center | int(Qt.AlignmentFlag.AlignRight), number)
        # Title and reason share what is left; the title goes first.
        left = line.left() + _BADGE + 6
        room = line.right() - number_width - left
        title = metrics.elidedText(expert.label, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(left, line.top(), room, line.height()), center, title)
        used = metrics.horizontalAdvance(title) + 8
        painter.setFont(smaller(self))
        painter.setPen(faint)
        small = QFontMetrics(painter.font())
        if room - used > small.horizontalAdvance("below…"):
            shown = small.elidedText(reason, Qt.TextElideMode.ElideRight, int(room - used))
            painter.drawText(QRectF(left + used, line.top(), room - used, line.height() + 1), center, shown)
        self._bar(
            painter, QRectF(left, line.bottom() + 3, box.right() - left, _BAR), score, rank, expert, color
        )

    def _badge(self, painter: QPainter, line: QRectF, rank: int | None, color: str) -> None:
        circle = QRectF(line.left(), line.center().y() - _BADGE / 2, _BADGE, _BADGE)
        if rank is None:
            painter.setPen(
                QPen(mix(QColor(color), self.palette().color(QPalette.ColorRole.Window), 0.6), 1.5)
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
        window = self.palette().color(QPalette.ColorRole.Window)
        text = self.palette().color(QPalette.ColorRole.WindowText)
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
