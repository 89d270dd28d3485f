"""The widgets of the panel and where they stand; what they do is said in `run_panel`."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .. import paths
from ..i18n import tr
from ..run_registry import RunRegistry
from .elided_combo import combo_box
from .empty_state import EmptyState
from .heat_strip import HeatStrip
from .help_button import HelpButton
from .notice import Notice
from .summary_page import SummaryPage
from .tiles_page import TilesPage
from .what_if_panel import WhatIfPanel


class PanelWidgets:
    """Makes the widgets inside `owner` and lays them out.

    Args:
        owner: the panel.
        registry: the project's runs.
        pick: the action that picks a tile on the map.

    Attributes:
        pages, empty, content: the stack, its page without a run, and the other.
        runs, open_button, run_button, pick_button: the row on top.
        problem: a sentence, hidden while there is none.
        heat: what the map shows.
        tabs, help_button: the three pages below, and what explains the one in front.
        tiles, what_if, summary: the pages.
        reading, reading_text: takes the place of the tiles while they are read.
        kind, expert, text, table, count, bars, detail_title: of the page of tiles.
    """

    def __init__(self, owner: QWidget, registry: RunRegistry, pick: Any) -> None:
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
        layout.setSpacing(6)
        layout.addLayout(self._top(pick))
        self.problem = Notice(self.content)
        layout.addWidget(self.problem)
        self.heat = HeatStrip(self.content)
        layout.addWidget(self.heat)
        layout.addWidget(self._tabs(registry), 1)

        self.kind, self.expert, self.text = self.tiles.kind, self.tiles.expert, self.tiles.text
        self.table, self.count = self.tiles.table, self.tiles.count
        self.bars, self.detail_title = self.tiles.detail.bars, self.tiles.detail.title

    def show_reading(self, total: int | None) -> None:
        """Say that so many tiles are being read; None shows the tiles."""
        if total is None:
            self._stack.setCurrentWidget(self.tiles)
            return
        self.reading_text.setText(tr("Reading {count} tiles…").format(count=f"{total:,}"))
        self._stack.setCurrentWidget(self.reading)

    def _top(self, pick: Any) -> QHBoxLayout:
        self.runs = combo_box(self.content, tr("Run"), tr("Runs of this project, the latest first"))
        self.open_button = _tool(self.content, "open_run", tr("Open run folder…"))
        self.run_button = _tool(self.content, "predict", tr("Run HydraNet…"))
        self.pick_button = QToolButton(self.content)
        self.pick_button.setDefaultAction(pick)
        self.pick_button.setAutoRaise(True)
        self.pick_button.setAccessibleName(pick.text())
        self.pick_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.runs, 1)
        for button in (self.open_button, self.run_button, self.pick_button):
            row.addWidget(button)
        return row

    def _tabs(self, registry: RunRegistry) -> QTabWidget:
        self.tabs = QTabWidget(self.content)
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setExpanding(False)
        self._stack = QStackedWidget(self.tabs)
        self.tiles = TilesPage(self._stack)
        self._stack.addWidget(self.tiles)
        self._stack.addWidget(self._reading())
        self.what_if = WhatIfPanel(registry, self.tabs)
        self.summary = SummaryPage(self.tabs)
        self.tabs.addTab(self._stack, tr("&Tiles"))
        self.tabs.addTab(self.what_if, tr("What &if"))
        self.tabs.addTab(self.summary, tr("S&ummary"))
        pages = {
            self._stack: ("dock", "tiles"),
            self.what_if: ("whatif", ""),
            self.summary: ("dock", "summary"),
        }
        self.help_button = HelpButton(self.tabs, pages)
        self.tabs.setCornerWidget(self.help_button, Qt.Corner.TopRightCorner)
        return self.tabs

    def show_tiles(self) -> None:
        """Bring the page of tiles to the front."""
        self.tabs.setCurrentWidget(self._stack)

    def _reading(self) -> QWidget:
        self.reading = QWidget(self._stack)
        self.reading_text = QLabel(self.reading)
        self.reading_text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        bar = QProgressBar(self.reading)
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setMaximumHeight(8)
        bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self.reading)
        layout.setContentsMargins(40, 8, 40, 8)
        layout.addStretch(1)
        layout.addWidget(self.reading_text)
        layout.addWidget(bar)
        layout.addStretch(2)
        return self.reading


def _tool(parent: QWidget, icon: str, name: str) -> QToolButton:
    button = QToolButton(parent)
    button.setIcon(QIcon(paths.icon_path(icon)))
    button.setAutoRaise(True)
    button.setToolTip(name)
    button.setAccessibleName(name)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
