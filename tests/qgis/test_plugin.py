"""Loading and unloading, in a window and without one, again and again."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProject, QgsSettings
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QCoreApplication, QTranslator
from qgis.PyQt.QtWidgets import QApplication, QPushButton

import hydranet_qgis
from hydranet_qgis import bundles, i18n, paths, run_events
from hydranet_qgis import plugin as plugin_module
from hydranet_qgis.environment_page import EnvironmentDialog
from hydranet_qgis.errors import EnvironmentMissing
from hydranet_qgis.setup.job import shared_job
from hydranet_qgis.training import sessions

ROOT = Path(hydranet_qgis.__file__).parents[1]


class Window:
    """QGIS' window as far as the tests need it: what it lacks is added to pytest-qgis's."""

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.factories: list[Any] = []
        self.bar = QgsMessageBar()


@pytest.fixture
def window(qgis_iface: Any, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> Window:
    made = Window(qgis_iface)
    qtbot.addWidget(made.bar)
    monkeypatch.setattr(qgis_iface, "registerOptionsWidgetFactory", made.factories.append, raising=False)
    monkeypatch.setattr(qgis_iface, "unregisterOptionsWidgetFactory", made.factories.remove, raising=False)
    monkeypatch.setattr(qgis_iface, "messageBar", lambda: made.bar)
    return made


def _registered() -> bool:
    return QgsApplication.processingRegistry().providerById("hydranet") is not None


def test_without_a_window_there_is_a_provider_and_no_dock(qgis_processing: Any) -> None:
    plugin = hydranet_qgis.classFactory(None)
    for _ in range(2):
        plugin.initProcessing()
        plugin.initGui()
        assert _registered()
        assert plugin.dock is None
        plugin.unload()
        assert not _registered()
    plugin.unload()


def test_it_loads_and_unloads_any_number_of_times(window: Window, project: QgsProject, qtbot: Any) -> None:
    for _ in range(3):
        plugin = hydranet_qgis.classFactory(window.iface)
        plugin.initGui()
        plugin.initGui()  # nothing twice
        assert _registered()
        assert plugin.dock.objectName() == "HydraNetDock"
        assert plugin.training.objectName() == "HydraNetTrainingDock"
        assert len(plugin._actions) == 6
        plugin.unload()
        plugin.unload()
        assert not _registered()
        assert plugin.dock is None and plugin.training is None
    assert run_events._listeners == [] == sessions._listeners == bundles._listeners


def test_the_button_opens_the_dialog_by_its_id(
    window: Window, project: QgsProject, monkeypatch: pytest.MonkeyPatch, qgis_processing: Any
) -> None:
    import processing

    opened: list[str] = []
    monkeypatch.setattr(processing, "execAlgorithmDialog", lambda name, parameters: opened.append(name))
    plugin = hydranet_qgis.classFactory(window.iface)
    plugin.initGui()
    plugin.dock.panel.widgets.empty.run_button.click()
    plugin._actions[0].trigger()
    plugin.unload()
    assert opened == ["hydranet:predict", "hydranet:predict"]


def test_the_options_page_comes_and_goes_with_the_plugin(
    window: Window, project: QgsProject, qtbot: Any
) -> None:
    plugin = hydranet_qgis.classFactory(window.iface)
    plugin.initGui()
    (factory,) = window.factories
    assert factory.title() == "HydraNet"
    plugin._actions[4].trigger()
    dialogs = [w for w in QApplication.topLevelWidgets() if isinstance(w, EnvironmentDialog)]
    assert [dialog.isVisible() for dialog in dialogs] == [True]
    dialogs[0].reject()
    plugin.unload()
    assert window.factories == []


def test_a_missing_environment_is_told_at_first_use_and_not_again(
    window: Window, project: QgsProject, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    def missing() -> None:
        raise EnvironmentMissing("There is none; press Set up…")

    monkeypatch.setattr(plugin_module, "find_interpreter", missing)
    QgsSettings().remove(plugin_module.HINT_SHOWN)
    shown: list[bool] = []
    monkeypatch.setattr(plugin_module.HydraNetPlugin, "show_environment", lambda *_: shown.append(True))
    for _ in range(2):  # the second time as after a restart
        plugin = hydranet_qgis.classFactory(window.iface)
        plugin.initGui()
        plugin._dock_seen(False)
        assert len(window.bar.items()) == _
        plugin._dock_seen(True)
        plugin._dock_seen(True)
        assert len(window.bar.items()) == 1
        if not shown:
            assert "set one up once" in window.bar.items()[0].text()
            window.bar.items()[0].findChild(QPushButton).click()
        plugin.unload()
    assert shown == [True]
    QgsSettings().remove(plugin_module.HINT_SHOWN)


def test_with_an_environment_nothing_is_told(
    window: Window, project: QgsProject, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    monkeypatch.setattr(plugin_module, "find_interpreter", lambda: None)
    QgsSettings().remove(plugin_module.HINT_SHOWN)
    plugin = hydranet_qgis.classFactory(window.iface)
    plugin.initGui()
    plugin._dock_seen(True)
    plugin.unload()
    assert window.bar.items() == []


def test_the_end_of_a_set_up_is_told_wherever_its_page_is(
    window: Window, project: QgsProject, qtbot: Any
) -> None:
    plugin = hydranet_qgis.classFactory(window.iface)
    plugin.initGui()
    QgsSettings().setValue(plugin_module.HINT_SHOWN, True)
    shared_job().finished.emit(True, "The environment is ready.")
    assert window.bar.items()[0].text() == "The environment is ready."
    assert QgsSettings().value(plugin_module.HINT_SHOWN) is None
    plugin.unload()


def test_a_translation_is_installed_once_and_removed(
    window: Window, project: QgsProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    class German(QTranslator):
        def translate(self, context: str, text: str, *_: object) -> str:
            return "Hilfe" if (context, text) == ("HydraNet", "Help") else ""

    installed: list[QTranslator] = []

    def install(folder: Path, locale: str) -> QTranslator:
        assert folder == ROOT / "resources" / "i18n"
        installed.append(German())
        QCoreApplication.installTranslator(installed[-1])
        return installed[-1]

    monkeypatch.setattr(i18n, "install", install)
    plugin = hydranet_qgis.classFactory(window.iface)
    plugin.initGui()
    plugin.initGui()
    assert plugin._actions[-1].text() == "Hilfe"
    assert len(installed) == 1
    plugin.unload()
    assert i18n.tr("Help") == "Help"


def test_help_opens_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        plugin_module.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile())
    )
    plugin_module.show_help()
    assert Path(opened[0]).is_file()
    monkeypatch.setattr(paths, "help_path", lambda name: ROOT / "resources" / "help" / f"{name}-or-not.html")
    plugin_module.show_help()
    assert Path(opened[1]).name == "predict-or-not.html", "without a guide the algorithm's page"


SCRIPT = """
import os, sys
from pathlib import Path
from qgis.core import QgsApplication, QgsProcessingFeedback
app = QgsApplication([], False)
app.initQgis()
sys.path.append(os.path.join(app.pkgDataPath(), "python", "plugins"))
from processing.core.Processing import Processing
import processing
Processing.initialize()
sys.path.insert(0, sys.argv[1])
import hydranet_qgis
from hydranet_qgis import paths
from hydranet_qgis.worker_client import shared_client
paths.worker_entry = lambda: Path(sys.argv[2])
os.environ["HYDRANET_PYTHON"] = sys.executable
before = set(sys.modules)
plugin = hydranet_qgis.classFactory(None)
plugin.initProcessing()
result = processing.run("hydranet:predict", {"INPUT": sys.argv[3], "OUTPUT_FOLDER": sys.argv[4]},
                        feedback=QgsProcessingFeedback(False))
heavy = sorted(name for name in ("torch", "rasterio", "model_core") if name in sys.modules)
print("TILES", result["TILES"], "HEAVY", heavy, "WIDGETS", "hydranet_qgis.dock" in sys.modules)
client = shared_client()
plugin.unload()
print("WORKER", client.pid)
app.exitQgis()
"""


def test_qgis_never_loads_torch(scene: Path, tmp_path: Path) -> None:
    """In a process of its own: here another test might have imported anything."""
    fake = Path(__file__).parent / "fake_worker"
    arguments = [str(ROOT), str(fake), str(scene), str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True)
    assert "TILES 12 HEAVY [] WIDGETS False" in done.stdout, done.stderr
    assert "WORKER None" in done.stdout
    assert done.returncode == 0, done.stderr


WITHOUT_TORCH = """
import importlib.util, os, sys
from pathlib import Path
from qgis.core import QgsApplication, QgsProcessingException, QgsProcessingFeedback
os.environ.pop("HYDRANET_PYTHON", None)
app = QgsApplication([], False)
app.initQgis()
sys.path.append(os.path.join(app.pkgDataPath(), "python", "plugins"))
from processing.core.Processing import Processing
import processing
Processing.initialize()
sys.path.insert(0, sys.argv[1])
import hydranet_qgis
from hydranet_qgis import paths
paths.checkout = lambda: Path("/nowhere")
print("TORCH", importlib.util.find_spec("torch") is not None)
plugin = hydranet_qgis.classFactory(None)
plugin.initProcessing()
algorithm = app.processingRegistry().createAlgorithmById("hydranet:predict")
print("REGISTERED", algorithm is not None, "CAN", algorithm.canExecute())
parameters = {"INPUT": sys.argv[2], "OUTPUT_FOLDER": sys.argv[3]}
try:
    processing.run(algorithm, parameters, feedback=QgsProcessingFeedback(False))
except QgsProcessingException as error:
    print("SAYS", error)
plugin.unload()
app.exitQgis()
"""


def test_without_torch_the_algorithms_are_there_and_predict_says_what_to_do(
    scene: Path, tmp_path: Path
) -> None:
    """The system's own Python has QGIS and no torch."""
    home = {**os.environ, "HOME": str(tmp_path), "QGIS_CUSTOM_CONFIG_PATH": str(tmp_path / "config")}
    done = subprocess.run(
        ["/usr/bin/python3", "-c", WITHOUT_TORCH, str(ROOT), str(scene), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env=home,
    )
    assert "TORCH False" in done.stdout, done.stderr
    assert "REGISTERED True" in done.stdout
    said = done.stdout + done.stderr
    assert "Settings > Options > HydraNet > Set up…" in said
    assert done.returncode == 0, done.stderr


def test_importing_the_package_is_cheap() -> None:
    code = (
        "import sys, hydranet_qgis; print(sorted(n for n in ('qgis', 'numpy', 'osgeo') if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_every_module_can_be_imported_alone() -> None:
    package = ROOT / "hydranet_qgis"
    for path in package.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        assert importlib.import_module(name)
