"""What the dock shows when the project has no run: what to do about it."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from .. import paths
from ..i18n import tr
from .painting import smaller


class EmptyState(QWidget):
    """A picture, a sentence, and the ways on.

    Attributes:
        run_button: starts a run.
        open_button: opens a run folder.
        missing: which runs of the project are not there, hidden if none.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        picture = QLabel(self)
        picture.setPixmap(QIcon(paths.icon_path("hydranet")).pixmap(56, 56))
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        sentence = QLabel(
            tr(
                "No run in this project yet. Run HydraNet on a satellite raster, and every tile's scores and "
                "experts appear here. A run's folder can also be dropped here."
            ),
            self,
        )
        self.missing = QLabel(self)
        self.missing.setTextFormat(Qt.TextFormat.PlainText)
        self.missing.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.missing.setFont(smaller(self))
        self.missing.hide()
        for label in (sentence, self.missing):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setMinimumWidth(10)
        self.run_button = QPushButton(QIcon(paths.icon_path("predict")), tr(" &Run HydraNet…"), self)
        self.open_button = QPushButton(QIcon(paths.icon_path("open_run")), tr(" &Open run folder…"), self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 18, 18, 18)
        layout.setSpacing(10)
        layout.addStretch(2)
        layout.addWidget(picture)
        layout.addWidget(sentence)
        layout.addWidget(self.missing)
        layout.addSpacing(4)
        for button in (self.run_button, self.open_button):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            button.setMinimumWidth(190)
        layout.addStretch(3)

    def tell_missing(self, sentences: list[str]) -> None:
        """Say which runs of the project cannot be shown, and why."""
        self.missing.setText("\n".join(sentences))
        self.missing.setVisible(bool(sentences))
