"""The view of the tiles: columns that share the width, chips and bars drawn by delegates."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QItemSelectionModel, Qt
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from ..i18n import tr
from ..scene_expert import spoken
from .delegates import ChipDelegate, ScoreDelegate
from .tile_model import EXPERTS, OBJECTS, REASON, SCENE, SCORE, TILE, UNSURE, TileModel

# Below this width (pixels) the column of outcomes gives its place to the experts.
NARROW = 540
_CHIP = 6  # wide letters that the column of experts has room for at least


class TileTable(QTableView):
    """Shows a `TileModel`; sorts by a click on a header, selects whole rows.

    Attributes:
        doubtful: whether the map shows an uncertainty: its column then stands also in a narrow dock, in
            place of the scene classes.
    """

    doubtful = False

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
        self._asked: tuple[object, ...] = ()
        self._chips = ChipDelegate(self)
        self.setItemDelegateForColumn(EXPERTS, self._chips)
        for column in (SCORE, UNSURE):
            self.setItemDelegateForColumn(column, ScoreDelegate(self))
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

    def fit(self, width: int) -> None:
        """Suit the columns to the dock's width in pixels, and to what the run tells.

        The experts always have room for a chip. What else is shown depends on what is left, the most
        wanted first; the scene class gives way to an uncertainty that is on the map.
        """
        model, narrow = self.model(), width < NARROW
        last = model.tiles[-1] if model.tiles else None
        place = f"{last.row}, {last.col}" if last else ""
        score = model.headerData(SCORE, Qt.Orientation.Horizontal)
        longest = max(map(spoken, model.columns.scenes if model.columns else ()), key=len, default="")
        wanted = {
            SCENE: model.has_scenes,
            OBJECTS: model.has_objects,
            UNSURE: model.has_uncertainty and (self.doubtful or not narrow),
            REASON: not narrow,
        }
        asked = (width, self.doubtful, place, score, longest, *wanted.values())
        if asked == self._asked:
            return  # widths that the user has drawn stay
        self._asked = asked
        # With room for the arrow of the sorting.
        self.setColumnWidth(TILE, max(self._measure(tr("Tile"), 44), self._measure(place, 16)))
        taken = self.columnWidth(TILE) + self.verticalScrollBar().sizeHint().width()
        chip = self._measure("M" * _CHIP, 0)
        room = width - taken - chip
        # Room for the title of the score column, as far as experts and what the map shows can spare it.
        spare = room - self._widths[UNSURE][0] if self.doubtful and wanted[UNSURE] else width // 3
        most = min(self._measure(score, 26), width // 3, spare)
        self.setColumnWidth(SCORE, max(self._measure(tr("Score"), 14), most))
        room -= self.columnWidth(SCORE)
        usual = (OBJECTS, SCENE, UNSURE, REASON)
        # A sort that keeps the order of the rest.
        for column in sorted(usual, key=lambda one: one != UNSURE) if self.doubtful else usual:
            least, most = self._widths[column]
            if column == SCENE:
                most = max(most, min(self._measure(longest, 34), width // 4))
            shown = wanted[column] and least <= room
            self.setColumnHidden(column, not shown)
            if shown:
                extra = min(room, most) - least
                if column == OBJECTS and wanted[SCENE] and not self.doubtful:
                    extra = max(0, min(extra, room - least - self._widths[SCENE][0]))
                if narrow and column == SCENE:
                    # A second chip comes first, as far as there is room for both.
                    extra = min(extra, max(extra // 2, room - least - chip))
                self.setColumnWidth(column, least + extra)
                room -= self.columnWidth(column)
        self._chips.explain = self.isColumnHidden(REASON)

    def _measure(self, text: str, more: int) -> int:
        return self.fontMetrics().horizontalAdvance(text) + more

    def _set_columns(self) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(False)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.setMinimumSectionSize(30)
        count = (self._measure("0,000", 10), self._measure(tr("Objects"), 26))
        # Least and usual width of columns that are not always shown.
        self._widths = {
            OBJECTS: count,
            SCENE: (self._measure("Fore…", 26), self._measure("Residential", 34)),
            UNSURE: (self._measure("0.000", 18), self._measure(tr("Model unc."), 26)),
            REASON: (self._measure(tr("abstained: all below threshold"), 12),) * 2,
        }
        for column in (TILE, SCORE, *self._widths):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(EXPERTS, QHeaderView.ResizeMode.Stretch)
        self.fit(NARROW - 1)
