"""A run's tiles as a table for Qt that sorts and filters itself: one row per tile that passes the filters."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal

from ..expert_colors import assign
from ..i18n import tr
from ..run_folder import Run
from ..tile_records import TileRecord
from .tile_columns import ALL, TileColumns, accepted, columns_of

TILE, EXPERTS, SCORE, REASON = range(4)
COLUMNS = 4

CHIPS_ROLE = Qt.ItemDataRole.UserRole
"""Chosen experts as a list of (title, "#rrggbb"), strongest first."""
FRACTION_ROLE = Qt.ItemDataRole.UserRole + 1
"""Score as a number (None without data), with its expert's colour: (float | None, "#rrggbb")."""
OUTCOME_ROLE = Qt.ItemDataRole.UserRole + 2
"""What became of the tile, in words."""

_GREY = "#808080"


class TileModel(QAbstractTableModel):
    """The tiles of one run; empty until `set_run`.

    Signals:
        sortingStarts(): just before `layoutAboutToBeChanged`, in time for a big selection to be put aside:
            Qt would keep track of each of its cells.

    Attributes:
        run: the run, None without one.
        tiles: all of its tiles in reading order, whatever is filtered.
        colors: "#rrggbb" of each expert by name.
    """

    sortingStarts = pyqtSignal()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.run: Run | None = None
        self.tiles: list[TileRecord] = []
        self.colors: dict[str, str] = {}
        self.columns: TileColumns | None = None
        self._titles: dict[str, str] = {}
        self._focus: str | None = None
        self._sorting = (TILE, Qt.SortOrder.AscendingOrder)
        self._kind, self._expert, self._text, self._changing = ALL, None, "", frozenset()
        self._order: list[int] = []  # positions of all tiles as sorted
        self._shown: list[int] = []  # those of them that pass the filters: row -> position
        self._rows: dict[int, int] | None = {}  # the way back; None until it is asked for

    def set_run(self, run: Run | None, tiles: TileColumns | Sequence[TileRecord] = ()) -> None:
        """Show another run, or none; filters by kind, text and expert stay where they make sense."""
        self.beginResetModel()
        self.columns = None
        if run is not None:
            self.columns = tiles if isinstance(tiles, TileColumns) else columns_of(run, tiles)
        self.run, self.tiles = run, self.columns.tiles if self.columns else []
        self.colors = assign(run.experts) if run else {}
        self._titles = run.titles() if run else {}
        self._changing = frozenset()
        if self._expert not in self._titles:
            self._expert = None
        self._focus = self._expert
        self._order = self._sorted()
        self._filter()
        self.endResetModel()

    def set_focus(self, expert: str | None) -> None:
        """Show this expert's score in the score column; None shows each tile's highest."""
        focus = expert if expert in self._titles else None
        if focus == self._focus:
            return
        self._focus = focus
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, SCORE, SCORE)
        if self._sorting[0] == SCORE:
            self.sort(*self._sorting)
        if self._shown:
            self.dataChanged.emit(self.index(0, SCORE), self.index(len(self._shown) - 1, SCORE))

    @property
    def focus(self) -> str | None:
        """Expert whose score the column shows."""
        return self._focus

    def set_filters(
        self, kind: str = ALL, expert: str | None = None, text: str = "", changing: Set[int] = frozenset()
    ) -> None:
        """Show only some of the tiles, see `tile_columns.accepted`."""
        wanted = (kind, expert if expert in self._titles else None, text, changing)
        if wanted == (self._kind, self._expert, self._text, self._changing):
            return
        self.beginResetModel()
        self._kind, self._expert, self._text, self._changing = wanted
        self._filter()
        self.endResetModel()

    def index(self, row: int, column: int, parent: QModelIndex = QModelIndex()) -> QModelIndex:  # noqa: B008
        # Qt's own would call rowCount and columnCount for each; a big selection asks for thousands.
        inside = not parent.isValid() and 0 <= row < len(self._shown) and 0 <= column < COLUMNS
        return self.createIndex(row, column) if inside else QModelIndex()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else COLUMNS

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorting = (column, order)
        self.sortingStarts.emit()
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        places = [self._shown[index.row()] for index in old]
        self._order = self._sorted()
        self._filter()
        if old:
            rows = self._row_by_position()
            new = [self.index(rows[at], index.column()) for at, index in zip(places, old)]
            self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < COLUMNS:
            return None
        focus = self._titles.get(self._focus or "", "")
        if role == Qt.ItemDataRole.DisplayRole:
            return (tr("Tile"), tr("Experts"), focus or tr("Score"), tr("Outcome"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == SCORE else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                tr("Row and column of the tile, from the top left"),
                tr("Experts chosen for the tile, strongest first"),
                tr("Score of {expert}").format(expert=focus) if focus else tr("Highest score of all experts"),
                tr("What became of the tile"),
            )[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or self.columns is None:
            return None
        position, column = self._shown[index.row()], index.column()
        tile = self.tiles[position]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(position, tile, column)
        if role == CHIPS_ROLE:
            return [(self._titles.get(n, n), self.colors.get(n, _GREY)) for n in tile.chosen]
        if role == FRACTION_ROLE:
            return self._fraction(position, tile)
        if role == OUTCOME_ROLE:
            return self.columns.outcomes[position]
        if role == Qt.ItemDataRole.TextAlignmentRole and column == SCORE:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.describe(tile)
        return None

    def describe(self, tile: TileRecord) -> str:
        """One line about a tile, for tool tips and screen readers."""
        chosen = ", ".join(self._titles.get(name, name) for name in tile.chosen)
        what = chosen or self.columns.outcomes[self.columns.positions[tile.index]]
        return tr("Row {row}, column {col}: {what}").format(row=tile.row, col=tile.col, what=what)

    def tile_at(self, row: int) -> TileRecord | None:
        """The tile in a row of the table."""
        return self.tiles[self._shown[row]] if 0 <= row < len(self._shown) else None

    def numbers(self, rows: Sequence[int]) -> list[int]:
        """Numbers of the tiles in these rows."""
        shown, tiles = self._shown, self.tiles
        return [tiles[shown[row]].index for row in rows]

    def shown_tiles(self) -> list[TileRecord]:
        """The tiles that pass the filters, as sorted."""
        return [self.tiles[position] for position in self._shown]

    def rows_of(self, tiles: Sequence[int]) -> list[int]:
        """Rows of tiles given by their numbers, ascending; those that are not shown are left out."""
        if self.columns is None:
            return []
        rows, positions = self._row_by_position(), self.columns.positions
        return sorted(rows[positions[t]] for t in tiles if t in positions and positions[t] in rows)

    def row_of(self, tile: int) -> int:
        """Row of the tile with this number, -1 if it is not shown."""
        return next(iter(self.rows_of([tile])), -1)

    def known(self, tile: int) -> bool:
        """Whether the run has a tile of this number, shown or not."""
        return self.columns is not None and tile in self.columns.positions

    def _row_by_position(self) -> dict[int, int]:
        if self._rows is None:
            self._rows = {position: row for row, position in enumerate(self._shown)}
        return self._rows

    def _filter(self) -> None:
        self._rows = None
        found = None
        if self.columns is not None:
            found = accepted(self.columns, self._kind, self._expert, self._text, self._changing)
        if found is None:
            self._shown = list(self._order)
        elif self._sorting == (TILE, Qt.SortOrder.AscendingOrder):
            self._shown = found
        else:
            passed = set(found)
            self._shown = [position for position in self._order if position in passed]

    def _sorted(self) -> list[int]:
        """Positions of all tiles as the present column sorts them; equals stay in reading order."""
        columns, (column, order) = self.columns, self._sorting
        if columns is None:
            return []
        down = order == Qt.SortOrder.DescendingOrder
        places = range(len(columns.tiles))
        if column == SCORE:
            scores = columns.scores(self._focus)
            scored = sorted((p for p in places if scores[p] >= 0), key=scores.__getitem__, reverse=down)
            return scored + [p for p in places if scores[p] < 0]  # tiles without a score come last, always
        if column == EXPERTS:
            return sorted(places, key=columns.group.__getitem__, reverse=down)
        if column == REASON:
            return sorted(places, key=columns.outcomes.__getitem__, reverse=down)
        return list(reversed(places)) if down else list(places)

    def _cell(self, position: int, tile: TileRecord, column: int) -> str:
        if column == TILE:
            return f"{tile.row}, {tile.col}"
        if column == EXPERTS:
            return ", ".join(self._titles.get(name, name) for name in tile.chosen)
        if column == REASON:
            return self.columns.outcomes[position]
        score, _ = self._fraction(position, tile)
        return "–" if score is None else f"{score:.2f}"

    def _fraction(self, position: int, tile: TileRecord) -> tuple[float | None, str]:
        experts = self.run.experts
        if self._focus:
            at = next(i for i, expert in enumerate(experts) if expert.name == self._focus)
            return tile.scores[at], self.colors[self._focus]
        top = self.columns.tops[position]
        if top < 0:
            return None, _GREY
        return self.columns.top_scores[position], self.colors[experts[top].name]
