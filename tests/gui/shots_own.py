"""Scene: pictures of how an expert of one's own is made, from labels to a training that goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inside import add_scene, place_window, pump, run_in_background, wait_drawn, wait_until
from qgis.core import QgsFillSymbol, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QDockWidget, QWidget
from qgis.utils import plugins
from shots_scene import LAYERS_WIDTH, WINDOW, Shot, calm

TILES = {"FIELD": "class", "TASK": "openwater", "TILE_SIZE": 128, "STRIDE": 64, "BLOCK": 1280}
DIALOG = (900, 760)
DOCK_WIDTH = 420
EPOCHS = 14  # so many make a picture of curves
ENOUGH_S, HANG_S = 180.0, 240.0  # on a machine that is busy there are fewer


def shots_own(job: dict[str, Any]) -> dict[str, Any]:
    """Take the pictures.

    Args:
        job: `scene`, the sample's raster with its labels beside it; `pictures`, a folder; `work`, a folder
            for tiles and bundle.

    Returns:
        `pictures`: path, width, height and number of colours by name.
    """
    shot, window, scene = Shot(job["pictures"]), place_window(), add_scene(job["scene"])
    window.setGeometry(*WINDOW)
    layers = window.findChild(QDockWidget, "Layers")
    window.resizeDocks([layers], [LAYERS_WIDTH], Qt.Orientation.Horizontal)
    scene.setName(Path(job["scene"]).stem)
    wait_drawn()
    given = {**TILES, "INPUT": [scene.id()]}
    for parameter, name, colour in (("LABELS", "water", "38,115,196,110"), ("AREA", "area", "0,0,0,0")):
        path = Path(job["scene"]).with_name(f"coast_{name}.geojson")
        layer = QgsVectorLayer(str(path), path.stem, "ogr")
        symbol = QgsFillSymbol.createSimple({"color": colour, "outline_color": "#ffcc00"})
        layer.renderer().setSymbol(symbol)
        given[parameter] = QgsProject.instance().addMapLayer(layer).id()
    wait_drawn()
    _export(shot, window, given)
    _train(shot, window, given, Path(job["work"]))
    return {"pictures": shot.taken}


def _export(shot: Shot, window: QWidget, given: dict[str, Any]) -> None:
    """The dialog of Export training tiles, filled in."""
    import processing

    dialog = processing.createAlgorithmDialog("hydranet:exporttiles", given)
    dialog.resize(*DIALOG)
    dialog.show()
    pump(0.8)
    calm(dialog)
    shot.over("exporttiles", window, dialog)
    dialog.close()


def _train(shot: Shot, window: QWidget, given: dict[str, Any], work: Path) -> None:
    """A real training on tiles of the sample, ended early with the button."""
    tiles, dock = work / "tiles", plugins["hydranet_qgis"].training
    if not run_in_background("hydranet:exporttiles", {**given, "OUTPUT_FOLDER": str(tiles)})["ok"]:
        raise ValueError("training: the tiles were not exported")
    seen: list[int] = []

    def look(_feedback: Any) -> None:
        shown = dock.panel.training
        if seen or shown is None or (len(shown.epochs) < EPOCHS and shown.spent < ENOUGH_S):
            return
        seen.append(len(shown.epochs))
        window.resizeDocks([dock], [DOCK_WIDTH], Qt.Orientation.Horizontal)
        wait_drawn()
        shot.take("training", window, dock.panel.curves, dock.panel.stop)
        dock.panel.stop.click()

    asked = {"WHAT": "expert", "TILES": str(tiles), "OUTPUT_FOLDER": str(work / "marsh"), "MINUTES": 10}
    told = run_in_background("hydranet:train", asked, look, HANG_S)
    if not told["ok"] or not seen:
        raise ValueError(f"training: it ended without a picture: {told['log'][-2000:]}")
    wait_until(lambda: dock.panel.use.isVisible(), "the panel to offer the new bundle")
