"""The dock's contents: choose a run, find a tile, see its scores, paint the map by them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProject
from qgis.PyQt.QtCore import QModelIndex, QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QIcon, QPixmap
from qgis.PyQt.QtWidgets import QFileDialog, QWidget

from .. import results, routing_style
from ..errors import PluginError, RunFolderError
from ..run_folder import Run, TileRecord, read_run, read_tiles
from ..run_registry import RunRegistry
from .layout import PanelWidgets
from .tile_marker import TileMarker
from .tile_model import ABSTAINED, ALL, MASKED, NO_DATA, ROUTED, SCORE, TILE, TILE_ROLE, TileFilter, TileModel


class RunPanel(QWidget):
    """Shows the project's runs, one at a time.

    Signals, for whatever is built on top (a map tool, a what-if slider):
        runShown(object): another `Run` is shown, or None.
        tileSelected(object): the `TileRecord` whose scores are shown, or None.
        tileActivated(object): the user clicked or pressed Enter on a tile; the map moves to it.
        mapChanged(str): the map's tiles are drawn another way, see `routing_style.show`.

    Attributes:
        model: tiles of the run shown.
        proxy: the same, filtered and sorted, as the table shows it.
        widgets: the widgets, see `PanelWidgets`.
    """

    runShown = pyqtSignal(object)
    tileSelected = pyqtSignal(object)
    tileActivated = pyqtSignal(object)
    mapChanged = pyqtSignal(str)

    def __init__(
        self, registry: RunRegistry, canvas: Any, run_algorithm: Callable[[], None], parent: Any = None
    ) -> None:
        super().__init__(parent)
        self._registry, self._marker = registry, TileMarker(canvas)
        self._cache: dict[Path, tuple[int, Run]] = {}
        self.model = TileModel(self)
        self.proxy = TileFilter(self)
        self.proxy.setSourceModel(self.model)
        self.widgets = PanelWidgets(self)
        self.widgets.table.setModel(self.proxy)
        self.widgets.table.sortByColumn(TILE, Qt.SortOrder.AscendingOrder)
        self.widgets.set_columns()
        self._connect(run_algorithm)
        self.refresh()

    @property
    def run(self) -> Run | None:
        """The run shown, None in the empty state."""
        return self.model.run

    def selected_tile(self) -> TileRecord | None:
        """The tile whose scores are shown."""
        index = self.widgets.table.currentIndex()
        return index.data(TILE_ROLE) if index.isValid() else None

    def select_tile(self, tile_index: int) -> bool:
        """Select a tile by its number; False if it is not shown under the present filter."""
        row = self.model.row_of(tile_index)
        index = self.proxy.mapFromSource(self.model.index(row, TILE)) if row >= 0 else QModelIndex()
        if index.isValid():
            self.widgets.table.setCurrentIndex(index)
            self.widgets.table.scrollTo(index)
        return index.isValid()

    def refresh(self, wanted: str = "") -> None:
        """Read the list of runs again and keep the present run, or show the one in folder `wanted`."""
        runs = []
        for folder in self._registry.folders():
            try:
                runs.append(self._read(folder))
            except RunFolderError:
                continue  # a folder damaged since is left out of the list; opening it by hand says why
        runs.sort(key=lambda run: run.created, reverse=True)
        present = str(self.run.folder) if self.run else ""
        combo = self.widgets.runs
        with QSignalBlocker(combo):
            combo.clear()
            for run in runs:
                combo.addItem(run.short_label, str(run.folder))
                combo.setItemData(combo.count() - 1, str(run.folder), Qt.ItemDataRole.ToolTipRole)
            position = max(combo.findData(wanted or present), combo.findData(present), 0 if runs else -1)
            if wanted and combo.findData(wanted) >= 0:
                position = combo.findData(wanted)
            combo.setCurrentIndex(position)
        if combo.currentData() != present or wanted:
            self._show_current()
        self._follow_heat()

    def open_run(self, folder: str) -> bool:
        """Add a run folder to the project, with its layers, and show it; False if it is none."""
        try:
            run = self._read(Path(folder))
        except PluginError as error:
            self._say(str(error))
            return False
        results.load_run(run, QgsProject.instance())
        self._registry.remember(run.folder)
        self.refresh(str(run.folder))
        return True

    def choose_folder(self, *_: object) -> None:
        """Ask for a run folder and open it."""
        folder = QFileDialog.getExistingDirectory(self, "Open HydraNet run folder")
        if folder:
            self.open_run(folder)

    def close_down(self) -> None:
        """Take everything off the map before the dock goes."""
        self._marker.clear()
        self.model.set_run(None)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.widgets.fit(event.size().width())

    def _connect(self, run_algorithm: Callable[[], None]) -> None:
        widgets = self.widgets
        for button in (widgets.run_button, widgets.empty.run_button):
            button.clicked.connect(lambda *_: run_algorithm())
        for button in (widgets.open_button, widgets.empty.open_button):
            button.clicked.connect(self.choose_folder)
        widgets.runs.currentIndexChanged.connect(lambda *_: self._show_current())
        widgets.kind.currentIndexChanged.connect(lambda *_: self._filter_kind())
        widgets.text.textChanged.connect(self.proxy.set_text)
        widgets.heat.activated.connect(lambda *_: self._paint_map())
        widgets.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_tile())
        # A double click or Enter "activates" too; the tile is then shown on the map once more.
        widgets.table.clicked.connect(self._activate)
        widgets.table.activated.connect(self._activate)
        for signal in (self.proxy.rowsInserted, self.proxy.rowsRemoved, self.proxy.modelReset):
            signal.connect(lambda *_: self._count())
        self._registry.runsChanged.connect(lambda: self.refresh())
        self._registry.runFinished.connect(self.refresh)

    def _read(self, folder: Path) -> Run:
        """The run in a folder, read anew only if it has changed."""
        try:
            stamp = (folder / "run.json").stat().st_mtime_ns
        except OSError:
            stamp = -1
        known = self._cache.get(folder)
        if known is None or known[0] != stamp:
            known = (stamp, read_run(folder))
            self._cache[folder] = known
        return known[1]

    def _show_current(self) -> None:
        folder = self.widgets.runs.currentData()
        run, tiles = None, []
        self._say("")
        if folder:
            try:
                run = self._read(Path(folder))
                tiles = read_tiles(run)
            except PluginError as error:
                self._say(str(error))
        self._marker.clear()
        self.model.set_run(run, tiles)
        self.widgets.pages.setCurrentWidget(self.widgets.content if folder else self.widgets.empty)
        if run is not None:
            self.widgets.summary.show_run(run)
        self._fill_filters()
        self._follow_heat()
        self._show_tile()
        self._count()
        self.runShown.emit(run)

    def _fill_filters(self) -> None:
        run = self.run
        kind, heat = self.widgets.kind, self.widgets.heat
        before = kind.currentData() or ALL
        with QSignalBlocker(kind), QSignalBlocker(heat):
            kind.clear()
            for text, data in (
                ("All tiles", ALL), ("Routed", ROUTED), ("Abstained", ABSTAINED), ("No data", NO_DATA)
            ):  # fmt: skip
                kind.addItem(text, data)
            if run is not None and run.masked:
                kind.addItem("Outside the mask", MASKED)
            heat.clear()
            heat.addItem("Outlines of the tiles", routing_style.OUTLINES)
            heat.addItem("Strongest expert", routing_style.STRONGEST)
            for combo in (kind, heat):
                combo.insertSeparator(combo.count())
            for expert in run.experts if run else ():
                icon = _dot(self.model.colors[expert.name])
                kind.addItem(icon, expert.label, expert.name)
                heat.addItem(icon, f"Score of {expert.label}", expert.name)
            kind.setCurrentIndex(max(kind.findData(before), 0))
        self._filter_kind()

    def _filter_kind(self) -> None:
        kind = self.widgets.kind.currentData() or ALL
        self.model.set_focus(kind)
        self.widgets.fit_score(self.model.headerData(SCORE, Qt.Orientation.Horizontal))
        self.proxy.set_kind(kind)

    def _show_tile(self) -> None:
        tile, run = self.selected_tile(), self.run
        self.widgets.bars.show_tile(run, tile, self.model.colors)
        if tile is None:
            self.widgets.detail_title.setText("Choose a tile to see the scores of its experts.")
            self._marker.clear()
        else:
            valid = f"{100 * tile.valid:.0f}&nbsp;% valid"
            self.widgets.detail_title.setText(
                f"<b>Row {tile.row}, column {tile.col}</b><br><small>{valid} · {tile.reason}</small>"
            )
            self._marker.outline(*self._place(tile))
        self.tileSelected.emit(tile)

    def _activate(self, index: QModelIndex) -> None:
        tile = index.data(TILE_ROLE)
        if tile is not None:
            self._marker.zoom(*self._place(tile))
            self.tileActivated.emit(tile)

    def _place(self, tile: TileRecord) -> tuple[QgsGeometry, QgsCoordinateReferenceSystem]:
        geometry = QgsGeometry()
        geometry.fromWkb(tile.wkb)
        layer = results.find_layer(QgsProject.instance(), self.run, results.ROUTING_ROLE)
        if layer is not None and layer.crs().isValid():
            return geometry, layer.crs()  # the user may have told QGIS a CRS that the file lacks
        return geometry, QgsCoordinateReferenceSystem.fromWkt(self.run.crs_wkt or "")

    def _paint_map(self) -> None:
        run, what = self.run, self.widgets.heat.currentData() or routing_style.OUTLINES
        if run is None:
            return
        project = QgsProject.instance()
        layer = results.find_layer(project, run, results.ROUTING_ROLE)
        if layer is None:
            layer = results.load_routing(run, project)
        if layer is None:
            self._say(f"{run.routing} cannot be loaded; run HydraNet again.")
            return
        routing_style.show(layer, run, what)
        node = project.layerTreeRoot().findLayer(layer.id())
        if node is not None and what != routing_style.OUTLINES:
            node.setItemVisibilityCheckedParentRecursive(True)
        self.mapChanged.emit(what)

    def _follow_heat(self) -> None:
        """Have the choice say what the map shows, also after a project was opened."""
        run = self.run
        layer = results.find_layer(QgsProject.instance(), run, results.ROUTING_ROLE) if run else None
        shown = routing_style.shown(layer) if layer is not None else routing_style.OUTLINES
        with QSignalBlocker(self.widgets.heat):
            self.widgets.heat.setCurrentIndex(max(self.widgets.heat.findData(shown), 0))

    def _count(self) -> None:
        shown, total = self.proxy.rowCount(), self.model.rowCount()
        self.widgets.count.setText(f"{shown} of {total} tiles" if shown != total else f"{total} tiles")

    def _say(self, sentence: str) -> None:
        self.widgets.problem.setText(sentence)
        self.widgets.problem.setVisible(bool(sentence))
        if sentence:
            self.widgets.pages.setCurrentWidget(self.widgets.content)


def _dot(color: str) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(color))
    return QIcon(pixmap)
