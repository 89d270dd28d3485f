"""The upper half of the page: which Python is used, another one by choice, a test, and the running worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QRadioButton,
    QToolButton,
    QVBoxLayout,
)

from ..environment import check_python, find_interpreter
from ..errors import EnvironmentMissing, SetupError
from ..i18n import tr
from ..python_facts import Facts, probe
from ..setup.command import Cancelled
from ..setup.steps import check_worker
from ..worker_client import shared_client
from .background import Background
from .parts import say, sentence_label

_TYPING_MS = 400
_STATE_MS = 1000


class InterpreterBox(QGroupBox):
    """Automatic or a Python of the user's own; nothing is stored here.

    Args:
        setting: the stored QGIS setting, "" for automatic.
    """

    def __init__(self, setting: str, parent: Any = None) -> None:
        super().__init__(tr("Python of the worker"), parent)
        self.used = sentence_label(self, "hydranetUsed")
        self.automatic = QRadioButton(tr("&Automatic"), self)
        self.automatic.setToolTip(
            tr(
                "The variable HYDRANET_PYTHON if it is set, then the environment made below, then an "
                "environment in the profile's folder hydranet/venv"
            )
        )
        self.own = QRadioButton(tr("This &one:"), self)
        self.path = QLineEdit(setting, self)
        self.path.setPlaceholderText(tr("a Python, or the folder of an environment, with torch and rasterio"))
        self.path.setAccessibleName(tr("Python of the worker"))
        self.browse = QToolButton(self)
        self.browse.setText("…")
        self.browse.setToolTip(tr("Choose a Python"))
        self.verdict = sentence_label(self, "hydranetVerdict")
        self.test = QPushButton(tr("&Test"), self)
        self.test.setToolTip(tr("Start a worker with this Python and ask for its versions and its device"))
        self.tested = sentence_label(self, "hydranetTested")
        self.worker = sentence_label(self, "hydranetWorker")
        self.stop = QPushButton(tr("Sto&p worker"), self)
        self.stop.setToolTip(tr("End the waiting worker and free its memory; the next run starts a new one"))
        self._probing = Background(self)
        self._testing = Background(self)
        self._stopping = Background(self)
        self._quit = quit_ = threading.Event()
        self.destroyed.connect(lambda *_: quit_.set())  # nobody waits for a test any more
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._watch = QTimer(self)
        self._watch.setInterval(_STATE_MS)
        self._lay_out()
        self._connect()
        (self.own if setting else self.automatic).setChecked(True)
        self._chosen()
        self.refresh()

    @property
    def setting(self) -> str:
        """What would be stored: "" for automatic."""
        return self.path.text().strip() if self.own.isChecked() else ""

    @property
    def problem(self) -> str:
        """Why the choice cannot be stored, "" if it can. Without starting anything."""
        if self.automatic.isChecked():
            return ""
        if not self.setting:
            return tr("Name a Python, or choose Automatic.")
        try:
            check_python(self.setting, tr("choice on this page"))
        except EnvironmentMissing as error:
            return str(error)
        return ""

    def refresh(self) -> None:
        """Show which Python is used now, and what the worker does."""
        try:
            found = find_interpreter()
        except EnvironmentMissing as error:
            say(self.used, str(error), problem=True)
        else:
            say(self.used, tr("Used now: {path} ({origin})").format(path=found.path, origin=found.origin))
        self._show_worker()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._watch.start()
        self._show_worker()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._watch.stop()

    def _lay_out(self) -> None:
        chosen = QHBoxLayout()
        chosen.addWidget(self.own)
        chosen.addWidget(self.path, 1)
        chosen.addWidget(self.browse)
        testing = QHBoxLayout()
        testing.addWidget(self.test)
        testing.addStretch(1)
        running = QHBoxLayout()
        running.addWidget(self.worker, 1)
        running.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.addWidget(self.used)
        layout.addWidget(self.automatic)
        layout.addLayout(chosen)
        layout.addWidget(self.verdict)
        layout.addLayout(testing)
        layout.addWidget(self.tested)
        layout.addLayout(running)

    def _connect(self) -> None:
        self.own.toggled.connect(self._chosen)
        self.path.textEdited.connect(lambda *_: self.own.setChecked(True))
        self.path.textChanged.connect(self._chosen)
        self.browse.clicked.connect(self._browse)
        self._typing.timeout.connect(self._probe)
        self._probing.done.connect(self._probed)
        self.test.clicked.connect(self._test)
        self._testing.done.connect(self._was_tested)
        self.stop.clicked.connect(self._stop_worker)
        self._stopping.done.connect(lambda *_: self._show_worker())
        self._watch.timeout.connect(self._show_worker)

    def _browse(self, *_: object) -> None:
        chosen, _filter = QFileDialog.getOpenFileName(
            self, tr("Python of an environment with torch and rasterio"), self.path.text()
        )
        if chosen:
            self.path.setText(chosen)
            self.own.setChecked(True)

    def _chosen(self, *_: object) -> None:
        """Another choice: what is known about the one before no longer counts."""
        self._typing.stop()
        self._probing.drop()
        say(self.tested, "")
        problem = self.problem
        say(self.verdict, problem, problem=bool(self.setting))
        if self.setting and not problem:
            say(self.verdict, tr("Asking this Python…"))
            self._typing.start()

    def _probe(self) -> None:
        path = check_python(self.setting, tr("choice on this page"))
        environ = dict(os.environ)
        self._probing.start(lambda: probe(path, environ))

    def _probed(self, facts: Facts) -> None:
        if facts.problem:
            say(self.verdict, facts.problem, problem=True)
            return
        packages = facts.packages or {}
        lacking = [name for name in ("torch", "rasterio") if not packages.get(name)]
        if lacking:
            text = tr("Python {version} without {names}; install it there, or set up an environment below.")
            say(self.verdict, text.format(version=facts.text, names=", ".join(lacking)), problem=True)
            return
        text = tr("Python {version} with torch {torch} and rasterio {rasterio}.")
        say(
            self.verdict,
            text.format(version=facts.text, torch=packages["torch"], rasterio=packages["rasterio"]),
        )

    def _test(self, *_: object) -> None:
        try:
            path = find_interpreter(self.setting).path
        except EnvironmentMissing as error:
            say(self.tested, str(error), problem=True)
            return
        self.test.setEnabled(False)
        say(self.tested, tr("Starting a worker…"))
        self._testing.start(lambda: ask_worker(path, self._quit.is_set))

    def _was_tested(self, result: tuple[str, bool]) -> None:
        self.test.setEnabled(True)
        say(self.tested, result[0], problem=not result[1])

    def _show_worker(self) -> None:
        client = shared_client()
        pid = client.pid
        self.stop.setEnabled(pid is not None and not self._stopping.busy)
        if pid is None:
            say(self.worker, tr("No worker is running; a run starts one."))
            return
        text = (
            tr("A run is going on in process {pid}.")
            if client.busy
            else tr("The worker waits in process {pid}.")
        )
        memory = client.memory_bytes
        size = " " + tr("It takes {n} MB of memory.").format(n=memory // 1_000_000) if memory else ""
        say(self.worker, text.format(pid=pid) + size)

    def _stop_worker(self, *_: object) -> None:
        client = shared_client()
        if client.busy and not _agreed(self):
            return
        self.stop.setEnabled(False)
        self._stopping.start(client.shutdown)


def _agreed(parent: Any) -> bool:
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    text = tr("A run is going on in the worker and would fail. Stop it all the same?")
    return QMessageBox.question(parent, "HydraNet", text, yes | no, no) == yes


def ask_worker(path: Path, cancelled: Callable[[], bool]) -> tuple[str, bool]:
    """What a worker started with a Python says it has, as lines to read, and whether it can work."""
    try:
        found = check_worker(path, lambda line: None, cancelled)
    except SetupError as error:
        return str(error), False
    except Cancelled:
        return "", False
    versions = found["versions"]
    known = [f"{name} {version}" for name, version in versions.items() if version and name != "hydranet"]
    lines = [", ".join(known)]
    if found.get("device"):
        names = {"cpu": tr("CPU"), "cuda": tr("NVIDIA GPU"), "mps": tr("Apple GPU")}
        device = str(names.get(found["device"], found["device"]))
        if found.get("device_name"):
            device = f"{device} ({found['device_name']})"
        text = tr("Runs on: {device}, {precision}, {n} threads")
        lines.append(text.format(device=device, precision=found.get("precision"), n=found.get("threads")))
    lacking = [name for name in ("torch", "rasterio") if not versions.get(name)]
    if lacking:
        lines.append(tr("Missing: {names}").format(names=", ".join(lacking)))
    return "\n".join(lines), not lacking
