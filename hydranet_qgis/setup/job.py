"""The set-up in the background: it goes on while its page is closed, and ends with the plugin."""

from __future__ import annotations

import atexit
import os
import threading
from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..environment import profile_folder
from ..errors import SetupError
from ..i18n import tr
from .command import Cancelled
from .pip_command import Options
from .proxy import Proxy, of_qgis
from .steps import Report, Setup
from .store import Store

_PATIENCE_S = 5.0


class SetupJob(QObject):
    """At most one set-up; lives in the main thread, and so do its signals.

    Signals:
        started(): a set-up began.
        lineAdded(str): one more line of its log.
        stepChanged(str): what it is doing.
        progressChanged(int): 0 to 100, never falling.
        finished(bool, str): whether it succeeded, and the sentence that says so.

    Attributes:
        lines: the log so far, of the last set-up.
        step: what it does or did last.
        percent: how far it is.
        running: whether one goes on.
        outcome: sentence of the last one that ended, "" before.
    """

    started = pyqtSignal()
    lineAdded = pyqtSignal(str)
    stepChanged = pyqtSignal(str)
    progressChanged = pyqtSignal(int)
    finished = pyqtSignal(bool, str)
    # From the thread to the main thread, where everything above is changed.
    _told = pyqtSignal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: list[str] = []
        self.step = ""
        self.percent = 0
        self.running = False
        self.outcome = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._told.connect(self._take)

    def start(self, options: Options, store: Store | None = None) -> bool:
        """Begin; False if one is running. In the main thread.

        Args:
            options: what the user chose.
            store: where to, by default this QGIS profile.
        """
        from qgis.core import QgsApplication

        if self.running:
            return False
        self.lines, self.step, self.percent, self.outcome = [], "", 0, ""
        self.running = True
        self._stop = threading.Event()
        store = store or Store(profile_folder())
        arguments = (store, options, of_qgis(), QgsApplication.prefixPath(), self._stop)
        self._thread = threading.Thread(target=self._work, args=arguments, name="hydranet-setup", daemon=True)
        self._thread.start()
        self.started.emit()
        return True

    def cancel(self) -> None:
        """Ask it to stop; `finished` follows within 2 seconds."""
        self._stop.set()

    def close(self) -> None:
        """Stop it and wait until what was half made is gone."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)
            self._thread = None

    def _work(
        self, store: Store, options: Options, proxy: Proxy | None, prefix: str, stop: threading.Event
    ) -> None:
        report = Report(
            step=lambda text: self._tell("step", text),
            line=lambda text: self._tell("line", text),
            progress=lambda percent: self._tell("progress", percent),
        )
        try:
            pointer = Setup(store, options, os.environ, proxy, report, stop.is_set, prefix).run()
        except Cancelled:
            end = (False, tr("The set-up was cancelled; what was half made has been removed."))
        except SetupError as error:
            end = (False, str(error))
        except Exception as error:  # whatever it is, the page must not wait for ever
            end = (False, tr("The set-up failed: {why}; the log tells more.").format(why=repr(error)))
        else:
            end = (
                True,
                tr("The environment is ready: Python {python}, torch {torch}.").format(
                    python=pointer.python, torch=pointer.torch
                ),
            )
        self._tell("end", end)

    def _tell(self, what: str, value: Any) -> None:
        try:
            self._told.emit(what, value)
        except RuntimeError:
            self._stop.set()  # the job has been deleted with the plugin

    def _take(self, what: str, value: Any) -> None:
        if what == "line":
            self.lines.append(value)
            self.lineAdded.emit(value)
        elif what == "step":
            self.step = value
            self.stepChanged.emit(value)
        elif what == "progress":
            self.percent = value
            self.progressChanged.emit(value)
        else:
            self.running, self.outcome = False, value[1]
            self.finished.emit(*value)


_shared: SetupJob | None = None


def shared_job() -> SetupJob:
    """The one set-up of this QGIS, made when first asked for. In the main thread."""
    global _shared
    if _shared is None:
        _shared = SetupJob()
    return _shared


def close_shared_job() -> None:
    """End the set-up, if one runs; for unloading and for the end of QGIS."""
    global _shared
    job, _shared = _shared, None
    if job is not None:
        job.close()
        job.deleteLater()


# Where nobody unloads the plugin.
atexit.register(close_shared_job)
