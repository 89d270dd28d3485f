"""95 % intervals by drawing whole scenes anew, for figures that are worked out from sums over scenes.

The same scenes are drawn as in `metrics.bootstrap`. Here the draws are kept apart from the figures, so that
several methods can be compared on the very same draws (a paired bootstrap, Efron and Tibshirani 1993, ch.
16), and so that thousands of sums are one matrix product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

ROUNDS = 1000
SEED = 7


def draws(scenes: int, rounds: int = ROUNDS, seed: int = SEED) -> np.ndarray:
    """How often each scene was drawn in each round: float64 (rounds, scenes), every row summing to `scenes`.

    With fewer than two scenes there is nothing to draw from, and no row.
    """
    if scenes < 2:
        return np.zeros((0, scenes))
    random = np.random.default_rng(seed)
    rows = [np.bincount(random.integers(scenes, size=scenes), minlength=scenes) for _ in range(rounds)]
    return np.stack(rows).astype(np.float64)


def totals(drawn: np.ndarray, per_scene: np.ndarray) -> np.ndarray:
    """Sums (rounds, ...) of what the drawn scenes hold, from (rounds, scenes) and (scenes, ...)."""
    flat = per_scene.reshape(len(per_scene), -1).astype(np.float64)
    return (drawn @ flat).reshape(len(drawn), *per_scene.shape[1:])


def interval(values: np.ndarray) -> dict[str, float]:
    """The middle 95 % of the rounds' values, as "low" and "high"; NaN where there is no round."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    if not known.size:
        return {"low": float("nan"), "high": float("nan")}
    low, high = np.percentile(known, [2.5, 97.5])
    return {"low": float(low), "high": float(high)}


def figure(value: float, values: np.ndarray) -> dict[str, Any]:
    """A figure with its interval, as the card's tables read it: "value", "low", "high"."""
    return {"value": float(value), **interval(values)}
