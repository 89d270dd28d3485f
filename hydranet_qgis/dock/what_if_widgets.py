"""The widgets of the what-if panel and where they stand; what they do is said in `what_if_panel`."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..i18n import tr
from ..what_if import RECALL, THRESHOLD, TOP_K
from .elided_combo import combo_box
from .notice import Notice
from .painting import smaller
from .what_if_bars import ChangeBars
from .what_if_scores import ScoreSpread

# Shares that may be missed, in percent, as the slider offers them; the spin box takes any.
MISS_STEPS = (0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0)


class WhatIfWidgets:
    """Makes the widgets inside `owner` and lays them out.

    Attributes:
        controls: everything but the way there.
        kind, reset: the policy, and back to the run's own.
        k_slider, k_spin: experts per tile.
        expert, spread, threshold_slider, threshold_spin, calibrated: one expert's threshold.
        moved: experts whose threshold differs from the calibrated one.
        miss_slider, miss_spin: share that may be missed, percent.
        headline, bars, cost, notes: what would change.
        button, price, reason: the way there, its price, and why there is none.
        progress, step, cancel: the job that runs.
        problem: what went wrong.
    """

    def __init__(self, owner: QWidget) -> None:
        self._owner = owner
        inner = self.controls = QWidget(owner)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(6)
        column.addLayout(self._policy())
        column.addWidget(self._most())
        column.addWidget(self._threshold())
        column.addWidget(self._miss())
        column.addWidget(_line(inner))
        self.headline = _label(inner)
        self.headline.setTextFormat(Qt.TextFormat.RichText)
        column.addWidget(self.headline)
        self.bars = ChangeBars(inner)
        column.addWidget(self.bars)
        self.cost = _label(inner)
        self.cost.setTextFormat(Qt.TextFormat.RichText)
        self.cost.setFont(smaller(inner, 0.92))
        column.addWidget(self.cost)
        self.notes = Notice(inner)
        column.addWidget(self.notes)
        column.addStretch(1)
        scroll = QScrollArea(owner)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        outer = QVBoxLayout(owner)
        outer.setContentsMargins(0, 6, 0, 0)
        outer.setSpacing(4)
        outer.addWidget(scroll, 1)
        outer.addLayout(self._foot())

    def suit(self, kind: str) -> None:
        """Show the controls that a kind of policy looks at."""
        self.most.setVisible(kind in (THRESHOLD, TOP_K))
        self.limits.setVisible(kind == THRESHOLD)
        self.share.setVisible(kind == RECALL)

    def _policy(self) -> QHBoxLayout:
        self.kind = combo_box(self._owner, tr("Routing policy"), tr("How experts are chosen for a tile"))
        self.kind.addItem(tr("Above the threshold"), THRESHOLD)
        self.kind.addItem(tr("Always the strongest"), TOP_K)
        self.kind.addItem(tr("Recall guarantee"), RECALL)
        for number, tip in enumerate(
            (
                tr("An expert decodes a tile if its score reaches its threshold; a tile may need none"),
                tr("Every tile goes to its strongest experts, whatever their scores"),
                tr("Every expert that is needed to miss no more than a share of the tiles in need"),
            )
        ):
            self.kind.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        self.reset = _tool(self._owner, "/mActionUndo.svg", tr("As the run is: back to its own policy"))
        label = QLabel(tr("&Policy"), self._owner)
        label.setBuddy(self.kind)
        return _row(label, self.kind, self.reset, stretch=1)

    def _most(self) -> QWidget:
        self.most = QWidget(self._owner)
        self.k_slider = _slider(self.most, tr("Experts per tile, at most"), 1, 8, 1)
        self.k_slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.k_slider.setTickInterval(1)
        self.k_spin = QSpinBox(self.most)
        self.k_spin.setAccessibleName(tr("Experts per tile, at most"))
        self.k_spin.setRange(1, 8)
        label = QLabel(tr("Per tile, at &most"), self.most)
        label.setBuddy(self.k_spin)
        self.most.setLayout(_row(label, self.k_slider, self.k_spin, stretch=1))
        return self.most

    def _threshold(self) -> QWidget:
        self.limits = QWidget(self._owner)
        told = tr("Expert whose threshold is moved")
        self.expert = combo_box(self.limits, told, told)
        label = QLabel(tr("&Threshold of"), self.limits)
        label.setBuddy(self.expert)
        self.threshold_slider = _slider(self.limits, tr("Threshold"), 0, 100, 5)
        self.threshold_spin = QDoubleSpinBox(self.limits)
        self.threshold_spin.setAccessibleName(tr("Threshold"))
        self.threshold_spin.setRange(0.0, 1.0)
        self.threshold_spin.setDecimals(2)
        self.threshold_spin.setSingleStep(0.01)
        self.calibrated = _tool(self.limits, "/mActionUndo.svg", tr("Back to the calibrated threshold"))
        self.spread = ScoreSpread(self.threshold_slider, self.limits)
        self.moved = _label(self.limits)
        self.moved.setFont(smaller(self.limits))
        column = QVBoxLayout(self.limits)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(_row(label, self.expert, stretch=1))
        column.addWidget(self.spread)
        column.addLayout(_row(self.threshold_slider, self.threshold_spin, self.calibrated, stretch=0))
        column.addWidget(self.moved)
        return self.limits

    def _miss(self) -> QWidget:
        self.share = QWidget(self._owner)
        self.miss_slider = _slider(self.share, tr("Missed at most"), 0, len(MISS_STEPS) - 1, 1)
        self.miss_spin = QDoubleSpinBox(self.share)
        self.miss_spin.setAccessibleName(tr("Missed at most, percent"))
        self.miss_spin.setRange(0.1, 99.0)
        self.miss_spin.setDecimals(1)
        self.miss_spin.setSuffix(" %")
        label = QLabel(tr("M&issed at most"), self.share)
        label.setToolTip(tr("Share of the tiles that need an expert which it may miss"))
        label.setBuddy(self.miss_spin)
        self.share.setLayout(_row(label, self.miss_slider, self.miss_spin, stretch=1))
        return self.share

    def _foot(self) -> QVBoxLayout:
        owner = self._owner
        self.problem = Notice(owner)
        self.price = _label(owner)
        self.price.setFont(smaller(owner, 0.92))
        self.button = QPushButton(owner)
        self.button.setDefault(False)
        self.reason = _label(owner)
        self.reason.setFont(smaller(owner, 0.92))
        self.progress = QProgressBar(owner)
        self.progress.setRange(0, 100)
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(10)
        self.progress.setAccessibleName(tr("Progress of the decoding"))
        self.step = _label(owner)
        self.step.setFont(smaller(owner, 0.92))
        self.cancel = QPushButton(tr("&Cancel"), owner)
        self.running = QWidget(owner)
        running = QVBoxLayout(self.running)
        running.setContentsMargins(0, 0, 0, 0)
        running.setSpacing(2)
        running.addWidget(self.step)
        running.addLayout(_row(self.progress, self.cancel, stretch=0))
        self.running.hide()
        column = QVBoxLayout()
        column.setSpacing(4)
        for widget in (self.problem, self.price, self.button, self.reason, self.running):
            column.addWidget(widget)
        return column


def _row(*widgets: QWidget, stretch: int) -> QHBoxLayout:
    """The widgets side by side; the one at `stretch` takes what is left."""
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    for number, widget in enumerate(widgets):
        row.addWidget(widget, 1 if number == stretch else 0)
    return row


def _slider(parent: QWidget, name: str, low: int, high: int, page: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal, parent)
    slider.setRange(low, high)
    slider.setPageStep(page)
    slider.setAccessibleName(name)
    slider.setToolTip(name)
    slider.setMinimumWidth(60)
    return slider


def _tool(parent: QWidget, icon: str, name: str) -> QToolButton:
    button = QToolButton(parent)
    button.setIcon(QgsApplication.getThemeIcon(icon))
    button.setAutoRaise(True)
    button.setToolTip(name)
    button.setAccessibleName(name)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def _label(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    return label


def _line(parent: QWidget) -> QFrame:
    line = QFrame(parent)
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Sunken)
    return line
