"""Does one number put the right things on top: area under the ROC curve, and correlation by scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from .resampling import draws, figure, totals


def auroc(ordinary: np.ndarray, unusual: np.ndarray) -> float:
    """Chance that an unusual case has the higher number, ties counting half (Hanley and McNeil 1982).

    0.5 says the number tells nothing, 1 that it tells all; NaN if either kind has no case.
    """
    if not len(ordinary) or not len(unusual):
        return float("nan")
    ranks = rankdata(np.concatenate([ordinary, unusual]))
    above = ranks[len(ordinary) :].sum() - len(unusual) * (len(unusual) + 1) / 2
    return float(above / (len(ordinary) * len(unusual)))


def auroc_figure(ordinary: Sequence[np.ndarray], unusual: Sequence[np.ndarray]) -> dict[str, Any]:
    """The area with its interval, whole scenes of both kinds drawn anew.

    Args:
        ordinary: the numbers of each ordinary scene's tiles, an array per scene.
        unusual: the same of the unusual ones.
    """
    if not ordinary or not unusual:
        return figure(float("nan"), np.empty(0))
    value = auroc(np.concatenate(ordinary), np.concatenate(unusual))
    # wins[i, j]: pairs of a tile of ordinary scene i and one of unusual scene j that the latter wins.
    wins = np.array([[auroc(a, b) * len(a) * len(b) for b in unusual] for a in ordinary])
    pairs = np.array([[len(a) * len(b) for b in unusual] for a in ordinary], np.float64)
    first, second = draws(len(ordinary)), draws(len(unusual), seed=11)
    if not len(first) or not len(second):
        return figure(value, np.empty(0))
    top, bottom = (np.einsum("ri,ij,rj->r", first, matrix, second) for matrix in (wins, pairs))
    return figure(value, top / bottom)


def _pearson(sums: np.ndarray) -> np.ndarray:
    """From sums (..., 6) of 1, x, y, xx, yy, xy; NaN where either number never changes."""
    n = np.maximum(sums[..., 0], 1)
    x, y, xx, yy, xy = (sums[..., i] / n for i in range(1, 6))
    spread = np.maximum(xx - x * x, 0) * np.maximum(yy - y * y, 0)
    out = np.full(np.shape(spread), np.nan)
    return np.divide(xy - x * y, np.sqrt(spread), out=out, where=spread > 1e-24)


def correlation(x: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> dict[str, Any]:
    """Pearson's and Spearman's correlation with intervals over scenes.

    Args:
        x: one number, an array per scene.
        y: the other, for the same cases.

    Returns:
        {"pearson", "spearman": {"value", "low", "high"}, "count"}; NaN where one never changes. For
        Spearman's interval the ranks are those among all cases, not ranked anew in every draw.
    """
    count = int(sum(len(part) for part in x))
    if count < 2:
        none = figure(float("nan"), np.empty(0))
        return {"pearson": none, "spearman": dict(none), "count": count}
    ends = np.cumsum([len(part) for part in x])[:-1]
    a, b = (np.concatenate(list(side)).astype(np.float64) for side in (x, y))
    drawn = draws(len(x))
    result: dict[str, Any] = {"count": count}
    for key, (left, right) in {"pearson": (a, b), "spearman": (rankdata(a), rankdata(b))}.items():
        # About their means and in units of their spread, so that squares of small numbers lose nothing.
        left, right = ((side - side.mean()) / (side.std() or 1.0) for side in (left, right))
        terms = np.stack([np.ones(count), left, right, left * left, right * right, left * right], 1)
        per_scene = np.stack([part.sum(0) for part in np.split(terms, ends)])
        result[key] = figure(float(_pearson(per_scene.sum(0))), _pearson(totals(drawn, per_scene)))
    return result
