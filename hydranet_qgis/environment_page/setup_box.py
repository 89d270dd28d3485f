"""The lower half of the page: making a private environment, with progress and log."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.gui import QgsCollapsibleGroupBox, QgsFileWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtGui import QFont, QFontDatabase
from qgis.PyQt.QtWidgets import (
    QApplication,
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QVBoxLayout,
)

from .. import paths
from ..environment import profile_folder
from ..i18n import tr
from ..interpreters import BasePython, base_pythons
from ..setup.job import SetupJob, shared_job
from ..setup.pip_command import CPU, CUDA, Options, requirements_hash
from ..setup.store import Store
from .background import Background
from .parts import say, sentence_label

_MAX_LINES = 5000


class SetupBox(QGroupBox):
    """Starts a set-up and shows it; the set-up itself goes on when the page is closed.

    Signals:
        succeeded(): a new environment is in use.
    """

    succeeded = pyqtSignal()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(tr("Set up a private environment"), parent)
        self.job: SetupJob = shared_job()
        self.state = sentence_label(self, "hydranetState")
        self.base = QComboBox(self)
        self.base.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.base.setMinimumContentsLength(12)
        self.base.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.base.setToolTip(tr("The environment is made from this Python; the Python itself is not changed"))
        self.cpu = QRadioButton(tr("&CPU (about 1.2 GB)"), self)
        self.cuda = QRadioButton(tr("NVIDIA &GPU with CUDA (several GB)"), self)
        self.cpu.setChecked(True)
        self.more = QgsCollapsibleGroupBox(tr("More options"), self)
        self.index = QLineEdit(self.more)
        self.index.setPlaceholderText(tr("the usual ones"))
        self.index.setToolTip(tr("Address of a package index (a mirror) to take every package from"))
        self.wheels = QgsFileWidget(self.more)
        self.wheels.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.wheels.setToolTip(
            tr("A folder of wheels to install from without a network: collect them with pip download")
        )
        self.run = QPushButton(self)
        self.cancel = QPushButton(tr("Cancel set-&up"), self)
        self.progress = QProgressBar(self)
        self.step = sentence_label(self, "hydranetStep")
        self.log = QPlainTextEdit(self)
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(_MAX_LINES)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setStyleHint(QFont.StyleHint.Monospace)
        self.log.setFont(font)
        self.log.setMinimumHeight(110)
        self.log.setAccessibleName(tr("Log of the set-up"))
        self.log.setTabChangesFocus(True)
        self.copy = QPushButton(tr("Copy &log"), self)
        self._finding = Background(self)
        self._lay_out()
        self._connect()
        for line in self.job.lines:
            self.log.appendPlainText(line)
        if self.job.outcome:
            say(self.step, self.job.outcome)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is and whether a set-up runs."""
        running = self.job.running
        pointer = Store(profile_folder()).current()
        self.run.setText(tr("&Set up again…") if pointer else tr("&Set up…"))
        for widget in (self.base, self.cpu, self.cuda, self.more):
            widget.setEnabled(not running)
        self.run.setEnabled(not running and isinstance(self.base.currentData(), BasePython))
        self.cancel.setVisible(running)
        self.cancel.setEnabled(running)
        self.progress.setVisible(running)
        self.progress.setValue(self.job.percent)
        for widget in (self.log, self.copy):
            widget.setVisible(bool(self.job.lines) or running)
        if running:
            say(self.step, self.job.step)
        if pointer is None:
            text = tr("torch and what else the worker needs go into a folder of this QGIS profile only.")
        else:
            text = tr("Made on {day} with Python {python} and torch {torch}.").format(
                day=pointer.created[:10], python=pointer.python, torch=pointer.torch
            )
            if pointer.requirements != requirements_hash(paths.worker_requirements()):
                text += " " + tr("This version of HydraNet comes with other packages: set it up again.")
        say(self.state, text)

    def showEvent(self, event: Any) -> None:
        """Look for Pythons when the page is first seen: asking them takes a moment."""
        super().showEvent(event)
        if not self.base.count():
            self.base.addItem(tr("Looking for Python…"))
            prefix = QgsApplication.prefixPath()
            self._finding.start(lambda: base_pythons(prefix))

    def _lay_out(self) -> None:
        hardware = QVBoxLayout()
        hardware.addWidget(self.cpu)
        hardware.addWidget(self.cuda)
        if platform.system() == "Darwin":  # one build for both, which finds Apple's GPU by itself
            self.cuda.hide()
            self.cpu.setText(tr("CPU and Apple GPU"))
        form = QFormLayout()
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow(_buddy(tr("&Based on"), self.base), self.base)
        form.addRow(QLabel(tr("Runs on"), self), hardware)
        inner = QFormLayout(self.more)
        inner.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        inner.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        inner.addRow(_buddy(tr("Package &index"), self.index), self.index)
        inner.addRow(_buddy(tr("&Folder of wheels"), self.wheels), self.wheels)
        self.more.setCollapsed(True)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        buttons.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.addWidget(self.state)
        layout.addLayout(form)
        layout.addWidget(self.more)
        layout.addLayout(buttons)
        layout.addWidget(self.progress)
        layout.addWidget(self.step)
        layout.addWidget(self.log, 100)
        layout.addStretch(1)  # while there is no log

    def _connect(self) -> None:
        self._finding.done.connect(self._found)
        self.run.clicked.connect(self._start)
        self.cancel.clicked.connect(self._cancel)
        self.copy.clicked.connect(lambda *_: QApplication.clipboard().setText(self.log.toPlainText()))
        self.wheels.fileChanged.connect(lambda folder: self.index.setEnabled(not folder.strip()))
        self.job.started.connect(self._started)
        self.job.lineAdded.connect(self.log.appendPlainText)
        self.job.stepChanged.connect(self._stepped)
        self.job.progressChanged.connect(self.progress.setValue)
        self.job.finished.connect(self._finished)

    def _found(self, pythons: list[BasePython]) -> None:
        self.base.clear()
        for python in pythons:
            if not python.refused:
                text = tr("Python {version}: {path} ({origin})")
                self.base.addItem(
                    text.format(version=python.facts.text, path=python.path, origin=python.origin), python
                )
        if not self.base.count():
            self.base.addItem(tr("none found"))
            reasons = "\n".join(f"{python.path}: {python.refused}" for python in pythons)
            text = tr(
                "No Python was found that an environment can be made from; install Python 3.10 or newer "
                "(from python.org, or python3-venv of your distribution) and open this page again."
            )
            say(self.step, f"{text}\n{reasons}".strip(), problem=True)
        self.refresh()

    def _start(self, *_: object) -> None:
        python = self.base.currentData()
        wheels = self.wheels.filePath().strip()
        self.job.start(
            Options(
                base=python.path,
                hardware=CUDA if self.cuda.isChecked() else CPU,
                index=self.index.text().strip(),
                wheels=Path(wheels) if wheels else None,
                requirements=paths.worker_requirements(),
            )
        )

    def _started(self) -> None:
        self.log.clear()
        say(self.step, "")
        self.refresh()

    def _stepped(self, text: str) -> None:
        say(self.step, text)

    def _cancel(self, *_: object) -> None:
        self.cancel.setEnabled(False)
        self.job.cancel()

    def _finished(self, success: bool, sentence: str) -> None:
        self.refresh()
        say(self.step, sentence, problem=not success)
        if success:
            self.succeeded.emit()


def _buddy(text: str, widget: Any) -> QLabel:
    label = QLabel(text)
    label.setBuddy(widget)
    return label
