"""Conditional execution is real, memory is bounded, and nothing depends on how tiles are grouped."""

from __future__ import annotations

import hashlib
import threading
import time
import tracemalloc
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.canvas import Canvas, Piece
from model_core.engine import Engine, StripReader
from model_core.errors import BundleError, OutputError
from model_core.grid import TileGrid, blend_weights
from model_core.routing import NOT_REQUESTED, Policy
from model_core.scene import Scene
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


def test_one_decode_call_per_batch_and_expert(scene_file: str, tmp_path: Path) -> None:
    model = FakeModel(ALL, scores=by_content(4))
    run(scene_file, tmp_path / "run", model, policy="top-k", top_k=2, batch_size=3)
    assert max(model.encoded) == 3
    assert len(model.decoded) <= len(model.encoded) * len(ALL)
    assert max(count for _, count in model.decoded) > 1


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
    names = iter(range(1, 1000))

    class Steps(FakeModel):
        def decode(self, name, picks):
            tiles = sum(len(index) for _, index in picks)
            return np.stack([np.full((1, 32, 32), float(next(names)), np.float32) for _ in range(tiles)])

    summary = run(scene_file, tmp_path / "run", Steps((METRES,)), overlap=12, batch_size=3)
    grid = TileGrid(150, 130, 32, 12)
    weights = blend_weights(32, 12).astype(np.float64)
    total, weight = np.zeros((130, 150)), np.zeros((130, 150))
    with rasterio.open(scene_file) as raster:
        valid = (raster.read() > 0).all(axis=0)
    number = 0
    for tile in grid.tiles:
        place = np.s_[tile.y : tile.y + 32, tile.x : tile.x + 32]
        if valid[place].any():
            number += 1
            total[place] += weights * number
            weight[place] += weights
    assert number == summary["tiles"]["routed"]
    with rasterio.open(tmp_path / "run" / "metres.tif") as raster:
        found = raster.read(1)
    np.testing.assert_allclose(found[valid], (total[valid] / weight[valid]), rtol=1e-5)
    assert np.isnan(found[~valid]).all()


class Synchronous:
    """An executor without a thread: the work is done when it is handed in."""

    def __init__(self, *args: object) -> None:
        pass

    def __enter__(self):
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def submit(self, work, *args):
        future = Future()
        future.set_result(work(*args))
        return future


def test_bytes_do_not_depend_on_the_threads(scene_file: str, tmp_path: Path, monkeypatch) -> None:
    run(scene_file, tmp_path / "threads", FakeModel(ALL, scores=by_content(4)))
    monkeypatch.setattr("model_core.engine.ThreadPoolExecutor", Synchronous)
    run(scene_file, tmp_path / "none", FakeModel(ALL, scores=by_content(4)))
    assert digests(tmp_path / "threads") == digests(tmp_path / "none")


def test_the_next_strip_is_read_while_one_is_in_work(make_raster, tmp_path: Path, monkeypatch) -> None:
    """The model waits in the first strip until the second is read: it would wait for ever otherwise."""
    path = make_raster("scene.tif", digital(32, 80), descriptions=BAND_NAMES, nodata=0)
    second = threading.Event()
    read = StripReader.read

    def heard(self: StripReader, top: int, height: int):
        strip = read(self, top, height)
        if top > 0:
            second.set()
        return strip

    monkeypatch.setattr(StripReader, "read", heard)
    model = FakeModel()
    waited: list[bool] = []
    model.on_encode = lambda: waited.append(second.wait(60))
    run(path, tmp_path / "run", model)
    assert waited[0]


def engine_over(scene_file: str, model: FakeModel, write) -> None:
    engine = Engine(model, TileGrid(150, 130, 32, 8), Policy("top-k", 1), [None])
    with Scene.open(scene_file) as scene:
        engine.run(scene, Window(0, 0, 150, 130), write, lambda done, total: None, lambda: False)


@pytest.mark.parametrize("bad", [0, 60, 106], ids=["first strip", "a strip between", "last strip"])
def test_a_single_write_that_fails_ends_the_run(scene_file: str, bad: int) -> None:
    tops: list[int] = []

    def write(expert: int, piece: Piece, valid: np.ndarray) -> None:
        tops.append(piece.top)
        if piece.top <= bad < piece.top + len(valid):
            raise OutputError("The disk is full.")

    with pytest.raises(OutputError, match="full"):
        engine_over(scene_file, FakeModel(), write)
    assert tops == sorted(tops)


def test_a_slow_disk_holds_the_model_back(scene_file: str) -> None:
    """Finished strips must not pile up in memory while the first is still being written."""
    model = FakeModel()
    ahead: list[int] = []

    def write(expert: int, piece: Piece, valid: np.ndarray) -> None:
        if not ahead:
            time.sleep(0.5)  # time enough to run through all strips, if nothing held the engine
            ahead.append(len(model.encoded))

    engine_over(scene_file, model, write)
    assert ahead[0] <= 2 < len(model.encoded)  # one batch per strip: the one written, the next one done


def test_strips_read_shared_rows_once(scene_file: str) -> None:
    with Scene.open(scene_file) as scene:
        whole = scene.read(Window(20, 10, 100, 110))
        asked = []
        read = scene.read

        def counted(window: Window):
            asked.append((window.row_off, window.height))
            return read(window)

        scene.read = counted
        reader = StripReader(scene, Window(20, 10, 100, 110))
        grid = TileGrid(100, 110, 32, 8)
        for row in range(grid.rows):
            top = grid.row_tiles(row)[0].y
            strip = reader.read(top, 32)
            assert (strip.reflectance == whole.reflectance[:, top : top + 32]).all()
            assert (strip.valid == whole.valid[top : top + 32]).all()
    assert sum(height for _, height in asked) == 110
    assert [top for top, _ in asked] == sorted({top for top, _ in asked})


def test_memory_is_bounded_by_the_strip(make_raster, tmp_path: Path) -> None:
    """Four times the rows must not take more memory; the peak is counted by tracemalloc, not by the clock."""
    peaks = []
    for height in (600, 2400):
        blocks = {"tiled": True, "blockxsize": 64, "blockysize": 64}
        path = make_raster(f"{height}.tif", digital(64, height), descriptions=BAND_NAMES, **blocks)
        tracemalloc.start()
        run(path, tmp_path / f"run{height}", FakeModel(ALL[:1], tile_size=64))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


def ones(rows: int, columns: int) -> np.ndarray:
    return np.ones((rows, columns), np.float32)


def test_canvas_hands_out_copies_and_keeps_the_rest() -> None:
    canvas = Canvas(1, 4, 4, top=0)
    canvas.add(0, 0, ones(4, 4)[None], ones(4, 4))
    (piece,) = canvas.take(3)
    canvas.add(0, 3, 5 * ones(4, 4)[None], ones(4, 4))
    assert (piece.top, piece.left) == (0, 0) and (piece.sums == 1).all() and piece.weight.shape == (3, 4)
    (rest,) = canvas.take(7)
    assert rest.top == 3 and rest.sums[0, :, 0].tolist() == [6, 5, 5, 5]
    assert rest.weight[:, 0].tolist() == [2, 1, 1, 1]
    assert canvas.take(11) == []


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_canvas_touches_only_the_columns_it_was_given(step: int) -> None:
    """Any order of columns, any number of rows done at a time (the last strip may do very few)."""
    canvas = Canvas(2, 40, 4, top=0)
    whole = np.zeros((30, 40))
    for row, y in enumerate(range(0, 20, step)):
        for x in (30, 2, 5)[: row % 4]:
            canvas.add(x, y, np.full((2, 4, 6), x + y, np.float32), ones(4, 6))
            whole[y : y + 4, x : x + 6] += x + y
        pieces = canvas.take(y + step)
        seen = np.zeros((step, 40))
        for piece in pieces:
            assert piece.top == y and piece.sums.shape[1:] == piece.weight.shape
            seen[:, piece.left : piece.left + piece.weight.shape[1]] += piece.sums[0]
            assert (piece.sums[0] == piece.sums[1]).all() and not (piece.sums[0][piece.weight == 0]).any()
        assert (seen == whole[y : y + step]).all()
        lefts = [piece.left for piece in pieces]
        assert lefts == sorted(set(lefts))


class Broken(FakeModel):
    """Gives back what a damaged bundle might."""

    def __init__(self, scores: np.ndarray | None = None, values: np.ndarray | None = None) -> None:
        super().__init__()
        self.bad_scores, self.bad_values = scores, values

    def scores(self, features):
        return super().scores(features) if self.bad_scores is None else self.bad_scores

    def decode(self, name, picks):
        return super().decode(name, picks) if self.bad_values is None else self.bad_values


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
    grid = TileGrid(150, 130, 32, 8)
    engine = Engine(model, grid, Policy("top-k", 4), [None, NOT_REQUESTED, NOT_REQUESTED, NOT_REQUESTED])
    with Scene.open(scene_file) as scene:
        tally = engine.run(
            scene, Window(0, 0, 150, 130), lambda *_: None, lambda done, total: None, lambda: False
        )
    assert {name for name, _ in model.decoded} == {"identity"}
    seen = tally.valid > 0
    assert not np.isnan(tally.scores[seen]).any() and np.isnan(tally.scores[~seen]).all()
    assert tally.encoded == seen.sum()
