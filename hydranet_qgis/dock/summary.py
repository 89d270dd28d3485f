"""A run at a glance: a bar of what became of its tiles, and a line of words."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPalette
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..run_folder import Run
from .painting import mix, smaller

ROUTED_COLOR, ABSTAINED_COLOR = "#1799a6", "#f0a63a"


class RunSummary(QWidget):
    """Shows `Run`'s counts, the compute it saved, and its warnings behind a link."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._bar = OutcomeBar(self)
        self._line = QLabel(self)
        self._line.setWordWrap(True)
        self._line.setFont(smaller(self, 0.9))
        self._line.setTextFormat(Qt.TextFormat.RichText)
        self._line.linkActivated.connect(self._toggle_warnings)
        self._warnings = QLabel(self)
        self._warnings.setWordWrap(True)
        self._warnings.setTextFormat(Qt.TextFormat.PlainText)
        self._warnings.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._warnings.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for part in (self._bar, self._line, self._warnings):
            layout.addWidget(part)

    def show_run(self, run: Run) -> None:
        """Show another run; its warnings start hidden."""
        self._bar.show_counts(run.routed, run.abstained, run.empty)
        self._line.setText(summary_html(run))
        self._warnings.setText("\n".join(f"• {text}" for text in run.warnings))
        self._warnings.hide()

    def text(self) -> str:
        """The words shown, as rich text."""
        return self._line.text()

    def _toggle_warnings(self, *_: object) -> None:
        self._warnings.setVisible(self._warnings.isHidden())


def summary_html(run: Run) -> str:
    """The line under the bar."""
    parts = [
        f"{_dot(ROUTED_COLOR)}<b>{run.routed}</b>&nbsp;routed",
        f"{_dot(ABSTAINED_COLOR)}<b>{run.abstained}</b>&nbsp;abstained",
        f"{_dot('#8c979d')}<b>{run.empty}</b>&nbsp;no&nbsp;data",
    ]
    words = " &nbsp;".join(parts)
    facts = []
    if run.saved is not None:
        facts.append(f"<b>{100 * run.saved:.0f}&nbsp;%</b> compute saved")
    if run.seconds is not None:
        facts.append(f"{run.seconds:.1f}&nbsp;s" if run.seconds < 100 else f"{run.seconds / 60:.0f}&nbsp;min")
    if run.warnings:
        count = len(run.warnings)
        facts.append(f'<a href="#warnings">{count}&nbsp;warning{"" if count == 1 else "s"}</a>')
    return f"{words}<br>{' · '.join(facts)}" if facts else words


def _dot(color: str) -> str:
    return f'<span style="color:{color}">●</span>&nbsp;'


class OutcomeBar(QWidget):
    """A thin bar divided by the numbers of routed, abstained and empty tiles."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._counts = (0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_counts(self, routed: int, abstained: int, empty: int) -> None:
        """Set the three numbers."""
        self._counts = (routed, abstained, empty)
        self.setToolTip(f"{routed} routed, {abstained} abstained, {empty} without data")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 8)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(box, 4, 4)
        painter.setClipPath(shape)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        window = self.palette().color(QPalette.ColorRole.Window)
        painter.fillRect(box, mix(text, window, 0.13))
        x, total = 0.0, max(1, sum(self._counts))
        for count, color in zip(
            self._counts, (QColor(ROUTED_COLOR), QColor(ABSTAINED_COLOR), mix(text, window, 0.35))
        ):
            width = box.width() * count / total
            painter.fillRect(QRectF(x, 0, width, box.height()), color)
            x += width
        painter.end()
