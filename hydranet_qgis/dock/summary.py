"""A run at a glance: a bar of what became of its tiles, and a line of words."""

from __future__ import annotations

import html
from typing import Any

from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPainterPath, QPalette
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..run_folder import Run
from .painting import mix, smaller

ROUTED_COLOR, ABSTAINED_COLOR, MASKED_COLOR = "#1799a6", "#f0a63a", "#8c979d"
DETAILS, WARNINGS = "#details", "#warnings"
"""What a link in the words unfolds."""


class RunSummary(QWidget):
    """Shows `Run`'s counts, the compute it saved and how it was made; links unfold more of it.

    Attributes:
        line, facts: what is always shown.
        details, warnings: what a link unfolds.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._bar = OutcomeBar(self)
        self.line, self.facts = QLabel(self), QLabel(self)
        self.details, self.warnings = QLabel(self), QLabel(self)
        for label in (self.line, self.facts):
            label.setTextFormat(Qt.TextFormat.RichText)
            label.linkActivated.connect(self._toggle)
        for label in (self.details, self.warnings):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details.setTextFormat(Qt.TextFormat.RichText)
        self.warnings.setTextFormat(Qt.TextFormat.PlainText)
        self.line.setFont(smaller(self, 0.9))
        for label in (self.facts, self.details):
            label.setFont(smaller(self))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._bar)
        for label in (self.line, self.facts, self.details, self.warnings):
            label.setWordWrap(True)
            layout.addWidget(label)

    def show_run(self, run: Run) -> None:
        """Show another run; what unfolds starts hidden."""
        self._bar.show_counts(run.routed, run.abstained, run.empty, run.masked)
        self.line.setText(summary_html(run))
        self.facts.setText(facts_html(run))
        self.facts.setVisible(bool(run.facts))
        self.details.setText(
            "<br>".join(f"<b>{fact.title}</b> {html.escape(fact.text)}" for fact in run.facts)
        )
        self.warnings.setText("\n".join(f"• {text}" for text in run.warnings))
        self.details.hide()
        self.warnings.hide()

    def text(self) -> str:
        """The words always shown, as rich text."""
        return f"{self.line.text()}<br>{self.facts.text()}"

    def _toggle(self, link: str) -> None:
        label = self.details if link == DETAILS else self.warnings
        label.setVisible(label.isHidden())


def summary_html(run: Run) -> str:
    """The line under the bar."""
    parts = [
        f"{_dot(ROUTED_COLOR)}<b>{run.routed}</b>&nbsp;routed",
        f"{_dot(ABSTAINED_COLOR)}<b>{run.abstained}</b>&nbsp;abstained",
        f"{_dot('#8c979d')}<b>{run.empty}</b>&nbsp;no&nbsp;data",
    ]
    if run.masked:
        parts.append(f"{_dot(MASKED_COLOR, '○')}<b>{run.masked}</b>&nbsp;masked")
    words = "&nbsp; ".join(parts)
    facts = []
    if run.saved is not None:
        facts.append(f"<b>{100 * run.saved:.0f}&nbsp;%</b> compute saved")
    if run.seconds is not None:
        facts.append(f"{run.seconds:.1f}&nbsp;s" if run.seconds < 100 else f"{run.seconds / 60:.0f}&nbsp;min")
    if run.warnings:
        count = len(run.warnings)
        facts.append(f'<a href="{WARNINGS}">{count}&nbsp;warning{"" if count == 1 else "s"}</a>')
    return f"{words}<br>{' · '.join(facts)}" if facts else words


def facts_html(run: Run) -> str:
    """How the raster was read and the experts chosen, in brief, with a link to all of it."""
    brief = " · ".join(html.escape(fact.brief) for fact in run.facts)
    return f'{brief} · <a href="{DETAILS}">details</a>' if brief else ""


def _dot(color: str, sign: str = "●") -> str:
    return f'<span style="color:{color}">{sign}</span>&nbsp;'


class OutcomeBar(QWidget):
    """A thin bar divided by the numbers of routed, abstained, empty and masked tiles."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._counts = (0, 0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_counts(self, routed: int, abstained: int, empty: int, masked: int = 0) -> None:
        """Set the four numbers; what the mask left out stays unpainted."""
        self._counts = (routed, abstained, empty, masked)
        told = f"{routed} routed, {abstained} abstained, {empty} without data"
        self.setToolTip(told + (f", {masked} outside the mask" if masked else ""))
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
