"""Conformal risk control of the share of tiles that an expert misses (Angelopoulos et al. 2022).

arXiv:2208.02814, section 2.1: with n calibration examples and a loss between 0 and 1 that never rises as
the threshold falls, the largest threshold t with n/(n+1) * R(t) + 1/(n+1) <= a keeps the expected loss of
a new example at or below a, if it is exchangeable with those n. Here the examples are the tiles that need
the expert, the loss is 1 for a tile scored below t, and R(t) is the share of the n missed at t.
"""

from __future__ import annotations

from collections.abc import Sequence


def recall_threshold(scores: Sequence[float], miss_rate: float) -> float:
    """The highest threshold that keeps the guarantee; a tile scored at or above it goes to the expert.

    Args:
        scores: of the n calibration tiles that need the expert, 0 to 1, in any order.
        miss_rate: share of such tiles that may be missed, above 0 and below 1.

    Returns:
        One of the scores; 0.0, which misses nothing, where n is below `least_tiles(miss_rate)`.
    """
    n = len(scores)
    # n/(n+1) * m/n + 1/(n+1) = (m+1)/(n+1): what m missed calibration tiles promise for the next one.
    # Divided before it is compared, so that 19 tiles do for 0.05 although neither side is exact.
    within = sum((m + 1) / (n + 1) <= miss_rate for m in range(n))
    # At the score in place m (from 0) at most m tiles lie below; at any higher threshold at least m + 1.
    return float(sorted(scores)[within - 1]) if within else 0.0


def least_tiles(miss_rate: float) -> int:
    """Calibration tiles from which a threshold above 0 is possible: the least n with 1/(n+1) <= miss_rate."""
    n = int(min(1 / miss_rate, 2.0**53)) - 1
    return n if 1 / (n + 1) <= miss_rate else n + 1
