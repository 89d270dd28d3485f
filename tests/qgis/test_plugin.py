"""Loading and unloading, in a window and without one, again and again."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProject, QgsSettings

import hydranet_qgis
from hydranet_qgis import plugin as plugin_module
from hydranet_qgis import run_events

ROOT = Path(hydranet_qgis.__file__).parents[1]


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


def test_it_loads_and_unloads_any_number_of_times(qgis_iface: Any, project: QgsProject, qtbot: Any) -> None:
    for _ in range(3):
        plugin = hydranet_qgis.classFactory(qgis_iface)
        plugin.initGui()
        plugin.initGui()  # nothing twice
        assert _registered()
        assert plugin.dock.objectName() == "HydraNetDock"
        assert len(plugin._actions) == 5
        plugin.unload()
        plugin.unload()
        assert not _registered()
        assert plugin.dock is None
    assert run_events._listeners == []


def test_the_button_opens_the_dialog_by_its_id(
    qgis_iface: Any, project: QgsProject, monkeypatch: pytest.MonkeyPatch, qgis_processing: Any
) -> None:
    import processing

    opened: list[str] = []
    monkeypatch.setattr(processing, "execAlgorithmDialog", lambda name, parameters: opened.append(name))
    plugin = hydranet_qgis.classFactory(qgis_iface)
    plugin.initGui()
    plugin.dock.panel.widgets.empty.run_button.click()
    plugin._actions[0].trigger()
    plugin.unload()
    assert opened == ["hydranet:predict", "hydranet:predict"]


def test_the_python_of_the_worker_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hydranet_qgis import python_choice
    from hydranet_qgis.environment import SETTING, find_interpreter

    answers, warned = [str(tmp_path / "nothing"), "", sys.executable], []
    monkeypatch.setattr(python_choice.QFileDialog, "getOpenFileName", lambda *_: (answers.pop(0), ""))
    monkeypatch.setattr(python_choice.QMessageBox, "warning", lambda *given: warned.append(given[-1]))
    settings = QgsSettings()
    settings.remove(SETTING)
    try:
        python_choice.choose_python(None)
        assert "does not exist" in warned[0]
        python_choice.choose_python(None)
        assert settings.value(SETTING) is None
        python_choice.choose_python(None)
        assert str(find_interpreter().path) == sys.executable
        assert SETTING in find_interpreter().origin
    finally:
        settings.remove(SETTING)


def test_help_opens_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        plugin_module.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile())
    )
    plugin_module.show_help()
    assert opened and Path(opened[0]).is_file()


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
plugin.unload()
print("WORKER", shared_client().pid)
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
