"""Groups of classes for branches: disjoint, balanced, and of classes that look alike."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.errors import RequestError
from model_core.training.classify.partition import (
    gate_targets,
    group_of,
    kmeans_partition,
    random_partition,
    sizes_of,
)


@st.composite
def classes_and_groups(draw):
    classes = draw(st.integers(1, 14))
    return classes, draw(st.integers(1, classes)), draw(st.integers(0, 1000))


def check(groups, classes, count):
    assert len(groups) == count
    assert sorted(itertools.chain(*groups)) == list(range(classes))  # disjoint, and nothing left out
    sizes = [len(members) for members in groups]
    assert max(sizes) - min(sizes) <= 1


@settings(deadline=None, max_examples=60)
@given(classes_and_groups())
def test_groups_are_disjoint_and_differ_by_at_most_one_class(case):
    classes, count, seed = case
    random = np.random.default_rng(seed)
    # Coarse values, so that there are many equal distances and equal points.
    points = random.integers(0, 3, (classes, 4)).astype(float)
    check(kmeans_partition(points, count, seed), classes, count)
    check(random_partition(classes, count, seed), classes, count)


@settings(deadline=None, max_examples=30)
@given(classes_and_groups(), st.integers(1, 20))
def test_targets_of_the_gate_share_out_all_the_probability(case, samples):
    classes, count, seed = case
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(classes), samples)
    groups = random_partition(classes, count, seed)
    targets = gate_targets(probabilities, groups)
    assert targets.shape == (samples, count)
    assert np.allclose(targets.sum(1), 1, atol=1e-6)
    truth = np.eye(classes, dtype=np.float32)
    assert (gate_targets(truth, groups).argmax(1) == group_of(groups, classes)).all()


def test_pairs_that_lie_together_share_a_branch():
    random = np.random.default_rng(0)
    centres = random.normal(0, 10, (5, 8))
    points = np.concatenate([centres, centres + random.normal(0, 0.1, centres.shape)])
    assert kmeans_partition(points, 5) == tuple((n, n + 5) for n in range(5))


def test_balance_is_kept_where_the_points_are_not():
    points = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [9.0]])
    groups = kmeans_partition(points, 2)
    assert groups == ((0, 1, 2), (3, 4, 5))


def test_small_cases_are_solved_as_well_as_by_trying_everything():
    random = np.random.default_rng(5)
    for _ in range(5):
        points = random.normal(size=(6, 3))

        def cost(groups, points=points):
            return sum(np.square(points[list(g)] - points[list(g)].mean(0)).sum() for g in groups)

        best = min(cost((order[:2], order[2:4], order[4:])) for order in itertools.permutations(range(6)))
        assert cost(kmeans_partition(points, 3)) == pytest.approx(best)


def test_the_same_seed_gives_the_same_groups():
    points = np.random.default_rng(1).normal(size=(10, 5))
    assert kmeans_partition(points, 5, 7) == kmeans_partition(points, 5, 7)
    assert random_partition(10, 5, 7) == random_partition(10, 5, 7) != random_partition(10, 5, 8)


def test_more_branches_than_classes_are_refused():
    with pytest.raises(RequestError, match="--branches is 7; give 1 to 6"):
        sizes_of(6, 7)
