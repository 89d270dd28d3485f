"""Scene: every picture of the user guide, from the real window; see `.ci/shots.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inside import add_scene, colours, differing, place_window, pump, take, wait_drawn, wait_until
from modelling import open_model
from osgeo import gdal
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPen
from qgis.PyQt.QtWidgets import QDockWidget, QLabel, QLineEdit, QWidget
from qgis.utils import iface, plugins

WINDOW = (0, 0, 1280, 800)  # small: a page of the guide is 720 pixels wide
TALL = (0, 0, 1280, 1000)  # for the dock alone
DOCK_WIDTH, LAYERS_WIDTH = 380, 272
DIALOG = (900, 640)
ROW_HEIGHT = 32
# Widths of the batch table's columns with which the run folder can be seen.
COLUMNS = {"INPUT": 190, "BANDS": 70, "EXPERTS": 150, "TOP_K": 165, "EXTENT": 130, "MASK": 130}
COLUMNS |= {"ROUTING": 140, "OUTPUT_FOLDER": 230}
USUAL_PROFILES = "~/.local/share/QGIS/QGIS3"
TRIED = ("water", 0.38)  # a threshold under which some of the sample's tiles would change, and some would not


class Shot:
    """Takes the pictures into a folder and keeps what is known of each."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.taken: dict[str, dict[str, Any]] = {}

    def take(self, name: str, widget: QWidget, *shown: QWidget) -> None:
        """A picture of a widget, on which half of each of `shown` must be seen; a long one scrolls."""
        for one in shown:
            seen = one.visibleRegion().boundingRect()
            if not one.isVisible() or 2 * seen.width() * seen.height() < one.width() * one.height():
                raise ValueError(f"{name}: {type(one).__name__} '{one.objectName()}' is not to be seen")
        self.taken[name] = take(widget, str(self.folder / f"{name}.png"))

    def over(self, name: str, window: QWidget, dialog: QWidget) -> None:
        """A picture of a dialog in front of the window; there is no window manager that would frame it."""
        if not dialog.isVisible():
            raise ValueError(f"{name}: the dialog is not open")
        picture, front = window.grab(), dialog.grab()
        place = QPoint((picture.width() - front.width()) // 2, (picture.height() - front.height()) // 2)
        painter = QPainter(picture)
        painter.fillRect(picture.rect(), QColor(0, 0, 0, 70))
        painter.drawPixmap(place, front)
        painter.setPen(QPen(QColor(90, 90, 90), 1))
        painter.drawRect(front.rect().translated(place).adjusted(-1, -1, 0, 0))
        painter.end()
        path = str(self.folder / f"{name}.png")
        if not picture.save(path):
            raise OSError(f"could not write the picture {path}")
        image = picture.toImage()
        size = {"width": image.width(), "height": image.height()}
        self.taken[name] = {"path": path, **size, "colours": colours(image)}


def shots(job: dict[str, Any]) -> dict[str, Any]:
    """Take all pictures.

    Args:
        job: `scenes`, the sample's rasters; `run`, a run folder of the first; `model`, a model file;
            `pictures`, a folder; `profiles`, that of the profiles, shown as the usual one.

    Returns:
        `pictures`: path, width, height and number of colours by name; `map_changed`: share of the map that
        the heat map and the tiles lit by What if change.
    """
    shot = Shot(job["pictures"])
    window = place_window()
    window.setGeometry(*WINDOW)
    dock = plugins["hydranet_qgis"].dock
    layers = window.findChild(QDockWidget, "Layers")
    window.resizeDocks([layers], [LAYERS_WIDTH], Qt.Orientation.Horizontal)
    scene = add_scene(job["scenes"][0])
    scene.setName(Path(job["scenes"][0]).stem)
    wait_drawn()
    _first_run(shot, window)
    dock.setUserVisible(True)
    if not dock.panel.open_run(job["run"]):
        raise ValueError(f"the dock does not open the run folder {job['run']}")
    wait_until(dock.panel.shown_tiles, "a row in HydraNet's dock")
    window.resizeDocks([dock, layers], [DOCK_WIDTH, LAYERS_WIDTH], Qt.Orientation.Horizontal)
    panel, canvas = dock.panel, iface.mapCanvas()
    pump(0.3)
    canvas.zoomToFullExtent()
    panel.select_tile(max(panel.shown_tiles(), key=_worth_seeing).index)
    wait_drawn()
    pump(0.5)  # the tile's picture is drawn in the background
    # With scene class and uncertainty the bars are longer than what this small window has room for.
    shot.take("main_window", window, panel.widgets.table, panel.widgets.detail_title)
    window.setGeometry(*TALL)
    pump(0.3)
    scene_line = [panel.widgets.tiles.detail.scene] if panel.run.scene_expert is not None else []
    shot.take("dock", dock, panel.widgets.table, panel.widgets.bars, *scene_line)
    panel.widgets.tabs.setCurrentWidget(panel.widgets.summary)
    pump(0.3)
    shot.take("summary", dock, panel.widgets.summary.card.shares, panel.widgets.summary.copy_button)
    panel.widgets.show_tiles()
    window.setGeometry(*WINDOW)
    wait_drawn()
    results = canvas.grab().toImage()
    changed = {"heatmap": _heat(shot, panel, window, results)}
    changed["what_if"] = _what_if(shot, panel, window, results)
    _environment(shot, window, job["profiles"])
    _batch(shot, window, job["scenes"])
    seen = open_model({"model": job["model"], "picture": str(shot.folder / "model.png")})
    if seen["problems"] or seen["overlapping"]:
        raise ValueError(f"model: {seen['problems']} {seen['overlapping']}")
    shot.taken["model"] = seen["picture"]
    return {"pictures": shot.taken, "map_changed": changed}


def _worth_seeing(tile: Any) -> tuple[bool, bool, float]:
    """Best a tile with scene class and model uncertainty, where the run tells them, and two high scores."""
    unsure = any(value is not None for value in tile.models)
    return bool(tile.scene), unsure, sorted(score or 0.0 for score in tile.scores)[-2]


def _first_run(shot: Shot, window: QWidget) -> None:
    """The algorithm's dialog as it opens."""
    import processing

    dialog = processing.createAlgorithmDialog("hydranet:predict", {})
    dialog.resize(*DIALOG)
    dialog.show()
    pump(0.8)
    calm(dialog)
    shot.over("first_run", window, dialog)
    dialog.close()


def _heat(shot: Shot, panel: Any, window: QWidget, before: Any) -> float:
    """The scores of the expert that varies most."""
    heat, tiles = panel.widgets.heat, panel.shown_tiles()
    spread = []
    for at, expert in enumerate(panel.run.experts):
        known = [tile.scores[at] for tile in tiles if tile.scores[at] is not None]
        spread.append((max(known) - min(known) if known else 0.0, expert.name))
    _choose(heat, max(spread)[1])
    changed = differing(iface.mapCanvas().grab().toImage(), before)
    shot.take("heatmap", window, heat.legend, heat.opacity)
    return changed


def _choose(heat: Any, what: str) -> None:
    heat.choice.setCurrentIndex(heat.choice.findData(what))
    heat.choice.activated.emit(heat.choice.currentIndex())
    wait_drawn()


def _what_if(shot: Shot, panel: Any, window: QWidget, before: Any) -> float:
    """A lower threshold: the tiles that would change are lit on the map."""
    from hydranet_qgis import routing_style

    _choose(panel.widgets.heat, routing_style.OUTLINES)
    what_if = panel.widgets.what_if
    panel.widgets.tabs.setCurrentWidget(what_if)
    wait_until(lambda: what_if.change is not None, "the what-if panel to be ready")
    name, threshold = TRIED
    widgets = what_if.widgets
    widgets.expert.setCurrentIndex(widgets.expert.findData(name))
    widgets.threshold_spin.setValue(threshold)
    wait_until(lambda: what_if.change.tiles, "the tiles that would change")
    wait_drawn()
    if not len(what_if.change.tiles) < len(panel.shown_tiles()) or not widgets.button.isEnabled():
        raise ValueError("what_if: all tiles would change, or none can be decoded")
    shot.take("what_if", window, widgets.threshold_slider, widgets.bars, widgets.button)
    changed = differing(iface.mapCanvas().grab().toImage(), before)
    what_if.reset()
    return changed


def _environment(shot: Shot, window: QWidget, profiles: str) -> None:
    """The page about the worker's environment, after Test."""
    from hydranet_qgis.environment_page import EnvironmentDialog
    from hydranet_qgis.environment_page.parts import breakable

    dialog = EnvironmentDialog(window)
    dialog.show()
    box, setup = dialog.page.interpreter, dialog.page.setup
    wait_until(lambda: setup.run.isEnabled(), "Pythons to make an environment from")
    box.test.click()
    wait_until(lambda: box.test.isEnabled(), "the worker to say what it has")
    pump(0.3)
    for label in dialog.findChildren(QLabel):
        label.setText(label.text().replace(breakable(profiles), breakable(USUAL_PROFILES)))
    shot.take("environment", dialog, box.tested, setup.run)
    dialog.close()


def _batch(shot: Shot, window: QWidget, scenes: list[str]) -> None:
    """The batch dialog with a row for each of three rasters."""
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog

    part = Path(scenes[0]).with_name("coast_east.tif")
    gdal.Translate(str(part), scenes[0], srcWin=[300, 0, 400, 400])
    for path in (*map(Path, scenes[1:]), part):
        QgsProject.instance().addMapLayer(QgsRasterLayer(str(path), path.stem, "gdal"))
    names = [Path(path).stem for path in (*scenes, part)]
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
    dialog = BatchAlgorithmDialog(algorithm, window)
    dialog.show()
    dialog.setGeometry(0, 0, 1400, 320)
    panel = dialog.mainWidget()
    panel.addRow(len(names) - panel.batchRowCount())
    table, columns = panel.tblParameters, panel.parameter_to_column
    for number, name in enumerate(names):
        layer = QgsProject.instance().mapLayersByName(name)[0]
        panel.wrappers[number][columns["INPUT"]].setParameterValue(layer.id(), panel.processing_context)
        table.cellWidget(number + 1, columns["OUTPUT_FOLDER"]).setValue(f"/data/runs/{name}")
    for name, width in COLUMNS.items():
        table.setColumnWidth(columns[name], width)
    for row in range(1, table.rowCount()):
        table.setRowHeight(row, ROW_HEIGHT)
    panel.checkLoadLayersOnCompletion.setChecked(True)
    calm(dialog)
    pump(0.5)
    shot.take("batch", dialog, panel)
    dialog.close()


def calm(dialog: QWidget) -> None:
    """Have no text look selected where nobody has selected it."""
    for edit in dialog.findChildren(QLineEdit):
        edit.deselect()
