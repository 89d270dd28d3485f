"""The widgets of the panel and where they stand; what they do is said in `run_panel`."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .. import paths
from .delegates import ChipDelegate, ScoreDelegate
from .elided_combo import ElidedCombo
from .empty_state import EmptyState
from .painting import smaller
from .score_bars import ScoreBars
from .summary import RunSummary
from .tile_model import EXPERTS, REASON, SCORE, TILE

# Below this width (pixels) the column of outcomes gives its place to the experts.
NARROW = 540


class PanelWidgets:
    """Makes the widgets inside `owner` and lays them out.

    Attributes:
        runs, open_button, run_button: the row on top.
        problem: a sentence if the run cannot be read, else hidden.
        summary: the run at a glance.
        kind, text: filters of the table.
        heat: what the map's tiles are coloured by.
        table, count: the tiles, and how many are shown.
        detail_title, bars: the chosen tile.
        pages, empty: the stack, and its page without a run.
    """

    def __init__(self, owner: QWidget) -> None:
        self.pages = QStackedWidget(owner)
        self.empty = EmptyState(owner)
        self.content = QWidget(owner)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.content)
        outer = QVBoxLayout(owner)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.pages)

        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addLayout(self._top())
        self.problem = _sentence(self.content)
        layout.addWidget(self.problem)
        self.summary = RunSummary(self.content)
        layout.addWidget(self.summary)
        layout.addLayout(self._controls())
        layout.addWidget(self._split(), 1)

    def _top(self) -> QHBoxLayout:
        self.runs = _combo(self.content, "Run", "Runs of this project, the latest first")
        self.open_button = _tool(self.content, "open_run", "Open run folder…")
        self.run_button = _tool(self.content, "predict", "Run HydraNet…")
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.runs, 1)
        row.addWidget(self.open_button)
        row.addWidget(self.run_button)
        return row

    def _controls(self) -> QGridLayout:
        self.kind = _combo(self.content, "Filter by expert", "Show only tiles with this expert or outcome")
        self.text = QLineEdit(self.content)
        self.text.setPlaceholderText("Find")
        self.text.setClearButtonEnabled(True)
        self.text.setAccessibleName("Find tiles")
        self.text.setToolTip("Words in the place, the experts or the outcome, such as r3, water or abstained")
        icon = QgsApplication.getThemeIcon("/search.svg")
        self.text.addAction(icon, QLineEdit.ActionPosition.LeadingPosition)
        self.heat = _combo(self.content, "Map colours", "Colour the tiles on the map by one expert's score")
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(6)
        for row, (name, buddy) in enumerate((("&Tiles", self.kind), ("&Map", self.heat))):
            label = QLabel(name, self.content)
            label.setBuddy(buddy)
            grid.addWidget(label, row, 0)
        grid.addWidget(self.kind, 0, 1)
        grid.addWidget(self.text, 0, 2)
        grid.addWidget(self.heat, 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        return grid

    def _split(self) -> QSplitter:
        split = QSplitter(Qt.Orientation.Vertical, self.content)
        split.setChildrenCollapsible(False)
        split.addWidget(self._table())
        split.addWidget(self._detail())
        split.setSizes([1000, 900])
        return split

    def _table(self) -> QWidget:
        self.table = QTableView(self.content)
        self.table.setAccessibleName("Tiles")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        self.table.setShowGrid(False)
        self.table.setSortingEnabled(True)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)  # Tab goes on to the next widget, arrows move in the table
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.chips = ChipDelegate(self.table)
        self.table.setItemDelegateForColumn(EXPERTS, self.chips)
        self.table.setItemDelegateForColumn(SCORE, ScoreDelegate(self.table))
        metrics = self.table.fontMetrics()
        rows = self.table.verticalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(metrics.height() + 10)
        holder = QWidget(self.content)
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.table, 1)
        self.count = QLabel(holder)
        self.count.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.count.setFont(smaller(holder))
        self.count.setEnabled(False)  # drawn faint by every style
        layout.addWidget(self.count)
        return holder

    def set_columns(self) -> None:
        """Share out the columns; only possible once the table has its model."""
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(False)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        metrics = self.table.fontMetrics()
        header.setMinimumSectionSize(30)
        for column, width in (
            (TILE, metrics.horizontalAdvance("00, 00") + 20),
            (SCORE, metrics.horizontalAdvance("Score") + 26),
            (REASON, metrics.horizontalAdvance("abstained: all below") + 12),
        ):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            self.table.setColumnWidth(column, width)
        header.setSectionResizeMode(EXPERTS, QHeaderView.ResizeMode.Stretch)

    def fit_score(self, title: str) -> None:
        """Make room for the title of the score column, as far as the experts can spare it."""
        metrics = self.table.fontMetrics()
        narrowest = metrics.horizontalAdvance("Score") + 26
        wanted = metrics.horizontalAdvance(title) + 26
        self.table.setColumnWidth(SCORE, max(narrowest, min(wanted, self.table.width() // 3)))

    def fit(self, width: int) -> None:
        """Suit the columns to the panel's width in pixels."""
        narrow = width < NARROW
        self.table.setColumnHidden(REASON, narrow)
        self.chips.explain = narrow

    def _detail(self) -> QWidget:
        holder = QWidget(self.content)
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(4)
        self.detail_title = QLabel(holder)
        self.detail_title.setTextFormat(Qt.TextFormat.RichText)
        self.detail_title.setWordWrap(True)
        layout.addWidget(self.detail_title)
        self.bars = ScoreBars()
        self.scroll = QScrollArea(holder)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(_padded(self.bars))
        layout.addWidget(self.scroll, 1)
        return holder


def _padded(widget: QWidget) -> QWidget:
    """The widget at the top of the room it gets, clear of a scroll bar."""
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 4, 0)
    layout.addWidget(widget)
    layout.addStretch(1)
    return holder


def _combo(parent: QWidget, name: str, tip: str) -> QComboBox:
    combo = ElidedCombo(parent)
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    # A long title must not make the whole dock wide.
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return combo


def _tool(parent: QWidget, icon: str, name: str) -> QToolButton:
    button = QToolButton(parent)
    button.setIcon(QIcon(paths.icon_path(icon)))
    button.setAutoRaise(True)
    button.setToolTip(name)
    button.setAccessibleName(name)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def _sentence(parent: QWidget) -> Any:
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setStyleSheet("QLabel { color: #7a4b00; background: #fdeccd; border-radius: 4px; padding: 6px; }")
    label.hide()
    return label
