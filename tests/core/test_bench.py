"""The benchmark measures what it says; how fast anything is, no test asks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from model_core.bands import BAND_NAMES
from tests.bench import __main__ as bench
from tests.bench import bench_experts, bench_grouping, bench_memory, report
from tests.bench.enlarge import enlarge, repeat
from tests.bench.mosaic import mosaic
from tests.bench.setting import Setting, work_through
from tests.bench.tiles import Tiles, grouped, load_tiles, scores_of, spans, strongest, united
from tests.bench.timing import figure, interleaved, ratio, spread
from tests.core.fakes import ALL, FakeModel, by_content, digital


@pytest.fixture
def scenes(make_raster) -> tuple[Path, Path]:
    """Two small scenes that share no value, so that a patch tells where it is from."""
    dark = digital(90, 70) % 1000 + 1
    bright = digital(80, 64, seed=1) % 1000 + 3000
    return tuple(
        Path(make_raster(f"{name}.tif", data, descriptions=BAND_NAMES, nodata=0))
        for name, data in (("dark", dark), ("bright", bright))
    )


class SmallSetting(Setting):
    """The fake model in place of the bundle's."""

    model = FakeModel(ALL, tile_size=32, scores=by_content(4))


@pytest.fixture
def setting(scenes, tmp_path: Path) -> SmallSetting:
    folder = tmp_path / "work"
    folder.mkdir()
    SmallSetting.model = FakeModel(ALL, tile_size=32, scores=by_content(4))
    return SmallSetting(tmp_path, scenes, folder, rounds=2, times=2, patches=5, threads=2)


def test_rounds_are_interleaved_and_the_first_is_not_counted() -> None:
    order: list[str] = []
    said: list[str] = []
    cases = {name: lambda name=name: order.append(name) for name in "abc"}
    found = interleaved(cases, 3, said.append)
    assert "".join(order) == "cbaabccbaabc"
    assert {name: len(values) for name, values in found.items()} == {"a": 3, "b": 3, "c": 3}
    assert said == ["warmed up", "round 1 of 3", "round 2 of 3", "round 3 of 3"]


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine slows down threefold, the ratio is 1 : 2 all the time but once.
    assert ratio([1, 2, 3, 9], [2, 4, 6, 9]) == {"value": 0.5, "low": 0.5, "high": 0.625}
    assert spread([2.0]) == {"value": 2.0, "low": 2.0, "high": 2.0}
    assert spread([1, 2, 3, 4, 5]) == {"value": 3, "low": 2, "high": 4}


def test_a_figure_says_whether_its_goal_is_reached() -> None:
    assert figure(0.6, "x", at_most=0.6) == {"value": 0.6, "what": "x", "goal": "<= 0.6", "reached": True}
    assert figure({"value": 0.61, "low": 0.5, "high": 0.7}, "x", at_most=0.6)["reached"] is False
    assert figure(0.3, "x", at_least=0.35)["reached"] is False
    assert "goal" not in figure(3, "x")


def test_the_enlarged_scene_is_the_small_one_again_and_mirrored(scenes, tmp_path: Path) -> None:
    scene = scenes[0]
    with rasterio.open(scene) as small, rasterio.open(enlarge(scene, 3, tmp_path / "large.tif")) as large:
        data, grown = small.read(), large.read()
        assert large.descriptions == small.descriptions and large.nodata == small.nodata
        assert (large.crs, large.transform) == (small.crs, small.transform)
    height, width = data.shape[1:]
    assert grown.shape == (8, 3 * height, 3 * width)
    assert (grown[:, :height, :width] == data).all()
    assert (grown[:, :height, width : 2 * width] == data[:, :, ::-1]).all()
    assert (grown[:, 2 * height :, 2 * width :] == data).all()


def test_a_repeated_scene_has_any_size_and_is_tiled(scenes, tmp_path: Path) -> None:
    # Taller than what is written at once, so that strips meet inside.
    with rasterio.open(scenes[1]) as small:
        data = small.read()
    with rasterio.open(repeat(scenes[1], 100, 1111, tmp_path / "tall.tif")) as tall:
        assert tall.shape == (1111, 100) and tall.count == 8 and tall.block_shapes[0] == (256, 256)
        grown = tall.read()
    pair = np.concatenate([data, data[:, ::-1]], axis=1)
    column = np.tile(pair, (1, 1 + 1111 // pair.shape[1], 1))[:, :1111]
    assert (grown[:, :, : data.shape[2]] == column).all()


def test_the_mixed_scene_holds_patches_of_all_scenes_side_by_side(scenes, tmp_path: Path) -> None:
    path = mosaic(scenes, 5, 32, tmp_path / "mixed.tif")
    with rasterio.open(path) as raster:
        mixed = raster.read()
        assert raster.descriptions == BAND_NAMES and raster.nodata == 0
    assert mixed.shape == (8, 160, 160)
    sources = []
    for scene in scenes:
        with rasterio.open(scene) as source:
            sources.append(source.read())
    kinds = []
    for y in range(0, 160, 32):
        for x in range(0, 160, 32):
            patch = mixed[:, y : y + 32, x : x + 32]
            kind = int(patch.min() > 2000)
            windows = np.lib.stride_tricks.sliding_window_view(sources[kind], (8, 32, 32))[0, ::16, ::16]
            assert (windows == patch).all(axis=(2, 3, 4)).any(), (x, y)
            kinds.append(kind)
    grid = np.array(kinds).reshape(5, 5)
    assert sorted(np.bincount(kinds)) == [12, 13]  # from all scenes alike
    assert (grid[:, 1:] != grid[:, :-1]).sum() >= 5  # neighbours differ
    again = mosaic(scenes, 5, 32, tmp_path / "again.tif")
    assert again.read_bytes() == path.read_bytes()  # the same scene in every run
    with pytest.raises(ValueError, match="must hold a patch"):
        mosaic(scenes, 5, 128, tmp_path / "none.tif")


def test_tiles_in_memory_are_those_predict_serves(setting) -> None:
    tiles = load_tiles(setting.mixed, "auto", 32, 8)
    model = FakeModel(ALL, tile_size=32)
    found = bench_experts.compare(model, setting.mixed, "auto", 8, 1, 1, lambda _text: None)
    assert len(tiles) == found["4"]["tiles"] == 49
    assert tiles.available.all() and tiles.valid.all()


@pytest.mark.parametrize("batch", [3, 8])
def test_grouped_and_united_execution_give_the_same_results(setting, batch) -> None:
    model = setting.model
    tiles = load_tiles(setting.mixed, "auto", 32, 0)
    chosen = strongest(model, scores_of(model, tiles), 2)
    assert (chosen.sum(axis=1) == 2).all() and (chosen.sum(axis=0) > 0).all()

    results: list[dict[tuple[int, int], bytes]] = []
    counts = []
    for serve, parts in (
        (lambda part, keep: grouped(model, tiles, chosen, batch, part, keep), spans(tiles, batch, 2)),
        (lambda part, keep: united(model, tiles, chosen, part, keep), tiles.batches(batch)),
    ):
        model.encoded.clear(), model.decoded.clear()
        found: dict[tuple[int, int], bytes] = {}

        def keep(tile: int, expert: int, values: np.ndarray, found=found) -> None:
            assert (tile, expert) not in found
            found[tile, expert] = values.tobytes()

        for part in parts:
            serve(part, keep)
        results.append(found)
        counts.append(sum(number for _name, number in model.decoded))
        assert sum(model.encoded) == len(tiles) and max(model.encoded) <= batch
        assert max(number for _name, number in model.decoded) <= batch
    assert set(results[0]) == {(int(n), int(e)) for n, e in zip(*np.nonzero(chosen), strict=True)}
    assert results[0] == results[1]
    # The union decodes tiles nobody asked for; grouping does not.
    assert counts[0] == chosen.sum() < counts[1]


def test_spans_cover_every_tile_once_and_end_in_single_batches() -> None:
    tiles = Tiles(np.zeros((100, 8, 1, 1), np.float32), np.ones((100, 1, 1), bool), np.ones(8, bool))
    found = spans(tiles, 4, 2)
    assert [n for part in found for n in range(part.start, part.stop)] == list(range(100))
    assert [part.stop - part.start for part in found] == [16] * 5 + [4] * 5


def test_experts_per_batch_by_hand() -> None:
    chosen = np.eye(3, dtype=bool)[[0, 0, 1, 2, 2]]
    assert bench_grouping.experts_per_batch(chosen, 3) == (2 + 1) / 2
    model = FakeModel(ALL[:3])  # 1010 to encode and score, experts 100, 200 and 300
    own, union = 5 * 1010 + 2 * 100 + 200 + 2 * 300, 5 * 1010 + 3 * (100 + 200) + 2 * 300
    assert bench_grouping.mac_ratio(model, chosen, 3) == pytest.approx(own / union)


def test_work_is_done_once_in_prepared_threads() -> None:
    model = FakeModel()
    prepared: list[int] = []
    model.prepare_thread = lambda: prepared.append(1)
    done: list[int] = []
    work_through(model, 2, range(20), done.append)
    assert sorted(done) == list(range(20)) and 1 <= len(prepared) <= 2
    with pytest.raises(ZeroDivisionError):
        work_through(model, 2, [1], lambda job: job / 0)


def test_the_ratios_of_whole_runs_come_from_their_rows(setting) -> None:
    # Every score is 1, so k takes the first experts; each costs 100 more than the one before.
    SmallSetting.model = FakeModel(ALL, tile_size=128)
    setting.times, setting.patches = 2, 1
    setting.scenes = (setting.scenes[0],)
    setting.mixed = enlarge(setting.scenes[0], 2, setting.folder / "mixed.tif")
    found = bench_experts.run(setting)
    macs = {k: round((1010 + cost) / 2010, 4) for k, cost in ((1, 100), (2, 300))}
    for name in ("", "_mixed"):
        for k in (1, 2):
            one = found["figures"][f"k{k}_over_all{name}"]
            assert found["figures"][f"k{k}_over_all{name}_macs"]["value"] == macs[k]
            assert one["goal"] == f"<= {round(1.3 * macs[k], 4):g}"
            rows = found["details"]["mixed" if name else f"enlarged_{setting.scenes[0].stem}"]
            assert one["value"] == ratio(rows[str(k)]["seconds"], rows["4"]["seconds"])["value"]
            assert len(rows[str(k)]["seconds"]) == 2


def test_memory_figures_by_hand() -> None:
    rows = [
        {
            "width": 10,
            "height": 10,
            "tiles": 1,
            "peak_rss_mb": 500.0,
            "seconds": 2.0,
            "tiles_per_second": 9.0,
        },
        {
            "width": 20,
            "height": 20,
            "tiles": 4,
            "peak_rss_mb": 600.0,
            "seconds": 4.0,
            "tiles_per_second": 8.0,
        },
    ]
    found = bench_memory.figures(rows)
    assert (found["peak_rss_mb_10"]["value"], found["peak_rss_mb_20"]["value"]) == (500.0, 600.0)
    assert (found["peak_rss_flatness"]["value"], found["peak_rss_flatness"]["reached"]) == (1.2, False)
    assert found["largest_scene_seconds"]["value"] == 4.0


def peak_of(megabytes: int) -> float:
    import subprocess

    command = [sys.executable, "-S", "-c", f"x = bytearray({megabytes} * 2**20)"]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(bench_memory.PEAK), *command], capture_output=True, check=True
    )
    row = json.loads(done.stdout)
    assert row["code"] == 0
    return row["peak_rss_mb"]


@pytest.mark.skipif(not hasattr(__import__("os"), "wait4"), reason="this system tells no peak memory")
def test_peak_memory_is_the_commands_own() -> None:
    weight = np.ones(300 * 2**17)  # 300 MB here must not count there
    small, large = peak_of(1), peak_of(200)
    assert small < 100 and 190 < large - small < 210
    assert weight[-1] == 1


def test_a_report_is_complete_and_names_no_host(setting, tmp_path: Path, monkeypatch, capsys) -> None:
    import platform

    case = {
        "figures": {"a_over_b": figure({"value": 0.61, "low": 0.6, "high": 0.62}, "a over b", at_most=0.6)}
    }
    other = {"figures": {"equal": figure(0.99741, "equal pixels", at_least=0.995), "n": figure(1234.5, "n")}}
    new = report.new_report(
        setting.model, 2, 2, {"one": {**case, "details": {"seconds": [1.0]}}, "two": other}
    )
    path = tmp_path / "out" / "bench.json"
    report.write(new, path)
    read = report.read(path)
    assert read == json.loads(path.read_text()) == new and not list(path.parent.glob("*.part"))
    assert set(new) == {"format", "model", "precision", "threads", "machine", "versions", "cases"}
    assert set(new["machine"]) == {"system", "processor", "cpu", "cores", "flags", "memory_gb"}
    assert "avx512_bf16" in new["machine"]["flags"] and new["versions"]["torch"]
    assert platform.node() not in path.read_text()
    table = report.table(new)
    assert "a_over_b" in table and "0.60 to 0.62" in table and "NO" in table
    assert bench.main(["--markdown", "--output", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "| `a_over_b` | a over b | 0.61 (0.60 to 0.62) | ≤ 0.6, missed |" in printed
    assert "| `equal` | equal pixels | 0.9974 | ≥ 0.995 |" in printed and "| 1234 |" in printed
    assert bench.main(["--markdown", "--output", str(tmp_path / "none.json")]) == 2


def test_a_run_of_some_cases_keeps_the_others_of_the_same_machine(setting) -> None:
    old = report.new_report(setting.model, 2, 2, {"one": {"figures": {}}, "two": {"figures": {}}})
    new = report.new_report(setting.model, 2, 2, {"two": {"figures": {"x": figure(1, "x")}}})
    assert set(report.merged(new, old)["cases"]) == {"one", "two"}
    assert report.merged(new, old)["cases"]["two"] == new["cases"]["two"]
    elsewhere = {**old, "machine": {**old["machine"], "cores": 64}}
    assert set(report.merged(new, elsewhere)["cases"]) == {"two"}


def test_the_command_runs_what_is_asked_and_writes_it(setting, tmp_path: Path, monkeypatch, capsys) -> None:
    path = tmp_path / "bench.json"
    monkeypatch.setattr(bench, "setting_from", lambda args, folder: setting)
    assert bench.main(["--quick", "--only", "grouping,separate,overhead", "--output", str(path)]) == 0
    written = json.loads(path.read_text())
    assert list(written["cases"]) == ["grouping", "separate", "overhead"]
    figures = report.figures(written)
    assert {"grouped_over_union", "grouped_over_union_uniform", "vs_separate_models"} <= set(figures)
    for one in figures.values():
        assert one["value"] > 0 and one.get("low", 0) <= one["value"] <= one.get("high", 1e9)
    details = written["cases"]["grouping"]["details"]
    assert details["tiles"] == 25 and 1 < details["experts_per_batch"]["routed"] <= 4
    assert written["cases"]["overhead"]["rounds"] == 2
    assert "grouped_over_union" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--only", "nothing"], ["--rounds", "0"], ["--sizes", "10,x"]])
def test_a_wrong_option_is_refused(words) -> None:
    with pytest.raises(SystemExit):
        bench.main(words)


def test_defaults_and_quick() -> None:
    plain = bench.setting_from(bench.parser().parse_args([]), Path("f"))
    quick = bench.setting_from(bench.parser().parse_args(["--quick"]), Path("f"))
    assert (plain.rounds, plain.sizes) == (7, (2048, 8192, 10980))
    assert [path.name for path in plain.scenes] == ["coast_10m.tif", "lough_60m.tif"]
    assert quick.rounds == 1 and max(quick.sizes) <= 2048 and quick.times < plain.times
