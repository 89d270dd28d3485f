"""Which runs belong to the project: remembered in it, found again when it is opened.

Two traces are followed, because each alone gets lost: an entry of the project (a run whose layers
were removed is still known) and the layers themselves (a project that was moved, or made elsewhere).
"""

from __future__ import annotations

import os
from pathlib import Path

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import run_events
from .results import run_folder_of
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
        # Many layers come at once when a project opens; one look afterwards is enough.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self.runsChanged)
        self._announced.connect(self._finished)
        for signal in self._signals():
            signal.connect(self._changed)
        self._ring = self._announced.emit
        run_events.listen(self._ring)

    def close(self) -> None:
        """Let go of the project and the bell."""
        run_events.forget(self._ring)
        self._settle.stop()
        for signal in self._signals():
            signal.disconnect(self._changed)

    def folders(self) -> list[Path]:
        """Folders of the project's runs that exist, each once, in no particular order."""
        remembered, _ = self._project.readListEntry(SCOPE, KEY)
        found = [Path(self._project.readPath(text)) for text in remembered]
        found += [folder for folder in map(run_folder_of, self._project.mapLayers().values()) if folder]
        unique = {os.path.normcase(os.path.realpath(folder)): folder for folder in found if is_run(folder)}
        return list(unique.values())

    def remember(self, folder: Path) -> None:
        """Make a run part of the project."""
        remembered, _ = self._project.readListEntry(SCOPE, KEY)
        text = self._project.writePath(str(folder))
        if text not in remembered:
            self._project.writeEntry(SCOPE, KEY, [*remembered, text])
            self._changed()

    def _finished(self, folder: str) -> None:
        self.remember(Path(folder))
        self.runFinished.emit(folder)

    def _changed(self, *_: object) -> None:
        self._settle.start()

    def _signals(self) -> list[object]:
        project = self._project
        return [project.readProject, project.cleared, project.layersAdded, project.layersRemoved]
