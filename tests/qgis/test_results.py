"""A run's layers in a project: order, styles, the group, and finding them again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProject,
    QgsRasterBandStats,
    QgsRasterLayer,
    QgsVectorLayer,
)

from hydranet_qgis import expert_colors, results, routing_style
from hydranet_qgis.run_folder import Run, RunExpert, read_run
from tests.qgis.fake_worker import fake_run
from tests.qgis.run_edits import edit_expert, replace_raster, without


def _expert(name: str, colors: list[str | None]) -> RunExpert:
    from hydranet_qgis.run_folder import RunClass

    classes = tuple(RunClass(value, f"c{value}", color) for value, color in enumerate(colors))
    return RunExpert(name, name.title(), "classes", None, classes, 0.5, False, 1, 1, 1, None, None, None)


def test_small_things_lie_above_large_ones_and_surfaces_at_the_bottom(run: Run) -> None:
    planned = results.plan(run)
    assert planned[0].role == results.ROUTING_ROLE
    by_role = {f"expert:{e.name}": e for e in run.experts}
    experts = [by_role[item.role] for item in planned[1:]]
    kinds = [e.kind for e in experts]
    assert kinds == sorted(kinds)  # "classes" before "density"
    drawn = [e.foreground for e in experts if e.kind == "classes"]
    assert drawn == sorted(drawn)
    assert [item.order for item in planned] == list(range(len(planned)))
    assert "expert:roads" not in [item.role for item in planned]


def test_a_run_is_loaded_once_into_its_group(run: Run, project: QgsProject) -> None:
    layers = results.load_run(run, project)
    again = results.load_run(run, project)
    assert [layer.id() for layer in again] == [layer.id() for layer in layers]
    group = project.layerTreeRoot().findGroup(run.label)
    assert [node.name() for node in group.children()] == [item.name for item in results.plan(run)]
    assert [layer.name() for layer in layers] == [item.name for item in results.plan(run)]


def test_the_saved_style_is_used_with_its_legend(run: Run, project: QgsProject) -> None:
    results.load_run(run, project)
    layer = results.find_layer(project, run, "expert:clouds")
    classes = layer.renderer().classes()
    assert [c.label for c in classes] == ["clear", "thick cloud", "thin cloud", "shadow"]
    assert [c.color.alpha() for c in classes] == [0, 255, 255, 255]


def test_outlines_leave_the_image_free(run: Run, project: QgsProject) -> None:
    results.load_run(run, project)
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    symbol = layer.renderer().symbol()
    assert symbol.symbolLayerCount() == 2
    assert all(symbol.symbolLayer(i).brushStyle() == 0 for i in range(2))


def test_scores_fill_the_tiles_in_steps(run: Run, project: QgsProject) -> None:
    results.load_run(run, project)
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    routing_style.show(layer, run, "water")
    renderer = layer.renderer()
    assert renderer.classAttribute() == "score_water"
    ranges = renderer.ranges()
    assert [(r.lowerValue(), r.upperValue()) for r in ranges] == [(i / 10, (i + 1) / 10) for i in range(10)]
    assert len({r.symbol().color().name() for r in ranges}) == 10
    assert routing_style.shown(layer) == "water"
    routing_style.show(layer, run, routing_style.OUTLINES)
    assert routing_style.shown(layer) == routing_style.OUTLINES
    assert layer.renderer().type() == "singleSymbol"


def test_the_strongest_expert_colours_its_tiles(run: Run, project: QgsProject) -> None:
    from qgis.core import QgsExpression, QgsExpressionContext, QgsExpressionContextUtils

    results.load_run(run, project)
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    routing_style.show(layer, run, routing_style.STRONGEST)
    renderer = layer.renderer()
    colors = expert_colors.assign(run.experts)
    shown = {c.value(): c.symbol().color().name() for c in renderer.categories()}
    assert shown["water"] == colors["water"]
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    expression = QgsExpression(renderer.classAttribute())
    for feature in layer.getFeatures():
        context.setFeature(feature)
        value = expression.evaluate(context)
        if feature["reason"] == "no data":
            assert value not in shown and value  # an empty value might be taken for any category
        else:
            assert value == ((feature["chosen"] or "").split(",")[0] or "*abstained")
            assert value in shown


@pytest.mark.parametrize("way", ["property", "file"])
def test_a_layer_leads_to_its_run(way: str, run: Run, tmp_path: Path) -> None:
    if way == "file":
        layer: Any = QgsRasterLayer(str(run.folder / "water.tif"), "w")
    else:
        layer = QgsVectorLayer("Polygon?crs=EPSG:32632", "copy", "memory")
        layer.setCustomProperty(results.PROPERTY_RUN, str(run.folder))
        layer.setCustomProperty(results.PROPERTY_ROLE, results.ROUTING_ROLE)
    assert results.run_folder_of(layer) == run.folder
    assert results.layer_role(layer) == ("expert:water" if way == "file" else results.ROUTING_ROLE)


def test_a_foreign_layer_leads_nowhere(scene: Path) -> None:
    assert results.run_folder_of(QgsRasterLayer(str(scene), "s")) is None
    assert results.run_folder_of(QgsVectorLayer("Point", "p", "memory")) is None


def test_a_moved_run_is_found_by_its_files(run: Run, tmp_path: Path, project: QgsProject) -> None:
    moved = tmp_path / "elsewhere"
    shutil.move(str(run.folder), moved)
    layer = QgsRasterLayer(str(moved / "water.tif"), "w")
    layer.setCustomProperty(results.PROPERTY_RUN, str(run.folder))
    project.addMapLayer(layer)
    assert results.run_folder_of(layer) == moved
    assert results.find_layer(project, read_run(moved), "expert:water") is layer


def test_a_results_group_of_the_user_is_kept(run: Run, project: QgsProject) -> None:
    mine = project.layerTreeRoot().insertGroup(0, "My results")
    planned = results.plan(run)
    for item in planned[1:]:
        layer = QgsRasterLayer(item.source, item.name)
        project.addMapLayer(layer, False)
        mine.addLayer(layer)
        results.finish_layer(layer, run, item)
        results.place_in_group(project, layer, run)
    assert [node.name() for node in mine.children()] == [run.label]
    assert [n.name() for n in mine.children()[0].children()] == [item.name for item in planned[1:]]
    assert len(project.mapLayers()) == len(planned) - 1


def test_layers_added_beside_those_of_another_run_get_their_own_group(
    run: Run, scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    request = {"input": str(scene), "created": "2026-05-05T00:00:00+00:00"}
    fake_run.write_run(tmp_path / "next", request)
    other = read_run(tmp_path / "next")
    results.load_run(run, project)
    active = project.layerTreeRoot().findGroup(run.label)  # where Processing puts what it loads
    for item in results.plan(other)[1:]:
        layer = QgsRasterLayer(item.source, item.name)
        project.addMapLayer(layer, False)
        active.insertLayer(0, layer)
        results.finish_layer(layer, other, item)
        results.place_in_group(project, layer, other)
    groups = project.layerTreeRoot().children()
    assert sorted(group.name() for group in groups) == sorted([run.label, other.label])
    assert _roles_shown(project, run) == [item.role for item in results.plan(run)]
    assert _roles_shown(project, other) == [item.role for item in results.plan(other)[1:]]


def test_a_run_without_experts_loads_its_tiles(tmp_path: Path, scene: Path, project: QgsProject) -> None:
    fake_run.write_run(tmp_path / "none", {"input": str(scene), "top_k": 0})
    run = read_run(tmp_path / "none")
    assert [layer.name() for layer in results.load_run(run, project)] == ["Routing"]


def test_colours_follow_the_map_and_never_repeat(run: Run) -> None:
    colors = expert_colors.assign(run.experts)
    assert colors["water"] == "#2171b5"
    assert len(set(colors.values())) == len(run.experts)
    assert colors == expert_colors.assign(run.experts)


def test_two_experts_of_one_colour_are_told_apart() -> None:
    colors = expert_colors.assign([_expert("water", [None, "#2171b5"]), _expert("ice", [None, "#2272b6"])])
    assert colors["water"] == "#2171b5"
    assert colors["ice"] in expert_colors.PALETTE


def test_a_colour_that_is_lost_on_a_theme_is_not_taken() -> None:
    colors = expert_colors.assign([_expert("snow", [None, "#ffffff"]), _expert("night", [None, "#101010"])])
    assert set(colors.values()) <= set(expert_colors.PALETTE)


@pytest.mark.parametrize("color", [*expert_colors.PALETTE, "#2171b5", "#d94801", "#f2f2f2", "#101010"])
def test_a_chip_can_be_read(color: str) -> None:
    assert expert_colors.contrast(color, expert_colors.text_on(color)) >= 4.5


@pytest.mark.parametrize("color", expert_colors.PALETTE)
@pytest.mark.parametrize("background", ["#ffffff", "#2b2b2b"])
def test_a_bar_is_seen_on_light_and_dark(color: str, background: str) -> None:
    assert expert_colors.contrast(color, background) >= 2.5


def _roles_shown(project: QgsProject, run: Run) -> list[str]:
    group = project.layerTreeRoot().findGroup(run.label)
    return [results.layer_role(node.layer()) for node in group.children()]


def test_a_reroute_adds_and_removes_layers_in_order(run: Run, tmp_path: Path, project: QgsProject) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(run.folder, kept)
    lesser = without(run, "water")
    results.load_run(lesser, project)
    assert "expert:water" not in _roles_shown(project, run)
    shutil.rmtree(run.folder)
    shutil.copytree(kept, run.folder)
    results.load_run(read_run(run.folder), project)
    assert _roles_shown(project, run) == [item.role for item in results.plan(run)]
    results.load_run(without(run, "landcover"), project)
    assert "expert:landcover" not in _roles_shown(project, run)
    assert len(project.mapLayers()) == len(results.plan(run)) - 1


def test_a_reroute_shows_the_new_pixels(run: Run, project: QgsProject) -> None:
    results.load_run(run, project)
    layer = results.find_layer(project, run, "expert:landcover")
    here = layer.extent().center()
    here.setY(layer.extent().yMinimum() + 15)
    assert layer.dataProvider().bandStatistics(1).maximumValue != 3.0
    replace_raster(run.folder / "landcover.tif", [3])
    results.load_run(run, project)
    assert layer.dataProvider().sample(here, 1) == (3.0, True)
    told = layer.dataProvider().bandStatistics(1)
    assert (told.minimumValue, told.maximumValue) == (3.0, 3.0)
    assert layer.renderer().type() == "paletted"


def test_layers_whose_files_are_the_same_are_not_drawn_again(run: Run, project: QgsProject) -> None:
    results.load_run(run, project)
    drawn: list[str] = []
    for item in results.plan(run)[1:]:
        layer = results.find_layer(project, run, item.role)
        layer.repaintRequested.connect(lambda *_, role=item.role: drawn.append(role))
    results.load_run(run, project)
    assert drawn == []
    replace_raster(run.folder / "landcover.tif", [3])
    results.load_run(run, project)
    assert set(drawn) == {"expert:landcover"}
    drawn.clear()
    results.load_run(run, project)
    assert drawn == []


def test_what_a_layer_tells_follows_the_run_also_where_its_file_is_the_same(
    run: Run, project: QgsProject
) -> None:
    results.load_run(run, project)
    told = edit_expert(run, "water", title="Open water")
    results.load_run(told, project)
    layer = results.find_layer(project, told, "expert:water")
    assert layer.metadata().title().startswith("Open water")


def test_statistics_saved_beside_a_raster_do_not_outlive_it(run: Run, project: QgsProject) -> None:
    raster = run.folder / "biomass.tif"
    dataset = gdal.Open(str(raster))
    dataset.GetRasterBand(1).ComputeStatistics(False)
    del dataset  # closing writes them beside the raster
    assert raster.with_name("biomass.tif.aux.xml").is_file()
    results.load_run(run, project)
    replace_raster(raster, [7.5], float("nan"))
    results.load_run(run, project)
    layer = results.find_layer(project, run, "expert:biomass")
    wanted = QgsRasterBandStats.Stats.Min | QgsRasterBandStats.Stats.Max  # what QGIS asks for a stretch
    told = layer.dataProvider().bandStatistics(1, wanted)
    assert (told.minimumValue, told.maximumValue) == (7.5, 7.5)


def test_a_reroute_shows_the_new_tiles_in_the_colours_chosen(
    run: Run, scene: Path, project: QgsProject, tmp_path: Path
) -> None:
    results.load_run(run, project)
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    routing_style.show(layer, run, "water")
    assert sum(feature["k"] for feature in layer.getFeatures()) > 0
    fake_run.write_run(tmp_path / "other", {"input": str(scene), "top_k": 0})
    (tmp_path / "other" / "routing.gpkg").replace(run.folder / "routing.gpkg")
    results.load_run(run, project)
    assert sum(feature["k"] for feature in layer.getFeatures()) == 0
    assert routing_style.shown(layer) == "water"
    assert layer.renderer().classAttribute() == "score_water"


def test_what_the_user_arranged_stays(run: Run, project: QgsProject) -> None:
    results.load_run(run, project)
    root = project.layerTreeRoot()
    layer = results.find_layer(project, run, "expert:water")
    layer.setName("Lakes of May")
    group = root.findGroup(run.label)
    node = root.findLayer(layer.id())
    node.setItemVisibilityChecked(False)
    group.insertChildNode(0, node.clone())
    group.removeChildNode(node)
    group.setName("May")
    results.load_run(run, project)
    assert layer.name() == "Lakes of May"
    assert [n.name() for n in root.findGroup("May").children()][0] == "Lakes of May"
    assert not root.findLayer(layer.id()).itemVisibilityChecked()
    assert len(root.children()) == 1


def test_a_crs_told_by_the_user_stays(tmp_path: Path, project: QgsProject) -> None:
    from tests.qgis.conftest import make_scene

    fake_run.write_run(tmp_path / "r", {"input": str(make_scene(tmp_path / "plain.tif", epsg=0))})
    run = read_run(tmp_path / "r")
    for layer in results.load_run(run, project):
        layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    assert {x.crs().authid() for x in results.load_run(run, project)} == {"EPSG:32633"}


def test_a_layer_opened_as_a_file_serves_and_is_never_removed(run: Run, project: QgsProject) -> None:
    mine = QgsRasterLayer(str(run.folder / "water.tif"), "mine")
    gone = QgsRasterLayer(str(run.folder / "landcover.tif"), "gone")
    project.addMapLayers([mine, gone])
    kept = without(run, "landcover")
    layers = results.load_run(kept, project)
    assert mine in layers
    assert project.mapLayer(gone.id()) is gone
    assert len(project.mapLayers()) == len(layers) + 1


def test_a_copy_elsewhere_is_left_alone(run: Run, project: QgsProject, tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "water.tif"
    copy.parent.mkdir()
    shutil.copy(run.folder / "water.tif", copy)
    layer = QgsRasterLayer(str(copy), "copy")
    layer.setCustomProperty(results.PROPERTY_RUN, str(run.folder))
    layer.setCustomProperty(results.PROPERTY_ROLE, "expert:water")
    project.addMapLayer(layer)
    assert results.find_layer(project, run, "expert:water") is layer
    results.load_run(run, project)
    own = results.find_layer(project, run, "expert:water")
    assert Path(own.source()) == run.folder / "water.tif"
    results.load_run(without(run, "water"), project)
    assert project.mapLayer(layer.id()) is layer
    assert Path(layer.source()) == copy


def test_processing_hands_over_the_layer_of_an_overwritten_run(run: Run, project: QgsProject) -> None:
    results.load_run(run, project)
    item = next(item for item in results.plan(run) if item.role == "expert:water")
    layer = results.find_layer(project, run, item.role)
    layer.setOpacity(0.2)
    replace_raster(run.folder / "water.tif", [1])
    results.finish_layer(layer, run, item)
    assert layer.opacity() == pytest.approx(0.2)
    assert layer.dataProvider().bandStatistics(1).minimumValue == 1.0


def test_a_moved_project_keeps_one_group_for_the_run(run: Run, tmp_path: Path, project: QgsProject) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    shutil.move(str(run.folder), old / "run")
    results.load_run(read_run(old / "run"), project)
    assert project.write(str(old / "p.qgz"))
    project.clear()
    shutil.move(str(old), new)
    assert project.read(str(new / "p.qgz"))
    moved = read_run(new / "run")
    project.removeMapLayer(results.find_layer(project, moved, "expert:water").id())
    results.load_run(moved, project)
    assert [n.name() for n in project.layerTreeRoot().children()] == [run.label]
    assert _roles_shown(project, run) == [item.role for item in results.plan(moved)]
