"""Uncertainty of the pixels against their errors: where the model is unsure, is it wrong more often?

An uncertainty is no probability of an error, so there is nothing that a bin should equal; what is told is the
share of wrong pixels from the surest to the least sure, and how well the uncertainty ranks the errors:

    AUROC   chance that a wrong pixel is less sure than a right one, equal ones counted half (Hanley and
            McNeil 1982); 0.5 tells nothing, 1 is perfect
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...writer import PROBABILITY_STEPS

BINS = 10


def doubt_figures(counts: np.ndarray | None) -> dict[str, Any] | None:
    """Bins of about equal mass, and the AUROC.

    Args:
        counts: int64 (251, 2), right and wrong pixels by step of the uncertainty; None = there is no band.

    Returns:
        `pixels`, `auroc` (NaN without a wrong or a right pixel) and `bins` from sure to unsure: edges `low`
        and `high`, `count`, mean `uncertainty` and `error`, the share that is wrong. None without a pixel.
    """
    if counts is None or not counts.sum():
        return None
    mass = counts.sum(1)
    steps = np.arange(len(mass)) / PROBABILITY_STEPS
    # A step is never parted, so a bin may be larger than others where many pixels are alike.
    number = np.minimum((np.cumsum(mass) - mass) * BINS // mass.sum(), BINS - 1)
    bins = []
    for one in np.unique(number[mass > 0]):
        inside = np.flatnonzero((number == one) & (mass > 0))
        count = int(mass[inside].sum())
        bins.append(
            {
                "low": float(steps[inside[0]]),
                "high": float(steps[inside[-1]]),
                "count": count,
                "uncertainty": float((steps[inside] * mass[inside]).sum() / count),
                "error": float(counts[inside, 1].sum() / count),
            }
        )
    right, wrong = counts[:, 0].astype(np.float64), counts[:, 1].astype(np.float64)
    pairs = right.sum() * wrong.sum()
    surer = np.cumsum(right) - right
    auroc = float((wrong * (surer + right / 2)).sum() / pairs) if pairs else float("nan")
    return {"pixels": int(mass.sum()), "auroc": auroc, "bins": bins}
