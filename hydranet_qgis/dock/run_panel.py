"""The dock's contents: choose a run, find a tile, see its scores; and the wires between them and the map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsProject
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QWidget

from .. import results, routing_style
from ..errors import PluginError
from ..expert_colors import assign
from ..i18n import tr
from ..run_folder import Run
from ..run_registry import RunRegistry
from ..tile_records import TileRecord
from .drop import DropHint, carries_files, dropped_run
from .layout import PanelWidgets
from .map_link import MapLink
from .run_list import RunList, fill
from .tile_columns import TileColumns
from .tile_loader import TileLoader
from .tile_model import TileModel


class RunPanel(QWidget):
    """Shows the project's runs, one at a time.

    Signals:
        runShown(object): another `Run` is shown with all its tiles, or None.
        tileSelected(object): the `TileRecord` whose scores are shown, or None.
        tileActivated(object): the user clicked or pressed Enter on a tile; the map moves to it.
        mapChanged(str): the map's tiles are drawn another way, see `HeatStrip`.

    Attributes:
        widgets: the widgets, see `PanelWidgets`.
        map_link: what ties the tiles to the map.
        loader: reads the tiles.
    """

    runShown = pyqtSignal(object)
    tileSelected = pyqtSignal(object)
    tileActivated = pyqtSignal(object)
    mapChanged = pyqtSignal(str)

    def __init__(
        self, registry: RunRegistry, canvas: Any, run_algorithm: Callable[[], None], parent: Any = None
    ) -> None:
        super().__init__(parent)
        self._registry, self._runs = registry, RunList(registry)
        self._run: Run | None = None
        self._closed = False
        self.map_link = MapLink(canvas, self)
        self.loader = TileLoader(self)
        self.widgets = PanelWidgets(self, registry, self.map_link.action)
        self._hint = DropHint(self)
        self.setAcceptDrops(True)
        self._connect(run_algorithm)
        self.refresh()

    @property
    def run(self) -> Run | None:
        """The run shown, None in the empty state; its tiles may still be on their way."""
        return self._run

    @property
    def model(self) -> TileModel:
        """Tiles of the run shown, filtered and sorted as in the table."""
        return self.widgets.tiles.model

    def shown_tiles(self) -> list[TileRecord]:
        """The tiles that pass the filters, in the table's order."""
        return self.model.shown_tiles()

    def selected_tile(self) -> TileRecord | None:
        """The tile whose scores are shown."""
        return self.widgets.tiles.selection.current()

    def select_tile(self, tile_index: int) -> bool:
        """Select a tile by its number; False if it is not shown under the present filter."""
        return self.widgets.tiles.select_tile(tile_index)

    def refresh(self, wanted: str = "") -> None:
        """Read the list of runs again and keep the present run, or show the one in folder `wanted`."""
        entries = self._runs.entries()
        present = str(self._run.folder) if self._run else ""
        fill(self.widgets.runs, entries, wanted if wanted else present)
        gone = [entry for entry in entries if entry.run is None]
        self.widgets.empty.tell_missing([entry.problem for entry in gone])
        if (self.widgets.runs.currentData() or "") != present or wanted or self._stale():
            self._show_current()
        self.widgets.heat.follow()

    def open_run(self, folder: str) -> bool:
        """Add a run folder to the project, with its layers, and show it; False if it is none."""
        try:
            run = self._runs.read(Path(folder))
        except PluginError as error:
            self._say(str(error))
            return False
        results.load_run(run, QgsProject.instance())
        self._registry.remember(run.folder)
        self.refresh(str(run.folder))
        return True

    def choose_folder(self, *_: object) -> None:
        """Ask for a run folder and open it."""
        folder = QFileDialog.getExistingDirectory(self, tr("Open HydraNet run folder"))
        if folder:
            self.open_run(folder)

    def close_down(self) -> None:
        """Take everything off the map and end what runs in the background, before the dock goes."""
        if self._closed:
            return
        self._closed = True
        self._registry.runsChanged.disconnect(self.refresh)
        self._registry.runFinished.disconnect(self.refresh)
        self.loader.close()
        self._run = None
        self._show(None, tell=False)
        self.map_link.close()
        self.widgets.what_if.close_down()
        self.widgets.tiles.close_down()

    def dragEnterEvent(self, event: Any) -> None:
        if carries_files(event.mimeData()):
            # Also what is no run: dropping it here explains itself, QGIS would load it as a layer.
            event.acceptProposedAction()
            self._hint.announce(event.mimeData())

    def dragLeaveEvent(self, event: Any) -> None:
        self._hint.end()

    def dropEvent(self, event: Any) -> None:
        self._hint.end()
        folder, problem = dropped_run(event.mimeData())
        event.acceptProposedAction()
        if folder is None:
            self._say(problem)
        else:
            self.open_run(str(folder))

    def _connect(self, run_algorithm: Callable[[], None]) -> None:
        widgets, tiles, link = self.widgets, self.widgets.tiles, self.map_link
        for button in (widgets.run_button, widgets.empty.run_button):
            button.clicked.connect(lambda *_: run_algorithm())
        for button in (widgets.open_button, widgets.empty.open_button):
            button.clicked.connect(self.choose_folder)
        widgets.runs.currentIndexChanged.connect(lambda *_: self._show_current())
        self.loader.loaded.connect(self._loaded)
        self.loader.failed.connect(self._failed)

        tiles.tileSelected.connect(link.mark)
        tiles.tileSelected.connect(self.tileSelected)
        tiles.tileActivated.connect(link.zoom)
        tiles.tileActivated.connect(self.tileActivated)
        tiles.objectSelected.connect(link.mark_object)
        tiles.objectActivated.connect(link.zoom_object)
        tiles.selectionChanged.connect(link.select)
        link.selectionChanged.connect(self._select)
        link.tilePicked.connect(self._pick)

        widgets.heat.mapChanged.connect(self._map_changed)
        widgets.what_if.previewChanged.connect(tiles.set_preview)
        widgets.what_if.previewChanged.connect(link.preview)
        for part in (widgets.heat, widgets.what_if, widgets.summary):
            part.problem.connect(self._say)
        widgets.summary.done.connect(widgets.problem.tell)

        self._registry.runsChanged.connect(self.refresh)
        self._registry.runFinished.connect(self.refresh)

    def _stale(self) -> bool:
        """Whether the run shown was made anew, or given another policy, since it was read."""
        if self._run is None:
            return False
        try:
            return self._runs.read(self._run.folder) is not self._run
        except PluginError:
            return True

    def _show_current(self) -> None:
        folder, run, problem = self.widgets.runs.currentData(), None, ""
        if folder:
            try:
                run = self._runs.read(Path(folder))
            except PluginError as error:
                problem = str(error)
        again = run is not None and self._run is not None and run.folder == self._run.folder
        self._run = run
        self.widgets.pages.setCurrentWidget(self.widgets.content if folder else self.widgets.empty)
        self._say(problem)
        self.widgets.heat.show_run(run, self._colors())
        self.loader.cancel()
        if run is None:
            self._show(None)
            return
        self.loader.load(run)  # a small run is shown when this returns
        if self.loader.busy:
            if not again:
                self._show(None, tell=False)
            self.widgets.show_reading(run.total)

    def _loaded(self, columns: TileColumns) -> None:
        self._show(columns)

    def _failed(self, run: Run, problem: str) -> None:
        self._show(None)
        self._say(problem)

    def _show(self, columns: TileColumns | None, tell: bool = True) -> None:
        """Hand a run's tiles to everything that shows them; None takes them away."""
        widgets, run, colors = self.widgets, self._run, self._colors()
        shown = run if columns is not None else None
        tiles = columns.tiles if columns is not None else []
        widgets.show_reading(None)
        self.map_link.show_run(shown, tiles)
        widgets.tiles.show_run(shown, columns)
        widgets.what_if.show_run(shown, tiles, colors)
        widgets.summary.show_run(run, columns, colors)
        self._focus_map_expert()
        if tell:
            self.runShown.emit(run)

    def _colors(self) -> dict[str, str]:
        return assign(self._run.experts) if self._run is not None else {}

    def _select(self, tiles: list[int]) -> None:
        """The user selected tiles in QGIS: the table follows."""
        hidden = len(tiles) - self.widgets.tiles.select(tiles)
        if hidden:
            self.widgets.problem.tell(
                tr("{hidden} of the {count} tiles selected on the map are hidden by the filters.").format(
                    hidden=hidden, count=len(tiles)
                )
            )

    def _pick(self, tile: int) -> None:
        """The user clicked on a tile on the map."""
        self.widgets.show_tiles()
        if self.widgets.tiles.reveal(tile):
            self.widgets.problem.tell(tr("The filters were cleared to show the tile."))
        self.map_link.select([tile])

    def _map_changed(self, what: str) -> None:
        self._focus_map_expert()
        self.mapChanged.emit(what)

    def _focus_map_expert(self) -> None:
        """The columns of numbers tell what the map's colours do."""
        what = self.widgets.heat.what()
        expert = routing_style.expert_of(what) or None
        self.widgets.tiles.set_map_expert(expert, routing_style.unsure_kind(what))

    def _say(self, sentence: str) -> None:
        self.widgets.problem.say(sentence)
        if sentence:
            self.widgets.pages.setCurrentWidget(self.widgets.content)
