"""The page in a window of its own, for HydraNet's menu."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QMessageBox, QVBoxLayout

from ..i18n import tr
from .page import EnvironmentPage


class EnvironmentDialog(QDialog):
    """OK stores the choice, Cancel does not; a set-up goes on when the window is closed."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("HydraNet worker environment"))
        self.page = EnvironmentPage(self)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.page, 1)
        layout.addWidget(self.buttons)
        self.resize(640, 720)

    def accept(self) -> None:
        """Store and close, unless the choice cannot work."""
        if self.page.problem:
            QMessageBox.warning(self, "HydraNet", self.page.problem)
            return
        self.page.apply()
        super().accept()
