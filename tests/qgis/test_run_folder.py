"""What is read of a run folder, and what is said of a damaged one."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hydranet_qgis.errors import RunFolderError
from hydranet_qgis.run_folder import Run, is_run, read_run
from hydranet_qgis.tile_records import TileRecord, read_tiles
from tests.qgis.conftest import make_scene
from tests.qgis.fake_worker import fake_run


def test_a_run_is_read(run: Run) -> None:
    assert (run.total, run.empty, run.routed + run.abstained) == (12, 1, 11)
    assert (run.saved, run.policy, run.top_k) == (0.58, "threshold", 2)
    assert [expert.name for expert in run.experts] == fake_run.NAMES
    water = run.experts[1]
    assert water.output == run.folder / "water.tif"
    assert [(c.name, c.color) for c in water.classes] == [("other", None), ("water", "#2171b5")]
    assert water.foreground == water.tiles * 10
    roads = run.experts[-1]
    assert (roads.output, roads.skipped) == (None, "outside resolution")
    assert len(run.warnings) == 2


def test_a_run_is_named_by_scene_and_local_time(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC-2")  # POSIX counts the other way: two hours east
    time.tzset()
    try:
        assert run.label == "lake · 2026-05-04 12:20:30"
        assert run.short_label == "lake · 2026-05-04 12:20"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_tiles_carry_scores_choice_and_reasons(run: Run) -> None:
    tiles = read_tiles(run)
    assert [(t.row, t.col) for t in tiles] == [(r, c) for r in range(3) for c in range(4)]
    empty, tile = tiles[0], tiles[8]
    assert (empty.reason, empty.top_score, empty.scores, empty.valid) == ("no data", None, (None,) * 6, 0.0)
    expected = fake_run.scores_of(2, 0, 3, 4)
    assert dict(zip(fake_run.NAMES, tile.scores, strict=True)) == pytest.approx(expected)
    chosen, reasons, reason = fake_run.decide(expected, "threshold", 2)
    assert (list(tile.chosen), tile.reason) == (chosen, reason)
    assert dict(zip(fake_run.NAMES, tile.reasons, strict=True)) == reasons
    assert tile.top_score == pytest.approx(max(expected.values()))


def test_the_polygon_is_the_tile(run: Run) -> None:
    from qgis.core import QgsGeometry

    geometry = QgsGeometry()
    geometry.fromWkb(read_tiles(run)[5].wkb)  # row 1, column 1, of 16 pixels of 10 m
    box = geometry.boundingBox()
    assert (box.xMinimum(), box.xMaximum()) == (500160, 500320)
    assert (box.yMinimum(), box.yMaximum()) == (5199680, 5199840)


def test_a_scene_without_crs_is_read(tmp_path: Path) -> None:
    fake_run.write_run(tmp_path / "run", {"input": str(make_scene(tmp_path / "bare.tif", epsg=0))})
    run = read_run(tmp_path / "run")
    assert run.crs_wkt is None
    assert len(read_tiles(run)) == 12


def _change(run: Run, **changes: object) -> None:
    path = run.folder / "run.json"
    data = json.loads(path.read_text())
    data.update(changes)
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": "something/1"}, "does not describe a HydraNet run"),
        ({"format": "hydranet-run/2"}, "has format 'hydranet-run/2', this plugin reads 'hydranet-run/1'"),
        ({"tiles": None}, "is damaged .*'tiles'"),
        ({"experts": [{"name": "x"}]}, "is damaged"),
        ({"scene": "lake"}, "is damaged"),
        ({"seconds": {"total": {}}}, "is damaged"),
        ({"macs": {"saved_fraction": "much"}}, "is damaged"),
        ({"tiles": {"total": float("inf")}}, "is damaged"),
    ],
)
def test_a_damaged_run_is_told_in_a_sentence(run: Run, changes: dict[str, object], sentence: str) -> None:
    _change(run, **changes)
    with pytest.raises(RunFolderError, match=sentence):
        read_run(run.folder)


def test_a_folder_that_cannot_be_entered_holds_no_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Any, **more: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "stat", refused)
    assert not is_run(run.folder)


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    assert not is_run(tmp_path)
    with pytest.raises(RunFolderError, match="is not a HydraNet run: it has no run.json"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunFolderError, match="cannot be read"):
        read_run(tmp_path)


def test_a_missing_table_is_told(run: Run) -> None:
    run.routing.unlink()
    with pytest.raises(RunFolderError, match="routing.gpkg is missing or holds no layer 'tiles'"):
        read_tiles(run)
    run.routing.write_bytes(b"not a database")
    with pytest.raises(RunFolderError, match="routing.gpkg"):
        read_tiles(run)


def test_the_strongest_expert_is_one_that_could_have_served() -> None:
    reasons = ("below threshold", "outside resolution", "not requested", "below threshold")
    tile = TileRecord(0, 0, 0, 1.0, (0.2, 0.97, 0.99, 0.4), (), "abstained", reasons, b"")
    assert (tile.top, tile.top_score) == (3, 0.4)
    unable = TileRecord(0, 0, 0, 1.0, (0.97,), (), "abstained", ("outside resolution",), b"")
    assert (unable.top, unable.top_score) == (None, None)


def test_a_table_in_use_is_told_and_not_waited_for(run: Run) -> None:
    with closing(sqlite3.connect(run.routing, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RunFolderError, match="in use by another program; close it there"):
            read_tiles(run)
    assert read_tiles(run)
