"""The view of the tiles: columns that share the width, chips and bars drawn by delegates."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QItemSelectionModel, Qt
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from ..i18n import tr
from .delegates import ChipDelegate, ScoreDelegate
from .tile_model import EXPERTS, REASON, SCORE, TILE, TileModel

# Below this width (pixels) the column of outcomes gives its place to the experts.
NARROW = 540


class TileTable(QTableView):
    """Shows a `TileModel`; sorts by a click on a header, selects whole rows."""

    def __init__(self, model: TileModel, parent: Any = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Tiles"))
        self.setAccessibleDescription(
            tr("Arrow keys choose a tile, Enter moves the map to it, Shift and Ctrl select several")
        )
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab goes on to the next widget, arrows move in the table
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._chips = ChipDelegate(self)
        self.setItemDelegateForColumn(EXPERTS, self._chips)
        self.setItemDelegateForColumn(SCORE, ScoreDelegate(self))
        rows = self.verticalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.setModel(model)
        # Drawing itself, the header asks of every row whether all of a column is selected, which takes long
        # where all of 20,000 rows are. It marks no selection here; an empty one of its own answers at once.
        self.horizontalHeader().setSelectionModel(QItemSelectionModel(model, self))
        self.setSortingEnabled(True)
        self.sortByColumn(TILE, Qt.SortOrder.AscendingOrder)
        self._set_columns()

    def fit_score(self) -> None:
        """Make room for the title of the score column, as far as the experts can spare it."""
        title = self.model().headerData(SCORE, Qt.Orientation.Horizontal)
        metrics = self.fontMetrics()
        narrowest = metrics.horizontalAdvance(tr("Score")) + 26
        wanted = metrics.horizontalAdvance(title) + 26
        self.setColumnWidth(SCORE, max(narrowest, min(wanted, self.width() // 3)))

    def fit(self, width: int) -> None:
        """Suit the columns to the dock's width in pixels."""
        narrow = width < NARROW
        self.setColumnHidden(REASON, narrow)
        self._chips.explain = narrow
        self.fit_score()

    def _set_columns(self) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(False)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.setMinimumSectionSize(30)
        metrics = self.fontMetrics()
        for column, width in (
            (TILE, metrics.horizontalAdvance("000, 000") + 20),
            (SCORE, metrics.horizontalAdvance(tr("Score")) + 26),
            (REASON, metrics.horizontalAdvance(tr("abstained: all below threshold")) + 12),
        ):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(EXPERTS, QHeaderView.ResizeMode.Stretch)
