"""What a run that did not end well leaves in its run folder: to be continued, or to be cleared away."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..i18n import tr

JOURNAL = "journal"
"""Folder inside the run folder where the worker keeps a run until it is finished."""
ADVICE = " What is done is kept:"
"""How the engine begins to say how a run is continued, behind the sentence of the error."""
_PLAN = "plan.json"  # without it nothing was begun


def is_unfinished(folder: Path) -> bool:
    """Whether a run in `folder` was begun and has not ended."""
    return (folder / JOURNAL / _PLAN).is_file()


class Leftovers:
    """Knows what lay in a run folder before a job, and what a job left since.

    A worker that lives cleans up itself and says how to go on; but it does not know that a folder goes
    with this QGIS, and a worker that was killed says nothing.

    Args:
        folder: the run folder, which need not exist yet.
        kept: whether the folder outlives this QGIS, so that its run can be continued.
    """

    def __init__(self, folder: Path, kept: bool = True) -> None:
        self._folder, self._kept = folder, kept
        self._existed = folder.is_dir()
        self._had_journal = (folder / JOURNAL).exists()

    @property
    def resumable(self) -> bool:
        """Whether there is something worth continuing."""
        return self._kept and is_unfinished(self._folder)

    def remove(self) -> None:
        """Clear away what the job left; never what was there before."""
        if not self._had_journal:
            shutil.rmtree(self._folder / JOURNAL, ignore_errors=True)
        if not self._existed and self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def after_crash(self, sentence: str) -> str:
        """Keep what can be continued and clear away the rest; the error's sentence, with how to go on."""
        if not self.resumable:
            self.remove()
            return sentence
        advice = tr("To go on where it stopped, run it again with the same run folder and tick Resume.")
        return f"{sentence} {advice}"

    def after_error(self, sentence: str) -> str:
        """The worker's sentence; of a run that cannot be continued nothing is left, advice included."""
        if self._kept:
            return sentence
        self.remove()
        return sentence.partition(ADVICE)[0]
