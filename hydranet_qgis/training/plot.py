"""One plot of curves against epochs, drawn into a rectangle in the theme's own colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPalette, QPen

from ..dock.painting import mix, muted
from ..expert_colors import contrast
from ..i18n import tr
from .axes import Axis, tick_text
from .state import told

_DOTS = 15
"""Up to so many epochs each has a dot."""
_READABLE = 3.0
_GAP = 5.0


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: what the user reads.
        color: as `#rrggbb`; lightened where the window is dark.
        points: number of the epoch and value, NaN where there is none.
    """

    name: str
    color: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Plot:
    """What is drawn.

    Attributes:
        title: above it.
        series: the main curve first.
        x, y: the axes.
        best: number of the best epoch, None while there is none.
        mark_best: whether the main curve's value there is written.
    """

    title: str
    series: tuple[Series, ...]
    x: Axis
    y: Axis
    best: int | None = None
    mark_best: bool = False


class Frame:
    """A plot's place: where a value lies in the widget.

    Args:
        plot: what is drawn.
        box: all of its place, with title and labels.
        metrics: of the font it is drawn with.
    """

    def __init__(self, plot: Plot, box: QRectF, metrics: QFontMetricsF) -> None:
        self.plot, self.box, self.metrics = plot, box, metrics
        line = metrics.height()
        self.ticks = plot.y.ticks(max(2, int((box.height() - 3 * line) / (1.6 * line))))
        widest = max((metrics.horizontalAdvance(tick_text(tick)) for tick in self.ticks), default=0.0)
        self.area = QRectF(box)
        self.area.adjust(widest + 2 * _GAP, line + 2 * _GAP, -_GAP - 2, -(line + _GAP + 2))

    def x(self, epoch: float) -> float:
        """Where an epoch lies."""
        return self.area.left() + self.area.width() * self.plot.x.share(epoch)

    def y(self, value: float) -> float:
        """Where a value lies."""
        return self.area.bottom() - self.area.height() * self.plot.y.share(value)


def draw(painter: QPainter, frame: Frame, palette: QPalette, cursor: int | None) -> None:
    """Draw a plot.

    Args:
        painter: its font is used.
        frame: the plot and its place.
        palette: the theme's colours.
        cursor: number of the epoch that is pointed at, None if none is.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _title(painter, frame, palette)
    _grid(painter, frame, palette)
    _upright(painter, frame, frame.plot.best, muted(palette, 0.75), Qt.PenStyle.DashLine)
    for series in reversed(frame.plot.series):  # the main one on top
        _curve(painter, frame, series, palette, series is frame.plot.series[0])
    if frame.plot.mark_best:
        _best(painter, frame, palette)
    if cursor is not None:
        _upright(painter, frame, cursor, muted(palette, 0.9), Qt.PenStyle.SolidLine)
        for series in frame.plot.series:
            value = dict(series.points).get(cursor, math.nan)
            if math.isfinite(value):
                _dot(painter, QPointF(frame.x(cursor), frame.y(value)), 4.0, series.color, palette)


def readable(color: str, palette: QPalette) -> QColor:
    """A colour for a line, lightened or darkened until it stands out from the window."""
    window = palette.color(QPalette.ColorRole.Window)
    towards = QColor("#ffffff") if window.lightness() < 128 else QColor("#000000")
    drawn = QColor(color)
    for _ in range(8):
        if contrast(drawn.name(), window.name()) >= _READABLE:
            break
        drawn = mix(drawn, towards, 0.85)
    return drawn


def _title(painter: QPainter, frame: Frame, palette: QPalette) -> None:
    """What is drawn, and which line is which where there are several."""
    box, metrics, plot = frame.box, frame.metrics, frame.plot
    base = box.top() + metrics.ascent() + 1
    painter.setPen(palette.color(QPalette.ColorRole.WindowText))
    room = frame.area.right() - box.left()
    title = metrics.elidedText(plot.title, Qt.TextElideMode.ElideRight, room)
    painter.drawText(QPointF(box.left() + 1, base), title)
    right, left = frame.area.right(), box.left() + metrics.horizontalAdvance(title) + 3 * _GAP
    named = list(plot.series) if len(plot.series) > 1 else []
    widths = [metrics.horizontalAdvance(series.name) + 16 + 2 * _GAP for series in named]
    while named and right - sum(widths[: len(named)]) < left:
        named.pop()  # the main one stays longest, and the tool tip names them all
    for series, width in reversed(list(zip(named, widths))):
        right -= width - 2 * _GAP
        middle = base - metrics.ascent() / 2 + 1
        painter.setPen(QPen(readable(series.color, palette), 2.4))
        painter.drawLine(QPointF(right, middle), QPointF(right + 11, middle))
        painter.setPen(muted(palette, 0.8))
        painter.drawText(QPointF(right + 15, base), series.name)
        right -= 2 * _GAP


def _grid(painter: QPainter, frame: Frame, palette: QPalette) -> None:
    area, metrics = frame.area, frame.metrics
    text, window = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
    line, said = QPen(mix(text, window, 0.14), 1), muted(palette, 0.72)
    for tick in frame.ticks:
        y = frame.y(tick)
        painter.setPen(line)
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(said)
        written = tick_text(tick)
        left = area.left() - _GAP - metrics.horizontalAdvance(written)
        painter.drawText(QPointF(left, y + metrics.ascent() / 2 - 1), written)
    painter.setPen(QPen(mix(text, window, 0.45), 1))
    painter.drawLine(area.bottomLeft(), area.bottomRight())
    base = area.bottom() + metrics.ascent() + _GAP
    unit = tr("epoch")
    until = area.right() - metrics.horizontalAdvance(unit) - 2 * _GAP
    widest = metrics.horizontalAdvance(tick_text(round(frame.plot.x.high)))
    for tick in frame.plot.x.ticks(int(area.width() / (widest + 26))):
        if tick != round(tick):
            continue  # there is no half of an epoch
        written, x = tick_text(tick), frame.x(tick)
        painter.setPen(QPen(mix(text, window, 0.45), 1))
        painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
        half = metrics.horizontalAdvance(written) / 2
        if x + half <= until:
            painter.setPen(said)
            painter.drawText(QPointF(x - half, base), written)
    painter.setPen(said)
    painter.drawText(QPointF(area.right() - metrics.horizontalAdvance(unit), base), unit)


def _curve(painter: QPainter, frame: Frame, series: Series, palette: QPalette, main: bool) -> None:
    """The line, with a gap where a value is missing; a value between two gaps is a dot."""
    color = readable(series.color, palette)
    for piece in _pieces(series.points):
        points = [QPointF(frame.x(epoch), frame.y(value)) for epoch, value in piece]
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        if main and len(points) > 1:
            under = QPainterPath(path)
            under.lineTo(points[-1].x(), frame.area.bottom())
            under.lineTo(points[0].x(), frame.area.bottom())
            shade = QColor(color)
            shade.setAlpha(26)
            painter.fillPath(under, shade)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(color, 2.0 if main else 1.3)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPath(path)
        alone = len(points) == 1
        if alone or (main and len(series.points) <= _DOTS):
            for point in points:
                _dot(painter, point, 3.6 if alone else 2.6, series.color, palette)


def _pieces(points: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    pieces: list[list[tuple[int, float]]] = [[]]
    for epoch, value in points:
        if math.isfinite(value):
            pieces[-1].append((epoch, value))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _upright(painter: QPainter, frame: Frame, epoch: int | None, color: QColor, style: Qt.PenStyle) -> None:
    if epoch is None or not 0.0 <= frame.plot.x.share(epoch) <= 1.0:
        return
    painter.setPen(QPen(color, 1, style))
    x = frame.x(epoch)
    painter.drawLine(QPointF(x, frame.area.top()), QPointF(x, frame.area.bottom()))


def _best(painter: QPainter, frame: Frame, palette: QPalette) -> None:
    """The best epoch's dot on the main curve, with its value beside it where it hides least."""
    plot, metrics, area = frame.plot, frame.metrics, frame.area
    if plot.best is None or not plot.series:
        return
    value = dict(plot.series[0].points).get(plot.best, math.nan)
    if not math.isfinite(value):
        return
    point = QPointF(frame.x(plot.best), frame.y(value))
    _dot(painter, point, 4.6, plot.series[0].color, palette)
    text = tr("best {value}").format(value=told(value))
    width, height = metrics.horizontalAdvance(text) + 6, metrics.height() + 2
    places = [
        QRectF(left, top, width, height)
        for left in (point.x() + 7, point.x() - 7 - width)
        for top in (point.y() - 7 - height, point.y() + 7, point.y() + 26)
    ]
    places = [place for place in places if area.adjusted(0, -3, 3, 0).contains(place)]
    if not places:
        return  # too small; the panel tells it below
    box = min(places, key=lambda place: _hidden(frame, place))
    behind = QColor(palette.color(QPalette.ColorRole.Window))
    behind.setAlpha(205)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(behind)
    painter.drawRoundedRect(box, 3, 3)
    painter.setPen(palette.color(QPalette.ColorRole.WindowText))
    painter.drawText(QPointF(box.left() + 3, box.top() + 1 + metrics.ascent()), text)


def _hidden(frame: Frame, box: QRectF) -> int:
    """How many values a rectangle would hide."""
    points = (point for series in frame.plot.series for point in series.points if math.isfinite(point[1]))
    return sum(box.contains(QPointF(frame.x(epoch), frame.y(value))) for epoch, value in points)


def _dot(painter: QPainter, point: QPointF, radius: float, color: str, palette: QPalette) -> None:
    painter.setPen(QPen(palette.color(QPalette.ColorRole.Window), 1.2))
    painter.setBrush(readable(color, palette))
    painter.drawEllipse(point, radius, radius)
