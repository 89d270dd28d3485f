"""Tiles per expert now and under another policy, and the compute they take, as bars that can be compared."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QBrush, QColor, QFontMetrics, QPainter, QPalette, QPen
from qgis.PyQt.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..i18n import tr
from ..run_folder import Run, RunExpert
from ..what_if import Change, ExpertChange
from .painting import mix, muted, palette_of, smaller

_BAR, _DOT, _GAP = 8, 8, 6
MORE, LESS = "#c07a12", "#1d8f86"
"""Colours of what would be added and dropped, where no expert has its own."""


class ChangeBars(QWidget):
    """One row per expert that may serve the run, and one for all compute.

    A row's bar is solid for what stays, striped for what would be added, hollow for what would be dropped.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._change: Change | None = None
        self._colors: dict[str, str] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Changes by expert"))

    def show_change(self, run: Run | None, change: Change | None, colors: dict[str, str]) -> None:
        """Show a change of a run, or nothing."""
        other = run is not self._run
        self._run, self._change, self._colors = run, change, colors
        self.setAccessibleDescription("; ".join(self.line(n) for n in range(len(self._rows()) + 1)))
        if other:
            self.updateGeometry()
        self.update()

    def line(self, number: int) -> str:
        """A row in words; the last one is the compute."""
        if self._change is None:
            return ""
        rows = self._rows()
        if number >= len(rows):
            before, after = self._change.saved_before, self._change.saved_after
            if before is None or after is None:
                return tr("Compute: not known of this run")
            text = tr("Compute saved against all experts on all tiles: {before:.0%} now, {after:.0%} then")
            return text.format(before=before, after=after)
        expert, change = rows[number]
        return tr(
            "{expert}: {before} tiles now, {after} then; {added} to decode, {dropped} to drop, {seams} again "
            "for the seams"
        ).format(
            expert=expert.label, before=change.before, after=change.after,
            added=change.added, dropped=change.dropped, seams=change.seams,
        )  # fmt: skip

    def row_height(self) -> int:
        """Height of a row in pixels."""
        return QFontMetrics(self.font()).height() + 5

    def sizeHint(self) -> QSize:
        return QSize(240, (len(self._rows()) + 1) * self.row_height() + 6 if self._change else 0)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and self._change is not None:
            number = min(event.pos().y() // self.row_height(), len(self._rows()))
            QToolTip.showText(event.globalPos(), self.line(number), self)
            return True
        return super().event(event)

    def paintEvent(self, event: Any) -> None:
        if self._run is None or self._change is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows, height = self._rows(), self.row_height()
        for number, (expert, change) in enumerate(rows):
            box = QRectF(0, number * height, self.width(), height)
            color = QColor(self._colors.get(expert.name, "#808080"))
            self._expert(painter, box, expert, change, color)
        top = len(rows) * height + 5
        painter.setPen(QPen(self._faint(0.25), 1))
        painter.drawLine(QPointF(0, top - 2.5), QPointF(self.width(), top - 2.5))
        self._compute(painter, QRectF(0, top, self.width(), height))
        painter.end()

    def _rows(self) -> list[tuple[RunExpert, ExpertChange]]:
        """Experts that may serve, or did."""
        if self._run is None or self._change is None:
            return []
        pairs = zip(self._run.experts, self._change.experts)
        return [(expert, change) for expert, change in pairs if expert.skipped is None or change.before]

    def _expert(
        self, painter: QPainter, box: QRectF, expert: RunExpert, change: ExpertChange, color: QColor
    ) -> None:
        dot = QRectF(0, box.center().y() - _DOT / 2, _DOT, _DOT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(dot)
        moved = bool(change.added or change.dropped)
        title, track, signs, total = self._columns(box)
        self._text(painter, title, expert.label, False, moved)
        self._bar(
            painter, track, change.before - change.dropped, change.added, change.dropped,
            max(self._run.encoded, 1), color, color,
        )  # fmt: skip
        signed = (("+", change.added), ("−", change.dropped))
        told = " ".join(f"{sign}{count}" for sign, count in signed if count)
        self._text(painter, signs, told, True, True)
        self._text(painter, total, str(change.after), True, moved)

    def _compute(self, painter: QPainter, box: QRectF) -> None:
        change = self._change
        title, track, signs, total = self._columns(box)
        title.setLeft(0)
        self._text(painter, title, tr("Compute saved"), False, True)
        if change.saved_before is None or change.saved_after is None:
            self._text(painter, total, "–", True, False)
            return
        before, after = change.saved_before, change.saved_after
        self._bar(
            painter, track, min(before, after), max(after - before, 0.0), max(before - after, 0.0), 1.0,
            QColor(LESS), QColor(LESS),
        )  # fmt: skip
        text = f"{before:.0%} → {after:.0%}" if round(before, 2) != round(after, 2) else f"{after:.0%}"
        self._text(painter, signs.united(total), text, True, True)

    def _columns(self, box: QRectF) -> tuple[QRectF, QRectF, QRectF, QRectF]:
        """Title, bar, what comes and goes, and the number then."""
        small = QFontMetrics(smaller(self, 0.92))
        most = max(self._run.encoded, 10)
        total = small.horizontalAdvance(str(most)) + 8
        widest = f"+{most} −{most}" if most < 1000 else "+00000 −000"
        least = small.horizontalAdvance("100% → 100%") - total + 4
        signs = max(small.horizontalAdvance(widest), least)
        left = _DOT + _GAP
        title = min(0.42 * box.width(), 170.0)
        bar = max(24.0, box.width() - left - title - signs - total - _GAP)
        edges = (left, left + title, left + title + bar, box.width() - total, box.width())
        columns = [QRectF(a, box.top(), b - a, box.height()) for a, b in zip(edges, edges[1:])]
        columns[1].adjust(_GAP, 0, 0, 0)
        columns[2].adjust(4, 0, 0, 0)
        return columns[0], columns[1], columns[2], columns[3]

    def _bar(
        self,
        painter: QPainter,
        column: QRectF,
        kept: float,
        added: float,
        dropped: float,
        whole: float,
        color: QColor,
        stripes: QColor,
    ) -> None:
        track = QRectF(column.left(), column.center().y() - _BAR / 2, column.width(), _BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._faint(0.13))
        painter.drawRoundedRect(track, 2, 2)
        x = track.left()
        for size, brush, pen in (
            (kept, QBrush(color), Qt.PenStyle.NoPen),
            (added, QBrush(stripes, Qt.BrushStyle.Dense4Pattern), QPen(stripes, 1)),
            (dropped, QBrush(Qt.BrushStyle.NoBrush), QPen(color, 1)),
        ):
            if size <= 0:
                continue
            width = max(2.0, track.width() * min(size / whole, 1.0))
            part = QRectF(x, track.top(), min(width, track.right() - x), track.height())
            painter.setPen(pen)
            painter.setBrush(brush)
            inset = 0.5 if pen != Qt.PenStyle.NoPen else 0.0
            painter.drawRect(part.adjusted(inset, inset, -inset, -inset))
            x += width

    def _text(self, painter: QPainter, box: QRectF, text: str, right: bool, strong: bool) -> None:
        painter.setFont(smaller(self, 0.92))
        color = palette_of(self).color(QPalette.ColorRole.WindowText)
        painter.setPen(color if strong else muted(palette_of(self)))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        shown = QFontMetrics(painter.font()).elidedText(
            text, Qt.TextElideMode.ElideRight, int(box.width()) + 1
        )
        painter.drawText(box, int(side | Qt.AlignmentFlag.AlignVCenter), shown)

    def _faint(self, share: float) -> QColor:
        palette = palette_of(self)
        return mix(
            palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window), share
        )
