"""Letting the user say which Python runs the worker."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsSettings
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox

from .environment import SETTING, check_python, find_interpreter
from .errors import EnvironmentMissing


def choose_python(parent: Any) -> None:
    """Ask for the worker's Python and keep it in QGIS's settings; the next run uses it."""
    try:
        present = str(find_interpreter().path)
    except EnvironmentMissing:
        present = ""
    chosen, _ = QFileDialog.getOpenFileName(
        parent, "Python of an environment with torch and rasterio", present
    )
    if not chosen:
        return
    try:
        check_python(chosen, "choice")
    except EnvironmentMissing as error:
        QMessageBox.warning(parent, "HydraNet", str(error))
        return
    QgsSettings().setValue(SETTING, chosen)
