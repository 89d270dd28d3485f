"""Figures of a confusion matrix, and their 95 % intervals from the sums of blocks.

With n[i, j] the pixels whose reference is class i and whose input is class j, n the sum of all, and of class
i right n[i, i], reference n[i, :] and input n[:, i]:

    overall accuracy   sum_i n[i, i] / n
    kappa              (p_o - p_e) / (1 - p_e), p_o the overall accuracy, p_e = sum_i n[i, :] n[:, i] / n**2
                       (Cohen 1960)
    precision          n[i, i] / n[:, i], the user's accuracy (Congalton 1991)
    recall             n[i, i] / n[i, :], the producer's accuracy
    F1                 2 n[i, i] / (n[i, :] + n[:, i]), their harmonic mean (van Rijsbergen 1979)
    IoU                n[i, i] / (n[i, :] + n[:, i] - n[i, i]) (Jaccard 1912)

Means of IoU and F1 are over the classes that occur in the reference, each as heavy as any other, as in the
model card. All need right, reference and input of each class alone, so those are what a block keeps.

Neighbouring pixels are alike, so they are no independent evidence: whole blocks are drawn anew instead of
pixels (a block bootstrap; Efron and Tibshirani 1993, ch. 8; Lahiri 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..resampling import draws, interval, totals

LEAST_BLOCKS = 10
"""Blocks with compared pixels below which no interval is told."""

OVERALL = ("overall_accuracy", "kappa", "mean_iou", "mean_f1")
BY_CLASS = ("iou", "f1", "precision", "recall")
NAMES = {
    "overall_accuracy": "overall accuracy",
    "kappa": "Cohen's kappa",
    "mean_iou": "mean IoU",
    "mean_f1": "mean F1",
    "iou": "IoU",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
}
"""What people read."""


def _share(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    bottom = np.asarray(bottom, np.float64)
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


def from_margins(margins: np.ndarray) -> dict[str, np.ndarray]:
    """Figures (...) and, by class, (..., K) of right, reference and input (..., 3, K); NaN = undefined."""
    margins = np.asarray(margins, np.float64)
    right, reference, given = margins[..., 0, :], margins[..., 1, :], margins[..., 2, :]
    pixels = reference.sum(-1)
    observed = _share(right.sum(-1), pixels)
    expected = _share((reference * given).sum(-1), pixels**2)
    occurs = reference > 0
    iou = _share(right, reference + given - right)
    f1 = _share(2 * right, reference + given)

    def mean(values: np.ndarray) -> np.ndarray:
        return _share(np.where(occurs, np.nan_to_num(values), 0.0).sum(-1), occurs.sum(-1))

    return {
        "overall_accuracy": observed,
        "kappa": _share(observed - expected, 1.0 - expected),
        "mean_iou": mean(iou),
        "mean_f1": mean(f1),
        "iou": iou,
        "f1": f1,
        "precision": _share(right, given),
        "recall": _share(right, reference),
    }


def figures_of(
    matrix: np.ndarray, margins: np.ndarray, values: Sequence[int], names: Sequence[str]
) -> dict[str, Any]:
    """The figures of a comparison.

    Args:
        matrix: int64 (K, K), rows = reference, columns = input.
        margins: int64 (B, 3, K), see `counting.Counted`.
        values: of the K classes.
        names: of the K classes.

    Returns:
        `OVERALL`, `pixels`, `blocks`, `intervals` (by figure {"low", "high"}, None where there are too few
        blocks) and `classes`, each with `BY_CLASS`, `pixels` of the reference, `input_pixels` and
        `intervals`. Figures that are not defined are NaN.
    """
    whole = np.stack([matrix.diagonal(), matrix.sum(1), matrix.sum(0)])
    found = from_margins(whole)
    blocks = margins[margins[:, 1].sum(-1) > 0]
    drawn = None
    if len(blocks) >= LEAST_BLOCKS:
        drawn = from_margins(totals(draws(len(blocks)), blocks))

    def between(name: str, number: int | None = None) -> dict[str, float] | None:
        if drawn is None:
            return None
        rounds = drawn[name] if number is None else drawn[name][:, number]
        return interval(rounds) if not np.isnan(rounds).all() else None

    classes = [
        {
            "value": int(value),
            "name": name,
            **{key: float(found[key][i]) for key in BY_CLASS},
            "pixels": int(whole[1, i]),
            "input_pixels": int(whole[2, i]),
            "intervals": {key: between(key, i) for key in BY_CLASS},
        }
        for i, (value, name) in enumerate(zip(values, names, strict=True))
    ]
    return {
        **{key: float(found[key]) for key in OVERALL},
        "pixels": int(matrix.sum()),
        "blocks": len(blocks),
        "intervals": {key: between(key) for key in OVERALL},
        "classes": classes,
    }
