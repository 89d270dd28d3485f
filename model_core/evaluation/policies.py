"""What each routing policy costs and misses on a split, so that the recall promise can be checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..routing import Policy, decide, effective_thresholds
from ..spec import ExpertSpec


def compared_policies(experts: int) -> list[Policy]:
    """The threshold policy as it is by default and without its cut, then recall at 10 % and 5 %."""
    return [
        Policy("threshold", min(2, experts)),
        Policy("threshold", experts),
        Policy("recall", experts, 0.10),
        Policy("recall", experts, 0.05),
    ]


def compare_policies(
    score: np.ndarray, target: np.ndarray, experts: Sequence[ExpertSpec]
) -> list[dict[str, Any]]:
    """Route every tile by each policy, every expert allowed at every pixel size.

    Args:
        score: float32 (N, E), calibrated.
        target: (N, E) of 1 needed, 0 not needed, -1 unknown.
        experts: of the bundle.

    Returns:
        For each policy its kind, k (None under recall), miss_rate (None but under recall), the mean number
        of experts per tile, the tiles that need an expert and how many of them did not get it: over all
        experts and for each.
    """
    rows = []
    needed = target == 1
    for policy in compared_policies(len(experts)):
        limits, _ = effective_thresholds(experts, policy)
        routing = decide(score, limits, [None] * len(experts), np.ones(len(score), dtype=bool), policy)
        served = routing.rank > 0
        missed = needed & ~served
        recall = policy.kind == "recall"
        rows.append(
            {
                "policy": policy.kind,
                "k": None if recall else policy.k,
                "miss_rate": policy.miss_rate if recall else None,
                "experts_per_tile": float(served.sum() / max(1, len(score))),
                "needed": int(needed.sum()),
                "missed": int(missed.sum()),
                "experts": {
                    spec.name: {
                        "threshold": float(limits[column]),
                        "needed": int(needed[:, column].sum()),
                        "missed": int(missed[:, column].sum()),
                        "served": int(served[:, column].sum()),
                    }
                    for column, spec in enumerate(experts)
                },
            }
        )
    return rows
