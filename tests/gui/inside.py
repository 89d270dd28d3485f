"""What every scene needs while it runs inside QGIS: show a map, run an algorithm, wait, take a picture."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsContrastEnhancement,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
)
from qgis.PyQt.QtCore import QEventLoop, Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDockWidget, QWidget
from qgis.utils import iface

WINDOW = (0, 0, 1600, 1000)  # there is no window manager that would place it
SCENE = "Scene"  # the name of the layer under the results
GAMMA = 2.2  # beside clouds, reflectance drawn linearly leaves the land black
HANG_S = 120.0  # what takes this long will not come
TICK_MS = 5  # how often the main thread is asked whether it still turns


def pump(seconds: float) -> None:
    """Let QGIS's event loop run for a while."""
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec()


def wait_until(condition: Callable[[], Any], what: str, hang_s: float = HANG_S) -> Any:
    """Let QGIS work until `condition()` is true, and return its value."""
    until = time.monotonic() + hang_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise TimeoutError(f"waited {hang_s:.0f} s for {what}")
        pump(0.05)


class Gaps:
    """Measures how long the main thread went without running an event, while in the `with` block.

    Attributes:
        longest: the longest such time in seconds.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def __enter__(self) -> Gaps:
        self._last = time.monotonic()
        self._timer.start(TICK_MS)
        return self

    def __exit__(self, *_: object) -> None:
        self._tick()
        self._timer.stop()


def run_in_background(
    algorithm_id: str,
    parameters: dict[str, Any],
    meanwhile: Callable[[QgsProcessingFeedback], Any] | None = None,
    hang_s: float = HANG_S,
) -> dict[str, Any]:
    """Run an algorithm as its dialog does: prepared here, worked off by a task, the results loaded here.

    Args:
        algorithm_id: such as "hydranet:predict".
        parameters: as for `processing.run`.
        meanwhile: called every 50 ms while it runs.
        hang_s: what takes this long will not come.

    Returns:
        `ok`, `results`, `log` as the dialog would show it, and `gap_s`, the longest time that the main thread
        stood still from the start to the end of the run, `loading_s` that it took to load the results.
    """
    from processing.gui.Postprocessing import handleAlgorithmResults

    algorithm = QgsApplication.processingRegistry().createAlgorithmById(algorithm_id)
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback(False)
    context.setProject(QgsProject.instance())
    accepted, message = algorithm.checkParameterValues(parameters, context)
    if not accepted:
        raise ValueError(f"{algorithm_id} refuses: {message}")
    ended: list[tuple[bool, dict[str, Any]]] = []

    def over() -> bool:
        if meanwhile is not None and not ended:
            meanwhile(feedback)
        return bool(ended)

    with Gaps() as gaps:
        task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
        task.executed.connect(lambda ok, results: ended.append((ok, results)))
        QgsApplication.taskManager().addTask(task)
        wait_until(over, f"{algorithm_id} to end", hang_s)
    ok, results = ended[0]
    started = time.monotonic()
    if ok:
        handleAlgorithmResults(algorithm, context, feedback)
    loading = time.monotonic() - started
    told = {key: value for key, value in results.items() if isinstance(value, (int, float, str, list))}
    return {"ok": ok, "results": told, "log": feedback.textLog(), "gap_s": gaps.longest, "loading_s": loading}


def wait_drawn() -> None:
    """Wait until the map is drawn with all its layers, at its final size."""
    canvas = iface.mapCanvas()
    pump(0.3)  # pending resizes come first: each starts drawing anew
    drawn = []
    canvas.mapCanvasRefreshed.connect(lambda: drawn.append(True))
    canvas.refreshAllLayers()
    wait_until(lambda: drawn and not canvas.isDrawing(), "the map to be drawn")
    pump(0.3)


def place_window() -> QWidget:
    """Bring the main window to a fixed size, and its map to the front."""
    window = iface.mainWindow()
    window.setGeometry(*WINDOW)
    window.show()
    for dock in window.findChildren(QDockWidget):
        if dock.objectName() == "Browser":
            dock.hide()  # the layers need its room
    pump(0.2)
    return window


def add_scene(path: str) -> Any:
    """Add a raster in natural colours, its bands found by name, and zoom to it."""
    layer = QgsRasterLayer(path, SCENE, "gdal")
    if not layer.isValid():
        raise ValueError(f"{path} is no raster that QGIS opens")
    # "Band 4: red", in newer versions "Band 4: red (Red)"
    names = [re.split(r"\W+", layer.bandName(band).lower())[2] for band in range(1, layer.bandCount() + 1)]
    renderer = layer.renderer()
    for name, choose in (
        ("red", renderer.setRedBand),
        ("green", renderer.setGreenBand),
        ("blue", renderer.setBlueBand),
    ):
        choose(names.index(name) + 1)
    layer.setContrastEnhancement(
        QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum,
        QgsRasterMinMaxOrigin.Limits.CumulativeCut,
    )
    layer.brightnessFilter().setGamma(GAMMA)
    project = QgsProject.instance()
    project.setCrs(layer.crs())
    project.addMapLayer(layer)
    canvas = iface.mapCanvas()
    canvas.setExtent(layer.extent())
    canvas.refresh()
    return layer


def differing(before: Any, after: Any) -> float:
    """Share of sampled pixels that differ between two images of one size."""
    width, height = min(before.width(), after.width()), min(before.height(), after.height())
    points = [(x, y) for y in range(0, height, 4) for x in range(0, width, 4)]
    return sum(before.pixel(x, y) != after.pixel(x, y) for x, y in points) / max(1, len(points))


def colours(image: Any) -> int:
    """Number of colours in a sample of an image's pixels; a blank or half-drawn one has few."""
    points = [(x, y) for y in range(0, image.height(), 4) for x in range(0, image.width(), 4)]
    return len({image.pixel(x, y) for x, y in points})


def take(widget: QWidget, path: str) -> dict[str, Any]:
    """Save a picture of a widget and tell its size and how many colours it has."""
    QApplication.processEvents()
    image = widget.grab().toImage()
    if not image.save(path):
        raise OSError(f"could not write the picture {path}")
    return {"path": path, "width": image.width(), "height": image.height(), "colours": colours(image)}


@contextmanager
def dismiss_dialogs() -> Iterator[list[str]]:
    """Close every dialog that would wait for the user, and note what it said."""
    said: list[str] = []

    def dismiss() -> None:
        dialog = QApplication.activeModalWidget()
        if dialog is not None:
            said.append(f"{dialog.windowTitle()}: {getattr(dialog, 'text', str)()}")
            dialog.close()

    timer = QTimer()
    timer.timeout.connect(dismiss)
    timer.start(100)
    try:
        yield said
    finally:
        timer.stop()


def leave() -> None:
    """End QGIS as a user would, with nothing left to ask about."""
    QgsProject.instance().clear()
    pump(0.2)
    QTimer.singleShot(0, iface.actionExit().trigger)
