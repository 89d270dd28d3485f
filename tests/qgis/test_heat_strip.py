"""The strip that says what the map shows: choice, legend, opacity, ramp, and the way back to the imagery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QImage

from hydranet_qgis import heat_ramps, results, routing_style
from hydranet_qgis.dock.heat_strip import IMAGERY, HeatStrip
from hydranet_qgis.expert_colors import assign
from hydranet_qgis.run_folder import Run


@pytest.fixture
def strip(run: Run, project: QgsProject, qtbot: Any) -> Iterator[HeatStrip]:
    results.load_run(run, project)
    made = HeatStrip()
    qtbot.addWidget(made)
    made.resize(350, 80)
    made.show_run(run, assign(run.experts))
    made.show()
    yield made
    made.show_run(None, {})


def _choose(strip: HeatStrip, what: str) -> None:
    position = strip.choice.findData(what)
    assert position >= 0
    strip.choice.setCurrentIndex(position)
    strip.choice.activated.emit(position)


def _routing(run: Run) -> Any:
    return results.find_layer(QgsProject.instance(), run, results.ROUTING_ROLE)


def _visible(run: Run) -> dict[str, bool]:
    root = QgsProject.instance().layerTreeRoot()
    layers = QgsProject.instance().mapLayers().values()
    return {layer.name(): root.findLayer(layer.id()).itemVisibilityChecked() for layer in layers}


def test_it_offers_every_expert(strip: HeatStrip, run: Run) -> None:
    offered = [strip.choice.itemData(number) for number in range(strip.choice.count())]
    assert [name for name in offered if name and not name.startswith("*")] == [e.name for e in run.experts]
    assert strip.choice.currentData() == routing_style.OUTLINES


def test_an_expert_colours_the_map_and_the_legend_tells_how(strip: HeatStrip, run: Run, qtbot: Any) -> None:
    with qtbot.waitSignal(strip.mapChanged) as changed:
        _choose(strip, "water")
    assert changed.args == ["water"]
    assert routing_style.shown(_routing(run)) == "water"
    water = next(e for e in run.experts if e.name == "water")
    assert strip.legend.isVisible()
    assert strip.legend.expert == "water"
    assert strip.legend.threshold == water.threshold
    assert strip.legend.steps == heat_ramps.RAMPS["viridis"]
    assert "0.42" in strip.legend.accessibleDescription()


def test_the_legend_is_painted_with_the_threshold_in_its_place(strip: HeatStrip, qtbot: Any) -> None:
    _choose(strip, "water")
    strip.opacity.setValue(100)
    legend = strip.legend
    image = QImage(legend.size(), QImage.Format.Format_ARGB32)
    image.fill(QColor("#ffffff"))
    legend.render(image)
    track = legend._track()
    middle = int(track.center().y())
    seen = []
    for step, color in enumerate(legend.steps):
        x = int(track.left() + track.width() * (step + 0.25) / len(legend.steps))
        if abs(x - legend.position(legend.threshold)) > 4:
            assert image.pixelColor(x, middle) == QColor(color)
            seen.append(color)
    assert len(seen) >= 9
    mark = image.pixelColor(round(legend.position(legend.threshold)), middle)
    assert mark.lightness() < 110
    assert legend.position(0.0) == track.left()
    assert legend.position(1.0) == track.right()


def test_the_margin_has_the_threshold_in_the_middle(strip: HeatStrip, run: Run) -> None:
    _choose(strip, "water")
    strip.margin_button.click()
    assert routing_style.shown(_routing(run)) == routing_style.margin_of("water")
    assert strip.legend.margin
    assert strip.legend.steps == heat_ramps.MARGIN
    track = strip.legend._track()
    assert strip.legend.position(strip.legend.threshold) == pytest.approx(track.center().x())
    assert not strip.ramp_button.isEnabled()
    strip.margin_button.click()
    assert routing_style.shown(_routing(run)) == "water"


def test_under_top_k_no_threshold_is_shown(strip: HeatStrip, run: Run) -> None:
    strip.show_run(replace(run, policy="top-k"), assign(run.experts))
    _choose(strip, "water")
    assert strip.legend.threshold is None
    assert not strip.margin_button.isEnabled()
    assert "no threshold" in strip.legend.accessibleDescription()


def test_opacity_and_ramp_reach_the_layer(strip: HeatStrip, run: Run, qtbot: Any) -> None:
    _choose(strip, "water")
    strip.opacity.setValue(35)
    qtbot.waitUntil(lambda: routing_style.opacity_of(_routing(run)) == 0.35)
    magma = next(action for action in strip.ramp_button.menu().actions() if action.data() == "magma")
    magma.trigger()
    assert routing_style.ramp_of(_routing(run)) == "magma"
    assert strip.legend.steps == heat_ramps.RAMPS["magma"]


def test_another_strip_follows_what_the_layer_shows(strip: HeatStrip, run: Run, qtbot: Any) -> None:
    routing_style.show(_routing(run), run, routing_style.margin_of("landcover"), 0.5, "blues")
    strip.follow()
    assert strip.choice.currentData() == "landcover"
    assert strip.margin_button.isChecked()
    assert strip.opacity.value() == 50
    assert strip.ramp() == "blues"
    assert strip.legend.expert == "landcover"


def test_the_slider_works_from_the_keyboard(strip: HeatStrip, qtbot: Any) -> None:
    _choose(strip, "water")
    before = strip.opacity.value()
    qtbot.keyClick(strip.opacity, Qt.Key.Key_PageDown)
    assert strip.opacity.value() == before - 10


def test_one_click_back_to_the_imagery_and_one_to_return(strip: HeatStrip, run: Run, qtbot: Any) -> None:
    root = QgsProject.instance().layerTreeRoot()
    hidden = results.find_layer(QgsProject.instance(), run, "expert:water")
    root.findLayer(hidden.id()).setItemVisibilityChecked(False)
    _choose(strip, "landcover")
    before = _visible(run)
    assert set(before.values()) == {True, False}
    with qtbot.waitSignal(strip.mapChanged) as changed:
        strip.imagery_button.click()
    assert changed.args == [IMAGERY]
    assert not any(_visible(run).values())
    assert strip.choice.currentData() == IMAGERY
    with qtbot.waitSignal(strip.mapChanged) as changed:
        strip.imagery_button.click()
    assert changed.args == ["landcover"]
    assert _visible(run) == before
    assert strip.choice.currentData() == "landcover"


def test_the_choice_imagery_only_does_the_same(strip: HeatStrip, run: Run) -> None:
    before = _visible(run)
    _choose(strip, IMAGERY)
    assert strip.imagery_button.isChecked()
    assert not any(_visible(run).values())
    _choose(strip, routing_style.OUTLINES)
    assert not strip.imagery_button.isChecked()
    assert _visible(run) == before


def test_hiding_twice_does_not_forget_what_was_visible(strip: HeatStrip, run: Run) -> None:
    before = _visible(run)
    _choose(strip, IMAGERY)
    _choose(strip, IMAGERY)
    strip.imagery_button.click()
    assert _visible(run) == before


def test_what_the_user_shows_again_is_followed(strip: HeatStrip, run: Run) -> None:
    strip.imagery_button.click()
    node = QgsProject.instance().layerTreeRoot().findLayer(_routing(run).id())
    node.setItemVisibilityChecked(True)
    strip.follow()
    assert not strip.imagery_button.isChecked()
    assert strip.choice.currentData() == routing_style.OUTLINES


def test_what_was_visible_is_remembered_in_the_project(strip: HeatStrip, run: Run, tmp_path: Any) -> None:
    project = QgsProject.instance()
    before = _visible(run)
    strip.imagery_button.click()
    assert project.write(str(tmp_path / "project.qgz"))
    project.clear()
    assert project.read(str(tmp_path / "project.qgz"))
    strip.follow()
    assert strip.imagery_button.isChecked()
    strip.imagery_button.click()
    assert _visible(run) == before


def test_a_routing_layer_that_was_removed_is_loaded_again(strip: HeatStrip, run: Run) -> None:
    QgsProject.instance().removeMapLayer(_routing(run).id())
    _choose(strip, "water")
    assert routing_style.shown(_routing(run)) == "water"


def test_a_routing_table_that_is_gone_is_told(strip: HeatStrip, run: Run, qtbot: Any) -> None:
    QgsProject.instance().removeMapLayer(_routing(run).id())
    run.routing.unlink()
    with qtbot.waitSignal(strip.problem) as told:
        _choose(strip, "water")
    assert "routing.gpkg cannot be loaded" in told.args[0]


def test_without_a_run_nothing_can_be_chosen(strip: HeatStrip) -> None:
    strip.show_run(None, {})
    assert not strip.isEnabled()
    assert strip.what() == routing_style.OUTLINES
    assert strip.legend.expert == ""


def test_it_is_narrow_and_low(strip: HeatStrip) -> None:
    _choose(strip, "water")
    assert strip.minimumSizeHint().width() <= 334
    assert strip.sizeHint().height() <= 90
