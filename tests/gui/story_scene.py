"""Scenes: the story from an empty window to a re-opened project, and a worker that dies on the way."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inside import (
    Gaps,
    add_scene,
    differing,
    place_window,
    pump,
    run_in_background,
    take,
    wait_drawn,
    wait_until,
)
from qgis.core import QgsGeometry, QgsProcessingOutputLayerDefinition, QgsProject
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.utils import iface, plugins

DOCK_WIDTH = 380
IDLE_S = 1.5


def story(job: dict[str, Any]) -> dict[str, Any]:
    """Predict, look at the heat map, click a tile, ask what if, decode the missing, save and open again.

    Args:
        job: `scene`, a raster; `thresholds`, as the algorithm takes them; `run`, the folder to make;
            `before`, a copy of it from before the rerouting; `pictures`, a folder; `project`, the project
            file to write.

    Returns:
        What a user could see after each step, by the step's name.
    """
    window, pictures = place_window(), Path(job["pictures"])
    pictures.mkdir(parents=True, exist_ok=True)
    scene = add_scene(job["scene"])
    wait_drawn()
    with Gaps() as idle:
        pump(IDLE_S)
    seen: dict[str, Any] = {"idle_gap_s": idle.longest}

    parameters = {"INPUT": scene, "TOP_K": 1, "THRESHOLDS": job["thresholds"], "OUTPUT_FOLDER": job["run"]}
    routing = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", QgsProject.instance())
    seen["predict"] = run_in_background("hydranet:predict", {**parameters, "ROUTING": routing})
    dock = plugins["hydranet_qgis"].dock
    panel = dock.panel
    wait_until(dock.isVisible, "the dock to come forward by itself")
    tiles = wait_until(panel.shown_tiles, "the tiles in the dock")
    window.resizeDocks([dock], [DOCK_WIDTH], Qt.Orientation.Horizontal)
    wait_drawn()
    map_before = iface.mapCanvas().grab().toImage()
    seen["shown"] = {"tiles": len(tiles), "picture": take(window, str(pictures / "predict.png"))}
    seen["heat"] = _heat(panel, tiles, map_before, window, pictures)
    seen["click"] = _click(panel, tiles, dock, pictures)
    seen["what_if"] = _what_if(panel, dock, pictures)
    shutil.copytree(job["run"], job["before"])
    seen["reroute"] = _reroute(panel, dock, pictures)
    seen["opened"] = _open_again(panel, dock, job, pictures)
    return seen


def _heat(panel: Any, tiles: list[Any], before: Any, window: Any, pictures: Path) -> dict[str, Any]:
    """Colour the tiles by the score of the expert that varies most; then one click back to the imagery."""
    experts = panel.run.experts
    spread = {e.name: _spread([tile.scores[i] for tile in tiles]) for i, e in enumerate(experts)}
    expert = max(spread, key=lambda name: spread[name])
    heat, canvas = panel.widgets.heat, iface.mapCanvas()
    heat.choice.setCurrentIndex(heat.choice.findData(expert))
    heat.choice.activated.emit(heat.choice.currentIndex())
    wait_drawn()
    seen = {
        "expert": expert,
        "map_changed": differing(canvas.grab().toImage(), before),
        "legend_visible": heat.legend.isVisible(),
        "legend": take(heat.legend, str(pictures / "legend.png")),
        "picture": take(window, str(pictures / "heat.png")),
    }
    heat.imagery_button.click()
    wait_drawn()
    imagery = canvas.grab().toImage()
    seen["imagery_changed"] = differing(imagery, before)
    heat.imagery_button.click()
    wait_drawn()
    seen["back_changed"] = differing(canvas.grab().toImage(), imagery)
    return seen


def _spread(scores: list[float | None]) -> float:
    known = [score for score in scores if score is not None]
    return max(known) - min(known) if known else 0.0


def _click(panel: Any, tiles: list[Any], dock: Any, pictures: Path) -> dict[str, Any]:
    """Take the tile tool and click into the middle of a tile that is not the one selected."""
    canvas, present = iface.mapCanvas(), panel.selected_tile()
    tile = next(one for one in reversed(tiles) if one.chosen and one != present)
    geometry = QgsGeometry()
    geometry.fromWkb(tile.wkb)
    middle = canvas.getCoordinateTransform().transform(geometry.centroid().asPoint())
    place = QPoint(round(middle.x()), round(middle.y()))
    panel.map_link.action.trigger()
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    wait_until(lambda: panel.selected_tile() not in (None, present), "the click to select a tile")
    pump(0.5)  # its picture is drawn in the background
    seen = {
        "meant": tile.index,
        "selected": panel.selected_tile().index,
        "title": panel.widgets.detail_title.text(),
        "bars": take(panel.widgets.bars, str(pictures / "bars.png")),
        "picture": take(dock, str(pictures / "tile.png")),
    }
    panel.map_link.action.trigger()
    return seen


def _what_if(panel: Any, dock: Any, pictures: Path) -> dict[str, Any]:
    """Two experts a tile in place of one: what would change is told, nothing is done."""
    what_if = panel.widgets.what_if
    panel.widgets.tabs.setCurrentWidget(what_if)
    wait_until(lambda: what_if.change is not None, "the what-if panel to be ready")
    nothing = len(what_if.change.tiles)
    what_if.widgets.k_spin.setValue(2)
    wait_until(lambda: what_if.change.tiles, "the tiles that would change")
    return {
        "unchanged": nothing,
        "tiles": sorted(what_if.change.tiles),
        "headline": what_if.widgets.headline.text(),
        "cost": what_if.widgets.cost.text(),
        "can_start": what_if.widgets.button.isEnabled(),
        "picture": take(dock, str(pictures / "what_if.png")),
    }


def _reroute(panel: Any, dock: Any, pictures: Path) -> dict[str, Any]:
    """Decode what is missing into the layers that are there."""
    what_if, canvas = panel.widgets.what_if, iface.mapCanvas()
    wait_drawn()
    before, layers = canvas.grab().toImage(), _layers()
    done: list[str] = []
    failed: list[str] = []
    what_if.rerouted.connect(done.append)
    what_if.problem.connect(lambda text: failed.append(text) if text else None)
    with Gaps() as gaps:
        what_if.widgets.button.click()
        wait_until(lambda: done or failed, "the missing tiles to be decoded")
    if failed:
        raise ValueError(f"the rerouting failed: {failed}")
    wait_until(lambda: panel.run is not None and panel.run.top_k == 2, "the dock to show the new policy")
    wait_until(panel.shown_tiles, "the tiles in the dock")
    wait_drawn()
    return {
        "folder": done[0],
        "gap_s": gaps.longest,
        "layers_kept": [name for name in layers if name in _layers()],
        "layers_before": layers,
        "layers": _layers(),
        "map_changed": differing(canvas.grab().toImage(), before),
        "left_to_change": len(what_if.change.tiles),
        "picture": take(dock, str(pictures / "rerouted.png")),
    }


def _layers() -> list[str]:
    return sorted(layer.name() for layer in QgsProject.instance().mapLayers().values())


def _open_again(panel: Any, dock: Any, job: dict[str, Any], pictures: Path) -> dict[str, Any]:
    """Save the project, close it, open it: the dock has the run again."""
    project = QgsProject.instance()
    shown, layers = len(panel.shown_tiles()), _layers()
    if not project.write(job["project"]):
        raise OSError(f"could not save the project: {project.error()}")
    project.clear()
    wait_until(lambda: panel.run is None, "the dock to be empty with the project")
    empty = take(dock, str(pictures / "empty.png"))
    if not project.read(job["project"]):
        raise OSError(f"could not open the project: {project.error()}")
    wait_until(lambda: panel.run is not None and panel.shown_tiles(), "the dock to find the run again")
    panel.widgets.tabs.setCurrentIndex(0)
    wait_drawn()
    return {
        "run": str(panel.run.folder),
        "tiles_before": shown,
        "tiles": len(panel.shown_tiles()),
        "layers_before": layers,
        "layers": _layers(),
        "empty": empty,
        "picture": take(iface.mainWindow(), str(pictures / "opened.png")),
    }


def killed_worker(job: dict[str, Any]) -> dict[str, Any]:
    """The worker is killed while it works; QGIS tells it and the next run works.

    Args:
        job: `scene`, a raster; `first` and `second`, folders for the runs; `picture`.
    """
    from hydranet_qgis.worker_client import shared_client

    window = place_window()
    scene = add_scene(job["scene"])
    wait_drawn()
    killed: list[int] = []

    def kill(feedback: Any) -> None:
        pid = shared_client().pid
        if not killed and pid is not None and feedback.progress() > 0:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    failed = _predict(scene, job["first"], kill)
    alive = take(window, job["picture"])
    again = _predict(scene, job["second"])
    return {"killed": killed, "failed": failed, "alive": alive, "again": again, "pid": shared_client().pid}


def _predict(scene: Any, folder: str, meanwhile: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    return run_in_background("hydranet:predict", {"INPUT": scene, "OUTPUT_FOLDER": folder}, meanwhile)
