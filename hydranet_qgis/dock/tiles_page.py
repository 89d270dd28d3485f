"""The page of tiles: filters, the table, and one tile in detail below it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

from qgis.PyQt.QtCore import QModelIndex, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import QApplication, QLabel, QShortcut, QSplitter, QVBoxLayout, QWidget

from ..i18n import tr
from ..run_folder import Run
from ..tile_records import TileRecord
from ..uncertainty import TOTAL
from .painting import smaller
from .tile_columns import TileColumns
from .tile_detail import TileDetail
from .tile_filters import TileFilters
from .tile_model import TILE, TileModel
from .tile_selection import TileSelection
from .tile_table import TileTable


class TilesPage(QWidget):
    """Finds tiles of one run and shows them.

    Signals:
        tileSelected(object): the `TileRecord` whose scores are shown, or None.
        tileActivated(object): the user clicked on a tile or pressed Enter; the map moves to it.
        selectionChanged(list): numbers of the tiles that the user selected.
        objectSelected(object): the `ObjectRecord` that the user selected in that tile, or None.
        objectActivated(object): one was double-clicked, or Enter pressed on it; the map moves to it.

    Attributes:
        model: the tiles.
        filters: what they are filtered by.
        kind, expert, scene, objects, text, clear_button: the widgets of these.
        table, count, detail: what they let through, how many, and the current one.
    """

    tileSelected = pyqtSignal(object)
    tileActivated = pyqtSignal(object)
    selectionChanged = pyqtSignal(list)
    objectSelected = pyqtSignal(object)
    objectActivated = pyqtSignal(object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.model = TileModel(self)
        self._changing: frozenset[int] = frozenset()
        self._map_expert: str | None = None
        self._map_doubt = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(6)
        self.filters = TileFilters(self.model, self)
        self.kind, self.expert, self.text = self.filters.kind, self.filters.expert, self.filters.text
        self.scene, self.objects = self.filters.scene, self.filters.objects
        self.clear_button = self.filters.clear_button
        layout.addWidget(self.filters)
        self._split = QSplitter(Qt.Orientation.Vertical, self)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self._rows())
        self.detail = TileDetail(self)
        self._split.addWidget(self.detail)
        self._split.setSizes([900, 1100])
        layout.addWidget(self._split, 1)
        self.selection = TileSelection(self.table, self.model)
        self._connect()
        self.filters.fill(len(self._changing))
        self._apply()

    def show_run(self, run: Run | None, columns: TileColumns | None) -> None:
        """Show the tiles of another run, or none; the same run read anew keeps its selection."""
        if run is None or self.model.run is None or run.folder != self.model.run.folder:
            self.selection.forget()
        self._changing = frozenset()
        self.model.set_run(run, columns if columns is not None else ())
        self.filters.fill(len(self._changing))
        self._apply()
        self._show_detail(self.selection.current())

    def set_map_expert(self, expert: str | None, doubt: str = "") -> None:
        """The expert whose numbers colour the map: the columns show them, unless a filter names another.

        Args:
            expert: its name.
            doubt: TOTAL or MODEL where the map shows an uncertainty in place of a score.
        """
        self._map_expert, self._map_doubt = expert, doubt
        self._focus()

    def set_preview(self, tiles: Set[int]) -> None:
        """Tiles that would change, which the filter of that name shows."""
        self._changing = frozenset(tiles)
        self.filters.tell_changing(len(self._changing))
        self._apply()

    def select(self, tiles: Iterable[int]) -> int:
        """Select tiles as far as they are shown; how many are."""
        return self.selection.select(tiles)

    def select_tile(self, tile: int) -> bool:
        """Select one tile; False if the filters hide it."""
        return self.selection.select([tile], tile) > 0

    def reveal(self, tile: int) -> bool:
        """Select one tile, and clear the filters if they hide it; whether that was needed."""
        if self.select_tile(tile) or not self.model.known(tile):
            return False
        self.clear_filters()
        self.select_tile(tile)
        return True

    def clear_filters(self, *_: object) -> None:
        """Show all tiles."""
        self.filters.clear()

    def close_down(self) -> None:
        """End what runs in the background."""
        self.detail.picture.close_down()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.table.fit(event.size().width())

    def _rows(self) -> QWidget:
        holder = QWidget(self)
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        self.table = TileTable(self.model, holder)
        self.count = QLabel(holder)
        self.count.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.count.setFont(smaller(holder))
        self.count.setEnabled(False)  # drawn faint by every style
        layout.addWidget(self.table, 1)
        layout.addWidget(self.count)
        return holder

    def _connect(self) -> None:
        self.detail.objectSelected.connect(self.objectSelected)
        self.detail.objectActivated.connect(self.objectActivated)
        self.filters.changed.connect(self._apply)
        self.text.returnPressed.connect(self._enter_table)
        self.selection.currentChanged.connect(self._show_tile)
        self.selection.selectionChanged.connect(self._selected)
        # A double click or Enter "activates" too; the tile is then shown on the map once more.
        self.table.clicked.connect(self._clicked)
        self.table.activated.connect(self._activate)
        self.model.modelReset.connect(self._count)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self._find)
        self._shortcut = find

    def _apply(self) -> None:
        self._focus()
        self.filters.apply(self._changing)
        self._count()

    def _focus(self) -> None:
        self.model.set_focus(self.expert.currentData() or self._map_expert, self._map_doubt or TOTAL)
        self.table.doubtful = bool(self._map_doubt)
        self.table.fit(self.width())

    def _count(self) -> None:
        shown, total = self.model.rowCount(), len(self.model.tiles)
        text = tr("{shown} of {total} tiles") if shown != total else tr("{total} tiles")
        chosen = len(self.selection.tiles())
        if chosen > 1:
            text = tr("{count} selected, {rest}").format(count=f"{chosen:,}", rest=text)
        self.count.setText(text.format(shown=f"{shown:,}", total=f"{total:,}"))

    def _show_tile(self, tile: TileRecord | None) -> None:
        self._show_detail(tile)
        self.tileSelected.emit(tile)

    def _show_detail(self, tile: TileRecord | None) -> None:
        columns = self.model.columns
        self.detail.show_tile(self.model.run, tile, self.model.colors, columns.found if columns else None)

    def _selected(self, tiles: list[int]) -> None:
        self._count()
        self.selectionChanged.emit(tiles)

    def _clicked(self, index: QModelIndex) -> None:
        # Ctrl or Shift collects tiles; moving the map at each of them would be in the way.
        if QApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier:
            self._activate(index)

    def _activate(self, index: QModelIndex) -> None:
        tile = self.model.tile_at(index.row())
        if tile is not None:
            self.tileActivated.emit(tile)

    def _find(self) -> None:
        self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.text.selectAll()

    def _enter_table(self) -> None:
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        if self.model.rowCount() and self.selection.current() is None:
            self.table.setCurrentIndex(self.model.index(0, TILE))
