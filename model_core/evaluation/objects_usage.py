"""Which scene groups and experts serve the objects that are found, layer by layer and class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..objects.merge import MergedObjects
from ..objects.spec import ObjectsSpec

SHUFFLES = 1000
SEED = 7


def served(found: MergedObjects, layers: int, groups: int, experts: int) -> tuple[np.ndarray, np.ndarray]:
    """What each of m objects was offered and took.

    Returns:
        float64 (m, L, G), 1 where a group was a candidate; float64 (m, L, E), the experts' weights.
    """
    count = len(found.score)
    offered, taken = np.zeros((count, layers, groups)), np.zeros((count, layers, experts))
    if found.groups.size:
        np.put_along_axis(offered, found.groups.astype(np.int64), 1.0, 2)
    if found.experts.size:
        np.put_along_axis(taken, found.experts.astype(np.int64), found.weights.astype(np.float64), 2)
    return offered, taken


def usage_figures(
    found: Mapping[str, MergedObjects], spec: ObjectsSpec, classes: Sequence[str]
) -> dict[str, Any] | None:
    """Shares of groups and experts over all objects found, and how far classes differ in them.

    Args:
        found: by scene, objects at the thresholds a user gets.
        spec: of the objects expert.
        classes: names in the order of their numbers.

    Returns:
        `objects`, their number; `layers`: for each `groups` (share of the objects for which a group was a
        candidate), `experts` (share of the weight), `effective` (e to the entropy of the latter); `classes`:
        by name `objects` and, by layer, `groups` and `experts` of these objects alone; `difference`, see
        `class_difference`. None where nothing is routed or nothing was found.
    """
    sizes = (spec.layers, spec.groups, spec.experts)
    rows = [(scene, one, *served(one, *sizes)) for scene, one in found.items() if len(one.score)]
    if not rows or not any(one.experts.size for _, one, _, _ in rows):
        return None
    label = np.concatenate([one.label for _, one, _, _ in rows]).astype(np.int64)
    scene = np.concatenate([np.full(len(one.score), number) for number, (_, one, _, _) in enumerate(rows)])
    offered = np.concatenate([part for _, _, part, _ in rows])
    taken = np.concatenate([part for _, _, _, part in rows])
    shares = taken.mean(0)
    return {
        "objects": len(label),
        "layers": [
            {
                "groups": offered.mean(0)[layer].tolist(),
                "experts": shares[layer].tolist(),
                "effective": effective(shares[layer]),
            }
            for layer in range(spec.layers)
        ],
        "classes": {
            name: {
                "objects": int((label == number).sum()),
                "scenes": len(set(scene[label == number].tolist())),
                "groups": offered[label == number].mean(0).tolist(),
                "experts": taken[label == number].mean(0).tolist(),
            }
            for number, name in enumerate(classes)
            if (label == number).any()
        },
        "difference": class_difference(taken, label, scene),
    }


def effective(shares: np.ndarray) -> float:
    """e to the entropy of shares that sum to 1: how many experts are used as if evenly."""
    some = shares[shares > 0]
    return float(np.exp(-(some * np.log(some)).sum()))


def class_difference(
    taken: np.ndarray, label: np.ndarray, scene: np.ndarray, shuffles: int = SHUFFLES
) -> dict[str, Any] | None:
    """Whether the two commonest classes are served by different experts.

    The distance is the total variation between the classes' shares of the experts, 0 (the same) to 1 (none
    in common). Objects of one scene are no independent evidence, so chance is told by handing the classes of
    whole blocks, one for every scene and class, to other blocks at random.

    Args:
        taken: float64 (m, L, E), weights.
        label: (m,), numbers of classes.
        scene: (m,), numbers of scenes.
        shuffles: how often classes are handed out anew.

    Returns:
        `classes` (their numbers), `blocks`, and by layer `distance` and `chance`, the share of the shufflings
        (the true one counted in, Phipson and Smyth 2010) with as large a distance; None with one class only.
    """
    names, counts = np.unique(label, return_counts=True)
    if len(names) < 2:
        return None
    two = np.sort(names[np.argsort(-counts, kind="stable")[:2]])
    keys = sorted({(int(s), int(c)) for s, c in zip(scene, label, strict=True) if c in two})
    sums = np.stack([taken[(scene == s) & (label == c)].sum(0) for s, c in keys])  # (blocks, L, E)
    second = np.array([c == two[1] for _, c in keys])
    true = _distance(sums, second)
    random = np.random.default_rng(SEED)
    as_far = np.ones(len(true))
    for _ in range(shuffles):
        as_far += _distance(sums, random.permutation(second)) >= true - 1e-12
    return {
        "classes": two.tolist(),
        "blocks": len(keys),
        "distance": true.tolist(),
        "chance": (as_far / (shuffles + 1)).tolist(),
    }


def _distance(sums: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Total variation by layer, from blocks (n, L, E) of weights and which of them are of one class."""
    one, other = sums[~second].sum(0), sums[second].sum(0)
    shares = [part / np.maximum(part.sum(-1, keepdims=True), 1e-12) for part in (one, other)]
    return 0.5 * np.abs(shares[0] - shares[1]).sum(-1)
