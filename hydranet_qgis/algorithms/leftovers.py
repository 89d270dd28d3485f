"""Clearing up after a worker that could not do it itself, because it was killed or crashed."""

from __future__ import annotations

import shutil
from pathlib import Path

# The worker builds a run in a folder of this name inside the run folder.
_STAGING = ".hydranet.part-*"


class Leftovers:
    """Knows what lay in a run folder before a job, and removes what a dead worker left since.

    Args:
        folder: the run folder, which need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._existed = folder.is_dir()
        self._before = set(folder.glob(_STAGING)) if self._existed else set()

    def remove(self) -> None:
        """Remove half-made runs; nothing that was there before, and no finished file."""
        if not self._folder.is_dir():
            return
        for path in set(self._folder.glob(_STAGING)) - self._before:
            shutil.rmtree(path, ignore_errors=True)
        if not self._existed and not any(self._folder.iterdir()):
            self._folder.rmdir()
