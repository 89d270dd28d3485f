"""A rerouted run is the run that a new prediction with that policy makes, and costs only what it lacks."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.bands import BAND_NAMES
from model_core.errors import OutputError
from model_core.grid import TileGrid
from model_core.reroute import RerouteRequest, reroute
from model_core.reroute_plan import Change
from model_core.routing_table import read_table
from model_core.rundir import files_of, read_run
from tests.core.conftest import UTM_10M
from tests.core.fakes import ALL, FakeModel, by_content, digital, run
from tests.core.test_mask_run import write_mask, write_scene

NAMES = tuple(spec.name for spec in ALL)
ONE, TWO = {"policy": "top-k", "top_k": 1}, {"policy": "top-k", "top_k": 2}


class Counting(FakeModel):
    """Keeps which tiles were encoded and decoded, known by their first pixel."""

    def __init__(self) -> None:
        super().__init__(ALL, scores=by_content(4))
        self.seen: list[bytes] = []
        self.pairs: list[tuple[str, bytes]] = []

    def encode(self, reflectance, available, valid):
        self.seen += [one.tobytes() for one in reflectance]
        return super().encode(reflectance, available, valid)

    def decode(self, name, picks, **options):
        self.pairs += [(name, features[0][n].tobytes()) for features, index in picks for n in index]
        return super().decode(name, picks, **options)


def again(folder: Path, model: FakeModel, heard: list[dict] | None = None, **policy: Any) -> dict[str, Any]:
    """Reroute with a fake model; `cancelled` goes to reroute, the rest into the request."""
    stop = {"cancelled": policy.pop("cancelled")} if "cancelled" in policy else {}
    request = RerouteRequest(str(folder), **policy)
    tell = (heard if heard is not None else []).append
    return reroute(request, tell, load_model=lambda path, **options: model, **stop)


def files(folder: Path) -> dict[str, bytes]:
    """Every byte of a run but run.json's."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}


def story(folder: Path) -> dict[str, Any]:
    """What run.json tells but times, folders and the history of its making."""
    found = read_run(folder)
    for part in ("created", "seconds", "command", "request", "reroutes"):
        del found[part]
    for expert in found["experts"]:
        del expert["seconds"]
    return found


def same(scene: str, folder: Path, before: dict, after: dict, **options: Any) -> dict[str, Any]:
    """Reroute a run and compare it with a new one; the summary."""
    run(scene, folder / "run", Counting(), **before, **options)
    options.pop("decode", None)
    run(scene, folder / "fresh", Counting(), **after, **options)
    model = Counting()
    summary = again(folder / "run", model, **after)
    assert files(folder / "run") == files(folder / "fresh")
    assert story(folder / "run") == story(folder / "fresh")
    assert summary == read_run(folder / "run")
    told = summary["reroutes"][-1]
    assert told["encoded"] == len(model.seen) and told["decoded"] == len(model.pairs)
    assert len(set(model.pairs)) == len(model.pairs), "a tile was decoded twice"
    return summary


@pytest.fixture
def scene_file(make_raster) -> str:
    """Three rows of blocks, tiles without data, a few odd pixels."""
    array = (digital(170, 600) * np.linspace(1.0, 0.3, 170)[None, None] + 1).astype(np.float32) / 10000
    array[:, 200:300, :90] = -9999
    array[3, ::97, ::13] = -0.01
    array[5, ::101, 7] = np.nan
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=-9999)


MOVES = {
    "one more": (ONE, TWO),
    "one less": (TWO, ONE),
    "from the threshold to top-k": ({}, TWO),
    "a threshold up": ({}, {"thresholds": {"green": 0.9}}),
    "a threshold down": ({"thresholds": {"bright": 0.95}}, {"thresholds": {"bright": 0.1}}),
    "recall serves every tile": ({"top_k": 1}, {"policy": "recall", "miss_rate": 0.1}),
    "back from recall": ({"policy": "recall"}, {"top_k": 4}),
    "none is left": ({}, {"thresholds": dict.fromkeys(NAMES, 1.0)}),
    "from none": ({"thresholds": dict.fromkeys(NAMES, 1.0)}, {}),
}


@pytest.mark.parametrize("move", MOVES)
def test_every_byte_is_that_of_a_new_run(scene_file: str, tmp_path: Path, move: str) -> None:
    before, after = MOVES[move]
    summary = same(scene_file, tmp_path, before, after)
    told = summary["reroutes"][-1]
    assert told["added"] + told["dropped"] > 0


@pytest.mark.parametrize("overlap", [0, 3, 16])
def test_whatever_the_overlap(scene_file: str, tmp_path: Path, overlap: int) -> None:
    same(scene_file, tmp_path, {}, TWO, overlap=overlap)


def test_with_uncertainty(scene_file: str, tmp_path: Path) -> None:
    summary = same(scene_file, tmp_path, ONE, TWO, uncertainty=True)
    assert [expert["uncertainty_band"] for expert in summary["experts"]] == [None, 2, 2, None]


def test_with_a_mask_an_extent_and_some_of_the_experts(scene_file: str, tmp_path: Path) -> None:
    with rasterio.open(scene_file) as raster:
        west, south, east, north = raster.bounds
    circle = shapely.Point((west + east) / 2, (south + north) / 2).buffer(900)
    mask = write_mask(tmp_path / "mask.gpkg", [circle.difference(circle.buffer(-300))])
    extent = (west + 105, south + 505, east - 5, north - 305)
    same(scene_file, tmp_path, ONE, TWO, mask=mask, extent=extent, experts=("bright", "metres", "identity"))


def test_a_raster_smaller_than_a_tile(make_raster, tmp_path: Path) -> None:
    scene = make_raster("small.tif", digital(20, 25), descriptions=BAND_NAMES)
    same(scene, tmp_path, ONE, {"policy": "top-k", "top_k": 3})


def test_scores_only_then_decoded(scene_file: str, tmp_path: Path) -> None:
    summary = same(scene_file, tmp_path, {}, TWO, decode=False)
    assert summary["decoded"] and summary["request"]["decode"] and "hydranet predict" in summary["command"]
    told = summary["reroutes"][0]
    assert told["added"] == told["decoded"] == sum(expert["tiles"] for expert in summary["experts"])


def test_there_and_back_again(scene_file: str, tmp_path: Path) -> None:
    first = run(scene_file, tmp_path / "run", Counting(), **ONE)
    bytes_then, story_then = files(tmp_path / "run"), story(tmp_path / "run")
    again(tmp_path / "run", Counting(), policy="recall", miss_rate=0.2)
    last = again(tmp_path / "run", Counting(), **ONE)
    assert files(tmp_path / "run") == bytes_then and story(tmp_path / "run") == story_then
    assert last["created"] == first["created"] and last["request"] == first["request"]
    assert last["command"] == first["command"] and last["seconds"]["total"] == first["seconds"]["total"]
    there, back = last["reroutes"]
    assert (there["policy"]["kind"], back["policy"]["kind"]) == ("top-k", "recall")
    assert (there["added"], there["dropped"]) == (back["dropped"], back["added"])


def test_the_cost_is_told_as_it_was(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", Counting())
    model = Counting()
    summary = again(tmp_path / "run", model, thresholds={"green": 0.9})
    told = summary["reroutes"][0]
    costs = {expert["name"]: expert["macs_per_tile"] for expert in summary["experts"]}
    assert {name for name, _ in model.pairs} <= {"green", "bright", "identity", "metres"}
    assert told["macs"] == len(model.seen) * 1010 + sum(costs[name] for name, _ in model.pairs)
    assert told["seconds"] > 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_only_what_is_missing_or_shares_a_seam_is_decoded(data: st.DataObject) -> None:
    """The definition, written down pair by pair."""
    width, height = data.draw(st.integers(5, 90)), data.draw(st.integers(5, 90))
    grid = TileGrid(width, height, 16, data.draw(st.integers(0, 8)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    old, new = (rng.random((len(grid.tiles), 3)) < rng.random() for _ in range(2))
    change = Change(grid, old, new)
    for expert in range(3):
        region = np.zeros((height, width), dtype=bool)
        for tile in grid.tiles:
            if old[tile.index, expert] != new[tile.index, expert]:
                region[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = True
        for tile in grid.tiles:
            meets = region[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width].any()
            assert change.decode[tile.index, expert] == (new[tile.index, expert] and meets)
    assert np.array_equal(change.encode, change.decode.any(axis=1))


def test_each_expert_is_called_for_those_and_the_encoder_for_their_union(
    scene_file: str, tmp_path: Path
) -> None:
    before = run(scene_file, tmp_path / "run", Counting(), thresholds={"green": 0.8})
    shutil.copytree(tmp_path / "run", tmp_path / "was")
    after = run(scene_file, tmp_path / "fresh", fresh := Counting(), thresholds={"green": 0.83})
    model = Counting()
    told = again(tmp_path / "run", model, thresholds={"green": 0.83})["reroutes"][0]
    count = Counter(name for name, _ in model.pairs)
    assert set(model.pairs) <= set(fresh.pairs)
    grid = TileGrid(170, 600, 32, 8)
    old, new = (
        read_table(tmp_path / name / "routing.gpkg", grid.tiles, NAMES).chosen for name in ("was", "fresh")
    )
    wanted = Change(grid, old, new)
    assert count == Counter(dict(zip(NAMES, wanted.decode.sum(axis=0).tolist(), strict=True)))
    assert len(model.seen) == wanted.encode.sum()
    assert len(model.seen) == len({tile for _, tile in model.pairs})
    assert 0 < told["encoded"] < after["tiles"]["routed"] / 2, "the change is small, so is the work"
    lost = before["experts"][2]["tiles"] - after["experts"][2]["tiles"]
    assert lost > 0 and count["green"] > 0 and sum(count.values()) == told["decoded"]


def test_files_that_nothing_changes_are_not_touched(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", Counting(), top_k=4)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    (tmp_path / "run" / "metres.tif.aux.xml").write_text("statistics")
    (tmp_path / "run" / "green.tif.aux.xml").write_text("statistics")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    again(tmp_path / "run", Counting(), top_k=4, thresholds={"green": 0.9})
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    kept = {name for name, stamp in after.items() if before.get(name) == stamp}
    assert kept == {f"{name}.{end}" for name in ("identity", "bright", "metres") for end in ("tif", "qml")}
    assert "metres.tif.aux.xml" in after and "notes.txt" in after
    assert "green.tif.aux.xml" not in after, "statistics of the older raster"


def test_an_expert_that_ends_with_no_tile_loses_its_file(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", Counting(), top_k=4)
    model = Counting()
    summary = again(tmp_path / "run", model, top_k=4, thresholds={"green": 1.0})
    assert not (tmp_path / "run" / "green.tif").exists() and not (tmp_path / "run" / "green.qml").exists()
    assert sorted(files_of(summary)) == sorted(path.name for path in (tmp_path / "run").iterdir())
    assert model.seen == [] and summary["reroutes"][0]["decoded"] == 0


def test_only_reasons_change(scene_file: str, tmp_path: Path) -> None:
    """The same pairs under another name: no tile is read, but table and run.json tell the new policy."""
    run(scene_file, tmp_path / "run", Counting(), policy="threshold", thresholds=dict.fromkeys(NAMES, 0.0))
    run(scene_file, tmp_path / "fresh", Counting(), **TWO)
    model, heard = Counting(), []
    before = files(tmp_path / "run")
    again(tmp_path / "run", model, heard, **TWO)
    assert model.seen == [] and any("no expert was run" in event.get("message", "") for event in heard)
    assert files(tmp_path / "run") == files(tmp_path / "fresh") != before


def test_the_same_policy_is_no_work(scene_file: str, tmp_path: Path) -> None:
    first = run(scene_file, tmp_path / "run", Counting(), **TWO)
    stamps = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    heard: list[dict] = []
    assert again(tmp_path / "run", Counting(), heard, **TWO) == first
    assert [event["event"] for event in heard] == ["log", "finished"]
    assert stamps == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}


def test_events_tell_the_story(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", Counting(), **ONE)
    heard: list[dict] = []
    summary = again(tmp_path / "run", Counting(), heard, **TWO)
    told = [event for event in heard if event["event"] != "log"]
    assert [told[0]["event"], told[-1]["event"]] == ["started", "finished"]
    assert told[0]["total_tiles"] == summary["reroutes"][0]["encoded"]
    done = [event["done"] for event in told if event["event"] == "progress"]
    assert done == sorted(done) and done[-1] == told[0]["total_tiles"]
    assert told[-1]["summary"] == summary == json.loads((tmp_path / "run" / "run.json").read_text())


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["threshold", "top-k", "recall"]))
    if kind == "recall":
        return {"policy": kind, "miss_rate": draw(st.floats(0.01, 0.5))}
    chosen = draw(st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1))) if kind == "threshold" else None
    return {"policy": kind, "top_k": draw(st.integers(1, 4)), "thresholds": chosen}


@settings(max_examples=15, deadline=None)
@given(
    width=st.integers(20, 150), height=st.integers(20, 560), overlap=st.integers(0, 16),
    first=policies(), then=st.lists(policies(), min_size=1, max_size=3), decode=st.booleans(),
    ring=st.none() | st.floats(5.0, 60.0), uncertainty=st.booleans(),
)  # fmt: skip
def test_any_chain_of_policies(width, height, overlap, first, then, decode, ring, uncertainty) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = write_scene(folder / "scene.tif", width, height)
        options: dict[str, Any] = {"overlap": overlap, "radiometry": "0.0001,0"}
        options["uncertainty"] = uncertainty and decode
        if ring is not None:
            x, y = UTM_10M * (width / 2, height / 2)
            outer = shapely.Point(x, y).buffer(ring * 10)
            options["mask"] = write_mask(folder / "mask.gpkg", [outer.difference(outer.buffer(-50))])
        run(scene, folder / "run", Counting(), decode=decode, **first, **options)
        for policy in then:
            again(folder / "run", Counting(), **policy)
        run(scene, folder / "fresh", Counting(), **then[-1], **options)
        assert files(folder / "run") == files(folder / "fresh")
        assert story(folder / "run") == story(folder / "fresh")


def test_what_is_only_known_at_the_end_is_said_as_by_a_new_run(scene_file: str, tmp_path: Path) -> None:
    none: dict[str, Any] = {"thresholds": dict.fromkeys(NAMES, 1.0)}
    run(scene_file, tmp_path / "run", Counting())
    fresh: list[dict] = []
    heard: list[dict] = []
    run(scene_file, tmp_path / "fresh", Counting(), fresh, **none)
    again(tmp_path / "run", Counting(), heard, **none)
    said = [
        [event["message"] for event in events if event.get("level") == "warning"] for events in (fresh, heard)
    ]
    assert said[0] == said[1] and any("No tile was routed" in message for message in said[1])


def test_another_precision_is_refused(scene_file: str, tmp_path: Path) -> None:
    """Its scores are too close to those of the run to tell, and a raster would hold values of both."""
    run(scene_file, tmp_path / "run", Counting(), **ONE)
    before, model = files(tmp_path / "run"), Counting()
    model.precision = "bf16"
    with pytest.raises(OutputError, match="was computed in fp32, and would be changed in bf16"):
        again(tmp_path / "run", model, **TWO)
    assert files(tmp_path / "run") == before and model.seen == []


EDITS = {
    "a tile taken from its experts": ("UPDATE tiles SET chosen = NULL WHERE row = 2", "sends other tiles"),
    "a column of another type": (
        "ALTER TABLE tiles RENAME COLUMN chosen TO was; ALTER TABLE tiles ADD COLUMN chosen INTEGER; "
        "UPDATE tiles SET chosen = 4",
        "other tiles or experts",
    ),
    "bytes that are no text": ("UPDATE tiles SET reason = CAST(x'ac64' AS TEXT)", "cannot be read"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_table_that_somebody_edited_is_refused(scene_file: str, tmp_path: Path, edit: str) -> None:
    """It would leave pixels of tiles in the rasters that nobody knows to be there."""
    run(scene_file, tmp_path / "run", Counting(), **TWO)
    with contextlib.closing(sqlite3.connect(tmp_path / "run" / "routing.gpkg")) as table, table:
        for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):  # of the table's triggers
            table.create_function(name, 1, lambda _geometry: 0)
        table.executescript(EDITS[edit][0])
    before = files(tmp_path / "run")
    with pytest.raises(OutputError, match=EDITS[edit][1]):
        again(tmp_path / "run", Counting(), **ONE)
    assert files(tmp_path / "run") == before
