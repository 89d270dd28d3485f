"""Runs with Hydra experts and a scene expert: bands, attributes of tiles, costs; also continued, rerouted."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pyogrio import raw

from model_core.bands import BAND_NAMES
from model_core.errors import BundleError, OutputError, SceneError
from model_core.grid import TileGrid
from model_core.report import run_table
from model_core.reroute import RerouteRequest, reroute
from model_core.rundir import read_run
from model_core.scene_expert import SceneScores
from tests.core.conftest import UTM_10M
from tests.core.fakes import HEADED, PLACES, FakeModel, by_content, digital, run

TOP2 = {"policy": "top-k", "top_k": 2}
TOP1 = {"policy": "top-k", "top_k": 1}
GRID = TileGrid(90, 560, 32, 8)


@pytest.fixture
def scene_file(make_raster) -> str:
    """Three rows of blocks with a part without data; darker to the right, so that scenes differ."""
    array = (digital(90, 560) * np.linspace(1.2, 0.1, 90)[None, None] + 1).astype(np.uint16)
    array[:, 200:300, :60] = 0
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)


def model(scene=PLACES) -> FakeModel:
    return FakeModel(HEADED, scores=by_content(len(HEADED)), scene=scene)


def table(folder: Path) -> dict[str, np.ndarray]:
    meta, _, _, columns = raw.read(str(folder / "routing.gpkg"), layer="tiles", read_geometry=False)
    return dict(zip(meta["fields"], columns, strict=True))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}


def again(folder: Path, fake: FakeModel, **policy: Any) -> dict[str, Any]:
    return reroute(RerouteRequest(str(folder), **policy), load_model=lambda path, **options: fake)


def test_a_hydra_expert_tells_three_uncertainties(scene_file: str, tmp_path: Path) -> None:
    summary = run(scene_file, tmp_path / "run", model(), uncertainty=True, **TOP2)
    told = {expert["name"]: expert for expert in summary["experts"]}
    three = {"total": 2, "aleatoric": 3, "model": 4}
    assert [told[spec.name]["heads"] for spec in HEADED] == [1, 3, 2, 1]
    assert [told[spec.name]["uncertainty_bands"] for spec in HEADED] == [{}, three, three, {"total": 2}]
    assert [told[spec.name]["uncertainty_band"] for spec in HEADED] == [None, 2, 2, 2]
    for name in ("hydra", "greens"):
        with rasterio.open(tmp_path / "run" / f"{name}.tif") as raster:
            assert raster.descriptions[1:] == (
                "total uncertainty", "aleatoric uncertainty", "model uncertainty",
            )  # fmt: skip
            assert raster.scales[1:] == (0.004,) * 3 and raster.nodatavals == (255,) * 4
            assert raster.tags()["HYDRANET_HEADS"] == str(told[name]["heads"])
            values, total, aleatoric, other = raster.read().astype(int)
        known = values != 255
        assert known.any() and not known.all()
        for band in (total, aleatoric, other):
            assert ((band == 255) == ~known).all() and (band[known] <= 250).all()
        # Each is rounded to a step of its own.
        assert (np.abs(total - aleatoric - other)[known] <= 1).all()
        assert (aleatoric <= total)[known].all()
        assert other[known].max() > 0, "heads that differ must show"
    with rasterio.open(tmp_path / "run" / "bright.tif") as raster:
        assert raster.descriptions == ("class", "uncertainty") and "HYDRANET_HEADS" not in raster.tags()


def test_without_uncertainty_heads_only_make_the_mean(scene_file: str, tmp_path: Path) -> None:
    plain = run(scene_file, tmp_path / "plain", model(), **TOP2)
    run(scene_file, tmp_path / "run", model(), uncertainty=True, **TOP2)
    for expert in plain["experts"]:
        assert expert["uncertainty_bands"] == {} and expert["uncertainty_band"] is None
        with (
            rasterio.open(tmp_path / "plain" / expert["output"]) as less,
            rasterio.open(tmp_path / "run" / expert["output"]) as more,
        ):
            assert less.count == (8 if expert["kind"] == "density" else 1)
            np.testing.assert_array_equal(less.read(1), more.read(1))
    assert not any("uncertainty" in name for name in table(tmp_path / "plain"))


def test_tiles_tell_their_scene(scene_file: str, tmp_path: Path) -> None:
    fake = model()
    summary = run(scene_file, tmp_path / "run", fake, **TOP2)
    found = table(tmp_path / "run")
    data = found["valid"] > 0
    assert sum(fake.looked) == sum(fake.encoded) == data.sum() < len(data)
    assert set(found["scene"][data]) <= set(PLACES.classes) and len(set(found["scene"][data])) > 2
    assert (found["scene_score"][data] > 0.25).all() and (found["scene_score"][data] <= 1).all()
    assert {"1,2", "1,3"} <= set(found["scene_branches"][data]) <= {"1", "1,2", "1,3"}
    for name in ("scene", "scene_branches"):
        assert set(found[name][~data]) == {None}
    assert np.isnan(found["scene_score"][~data]).all()
    said = next(line for line in run_table(summary).splitlines() if line.startswith("Places: "))
    for name in set(found["scene"][data]):
        assert f"{name} {(found['scene'] == name).sum()}" in said
    told = summary["scene_expert"]
    assert (told["title"], told["k"], told["skipped"]) == ("Places", 2, None)
    assert told["classes"] == ["dim", "plain", "vivid", "glaring"]
    assert told["branches"] == [["dim", "vivid"], ["plain"], ["glaring"]]
    assert told["tiles"] == {name: int((found["scene"] == name).sum()) for name in PLACES.classes}
    # The table read as SQLite reads it: what is not known is NULL, not a text.
    with sqlite3.connect(tmp_path / "run" / "routing.gpkg") as base:
        assert base.execute("SELECT COUNT(*) FROM tiles WHERE scene IS NULL").fetchone()[0] == (~data).sum()


def test_the_cost_of_the_scene_expert_is_counted_where_it_ran(scene_file: str, tmp_path: Path) -> None:
    macs = [
        run(scene_file, tmp_path / name, model(scene), **TOP1)["macs"]
        for name, scene in (
            ("with", PLACES),
            ("without", None),
            ("other", replace(PLACES, valid_gsd_m=(1, 2))),
        )
    ]
    encoded = (table(tmp_path / "with")["valid"] > 0).sum()
    assert [one["scene"] for one in macs] == [47, 0, 0]
    for key in ("spent", "all_experts"):
        assert macs[0][key] - macs[1][key] == encoded * 47 and macs[2][key] == macs[1][key]


def test_outside_its_resolution_it_is_not_asked(scene_file: str, tmp_path: Path) -> None:
    fake = model(replace(PLACES, valid_gsd_m=(20.0, 60.0)))
    summary = run(scene_file, tmp_path / "run", fake, **TOP1)
    found = table(tmp_path / "run")
    assert fake.looked == [] and set(found["scene"]) == {None} and np.isnan(found["scene_score"]).all()
    assert summary["scene_expert"]["skipped"] == "outside resolution"
    assert set(summary["scene_expert"]["tiles"].values()) == {0}
    assert any(
        note.startswith("The scene expert was trained for pixels of 20") for note in summary["warnings"]
    )
    forced = run(scene_file, tmp_path / "forced", fake, force_gsd=True, **TOP1)
    assert fake.looked and forced["scene_expert"]["skipped"] is None
    # And a reroute of the first finds nothing to change in that.
    again(tmp_path / "run", model(fake.scene), **TOP2)
    run(scene_file, tmp_path / "fresh", model(fake.scene), **TOP2)
    assert files(tmp_path / "run") == files(tmp_path / "fresh")


def test_without_a_scene_expert_the_table_has_no_such_columns(scene_file: str, tmp_path: Path) -> None:
    summary = run(scene_file, tmp_path / "run", model(None), **TOP1)
    assert summary["scene_expert"] is None
    assert not {"scene", "scene_score", "scene_branches"} & set(table(tmp_path / "run"))


def test_tiles_tell_their_mean_uncertainty(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", model(), uncertainty=True, **TOP1)
    found = table(tmp_path / "run")
    assert {name for name in found if "uncertainty" in name} == {
        "uncertainty_hydra", "model_uncertainty_hydra", "uncertainty_greens", "model_uncertainty_greens",
        "uncertainty_bright",
    }  # fmt: skip
    for expert, name, band in (("hydra", "uncertainty", 2), ("greens", "model_uncertainty", 4)):
        with rasterio.open(tmp_path / "run" / f"{expert}.tif") as raster:
            values = raster.read(band)
        column, served = found[f"{name}_{expert}"], 0
        for tile in GRID.tiles:
            x0, y0, x1, y1 = tile.core
            core = values[y0:y1, x0:x1]
            if expert in found["chosen"][tile.index].split(",") and (core != 255).any():
                served += 1
                assert column[tile.index] == pytest.approx(core[core != 255].mean() * 0.004, abs=1e-12)
            else:
                assert np.isnan(column[tile.index])
        assert 0 < served < len(GRID.tiles)


@pytest.mark.parametrize("uncertainty", [False, True])
@pytest.mark.parametrize(("before", "after"), [(TOP1, TOP2), (TOP2, TOP1)])
def test_a_reroute_is_a_new_run(scene_file: str, tmp_path: Path, before, after, uncertainty: bool) -> None:
    run(scene_file, tmp_path / "run", model(), uncertainty=uncertainty, **before)
    fake = model()
    summary = again(tmp_path / "run", fake, **after)
    fresh = run(scene_file, tmp_path / "fresh", model(), uncertainty=uncertainty, **after)
    assert files(tmp_path / "run") == files(tmp_path / "fresh")
    assert fake.looked == [], "what the scene expert said is in the table"
    for key in ("scene_expert", "macs", "tiles"):
        assert summary[key] == fresh[key]


def test_scores_only_then_decoded(scene_file: str, tmp_path: Path) -> None:
    """`route` asks the scene expert too, and what it said stays when experts are run later."""
    routed = run(scene_file, tmp_path / "run", model(), decode=False, **TOP2)
    assert sum(routed["scene_expert"]["tiles"].values()) > 0
    again(tmp_path / "run", model(), **TOP1)
    run(scene_file, tmp_path / "fresh", model(), **TOP1)
    assert files(tmp_path / "run") == files(tmp_path / "fresh")


@pytest.mark.parametrize("after", [10, 60, 80])
def test_a_run_that_was_cut_off_ends_with_the_same_bytes(scene_file: str, tmp_path: Path, after: int) -> None:
    whole = run(scene_file, tmp_path / "whole", model(), uncertainty=True, **TOP2)
    broken = model()

    def fail() -> None:
        if sum(broken.encoded) > after:
            raise SceneError("The share is gone.")

    broken.on_encode = fail
    with pytest.raises(SceneError):
        run(scene_file, tmp_path / "run", broken, uncertainty=True, **TOP2)
    second = model()
    if (tmp_path / "run").exists():  # else it had nothing worth keeping
        summary = run(scene_file, tmp_path / "run", second, uncertainty=True, resume=True, **TOP2)
        assert files(tmp_path / "run") == files(tmp_path / "whole")
        assert summary["scene_expert"] == whole["scene_expert"]
        assert 0 < sum(second.looked) == sum(second.encoded) < whole["tiles"]["routed"]
    else:
        assert after == 10


def test_no_result_hangs_on_batches_or_threads(scene_file: str, tmp_path: Path) -> None:
    for name, options in (("one", {"threads": 1, "batch_size": 1}), ("two", {"threads": 3, "batch_size": 5})):
        run(scene_file, tmp_path / name, model(), uncertainty=True, **TOP2, **options)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_run_of_before_there_were_several_uncertainties(scene_file: str, tmp_path: Path) -> None:
    """Its run.json tells of one band: it is rerouted all the same, and gains the means of its tiles."""
    plain = tuple(spec for spec in HEADED if spec.heads == 1)

    def old_model() -> FakeModel:
        return FakeModel(plain, scores=by_content(2))

    run(scene_file, tmp_path / "run", old_model(), uncertainty=True, **TOP1)
    path = tmp_path / "run" / "run.json"
    stored = json.loads(path.read_text())
    del stored["scene_expert"]
    for expert in stored["experts"]:
        del expert["uncertainty_bands"], expert["heads"]
    path.write_text(json.dumps(stored))
    with sqlite3.connect(tmp_path / "run" / "routing.gpkg") as base:
        base.execute("ALTER TABLE tiles DROP COLUMN uncertainty_bright")
    base.close()
    again(tmp_path / "run", old_model(), **TOP2)
    run(scene_file, tmp_path / "fresh", old_model(), uncertainty=True, **TOP2)
    assert files(tmp_path / "run") == files(tmp_path / "fresh")
    assert read_run(tmp_path / "run")["experts"][1]["uncertainty_bands"] == {"total": 2}


HARMS = {
    "no column": "ALTER TABLE tiles DROP COLUMN scene",
    "another class": "UPDATE tiles SET scene = 'desert' WHERE scene IS NOT NULL",
    "another branch": "UPDATE tiles SET scene_branches = '9' WHERE scene IS NOT NULL",
    "branch 0": "UPDATE tiles SET scene_branches = '0' WHERE scene IS NOT NULL",
    "too many branches": "UPDATE tiles SET scene_branches = '1,2,3' WHERE scene IS NOT NULL",
    "a branch twice": "UPDATE tiles SET scene_branches = '1,1' WHERE scene IS NOT NULL",
    "no score": "UPDATE tiles SET scene_score = NULL",
    "no share": "UPDATE tiles SET scene_score = 1.5 WHERE scene IS NOT NULL",
    "no scene": "UPDATE tiles SET scene = NULL, scene_score = NULL, scene_branches = NULL",
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_table_without_its_scenes_is_refused(scene_file: str, tmp_path: Path, harm: str) -> None:
    run(scene_file, tmp_path / "run", model(), **TOP1)
    with sqlite3.connect(tmp_path / "run" / "routing.gpkg") as base:
        # The triggers of a GeoPackage call functions that SQLite alone has not.
        for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute(HARMS[harm])
    base.close()
    before = files(tmp_path / "run")
    with pytest.raises(
        OutputError,
        match="(said of each tile|scenes for other tiles).* run the prediction again",
    ):
        again(tmp_path / "run", model(), **TOP2)
    assert files(tmp_path / "run") == before


def test_a_scene_expert_that_breaks_its_promise_is_an_error(make_raster, tmp_path: Path) -> None:
    path = make_raster("small.tif", digital(30, 30), descriptions=BAND_NAMES, transform=UTM_10M)
    for bad in (
        SceneScores(np.full((1, 4), np.nan, np.float32), np.ones((1, 3), bool)),
        SceneScores(np.full((1, 5), 0.2, np.float32), np.ones((1, 3), bool)),
        SceneScores(np.full((1, 4), 0.25, np.float32), np.ones((1, 2), bool)),
    ):
        fake = model()
        fake.scene_scores = lambda features, bad=bad: bad
        with pytest.raises(BundleError, match="The scene expert gave.*damaged"):
            run(path, tmp_path / "run", fake)
        assert not (tmp_path / "run").exists()
