"""The page of tiles: filters, the table, and one tile in detail below it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QModelIndex, QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QShortcut,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..i18n import tr
from ..run_folder import Run
from ..scene_colors import scene_colors_of
from ..scene_expert import spoken
from ..tile_records import TileRecord
from ..uncertainty import TOTAL
from .elided_combo import combo_box
from .painting import dot, smaller
from .tile_columns import ABSTAINED, ALL, MASKED, NEARLY, NO_DATA, ROUTED, WOULD_CHANGE, TileColumns
from .tile_detail import TileDetail
from .tile_model import TILE, TileModel
from .tile_selection import TileSelection
from .tile_table import TileTable


class TilesPage(QWidget):
    """Finds tiles of one run and shows them.

    Signals:
        tileSelected(object): the `TileRecord` whose scores are shown, or None.
        tileActivated(object): the user clicked on a tile or pressed Enter; the map moves to it.
        selectionChanged(list): numbers of the tiles that the user selected.

    Attributes:
        model: the tiles.
        kind, expert, scene, text: the filters; that of scene classes only where the run has some.
        table, count, detail: what they let through, how many, and the current one.
    """

    tileSelected = pyqtSignal(object)
    tileActivated = pyqtSignal(object)
    selectionChanged = pyqtSignal(list)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.model = TileModel(self)
        self._changing: frozenset[int] = frozenset()
        self._map_expert: str | None = None
        self._map_doubt = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._filters())
        self._split = QSplitter(Qt.Orientation.Vertical, self)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self._rows())
        self.detail = TileDetail(self)
        self._split.addWidget(self.detail)
        self._split.setSizes([900, 1100])
        layout.addWidget(self._split, 1)
        self.selection = TileSelection(self.table, self.model)
        self._connect()
        self._fill()

    def show_run(self, run: Run | None, columns: TileColumns | None) -> None:
        """Show the tiles of another run, or none; the same run read anew keeps its selection."""
        if run is None or self.model.run is None or run.folder != self.model.run.folder:
            self.selection.forget()
        self._changing = frozenset()
        self.model.set_run(run, columns if columns is not None else ())
        self._fill()
        self.detail.show_tile(run, self.selection.current(), self.model.colors)

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
        position = self.kind.findData(WOULD_CHANGE)
        if position >= 0:
            self.kind.setItemText(position, _would_change(len(self._changing)))
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
        with QSignalBlocker(self.text):
            self.text.clear()
        for filter_ in (self.kind, self.expert, self.scene):
            with QSignalBlocker(filter_):
                filter_.setCurrentIndex(0)
        self._apply()

    def close_down(self) -> None:
        """End what runs in the background."""
        self.detail.picture.close_down()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.table.fit(event.size().width())

    def _filters(self) -> QGridLayout:
        self.kind = combo_box(self, tr("Which tiles"), tr("Show only tiles with this outcome"))
        self.expert = combo_box(
            self,
            tr("Expert"),
            tr("Show only tiles of this expert, and its score; with 'nearly chosen', those it just missed"),
        )
        self.text = QLineEdit(self)
        self.text.setPlaceholderText(tr("Find (Ctrl+F)"))
        self.text.setClearButtonEnabled(True)
        self.text.setAccessibleName(tr("Find tiles"))
        self.text.setToolTip(
            tr("Words in the place, the experts, the outcome or the scene, such as r3, water or abstained")
        )
        self.text.setAcceptDrops(False)  # a folder dropped here is a run to open, not a text to find
        icon = QgsApplication.getThemeIcon("/search.svg")
        self.text.addAction(icon, QLineEdit.ActionPosition.LeadingPosition)
        self.scene = combo_box(self, tr("Scene class"), tr("Show only tiles of this scene class"))
        self.clear_button = QToolButton(self)
        self.clear_button.setText(tr("&All"))
        self.clear_button.setToolTip(tr("Clear the filters and show all tiles"))
        self.clear_button.setAccessibleName(tr("Show all tiles"))
        self.clear_button.setAutoRaise(True)
        self.clear_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        grid = QGridLayout()
        grid.setSpacing(6)
        grid.addWidget(self.kind, 0, 0)
        grid.addWidget(self.expert, 0, 1, 1, 2)
        second = QHBoxLayout()
        second.setSpacing(6)
        second.addWidget(self.text, 1)
        second.addWidget(self.scene, 1)
        grid.addLayout(second, 1, 0, 1, 2)
        grid.addWidget(self.clear_button, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        return grid

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
        self.kind.currentIndexChanged.connect(lambda *_: self._apply())
        self.expert.currentIndexChanged.connect(lambda *_: self._apply())
        self.scene.currentIndexChanged.connect(lambda *_: self._apply())
        self.text.textChanged.connect(lambda *_: self._apply())
        self.text.returnPressed.connect(self._enter_table)
        self.clear_button.clicked.connect(self.clear_filters)
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

    def _fill(self) -> None:
        run, kind, expert = self.model.run, self.kind.currentData() or ALL, self.expert.currentData()
        with QSignalBlocker(self.kind), QSignalBlocker(self.expert):
            self.kind.clear()
            entries = [
                (tr("All tiles"), ALL),
                (tr("Routed"), ROUTED),
                (tr("Abstained"), ABSTAINED),
                (tr("No data"), NO_DATA),
            ]
            if run is not None and run.masked:
                entries.append((tr("Outside the mask"), MASKED))
            for text, data in entries:
                self.kind.addItem(text, data)
            self.kind.insertSeparator(self.kind.count())
            self.kind.addItem(tr("Nearly chosen"), NEARLY)
            tip = tr("An expert's score is at most 0.1 below what is enough, or k left it out")
            self.kind.setItemData(self.kind.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self.kind.addItem(_would_change(len(self._changing)), WOULD_CHANGE)
            tip = tr("Tiles whose experts differ under the policy of the page 'What if'")
            self.kind.setItemData(self.kind.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self.expert.clear()
            self.expert.addItem(tr("All experts"), None)
            for one in run.experts if run else ():
                self.expert.addItem(dot(self.model.colors[one.name]), one.label, one.name)
            self.kind.setCurrentIndex(max(self.kind.findData(kind), 0))
            self.expert.setCurrentIndex(max(self.expert.findData(expert), 0) if expert else 0)
        self._fill_scenes()
        self._apply()

    def _fill_scenes(self) -> None:
        """Offer the classes that the run's tiles have, each with its number of tiles."""
        before, model = self.scene.currentData(), self.model
        colors = scene_colors_of(model.run)
        with QSignalBlocker(self.scene):
            self.scene.clear()
            self.scene.addItem(tr("All scenes"), None)
            for name, count in (model.columns.scenes if model.columns else {}).items():
                icon = dot(colors.get(name, "#808080"))
                text = tr("{name} ({count})").format(name=spoken(name), count=f"{count:,}")
                self.scene.addItem(icon, text, name)
            self.scene.setCurrentIndex(max(self.scene.findData(before), 0) if before else 0)
        self.scene.setVisible(model.has_scenes)

    def _apply(self) -> None:
        kind, expert = self.kind.currentData() or ALL, self.expert.currentData()
        self._focus()
        changing = self._changing if kind == WOULD_CHANGE else frozenset()
        scene = self.scene.currentData()
        self.model.set_filters(kind, expert, self.text.text(), changing, scene)
        self.clear_button.setEnabled(bool(kind != ALL or expert or scene or self.text.text()))
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
        self.detail.show_tile(self.model.run, tile, self.model.colors)
        self.tileSelected.emit(tile)

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


def _would_change(count: int) -> str:
    return tr("Would change ({count})").format(count=f"{count:,}") if count else tr("Would change")
