"""Which classes a branch is for: balanced k-means over the mean features of the classes.

HydraNets (Mullapudi et al. 2018, section 3.1): classes that look alike share a branch, so that each branch
tells apart what is hard to tell apart. The groups are disjoint and differ in size by at most one class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from ...errors import RequestError
from ...networks.resnet import ResNet
from .data import Chips
from .spec import inputs

Groups = tuple[tuple[int, ...], ...]
"""Numbers of classes for each branch: disjoint, together all classes, in ascending order."""

RESTARTS, ROUNDS = 20, 100


def class_means(net: ResNet, chips: Chips, classes: int) -> np.ndarray:
    """Mean of the final features over the chips of each class: float64 (classes, features)."""
    net.eval()
    with torch.inference_mode():
        features = torch.cat([net.final_features(x) for x in inputs(chips.images)]).double().numpy()
    return np.stack([features[chips.labels == number].mean(0) for number in range(classes)])


def sizes_of(classes: int, groups: int) -> list[int]:
    """Sizes that differ by at most one, the larger ones first.

    Raises:
        RequestError: more groups than classes, or none.
    """
    if not 1 <= groups <= classes:
        raise RequestError(f"--branches is {groups}; give 1 to {classes}, the number of classes.")
    return [classes // groups + (number < classes % groups) for number in range(groups)]


def kmeans_partition(points: np.ndarray, groups: int, seed: int = 0) -> Groups:
    """Balanced k-means: the best of several starts.

    In every round the classes are assigned to the places of all groups at the smallest sum of squared
    distances, which is an assignment problem (Malinen and Franti 2014), and each centre becomes the mean of
    its group.

    Args:
        points: (classes, features).
        groups: number of groups.
        seed: of the starts.
    """
    sizes = sizes_of(len(points), groups)
    random = np.random.default_rng(seed)
    # The places of all groups, in the order of the groups.
    places = np.repeat(np.arange(groups), sizes)
    best, best_cost = None, np.inf
    for _ in range(RESTARTS):
        centres = points[random.choice(len(points), groups, replace=False)]
        group = np.full(len(points), -1)
        for _ in range(ROUNDS):
            distance = np.square(points[:, None] - centres[None]).sum(2)  # (classes, groups)
            rows, columns = linear_sum_assignment(distance[:, places])
            new = np.empty(len(points), np.int64)
            new[rows] = places[columns]
            if (new == group).all():
                break
            group = new
            centres = np.stack([points[group == number].mean(0) for number in range(groups)])
        cost = sum(
            float(np.square(points[group == number] - points[group == number].mean(0)).sum())
            for number in range(groups)
        )
        if cost < best_cost - 1e-12:
            best, best_cost = group, cost
    return _ordered([np.flatnonzero(best == number) for number in range(groups)])


def random_partition(classes: int, groups: int, seed: int = 0) -> Groups:
    """Groups of the same sizes that have nothing to do with how the classes look."""
    order = np.random.default_rng(seed).permutation(classes)
    ends = np.cumsum(sizes_of(classes, groups))[:-1]
    return _ordered(np.split(order, ends))


def _ordered(parts: Sequence[np.ndarray]) -> Groups:
    return tuple(sorted(tuple(sorted(int(number) for number in part)) for part in parts))


def group_of(groups: Groups, classes: int) -> np.ndarray:
    """Number of the branch of each class, int64 (classes,)."""
    found = np.full(classes, -1, np.int64)
    for number, members in enumerate(groups):
        found[list(members)] = number
    return found


def gate_targets(probabilities: np.ndarray, groups: Groups) -> np.ndarray:
    """What the gate should say: t_b = sum of p(c|x) over the classes c of branch b.

    Args:
        probabilities: (N, classes), of a teacher, or one-hot rows of the labels.
        groups: of the branches.

    Returns:
        float32 (N, branches), each row summing to 1 as the probabilities do.
    """
    return np.stack([probabilities[:, list(members)].sum(1) for members in groups], 1).astype(np.float32)
