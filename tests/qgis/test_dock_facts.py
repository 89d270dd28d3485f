"""How a run was made, in the dock: its bands, policy and mask, told apart in table, detail and map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qgis.core import QgsExpressionContextUtils, QgsProject, QgsRenderContext, QgsVectorLayer

from hydranet_qgis import results, routing_style
from hydranet_qgis.dock import RunDock
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.tile_columns import ABSTAINED, MASKED, NO_DATA, ROUTED
from hydranet_qgis.run_folder import Run
from tests.qgis.fake_worker import fake_run


def test_how_the_run_was_made_is_told_in_the_summary(panel: RunPanel) -> None:
    texts = panel.widgets.summary.card.texts
    assert not any(texts[f"fact{number}"].isHidden() for number in range(3))
    assert "blue ← 2, green ← 3" in texts["fact0"].text()
    assert "(by description)" in texts["fact0"].text()
    assert "thresholds clouds 0.44, water 0.42" in texts["fact2"].text()


def test_an_old_run_without_such_facts_opens(dock: RunDock, run: Run) -> None:
    path = run.folder / "run.json"
    data = json.loads(path.read_text())
    for key in ("band_mapping", "radiometry", "policy"):
        del data[key]
    del data["tiles"]["masked"]
    path.write_text(json.dumps(data))
    assert dock.panel.open_run(str(run.folder))
    card = dock.panel.widgets.summary.card
    assert all(card.texts[f"fact{number}"].isHidden() for number in range(3))
    assert "mask" not in card.legend.text()
    assert dock.panel.widgets.kind.findData(MASKED) == -1


@pytest.fixture
def masked(dock: RunDock, scene: Path, tmp_path: Path) -> RunPanel:
    """The panel with a run of the recall policy whose mask touches tiles 0, 1, 4 and 5."""
    ring = [[500010, 5199830], [500190, 5199830], [500190, 5199850], [500010, 5199850], [500010, 5199830]]
    shape = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}
    mask = tmp_path / "mask.geojson"
    mask.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [shape]}))
    request = {"input": str(scene), "mask": str(mask), "policy": "recall", "miss_rate": 0.1}
    fake_run.write_run(tmp_path / "masked", request)
    assert dock.panel.open_run(str(tmp_path / "masked"))
    return dock.panel


def test_tiles_outside_the_mask_are_told_apart(masked: RunPanel, project: QgsProject) -> None:
    run, widgets = masked.run, masked.widgets
    assert (run.total, run.masked, run.empty) == (12, 8, 1)
    assert "<b>8</b>&nbsp;outside&nbsp;the&nbsp;mask" in widgets.summary.card.legend.text()
    for kind, count in ((MASKED, 8), (NO_DATA, 1), (ABSTAINED, run.abstained), (ROUTED, run.routed)):
        widgets.kind.setCurrentIndex(widgets.kind.findData(kind))
        assert len(masked.shown_tiles()) == count, kind
    widgets.kind.setCurrentIndex(0)
    assert masked.select_tile(3)
    assert "outside the mask" in widgets.detail_title.text()
    assert widgets.bars.line(0) == "Clouds and shadows: no score, the tile lies outside the mask"
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    routing_style.show(layer, run, routing_style.STRONGEST)
    assert _colored(layer) == {f["tile"] for f in layer.getFeatures() if f["valid"] > 0}
    routing_style.show(layer, run, "water")
    assert _colored(layer) == {f["tile"] for f in layer.getFeatures() if f["valid"] > 0}


def _colored(layer: QgsVectorLayer) -> set[int]:
    """Tiles that the layer's renderer has a symbol for."""
    renderer, context = layer.renderer().clone(), QgsRenderContext()
    context.expressionContext().appendScopes(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    renderer.startRender(context, layer.fields())
    found = set()
    for feature in layer.getFeatures():
        context.expressionContext().setFeature(feature)
        if renderer.willRenderFeature(feature, context):
            found.add(feature["tile"])
    renderer.stopRender(context)
    return found


def test_the_thresholds_of_the_run_are_drawn(masked: RunPanel) -> None:
    assert masked.select_tile(5)
    assert masked.run.experts[0].threshold == fake_run.THRESHOLDS["clouds"] / 2
    assert masked.widgets.bars.line(0).endswith("score 0.39, threshold 0.22, reaches its threshold 0.22")
