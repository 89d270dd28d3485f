"""The legend of the heat map: the ramp in its steps, what its ends mean, and the expert's threshold on it."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from .. import routing_style
from ..i18n import tr
from ..uncertainty import MODEL, meaning
from .painting import mix, muted, palette_of, smaller

_BAR, _MARK = 10, 5


class HeatLegend(QWidget):
    """Draws what the colours of the map mean.

    Attributes:
        expert: name of the expert whose score is shown, "" if none is.
        threshold: its threshold in this run, None where the policy compares with none.
        steps: colour of each step from the lowest to the highest.
        margin: whether the colours tell the distance from the threshold.
        unsure: kind of the uncertainty that the colours tell in place of a score, "" for a score.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.expert = ""
        self.threshold: float | None = None
        self.steps: tuple[str, ...] = ()
        self.margin = False
        self.unsure = ""
        self._alpha = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Legend of the map"))

    def show_scores(
        self,
        expert: str,
        title: str,
        steps: tuple[str, ...],
        threshold: float | None,
        alpha: float,
        margin: bool = False,
    ) -> None:
        """Show the ramp of one expert; an empty `expert` clears the legend."""
        self.expert, self.steps, self.threshold = expert, steps, threshold
        self.margin, self._alpha, self.unsure = margin, alpha, ""
        said = ""
        if expert and threshold is not None:
            said = tr("Score of {expert} from 0 to 1, threshold {threshold:.2f}").format(
                expert=title, threshold=threshold
            )
        elif expert:
            said = tr("Score of {expert} from 0 to 1; the policy top-k knows no threshold").format(
                expert=title
            )
        self._say(said)

    def show_uncertainty(
        self, expert: str, title: str, kind: str, steps: tuple[str, ...], alpha: float
    ) -> None:
        """Show the ramp of an expert's mean uncertainty.

        Args:
            expert: its name.
            title: what the user reads of it.
            kind: TOTAL or MODEL, see `uncertainty`.
            steps: colour of each step from the lowest to the highest.
            alpha: opacity of the map.
        """
        self.expert, self.steps, self.threshold, self.margin = expert, steps, None, False
        self._alpha, self.unsure = alpha, kind
        said = tr("Mean model uncertainty of {expert} in each tile, from 0 to {top}; {meaning}")
        if kind != MODEL:
            said = tr("Mean uncertainty of {expert} in each tile, from 0 to {top}; {meaning}")
        top = f"{routing_style.unsure_top(kind):g}"
        self._say(said.format(expert=title, top=top, meaning=meaning(kind)))

    def _say(self, said: str) -> None:
        self.setToolTip(said)
        self.setAccessibleDescription(said)
        self.update()

    def set_alpha(self, alpha: float) -> None:
        """Follow the opacity of the map, so that the legend's colours are the map's."""
        self._alpha = alpha
        self.update()

    def sizeHint(self) -> QSize:
        line = QFontMetrics(smaller(self)).height()
        return QSize(160, 2 * line + _BAR + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(90, self.sizeHint().height())

    def position(self, score: float) -> float:
        """Where a score, or an uncertainty, lies on the bar, in pixels from the widget's left edge.

        In the margin's legend the threshold is in the middle, and either side has its own scale. That of an
        uncertainty follows its square root.
        """
        box = self._track()
        if self.unsure:
            share = max(score / routing_style.unsure_top(self.unsure), 0.0) ** 0.5
        elif self.margin and self.threshold is not None:
            middle = min(max(self.threshold, 0.01), 0.99)
            share = 0.5 * score / middle if score < middle else 0.5 + 0.5 * (score - middle) / (1 - middle)
        else:
            share = score
        return box.left() + box.width() * min(max(share, 0.0), 1.0)

    def paintEvent(self, event: Any) -> None:
        if not self.expert:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(smaller(self))
        track = self._track()
        self._ramp(painter, track)
        self._ticks(painter, track)
        if self.threshold is not None:
            self._threshold(painter, track)
        painter.end()

    def _track(self) -> QRectF:
        line = QFontMetrics(smaller(self)).height()
        inset = QFontMetrics(smaller(self)).horizontalAdvance("0") / 2 + 1
        return QRectF(inset, line + 1, self.width() - 2 * inset, _BAR)

    def _ramp(self, painter: QPainter, track: QRectF) -> None:
        window = palette_of(self).color(QPalette.ColorRole.Window)
        text = palette_of(self).color(QPalette.ColorRole.WindowText)
        width = track.width() / max(1, len(self.steps))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for number, color in enumerate(self.steps):
            left, right = round(track.left() + number * width), round(track.left() + (number + 1) * width)
            # Opaque colours of the same look: what shines through on the map is not here.
            shown = mix(QColor(color), QColor("#ffffff"), 0.25 + 0.75 * self._alpha)
            painter.fillRect(QRectF(left, track.top(), right - left, track.height()), shown)
        painter.setPen(QPen(mix(text, window, 0.45), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(track.toRect().adjusted(0, 0, -1, -1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _ticks(self, painter: QPainter, track: QRectF) -> None:
        metrics = QFontMetrics(painter.font())
        painter.setPen(muted(palette_of(self)))
        top = routing_style.unsure_top(self.unsure) if self.unsure else 1.0
        scores = (0.0, top / 4, top) if self.unsure else (0.0, 1.0) if self.margin else (0.0, 0.5, 1.0)
        for score in scores:
            told = f"{round(score, 2):g}"
            if self.unsure == MODEL and score == top:
                told = f"≥ {told}"
            width = metrics.horizontalAdvance(told)
            x = min(max(self.position(score) - width / 2, 0), self.width() - width)
            painter.drawText(QPointF(x, track.bottom() + metrics.ascent() + 1), told)

    def _threshold(self, painter: QPainter, track: QRectF) -> None:
        """A line over the bar with a triangle on top, and the number beside it."""
        window = palette_of(self).color(QPalette.ColorRole.Window)
        text = palette_of(self).color(QPalette.ColorRole.WindowText)
        x = self.position(self.threshold)
        for color, width in ((window, 3.5), (text, 1.5)):
            painter.setPen(QPen(color, width))
            painter.drawLine(QPointF(x, track.top() - 1), QPointF(x, track.bottom() + 2))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(text)
        top = track.top() - 1
        painter.drawPolygon(
            QPolygonF([QPointF(x, top), QPointF(x - _MARK, top - _MARK), QPointF(x + _MARK, top - _MARK)])
        )
        metrics = QFontMetrics(painter.font())
        number = f"{self.threshold:.2f}"
        right, before = self.width() - (x + _MARK + 4), x - _MARK - 4
        for told in (tr("threshold {number}").format(number=number), number):
            room = metrics.horizontalAdvance(told)
            if room <= max(right, before):
                break
        left = x + _MARK + 4 if room <= right else max(0.0, before - room)
        painter.setPen(text)
        painter.drawText(QPointF(left, top - metrics.descent() + 1), told)
