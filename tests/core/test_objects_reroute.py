"""Objects of a run that is killed and continued, or given another policy: as if it had been made at once."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_core.bands import BAND_NAMES
from model_core.errors import BundleError, OutputError, SceneError
from model_core.grid import TileGrid
from model_core.objects.detections import Detections
from model_core.objects.table import read_detections
from model_core.routing_table import read_table
from model_core.rundir import files_of, read_run
from tests.core.fakes import WITH_OBJECTS, FakeFinder, by_content, run, sea
from tests.core.test_objects_run import layer, told
from tests.core.test_reroute import again, files, story
from tests.core.test_resume import results
from tests.core.test_worker import PATIENCE, ROOT, scrubbed

NAMES = tuple(spec.name for spec in WITH_OBJECTS)
ONE, TWO, ALL3 = ({"policy": "top-k", "top_k": k} for k in (1, 2, 3))


def model() -> FakeFinder:
    return FakeFinder(scores=by_content(3))


def fleet(width: int, height: int, seed: int = 0) -> list[tuple[int, int, int, int, float, int]]:
    """Rectangles that do not touch, many of them across seams."""
    rng, found = np.random.default_rng(seed), []
    for row in range(3, height - 20, 21):
        for column in range(2, width - 22, 23):
            w, h = (int(value) for value in rng.integers(2, 19, 2))
            found.append((column, row, w, h, round(float(rng.uniform(0.8, 1)), 3), int(rng.integers(2))))
    return found


@pytest.fixture
def scene_file(make_raster) -> str:
    """Three rows of blocks; objects everywhere, a part without data."""
    array = sea(150, 600, fleet(150, 600)).astype(np.int32)
    array[:, 200:300, :60] = -1
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=-1)


def start(scene: str, folder: Path, finder: FakeFinder | None = None, **options: Any) -> dict[str, Any]:
    options = {"radiometry": "0.0001,0", "top_k": 3, **options}
    return run(scene, folder, finder or model(), **options)


MOVES = {
    "one more": (ONE, TWO),
    "one less": (TWO, ONE),
    "all": (ONE, ALL3),
    "a threshold up": ({"top_k": 3}, {"top_k": 3, "thresholds": {"objects": 0.8}}),
    "a threshold down": ({"top_k": 3, "thresholds": {"objects": 0.9}}, {"top_k": 3}),
    "none is left": (ALL3, {"top_k": 3, "thresholds": {"objects": 1.0}}),
    "from none": ({"top_k": 3, "thresholds": {"objects": 1.0}}, ALL3),
    "recall serves every tile": ({"top_k": 1}, {"policy": "recall", "miss_rate": 0.1}),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_rerouted_run_is_a_fresh_one(scene_file: str, tmp_path: Path, move: str) -> None:
    before, after = MOVES[move]
    old = start(scene_file, tmp_path / "run", **before)
    start(scene_file, tmp_path / "fresh", fresh := model(), **after)
    had = read_detections(tmp_path / "run" / "objects.gpkg") if told(old)["output"] else {}
    finder = model()
    summary = again(tmp_path / "run", finder, **after)
    assert files(tmp_path / "run") == files(tmp_path / "fresh")
    assert story(tmp_path / "run") == story(tmp_path / "fresh")
    assert summary == read_run(tmp_path / "run")
    assert sorted(files_of(summary)) == sorted(path.name for path in (tmp_path / "run").iterdir())
    # Only tiles that come are searched, each once.
    wanted = read_table(tmp_path / "fresh" / "routing.gpkg", TileGrid(150, 600, 32, 8).tiles, NAMES).chosen
    came = [tile for tile in np.flatnonzero(wanted[:, 2]).tolist() if tile not in had]
    assert len(finder.searched) == len(set(finder.searched)) == len(came)
    assert set(finder.searched) <= set(fresh.searched)
    done = summary["reroutes"][-1]
    assert done["decoded"] == sum(count for _, count in finder.decoded)
    if "none is left" in move or "up" in move or "less" in move:
        assert len(came) < len(fresh.searched) or not fresh.searched


def test_there_and_back_again(scene_file: str, tmp_path: Path) -> None:
    start(scene_file, tmp_path / "run", **TWO)
    first = files(tmp_path / "run")
    again(tmp_path / "run", model(), **ONE)
    assert files(tmp_path / "run") != first
    again(tmp_path / "run", model(), **TWO)
    assert files(tmp_path / "run") == first


def test_scores_only_then_searched(scene_file: str, tmp_path: Path) -> None:
    start(scene_file, tmp_path / "run", decode=False, object_score=0.9)
    start(scene_file, tmp_path / "fresh", object_score=0.9)
    again(tmp_path / "run", model(), top_k=3)
    assert files(tmp_path / "run") == files(tmp_path / "fresh")
    assert min(layer(tmp_path / "run")["score"]) >= 0.9


def test_objects_that_nothing_changes_are_not_touched(scene_file: str, tmp_path: Path) -> None:
    start(scene_file, tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    summary = again(tmp_path / "run", finder := model(), top_k=3, thresholds={"green": 0.9})
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    kept = {name for name, stamp in after.items() if before.get(name) == stamp}
    assert kept == {"bright.tif", "bright.qml", "objects.gpkg", "objects.qml"} and not finder.searched
    assert told(summary)["objects"]["count"] == len(layer(tmp_path / "run")["id"]) > 0


def damage(path: Path, how: str) -> None:
    if how == "cut off":
        os.truncate(path, path.stat().st_size // 3)
    elif how == "no database":
        path.write_bytes(b"nothing of the kind" * 100)
    elif how in ("no number", "fewer experts"):
        with closing(sqlite3.connect(path)) as base, base:
            query = "SELECT fid, found FROM detections WHERE found NOT LIKE '%\"score\":[]%'"
            row, text = base.execute(query).fetchone()
            data = json.loads(text)
            if how == "no number":
                data["score"][0] = float("nan")
            else:  # one for each object where the model takes two
                for key in ("experts", "weights"):
                    data[key] = [[row[:1] for row in one] for one in data[key]]
            base.execute("UPDATE detections SET found = ? WHERE fid = ?", (json.dumps(data), row))
    else:
        with closing(sqlite3.connect(path)) as base, base:
            base.execute(
                {
                    "a tile is gone": "DELETE FROM detections WHERE fid = 3",
                    "another tile": "UPDATE detections SET tile = 100000 WHERE fid = 3",
                    "a tile twice": "UPDATE detections SET tile = (SELECT max(tile) FROM detections) "
                    "WHERE fid = 3",
                    "no JSON": "UPDATE detections SET found = 'what?' WHERE fid = 3",
                    "other JSON": "UPDATE detections SET found = '[1, 2]' WHERE fid = 3",
                    "no score": "UPDATE detections SET found = '{}' WHERE fid = 3",
                    "NULL": "UPDATE detections SET found = NULL WHERE fid = 3",
                }[how]
            )


DAMAGES = (
    "cut off", "no database", "a tile is gone", "another tile", "a tile twice", "no JSON", "other JSON",
    "no score", "NULL", "no number", "fewer experts",
)  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_geopackage_is_told_in_a_sentence(scene_file: str, tmp_path: Path, how: str) -> None:
    start(scene_file, tmp_path / "run", **TWO)
    damage(tmp_path / "run" / "objects.gpkg", how)
    before = files(tmp_path / "run")
    with pytest.raises(
        OutputError, match=r"objects.gpkg' (does not tell what was|tells of other tiles)"
    ) as told:
        again(tmp_path / "run", finder := model(), **ONE)
    assert str(told.value).endswith("run the prediction again.") and not finder.encoded
    assert files(tmp_path / "run") == before, "the run is as it was"


def test_a_scene_that_changed_is_noticed(scene_file: str, tmp_path: Path, make_raster) -> None:
    start(scene_file, tmp_path / "run", **ONE)
    other = sea(150, 600, fleet(150, 600, seed=9), seed=5).astype(np.int32)
    other[:, 200:300, :60] = -1
    make_raster("scene.tif", other, descriptions=BAND_NAMES, nodata=-1)
    with pytest.raises(SceneError, match="gives other scores than when the run was made"):
        again(tmp_path / "run", model(), **TWO)


def test_detections_read_back_as_they_were(scene_file: str, tmp_path: Path) -> None:
    start(scene_file, tmp_path / "run")
    found = read_detections(tmp_path / "run" / "objects.gpkg")
    assert sum(len(one) for one in found.values()) > len(layer(tmp_path / "run")["id"])
    for one in found.values():
        back = Detections.from_dict(json.loads(json.dumps(one.as_dict())))
        for name, values in vars(one).items():
            assert values.dtype == getattr(back, name).dtype
            assert np.array_equal(values, getattr(back, name))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("label", [65536]), ("label", [0.7]), ("label", [True]), ("groups", [[70000, 1]] * 2),
        ("experts", [[[65537, 1]] * 2]), ("experts", [[[10**30, 1]] * 2]), ("score", ["0.9"]),
        ("box", [[1, 2, 3, None]]), ("weights", [[["1", 0]] * 2]),
    ],
)  # fmt: skip
def test_numbers_of_another_kind_are_not_bent_into_these(name: str, values: list) -> None:
    data = {
        "box": [[1, 2, 3, 4]], "outline": [[[1, 2], [3, 2], [3, 4], [1, 4]]], "label": [0], "score": [0.9],
        "groups": [[0, 1]] * 2, "experts": [[[0, 1]] * 2], "weights": [[[1, 0]] * 2],
    }  # fmt: skip
    assert len(Detections.from_dict(data)) == 1
    with pytest.raises(ValueError, match="of detections is no"):
        Detections.from_dict({**data, name: values})


def interrupted(scene: str, folder: Path, where: str, after: int = 60, **options: Any) -> FakeFinder:
    """A run that fails once so many tiles were encoded or searched; its journal stays."""
    broken = model()

    def fail() -> None:
        if sum(broken.encoded) >= after:
            raise SceneError("The share is gone.")

    setattr(broken, f"on_{where}", fail)
    with pytest.raises(SceneError, match="gone. What is done is kept"):
        start(scene, folder, broken, **options)
    return broken


@pytest.mark.parametrize("where", ["encode", "detect"])
@pytest.mark.parametrize("ways", [{}, {"threads": 3, "batch_size": 7}, {"memory_mb": 64, "threads": 1}])
def test_what_was_searched_is_not_searched_again(
    scene_file: str, tmp_path: Path, where: str, ways: dict
) -> None:
    start(scene_file, tmp_path / "whole", whole := model())
    first = interrupted(scene_file, tmp_path / "run", where, after=100)
    start(scene_file, tmp_path / "run", second := model(), resume=True, **ways)
    assert results(tmp_path / "run") == results(tmp_path / "whole")
    assert len(second.searched) < len(whole.searched)
    assert set(first.searched) | set(second.searched) == set(whole.searched)


@pytest.mark.parametrize("harm", ["torn line", "other line", "no line", "line without scores"])
def test_only_lines_that_are_whole_are_taken_over(scene_file: str, tmp_path: Path, harm: str) -> None:
    start(scene_file, tmp_path / "whole")
    interrupted(scene_file, tmp_path / "run", "encode", after=120)
    progress = tmp_path / "run" / "journal" / "progress.jsonl"
    lines = progress.read_bytes().split(b"\n")
    place = [number for number, line in enumerate(lines) if line.startswith(b'{"tile"')][4]
    if harm == "torn line":
        progress.write_bytes(b"\n".join([*lines[:place], lines[place][:30]]))
    elif harm == "no line":  # as nothing but an editor does
        progress.write_bytes(b"\n".join(lines[:place] + lines[place + 1 :]))
        with pytest.raises(OutputError, match="not known of every tile .* allow the run to be overwritten"):
            start(scene_file, tmp_path / "run", resume=True)
        start(scene_file, tmp_path / "run", overwrite=True)
    else:
        lines[place] = b'{"tile":4}' if harm == "other line" else b'{"tile":4,"found":{"box":[]}}'
        progress.write_bytes(b"\n".join(lines))
    if harm != "no line":
        start(scene_file, tmp_path / "run", resume=True)
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def test_another_object_score_is_another_run(scene_file: str, tmp_path: Path) -> None:
    interrupted(scene_file, tmp_path / "run", "encode", after=120)
    with pytest.raises(OutputError, match="differs from this one in: object_score;"):
        start(scene_file, tmp_path / "run", resume=True, object_score=0.5)


def test_a_bundle_that_fails_midway_keeps_what_is_done(scene_file: str, tmp_path: Path) -> None:
    broken = model()
    broken.spoil = lambda found: found if sum(broken.encoded) < 120 else found[:-1]
    with pytest.raises(BundleError, match="bundle is damaged, use another one. What is done is kept"):
        start(scene_file, tmp_path / "run", broken)
    start(scene_file, tmp_path / "run", resume=True)
    start(scene_file, tmp_path / "whole")
    assert results(tmp_path / "run") == results(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_at_every_step_and_continued(make_raster, tmp_path: Path) -> None:
    array = sea(64, 560, fleet(64, 560))
    source = make_raster("scene.tif", array, descriptions=BAND_NAMES)
    (tmp_path / "runs").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.object_kills", source, str(tmp_path / "runs")],
        cwd=ROOT, env=scrubbed(), capture_output=True, text=True, timeout=4 * PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert [point for point in points if not point["same"] or point["code"] != 9] == []
    steps = {point["step"] for point in points}
    assert steps == {
        "_append", "replace", "detect", "write_objects_of", "merge", "write_objects", "objects_style",
        "write_layer", "write_table",
    }  # fmt: skip
    assert 10 < sum(point["safe"] for point in points) < len(points) - 10
