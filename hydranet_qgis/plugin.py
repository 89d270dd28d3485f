"""The plugin as QGIS sees it: a Processing provider always; in a window menu, button, dock and options."""

from __future__ import annotations

from typing import Any

from qgis.core import Qgis, QgsApplication, QgsProject, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, Qt, QTranslator, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import QAction, QPushButton

from . import bundles, i18n, paths
from .algorithms import loading
from .environment import find_interpreter
from .errors import EnvironmentMissing
from .i18n import tr
from .provider import PROVIDER_ID, HydraNetProvider
from .setup.job import close_shared_job, shared_job
from .worker_client import close_shared_client

MENU = "&HydraNet"
PREDICT, TRAIN = f"{PROVIDER_ID}:predict", f"{PROVIDER_ID}:train"
HINT_SHOWN = "HydraNet/setupHintShown"


class HydraNetPlugin:
    """Made once by QGIS; may be loaded and unloaded any number of times.

    Attributes:
        dock: the dock, None without a window.
        training: the dock of the learning curves, None without a window.
        registry: the project's runs, None without a window.
    """

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.dock: Any = None
        self.training: Any = None
        self.registry: Any = None
        self._provider: HydraNetProvider | None = None
        self._actions: list[QAction] = []
        self._toolbar_action: QAction | None = None
        self._factory: Any = None
        self._translator: QTranslator | None = None

    def initProcessing(self) -> None:
        """Register the algorithms; all that `qgis_process` asks for."""
        if self._translator is None:
            # Before the provider: its algorithms take their texts when they are made.
            self._translator = i18n.install(paths.resources() / "i18n", QgsApplication.instance().locale())
        registry = QgsApplication.processingRegistry()
        if registry.providerById(PROVIDER_ID) is None:
            # Without a Python reference the provider would lose everything said in Python.
            self._provider = HydraNetProvider()
            registry.addProvider(self._provider)
            # The shipped models use algorithms of this provider, which are known only once it is registered.
            self._provider.refreshAlgorithms()
            # Experts are parameters: another default bundle has others.
            bundles.listen(refresh_algorithms)

    def initGui(self) -> None:
        """Add menu, button, dock and options page."""
        self.initProcessing()
        if self.iface is None or self.dock is not None:
            return
        # Only here: under qgis_process there is no reason to load widgets.
        from .dock import RunDock
        from .environment_page import EnvironmentFactory
        from .run_registry import RunRegistry
        from .training.dock import TrainingDock

        window = self.iface.mainWindow()
        self.registry = RunRegistry(QgsProject.instance())
        self.dock = RunDock(self.registry, self.iface.mapCanvas(), self.show_predict, window)
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()  # shown by the button, or by itself when a run has finished
        self.dock.visibilityChanged.connect(self._dock_seen)
        self.training = TrainingDock(self.show_train, window)
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.training)
        self.training.hide()  # comes by itself when a training begins
        self._add_actions(window)
        self._factory = EnvironmentFactory()
        self.iface.registerOptionsWidgetFactory(self._factory)
        shared_job().finished.connect(self._set_up)

    def unload(self) -> None:
        """Take everything away again, the worker last."""
        close_shared_job()
        if self.iface is not None:
            for action in self._actions:
                self.iface.removePluginRasterMenu(MENU, action)
            if self._toolbar_action is not None:
                self.iface.removeToolBarIcon(self._toolbar_action)
            if self._factory is not None:
                self.iface.unregisterOptionsWidgetFactory(self._factory)
        self._factory = None
        for action in self._actions:
            if action not in [dock.toggleViewAction() for dock in (self.dock, self.training) if dock]:
                action.deleteLater()
        self._actions, self._toolbar_action = [], None
        if self.dock is not None:
            self.dock.visibilityChanged.disconnect(self._dock_seen)
            self.dock.panel.close_down()
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if self.training is not None:
            self.training.panel.close_down()
            self.iface.removeDockWidget(self.training)
            self.training.deleteLater()
            self.training = None
        if self.registry is not None:
            self.registry.close()
            self.registry.deleteLater()
            self.registry = None
        bundles.forget(refresh_algorithms)
        # By name: the Python wrapper of a provider may be gone before the provider itself.
        registry = QgsApplication.processingRegistry()
        if registry.providerById(PROVIDER_ID) is not None:
            registry.removeProvider(PROVIDER_ID)
        self._provider = None
        loading.release()
        close_shared_client()
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None

    def show_predict(self, *_: object) -> None:
        """Open the algorithm's dialog."""
        import processing

        self._hint_once()
        processing.execAlgorithmDialog(PREDICT, {})

    def show_train(self, *_: object) -> None:
        """Open the dialog of the training."""
        import processing

        self._hint_once()
        processing.execAlgorithmDialog(TRAIN, {})

    def show_environment(self, *_: object) -> None:
        """Open the page about the worker's environment in a window of its own."""
        from .environment_page import EnvironmentDialog

        EnvironmentDialog(self.iface.mainWindow()).open()

    def _add_actions(self, window: Any) -> None:
        toggle = self.dock.toggleViewAction()
        toggle.setText(tr("HydraNet tiles"))
        toggle.setIcon(QIcon(paths.icon_path("hydranet")))
        toggle.setToolTip(tr("Show or hide the tiles of HydraNet runs"))
        theme = QgsApplication.getThemeIcon
        predict = QAction(QIcon(paths.icon_path("predict")), tr("Predict with routed experts…"), window)
        predict.triggered.connect(self.show_predict)
        opened = QAction(QIcon(paths.icon_path("open_run")), tr("Open run folder…"), window)
        opened.triggered.connect(self.dock.panel.choose_folder)
        curves = self.training.toggleViewAction()
        curves.setText(tr("HydraNet training"))
        curves.setIcon(QIcon(paths.icon_path("train")))
        curves.setToolTip(tr("Show or hide the learning curves of HydraNet trainings"))
        environment = QAction(theme("/mActionOptions.svg"), tr("Worker environment…"), window)
        environment.triggered.connect(self.show_environment)
        manual = QAction(theme("/mActionHelpContents.svg"), tr("Help"), window)
        manual.triggered.connect(show_help)
        self._actions = [predict, toggle, opened, curves, environment, manual]
        for action in self._actions:
            self.iface.addPluginToRasterMenu(MENU, action)
        self._toolbar_action = toggle
        self.iface.addToolBarIcon(toggle)

    def _dock_seen(self, visible: bool) -> None:
        if visible:
            self._hint_once()

    def _hint_once(self) -> None:
        """Say that an environment is missing when HydraNet is first used, and not at every start."""
        settings = QgsSettings()
        if self.iface is None or settings.value(HINT_SHOWN, False, type=bool):
            return
        try:
            find_interpreter()
        except EnvironmentMissing:
            settings.setValue(HINT_SHOWN, True)
            bar = self.iface.messageBar()
            # Short: the bar has room for one line, and the page tells the rest.
            message = bar.createMessage("HydraNet", tr("No environment to compute in yet; set one up once."))
            button = QPushButton(tr("Set up…"), message)
            button.clicked.connect(self.show_environment)
            message.layout().addWidget(button)
            bar.pushWidget(message, Qgis.MessageLevel.Info, 0)

    def _set_up(self, success: bool, sentence: str) -> None:
        """A set-up has ended, perhaps long after its page was closed."""
        if success:
            QgsSettings().remove(HINT_SHOWN)  # should it go missing again, that is worth another hint
        level = Qgis.MessageLevel.Success if success else Qgis.MessageLevel.Warning
        self.iface.messageBar().pushMessage("HydraNet", sentence, level)


def refresh_algorithms() -> None:
    """Have the algorithms made anew, whose parameters tell the experts of the default bundle."""
    provider = QgsApplication.processingRegistry().providerById(PROVIDER_ID)
    if provider is not None:
        provider.refreshAlgorithms()


def show_help(*_: object) -> None:
    """Open the user guide in the browser."""
    page = paths.help_path("index")
    if not page.is_file():
        page = paths.help_path("predict")
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))
