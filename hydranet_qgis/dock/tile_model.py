"""A run's tiles as a table for Qt that sorts and filters itself: one row per tile that passes the filters."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from qgis.PyQt.QtGui import QIcon

from ..expert_colors import assign
from ..i18n import tr
from ..run_folder import Run
from ..scene_colors import scene_colors_of
from ..scene_expert import spoken
from ..tile_records import TileRecord
from ..uncertainty import MODEL, TILE_MODEL_TOP, TOTAL
from .painting import dot
from .tile_columns import ALL, ANY_OBJECT, TileColumns, accepted, columns_of, ordered
from .tile_headings import COLUMNS, EXPERTS, OBJECTS, REASON, SCENE, SCORE, TILE, UNSURE, explanation, title
from .tile_words import scene_class

__all__ = ["COLUMNS", "EXPERTS", "OBJECTS", "REASON", "SCENE", "SCORE", "TILE", "UNSURE", "TileModel"]


CHIPS_ROLE = Qt.ItemDataRole.UserRole
"""Chosen experts as a list of (title, "#rrggbb"), strongest first."""
FRACTION_ROLE = Qt.ItemDataRole.UserRole + 1
"""Score or uncertainty as a share of the longest bar, with its expert's colour: (float | None, "#rrggbb")."""
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
        self._doubt = TOTAL
        self._dots: dict[str, QIcon] = {}
        self._sorting = (TILE, Qt.SortOrder.AscendingOrder)
        self._kind, self._expert, self._text, self._changing = ALL, None, "", frozenset()
        self._scene: str | None = None
        self._objects: str | None = None
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
        if self.columns is None or self._scene not in self.columns.scenes:
            self._scene = None
        if self.columns is None or self._objects not in (ANY_OBJECT, *self.columns.found.by_class):
            self._objects = None
        self._dots = {name: dot(color) for name, color in scene_colors_of(run).items()}
        self._focus = self._expert
        self._order = self._sorted()
        self._filter()
        self.endResetModel()

    def set_focus(self, expert: str | None, doubt: str = TOTAL) -> None:
        """Show this expert's score and uncertainty in their columns.

        Args:
            expert: its name; None shows each tile's highest score.
            doubt: which uncertainty, TOTAL or MODEL; the total of an expert that tells no other.
        """
        focus = expert if expert in self._titles else None
        if doubt == MODEL and not self._has(focus, MODEL):
            doubt = TOTAL
        if (focus, doubt) == (self._focus, self._doubt):
            return
        self._focus, self._doubt = focus, doubt
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, SCORE, UNSURE)
        if self._sorting[0] in (SCORE, UNSURE):
            self.sort(*self._sorting)
        if self._shown:
            self.dataChanged.emit(self.index(0, SCORE), self.index(len(self._shown) - 1, UNSURE))

    @property
    def focus(self) -> str | None:
        """Expert whose score the column shows."""
        return self._focus

    @property
    def has_scenes(self) -> bool:
        """Whether tiles have a scene class."""
        return self.run is not None and self.run.scene_expert is not None

    @property
    def has_objects(self) -> bool:
        """Whether tiles have a number of objects: they were looked for."""
        if self.columns is None or not self.columns.has_objects:
            return False
        return any(expert.finds_objects and expert.skipped is None for expert in self.run.experts)

    @property
    def has_uncertainty(self) -> bool:
        """Whether the expert whose score is shown tells how unsure it is."""
        return self._has(self._focus, TOTAL)

    def set_filters(
        self,
        kind: str = ALL,
        expert: str | None = None,
        text: str = "",
        changing: Set[int] = frozenset(),
        scene: str | None = None,
        objects: str | None = None,
    ) -> None:
        """Show only some of the tiles, see `tile_columns.accepted`."""
        known = self.columns.scenes if self.columns is not None else ()
        classes = (ANY_OBJECT, *self.columns.found.by_class) if self.columns is not None else ()
        wanted = (kind, expert if expert in self._titles else None, text, changing)
        wanted += (scene if scene in known else None, objects if objects in classes else None)
        present = (self._kind, self._expert, self._text, self._changing, self._scene, self._objects)
        if wanted == present:
            return
        self.beginResetModel()
        self._kind, self._expert, self._text, self._changing, self._scene, self._objects = wanted
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
            return title(section, focus, self._doubt)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            number = section in (OBJECTS, SCORE, UNSURE)
            side = Qt.AlignmentFlag.AlignRight if number else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return explanation(section, focus, self._doubt)
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
            return self._fraction(position, tile) if column == SCORE else self._doubted(tile)
        if role == OUTCOME_ROLE:
            return self.columns.outcomes[position]
        if role == Qt.ItemDataRole.DecorationRole and column == SCENE:
            return self._dots.get(tile.scene)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (OBJECTS, SCORE, UNSURE):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.describe(tile)
        return None

    def describe(self, tile: TileRecord) -> str:
        """One line about a tile, for tool tips and screen readers."""
        chosen = ", ".join(self._titles.get(name, name) for name in tile.chosen)
        what = chosen or self.columns.outcomes[self.columns.positions[tile.index]]
        if tile.scene:
            what = f"{what}; {scene_class(tile)}"
        count = self.columns.object_count(tile)
        if count is not None:
            text = tr("1 object") if count == 1 else tr("{count} objects").format(count=f"{count:,}")
            what = f"{what}; {text}"
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
            found = accepted(
                *(self.columns, self._kind, self._expert, self._text, self._changing, self._scene),
                self._objects,
            )
        if found is None:
            self._shown = list(self._order)
        elif self._sorting == (TILE, Qt.SortOrder.AscendingOrder):
            self._shown = found
        else:
            passed = set(found)
            self._shown = [position for position in self._order if position in passed]

    def _sorted(self) -> list[int]:
        """Positions of all tiles as the present column sorts them; equals stay in reading order."""
        if self.columns is None:
            return []
        column, order = self._sorting
        down = order == Qt.SortOrder.DescendingOrder
        return ordered(self.columns, column, down, self._focus, self._doubt)

    def _cell(self, position: int, tile: TileRecord, column: int) -> str:
        if column == TILE:
            return f"{tile.row}, {tile.col}"
        if column == EXPERTS:
            return ", ".join(self._titles.get(name, name) for name in tile.chosen)
        if column == REASON:
            return self.columns.outcomes[position]
        if column == SCENE:
            return spoken(tile.scene) or "–"
        if column == OBJECTS:
            count = self.columns.object_count(tile)
            return "–" if count is None else f"{count:,}"
        if column == UNSURE:
            value, digits = self._unsure(tile), 3 if self._doubt == MODEL else 2
            return "–" if value is None else f"{value:.{digits}f}"
        score, _ = self._fraction(position, tile)
        return "–" if score is None else f"{score:.2f}"

    def _unsure(self, tile: TileRecord) -> float | None:
        if self._focus is None:
            return None
        return tile.unsure(self._doubt, [e.name for e in self.run.experts].index(self._focus))

    def _doubted(self, tile: TileRecord) -> tuple[float | None, str]:
        """The uncertainty as a share of what is most there can be on the map, with its expert's colour."""
        value, top = self._unsure(tile), TILE_MODEL_TOP if self._doubt == MODEL else 1.0
        return None if value is None else value / top, self.colors.get(self._focus or "", _GREY)

    def _has(self, expert: str | None, kind: str) -> bool:
        experts = self.run.experts if self.run else ()
        return any(e.name == expert and e.uncertainty.has_mean(kind) for e in experts)

    def _fraction(self, position: int, tile: TileRecord) -> tuple[float | None, str]:
        experts = self.run.experts
        if self._focus:
            at = next(i for i, expert in enumerate(experts) if expert.name == self._focus)
            return tile.scores[at], self.colors[self._focus]
        top = self.columns.tops[position]
        if top < 0:
            return None, _GREY
        return self.columns.top_scores[position], self.colors[experts[top].name]
