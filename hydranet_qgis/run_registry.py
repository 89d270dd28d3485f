"""Which runs belong to the project: remembered in it, found again when it is opened.

Two traces are followed, because each alone gets lost: an entry of the project (a run whose layers
were removed is still known) and the layers themselves (a project made without this plugin, or elsewhere).
"""

from __future__ import annotations

import os
from pathlib import Path

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import run_events
from .layer_identity import run_folder_of
from .run_folder import is_run

SCOPE = "HydraNet"
KEY = "runs"


class RunRegistry(QObject):
    """The project's runs.

    Signals:
        runsChanged(): the list may have changed; ask `folders()`.
        runFinished(str): a run has just finished in this folder and is part of the list.
    """

    runsChanged = pyqtSignal()
    runFinished = pyqtSignal(str)

    _announced = pyqtSignal(str)  # carries an announcement from any thread into this object's

    def __init__(self, project: QgsProject, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._remembered: list[Path] = []
        # Many layers come at once when a project opens; one look afterwards is enough.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self.runsChanged)
        self._announced.connect(self._finished)
        self._connections = [
            (project.readProject, self._read),
            (project.cleared, self._read),
            (project.writeProject, self._write),
            (project.layersAdded, self._changed),
            (project.layersRemoved, self._changed),
        ]
        for signal, slot in self._connections:
            signal.connect(slot)
        self._ring = self._announced.emit
        run_events.listen(self._ring)
        self._read()

    def close(self) -> None:
        """Let go of the project and the bell."""
        run_events.forget(self._ring)
        self._settle.stop()
        for signal, slot in self._connections:
            signal.disconnect(slot)

    def folders(self) -> list[Path]:
        """Folders of the project's runs that exist, each once, in no particular order.

        A run that is not there now stays remembered: its disk may be back the next time.
        """
        loaded = [folder for folder in map(run_folder_of, self._project.mapLayers().values()) if folder]
        found = (folder for folder in [*self._remembered, *loaded] if is_run(folder))
        return list({_key(folder): folder for folder in found}.values())

    def missing(self) -> list[Path]:
        """Remembered folders that hold no run now."""
        return [folder for folder in self._remembered if not is_run(folder)]

    def knows(self, folder: Path) -> bool:
        """Whether a run belongs to the project."""
        return _key(folder) in map(_key, self.folders())

    def remember(self, folder: Path) -> None:
        """Make a run part of the project."""
        if _key(folder) not in map(_key, self._remembered):
            self._remembered.append(folder)
            self._write()
            self._changed()

    def _finished(self, folder: str) -> None:
        self.remember(Path(folder))
        self.runFinished.emit(folder)

    def _read(self, *_: object) -> None:
        entries, _known = self._project.readListEntry(SCOPE, KEY)
        self._remembered = [Path(self._project.readPath(text)) for text in entries]
        self._changed()

    def _write(self, *_: object) -> None:
        """Note the folders relative to where the project is saved now, so that they may move together.

        An entry alone would not do: made before the project had a name it is absolute, and after
        "Save As" a relative one leads elsewhere.
        """
        texts = [self._project.writePath(str(folder)) for folder in self._remembered]
        if texts != self._project.readListEntry(SCOPE, KEY)[0]:
            self._project.writeEntry(SCOPE, KEY, texts)

    def _changed(self, *_: object) -> None:
        self._settle.start()


def _key(folder: Path) -> str:
    return os.path.normcase(os.path.realpath(folder))
