"""Scores that mean what they say: Platt scaling and thresholds, fitted on held-out tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

ENOUGH = 8
"""Tiles of either kind, needed and not needed, that make the calibration split enough for an expert."""


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


def calibrate(logits: np.ndarray, target: np.ndarray, split: str) -> Calibration:
    """Platt scaling with a prior at the identity, then the threshold with the best macro F1.

    The calibration split is small: the prior (worth about five tiles) keeps a handful of tiles from
    moving the scores far. Macro F1 is the mean of the F1 of "needed" and of "not needed": the F1 of
    "needed" alone is best served by always saying yes where most tiles need the expert. The threshold is
    the middle of the best plateau.

    Args:
        logits: (N,) uncalibrated.
        target: (N,) of 1, 0, -1 unknown.
        split: name of the split, kept with the result.
    """
    known = target >= 0
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
    quality = np.array([_f1(y, p >= t) + _f1(1 - y, p < t) for t in grid])
    threshold = float(np.median(grid[quality >= quality.max() - 1e-9]))
    return Calibration(float(np.exp(-scale)), float(shift), round(threshold, 3), positives, negatives, split)


def _f1(truth: np.ndarray, chosen: np.ndarray) -> float:
    return 2 * float((truth * chosen).sum()) / max(1.0, float(truth.sum() + chosen.sum()))


def calibrate_columns(
    names: Sequence[str],
    cal: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray],
    *,
    enough: int = ENOUGH,
) -> dict[str, Calibration]:
    """Calibrate every expert on `cal`; where it holds too few tiles of either kind, on `cal` and `val`.

    Args:
        names: of the experts, in the order of the columns.
        cal: uncalibrated logits (N, E) and targets (N, E) of 1, 0, -1 of that split.
        val: the same of the other.
        enough: see `ENOUGH`.
    """
    result = {}
    for column, name in enumerate(names):
        logits, target, split = cal[0][:, column], cal[1][:, column], "cal"
        if (target == 1).sum() < enough or (target == 0).sum() < enough:
            logits = np.concatenate([logits, val[0][:, column]])
            target = np.concatenate([target, val[1][:, column]])
            split = "cal+val"
        result[name] = calibrate(logits, target, split)
    return result
