"""Scenes that play inside QGIS, each a function from a dict to a dict; see window.py."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from inside import SCENE, add_scene, colours, differing, place_window, take, wait_drawn, wait_until
from modelling import save_model
from qgis.core import Qgis, QgsApplication, QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.utils import active_plugins, iface, plugins

__all__ = ["empty", "predict", "save_model", "show_runs"]

DOCK_WIDTH = 380


def empty(job: dict[str, Any]) -> dict[str, Any]:
    """The window as it comes up."""
    window = place_window()
    providers = [provider.id() for provider in QgsApplication.processingRegistry().providers()]
    return {
        "picture": take(window, job["picture"]),
        "version": Qgis.QGIS_VERSION,
        "active": list(active_plugins),
        "loaded": list(plugins),
        "providers": providers,
    }


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """A user opens a scene and runs the algorithm; the layers come, and the dock shows the tiles."""
    import processing

    window = place_window()
    scene = add_scene(job["scene"])
    wait_drawn()
    result = processing.runAndLoadResults("hydranet:predict", {"INPUT": scene, **job["parameters"]})
    dock = plugins["hydranet_qgis"].dock
    wait_until(dock.isVisible, "HydraNet's dock to come forward by itself")
    return {
        "result": {key: value for key, value in result.items() if isinstance(value, (int, float, str, list))},
        "foreign": [name for name in ("torch", "rasterio", "model_core") if name in sys.modules],
        **_shown(window, job),
    }


def show_runs(job: dict[str, Any]) -> dict[str, Any]:
    """Finished run folders are opened over their scenes, from the dock, one after the other."""
    window = place_window()
    dock = plugins["hydranet_qgis"].dock
    dock.setUserVisible(True)
    shown = []
    for one in job["runs"]:
        QgsProject.instance().clear()
        add_scene(one["scene"])
        if not dock.panel.open_run(one["run"]):
            raise ValueError(f"the dock does not open the run folder {one['run']}")
        shown.append(_shown(window, one))
    return {"runs": shown}


def _shown(window: Any, job: dict[str, Any]) -> dict[str, Any]:
    """What a user sees now: layers, the dock with its most unusual tile, and the pictures asked for."""
    dock, canvas = plugins["hydranet_qgis"].dock, iface.mapCanvas()
    tiles = wait_until(dock.panel.shown_tiles, "a row in HydraNet's dock")
    often = Counter(name for tile in tiles for name in tile.chosen)
    rarest = max(tiles, key=lambda tile: sum(1 / often[name] for name in tile.chosen))
    dock.panel.select_tile(rarest.index)
    window.resizeDocks([dock], [DOCK_WIDTH], Qt.Orientation.Horizontal)
    wait_drawn()
    layers = [
        {"name": layer.name(), "valid": layer.isValid(), "provider": layer.providerType()}
        for layer in QgsProject.instance().mapLayers().values()
    ]
    pictures = {"picture": take(window, job["picture"])}
    if "dock_picture" in job:
        pictures["dock_picture"] = take(dock, job["dock_picture"])
    results = canvas.grab().toImage()
    for node in QgsProject.instance().layerTreeRoot().findLayers():
        node.setItemVisibilityChecked(node.name() == SCENE)
    wait_drawn()
    scene = canvas.grab().toImage()
    shares = {"map_changed": differing(results, scene), "scene_colours": colours(scene)}
    return {"layers": layers, "rows": len(tiles), **shares, **pictures}
