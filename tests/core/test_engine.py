"""Conditional execution is real, memory is bounded, and nothing depends on how tiles are grouped."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.budget import Limits
from model_core.engine import Engine
from model_core.errors import BundleError, OutputError
from model_core.grid import TileGrid, blend_weights
from model_core.plan import make_plan
from model_core.reading import PanelReader
from model_core.request import PredictRequest
from model_core.scene import Scene
from model_core.writer import BlockWriter
from tests.core.fakes import ALL, METRES, FakeModel, by_content, digital, run


@pytest.fixture
def scene_file(make_raster) -> str:
    array = digital(150, 130)
    # Brightness falls to the right, so that content, and with it the routing, differs from tile to tile.
    array = (array * np.linspace(1.0, 0.1, 150)[None, None] + 1).astype(np.uint16)
    array[:, :64, :64] = 0  # a corner without data: with tiles of 32, whole tiles are empty
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name != "run.json"
    }


def test_each_expert_decodes_its_own_tiles_and_no_others(scene_file: str, tmp_path: Path) -> None:
    model = FakeModel(ALL, scores=by_content(4))
    summary = run(scene_file, tmp_path / "run", model, policy="top-k", top_k=1)
    tiles = summary["tiles"]
    assert tiles["empty"] > 0
    assert sum(model.encoded) == tiles["total"] - tiles["empty"]  # an empty tile is never encoded
    decoded = {spec.name: 0 for spec in ALL}
    for name, count in model.decoded:
        decoded[name] += count
    assert decoded == {expert["name"]: expert["tiles"] for expert in summary["experts"]}
    assert sum(decoded.values()) == tiles["routed"] == tiles["total"] - tiles["empty"]
    assert sum(count > 0 for count in decoded.values()) > 1, "the scene must split between experts"


def test_an_expert_nobody_chose_is_never_called_and_has_no_file(scene_file: str, tmp_path: Path) -> None:
    model = FakeModel(ALL, scores=lambda pixels, valid: np.tile([0.9, 0.1, 0.95, 0.1], (len(pixels), 1)))
    summary = run(scene_file, tmp_path / "run", model)
    assert {name for name, _ in model.decoded} == {"identity", "green"}
    assert sorted(path.name for path in (tmp_path / "run").glob("*.tif")) == ["green.tif", "identity.tif"]
    assert [expert["output"] for expert in summary["experts"]] == ["identity.tif", None, "green.tif", None]


@pytest.mark.parametrize("overlap", [0, 8, 16])
def test_bytes_do_not_depend_on_the_batch(scene_file: str, tmp_path: Path, overlap: int) -> None:
    found = []
    for batch in (1, 2, 5, 64):
        model = FakeModel(ALL, scores=by_content(4))
        folder = tmp_path / f"run{batch}"
        run(scene_file, folder, model, batch_size=batch, overlap=overlap, policy="top-k", top_k=2)
        assert max(model.encoded) <= batch
        found.append(digests(folder))
    assert {"identity.tif", "bright.tif", "green.tif", "metres.tif", "routing.gpkg"} <= set(found[0])
    assert found[1:] == found[:-1]


def test_the_blend_is_a_weighted_mean_of_the_tiles_an_expert_served(scene_file: str, tmp_path: Path) -> None:
    """Two tiles go to different experts: each is NoData where only the other served, whole at the seam."""
    model = FakeModel(
        ALL[:3], scores=lambda pixels, valid: np.stack([pixels.mean((1, 2, 3)) > 0.2] * 3, axis=1) * [1, 0, 0]
        + np.stack([pixels.mean((1, 2, 3)) <= 0.2] * 3, axis=1) * [0, 0, 1],
    )  # fmt: skip
    summary = run(scene_file, tmp_path / "run", model, top_k=1)
    served = {expert["name"]: expert["tiles"] for expert in summary["experts"]}
    assert served["identity"] and served["green"]
    with (
        rasterio.open(tmp_path / "run" / "identity.tif") as one,
        rasterio.open(tmp_path / "run" / "green.tif") as other,
        rasterio.open(scene_file) as scene,
    ):
        first, second = ~np.isnan(one.read(1)), other.read(1) != 255
        source = scene.read()
        valid = (source > 0).all(axis=0)
        assert (first | second)[valid].all() and not (first | second)[~valid].any()
        assert (first & second).any() and (first & ~second).any() and (second & ~first).any()
        # A seam with the other expert's tile is no reason to fade: one tile alone gives its own value.
        np.testing.assert_allclose(one.read()[:, first], source[:, first] * 1e-4, atol=1e-6)


def test_overlapping_tiles_are_blended_by_their_weights(scene_file: str, tmp_path: Path) -> None:
    """Each tile gives one number; the output is compared with a blend of the whole raster at once."""

    class Levels(FakeModel):
        def decode(self, name, picks, *, uncertainty=False):
            means = [features[0][n].mean() for features, index in picks for n in index]
            return np.stack([np.full((1, 32, 32), mean, np.float32) for mean in means])

    summary = run(scene_file, tmp_path / "run", Levels((METRES,)), overlap=12, batch_size=3)
    grid = TileGrid(150, 130, 32, 12)
    weights = blend_weights(32, 12).astype(np.float64)
    total, weight = np.zeros((130, 150)), np.zeros((130, 150))
    with Scene.open(scene_file) as scene:
        patch = scene.read(Window(0, 0, 150, 130))
    valid, routed = patch.valid, 0
    for tile in grid.tiles:
        place = np.s_[tile.y : tile.y + 32, tile.x : tile.x + 32]
        if valid[place].any():
            routed += 1
            total[place] += weights * patch.reflectance[:, place[0], place[1]].mean()
            weight[place] += weights
    assert routed == summary["tiles"]["routed"]
    with rasterio.open(tmp_path / "run" / "metres.tif") as raster:
        found = raster.read(1)
    np.testing.assert_allclose(found[valid], (total[valid] / weight[valid]), rtol=1e-5)
    assert np.isnan(found[~valid]).all()


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_bytes_do_not_depend_on_the_threads(scene_file: str, tmp_path: Path, threads: int) -> None:
    """Threads that take their time in turn finish in another order than they began."""
    run(scene_file, tmp_path / "one", FakeModel(ALL, scores=by_content(4)), threads=1)
    model = FakeModel(ALL, scores=by_content(4))
    turn = itertools.count()
    model.on_encode = lambda: time.sleep(0.01 * (next(turn) % 3))
    run(scene_file, tmp_path / "many", model, threads=threads, batch_size=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "many")


def test_bytes_do_not_depend_on_the_memory(scene_file: str, tmp_path: Path, monkeypatch) -> None:
    """Panels of one tile and no backlog, or all that fits."""
    found = []
    for kept, panel in ((1, 1), (2, 3), (64, 16)):
        monkeypatch.setattr("model_core.budget._MOST_KEPT_TILES", kept)
        monkeypatch.setattr("model_core.budget._MOST_PANEL_TILES", panel)
        folder = tmp_path / f"run{kept}"
        run(scene_file, folder, FakeModel(ALL, scores=by_content(4)), policy="top-k", top_k=2)
        found.append(digests(folder))
    assert found[0] == found[1] == found[2]


def test_an_expert_few_tiles_need_still_gets_full_batches(scene_file: str, tmp_path: Path) -> None:
    """Every fourth tile in a row goes to another expert; its batches span rows of tiles."""
    model = FakeModel(ALL, scores=by_content(4))
    summary = run(scene_file, tmp_path / "run", model, policy="top-k", top_k=1, batch_size=4)
    for expert in summary["experts"]:
        calls = [count for name, count in model.decoded if name == expert["name"]]
        assert sum(calls) == expert["tiles"]
        assert calls[:-1] == [4] * (len(calls) - 1)  # all but the last are full
    assert max(expert["tiles"] for expert in summary["experts"]) > 4


def test_panels_are_read_ahead_while_one_is_in_work(make_raster, tmp_path: Path, monkeypatch) -> None:
    """The model waits in the first panel until the second is read: it would wait for ever otherwise."""
    path = make_raster("scene.tif", digital(32, 80), descriptions=BAND_NAMES, nodata=0)
    second = threading.Event()
    read = PanelReader._read

    def heard(self: PanelReader, row: int, *args):
        panel = read(self, row, *args)
        if row > 0:
            second.set()
        return panel

    monkeypatch.setattr(PanelReader, "_read", heard)
    model = FakeModel()
    waited: list[bool] = []
    model.on_encode = lambda: waited.append(second.wait(60))
    run(path, tmp_path / "run", model, batch_size=1)
    assert waited[0]


class Listener:
    """An output that only listens; `on_take` may fail."""

    def __init__(self, on_take=lambda top: None) -> None:
        self.tops: list[int] = []
        self.rows: list[int] = []
        self.until: list[int] = []
        self._on_take = on_take

    def take(self, expert, top, left, sums, weight, inside) -> None:
        assert inside.shape == weight.shape == sums.shape[1:]
        assert not self.until or top >= self.until[-1], "rows came that were said to be complete"
        self.tops.append(top)
        self._on_take(top)

    def row_done(self, record) -> None:
        self.rows.append(record.row)

    def rows_above(self, until, spent) -> None:
        self.until.append(until)


def engine_over(scene_file: str, model: FakeModel, output: Listener, **options):
    options = {"policy": "top-k", "top_k": 1, "overlap": 8, **options}
    with Scene.open(scene_file) as scene:
        plan = make_plan(PredictRequest(scene_file, "unused", **options), scene, model)
        engine = Engine(plan, Limits(2, 2, 8, 4, 2**25), output)
        return engine.run(lambda done, total: None, lambda: None)


def test_rows_are_complete_in_order_and_all_of_them(scene_file: str) -> None:
    output = Listener()
    engine_over(scene_file, FakeModel(ALL, scores=by_content(4)), output)
    assert output.rows == sorted(set(output.rows)) == list(range(TileGrid(150, 130, 32, 8).rows))
    assert output.until == sorted(set(output.until)) and output.until[-1] == 130


@pytest.mark.parametrize("bad", [0, 60, 98], ids=["first row", "a row between", "last row"])
def test_a_single_write_that_fails_ends_the_run(scene_file: str, bad: int) -> None:
    def fail(top: int) -> None:
        if top >= bad:
            raise OutputError("The disk is full.")

    output = Listener(fail)
    with pytest.raises(OutputError, match="full"):
        engine_over(scene_file, FakeModel(), output)
    assert output.tops[-1] >= bad and threading.active_count() < 20


def test_a_slow_disk_holds_the_model_back(make_raster, tmp_path: Path, monkeypatch) -> None:
    """Finished pixels must not pile up in memory while the first are still being written."""
    path = make_raster("scene.tif", digital(96, 2400), descriptions=BAND_NAMES, nodata=0)
    monkeypatch.setattr("model_core.predict.WRITE_BEHIND", 4)
    model = FakeModel()
    ahead: list[int] = []
    write = BlockWriter.write

    def slow(self, *args) -> None:
        if not ahead:
            time.sleep(0.7)  # time enough to run through all tiles, if nothing held the engine
            ahead.append(sum(model.encoded))
        write(self, *args)

    monkeypatch.setattr(BlockWriter, "write", slow)
    run(path, tmp_path / "run", model)
    assert ahead[0] < sum(model.encoded) / 3


def test_memory_is_bounded(make_raster, tmp_path: Path) -> None:
    """Four times the rows must not take more memory; the peak is counted by tracemalloc, not by the clock."""
    peaks = []
    for height in (4800, 19200):
        blocks = {"tiled": True, "blockxsize": 64, "blockysize": 64}
        path = make_raster(f"{height}.tif", digital(64, height), descriptions=BAND_NAMES, **blocks)
        tracemalloc.start()
        run(path, tmp_path / f"run{height}", FakeModel(ALL[:1], tile_size=64))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


class Broken(FakeModel):
    """Gives back what a damaged bundle might."""

    def __init__(self, scores: np.ndarray | None = None, values: np.ndarray | None = None) -> None:
        super().__init__()
        self.bad_scores, self.bad_values = scores, values

    def scores(self, features):
        return super().scores(features) if self.bad_scores is None else self.bad_scores

    def decode(self, name, picks, **options):
        return super().decode(name, picks, **options) if self.bad_values is None else self.bad_values


@pytest.mark.parametrize(
    "model",
    [
        Broken(scores=np.array([[np.nan]])),
        Broken(scores=np.zeros((1, 3))),
        Broken(values=np.zeros((1, 3, 32, 32))),
        Broken(values=np.full((1, 8, 32, 32), np.inf)),
    ],
)
def test_a_model_that_breaks_its_promise_is_an_error(make_raster, tmp_path: Path, model: Broken) -> None:
    path = make_raster("scene.tif", digital(30, 30), descriptions=BAND_NAMES)
    with pytest.raises(BundleError, match="damaged"):
        run(path, tmp_path / "run", model)
    assert not (tmp_path / "run").exists()


def test_experts_not_allowed_are_scored_but_never_called(scene_file: str) -> None:
    model = FakeModel(ALL)
    tally = engine_over(scene_file, model, Listener(), experts=("identity",), top_k=4)
    assert {name for name, _ in model.decoded} == {"identity"}
    seen = tally.valid > 0
    assert not np.isnan(tally.scores[seen]).any() and np.isnan(tally.scores[~seen]).all()
    assert tally.encoded == seen.sum()


def test_a_gap_leaves_nothing_open(make_raster, tmp_path: Path) -> None:
    """Two tiles, then many rows without data: the first rows are finished before the last are read."""
    array = digital(96, 1200)
    array[:, 40:1160] = 0
    scene = make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)
    kept: list[int] = []

    class Watch(Listener):
        def rows_above(self, until, spent) -> None:
            super().rows_above(until, spent)
            kept.append(len(engine._inside))

    output = Watch()
    with Scene.open(scene) as opened:
        plan = make_plan(PredictRequest(scene, "unused", overlap=8, top_k=1), opened, FakeModel())
        engine = Engine(plan, Limits(2, 50, 64, 4, 2**25), output)
        engine.run(lambda done, total: None, lambda: None)
    assert output.until[0] < 200 and max(kept) <= 4
