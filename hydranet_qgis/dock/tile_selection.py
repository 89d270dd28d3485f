"""The table's selection as numbers of tiles, kept when filters let other rows through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qgis.PyQt.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QObject,
    QTimer,
    pyqtSignal,
)

from ..tile_records import TileRecord
from .tile_model import COLUMNS, TILE, TileModel

_FLAG = QItemSelectionModel.SelectionFlag


class TileSelection(QObject):
    """Which tiles are selected in a table, and which of them is the current one.

    Signals:
        currentChanged(object): another `TileRecord` is the current one, or None.
        selectionChanged(list): numbers of the selected tiles, in the table's order; told once per turn of
            the event loop, and not when `select` did it.
    """

    currentChanged = pyqtSignal(object)
    selectionChanged = pyqtSignal(list)

    def __init__(self, table: Any, model: TileModel) -> None:
        super().__init__(table)
        self._table, self._model = table, model
        self._kept: list[int] = []
        self._current: int | None = None
        self._told: object = self  # nothing was told yet
        self._quiet = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self._tell_selection)
        rows = table.selectionModel()
        rows.currentRowChanged.connect(lambda *_: self._tell_current())
        rows.selectionChanged.connect(lambda *_: None if self._quiet else self._settle.start())
        model.modelAboutToBeReset.connect(self._keep)
        model.modelReset.connect(self._restore)
        model.sortingStarts.connect(self._put_aside)
        model.layoutChanged.connect(self._restore)

    def current(self) -> TileRecord | None:
        """The tile whose detail is shown."""
        index = self._table.currentIndex()
        return self._model.tile_at(index.row()) if index.isValid() else None

    def tiles(self) -> list[int]:
        """Numbers of the selected tiles, in the table's order."""
        rows: list[int] = []
        for part in self._table.selectionModel().selection():
            rows.extend(range(part.top(), part.bottom() + 1))
        return self._model.numbers(sorted(set(rows)))

    def select(self, tiles: Iterable[int], current: int | None = None) -> int:
        """Select tiles, as far as they are shown, without telling of it.

        Args:
            tiles: their numbers.
            current: the one whose detail is shown; None keeps the present one if it is among them, else
                takes the first.

        Returns:
            How many of them are shown.
        """
        rows = self._model.rows_of(list(tiles))
        row = -1 if current is None else self._model.row_of(current)
        if row < 0 and rows:
            here = self._table.currentIndex().row()
            row = here if here in set(rows) else rows[0]
        wanted, start = QItemSelection(), None
        for number, at in enumerate(rows):
            start = at if start is None else start
            if number + 1 == len(rows) or rows[number + 1] != at + 1:
                wanted.append(self._range(start, at))
                start = None
        self._quiet = True
        try:
            chosen = self._table.selectionModel()
            if row >= 0:
                chosen.setCurrentIndex(self._model.index(row, TILE), _FLAG.NoUpdate)
            chosen.select(wanted, _FLAG.ClearAndSelect)
        finally:
            self._quiet = False
        if row >= 0:
            self._table.scrollTo(self._model.index(row, TILE))
        return len(rows)

    def forget(self) -> None:
        """Nothing that was selected is to be selected again in what the model shows next."""
        self._kept, self._current = [], None

    def _range(self, first: int, last: int) -> QItemSelectionRange:
        return QItemSelectionRange(self._model.index(first, TILE), self._model.index(last, COLUMNS - 1))

    def _keep(self) -> None:
        shown = self.tiles()
        # What an earlier filter hid stays selected in the background until something else is selected.
        self._kept = shown or self._kept
        tile = self.current()
        self._current = tile.index if tile is not None else self._current
        self._quiet = True

    def _put_aside(self) -> None:
        self._keep()
        self._table.selectionModel().reset()

    def _restore(self) -> None:
        self._quiet = False
        if self._kept:
            self.select(self._kept, self._current)
        self._tell_current()

    def _tell_current(self) -> None:
        tile = self.current()
        if tile is not self._told:
            self._told = tile
            self.currentChanged.emit(tile)

    def _tell_selection(self) -> None:
        self._kept = self.tiles()
        self.selectionChanged.emit(self._kept)
