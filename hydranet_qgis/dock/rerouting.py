"""Gives a finished run another policy in the background, while its user goes on."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .. import main_thread
from ..i18n import tr
from ..run_folder import Run
from ..what_if import RECALL, THRESHOLD, Policy

ALGORITHM = "hydranet:reroute"

# Tasks with all that QGIS points to without keeping it; they outlive a dock that is closed meanwhile.
_running: dict[int, tuple[Any, ...]] = {}


class _Feedback(QgsProcessingFeedback):
    """Keeps what the algorithm says; its calls come from the task's thread."""

    said = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__(False)
        self.error = ""
        self.warnings: list[str] = []

    def setProgressText(self, text: str) -> None:
        self.said.emit(text)

    def pushWarning(self, warning: str) -> None:
        self.warnings.append(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.error = error


class Rerouting(QObject):
    """Runs one job at a time.

    Signals:
        progressed(float): percent.
        said(str): what is being done.
        done(str): the run in this folder has its new policy.
        failed(str): why not, in a sentence; "" if the user stopped it.
    """

    progressed = pyqtSignal(float)
    said = pyqtSignal(str)
    done = pyqtSignal(str)
    failed = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = ""
        self._task: Any = None
        self._feedback: _Feedback | None = None

    @property
    def folder(self) -> str:
        """Folder of the run being worked on, "" if there is none."""
        return self._folder

    def start(self, run: Run, policy: Policy) -> bool:
        """Begin; False, with `failed` telling why, if it cannot."""
        if self._folder:
            return False
        algorithm = QgsApplication.processingRegistry().algorithmById(ALGORITHM)
        if algorithm is None:
            self.failed.emit(
                tr("The algorithm {name} is not there; enable the HydraNet plugin.").format(name=ALGORITHM)
            )
            return False
        values = parameters(run, policy)
        context = QgsProcessingContext()
        context.setProject(QgsProject.instance())
        ready, why = algorithm.canExecute()
        if ready:
            ready, why = algorithm.checkParameterValues(values, context)
        if not ready:
            self.failed.emit(why)
            return False
        feedback = _Feedback()
        feedback.progressChanged.connect(self.progressed)
        feedback.said.connect(self.said)
        task = QgsProcessingAlgRunnerTask(algorithm, values, context, feedback)
        task.setDescription(tr("Decoding {run}").format(run=run.short_label))
        task.executed.connect(self._executed)
        # Connected last and so called last.
        task.executed.connect(lambda *_: _running.pop(id(task), None))
        _running[id(task)] = (task, context, feedback)
        self._folder, self._task, self._feedback = str(run.folder), task, feedback
        QgsApplication.taskManager().addTask(task)
        return True

    def cancel(self) -> None:
        """Stop as soon as the worker can; `failed` follows."""
        if self._task is not None:
            self._feedback.cancel()
            self._task.cancel()

    def _executed(self, successful: bool, results: dict[str, Any]) -> None:
        # Once the run has been announced; in a turn of its own the window does not stand still for all of it.
        main_thread.soon(lambda: self._ended(successful))

    def _ended(self, successful: bool) -> None:
        if sip.isdeleted(self):
            return
        folder, feedback = self._folder, self._feedback
        self._folder, self._task, self._feedback = "", None, None
        if successful:
            self.done.emit(folder)
        elif feedback.isCanceled():
            self.failed.emit("")
        else:
            self.failed.emit(feedback.error or tr("It failed without a word; see the Processing log."))


def parameters(run: Run, policy: Policy) -> dict[str, Any]:
    """What `hydranet:reroute` is asked for; resources as the run itself was given them."""
    values: dict[str, Any] = {
        "RUN_FOLDER": str(run.folder),
        "POLICY": policy.kind,
        "TOP_K": policy.k,
        "MISS_RATE": 100 * policy.miss_rate,
    }
    if policy.kind == THRESHOLD and policy.thresholds:
        values["THRESHOLDS"] = ",".join(f"{n}={v!r}" for n, v in sorted(policy.thresholds.items()))
    if policy.kind == RECALL:
        del values["TOP_K"]
    for name, key in (("THREADS", "threads"), ("MEMORY_MB", "memory_mb")):
        if run.request.get(key):
            values[name] = run.request[key]
    return values
