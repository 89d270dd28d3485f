"""How the routing layer is drawn: what is kept with it, and that colours mean what the legend says."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsNullSymbolRenderer,
    QgsProject,
    QgsRectangle,
    QgsRenderContext,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

from hydranet_qgis import heat_ramps, results, routing_style
from hydranet_qgis.expert_colors import luminance
from hydranet_qgis.run_folder import Run


@pytest.fixture
def layer(run: Run, project: QgsProject) -> Any:
    return results.load_routing(run, project)


def _color_of(layer: Any, score: float, expert: str) -> QColor | None:
    """Colour of a tile with this score; None if it is not drawn."""
    feature = QgsFeature(layer.fields())
    feature[f"score_{expert}"] = score
    context = QgsRenderContext()
    renderer = layer.renderer().clone()
    renderer.startRender(context, layer.fields())
    symbol = renderer.symbolForFeature(feature, context)
    color = None if symbol is None else symbol.color()
    renderer.stopRender(context)
    return color


@pytest.mark.parametrize("ramp", heat_ramps.RAMPS)
def test_a_ramp_has_ten_steps_that_keep_their_order_without_colour(ramp: str) -> None:
    light = [luminance(color) for color in heat_ramps.RAMPS[ramp]]
    assert len(light) == heat_ramps.STEPS
    rising = [b > a for a, b in zip(light, light[1:], strict=False)]
    assert all(rising) or not any(rising)


def test_the_margin_is_palest_at_the_threshold() -> None:
    light = [luminance(color) for color in heat_ramps.MARGIN]
    assert light[:5] == sorted(light[:5])
    assert light[5:] == sorted(light[5:], reverse=True)
    reds = [QColor(color).red() > QColor(color).blue() for color in heat_ramps.MARGIN]
    assert reds == [False] * 5 + [True] * 5


def test_every_ramp_has_a_title() -> None:
    assert list(heat_ramps.titles()) == list(heat_ramps.RAMPS)


@pytest.mark.parametrize("ramp", ["viridis", "cividis"])
def test_a_score_has_the_colour_of_its_step(layer: Any, run: Run, ramp: str) -> None:
    routing_style.show(layer, run, "water", ramp=ramp)
    for score, step in ((0.0, 0), (0.05, 0), (0.55, 5), (1.0, 9)):
        assert _color_of(layer, score, "water") == QColor(heat_ramps.RAMPS[ramp][step])


def test_the_margin_divides_at_the_threshold(layer: Any, run: Run) -> None:
    water = next(e for e in run.experts if e.name == "water")
    routing_style.show(layer, run, routing_style.margin_of("water"))
    below, above = heat_ramps.MARGIN[4], heat_ramps.MARGIN[5]
    assert _color_of(layer, water.threshold - 0.001, "water") == QColor(below)
    assert _color_of(layer, water.threshold + 0.001, "water") == QColor(above)


def test_a_score_that_equals_its_threshold_is_above_it(layer: Any, run: Run) -> None:
    # 0.7 as the model gives it, in single precision, is a little less than 0.7.
    experts = tuple(replace(e, threshold=0.7) for e in run.experts)
    routing_style.show(layer, replace(run, experts=experts), routing_style.margin_of("water"))
    assert _color_of(layer, 0.699999988079071, "water") == QColor(heat_ramps.MARGIN[5])


@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
def test_the_margins_cover_all_scores(threshold: float) -> None:
    steps = routing_style.margin_steps(threshold)
    assert steps[0][0] == 0.0
    assert steps[-1][1] == 1.0
    assert all(low < high for low, high in steps)
    assert [high for _, high in steps[:-1]] == [low for low, _ in steps[1:]]


def test_opacity_and_ramp_stay_until_they_are_changed(layer: Any, run: Run) -> None:
    routing_style.show(layer, run, "water", opacity=0.4, ramp="magma")
    routing_style.show(layer, run, "landcover")
    assert routing_style.opacity_of(layer) == 0.4
    assert routing_style.ramp_of(layer) == "magma"
    assert layer.renderer().symbols(QgsRenderContext())[0].opacity() == 0.4


def test_a_project_opened_again_shows_the_same(
    layer: Any, run: Run, project: QgsProject, tmp_path: Path
) -> None:
    routing_style.show(layer, run, routing_style.margin_of("water"), opacity=0.3, ramp="blues")
    path = str(tmp_path / "project.qgz")
    assert project.write(path)
    project.clear()
    assert project.read(path)
    again = results.find_layer(project, run, results.ROUTING_ROLE)
    assert routing_style.shown(again) == routing_style.margin_of("water")
    assert routing_style.opacity_of(again) == 0.3
    assert routing_style.ramp_of(again) == "blues"


@pytest.mark.parametrize("broken", ["much", None, ""])
def test_a_property_that_makes_no_sense_is_left_aside(layer: Any, broken: Any) -> None:
    layer.setCustomProperty(routing_style.PROPERTY_OPACITY, broken)
    layer.setCustomProperty(routing_style.PROPERTY_RAMP, "jet")
    assert routing_style.opacity_of(layer) == routing_style.DEFAULT_OPACITY
    assert routing_style.ramp_of(layer) == heat_ramps.VIRIDIS


def test_results_without_tiles(layer: Any, run: Run) -> None:
    routing_style.show(layer, run, routing_style.NO_TILES)
    assert isinstance(layer.renderer(), QgsNullSymbolRenderer)
    assert routing_style.shown(layer) == routing_style.NO_TILES


@pytest.mark.parametrize(
    ("what", "expert"),
    [("water", "water"), ("*margin:water", "water"), ("", ""), ("*strongest", ""), ("*none", "")],
)
def test_which_expert_is_meant(what: str, expert: str) -> None:
    assert routing_style.expert_of(what) == expert


def test_twenty_thousand_tiles_are_drawn(run: Run, qgis_app: Any) -> None:
    fields = "field=score_water:double&field=chosen:string&field=reason:string"
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:32632&{fields}", "tiles", "memory")
    features = []
    for number in range(20_000):
        row, col = divmod(number, 200)
        feature = QgsFeature(layer.fields())
        feature.setAttributes([(number % 100) / 100, "water", "routed"])
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(col, row, col + 1, row + 1)))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setExtent(QgsRectangle(0, 0, 200, 100))
    settings.setOutputSize(QSize(400, 200))
    settings.setDestinationCrs(layer.crs())
    for what in ("water", routing_style.margin_of("water"), routing_style.STRONGEST):
        begin = time.perf_counter()
        routing_style.show(layer, run, what)
        print(f"{what}: styled in {1000 * (time.perf_counter() - begin):.1f} ms", end=", ")
        job = QgsMapRendererParallelJob(settings)
        job.start()
        job.waitForFinished()
        print(f"drawn in {1000 * (time.perf_counter() - begin):.0f} ms")
        image = job.renderedImage()
        shades = {image.pixelColor(x, 101).name() for x in range(0, 400, 2)}
        assert len(shades) > (1 if what == routing_style.STRONGEST else 9) - 1
        assert "#ffffff" not in shades
