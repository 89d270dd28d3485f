"""How an expert's scores are spread, over the slider of its threshold: what a small move would catch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPalette, QPen
from qgis.PyQt.QtWidgets import QSizePolicy, QSlider, QStyle, QStyleOptionSlider, QWidget

from ..i18n import tr
from .painting import mix, palette_of

BINS = 40


class ScoreSpread(QWidget):
    """A histogram of scores, strong from the threshold on, with a mark at the calibrated threshold.

    Args:
        slider: horizontal slider below, whose ends the histogram's ends follow.

    Attributes:
        counts: tiles in each of `BINS` equal steps from 0 to 1.
        threshold: the one being tried.
        calibrated: the bundle's.
    """

    def __init__(self, slider: QSlider, parent: Any = None) -> None:
        super().__init__(parent)
        self._slider = slider
        self._color = QColor("#808080")
        self.counts: tuple[int, ...] = (0,) * BINS
        self.threshold = self.calibrated = 0.5
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Spread of the scores"))
        self.setToolTip(
            tr(
                "How many tiles have which score. The line is the threshold, the dotted line the calibrated "
                "one."
            )
        )

    def show_scores(self, counts: Sequence[int], color: str) -> None:
        """Show another expert's scores."""
        self.counts, self._color = tuple(counts), QColor(color)
        self.update()

    def show_thresholds(self, threshold: float, calibrated: float) -> None:
        """Move the marks."""
        self.threshold, self.calibrated = threshold, calibrated
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, 30)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        window = palette_of(self).color(QPalette.ColorRole.Window)
        text = palette_of(self).color(QPalette.ColorRole.WindowText)
        track = self._track()
        painter.fillRect(QRectF(track.left(), track.bottom() - 1, track.width(), 1), mix(text, window, 0.25))
        # The root keeps a bin of few tiles visible beside one of thousands.
        most = max(max(self.counts) ** 0.5, 1.0)
        width = track.width() / BINS
        for number, count in enumerate(self.counts):
            if not count:
                continue
            height = max(2.0, (track.height() - 2) * count**0.5 / most)
            chosen = (number + 0.5) / BINS >= self.threshold
            color = self._color if chosen else mix(self._color, window, 0.35)
            left = track.left() + number * width
            painter.fillRect(
                QRectF(left + 0.5, track.bottom() - height, max(1.0, width - 1.0), height), color
            )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = track.left() + track.width() * self.calibrated
        painter.setPen(QPen(mix(text, window, 0.6), 1.2, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, track.top()), QPointF(x, track.bottom()))
        x = track.left() + track.width() * self.threshold
        painter.setPen(QPen(text, 1.5))
        painter.drawLine(QPointF(x, track.top()), QPointF(x, track.bottom()))
        painter.end()

    def _track(self) -> QRectF:
        """Where the middle of the slider's handle is at 0 and at 1."""
        option = QStyleOptionSlider()
        self._slider.initStyleOption(option)
        length = self._slider.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, option, self._slider)
        left = self._slider.x() - self.x() + length / 2
        return QRectF(left, 1, max(10, self._slider.width() - length), self.height() - 2)
