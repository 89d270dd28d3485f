"""Scores of probabilities against scikit-learn and closed forms; uncertainty against its identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from model_core.evaluation import metrics
from model_core.evaluation.probabilities import BINS, as_scored, brier, divide, ece, entropy, nll, tally
from model_core.evaluation.ranking import auroc, auroc_figure, correlation
from model_core.evaluation.resampling import draws, interval, totals
from model_core.tasks import UNKNOWN, VEGETATION


def some(classes: int, pixels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probability = random.dirichlet(np.ones(classes), pixels).T
    return probability, random.integers(0, classes, pixels).astype(np.uint8)


@pytest.mark.parametrize("classes", [2, 4])
def test_scores_agree_with_scikit_learn_and_with_the_definition(classes):
    p, label = some(classes, 500)
    sums = tally(p, label)
    assert nll(sums) == pytest.approx(log_loss(label, p.T, labels=range(classes)), rel=1e-9)
    assert brier(sums) == pytest.approx(((p.T - np.eye(classes)[label]) ** 2).sum(1).mean(), rel=1e-9)
    top, right = p.max(0), p.argmax(0) == label
    by_hand = 0.0
    for low in np.arange(BINS) / BINS:
        inside = (top > low) & (top <= low + 1 / BINS)
        if inside.any():
            by_hand += inside.mean() * abs(top[inside].mean() - right[inside].mean())
    assert ece(sums) == pytest.approx(by_hand, rel=1e-9)


def test_known_cases():
    uniform = np.full((4, 8), 0.25)
    label = np.arange(8) % 4
    assert nll(tally(uniform, label)) == pytest.approx(math.log(4))
    assert brier(tally(uniform, label)) == pytest.approx(0.75)
    assert ece(tally(uniform, label)) == pytest.approx(
        0.0
    )  # a quarter is right (the first class), as it says
    sure = np.eye(4)[:, label]
    assert nll(tally(sure, label)) == brier(tally(sure, label)) == ece(tally(sure, label)) == 0
    wrong = tally(sure, (label + 1) % 4)
    assert brier(wrong) == 2 and ece(wrong) == 1
    assert nll(wrong) == pytest.approx(-math.log(1e-7))  # not infinite


def test_unknown_pixels_are_left_out_and_none_at_all_is_nan():
    p, label = some(3, 60)
    label[::3] = UNKNOWN
    known = label != UNKNOWN
    np.testing.assert_allclose(tally(p, label), tally(p[:, known], label[known]))
    assert tally(p, label)[0] == 40
    nothing = tally(p, np.full(60, UNKNOWN, np.uint8))
    assert all(math.isnan(score(nothing)) for score in (nll, brier, ece))


def test_a_calibrated_forecaster_has_no_calibration_error_and_a_boastful_one_has():
    random = np.random.default_rng(3)
    share = random.uniform(0.5, 1, 400_000)
    label = (random.random(400_000) > share).astype(np.uint8)  # class 0 as often as told
    assert ece(tally(np.stack([share, 1 - share]), label)) < 0.004
    boast = np.sqrt(share)
    gap = (boast - share).mean()
    assert ece(tally(np.stack([boast, 1 - boast]), label)) == pytest.approx(gap, abs=0.004)


def test_sums_add_up_over_pieces():
    p, label = some(4, 300)
    np.testing.assert_allclose(tally(p[:, :70], label[:70]) + tally(p[:, 70:], label[70:]), tally(p, label))


def test_vegetation_is_one_class_whose_probabilities_add_up():
    p, _ = some(5, 4)
    merged, label = as_scored("landcover", p, np.array([VEGETATION, 2, 4, UNKNOWN], np.uint8))
    assert label.tolist() == [1, 1, 3, UNKNOWN]
    np.testing.assert_allclose(merged, [p[0], p[1] + p[2], p[3], p[4]])
    assert as_scored("water", p, label)[0] is p


HEADS = st.tuples(st.integers(1, 6), st.integers(2, 5), st.floats(0.01, 20), st.integers(0, 10_000))


@given(HEADS)
def test_model_uncertainty_is_never_negative_and_the_parts_add_up(drawn):
    heads, classes, spread, seed = drawn
    logits = np.random.default_rng(seed).normal(0, spread, (heads, classes, 30))
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    parts = divide(p)
    assert (parts.model >= 0).all() and (parts.aleatoric >= -1e-12).all() and (parts.total <= 1 + 1e-9).all()
    np.testing.assert_allclose(parts.total, parts.aleatoric + parts.model)
    # The mutual information of answer and head, by its other form: mean KL divergence from the mean.
    mean = p.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / mean), 0.0)
    np.testing.assert_allclose(parts.model, terms.sum(1).mean(0) / np.log(classes), atol=1e-9)


@given(st.integers(1, 7), st.integers(2, 5), st.integers(0, 10_000))
def test_identical_heads_have_no_model_uncertainty(heads, classes, seed):
    p = np.random.default_rng(seed).dirichlet(np.ones(classes), 40).T
    parts = divide(np.repeat(p[None], heads, 0))
    np.testing.assert_allclose(parts.model, 0, atol=1e-12)
    np.testing.assert_allclose(parts.total, entropy(p) / np.log(classes))


def test_heads_that_are_sure_of_different_classes_have_nothing_but_model_uncertainty():
    heads = np.stack([np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])])
    parts = divide(heads)
    assert parts.aleatoric[0] == 0 and parts.model[0] == pytest.approx(1.0)


def test_auroc_by_hand_and_against_scikit_learn():
    assert auroc(np.array([1, 2, 3]), np.array([4, 5])) == 1
    assert auroc(np.array([4, 5]), np.array([1, 2, 3])) == 0
    assert auroc(np.array([1, 2]), np.array([1, 2])) == 0.5
    assert auroc(np.array([1.0, 2, 3]), np.array([2.0])) == pytest.approx(
        0.5
    )  # one below, one tie, one above
    assert math.isnan(auroc(np.array([]), np.array([1.0])))
    random = np.random.default_rng(1)
    low, high = random.integers(0, 20, 80), random.integers(5, 25, 50)
    truth = np.r_[np.zeros(80), np.ones(50)]
    assert auroc(low, high) == pytest.approx(roc_auc_score(truth, np.r_[low, high]))


def test_the_interval_of_an_auroc_draws_scenes():
    random = np.random.default_rng(2)
    ordinary = [random.normal(0, 1, n) for n in (3, 5, 1, 8)]
    unusual = [random.normal(1, 1, n) for n in (4, 2, 6)]
    found = auroc_figure(ordinary, unusual)
    assert found["value"] == pytest.approx(auroc(np.concatenate(ordinary), np.concatenate(unusual)))
    assert found["low"] < found["value"] < found["high"]
    alone = auroc_figure(ordinary, unusual[:1])
    assert math.isnan(alone["low"]) and not math.isnan(alone["value"])
    assert math.isnan(auroc_figure([], unusual)["value"])
    apart = auroc_figure([part - 100 for part in ordinary], unusual)
    assert (apart["value"], apart["low"], apart["high"]) == (1, 1, 1)


def test_correlations():
    random = np.random.default_rng(4)
    x = [random.normal(size=n) * 1e-5 for n in (5, 9, 30)]
    cubes = [part**3 for part in x]
    found = correlation(x, cubes)
    assert found["count"] == 44
    assert found["spearman"]["value"] == pytest.approx(1) and found["spearman"]["low"] == pytest.approx(1)
    together = np.corrcoef(np.concatenate(x), np.concatenate(cubes))[0, 1]
    assert found["pearson"]["value"] == pytest.approx(together, abs=1e-9)
    constant = correlation(x, [np.zeros(len(part)) for part in x])
    assert math.isnan(constant["pearson"]["value"]) and math.isnan(constant["spearman"]["value"])
    assert math.isnan(correlation([], [])["pearson"]["value"])


def test_the_draws_are_those_of_the_other_figures():
    random = np.random.default_rng(0)
    tables = [random.integers(0, 50, (2, 2)) for _ in range(6)]
    low, high = metrics.bootstrap(tables, metrics.iou)
    values = [metrics.iou(table) for table in totals(draws(6), np.stack(tables))]
    assert interval(np.array(values)) == {"low": pytest.approx(low), "high": pytest.approx(high)}
    assert len(draws(1)) == 0 and math.isnan(interval(np.empty(0))["low"])
