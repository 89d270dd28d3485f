"""The selector of runs: every run of the project, the latest first, also one that is not there now."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QSignalBlocker, Qt

from ..errors import RunFolderError
from ..i18n import tr
from ..run_folder import Run, read_run
from ..run_registry import RunRegistry


@dataclass(frozen=True)
class Listed:
    """One entry: a run, or a folder with a sentence why there is none in it."""

    folder: Path
    run: Run | None
    problem: str = ""


class RunList:
    """Reads the runs of a project, each anew only when its run.json has changed."""

    def __init__(self, registry: RunRegistry) -> None:
        self._registry = registry
        self._cache: dict[Path, tuple[int, Run]] = {}

    def read(self, folder: Path) -> Run:
        """The run in a folder.

        Raises:
            RunFolderError: there is none, or it is damaged.
        """
        try:
            stamp = (folder / "run.json").stat().st_mtime_ns
        except OSError:
            stamp = -1
        known = self._cache.get(folder)
        if known is None or known[0] != stamp:
            known = (stamp, read_run(folder))
            self._cache[folder] = known
        return known[1]

    def entries(self) -> list[Listed]:
        """All runs, the latest first; those that cannot be read at the end."""
        there, gone = [], []
        for folder in self._registry.folders():
            try:
                there.append(Listed(folder, self.read(folder)))
            except RunFolderError as error:
                gone.append(Listed(folder, None, str(error)))
        for folder in self._registry.missing():
            sentence = tr("{folder} is not there; put it back, or open the run where it is now.")
            gone.append(Listed(folder, None, sentence.format(folder=folder)))
        there.sort(key=lambda entry: entry.run.created, reverse=True)
        return there + gone


def fill(combo: Any, entries: list[Listed], wanted: str) -> None:
    """Put runs into a combo box without telling of it.

    Args:
        combo: the combo box.
        entries: the runs.
        wanted: folder to choose; if it is not among those that can be read, the latest is chosen.
    """
    with QSignalBlocker(combo):
        combo.clear()
        labels = collections.Counter(entry.run.short_label for entry in entries if entry.run is not None)
        for entry in entries:
            if entry.run is not None:
                label = entry.run.short_label
                # Runs of one scene with different settings may be made within a minute.
                twin = labels[label] > 1
                combo.addItem(f"{label} · {entry.folder.name}" if twin else label, str(entry.folder))
            else:
                combo.addItem(tr("{name} · not there").format(name=entry.folder.name), str(entry.folder))
                # Greyed, and passed over by the arrow keys.
                combo.model().item(combo.count() - 1).setEnabled(False)
            tip = entry.problem or str(entry.folder)
            combo.setItemData(combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        readable = [str(entry.folder) for entry in entries if entry.run is not None]
        chosen = wanted if wanted in readable else next(iter(readable), "")
        combo.setCurrentIndex(combo.findData(chosen) if chosen else -1)
