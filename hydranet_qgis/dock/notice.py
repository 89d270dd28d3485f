"""One sentence to the user, on top of the panel: something is wrong, or something was done."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QLabel

_STAYS_MS = 6000
# Backgrounds of their own with text dark enough for them, so that both read on any theme.
_PROBLEM = "color: #6b4100; background: #fdeccd; border: 1px solid #e9c98f;"
_DONE = "color: #0d4a50; background: #d6f0f1; border: 1px solid #9fd3d6;"


class Notice(QLabel):
    """Hidden while there is nothing to say. What was done goes by itself, a problem stays."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._leave = QTimer(self)
        self._leave.setSingleShot(True)
        self._leave.setInterval(_STAYS_MS)
        self._leave.timeout.connect(self.clear_text)
        self.hide()

    def say(self, sentence: str) -> None:
        """Show a problem; "" hides what was shown."""
        self._show(sentence, _PROBLEM)

    def tell(self, sentence: str) -> None:
        """Show for a moment what was done."""
        self._show(sentence, _DONE)
        self._leave.start()

    def clear_text(self) -> None:
        """Nothing more to say."""
        self._show("", _DONE)

    def _show(self, sentence: str, style: str) -> None:
        self._leave.stop()
        self.setText(sentence)
        self.setAccessibleName(sentence)
        self.setStyleSheet(f"QLabel {{ {style} border-radius: 4px; padding: 5px; }}")
        self.setVisible(bool(sentence))
