"""Which experts a tile goes to: the rules hold for any scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.errors import RequestError
from model_core.routing import NOT_REQUESTED, OUTSIDE_RESOLUTION, Policy, decide

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
    policy = Policy(draw(st.sampled_from(["threshold", "top-k"])), draw(st.integers(1, experts)))
    return scores.reshape(tiles, experts), thresholds, eligible, has_data, policy


@given(cases())
def test_the_rules(case) -> None:
    scores, thresholds, eligible, has_data, policy = case
    routing = decide(*case)
    for tile in range(len(scores)):
        chosen = routing.chosen(tile)
        usable = [e for e, why in enumerate(eligible) if why is None and has_data[tile]]
        if policy.kind == "threshold":
            usable = [e for e in usable if scores[tile, e] >= thresholds[e]]
        # The k strongest of the usable, equals in the experts' order: said here in another way.
        assert chosen == sorted(usable, key=lambda e: (-scores[tile, e], e))[: policy.k]
        assert [routing.rank[tile, e] for e in chosen] == list(range(1, len(chosen) + 1))
        for expert, why in enumerate(eligible):
            text = routing.reason_text(tile, expert)
            if not has_data[tile]:
                assert text == "no data"
            elif why is not None:
                assert text == why
            elif expert in chosen:
                rank = chosen.index(expert) + 1
                assert text == ("above threshold" if policy.kind == "threshold" else f"top-{rank}")
            elif expert in usable:
                assert text == "cut by k" and len(chosen) == policy.k
            else:
                assert text == "below threshold" and policy.kind == "threshold"
        assert (routing.tile_text(tile) == "routed") == bool(chosen)
        assert (routing.tile_text(tile) == "no data") == (not has_data[tile])
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
