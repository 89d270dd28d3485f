"""What the dock shows when the project has no run: what to do about it."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from .. import paths

SENTENCE = (
    "No run in this project yet. Run HydraNet on a satellite raster, and every tile's scores and "
    "experts appear here."
)


class EmptyState(QWidget):
    """A picture, a sentence, and the two ways on.

    Attributes:
        run_button: starts a run.
        open_button: opens a run folder.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        picture = QLabel(self)
        picture.setPixmap(QIcon(paths.icon_path("hydranet")).pixmap(56, 56))
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence = QLabel(SENTENCE, self)
        self._sentence.setWordWrap(True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.run_button = QPushButton(QIcon(paths.icon_path("predict")), " &Run HydraNet…", self)
        self.open_button = QPushButton(QIcon(paths.icon_path("open_run")), " &Open run folder…", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 18, 18, 18)
        layout.setSpacing(10)
        layout.addStretch(2)
        layout.addWidget(picture)
        layout.addWidget(self._sentence)
        layout.addSpacing(4)
        for button in (self.run_button, self.open_button):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            button.setMinimumWidth(190)
        layout.addStretch(3)
