"""The bands of uncertainty: read from run.json, drawn by styles of their own, told per tile in the dock."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import QgsProject
from qgis.PyQt.QtCore import QEvent, QPoint, Qt
from qgis.PyQt.QtGui import QHelpEvent

from hydranet_qgis import heat_ramps, results, routing_style
from hydranet_qgis.algorithms.empty_raster import write_empty
from hydranet_qgis.dock.expert_shares import ExpertShares
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.summary_table import expert_numbers, summary_csv, tiles_csv
from hydranet_qgis.dock.tile_columns import columns_of
from hydranet_qgis.dock.tile_table import EXPERTS, REASON, SCENE, SCORE, UNSURE
from hydranet_qgis.errors import RunFolderError
from hydranet_qgis.expert_colors import luminance
from hydranet_qgis.run_folder import Run, RunExpert, read_run
from hydranet_qgis.tile_records import read_tiles
from hydranet_qgis.uncertainty import (
    ALEATORIC,
    KINDS,
    MODEL,
    MODEL_TOP,
    TILE_MODEL_TOP,
    TOTAL,
    UncertaintyBands,
    style_name,
)
from tests.qgis.fake_worker import fake_run
from tests.qgis.run_edits import UNSURE as VALUES
from tests.qgis.run_edits import edit_expert, edit_json, with_parts, with_scene, with_uncertainty
from tests.qgis.test_layer_styles import _colour

NAMES = {"Uncertainty", "Aleatoric uncertainty", "Model uncertainty"}


def _expert(run: Run, name: str = "water") -> RunExpert:
    return next(expert for expert in run.experts if expert.name == name)


def _water(run: Run, project: QgsProject) -> Any:
    results.load_run(run, project)
    return results.find_layer(project, run, "expert:water")


def _heat(panel: RunPanel, what: str) -> None:
    choice = panel.widgets.heat.choice
    choice.setCurrentIndex(choice.findData(what))
    choice.activated.emit(choice.currentIndex())


@pytest.mark.parametrize(
    ("told", "bands"),
    [
        ({}, UncertaintyBands()),
        ({"uncertainty_band": None}, UncertaintyBands()),
        ({"uncertainty_band": 2}, UncertaintyBands(total=2)),
        ({"uncertainty_bands": {}, "uncertainty_band": None}, UncertaintyBands()),
        ({"uncertainty_bands": {"total": 2}}, UncertaintyBands(total=2, tile_means=True)),
        (
            {"uncertainty_bands": {"total": 2, "aleatoric": 3, "model": 4}, "uncertainty_band": 2},
            UncertaintyBands(2, 3, 4, tile_means=True),
        ),
    ],
)
def test_both_ways_of_telling_the_bands_are_read(told: dict[str, Any], bands: UncertaintyBands) -> None:
    assert UncertaintyBands.of(told) == bands
    assert not bands.has_mean(ALEATORIC)
    assert dict(bands.present()) == {k: b for k, b in zip(KINDS, (2, 3, 4), strict=True) if bands.band(k)}


def test_damaged_bands_are_told_as_a_damaged_run(run: Run) -> None:
    with pytest.raises(RunFolderError, match="is damaged"):
        edit_expert(run, "water", uncertainty_bands=[2, 3])


def test_means_of_tiles_are_read_where_the_expert_was_used(run: Run) -> None:
    old = with_uncertainty(run)
    assert all(tile.unsure(TOTAL, 1) is None for tile in read_tiles(old))
    assert not _expert(old).uncertainty.has_mean(TOTAL)
    run = with_parts(run)
    for tile in read_tiles(run):
        used = "water" in tile.chosen
        assert tile.unsure(TOTAL, 1) == (pytest.approx(0.02 * tile.index) if used else None)
        assert tile.unsure(MODEL, 1) == (pytest.approx(0.002 * tile.index) if used else None)
        assert tile.unsure(TOTAL, 0) is None


def test_every_band_has_a_style_and_the_experts_own_is_shown(run: Run, project: QgsProject) -> None:
    layer = _water(with_parts(run), project)
    manager = layer.styleManager()
    first = manager.currentStyle()
    assert set(manager.styles()) == {first, *NAMES} and first not in NAMES
    for kind, band, value in zip(KINDS, (2, 3, 4), VALUES, strict=True):
        assert manager.setCurrentStyle(style_name(kind))
        layer.setOpacity(1.0)
        assert layer.renderer().usesBands() == [band]
        wanted = layer.renderer().shader().rasterShaderFunction().shade(value)
        shown = _colour(layer, 0.75)
        assert (shown.red(), shown.green(), shown.blue()) == pytest.approx(wanted[1:4], abs=3)
        assert _colour(layer, 0.25).alpha() == 0
        assert results.find_layer(project, run, "expert:water") is layer
    assert manager.setCurrentStyle(first)
    assert layer.renderer().type() == "paletted"


def test_total_and_aleatoric_mean_the_same_colours_and_the_models_part_has_its_own(
    run: Run, project: QgsProject
) -> None:
    layer = _water(with_parts(run), project)
    shown = {}
    for kind in KINDS:
        layer.styleManager().setCurrentStyle(style_name(kind))
        function = layer.renderer().shader().rasterShaderFunction()
        items = [(item.value, item.color.name(), item.label) for item in function.colorRampItemList()]
        light = [luminance(color) for _, color, _ in items]
        assert light == sorted(light)
        legend = function.legendSettings()
        told = legend.minimumLabel(), legend.useContinuousLegend()
        shown[kind] = items, layer.renderer().classificationMax(), *told
    assert shown[TOTAL][0] == shown[ALEATORIC][0]
    assert (shown[TOTAL][1], shown[MODEL][1]) == (1.0, MODEL_TOP)
    values = [value for value, _, _ in shown[MODEL][0]]
    roots = [value**0.5 for value in values]
    steps = [second - first for first, second in zip(roots, roots[1:], strict=False)]
    assert steps == pytest.approx([steps[0]] * len(steps))
    labels = [label for _, _, label in shown[MODEL][0]]
    assert "heads agree" in labels[0] and "0.5 or more" in labels[-1]
    assert (shown[MODEL][3], shown[ALEATORIC][3]) == (False, True)
    assert "image is clear" in shown[ALEATORIC][2]


def test_the_styles_are_saved_with_the_project(run: Run, project: QgsProject, tmp_path: Path) -> None:
    _water(with_parts(run), project).styleManager().setCurrentStyle("Model uncertainty")
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert project.read(str(tmp_path / "p.qgz"))
    for _ in range(2):
        layer = results.find_layer(project, run, "expert:water")
        manager = layer.styleManager()
        assert manager.currentStyle() == "Model uncertainty"
        assert layer.renderer().usesBands() == [4]
        assert layer.renderer().classificationMax() == MODEL_TOP
        assert set(manager.styles()) > NAMES and len(manager.styles()) == 4
        results.load_run(read_run(run.folder), project)  # brings nothing new


def test_styles_come_and_go_with_their_bands_in_place(run: Run, project: QgsProject) -> None:
    """A reroute replaces the raster; another model's may have other bands."""
    layer = _water(with_uncertainty(run), project)
    manager = layer.styleManager()
    manager.setCurrentStyle("Uncertainty")
    results.load_run(with_parts(run), project)
    assert layer.bandCount() == 4 and set(manager.styles()) > NAMES
    assert manager.currentStyle() == "Uncertainty"
    manager.setCurrentStyle("Aleatoric uncertainty")
    run = with_uncertainty(run)
    results.load_run(edit_expert(run, "water", uncertainty_bands={"total": 2}), project)
    assert layer.bandCount() == 2
    assert set(manager.styles()) & NAMES == {"Uncertainty"}
    assert layer.renderer().type() == "paletted"


def test_a_new_style_file_changes_the_experts_own_style_only(run: Run, project: QgsProject) -> None:
    layer = _water(with_parts(run), project)
    manager, style = layer.styleManager(), run.folder / "water.qml"
    first = manager.currentStyle()
    manager.setCurrentStyle("Model uncertainty")
    style.write_text(style.read_text().replace('label="water"', 'label="open water"'), encoding="utf-8")
    results.load_run(read_run(run.folder), project)
    assert manager.currentStyle() == "Model uncertainty"
    assert layer.renderer().usesBands() == [4]
    manager.setCurrentStyle(first)
    assert [c.label for c in layer.renderer().classes()] == ["other", "open water"]


def test_the_layers_say_what_the_bands_mean(run: Run, project: QgsProject) -> None:
    run = with_parts(run)
    abstract = _water(run, project).metadata().abstract()
    assert "Band 3: Aleatoric uncertainty" in abstract and "Band 4: Model uncertainty" in abstract
    routing = results.find_layer(project, run, results.ROUTING_ROLE).metadata().abstract()
    assert "model_uncertainty_…" in routing and "scene_branches" not in routing


@pytest.mark.parametrize(("heads", "names"), [(1, ["uncertainty"]), (5, [f"{k} uncertainty" for k in KINDS])])
def test_the_raster_of_an_unused_expert_has_the_bands_of_a_used_one(
    heads: int, names: list[str], run: Run, tmp_path: Path
) -> None:
    edit_json(run, lambda data: data.update(uncertainty=True))
    run = edit_expert(run, "roads", heads=heads, uncertainty_bands={})
    write_empty(run, _expert(run, "roads"), tmp_path / "e.tif")
    raster = gdal.Open(str(tmp_path / "e.tif"))
    bands = [raster.GetRasterBand(number + 1) for number in range(raster.RasterCount)]
    assert [band.GetDescription() for band in bands] == ["class", *names]
    assert all(band.GetScale() == pytest.approx(0.004) for band in bands[1:])
    assert all(band.Checksum() == bands[0].Checksum() for band in bands)


def test_the_detail_tells_it_of_the_experts_that_decoded_the_tile(
    panel: RunPanel, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hydranet_qgis.dock import score_bars

    panel.select_tile(8)
    bars = panel.widgets.bars
    plain = bars.heightForWidth(300)
    assert "uncertainty" not in bars.accessibleDescription()
    panel.open_run(str(with_parts(run).folder))
    panel.select_tile(8)
    assert bars.line(1).endswith("uncertainty 0.16 (model 0.016)")
    assert bars.accessibleDescription().count("uncertainty") == 1
    assert bars.heightForWidth(300) > plain
    told: list[str] = []
    monkeypatch.setattr(score_bars.QToolTip, "showText", lambda place, text, widget: told.append(text))
    for position in (0, 1):
        place = QPoint(5, bars.rows(bars.width())[position][0] + 3)
        bars.event(QHelpEvent(QEvent.Type.ToolTip, place, QPoint(0, 0)))
    assert told[0] == bars.line(0)
    assert told[1].startswith(bars.line(1)) and "unfamiliar" in told[1]


def test_a_single_head_tells_no_models_part(panel: RunPanel, run: Run) -> None:
    panel.open_run(str(with_parts(run, kinds=1).folder))
    panel.select_tile(8)
    assert panel.widgets.bars.line(1).endswith("uncertainty 0.16")
    choice = panel.widgets.heat.choice
    assert choice.findData(routing_style.unsure_of("water", TOTAL)) >= 0
    assert choice.findData(routing_style.unsure_of("water", MODEL)) == -1


def test_the_map_shows_it_with_a_legend_and_the_table_follows(
    panel: RunPanel, run: Run, project: Any
) -> None:
    run = with_scene(with_parts(run))
    panel.open_run(str(run.folder))
    widgets, table, model = panel.widgets, panel.widgets.table, panel.model
    assert table.isColumnHidden(UNSURE) and not table.isColumnHidden(SCENE)
    what = routing_style.unsure_of("water", MODEL)
    _heat(panel, what)
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    assert routing_style.shown(layer) == what
    assert layer.renderer().classAttribute() == "model_uncertainty_water"
    legend = widgets.heat.legend
    assert (legend.unsure, legend.threshold, legend.steps) == (MODEL, None, heat_ramps.RAMPS["viridis"])
    assert "unfamiliar" in legend.accessibleDescription()
    track = legend._track()
    assert legend.position(TILE_MODEL_TOP / 4) == pytest.approx(track.center().x())
    assert widgets.heat.margin_button.isHidden() and not widgets.heat.ramp_button.isHidden()
    # A narrow dock has room for one of both.
    assert not table.isColumnHidden(UNSURE) and table.isColumnHidden(SCENE)
    assert model.headerData(SCORE, Qt.Orientation.Horizontal) == "Water"
    assert "Mean model uncertainty of Water" in model.headerData(
        UNSURE, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole
    )
    model.sort(UNSURE, Qt.SortOrder.DescendingOrder)
    shown = [tile.unsure(MODEL, 1) for tile in panel.shown_tiles()]
    known = [value for value in shown if value is not None]
    assert shown == [*sorted(known, reverse=True), *[None] * (len(shown) - len(known))] and known
    row = model.row_of(8)
    assert model.index(row, UNSURE).data() == "0.016"
    _heat(panel, routing_style.unsure_of("water", TOTAL))
    assert model.index(model.row_of(8), UNSURE).data() == "0.16"
    widgets.tiles.resize(1200, 600)
    assert not any(table.isColumnHidden(column) for column in (SCENE, UNSURE, REASON))
    _heat(panel, "clouds")
    assert table.isColumnHidden(UNSURE)


@pytest.mark.parametrize("letters", [26, 40, 80])
def test_an_uncertainty_on_the_map_stands_in_the_table_of_any_dock(
    letters: int, panel: RunPanel, run: Run
) -> None:
    panel.open_run(str(with_scene(with_parts(run)).folder))
    table, metrics = panel.widgets.table, panel.widgets.table.fontMetrics()
    width = letters * metrics.horizontalAdvance("M")
    _heat(panel, routing_style.unsure_of("water", MODEL))
    table.resize(width, 300)
    table.fit(width)
    assert not table.isColumnHidden(UNSURE)
    assert table.columnWidth(UNSURE) >= metrics.horizontalAdvance("0.000") + 14
    assert table.columnWidth(SCORE) >= metrics.horizontalAdvance("0.00") + 14
    assert table.columnWidth(EXPERTS) > 50
    if letters >= 40:
        title = table.model().headerData(UNSURE, Qt.Orientation.Horizontal)
        assert table.columnWidth(UNSURE) >= metrics.horizontalAdvance(title) + 10


def test_the_colours_tell_one_head_that_dissents_from_two() -> None:
    """Of five heads and four classes: what the colours have to show."""
    parts = [-(p * log(p) + (1 - p) * log(1 - p)) / log(4) for p in (0.2, 0.4)]
    assert parts[0] < parts[1] < MODEL_TOP
    shares = [(part / MODEL_TOP) ** 0.5 for part in parts]
    assert shares[1] - shares[0] > 0.1


def test_every_mean_has_one_colour_on_the_map(run: Run, project: QgsProject) -> None:
    run = with_parts(run)
    layer = results.load_routing(run, project)
    for kind in (TOTAL, MODEL):
        routing_style.show(layer, run, routing_style.unsure_of("water", kind))
        ranges = layer.renderer().ranges()
        assert (ranges[0].lowerValue(), ranges[-1].upperValue()) == (0.0, 1.0)
        for first, second in zip(ranges, ranges[1:], strict=False):
            assert first.upperValue() == second.lowerValue() > first.lowerValue()
    assert ranges[-1].lowerValue() < TILE_MODEL_TOP and ranges[-1].label().startswith("≥")


def test_what_a_run_made_anew_does_not_tell_gives_way_to_outlines(run: Run, project: QgsProject) -> None:
    both = with_scene(with_parts(run))
    layer = results.load_routing(both, project)
    for what in (routing_style.SCENE, routing_style.unsure_of("water", MODEL)):
        routing_style.show(layer, both, what)
        assert routing_style.shown(layer) == what
        assert routing_style.expert_of(what) == ("" if what == routing_style.SCENE else "water")
        old = edit_expert(edit_json(both, lambda data: data.pop("scene_expert", None)), "water", heads=1)
        old = edit_expert(old, "water", uncertainty_bands=None)
        routing_style.show(layer, old, routing_style.shown(layer))
        assert routing_style.shown(layer) == routing_style.OUTLINES
        both = with_scene(edit_expert(old, "water", uncertainty_bands={"total": 2, "model": 4}))


def test_the_summary_and_its_csv_have_the_means(run: Run, qtbot: Any) -> None:
    run = with_parts(run)
    columns = columns_of(run, read_tiles(run))
    used = [tile.index for tile in columns.tiles if "water" in tile.chosen]
    water = next(one for one in expert_numbers(columns) if one.name == "water")
    assert water.uncertainty == pytest.approx(0.02 * sum(used) / len(used))
    assert water.model_uncertainty == pytest.approx(0.002 * sum(used) / len(used))
    shares = ExpertShares()
    qtbot.addWidget(shares)
    shares.show_numbers([water], {})
    assert shares.remark(water).endswith(
        f"uncertainty {water.uncertainty:.2f} (model {water.model_uncertainty:.3f})"
    )
    header, *lines = summary_csv(run, expert_numbers(columns)).splitlines()
    assert header.endswith("mean_uncertainty,mean_model_uncertainty")
    assert {line.count(",") for line in lines} == {header.count(",")}
    head, *rows = (line.strip().split(",") for line in tiles_csv(columns))
    assert head[-2:] == ["uncertainty_water", "model_uncertainty_water"]
    assert "uncertainty_clouds" not in head and "scene" not in head
    assert [row[-1] for row in rows] == [
        f"{0.002 * tile.index:.6f}" if "water" in tile.chosen else "" for tile in columns.tiles
    ]
    assert fake_run.NAMES[1] == "water"
