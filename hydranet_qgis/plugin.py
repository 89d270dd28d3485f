"""The plugin as QGIS sees it: a Processing provider always, menu, button and dock in a window."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import QAction

from . import paths
from .algorithms import loading
from .provider import PROVIDER_ID, HydraNetProvider
from .python_choice import choose_python
from .worker_client import shared_client

MENU = "&HydraNet"
PREDICT = f"{PROVIDER_ID}:predict"


class HydraNetPlugin:
    """Made once by QGIS; may be loaded and unloaded any number of times.

    Attributes:
        dock: the dock, None without a window.
        registry: the project's runs, None without a window.
    """

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.dock: Any = None
        self.registry: Any = None
        self._provider: HydraNetProvider | None = None
        self._actions: list[QAction] = []
        self._toolbar_action: QAction | None = None

    def initProcessing(self) -> None:
        """Register the algorithms; all that `qgis_process` asks for."""
        registry = QgsApplication.processingRegistry()
        if registry.providerById(PROVIDER_ID) is None:
            # Without a Python reference the provider would lose everything said in Python.
            self._provider = HydraNetProvider()
            registry.addProvider(self._provider)

    def initGui(self) -> None:
        """Add menu, button and dock."""
        self.initProcessing()
        if self.iface is None or self.dock is not None:
            return
        # Only here: under qgis_process there is no reason to load widgets.
        from .dock import RunDock
        from .run_registry import RunRegistry

        window = self.iface.mainWindow()
        self.registry = RunRegistry(QgsProject.instance())
        self.dock = RunDock(self.registry, self.iface.mapCanvas(), self.show_predict, window)
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()  # shown by the button, or by itself when a run has finished

        toggle = self.dock.toggleViewAction()
        toggle.setText("HydraNet tiles")
        toggle.setIcon(QIcon(paths.icon_path("hydranet")))
        toggle.setToolTip("Show or hide the tiles of HydraNet runs")
        predict = QAction(QIcon(paths.icon_path("predict")), "Predict with routed experts…", window)
        predict.triggered.connect(self.show_predict)
        opened = QAction(QIcon(paths.icon_path("open_run")), "Open run folder…", window)
        opened.triggered.connect(self.dock.panel.choose_folder)
        python = QAction(QgsApplication.getThemeIcon("/mActionOptions.svg"), "Worker's Python…", window)
        python.triggered.connect(lambda *_: choose_python(window))
        manual = QAction(QgsApplication.getThemeIcon("/mActionHelpContents.svg"), "Help", window)
        manual.triggered.connect(show_help)
        self._actions = [predict, toggle, opened, python, manual]
        for action in self._actions:
            self.iface.addPluginToRasterMenu(MENU, action)
        self._toolbar_action = toggle
        self.iface.addToolBarIcon(toggle)

    def unload(self) -> None:
        """Take everything away again, the worker last."""
        if self.iface is not None:
            for action in self._actions:
                self.iface.removePluginRasterMenu(MENU, action)
            if self._toolbar_action is not None:
                self.iface.removeToolBarIcon(self._toolbar_action)
        for action in self._actions:
            if self.dock is None or action is not self.dock.toggleViewAction():
                action.deleteLater()
        self._actions, self._toolbar_action = [], None
        if self.dock is not None:
            self.dock.panel.close_down()
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if self.registry is not None:
            self.registry.close()
            self.registry.deleteLater()
            self.registry = None
        # By name: the Python wrapper of a provider may be gone before the provider itself.
        registry = QgsApplication.processingRegistry()
        if registry.providerById(PROVIDER_ID) is not None:
            registry.removeProvider(PROVIDER_ID)
        self._provider = None
        loading.release()
        shared_client().shutdown()

    def show_predict(self, *_: object) -> None:
        """Open the algorithm's dialog."""
        import processing

        processing.execAlgorithmDialog(PREDICT, {})


def show_help(*_: object) -> None:
    """Open the help page in the browser."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.help_path("predict"))))
