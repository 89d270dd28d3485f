"""A QGIS without a window, a scripted worker in place of the real one, and a project that is emptied.

QGIS itself is started by pytest-qgis before this file is read; `QT_QPA_PLATFORM=offscreen` comes from
`.ci/run_tests.py`. What is set here holds for processes and paths from now on.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("HYDRANET_PYTHON", None)
if not Path(os.environ.get("HOME", "/")).is_relative_to(tempfile.gettempdir()):
    _home = tempfile.TemporaryDirectory(prefix="hydranet-home-")
    os.environ["HOME"] = _home.name

from osgeo import gdal, osr  # noqa: E402
from qgis.core import (  # noqa: E402
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.gui import QgsMapCanvas  # noqa: E402
from qgis.PyQt import sip  # noqa: E402

from hydranet_qgis import environment, paths, worker_client  # noqa: E402
from hydranet_qgis.algorithms import loading  # noqa: E402
from hydranet_qgis.dock import RunDock  # noqa: E402
from hydranet_qgis.dock.run_panel import RunPanel  # noqa: E402
from hydranet_qgis.environment import Interpreter  # noqa: E402
from hydranet_qgis.provider import PROVIDER_ID, HydraNetProvider  # noqa: E402
from hydranet_qgis.run_folder import Run, read_run  # noqa: E402
from hydranet_qgis.run_registry import RunRegistry  # noqa: E402
from tests.qgis.fake_worker import fake_run  # noqa: E402
from tests.qgis.object_runs import with_objects  # noqa: E402

gdal.UseExceptions()

FAKE = Path(__file__).parent / "fake_worker"
PYTHON = Interpreter(Path(sys.executable), "tests")
BANDS = ("pan", "blue", "green", "red", "re1", "re2", "re3", "nir")


class Feedback(QgsProcessingFeedback):
    """Keeps what an algorithm says; cancels itself at the first sign of work if asked to."""

    def __init__(self, cancel: bool = False) -> None:
        super().__init__(False)
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.steps: list[float] = []
        self._cancel = cancel
        self.progressChanged.connect(self._step)

    def _step(self, value: float) -> None:
        self.steps.append(value)
        if self._cancel and value > 0:
            self.cancel()

    def pushInfo(self, text: str) -> None:
        self.lines.append(text)

    def pushCommandInfo(self, text: str) -> None:
        self.lines.append(text)

    def pushWarning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(scope="session", autouse=True)
def no_layer_outlives_the_tests() -> Iterator[None]:
    """A layer that Python still holds at exit makes QGIS crash then; here it has a name."""
    yield
    gc.collect()
    held = [one for one in gc.get_objects() if isinstance(one, QgsMapLayer) and not sip.isdeleted(one)]
    names = [one.source() for one in held if sip.ispyowned(one)]
    held.clear()
    assert not names


def make_scene(path: Path, width: int = 64, height: int = 48, epsg: int = 32632, bands: int = 8) -> Path:
    """A raster of smooth waves, as small integers like a product's."""
    import numpy as np

    raster = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, gdal.GDT_UInt16)
    raster.SetGeoTransform((500000, 10, 0, 5200000, 0, -10))
    if epsg:
        crs = osr.SpatialReference()
        crs.ImportFromEPSG(epsg)
        raster.SetProjection(crs.ExportToWkt())
    rows, cols = np.mgrid[:height, :width]
    for number in range(bands):
        band = raster.GetRasterBand(number + 1)
        band.SetDescription(BANDS[number])
        band.WriteArray((1500 + 900 * np.sin(cols / (9 + number)) * np.cos(rows / 11)).astype("uint16"))
    raster.FlushCache()
    return path


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """An 8-band raster of 4 by 3 of the fake worker's tiles."""
    return make_scene(tmp_path / "lake.tif")


@pytest.fixture
def run(tmp_path: Path, scene: Path) -> Run:
    """A finished run of that raster."""
    fake_run.write_run(tmp_path / "run", {"input": str(scene)})
    return read_run(tmp_path / "run")


@pytest.fixture
def project(qgis_canvas: QgsMapCanvas) -> Iterator[QgsProject]:
    """The project, empty before and after: layers left alive at exit make QGIS crash.

    Its map is not drawn: tests take files away under layers, which QGIS does not survive while it draws, and
    look at which files are open.
    """
    qgis_canvas.stopRendering()
    qgis_canvas.freeze(True)
    QgsProject.instance().clear()
    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.fixture
def fake_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Jobs go to the scripted worker."""
    monkeypatch.setattr(paths, "worker_entry", lambda: FAKE)
    monkeypatch.setattr(environment, "find_interpreter", lambda: PYTHON)
    yield FAKE
    worker_client.shared_client().shutdown()


@pytest.fixture
def provider(qgis_processing: Any) -> Iterator[HydraNetProvider]:
    """The provider, registered for one test."""
    registry = QgsApplication.processingRegistry()
    made = HydraNetProvider()
    registry.addProvider(made)
    yield made
    registry.removeProvider(PROVIDER_ID)
    loading.release()


@pytest.fixture
def context(project: QgsProject) -> Iterator[QgsProcessingContext]:
    """A context that belongs to the project."""
    made = QgsProcessingContext()
    made.setProject(project)
    yield made
    # pytest lets go of the last test's fixtures only after QGIS has ended; no layer may be left by then.
    made.temporaryLayerStore().removeAllMapLayers()


@pytest.fixture
def canvas(qgis_canvas: QgsMapCanvas) -> QgsMapCanvas:
    qgis_canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:32632"))
    return qgis_canvas


@pytest.fixture
def asked() -> list[str]:
    """Filled when the dock asks for a run."""
    return []


@pytest.fixture
def dock(project: QgsProject, canvas: QgsMapCanvas, asked: list[str], qtbot: Any) -> Iterator[RunDock]:
    registry = RunRegistry(project)
    made = RunDock(registry, canvas, lambda: asked.append("run"))
    qtbot.addWidget(made)
    made.resize(360, 700)
    made.show()
    yield made
    made.panel.close_down()
    registry.close()
    registry.deleteLater()


@pytest.fixture
def panel(dock: RunDock, run: Run) -> RunPanel:
    """The panel with one run open."""
    assert dock.panel.open_run(str(run.folder))
    return dock.panel


@pytest.fixture
def objects(panel: RunPanel, run: Run) -> RunPanel:
    """The panel with a run that found six objects."""
    assert panel.open_run(str(with_objects(run).folder))
    return panel
