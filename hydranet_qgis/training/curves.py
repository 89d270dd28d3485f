"""The learning curves: loss and validation figure against epochs, drawn as they come."""

from __future__ import annotations

import math
from typing import Any

from qgis.PyQt.QtCore import QPoint, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QFontMetricsF, QPainter
from qgis.PyQt.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..dock.painting import muted, palette_of, smaller
from ..i18n import tr
from . import axes
from .plot import Frame, Plot, Series, draw
from .state import Training, figure_name, told

_LOSS_COLORS = ("#2673c4", "#8f650c")
_FIGURE_COLORS = ("#237f49", "#9a48bb", "#c2386c", "#117d89")
_MARGIN = 6.0


class Curves(QWidget):
    """Two plots, one above the other, or side by side where the widget is low and wide.

    Pointing at an epoch, or the arrow keys, tell its figures.

    Attributes:
        training: what is shown, None if nothing is.
        cursor: number of the epoch that is pointed at, None if none is.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.training: Training | None = None
        self.cursor: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Learning curves"))

    def show_training(self, training: Training | None) -> None:
        """Show another training."""
        if training is not self.training:
            self.training, self.cursor = training, None
        self.follow()

    def follow(self) -> None:
        """Draw what has come since."""
        last = self.training.last if self.training is not None else None
        self.setAccessibleDescription(self.words(last.number) if last is not None else "")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(380, 330)

    def minimumSizeHint(self) -> QSize:
        return QSize(180, 170)

    def plots(self) -> list[Plot]:
        """What is drawn of the training, nothing before its first epoch."""
        training = self.training
        if training is None or training.last is None:
            return []
        first, last, best = training.epochs[0], training.last, training.best()
        x = axes.epoch_axis(first.number, last.number, last.epochs)
        number = best.number if best is not None else None
        loss = _series(training, training.loss_columns(), _LOSS_COLORS)
        figures = _series(training, training.figure_columns(), _FIGURE_COLORS)
        made = []
        if loss:
            y = axes.value_axis([value for one in loss for _, value in one.points], may_be_log=True)
            title = tr("Loss, logarithmic") if y.log else tr("Loss")
            made.append(Plot(title, loss, x, y, number))
        if figures:
            y = axes.value_axis([value for one in figures for _, value in one.points])
            title = tr("Validation")
            if len(figures) == 1:
                title = tr("Validation: {figure}").format(figure=figures[0].name)
            made.append(Plot(title, figures, x, y, number, mark_best=True))
        return made

    def frames(self) -> list[Frame]:
        """The plots in their places."""
        made = self.plots()
        metrics = QFontMetricsF(smaller(self))
        whole = QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        beside = whole.width() > 1.6 * whole.height() and whole.width() > 460
        frames = []
        for number, plot in enumerate(made):
            box = QRectF(whole)
            if beside:
                width = whole.width() / len(made)
                box.setLeft(whole.left() + number * width + (_MARGIN if number else 0))
                box.setWidth(width - (_MARGIN if number else 0))
            else:
                height = whole.height() / len(made)
                box.setTop(whole.top() + number * height + (_MARGIN if number else 0))
                box.setHeight(height - (_MARGIN if number else 0))
            frames.append(Frame(plot, box, metrics))
        return frames

    def words(self, number: int) -> str:
        """All figures of an epoch, a line each; "" if it is not there."""
        training = self.training
        epoch = next((e for e in training.epochs if e.number == number), None) if training else None
        if epoch is None or training is None:
            return ""
        best = number == (training.last.best if training.last else None)
        head = tr("Epoch {number}, the best so far") if best else tr("Epoch {number}")
        lines = [head.format(number=number)]
        columns = [*training.loss_columns(), *training.figure_columns()]
        columns += [name for name in epoch.figures if name not in columns and name != "lr"]
        lines += [f"{figure_name(name)}: {told(epoch.figures.get(name, math.nan))}" for name in columns]
        return "\n".join(lines)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setFont(smaller(self))
        palette, frames = palette_of(self), self.frames()
        for frame in frames:
            draw(painter, frame, palette, self.cursor)
        if not frames:
            painter.setPen(muted(palette))
            said = tr("The curves begin with the first epoch.") if self.training else ""
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(QRectF(self.rect()).adjusted(12, 12, -12, -12), flags, said)
        painter.end()

    def mouseMoveEvent(self, event: Any) -> None:
        self._point_at(self._nearest(event.pos()), self.mapToGlobal(event.pos()))

    def leaveEvent(self, event: Any) -> None:
        self._point_at(None, QPoint())

    def focusOutEvent(self, event: Any) -> None:
        self._point_at(None, QPoint())
        super().focusOutEvent(event)

    def keyPressEvent(self, event: Any) -> None:
        """The arrow keys go from epoch to epoch, Home and End to the first and the last."""
        numbers = [epoch.number for epoch in self.training.epochs] if self.training is not None else []
        here = numbers.index(self.cursor) if self.cursor in numbers else len(numbers)
        places = {
            Qt.Key.Key_Left: here - 1, Qt.Key.Key_Right: here + 1, Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(numbers) - 1,
        }  # fmt: skip
        if not numbers or event.key() not in places:
            super().keyPressEvent(event)
            return
        number = numbers[min(max(places[event.key()], 0), len(numbers) - 1)]
        frame = self.frames()[0]
        self._point_at(number, self.mapToGlobal(QPoint(round(frame.x(number)), round(frame.area.top()))))

    def _nearest(self, position: QPoint) -> int | None:
        """Number of the epoch that the pointer is next to, None outside the plots."""
        for frame in self.frames():
            if frame.box.contains(position.x(), position.y()) and self.training is not None:
                numbers = [epoch.number for epoch in self.training.epochs]
                return min(numbers, key=lambda number: abs(frame.x(number) - position.x()))
        return None

    def _point_at(self, number: int | None, where: QPoint) -> None:
        if number == self.cursor:
            return
        self.cursor = number
        words = self.words(number) if number is not None else ""
        if words:
            QToolTip.showText(where, words, self)
            self.setAccessibleDescription(words)
        else:
            QToolTip.hideText()
        self.update()


def _series(training: Training, columns: list[str], colors: tuple[str, ...]) -> tuple[Series, ...]:
    """As many of the columns as there are colours; more lines could not be told apart."""
    return tuple(
        Series(figure_name(column), color, training.points(column)) for column, color in zip(columns, colors)
    )
