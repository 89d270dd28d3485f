"""Metrics from confusion counts, so that scenes add up and a bootstrap over scenes is cheap."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..tasks import UNKNOWN, VEGETATION


def confusion(label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes), rows = label, columns = prediction; unknown pixels are left out."""
    known = (label < classes) & (predicted < classes)
    index = label[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(index, minlength=classes * classes).reshape(classes, classes)


def merge_vegetation(label: np.ndarray) -> np.ndarray:
    """Land cover in four classes: 0 water, 1 vegetation, 2 bare, 3 built-up; 255 stays unknown.

    Trees, low vegetation and "vegetation of unknown kind" are one class, because much of the pack
    tells no more than that. Works on labels and on predictions alike.
    """
    table = np.full(256, UNKNOWN, np.uint8)
    table[[0, 1, 2, VEGETATION, 3, 4]] = [0, 1, 1, 1, 2, 3]
    return table[label]


def _ratio(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom else float("nan")


def iou(counts: np.ndarray, value: int = 1) -> float:
    """Intersection over union of one class."""
    hit = counts[value, value]
    return _ratio(hit, counts[value].sum() + counts[:, value].sum() - hit)


def f1(counts: np.ndarray, values: Sequence[int] = (1,)) -> float:
    """F1 of "any of `values`" against the other classes."""
    chosen = np.isin(np.arange(len(counts)), values)
    hit = counts[np.ix_(chosen, chosen)].sum()
    return _ratio(2 * hit, counts[chosen].sum() + counts[:, chosen].sum())


def mean_iou(counts: np.ndarray) -> float:
    """Mean IoU over the classes that occur in the labels."""
    present = counts.sum(1) > 0
    return (
        float(np.mean([iou(counts, value) for value in np.flatnonzero(present)]))
        if present.any()
        else float("nan")
    )


def bootstrap(
    counts: Sequence[np.ndarray], metric: Callable[[np.ndarray], float], *, rounds: int = 1000, seed: int = 7
) -> tuple[float, float]:
    """95 % interval of a metric of summed counts, resampling whole scenes.

    Pixels of one scene are no independent evidence; with few scenes the interval says so, and with one
    there is none (NaN).
    """
    if len(counts) < 2:
        return float("nan"), float("nan")
    stack = np.stack(counts)
    random = np.random.default_rng(seed)
    values = [metric(stack[random.integers(len(stack), size=len(stack))].sum(0)) for _ in range(rounds)]
    values = [value for value in values if not np.isnan(value)]
    if not values:
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def reliability(probability: np.ndarray, truth: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """Equal-width bins of a reliability diagram (DeGroot and Fienberg 1983).

    Returns:
        For each bin its edges, the number of tiles in it, their mean probability and the share of them that
        are true (both NaN where it is empty).
    """
    which = np.minimum((probability * bins).astype(int), bins - 1)
    found = []
    for number in range(bins):
        inside = which == number
        some = bool(inside.any())
        found.append(
            {
                "low": number / bins,
                "high": (number + 1) / bins,
                "count": int(inside.sum()),
                "probability": float(probability[inside].mean()) if some else float("nan"),
                "frequency": float(truth[inside].mean()) if some else float("nan"),
            }
        )
    return found


def calibration_error(probability: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error with equal-width bins (Naeini et al. 2015; Guo et al. 2017, eq. 3)."""
    rows = [row for row in reliability(probability, truth, bins) if row["count"]]
    if not rows:
        return float("nan")
    gap = sum(row["count"] * abs(row["probability"] - row["frequency"]) for row in rows)
    return float(gap / len(probability))
