"""Scores that mean what they say: Platt scaling and thresholds, fitted on held-out tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

ENOUGH = 8
"""Tiles of either kind, needed and not needed, that make the calibration split enough for an expert."""

SURE, ROUNDS = 0.8, 200
"""Share of the resampled sets in which a threshold must beat 0.5 to be taken, and how many."""


@dataclass(frozen=True)
class Calibration:
    """Temperature, bias and threshold of one expert's score, and what they were fitted on."""

    temperature: float
    bias: float
    threshold: float
    positives: int
    negatives: int
    split: str

    def score(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probability of each uncalibrated logit."""
        return 1 / (1 + np.exp(-(logits.astype(np.float64) / self.temperature + self.bias)))


def calibrate(
    logits: np.ndarray, target: np.ndarray, split: str, source: Sequence[str] | None = None
) -> Calibration:
    """Platt scaling with a prior at the identity, then the threshold with the best macro F1.

    The calibration split is small: the prior (worth about five tiles) keeps a handful of tiles from
    moving the scores far. Macro F1 is the mean of the F1 of "needed" and of "not needed": the F1 of
    "needed" alone is best served by always saying yes where most tiles need the expert. The threshold is
    the middle of the best plateau, and stays at 0.5, where a calibrated score says "as likely as not", unless
    that plateau is the better one in most of the resampled sets of sources: the tiles of one place must not
    decide what other places miss.

    Args:
        logits: (N,) uncalibrated.
        target: (N,) of 1, 0, -1 unknown.
        split: name of the split, kept with the result.
        source: (N,) data set of each tile; tiles of one are resampled together. None = each on its own.
    """
    known = target >= 0
    group = np.arange(len(known)) if source is None else np.unique(source, return_inverse=True)[1]
    x, y = logits[known].astype(np.float64), target[known].astype(np.float64)
    positives, negatives = int(y.sum()), int((1 - y).sum())
    if positives < 3 or negatives < 3:
        return Calibration(1.0, 0.0, 0.5, positives, negatives, split)

    def objective(parameters: np.ndarray) -> float:
        scale, shift = np.exp(parameters[0]), parameters[1]
        z = x * scale + shift
        loss = np.logaddexp(0, z) - y * z
        return float(loss.sum() + 5.0 * (parameters[0] ** 2 + 0.25 * shift**2))

    scale, shift = minimize(objective, np.zeros(2), method="Nelder-Mead").x
    p = 1 / (1 + np.exp(-(x * np.exp(scale) + shift)))
    grid = np.arange(0.2, 0.81, 0.01)
    quality = np.array([_macro_f1(y, p >= t) for t in grid])
    threshold = float(np.median(grid[quality >= quality.max() - 1e-9]))
    if not _surely_better(y, p, group[known], threshold):
        threshold = 0.5
    return Calibration(float(np.exp(-scale)), float(shift), round(threshold, 3), positives, negatives, split)


def _surely_better(y: np.ndarray, p: np.ndarray, group: np.ndarray, threshold: float) -> bool:
    """Whether a threshold beats 0.5 in at least `SURE` of the resampled sets of groups of tiles."""
    random = np.random.default_rng(0)
    members = [np.flatnonzero(group == name) for name in np.unique(group)]
    wins = 0
    for _ in range(ROUNDS):
        index = np.concatenate([members[k] for k in random.integers(len(members), size=len(members))])
        truth, score = y[index], p[index]
        wins += _macro_f1(truth, score >= threshold) > _macro_f1(truth, score >= 0.5)
    return wins >= SURE * ROUNDS


def _macro_f1(truth: np.ndarray, chosen: np.ndarray) -> float:
    return (_f1(truth, chosen) + _f1(1 - truth, ~chosen)) / 2


def _f1(truth: np.ndarray, chosen: np.ndarray) -> float:
    return 2 * float((truth * chosen).sum()) / max(1.0, float(truth.sum() + chosen.sum()))


def calibrate_columns(
    names: Sequence[str],
    cal: tuple[np.ndarray, np.ndarray, Sequence[str]],
    val: tuple[np.ndarray, np.ndarray, Sequence[str]],
    *,
    enough: int = ENOUGH,
) -> dict[str, Calibration]:
    """Calibrate every expert on `cal`; where it holds too few tiles of either kind, on `cal` and `val`.

    Args:
        names: of the experts, in the order of the columns.
        cal: uncalibrated logits (N, E), targets (N, E) of 1, 0, -1 and sources (N,) of that split.
        val: the same of the other.
        enough: see `ENOUGH`.
    """
    result = {}
    for column, name in enumerate(names):
        logits, target, source, split = cal[0][:, column], cal[1][:, column], list(cal[2]), "cal"
        if (target == 1).sum() < enough or (target == 0).sum() < enough:
            logits = np.concatenate([logits, val[0][:, column]])
            target = np.concatenate([target, val[1][:, column]])
            source, split = source + list(val[2]), "cal+val"
        result[name] = calibrate(logits, target, split, source)
    return result
