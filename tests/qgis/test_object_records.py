"""A run's table of objects as it is read, whole and damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from osgeo import ogr
from qgis.core import QgsFeature, QgsGeometry, QgsProject

from hydranet_qgis import results
from hydranet_qgis.dock import object_shapes
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.tile_model import OBJECTS
from hydranet_qgis.errors import RunFolderError
from hydranet_qgis.object_records import RunObjects, objects_of, read_objects
from hydranet_qgis.run_folder import Run
from tests.qgis.object_panel import section_of
from tests.qgis.object_runs import CLASSES, Made, with_objects


def test_the_table_is_read_as_it_was_written(run: Run) -> None:
    found = objects_of(with_objects(run))
    assert (found.problem, found.expert.name, len(found.records)) == ("", "objects", 6)
    first, seam = found.records[0], found.records[5]
    assert (first.id, first.label, first.score, first.tile, first.tiles) == (1, "ship", 0.93, 5, (5,))
    assert (first.area, first.length, first.width, first.top) == (46 * 12, 46, 12, 2)
    assert first.groups == ((2, 4), (1, 4))
    assert first.experts == (((6, 0.71), (8, 0.29)), ((2, 0.55), (13, 0.45)))
    assert seam.tiles == (5, 6)
    assert object_shapes.shape(first).area() == pytest.approx(46 * 12)
    assert [one.id for one in found.by_tile[5]] == [1, 2, 3, 4, 5, 6]
    assert [one.id for one in found.by_tile[6]] == [6]
    assert list(found.by_class.items()) == [("ship", 4), ("building", 2)]
    assert list(found.tiles_by_class.items()) == [("ship", 2), ("building", 1)]
    assert found.by_expert == {1: 1, 2: 2, 3: 1, 4: 1, 13: 1}
    assert found.colors() == dict(CLASSES)


def test_what_the_model_does_not_tell_is_empty(run: Run) -> None:
    run = with_objects(run, [Made(groups="", experts="", top=None, metres=False)])
    (one,) = read_objects(run)
    assert (one.groups, one.experts, one.top) == ((), (), None)
    assert (one.area, one.length, one.width) == (None, None, None)


def test_reading_stops_when_nobody_waits(run: Run) -> None:
    run = with_objects(run, [Made()] * 1500)
    asked = iter((False, True))
    assert len(read_objects(run, lambda: next(asked))) == 1000


def test_a_run_without_an_objects_expert_has_none(run: Run) -> None:
    assert objects_of(run) == RunObjects() and read_objects(run) == []


def _no_file(path: Path) -> None:
    path.unlink()


def _no_table(path: Path) -> None:
    path.write_bytes(b"not a table at all" * 100)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6000])


def _no_layer(path: Path) -> None:
    path.unlink()
    ogr.GetDriverByName("GPKG").CreateDataSource(str(path)).CreateLayer("other", None, ogr.wkbNone)


def _no_column(path: Path) -> None:
    table = ogr.Open(str(path), update=1)
    layer = table.GetLayerByName("objects")
    layer.DeleteField(layer.GetLayerDefn().GetFieldIndex("experts"))


def _value(name: str, value: Any) -> Any:
    def change(path: Path) -> None:
        table = ogr.Open(str(path), update=1)
        layer = table.GetLayerByName("objects")
        feature = layer.GetNextFeature()
        feature[name] = value
        layer.SetFeature(feature)

    return change


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_no_file, "missing"),
        (_no_table, "cannot be read"),
        (_cut, "cannot be read"),
        (_no_layer, "holds no layer 'objects'"),
        (_no_column, "cannot be read"),
        (_value("experts", "6:0.71;8"), "cannot be read"),
        (_value("groups", "two"), "cannot be read"),
        (_value("tiles", "5, six"), "cannot be read"),
        (_value("score", None), "cannot be read"),
        (_value("top_expert", 0), "cannot be read"),
        (_value("top_expert", 2_000_000_000), "cannot be read"),
    ],
)
def test_a_damaged_file_is_told_in_a_sentence_and_hides_no_tile(
    damage: Any, said: str, panel: RunPanel, run: Run
) -> None:
    run = with_objects(run)
    damage(run.folder / "objects.gpkg")
    with pytest.raises(RunFolderError):
        read_objects(run)
    assert panel.open_run(str(run.folder))
    assert len(panel.shown_tiles()) == 12 and panel.widgets.problem.isHidden()
    panel.select_tile(5)
    section, card = section_of(panel), panel.widgets.summary.card
    assert not section.note.isHidden() and section.table.isHidden() and section.groups.isHidden()
    assert said in section.note.text() and "Traceback" not in section.note.text()
    assert "run HydraNet again" in section.note.text() and "\n" not in section.note.text()
    assert not card.objects_note.isHidden() and card.objects.isHidden() and card.usage.isHidden()
    assert "(object" not in panel.widgets.summary.csv()
    assert panel.widgets.table.isColumnHidden(OBJECTS) and panel.widgets.tiles.objects.isHidden()
    if damage is _no_file:
        assert not (run.folder / "objects.gpkg").exists()


def test_a_file_in_use_is_told(run: Run) -> None:
    run = with_objects(run)
    with closing(sqlite3.connect(run.folder / "objects.gpkg", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = objects_of(run)
    assert "in use by another program" in found.problem and found.records == ()


def test_what_a_user_draws_into_the_layer_hides_nothing(panel: RunPanel, run: Run) -> None:
    run = with_objects(run)
    assert panel.open_run(str(run.folder))
    layer = results.find_layer(QgsProject.instance(), run, "expert:objects")
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(QgsGeometry.fromWkt("Polygon((500170 5199830, 500180 5199830, 500180 5199820))"))
    assert layer.startEditing() and layer.addFeature(drawn) and layer.commitChanges()
    assert layer.featureCount() == 7
    assert [one.id for one in read_objects(run)] == [1, 2, 3, 4, 5, 6]
    assert objects_of(run).problem == ""
