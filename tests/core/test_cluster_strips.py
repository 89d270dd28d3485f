"""A run cut into strips, with a model of plain arithmetic: the bytes are those of a run that was not cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_core.bands import BAND_NAMES
from model_core.budget import limits_for
from model_core.cluster.attempts import Manner
from model_core.cluster.options import strip_rows_for
from model_core.cluster.strips import Strip, cut, settle, take_over, work_out
from model_core.errors import SceneError
from model_core.grid import TileGrid
from model_core.journal import Done, Journal
from model_core.plan import Plan
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.rundir import read_run
from tests.core.fakes import ALL, HEADED, FakeFinder, FakeModel, by_content, digital, sea
from tests.core.fakes import run as run_one
from tests.core.test_resume import results


@pytest.fixture
def scene_file(make_raster) -> str:
    """Five rows of blocks, with parts without data, one of them across it, and negative values."""
    array = digital(50, 1100).astype(np.float32) / 10000
    array *= np.linspace(1.0, 0.2, 50)[None, None]
    array[:, 400:470, :40] = -9999
    array[:, 700:800] = -9999
    array[3, ::97, ::13] = -0.01
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=-9999)


class Cutter:
    """Works out strips one after the other in this process, in any order, and some of them only."""

    def __init__(self, rows: int, order: int = 1, only: slice = slice(None)) -> None:
        self.rows, self.order, self.only = rows, order, only
        self.strips: list[Strip] = []

    def __call__(self, plan: Plan, journal: Journal, done: Done) -> Done:
        self.strips = cut(plan.grid, done, self.rows, journal)
        limits = limits_for(plan.scene, plan.model, 2, None, 3)
        for strip in self.strips[self.only][:: self.order]:
            work_out(plan, strip, limits, journal.folder, lambda *_: None, lambda: None)
        settle(plan, journal)
        return take_over(plan, journal)


def cut_run(source: str, folder: Path, model: Any, cutter: Any, **options: Any) -> dict[str, bytes]:
    options = {"overlap": 8, "top_k": 2, "bundle": str(folder.parent), **options}
    request = PredictRequest(source, str(folder), **options)
    predict(request, load_model=lambda *_, **__: model, manner=Manner(job="j", elsewhere=cutter))
    return results(folder)


@pytest.mark.parametrize("rows", [1, 300, 900])
@pytest.mark.parametrize("overlap", [0, 8, 16])
def test_strips_in_any_order_are_the_whole(scene_file: str, tmp_path: Path, rows: int, overlap: int) -> None:
    run_one(scene_file, tmp_path / "whole", FakeModel(ALL, scores=by_content(4)), overlap=overlap)
    cutter = Cutter(rows, -1)
    found = cut_run(
        scene_file, tmp_path / "cut", FakeModel(ALL, scores=by_content(4)), cutter, overlap=overlap
    )
    assert found == results(tmp_path / "whole")
    assert len(cutter.strips) == {1: 5, 300: 3, 900: 2}[rows]


def test_uncertainty_of_many_heads(scene_file: str, tmp_path: Path) -> None:
    run_one(scene_file, tmp_path / "whole", FakeModel(HEADED, scores=by_content(4)), uncertainty=True)
    model = FakeModel(HEADED, scores=by_content(4))
    found = cut_run(scene_file, tmp_path / "cut", model, Cutter(512), uncertainty=True)
    assert found == results(tmp_path / "whole")


def test_objects_across_the_edges_of_strips(make_raster, tmp_path: Path) -> None:
    places = [(10 + 9 * n % 60, 20 + 61 * n, 12, 7, 0.9, n % 2) for n in range(12)]
    places.append((30, 250, 5, 14, 0.95, 1))  # across row 256
    scene = make_raster("sea.tif", sea(90, 800, places), descriptions=BAND_NAMES, nodata=0)
    run_one(scene, tmp_path / "whole", FakeFinder(scores=by_content(3)))
    assert cut_run(scene, tmp_path / "cut", FakeFinder(scores=by_content(3)), Cutter(256)) == results(
        tmp_path / "whole"
    )


def test_what_is_whole_is_kept_when_the_rest_fails(scene_file: str, tmp_path: Path) -> None:
    """Strips 3 to 5 were there when the first two were lost; the next run takes one strip for these."""
    run_one(scene_file, tmp_path / "whole", FakeModel(ALL, scores=by_content(4)))
    folder = tmp_path / "cut"

    def broken(plan: Plan, journal: Journal, done: Done) -> Done:
        Cutter(256, only=slice(2, 5))(plan, journal, done)
        raise SceneError("The share is gone.")

    with pytest.raises(SceneError, match="--resume"):
        cut_run(scene_file, folder, FakeModel(ALL, scores=by_content(4)), broken)
    again = Cutter(1024)
    again_model = FakeModel(ALL, scores=by_content(4))
    assert cut_run(scene_file, folder, again_model, again, resume=True) == results(tmp_path / "whole")
    assert [(strip.first, strip.end) for strip in again.strips] == [
        (0, 512), (512, 768), (768, 1024), (1024, 1100),
    ]  # fmt: skip


@pytest.mark.parametrize("harm", ["block", "line", "none"])
def test_one_process_goes_on_from_strips(scene_file: str, tmp_path: Path, harm: str) -> None:
    run_one(scene_file, tmp_path / "whole", FakeModel(ALL, scores=by_content(4)))
    folder = tmp_path / "cut"

    def stop(plan: Plan, journal: Journal, done: Done) -> Done:
        Cutter(512, only=slice(0, 2))(plan, journal, done)
        (journal.folder / "progress.jsonl").write_bytes(b"")  # killed before they were joined
        raise SceneError("Killed.")

    with pytest.raises(SceneError):
        cut_run(scene_file, folder, FakeModel(ALL, scores=by_content(4)), stop)
    strip = folder / "journal" / "strips" / "0000512-0001024"
    if harm == "block":
        next(strip.glob("*.tif")).write_bytes(b"damaged")
    elif harm == "line":
        lines = (strip / "progress.jsonl").read_bytes()
        (strip / "progress.jsonl").write_bytes(lines[: len(lines) // 2])
    model = FakeModel(ALL, scores=by_content(4))
    run_one(scene_file, folder, model, resume=True)
    assert results(folder) == results(tmp_path / "whole")
    tiles = read_run(tmp_path / "whole")["tiles"]
    assert sum(model.encoded) < (tiles["total"] - tiles["empty"]) * (0.2 if harm == "none" else 0.6)


def test_each_tile_begins_in_one_strip() -> None:
    for height in (100, 700, 1600, 1700):
        for overlap in (0, 8, 16):
            grid = TileGrid(70, height, 32, overlap)
            strips = cut(grid, Done(), 300, Journal(Path("nowhere")))
            assert strips[0].first == 0 and strips[-1].end == height
            own = [n for strip in strips for n in range(*strip.own_tiles(grid).indices(len(grid.tiles)))]
            assert own == list(range(len(grid.tiles)))


def test_scenes_are_cut_only_where_it_helps() -> None:
    assert strip_rows_for(10980, 8, None, alone=False) == 4096
    assert strip_rows_for(10980, 8, None, alone=True) == 1373
    assert strip_rows_for(10980, 2, None, alone=True) == 2745
    assert strip_rows_for(4096, 2, None, alone=True) == 2048
    assert strip_rows_for(1500, 4, None, alone=True) == 1024
    assert strip_rows_for(50000, 4, None, alone=True) == 4096
    assert strip_rows_for(10980, 1, None, alone=True) == 10980
    assert strip_rows_for(10980, 1, 512, alone=False) == 512
