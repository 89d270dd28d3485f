"""A run's tiles as a table for Qt: one row per tile, nothing but text, numbers and roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt

from ..expert_colors import assign
from ..run_folder import Run, TileRecord

TILE, EXPERTS, SCORE, REASON = range(4)
HEADERS = ("Tile", "Experts", "Score", "Outcome")

TILE_ROLE = Qt.ItemDataRole.UserRole
"""The `TileRecord` of a row."""
CHIPS_ROLE = Qt.ItemDataRole.UserRole + 1
"""Chosen experts as a list of (title, "#rrggbb"), strongest first."""
SORT_ROLE = Qt.ItemDataRole.UserRole + 2
"""What a column is sorted by."""
FRACTION_ROLE = Qt.ItemDataRole.UserRole + 3
"""Score as a number (None without data), with its expert's colour: (float | None, "#rrggbb")."""

ALL, ROUTED, ABSTAINED, NO_DATA, MASKED = "*all", "*routed", "*abstained", "*nodata", "*masked"
"""Filters that are no expert; a name of an expert never begins with a star."""


class TileModel(QAbstractTableModel):
    """The tiles of one run; empty until `set_run`."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.run: Run | None = None
        self.tiles: list[TileRecord] = []
        self.colors: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._focus: str | None = None

    def set_run(self, run: Run | None, tiles: Sequence[TileRecord] = ()) -> None:
        """Show another run, or none."""
        self.beginResetModel()
        self.run, self.tiles = run, list(tiles)
        self.colors = assign(run.experts) if run else {}
        self._titles = run.titles() if run else {}
        self._focus = None
        self.endResetModel()

    def set_focus(self, expert: str | None) -> None:
        """Show this expert's score in the score column; None shows each tile's highest."""
        self._focus = expert if expert in self._titles else None
        if self.tiles:
            last = self.index(len(self.tiles) - 1, SCORE)
            self.dataChanged.emit(self.index(0, SCORE), last)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, SCORE, SCORE)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.tiles)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[self._focus] if section == SCORE and self._focus else HEADERS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == SCORE else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                "Row and column of the tile, from the top left",
                "Experts that decoded the tile, strongest first",
                f"Score of {self._titles[self._focus]}" if self._focus else "Highest score of all experts",
                "What became of the tile",
            )[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        tile, column = self.tiles[index.row()], index.column()
        if role == TILE_ROLE:
            return tile
        if role == CHIPS_ROLE:
            return [(self._titles.get(n, n), self.colors.get(n, "#808080")) for n in tile.chosen]
        if role == FRACTION_ROLE:
            return self._fraction(tile)
        if role == SORT_ROLE:
            return self._sort_key(tile, column)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(tile, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column == SCORE:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.describe(tile)
        return None

    def describe(self, tile: TileRecord) -> str:
        """One line about a tile, for tool tips and screen readers."""
        chosen = ", ".join(self._titles.get(name, name) for name in tile.chosen)
        return f"Row {tile.row}, column {tile.col}: {chosen or tile.reason or 'no expert'}"

    def row_of(self, tile_index: int) -> int:
        """Row of the tile with this number, -1 if there is none."""
        return next((row for row, tile in enumerate(self.tiles) if tile.index == tile_index), -1)

    def _text(self, tile: TileRecord, column: int) -> str:
        if column == TILE:
            return f"{tile.row}, {tile.col}"
        if column == EXPERTS:
            return ", ".join(self._titles.get(name, name) for name in tile.chosen)
        if column == REASON:
            return tile.reason
        score, _ = self._fraction(tile)
        return "–" if score is None else f"{score:.2f}"

    def _fraction(self, tile: TileRecord) -> tuple[float | None, str]:
        if self.run is None:
            return None, "#808080"
        names = [expert.name for expert in self.run.experts]
        if self._focus:
            return tile.scores[names.index(self._focus)], self.colors[self._focus]
        return tile.top_score, "#808080" if tile.top is None else self.colors[names[tile.top]]

    def _sort_key(self, tile: TileRecord, column: int) -> Any:
        place = tile.row * 1_000_000 + tile.col  # Qt compares numbers and strings, not tuples
        if column == TILE:
            return place
        if column == SCORE:
            score, _ = self._fraction(tile)
            return -1.0 if score is None else float(score)
        # The same experts or outcomes stay together, in reading order.
        return f"{self._text(tile, column)}\0{place:012d}"


class TileFilter(QSortFilterProxyModel):
    """Sorts the table, and shows only tiles of one expert or outcome that contain a text."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._kind, self._words = ALL, []

    def set_kind(self, kind: str) -> None:
        """Show tiles decoded by this expert, or one of ALL, ROUTED, ABSTAINED, NO_DATA, MASKED."""
        self._kind = kind
        self.invalidateFilter()

    def set_text(self, text: str) -> None:
        """Show tiles in which every word of `text` occurs (place, experts, outcome)."""
        self._words = text.lower().split()
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        model = self.sourceModel()
        tile = model.tiles[row]
        if self._kind == ROUTED:
            fits = bool(tile.chosen)
        elif self._kind == NO_DATA:
            fits = not tile.scored and not tile.masked
        elif self._kind == MASKED:
            fits = tile.masked
        elif self._kind == ABSTAINED:
            fits = tile.scored and not tile.chosen
        else:
            fits = self._kind == ALL or self._kind in tile.chosen
        if not fits or not self._words:
            return fits
        columns = (TILE, EXPERTS, REASON)
        text = (
            " ".join(str(model.index(row, c).data()) for c in columns).lower() + f" r{tile.row} c{tile.col}"
        )
        return all(word in text for word in self._words)
