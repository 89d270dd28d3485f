"""What another policy would decide: as `model_core` decides, and at what cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hydranet_qgis import what_if, what_if_grid
from hydranet_qgis.run_folder import Run, RunExpert, read_run
from hydranet_qgis.tile_records import TileRecord, read_tiles
from hydranet_qgis.what_if import Policy, WhatIf, policy_of
from model_core import conformal, grid, reroute_plan, routing
from tests.qgis.fake_worker import fake_run

# Few values, so that scores are often equal to one another and to thresholds.
SCORES = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0])


WHY = st.sampled_from([None, None, routing.NOT_REQUESTED])


@st.composite
def cases(draw: Any) -> dict[str, Any]:
    """Tiles and experts, and a policy for them."""
    count, experts = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    return {
        "scores": draw(arrays.arrays(np.float32, (count, experts), elements=SCORES.map(np.float32))),
        "alive": draw(arrays.arrays(bool, count)),
        "why": draw(st.lists(WHY, min_size=experts, max_size=experts)),
        "thresholds": draw(st.lists(SCORES, min_size=experts, max_size=experts)),
        "needed": draw(
            st.lists(st.lists(SCORES, max_size=30), min_size=experts, max_size=experts)
        ),
        "kind": draw(st.sampled_from(what_if.POLICIES)),
        "k": draw(st.integers(1, experts)),
        "miss_rate": draw(st.sampled_from([0.05, 0.1, 1 / 3, 0.5])),
    }  # fmt: skip


@given(cases())
def test_it_decides_as_the_model_does(case: dict[str, Any]) -> None:
    policy = Policy(case["kind"], case["k"], case["miss_rate"])
    experts = [
        _expert(f"e{n}", threshold=t, needed=needed)
        for n, (t, needed) in enumerate(zip(case["thresholds"], case["needed"], strict=True))
    ]
    limits = what_if.effective_thresholds(experts, policy)
    usable = [why is None for why in case["why"]]
    mine = what_if.decide(case["scores"], limits, usable, case["alive"], policy)

    true_limits = np.array(case["thresholds"])
    if case["kind"] == "recall":
        true_limits = [conformal.recall_threshold(needed, case["miss_rate"]) for needed in case["needed"]]
    true_policy = routing.Policy(policy.kind, policy.k, policy.miss_rate)
    theirs = routing.decide(case["scores"], true_limits, case["why"], case["alive"], true_policy)
    assert np.array_equal(mine, theirs.rank)


@given(st.lists(SCORES, max_size=60), st.floats(0.001, 0.999))
def test_the_recall_threshold_is_the_models(needed: list[float], miss_rate: float) -> None:
    assert what_if.recall_threshold(needed, miss_rate) == conformal.recall_threshold(needed, miss_rate)


def test_a_score_that_equals_its_threshold_is_in() -> None:
    # 0.7 in single precision is less than 0.7.
    scores = np.array([[0.7, 0.7]], dtype=np.float32)
    rank = what_if.decide(scores, [0.7, 0.700001], [True, True], np.array([True]), Policy("threshold", 2))
    assert rank.tolist() == [[1, 0]]


@st.composite
def grids(draw: Any) -> tuple[grid.TileGrid, np.ndarray, np.ndarray]:
    """A raster's tiles, and which pairs were decoded and should be."""
    size = draw(st.integers(2, 12))
    made = grid.TileGrid(
        draw(st.integers(1, 60)), draw(st.integers(1, 60)), size, draw(st.integers(0, size // 2))
    )
    shape = (len(made.tiles), 2)
    seed = np.random.default_rng(draw(st.integers(0, 1000)))
    return made, seed.random(shape) < 0.3, seed.random(shape) < 0.3


@given(grids())
def test_windows_meet_where_the_models_do(case: tuple[grid.TileGrid, np.ndarray, np.ndarray]) -> None:
    made, old, new = case
    mine = what_if_grid.Grid(made.width, made.height, made.size, made.overlap)
    row = np.array([tile.row for tile in made.tiles])
    col = np.array([tile.col for tile in made.tiles])
    change = reroute_plan.Change(made, old, new)
    assert np.array_equal(new & mine.touched(old ^ new, row, col), change.decode)
    assert what_if_grid.positions(made.width, made.size, made.overlap) == [
        tile.x for tile in made.row_tiles(0)
    ]


@pytest.mark.parametrize(
    "broken", [None, {}, {"tile": 0, "overlap": 0}, {"tile": 8, "overlap": 6}, {"tile": "x", "overlap": 0}]
)
def test_a_run_without_a_sound_grid_has_none(broken: Any, tmp_path: Path) -> None:
    told = {"scene": {"width": 5, "height": 5}, "grid": broken}
    (tmp_path / "run.json").write_text(json.dumps(told))
    assert what_if_grid.grid_of(tmp_path) is None
    assert what_if_grid.grid_of(tmp_path / "nowhere") is None


def test_its_own_policy_changes_nothing(run: Run) -> None:
    change = WhatIf(run, read_tiles(run)).change(policy_of(run))
    assert change.tiles == frozenset()
    assert (change.added, change.dropped, change.seams, change.encode, change.macs) == (0, 0, 0, 0, None)


@pytest.mark.parametrize(("kind", "k"), [("threshold", 1), ("threshold", 3), ("top-k", 2), ("top-k", 1)])
def test_it_foresees_what_a_new_run_would_do(
    run: Run, scene: Path, tmp_path: Path, kind: str, k: int
) -> None:
    tiles = read_tiles(run)
    change = WhatIf(run, tiles).change(Policy(kind, k))
    fake_run.write_run(tmp_path / "other", {"input": str(scene), "policy": kind, "top_k": k})
    other = read_tiles(read_run(tmp_path / "other"))
    before = {tile.index: set(tile.chosen) for tile in tiles}
    after = {tile.index: set(tile.chosen) for tile in other}
    assert change.tiles == {index for index in before if before[index] != after[index]}
    for expert in change.experts:
        added = sum(expert.name in after[i] and expert.name not in before[i] for i in before)
        dropped = sum(expert.name in before[i] and expert.name not in after[i] for i in before)
        assert (expert.added, expert.dropped) == (added, dropped)
        assert expert.after == sum(expert.name in chosen for chosen in after.values())


def test_of_a_run_of_scores_everything_chosen_is_missing(run: Run) -> None:
    scores_only = replace(run, decoded=False)
    tiles = read_tiles(run)
    change = WhatIf(scores_only, tiles).change(policy_of(scores_only))
    assert change.added == sum(len(tile.chosen) for tile in tiles)
    assert change.tiles == {tile.index for tile in tiles if tile.chosen}
    assert (change.dropped, change.seams) == (0, 0)


def test_neighbours_that_share_a_seam_are_decoded_again(tmp_path: Path) -> None:
    # Four tiles in a row, each sharing pixels with the next; the second gets the expert too.
    run, tiles = _strip(tmp_path, [0.9, 0.4, 0.9, 0.9])
    change = WhatIf(run, tiles).change(Policy("threshold", 1, thresholds={"a": 0.4}))
    assert change.tiles == {1}
    (only,) = change.experts
    assert (only.before, only.after, only.added, only.seams) == (3, 4, 1, 2)
    assert change.encode == 3


def test_a_dropped_tile_has_its_neighbours_decoded_again(tmp_path: Path) -> None:
    run, tiles = _strip(tmp_path, [0.9, 0.6, 0.9, 0.9])
    change = WhatIf(run, tiles).change(Policy("threshold", 1, thresholds={"a": 0.7}))
    (only,) = change.experts
    assert (only.added, only.dropped, only.seams, change.encode) == (0, 1, 2, 2)


def test_costs_follow_from_the_runs_own_figures(tmp_path: Path) -> None:
    run, tiles = _strip(tmp_path, [0.9, 0.4, 0.9, 0.9])
    change = WhatIf(run, tiles).change(Policy("threshold", 1, thresholds={"a": 0.4}))
    # 3 tiles encoded at 100 + 10, 3 decoded at 50; seconds 0.2 and 0.1 per tile.
    assert change.macs == 3 * 110 + 3 * 50
    assert change.seconds == pytest.approx(3 * 0.2 + 3 * 0.1)
    assert change.macs_before == 4 * 110 + 3 * 50
    assert change.macs_after == 4 * 110 + 4 * 50
    assert change.saved_before == pytest.approx(1 - (440 + 150) / (440 + 200))
    assert change.saved_after == pytest.approx(0.0)


def test_an_expert_that_never_ran_is_as_fast_per_operation_as_the_others(tmp_path: Path) -> None:
    run, tiles = _strip(tmp_path, [0.9, 0.4, 0.9, 0.9])
    idle = replace(run.experts[0], name="b", macs=200, tiles=0, seconds=0.0)
    wider = replace(run, experts=(*run.experts, idle))
    both = [replace(tile, scores=(tile.scores[0], 0.45)) for tile in tiles]
    change = WhatIf(wider, both).change(Policy("threshold", 2, thresholds={"b": 0.4}))
    assert change.experts[1].added == 4
    assert change.seconds == pytest.approx(4 * 0.2 + 4 * 0.4)


def test_of_scores_only_the_encoder_tells_the_pace(tmp_path: Path) -> None:
    run, tiles = _strip(tmp_path, [0.9, 0.4, 0.9, 0.9])
    idle = replace(run, decoded=False, experts=(replace(run.experts[0], tiles=3, seconds=0.0),))
    change = WhatIf(idle, tiles).change(policy_of(idle))
    assert change.seconds == pytest.approx(3 * 0.2 + 3 * 50 * 0.2 / 110)


def test_what_a_run_does_not_tell_is_not_guessed(tmp_path: Path) -> None:
    run, tiles = _strip(tmp_path, [0.9, 0.4, 0.9, 0.9])
    silent = replace(run, encoder_macs=None, encode_seconds=None)
    change = WhatIf(silent, tiles).change(Policy("threshold", 1, thresholds={"a": 0.4}))
    assert change.added == 1
    assert (change.macs, change.seconds, change.saved_before, change.saved_after) == (None,) * 4


def test_too_few_calibration_tiles_are_told(run: Run) -> None:
    experts = tuple(replace(e, needed_scores=(0.2,) * 25 if e.name == "water" else ()) for e in run.experts)
    change = WhatIf(replace(run, experts=experts), read_tiles(run)).change(Policy("recall", 1, 0.05))
    (note,) = change.notes
    assert "Burned area (0)" in note
    assert "Water" not in note
    assert "Roads" not in note  # it takes no part
    by_name = {expert.name: expert for expert in change.experts}
    assert by_name["burned"].after == run.encoded
    assert by_name["roads"].after == 0


def test_a_threshold_of_nothing_is_told(run: Run) -> None:
    change = WhatIf(run, read_tiles(run)).change(Policy("threshold", 1, thresholds={"water": 0.0}))
    assert change.notes == ("The threshold of Water is 0: any tile with data may go there.",)


def test_the_runs_own_policy_is_read(run: Run) -> None:
    assert policy_of(run) == Policy("threshold", 2)
    moved = tuple(replace(e, threshold=0.3) if e.name == "water" else e for e in run.experts)
    assert policy_of(replace(run, experts=moved)).thresholds == {"water": 0.3}
    assert policy_of(replace(run, policy="recall", miss_rate=0.1)) == Policy("recall", 5, 0.1)


def test_policies_are_alike_if_they_decide_alike() -> None:
    assert Policy("recall", 1, 0.1) == Policy("recall", 3, 0.1, {"a": 0.3})
    assert Policy("top-k", 2, 0.1) == Policy("top-k", 2, 0.3, {"a": 0.3})
    assert Policy("threshold", 2, 0.1, {"a": 0.3}) != Policy("threshold", 2, 0.1)
    assert Policy("threshold", 2) != Policy("top-k", 2)


def test_scores_are_counted_in_steps(run: Run) -> None:
    counts = WhatIf(run, read_tiles(run)).spread("water", 10)
    scores = [tile.scores[1] for tile in read_tiles(run) if tile.scores[1] is not None]
    assert sum(counts) == len(scores) == run.encoded
    assert counts[0] == sum(score < 0.1 for score in scores)


def test_a_run_without_tiles_changes_nothing(run: Run) -> None:
    assert WhatIf(run, []).change(Policy("top-k", 1)).tiles == frozenset()


def test_tiles_of_another_grid_do_not_stop_it(tmp_path: Path) -> None:
    run, tiles = _strip(tmp_path, [0.9, 0.2, 0.9, 0.2])
    strays = [replace(tile, row=50) for tile in tiles]
    change = WhatIf(run, strays).change(Policy("threshold", 1, thresholds={"a": 0.1}))
    assert change.tiles == {1, 3}
    assert change.seams == 0


def _expert(name: str, threshold: float = 0.5, needed: Sequence[float] = (), **more: Any) -> RunExpert:
    values = {"tiles": 0, "pixels": 0, "foreground": None, "output": None, "style": None, "skipped": None}
    return RunExpert(
        name=name, title=name, kind="classes", unit=None, classes=(), threshold=threshold,
        simulated=False, bundle_threshold=threshold, needed_scores=tuple(needed), **{**values, **more},
    )  # fmt: skip


def _strip(folder: Path, scores: list[float]) -> tuple[Run, list[TileRecord]]:
    """A run of four tiles side by side that share pixels, and one expert."""
    told = {"window": {"width": 8 * 3 + 10, "height": 10}, "grid": {"tile": 10, "overlap": 2}}
    (folder / "run.json").write_text(json.dumps(told))
    tiles = [
        TileRecord(n, 0, n, 1.0, (score,), ("a",) if score >= 0.5 else (), "routed", ("",), b"")
        for n, score in enumerate(scores)
    ]
    served = sum(score >= 0.5 for score in scores)
    run = Run(
        folder=folder, created="", scene="", crs_wkt=None,
        experts=(_expert("a", tiles=served, macs=50, seconds=0.1 * served),),
        total=4, empty=0, masked=0, abstained=4 - served, routed=served, saved=None, seconds=None,
        policy="threshold", top_k=1, warnings=(), facts=(), command="",
        encoder_macs=100, switcher_macs=10, encode_seconds=0.8,
    )  # fmt: skip
    return run, tiles
