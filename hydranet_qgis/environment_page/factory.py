"""What makes the page for QGIS' options window."""

from __future__ import annotations

from typing import Any

from qgis.gui import QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon

from .. import paths
from .page import PAGE_NAME, EnvironmentPage

__all__ = ["PAGE_NAME", "EnvironmentFactory"]


class EnvironmentFactory(QgsOptionsWidgetFactory):
    """Registered by the plugin while it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.setTitle("HydraNet")
        self.setIcon(QIcon(paths.icon_path("hydranet")))

    def icon(self) -> QIcon:
        return QIcon(paths.icon_path("hydranet"))

    def createWidget(self, parent: Any = None) -> EnvironmentPage:
        return EnvironmentPage(parent)
