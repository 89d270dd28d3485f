"""The scene expert's class of every tile: in the detail, the table, its filter, the map and the summary."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from osgeo import ogr
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QIcon, QImage

from hydranet_qgis import results, routing_style
from hydranet_qgis.dock import tile_words
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.summary_table import expert_numbers, scene_numbers, spent_macs, summary_csv, tiles_csv
from hydranet_qgis.dock.tile_columns import ABSTAINED, NO_DATA, columns_of
from hydranet_qgis.dock.tile_model import EXPERTS, SCENE
from hydranet_qgis.errors import RunFolderError
from hydranet_qgis.expert_colors import contrast
from hydranet_qgis.run_folder import Run, read_run
from hydranet_qgis.scene_colors import scene_colors
from hydranet_qgis.scene_expert import spoken
from hydranet_qgis.tile_records import TileRecord, read_tiles
from hydranet_qgis.what_if_cost import rates_of
from tests.qgis.run_edits import BRANCHES, SCENES, edit_json, with_scene

# EuroSAT's, as the data set spells them.
EUROSAT = (
    *("AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial"),
    *("Pasture", "PermanentCrop", "Residential", "River", "SeaLake"),
)


@pytest.fixture
def scenes(panel: RunPanel, run: Run) -> RunPanel:
    """The panel with a run of a model with a scene expert."""
    assert panel.open_run(str(with_scene(run).folder))
    return panel


def _filter(panel: RunPanel, name: str | None) -> None:
    combo = panel.widgets.tiles.scene
    combo.setCurrentIndex(combo.findData(name) if name else 0)


def test_a_run_tells_its_scene_expert_and_the_table_its_classes(run: Run) -> None:
    assert run.scene_expert is None
    assert {(t.scene, t.scene_score, t.scene_branches) for t in read_tiles(run)} == {("", None, ())}
    run = with_scene(run)
    assert run.scene_expert.classes == tuple(SCENES)
    assert run.scene_expert.branch(1) == tuple(BRANCHES[0])
    assert run.scene_expert.branch(0) == run.scene_expert.branch(4) == ()
    tiles = read_tiles(run)
    assert (tiles[0].scene, tiles[0].scene_score, tiles[0].scene_branches) == ("", None, ())
    assert (tiles[1].scene, tiles[1].scene_branches, tiles[3].scene_branches) == ("Pasture", (1, 3), (2,))
    assert tiles[1].scene_score == pytest.approx(0.89)


def test_classes_are_told_as_words_and_kept_as_the_table_spells_them(panel: RunPanel, run: Run) -> None:
    assert list(map(spoken, EUROSAT)) == [
        *("Annual crop", "Forest", "Herbaceous vegetation", "Highway", "Industrial"),
        *("Pasture", "Permanent crop", "Residential", "River", "Sea or lake"),
    ]
    for name in ("", "Dense city", "urban", "NDVI high", "McDonald", "Ödland", "CBD"):
        assert spoken(name) == {"McDonald": "Mc donald"}.get(name, name)

    def spell(data: dict[str, Any]) -> None:
        data["scene_expert"].update(classes=list(EUROSAT), branches=[list(EUROSAT[:5]), list(EUROSAT[5:])])

    run = edit_json(with_scene(run), spell)
    with closing(sqlite3.connect(run.routing)) as table:
        # The triggers of the spatial index call functions that only GDAL knows.
        for (trigger,) in table.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            table.execute(f'DROP TRIGGER "{trigger}"')
        table.execute("UPDATE tiles SET scene = 'PermanentCrop', scene_branches = '2' WHERE scene = 'River'")
        table.commit()
    panel.open_run(str(run.folder))
    page, model = panel.widgets.tiles, panel.model
    number = next(tile.index for tile in model.tiles if tile.scene == "PermanentCrop")
    assert model.index(model.row_of(number), SCENE).data() == "Permanent crop"
    panel.select_tile(number)
    assert "Permanent crop 0." in page.detail.scene.text() and "Annual crop" not in page.detail.scene.text()
    assert "Sea or lake" in page.detail.scene.text()  # of the branch
    texts = [page.scene.itemText(at) for at in range(page.scene.count())]
    assert "Permanent crop (3)" in texts and page.scene.findData("PermanentCrop") >= 0
    for text in ("permanent c", "PermanentCrop"):
        page.text.setText(text)
        assert {tile.scene for tile in panel.shown_tiles()} == {"PermanentCrop"}
    page.clear_filters()
    panel.widgets.heat.scenes.show_classes(panel.run, 1.0)
    assert "Herbaceous&nbsp;vegetation" in panel.widgets.heat.scenes.text()
    assert "(scene),PermanentCrop,3" in panel.widgets.summary.csv()
    assert "Permanent crop: 3" in panel.widgets.summary.card.scenes.accessibleDescription()


@pytest.mark.parametrize("gone", ["scene_score", "scene_branches", "scene"])
def test_a_table_that_lacks_a_column_tells_the_others(gone: str, panel: RunPanel, run: Run) -> None:
    run = with_scene(run)
    table = ogr.Open(str(run.routing), update=1)
    layer = table.GetLayerByName("tiles")
    layer.DeleteField(layer.GetLayerDefn().GetFieldIndex(gone))
    del layer, table
    assert panel.open_run(str(run.folder))
    tile = panel.model.tiles[5]
    assert tile.scene == ("" if gone == "scene" else "Pasture")
    assert (tile.scene_score is None) == (gone == "scene_score")
    assert tile.scene_branches == (() if gone == "scene_branches" else (1, 3))
    panel.select_tile(5)
    assert panel.widgets.tiles.detail.scene.isHidden() == (gone == "scene")
    assert panel.widgets.summary.csv().count("(scene)") == (0 if gone == "scene" else 4)
    panel.widgets.table.grab()


def test_a_scene_expert_that_took_no_part_is_none(run: Run) -> None:
    run = with_scene(run)
    assert (
        edit_json(run, lambda d: d["scene_expert"].update(skipped="outside resolution")).scene_expert is None
    )
    with pytest.raises(RunFolderError, match="is damaged"):
        edit_json(run, lambda d: d.update(scene_expert=["Forest"]))


@pytest.mark.parametrize(
    ("branches", "said"),
    [
        ((1, 3), "Forest 0.93 · branches 1 (Forest, Pasture) and 3 (Dense city)"),
        ((1, 2, 3), "Forest 0.93 · branches 1 (Forest, Pasture), 2 (River, Sea or lake) and 3 (Dense city)"),
        ((2,), "Forest 0.93 · branch 2 (River, Sea or lake)"),
        ((9,), "Forest 0.93 · branch 9"),
        ((), "Forest 0.93"),
    ],
)
def test_class_probability_and_branches_in_words(branches: tuple[int, ...], said: str, run: Run) -> None:
    run = with_scene(run)
    tile = replace(read_tiles(run)[1], scene="Forest", scene_score=0.934, scene_branches=branches)
    assert tile_words.scene(run, tile) == said
    assert tile_words.scene(replace(run, scene_expert=None), tile) == ""


def test_the_detail_tells_it_and_nothing_where_there_is_none(scenes: RunPanel, run: Run) -> None:
    detail = scenes.widgets.tiles.detail
    scenes.select_tile(5)
    assert detail.scene.isVisible()
    assert "Pasture 0.85 · branches 1 (Forest, Pasture) and 3 (Dense city)" in detail.scene.text()
    assert "Pasture 0.85" in detail.scroll.accessibleDescription()
    assert "3 branches" in detail.scene.toolTip() and "only the 2" in detail.scene.toolTip()
    scenes.select_tile(0)  # no data
    assert detail.scene.isHidden()
    scenes.select_tile(5)
    edit_json(run, lambda data: data.pop("scene_expert"))
    scenes.refresh()
    assert scenes.selected_tile().index == 5
    assert detail.scene.isHidden()


def test_the_column_is_there_only_with_a_scene_expert(panel: RunPanel, run: Run) -> None:
    assert panel.widgets.table.isColumnHidden(SCENE)
    assert panel.widgets.tiles.scene.isHidden()
    panel.open_run(str(with_scene(run).folder))
    assert not panel.widgets.table.isColumnHidden(SCENE)
    assert not panel.widgets.tiles.scene.isHidden()
    # The experts keep room for a chip in the narrowest dock.
    assert panel.widgets.table.columnWidth(EXPERTS) > 50
    model = panel.model
    cell = model.index(1, SCENE)
    assert cell.data() == "Pasture" and not cell.data(Qt.ItemDataRole.DecorationRole).isNull()
    assert "Pasture 0.89" in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert model.index(0, SCENE).data() == "–"


def test_the_dot_of_a_class_is_seen_on_a_selected_row_of_its_colour(scenes: RunPanel) -> None:
    icon = scenes.model.index(1, SCENE).data(Qt.ItemDataRole.DecorationRole)
    modes = QIcon.Mode.Normal, QIcon.Mode.Selected
    plain, selected = (icon.pixmap(24, 24, mode).toImage() for mode in modes)
    assert plain.pixelColor(12, 12) == selected.pixelColor(12, 12)
    assert plain.pixelColor(12, 4) != selected.pixelColor(12, 4) == QColor("#ffffff")


@pytest.mark.parametrize("order", [Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder])
def test_it_is_sorted_by_class_in_reading_order_and_none_comes_last(
    order: Qt.SortOrder, scenes: RunPanel
) -> None:
    scenes.model.sort(SCENE, order)
    tiles = scenes.shown_tiles()
    assert tiles[-1].scene == "" and len(tiles) == 12
    named = [tile.scene for tile in tiles[:-1]]
    assert named == sorted(named, reverse=order == Qt.SortOrder.DescendingOrder)
    for name in set(named):
        same = [tile.index for tile in tiles if tile.scene == name]
        assert same == sorted(same)


def test_the_filter_offers_what_there_is_and_combines(scenes: RunPanel) -> None:
    page, combo = scenes.widgets.tiles, scenes.widgets.tiles.scene
    counts = Counter(tile.scene for tile in scenes.model.tiles if tile.scene)
    offered = [(combo.itemText(at), combo.itemData(at)) for at in range(1, combo.count())]
    assert offered == [(f"{name} ({counts[name]})", name) for name in SCENES if counts[name]]
    assert "Dense city" not in counts
    _filter(scenes, "River")
    assert {tile.scene for tile in scenes.shown_tiles()} == {"River"}
    assert page.clear_button.isEnabled()
    page.kind.setCurrentIndex(page.kind.findData(ABSTAINED))
    both = [tile.index for tile in scenes.shown_tiles()]
    assert both == [
        tile.index for tile in scenes.model.tiles if tile.scene == "River" and tile.reason.startswith("abst")
    ]
    page.kind.setCurrentIndex(page.kind.findData(NO_DATA))
    assert scenes.shown_tiles() == []
    page.clear_filters()
    assert len(scenes.shown_tiles()) == 12 and combo.currentData() is None
    page.text.setText("pasture")
    assert {tile.scene for tile in scenes.shown_tiles()} == {"Pasture"}


def test_the_filter_stays_over_a_reroute_and_goes_with_the_class(
    scenes: RunPanel, run: Run, scene: Path, tmp_path: Path
) -> None:
    _filter(scenes, "River")
    before = [tile.index for tile in scenes.shown_tiles()]
    edit_json(run, lambda data: data.update(reroutes=[{}]))
    scenes.refresh()
    assert [tile.index for tile in scenes.shown_tiles()] == before
    edit_json(run, lambda data: data.pop("scene_expert"))
    scenes.refresh()
    assert scenes.run.scene_expert is None


def test_the_map_shows_the_classes_with_their_legend(scenes: RunPanel, run: Run, project: QgsProject) -> None:
    heat = scenes.widgets.heat
    heat.choice.setCurrentIndex(heat.choice.findData(routing_style.SCENE))
    heat.choice.activated.emit(heat.choice.currentIndex())
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    assert routing_style.shown(layer) == routing_style.SCENE
    renderer = layer.renderer()
    assert renderer.classAttribute() == "scene"
    drawn = {item.value(): item.symbol().color().name() for item in renderer.categories()}
    assert drawn == scene_colors(SCENES)
    assert heat.scenes.isVisible() and not heat.legend.isVisible() and heat.opacity.isVisible()
    assert heat.scenes.accessibleDescription() == ", ".join(SCENES)
    heat.opacity.setValue(100)
    assert all(color in heat.scenes.text() for color in drawn.values())
    assert scenes.model.focus is None
    heat.choice.setCurrentIndex(heat.choice.findData("water"))
    heat.choice.activated.emit(heat.choice.currentIndex())
    assert heat.scenes.isHidden()


def test_the_choice_survives_saving_the_project(
    scenes: RunPanel, run: Run, project: QgsProject, tmp_path: Path, qtbot: Any
) -> None:
    layer = results.find_layer(project, run, results.ROUTING_ROLE)
    routing_style.show(layer, scenes.run, routing_style.SCENE)
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    qtbot.waitUntil(lambda: scenes.run is None, timeout=10_000)
    assert project.read(str(tmp_path / "p.qgz"))
    qtbot.waitUntil(lambda: scenes.run is not None, timeout=10_000)
    assert scenes.widgets.heat.choice.currentData() == routing_style.SCENE
    assert scenes.widgets.heat.scenes.isVisibleTo(scenes)


def test_a_run_without_one_offers_no_such_map(panel: RunPanel) -> None:
    assert panel.widgets.heat.choice.findData(routing_style.SCENE) == -1


def test_the_summary_counts_the_classes(scenes: RunPanel, tmp_path: Path) -> None:
    columns = columns_of(scenes.run, scenes.model.tiles)
    found = scene_numbers(columns)
    assert sum(one.tiles for one in found) == 11
    assert [one.tiles for one in found] == sorted((one.tiles for one in found), reverse=True)
    rows = list(csv.DictReader(io.StringIO(summary_csv(scenes.run, expert_numbers(columns), found))))
    told = {row["title"]: row for row in rows if row["item"] == "(scene)"}
    for one in found:
        assert (int(told[one.name]["tiles"]), float(told[one.name]["share"])) == (
            one.tiles,
            pytest.approx(one.tiles / 12, abs=1e-4),
        )
        mean = [tile.scene_score for tile in columns.tiles if tile.scene == one.name]
        assert float(told[one.name]["mean_score"]) == pytest.approx(sum(mean) / len(mean), abs=1e-4)
    card = scenes.widgets.summary.card
    assert not card.scenes.isHidden()
    assert "Pasture: 3 · 25 %, mean 0.85" in card.scenes.accessibleDescription()
    assert scenes.widgets.summary.csv().count("(scene)") == len(found)
    assert scenes.widgets.summary.save_picture(str(tmp_path / "s.png"))
    image = QImage(str(tmp_path / "s.png"))
    colors = {image.pixelColor(x, y).name() for y in range(0, image.height(), 2) for x in range(0, 920, 4)}
    assert {scene_colors(SCENES)[one.name] for one in found} <= colors


def test_a_run_without_one_has_no_such_section(panel: RunPanel) -> None:
    assert panel.widgets.summary.card.scenes.isHidden()
    assert "(scene)" not in panel.widgets.summary.csv()


def test_every_tile_is_saved_with_its_class(run: Run) -> None:
    run = with_scene(run)
    tiles = read_tiles(run)
    rows = list(csv.DictReader(io.StringIO("".join(tiles_csv(columns_of(run, tiles))))))
    assert [(row["scene"], row["scene_branches"]) for row in rows[:4]] == [
        ("", ""), ("Pasture", "1 3"), ("River", "1 3"), ("Sea or lake", "2"),
    ]  # fmt: skip
    assert float(rows[1]["scene_score"]) == pytest.approx(0.89)


def test_its_cost_counts_for_every_tile(run: Run) -> None:
    edit_json(run, lambda d: d["macs"].update(encoder=5000, switcher=100, saved_fraction=0.5))
    before = read_run(run.folder)
    after = edit_json(run, lambda d: d["macs"].update(scene=30))
    assert spent_macs(after)[0] - spent_macs(before)[0] == 30 * run.encoded
    assert rates_of(after).encode_macs - rates_of(before).encode_macs == 30


@pytest.mark.parametrize("classes", [SCENES, EUROSAT, [f"class {number}" for number in range(20)]])
def test_classes_are_told_apart_by_colour(classes: list[str]) -> None:
    colors = scene_colors(classes)
    assert list(colors) == list(classes)
    assert len(set(colors.values())) == len(classes)
    assert all(contrast(color, "#ffffff") > 1.5 for color in colors.values())


def test_well_known_classes_have_the_colours_that_maps_give_them() -> None:
    colors = {name: QColor(color) for name, color in scene_colors(EUROSAT).items()}
    assert 90 < colors["Forest"].hue() < 170
    assert 190 < colors["River"].hue() < 240 and 190 < colors["SeaLake"].hue() < 240
    assert colors["AnnualCrop"].hue() < 70
    assert colors["Highway"].saturation() < 60
    assert colors["Residential"].hue() < 20 or colors["Residential"].hue() > 340


def test_a_record_made_without_a_scene_has_none() -> None:
    tile = TileRecord(0, 0, 0, 1.0, (0.5,), (), "", ("",), b"")
    assert (tile.scene, tile.scene_branches, tile.unsure("total", 0)) == ("", (), None)
