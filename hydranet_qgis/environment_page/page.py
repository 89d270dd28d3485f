"""The whole page, for QGIS' options and for a window of its own."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsSettings
from qgis.gui import QgsOptionsPageWidget
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from .. import paths
from ..environment import SETTING
from ..i18n import tr
from .bundle_box import BundleBox
from .interpreter_box import InterpreterBox
from .setup_box import SetupBox

PAGE_NAME = "HydraNetEnvironmentPage"


class EnvironmentPage(QgsOptionsPageWidget):
    """Which Python runs the worker, and which model; stored by `apply` only. A set-up acts at once."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setObjectName(PAGE_NAME)
        inside = QWidget(self)
        intro = QLabel(
            tr("HydraNet computes in a worker process with a Python of its own, apart from QGIS' Python."),
            inside,
        )
        intro.setWordWrap(True)
        self.interpreter = InterpreterBox(str(QgsSettings().value(SETTING, "") or ""), inside)
        self.setup = SetupBox(inside)
        self.bundles = BundleBox(inside)
        self.help = QPushButton(tr("&Help"), inside)
        column = QVBoxLayout(inside)
        column.addWidget(intro)
        column.addWidget(self.interpreter)
        column.addWidget(self.bundles)
        column.addWidget(self.setup, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.help)
        column.addLayout(row)
        # QGIS 3.22 does not scroll pages of plugins; without this the options could not be made small.
        scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self.help.clicked.connect(open_help)
        self.setup.succeeded.connect(self._made)

    def apply(self) -> None:
        """Store the choices; one that cannot work is not stored."""
        if self.problem:
            return
        self.bundles.apply()
        if self.interpreter.setting:
            QgsSettings().setValue(SETTING, self.interpreter.setting)
        else:
            QgsSettings().remove(SETTING)

    @property
    def problem(self) -> str:
        """Why the choice cannot be stored, "" if it can."""
        return self.interpreter.problem

    def isValid(self) -> bool:
        """Asked by newer QGIS before it closes the options."""
        return not self.problem

    def _made(self) -> None:
        """A new environment is wanted for use: that is what Automatic finds."""
        self.interpreter.automatic.setChecked(True)
        self.interpreter.refresh()


def open_help(*_: object) -> None:
    """Open the page's help in the browser."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.help_path("environment"))))
