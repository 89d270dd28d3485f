"""Letting the worker replace files that layers show.

Windows moves no file that is open, and a layer keeps its file open. While a job works in a run folder, the
layers of that run show copies: the map, the legend and the dock go on as if nothing were. Other systems
move open files, so there nothing is done, but for objects: a run may end without their table, and QGIS
does not survive drawing one that has gone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingUtils, QgsProject
from qgis.PyQt import sip

from . import main_thread
from .errors import InputError
from .i18n import tr
from .layer_files import end_stand_in, file_of, own_source, show_stand_in, stands_in
from .layer_identity import layer_file, layers_in
from .run_folder import ROUTING_FILE

ALWAYS = False
"""Do it on every system; for tests."""


class SetAside:
    """The layers of a run folder show copies of their files inside the `with` block.

    May be used from any thread; the layers are touched in the main one. How the block is left does not
    matter: the layers show their own files again, whatever these hold by then.

    Args:
        folder: the run folder.
        project: whose layers; None for none.
        cancelled: whether the user has stopped the job.
    """

    def __init__(
        self, folder: Path, project: QgsProject | None, cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        self._folder, self._project, self._cancelled = folder, project, cancelled
        self._files: set[Path] = set()
        self._copies: Path | None = None
        self._sources: dict[str, str] = {}

    def __enter__(self) -> SetAside:
        """Copy the files here, then have the layers show the copies.

        Raises:
            InputError: there is no room for the copies.
        """
        if self._project is None or not (_everything() or _tables(self._folder)):
            return self
        main_thread.wait_for(self._look, self._cancelled)
        if self._files:
            self._copy()
            # A main thread that does not answer is no reason to stop: the worker tells what it cannot move.
            main_thread.wait_for(self._let_go, self._cancelled)
        return self

    def __exit__(self, *_: object) -> None:
        if self._copies is not None:
            main_thread.do(self._take_back)

    def _look(self) -> None:
        self._files = {Path(file_of(layer.source())[0]) for layer in self._layers()}

    def _copy(self) -> None:
        try:
            self._copies = Path(tempfile.mkdtemp(prefix="shown-", dir=QgsProcessingUtils.tempFolder()))
            for file in self._files:
                if file.is_file():
                    shutil.copyfile(file, self._copies / file.name)
        except OSError as error:
            if self._copies is not None:
                shutil.rmtree(self._copies, ignore_errors=True)
            raise InputError(
                tr(
                    "The layers of {folder} cannot be copied to show them meanwhile ({error}); free some "
                    "space in the folder for temporary files, or remove the layers, then run again."
                ).format(folder=self._folder, error=error.strerror or error)
            ) from error

    def _let_go(self) -> None:
        for layer in self._layers():
            path, rest = file_of(layer.source())
            copy = self._copies / Path(path).name
            if copy.is_file():
                self._sources[layer.id()] = layer.source()
                show_stand_in(layer, f"{copy}{rest}")
        if self._sources:
            self._project.writeMapLayer.connect(self._written)

    def _take_back(self) -> None:
        if self._project is not None and not sip.isdeleted(self._project):
            if self._sources:
                self._project.writeMapLayer.disconnect(self._written)
            for number, source in self._sources.items():
                layer = self._project.mapLayer(number)  # None if it was removed meanwhile
                if layer is not None and stands_in(layer) and own_source(layer) == source:
                    end_stand_in(layer)
        self._sources = {}
        # A map that is just being drawn may still hold a copy; Processing empties its folder in the end. A
        # table is left to that wherever it could be taken away from under the drawing.
        if _everything():
            shutil.rmtree(self._copies, ignore_errors=True)

    def _layers(self) -> list[Any]:
        if sip.isdeleted(self._project):
            return []
        found = (layer for layer in layers_in(self._project, self._folder) if not stands_in(layer))
        return [layer for layer in found if _everything() or _name(layer) in _tables(self._folder)]

    def _written(self, layer: Any, element: Any, _document: Any) -> None:
        """Have a project that is saved meanwhile name the run's file rather than the copy."""
        source = self._sources.get(layer.id())
        if source is not None:
            path, rest = file_of(source)
            text = self._project.pathResolver().writePath(path) + rest
            element.firstChildElement("datasource").firstChild().setNodeValue(text)


def _name(layer: Any) -> str:
    path = layer_file(layer)
    return path.name if path is not None else ""


def _everything() -> bool:
    """Whether no file of the folder may be open."""
    return ALWAYS or os.name == "nt"


def _tables(folder: Path) -> set[str]:
    """Names of the folder's tables that the run may lose, which the table of tiles is not."""
    return {path.name for path in folder.glob("*.gpkg")} - {ROUTING_FILE}
