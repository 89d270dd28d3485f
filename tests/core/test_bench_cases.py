"""The cases routing, uncertainty, objects and dock measure what they say; how fast, no test asks."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio

from model_core.bands import BAND_NAMES
from model_core.routerset import TaskSpec, read_routerset
from model_core.rundir import read_run
from model_core.spec import ClassSpec
from tests.bench import __main__ as bench
from tests.bench import bench_dock, bench_objects, bench_routing, bench_uncertainty, pack_tiles
from tests.bench.bench_routing import ONE, PLAIN, TWO, Runs, same_files, small_change
from tests.bench.many_tiles import write_many
from tests.bench.setting import Setting
from tests.bench.timing import interleaved
from tests.core.fakes import ALL, FakeFinder, FakeModel, by_content, digital, sea
from tests.core.tiny_pack import write_pack


class SmallSetting(Setting):
    """The fake model in place of the bundle's."""

    model = FakeModel(ALL, tile_size=32, scores=by_content(4))


@pytest.fixture
def setting(make_raster, tmp_path: Path) -> SmallSetting:
    scene = Path(make_raster("scene.tif", digital(170, 150), descriptions=BAND_NAMES, nodata=0))
    return SmallSetting(tmp_path, (scene,), tmp_path, rounds=2, times=2, threads=2)


def test_what_comes_before_a_case_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("tests.bench.timing.time.perf_counter", lambda: clock[0])
    order: list[str] = []

    def spend(name: str, seconds: float) -> None:
        order.append(name)
        clock[0] += seconds

    cases = {"a": partial(spend, "a", 1), "b": partial(spend, "b", 2)}
    found = interleaved(cases, 2, lambda _text: None, {"b": partial(spend, "before b", 10)})
    assert order == ["before b", "b", "a", "a", "before b", "b", "before b", "b", "a"]
    assert found == {"a": [1, 1], "b": [2, 2]}


def test_the_small_change_is_one_lower_threshold_and_concerns_as_many_tiles_as_told(setting) -> None:
    runs = Runs(setting)
    plain = runs.predict("plain", PLAIN)
    thresholds, share = small_change(setting.model, plain, runs.folder("plain"))
    [(name, value)] = thresholds.items()
    assert 0 < value < next(spec.threshold for spec in ALL if spec.name == name)
    assert next(expert["tiles"] for expert in plain["experts"] if expert["name"] == name) > 0
    runs.copy("plain", "small")
    told = runs.reroute("small", {**PLAIN, "thresholds": thresholds})["reroutes"][-1]
    tiles = plain["tiles"]["total"]
    assert told["added"] == round(share * tiles) and told["added"] + told["dropped"] < 0.2 * tiles
    assert abs(share - bench_routing.SHARE) < 0.03


def test_a_scene_in_which_nothing_can_change_is_refused(setting) -> None:
    SmallSetting.model = FakeModel(ALL, tile_size=32)  # every score is 1
    try:
        runs = Runs(setting)
        with pytest.raises(RuntimeError, match="no lower threshold changes a tile"):
            small_change(setting.model, runs.predict("plain", PLAIN), runs.folder("plain"))
    finally:
        SmallSetting.model = FakeModel(ALL, tile_size=32, scores=by_content(4))


def test_a_reroute_starts_from_a_copy_and_its_own_work_is_counted(setting) -> None:
    runs = Runs(setting)
    one = runs.predict("one", ONE)
    assert runs.macs("one") == one["macs"]["spent"]
    for _ in range(2):
        runs.copy("one", "again")
        told = runs.reroute("again", TWO)["reroutes"]
        assert len(told) == 1 and runs.macs("again") == told[0]["macs"] > 0
    assert read_run(runs.folder("one")) == one


def test_files_that_differ_or_are_missing_stop_the_benchmark(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.tif").write_bytes(b"same")
        (tmp_path / name / "run.json").write_text(name)
    same_files(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / "b.tif").write_bytes(b"more")
    with pytest.raises(RuntimeError, match="b.tif is not the same in one and two"):
        same_files(tmp_path / "one", tmp_path / "two")
    (tmp_path / "one" / "b.tif").write_bytes(b"other")
    with pytest.raises(RuntimeError, match="b.tif"):
        same_files(tmp_path / "one", tmp_path / "two")


def test_ratios_of_routing_come_from_whole_runs(setting) -> None:
    found = bench_routing.run(setting)
    figures, details = found["figures"], found["details"]
    spent = read_run(setting.folder / "run_predict")["macs"]["spent"]
    assert read_run(setting.folder / "run_route")["decoded"] is False
    assert figures["route_over_predict_macs"]["value"] == round(details["tiles"]["total"] * 1010 / spent, 4)
    told = details["reroutes"]["reroute"]
    assert figures["reroute_over_predict_macs"]["value"] == round(told["macs"] / spent, 4)
    assert told["added"] == details["tiles"]["total"]  # one expert more for each tile
    for name, one in figures.items():
        if not name.endswith("_macs"):
            assert one["goal"] == f"<= {round(1.3 * figures[name + '_macs']['value'], 4):g}"
    assert figures["small_reroute_over_predict_macs"]["value"] < 0.5
    assert {len(values) for values in details["seconds"].values()} == {2}


def test_uncertainty_is_there_in_one_of_the_runs_and_not_in_the_other(setting) -> None:
    found = bench_uncertainty.run(setting)
    assert found["details"]["experts"] == ["bright", "green"]
    assert read_run(setting.folder / "run_with")["uncertainty"] is True
    assert read_run(setting.folder / "run_without")["uncertainty"] is False
    assert found["figures"]["uncertainty_over_plain"]["goal"] == "<= 1.3"


def test_objects_are_looked_for_in_every_tile_of_one_side_and_in_none_of_the_other(
    make_raster, tmp_path: Path
) -> None:
    pixels = sea(100, 90, [(10, 12, 30, 5, 0.9, 0), (60, 30, 6, 20, 0.85, 1)])
    scene = Path(make_raster("sea.tif", pixels, descriptions=BAND_NAMES, nodata=0))
    found_by = FakeFinder(tile_size=32, scores=by_content(3))

    class Searching(Setting):
        model = found_by

    found = bench_objects.run(Searching(tmp_path, (scene,), tmp_path, rounds=2, times=1, threads=2))
    details, figures = found["details"], found["figures"]
    assert details["trained"] is True and details["objects"]["by_class"] == {"ship": 1, "building": 1}
    assert {len(values) for values in details["seconds"].values()} == {2}
    # Three rounds with the warm-up, in tiles held in memory and in a whole run.
    searched = sum(number for name, number in found_by.decoded if name == "objects")
    assert searched == 2 * 3 * details["tiles"]
    costs = found_by.macs.experts
    assert figures["objects_over_encode_macs"]["value"] == round((1010 + costs["objects"]) / 1010, 4)
    assert figures["tile_ms_objects"]["value"] > 0 and figures["predict_objects_over_plain"]["value"] > 0
    assert bench.CASES["objects"] is bench_objects


def test_a_run_of_many_tiles_is_mixed_and_the_same_each_time(tmp_path: Path) -> None:
    made = [write_many(tmp_path / name, ALL, 12, 20) for name in ("a", "b")]
    tiles = made[0]["tiles"]
    assert tiles["total"] == 240 and min(tiles["empty"], tiles["abstained"], tiles["routed"]) > 0
    assert all(expert["tiles"] > 10 for expert in made[0]["experts"])
    tables = [(tmp_path / name / "run" / "routing.gpkg").read_bytes() for name in ("a", "b")]
    assert tables[0] == tables[1]


def test_the_dock_is_measured_in_a_process_of_its_own(setting) -> None:
    """With more tiles than the dock reads at once, so that they are read in its thread."""
    found = bench_dock.run(setting, grid=(20, 25))
    if importlib.util.find_spec("qgis") is None:
        assert found == {"figures": {}, "details": {"skipped": "this Python does not see QGIS"}}
        return
    assert set(found["figures"]) == {*bench_dock.BESIDE, *bench_dock.WAITED_FOR}
    assert all(one["value"] > 0 for one in found["figures"].values())
    assert (found["details"]["tiles"], found["details"]["experts"]) == (500, 4)
    assert {len(values) for values in found["details"]["milliseconds"].values()} == {2}


def test_only_what_the_window_waits_for_has_a_goal() -> None:
    names = [*bench_dock.BESIDE, *bench_dock.WAITED_FOR]
    found = bench_dock.figures({name: [90.0, 101.0, 300.0] for name in names}, 20000, 8)
    assert list(found) == names
    assert {name for name, one in found.items() if "goal" in one} == set(bench_dock.WAITED_FOR)
    assert found["dock_sort_ms"]["value"] == 101.0 and found["dock_sort_ms"]["reached"] is False
    assert found["dock_sort_ms"]["what"] == "the dock with 20,000 tiles x 8 experts, in ms: sorting by score"


def test_a_dock_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the dock failed"):
        bench_dock.measure(tmp_path / "no_run", 1, tmp_path)


def test_without_qgis_the_dock_is_left_out(setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert bench_dock.run(setting)["details"] == {"skipped": "this Python does not see QGIS"}


def test_the_command_knows_the_new_cases() -> None:
    cases = ["routing", "uncertainty", "dock"]
    assert bench.parser().parse_args(["--only", ",".join(cases)]).only == cases
    assert all(callable(bench.CASES[name].run) for name in cases)


def test_the_packs_tiles_keep_its_split_its_labels_and_their_kind(tmp_path: Path) -> None:
    classes = tuple(ClassSpec(n, name, None) for n, name in enumerate(("clear", "thin", "cloud", "shadow")))
    task = TaskSpec("sky", "Sky", classes, (1, 2, 3))
    made = read_routerset(
        pack_tiles.write_pack_tiles(write_pack(tmp_path / "pack"), task, "clouds", tmp_path / "set")
    )
    assert {split: len(made.of(split)) for split in ("train", "val", "cal", "test")} == {
        "train": 3, "val": 2, "cal": 2, "test": 2,
    }  # fmt: skip
    for entry in made.entries:
        number = int(entry.id.split("_")[-3])
        assert entry.relevance == {"sky": 1 - number % 2} and entry.label_kind == {"sky": "hand"}
        with rasterio.open(made.folder / entry.label_file("sky")) as label:
            values, counts = np.unique(label.read(1), return_counts=True)
        cloudy = 90 * 140 if number % 2 == 0 else 0
        assert dict(zip(values.tolist(), counts.tolist(), strict=True))[255] == 256 * 256 - 160 * 140
        assert dict(zip(values.tolist(), counts.tolist(), strict=True)).get(2, 0) == cloudy
