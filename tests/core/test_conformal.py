"""The promise of conformal risk control, checked against its definition and by drawing tiles."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.conformal import least_tiles, recall_threshold

# Few distinct values beside any: ties are common.
SCORE = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0.0, 1.0, width=32))
SCORES = st.lists(SCORE, max_size=50)
PERCENT = st.integers(1, 99)


def promised(scores: list[float], threshold: float) -> Fraction:
    """n/(n+1) * R + 1/(n+1) of the paper, exactly."""
    n = len(scores)
    missed = sum(score < threshold for score in scores)
    return Fraction(n, n + 1) * Fraction(missed, n) + Fraction(1, n + 1) if n else Fraction(1)


@given(SCORES, PERCENT)
def test_it_is_the_largest_threshold_within_the_promise(scores, percent) -> None:
    found = recall_threshold(scores, percent / 100)
    allowed = Fraction(percent, 100)
    # Risk changes at the scores alone, so no threshold between two of them can do what they cannot.
    within = [score for score in scores if promised(scores, score) <= allowed]
    assert found == (max(within) if within else 0.0)
    higher = [score for score in scores if score > found]
    assert all(promised(scores, score) > allowed for score in higher)


@given(SCORES, PERCENT, PERCENT)
def test_a_stricter_promise_never_raises_the_threshold(scores, one, other) -> None:
    low, high = sorted((one, other))
    assert recall_threshold(scores, low / 100) <= recall_threshold(scores, high / 100)


@given(SCORES, PERCENT, st.randoms(use_true_random=False))
def test_neither_order_nor_scale_matters(scores, percent, random) -> None:
    rate = percent / 100
    found = recall_threshold(scores, rate)
    shuffled = scores.copy()
    random.shuffle(shuffled)
    assert recall_threshold(shuffled, rate) == found
    stretched = recall_threshold([10.0 * score**3 + score for score in scores], rate)
    assert stretched == 10.0 * found**3 + found  # 0 stays 0: too few tiles are too few on any scale


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.2, 1 / 3, 0.29, 0.5, 0.9])
def test_the_least_number_of_tiles(rate) -> None:
    least = least_tiles(rate)
    assert recall_threshold([0.7] * least, rate) == 0.7
    assert recall_threshold([0.7] * (least - 1), rate) == 0.0


def test_known_numbers() -> None:
    assert [least_tiles(rate) for rate in (0.05, 0.1, 0.2, 0.5)] == [19, 9, 4, 1]
    assert least_tiles(1e-320) > 1e9  # no overflow, no endless search
    ladder = [number / 100 for number in range(1, 100)]
    assert recall_threshold(ladder, 0.05) == 0.05  # 4 of 99 lie below: (4 + 1) / 100
    assert recall_threshold(ladder, 0.29) == 0.29  # 0.29 * 100 is below 29 as a float
    assert recall_threshold([], 0.5) == 0.0
    assert recall_threshold([0.4] * 19, 0.05) == 0.4  # equal scores: none of them is missed
    assert recall_threshold([0.1] * 3 + [0.9] * 16, 0.2) == 0.9  # 3 missed of 19: (3 + 1) / 20
    assert recall_threshold([0.1] * 4 + [0.9] * 15, 0.2) == 0.1  # a tie is missed whole or not at all


def independent(random, shape):
    return random.random(shape)


def tied(random, shape):
    return random.integers(0, 4, shape) / 4


def alike(random, shape):
    """Not independent, but exchangeable: every repetition has its own level."""
    return random.normal(random.normal(0, 3, (shape[0], 1)), 1, shape)


@pytest.mark.parametrize("draw", [independent, tied, alike])
@pytest.mark.parametrize(("n", "rate"), [(9, 0.1), (19, 0.05), (30, 0.05), (47, 0.2), (12, 0.05)])
def test_a_new_tile_is_missed_no_more_often_than_promised(draw, n, rate) -> None:
    repetitions = 20_000
    scores = draw(np.random.default_rng([n, round(100 * rate)]), (repetitions, n + 1))
    scores = 1 / (1 + np.exp(-scores))
    limits = np.array([recall_threshold(row[:n].tolist(), rate) for row in scores])
    missed = (scores[:, n] < limits).mean()
    noise = 4 * np.sqrt(rate * (1 - rate) / repetitions)
    assert missed <= rate + noise
    if draw is not tied:
        # No more careful than it must be: the share is known exactly where there are no ties.
        assert missed == pytest.approx(np.floor(round(rate * (n + 1), 9)) / (n + 1), abs=noise)
