"""Which experts a tile goes to: the rules hold for any scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.errors import RequestError
from model_core.routing import (
    NOT_REQUESTED,
    OUTSIDE_RESOLUTION,
    POLICIES,
    Policy,
    decide,
    effective_thresholds,
)
from model_core.spec import ExpertSpec

WHY = st.sampled_from([None, None, None, OUTSIDE_RESOLUTION, NOT_REQUESTED])


@st.composite
def cases(draw: st.DrawFn):
    tiles, experts = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    # Few distinct values, so that ties and scores equal to a threshold are common.
    value = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5, 0.75, 1.0])
    scores = np.array(draw(st.lists(value, min_size=tiles * experts, max_size=tiles * experts)), np.float32)
    thresholds = np.array(draw(st.lists(value, min_size=experts, max_size=experts)))
    eligible = draw(st.lists(WHY, min_size=experts, max_size=experts))
    has_data = np.array(draw(st.lists(st.booleans(), min_size=tiles, max_size=tiles)))
    policy = Policy(draw(st.sampled_from(POLICIES)), draw(st.integers(1, experts)))
    outside = draw(st.none() | st.lists(st.booleans(), min_size=tiles, max_size=tiles).map(np.array))
    return scores.reshape(tiles, experts), thresholds, eligible, has_data, policy, outside


@given(cases())
def test_the_rules(case) -> None:
    scores, thresholds, eligible, has_data, policy, outside = case
    masked = np.zeros(len(scores), bool) if outside is None else outside
    limit = len(eligible) if policy.kind == "recall" else policy.k
    above, below = {
        "threshold": ("above threshold", "below threshold"),
        "recall": ("above recall threshold", "below recall threshold"),
        "top-k": (None, None),
    }[policy.kind]
    routing = decide(*case)
    for tile in range(len(scores)):
        chosen = routing.chosen(tile)
        alive = has_data[tile] and not masked[tile]
        usable = [e for e, why in enumerate(eligible) if why is None and alive]
        if policy.kind != "top-k":
            usable = [e for e in usable if scores[tile, e] >= thresholds[e]]
        # The k strongest of the usable, equals in the experts' order: said here in another way.
        assert chosen == sorted(usable, key=lambda e: (-scores[tile, e], e))[:limit]
        assert [routing.rank[tile, e] for e in chosen] == list(range(1, len(chosen) + 1))
        for expert, why in enumerate(eligible):
            text = routing.reason_text(tile, expert)
            if masked[tile]:
                assert text == "outside mask"
            elif not has_data[tile]:
                assert text == "no data"
            elif why is not None:
                assert text == why
            elif expert in chosen:
                rank = chosen.index(expert) + 1
                assert text == (above or f"top-{rank}")
            elif expert in usable:
                assert text == "cut by k" and len(chosen) == policy.k and policy.kind != "recall"
            else:
                assert below is not None and text == below
        outcome = routing.tile_text(tile)
        assert (outcome == "routed") == bool(chosen)
        assert (outcome == "outside mask") == masked[tile]
        assert (outcome == "no data") == (not has_data[tile] and not masked[tile])
        if alive and not chosen:
            could = any(why is None for why in eligible)
            assert outcome == f"abstained: {f'all {below}' if could else 'no expert can serve this scene'}"
    for expert in range(len(eligible)):
        tiles = routing.tiles_of(expert)
        assert tiles == [t for t in range(len(scores)) if expert in routing.chosen(t)]


def test_scores_of_empty_tiles_may_be_anything() -> None:
    scores = np.array([[np.nan, np.nan], [0.9, 0.2]], dtype=np.float32)
    routing = decide(scores, [0.5, 0.5], [None, None], np.array([False, True]), Policy("top-k", 2))
    assert routing.chosen(0) == [] and routing.chosen(1) == [0, 1]


def test_a_score_at_its_threshold_is_in() -> None:
    # 0.3 as float32 is above 0.3 as float64; 0.7 is below: both count as equal.
    scores = np.array([[0.3, 0.7]], dtype=np.float32)
    routing = decide(scores, [0.3, 0.7], [None, None], np.array([True]), Policy("threshold", 2))
    assert routing.chosen(0) == [1, 0]


def test_a_tile_that_no_expert_may_serve_says_so() -> None:
    scores = np.array([[0.9]], dtype=np.float32)
    routing = decide(scores, [0.5], [OUTSIDE_RESOLUTION], np.array([True]), Policy("top-k", 1))
    assert routing.tile_text(0) == "abstained: no expert can serve this scene"


@pytest.mark.parametrize(
    ("kind", "k"), [("best", 1), ("threshold", 0), ("top-k", -1), ("top-k", True), ("top-k", 1.5)]
)
def test_a_policy_that_cannot_be(kind: str, k: object) -> None:
    with pytest.raises(RequestError):
        Policy(kind, k)


def test_k_beyond_the_experts_is_refused() -> None:
    with pytest.raises(RequestError, match="top_k is 3, but the model has 2 experts; use 1 to 2"):
        decide(np.zeros((1, 2)), [0.5, 0.5], [None, None], np.array([True]), Policy("top-k", 3))


def test_equals_keep_their_order_in_a_large_model_too() -> None:
    """Sorting is only stable by chance for few experts."""
    scores = np.full((1, 60), 0.5, np.float32)
    routing = decide(scores, [0.5] * 60, [None] * 60, np.array([True]), Policy("top-k", 60))
    assert routing.chosen(0) == list(range(60))


NEEDED = st.lists(st.floats(0.0, 1.0, width=32), max_size=40).map(lambda values: tuple(sorted(values)))


@st.composite
def bundles(draw: st.DrawFn):
    needed = draw(st.lists(NEEDED, min_size=1, max_size=4))
    experts = [ExpertSpec(f"e{i}", "", "density", 1, needed_scores=row) for i, row in enumerate(needed)]
    # Scores of calibration tiles among them: a tile scored just as one of those must be served alike.
    value = st.sampled_from([0.5, *(score for row in needed for score in row)])
    count = 3 * len(experts)
    scores = np.array(draw(st.lists(value, min_size=count, max_size=count)), np.float32)
    return experts, scores.reshape(3, len(experts))


@given(bundles(), st.integers(1, 99), st.integers(1, 99))
def test_who_allows_fewer_misses_is_served_no_less(bundle, one, other) -> None:
    experts, scores = bundle

    def served(percent: int) -> np.ndarray:
        policy = Policy("recall", 1, percent / 100)
        limits, _ = effective_thresholds(experts, policy)
        return decide(scores, limits, [None] * len(experts), np.ones(3, bool), policy).rank > 0

    strict, loose = served(min(one, other)), served(max(one, other))
    assert (strict | loose == strict).all()


def test_the_thresholds_of_each_policy() -> None:
    ladder = tuple(number / 20 for number in range(1, 20))
    experts = [
        ExpertSpec("many", "", "density", 1, threshold=0.7, needed_scores=ladder),
        ExpertSpec("few", "", "density", 1, threshold=0.6, needed_scores=ladder[:9]),
        ExpertSpec("none", "", "density", 1, threshold=0.5),
    ]
    for kind in ("threshold", "top-k"):
        limits, notes = effective_thresholds(experts, Policy(kind))
        assert limits.tolist() == [0.7, 0.6, 0.5] and notes == []
    limits, notes = effective_thresholds(experts, Policy("recall", miss_rate=0.1))
    assert limits.tolist() == [0.1, 0.05, 0.0]  # the second lowest of 19, the lowest of 9
    assert notes == [
        "To miss at most 10 % of the tiles that need an expert takes 9 calibration tiles that need it; "
        "there are fewer for none (0), so every tile goes there."
    ]
    limits, notes = effective_thresholds(experts, Policy("recall", miss_rate=0.05))
    assert limits.tolist() == [0.05, 0.0, 0.0]
    assert len(notes) == 1 and "takes 19" in notes[0] and "fewer for few (9), none (0), so" in notes[0]
    _, notes = effective_thresholds(experts, Policy("recall"), [None, NOT_REQUESTED, OUTSIDE_RESOLUTION])
    assert notes == []  # nobody runs them, so nobody need know


def test_an_expert_without_calibration_tiles_serves_every_tile() -> None:
    experts = [ExpertSpec("none", "", "density", 1, threshold=0.9)]
    policy = Policy("recall", k=2)  # more than there are experts: recall does not mind
    limits, _ = effective_thresholds(experts, policy)
    routing = decide(np.zeros((2, 1), np.float32), limits, [None], np.ones(2, bool), policy)
    assert routing.chosen(0) == routing.chosen(1) == [0]
    assert routing.reason_text(0, 0) == "above recall threshold"


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan"), float("inf"), True, "0.05", None])
def test_a_miss_rate_that_cannot_be(rate: object) -> None:
    with pytest.raises(RequestError, match="miss_rate is .*above 0 and below 1"):
        Policy("recall", 1, rate)
