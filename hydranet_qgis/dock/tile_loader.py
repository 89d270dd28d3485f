"""Reading a run's tiles: a small run at once, a big one in a thread while the window stays alive."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..errors import PluginError
from ..i18n import tr
from ..object_records import objects_expert, objects_of
from ..run_folder import Run
from ..tile_records import read_tiles
from .background import Background
from .tile_columns import columns_of

AT_ONCE = 400
"""Up to so many tiles are read without a thread: faster than a "Reading…" could be seen."""
OBJECTS_AT_ONCE = 1000
"""The same for objects."""


class TileLoader(QObject):
    """Loads one run at a time; another takes the place of the one under way.

    Signals:
        loaded(object): the `TileColumns` of the run asked for last.
        failed(object, str): its tiles cannot be read (`Run`, a sentence).
    """

    loaded = pyqtSignal(object)
    failed = pyqtSignal(object, str)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._thread = Background(self)

    @property
    def busy(self) -> bool:
        """Whether a run is being read."""
        return self._thread.busy

    def load(self, run: Run) -> None:
        """Read the tiles of a run; a signal tells the end, of a small run before this returns."""

        def read(cancelled: Any = lambda: False) -> Any:
            tiles = read_tiles(run, cancelled)
            return columns_of(run, tiles, cancelled, objects_of(run, cancelled))

        def tell(result: Any) -> None:
            if not isinstance(result, Exception):
                self.loaded.emit(result)
            elif isinstance(result, PluginError):
                self.failed.emit(run, str(result))
            else:
                self.failed.emit(
                    run,
                    tr("The tiles of {folder} cannot be read ({kind}: {error}); run HydraNet again.").format(
                        folder=run.folder, kind=type(result).__name__, error=result
                    ),
                )

        expert = objects_expert(run)
        many = expert is not None and expert.objects is not None and expert.objects.count > OBJECTS_AT_ONCE
        if run.total > AT_ONCE or many:
            self._thread.start(read, tell)
            return
        self._thread.cancel()
        try:
            result = read()
        except Exception as error:  # noqa: BLE001 - told as one from the thread is
            result = error
        tell(result)

    def cancel(self) -> None:
        """Forget the run under way."""
        self._thread.cancel()

    def close(self) -> None:
        """Cancel and end the thread."""
        self._thread.close()
