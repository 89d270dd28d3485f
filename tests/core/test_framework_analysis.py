"""The analysis of gated experts counts what its words say, and writes it as tables and pictures."""

from __future__ import annotations

import csv
import json
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.errors import RequestError
from model_core.training.framework.analysis import analyse

CLASSES = ("Forest", "River", "SeaLake")
LABELS = np.array([0, 0, 1, 1])  # nothing of the third class
GATES = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
ALONE = np.array([[0, 1], [0, 0], [0, 1], [2, 1]])
TOGETHER = np.array([0, 0, 1, 2])


def small():
    return analyse(CLASSES, LABELS, GATES, ALONE, TOGETHER)


def random_case(seed: int, samples: int, classes: int, experts: int):
    random = np.random.default_rng(seed)
    gates = random.dirichlet(np.full(experts, 0.4), samples)
    alone = random.integers(0, classes, (samples, experts))
    labels, together = random.integers(0, classes, (2, samples))
    return [f"class {c}" for c in range(classes)], labels, gates, alone, together


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_every_figure_of_a_case_worked_out_by_hand():
    found = small()
    assert found.experts == ("expert 1", "expert 2")
    np.testing.assert_array_equal(found.samples, [2, 2, 0])
    np.testing.assert_allclose(found.utilisation, [0.6, 0.4])
    np.testing.assert_allclose(found.top1_share, [0.75, 0.25])
    np.testing.assert_allclose(found.accuracy, [[1, 0, np.nan], [0.5, 1, np.nan]])
    np.testing.assert_allclose(found.accuracy_alone, [0.5, 0.75])
    np.testing.assert_allclose(found.accuracy_where_strongest, [2 / 3, 1])
    np.testing.assert_allclose(found.together, [1, 0.5, np.nan])
    assert found.accuracy_together == 0.75
    np.testing.assert_allclose(found.patterns, [[0.75, 0.25], [0.45, 0.55], [np.nan, np.nan]])
    np.testing.assert_allclose(found.strongest, [[1, 0], [0.5, 0.5], [np.nan, np.nan]])
    np.testing.assert_allclose(found.agreement, [[1, 0.25], [0.25, 1]])
    assert found.mean_agreement == 0.25
    assert found.effective == pytest.approx(math.exp(-0.6 * math.log(0.6) - 0.4 * math.log(0.4)))


def test_the_weight_of_an_expert_is_not_its_accuracy():
    """An expert that is always asked and always wrong has a mean gate of 1 and an accuracy of 0."""
    gates = np.tile([1.0, 0.0], (4, 1))
    wrong, right = np.full(4, 2), LABELS
    found = analyse(CLASSES, LABELS, gates, np.stack([wrong, right], 1), wrong)
    np.testing.assert_array_equal(found.utilisation, [1, 0])
    np.testing.assert_array_equal(found.accuracy_alone, [0, 1])
    np.testing.assert_array_equal(found.accuracy[:, :2], [[0, 0], [1, 1]])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 6), st.integers(1, 5))
def test_shares_are_shares_and_parts_make_the_whole(seed, samples, classes, experts):
    found = analyse(*random_case(seed, samples, classes, experts))
    assert found.utilisation.sum() == pytest.approx(1)
    assert found.top1_share.sum() == pytest.approx(1)
    assert found.samples.sum() == samples
    weights = found.samples / samples
    for parts, whole in (
        (found.accuracy, found.accuracy_alone),
        (found.patterns.T, found.utilisation),
        (found.strongest.T, found.top1_share),
        (found.together[None], [found.accuracy_together]),
    ):
        np.testing.assert_allclose(np.nan_to_num(parts) @ weights, whole, atol=1e-12)
    assert 0 <= found.specialisation <= 1
    assert 1 - 1e-9 <= found.effective_per_sample <= found.effective + 1e-9 <= experts + 1e-8


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 80), st.integers(2, 6), st.integers(2, 5))
def test_specialisation_is_the_normalised_mutual_information_of_scikit_learn(seed, samples, classes, experts):
    metrics = pytest.importorskip("sklearn.metrics")
    names, labels, gates, alone, together = random_case(seed, samples, classes, experts)
    first = gates.argmax(1)
    if len(set(labels)) < 2 or len(set(first)) < 2:
        return  # nothing to tell apart: 0 here, 1 there
    found = analyse(names, labels, gates, alone, together)
    expected = metrics.normalized_mutual_info_score(labels, first)
    assert found.specialisation == pytest.approx(expected, abs=1e-9)


def test_specialisation_is_one_where_each_class_has_its_expert_and_none_where_all_share_one():
    labels = np.arange(12) % 3
    own, shared = np.eye(3)[labels], np.tile([1.0, 0, 0], (12, 1))
    alone = np.repeat(labels[:, None], 3, 1)
    assert analyse(CLASSES, labels, own, alone, labels).specialisation == pytest.approx(1)
    assert analyse(CLASSES, labels, shared, alone, labels).specialisation == 0


@pytest.mark.parametrize(
    ("mean_gates", "reasons"),
    [
        ([0.25, 0.25, 0.25, 0.25], 0),
        ([0.4, 0.3, 0.26, 0.04], 0),
        ([0.4, 0.3, 0.276, 0.024], 1),  # below 1 / 40
        ([0.9, 0.04, 0.03, 0.03], 1),  # each above 1 / 40, but 1.5 of 4 effectively
        ([1.0, 0.0, 0.0, 0.0], 4),
    ],
)
def test_collapse_is_an_unused_expert_or_few_effective_ones(mean_gates, reasons):
    gates = np.tile(mean_gates, (4, 1))
    found = analyse(CLASSES, LABELS, gates, np.repeat(LABELS[:, None], 4, 1), LABELS)
    assert len(found.collapse) == reasons
    assert found.collapsed == bool(reasons)


def test_even_gates_are_undecided_and_not_collapsed():
    alone = np.repeat(LABELS[:, None], 4, 1)
    even = analyse(CLASSES, LABELS, np.full((4, 4), 0.25), alone, LABELS)
    assert even.undecided and not even.collapsed
    decided = analyse(CLASSES, LABELS, np.eye(4), alone, LABELS)
    assert not decided.undecided and not decided.collapsed
    assert decided.effective == pytest.approx(4) and decided.effective_per_sample == pytest.approx(1)


def test_tables_hold_the_figures(tmp_path):
    small().write(tmp_path / "analysis")
    folder = tmp_path / "analysis"
    assert rows(folder / "expert_accuracy.csv") == [
        ["expert", *CLASSES, "all"],
        ["expert 1 alone", "1", "0", "", "0.5"],
        ["expert 2 alone", "0.5", "1", "", "0.75"],
        ["together", "1", "0.5", "", "0.75"],
    ]
    assert rows(folder / "utilisation.csv") == [
        ["expert", "utilisation", "top1_share", "accuracy_alone", "accuracy_where_strongest"],
        ["expert 1", "0.6", "0.75", "0.5", "0.666667"],
        ["expert 2", "0.4", "0.25", "0.75", "1"],
    ]
    assert rows(folder / "gate_patterns.csv") == [
        ["class", "samples", "expert 1", "expert 2"],
        ["Forest", "2", "0.75", "0.25"],
        ["River", "2", "0.45", "0.55"],
        ["SeaLake", "0", "", ""],
    ]
    table = rows(folder / "specialisation.csv")
    assert table[1][:7] == ["Forest", "2", "expert 1", "0.75", "1", "expert 1", "1"]
    assert table[2][5:7] == ["expert 2", "1"]
    assert table[3] == ["SeaLake", "0", "", "", "", "", "", ""]
    assert float(table[4][7]) == pytest.approx(small().specialisation, rel=1e-5)
    stored = json.loads((folder / "experts.json").read_text(encoding="utf-8"))
    assert stored == small().summary()
    assert not list(folder.glob("*.part"))


def test_pictures_are_drawn_for_every_table(tmp_path):
    pytest.importorskip("matplotlib")
    written = small().write(tmp_path)
    pictures = [path for path in written if path.suffix == ".png"]
    assert [path.stem for path in pictures] == [
        "expert_accuracy", "utilisation", "gate_patterns", "specialisation"
    ]  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert sorted(tmp_path.iterdir()) == sorted(written)


def test_pictures_tell_a_collapse_from_a_healthy_gate(tmp_path):
    """The bars follow the gates: one long and three short ones look otherwise than four alike."""
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    alone, shares = np.repeat(LABELS[:, None], 4, 1), {}
    for name, gates in (("even", np.eye(4)), ("collapsed", np.tile([0.97, 0.01, 0.01, 0.01], (4, 1)))):
        analyse(CLASSES, LABELS, gates, alone, LABELS).write(tmp_path / name)
        with image.open(tmp_path / name / "utilisation.png") as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        blue = np.abs(pixels - (0x00, 0x72, 0xB2)).sum(2) < 12
        blue[:, blue.shape[1] * 2 // 3 :] = False  # the legend
        columns = np.flatnonzero(blue.sum(0) > 20)
        shares[name] = 1 + int((np.diff(columns) > 1).sum())
    assert shares == {"even": 4, "collapsed": 1}


def test_without_matplotlib_the_tables_are_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    written = small().write(tmp_path)
    assert {path.suffix for path in written} == {".csv", ".json"}
    assert all(path.is_file() for path in written)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gates": GATES[:0]}, "shape"),
        ({"labels": LABELS[:3]}, "do not fit gates"),
        ({"alone": ALONE[:, :1]}, "do not fit gates"),
        ({"labels": np.array([0, 0, 1, 3])}, "Labels from 0 to 3"),
        ({"gates": GATES * 2}, "sum to 1"),
        ({"gates": np.where(GATES > 0.85, np.nan, GATES)}, "sum to 1"),
        ({"experts": ["only one"]}, "1 names were given for 2 experts"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(changed, said):
    given_ = {"labels": LABELS, "gates": GATES, "alone": ALONE, "together": TOGETHER} | changed
    with pytest.raises(RequestError, match=said):
        analyse(CLASSES, **given_)
