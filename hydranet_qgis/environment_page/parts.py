"""Small parts the page's boxes share."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy

# Told apart from the background in light and in dark windows.
_PROBLEM_ON_LIGHT, _PROBLEM_ON_DARK = QColor(178, 34, 34), QColor(255, 140, 130)


def sentence_label(parent: Any, name: str) -> QLabel:
    """A label for sentences: wraps, can be selected and copied, hidden while empty."""
    label = QLabel(parent)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    # A long path must not make the page wider than its window.
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.hide()
    return label


def say(label: QLabel, text: str, problem: bool = False) -> None:
    """Show a sentence; one about a problem in a warning colour."""
    palette = QPalette(label.parentWidget().palette())
    if problem:
        dark = palette.color(QPalette.ColorRole.Window).lightness() < 128
        palette.setColor(QPalette.ColorRole.WindowText, _PROBLEM_ON_DARK if dark else _PROBLEM_ON_LIGHT)
    label.setPalette(palette)
    label.setText(breakable(text))
    label.setVisible(bool(text))


def breakable(text: str) -> str:
    """The text with places after slashes where a long path may go on in the next line."""
    return text.replace("/", "/\u200b").replace("\\", "\\\u200b")
