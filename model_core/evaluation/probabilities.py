"""How good probabilities are, pixel by pixel, and how their uncertainty divides.

With p the probabilities of a pixel's C classes and y the labelled class, means over all labelled pixels of

    NLL    -log(p_y)                             negative log-likelihood, nats; log(1e-7) at the most
    Brier  sum_c (p_c - [c = y])**2              the multi-class sum of Brier (1950): 0 best, 2 worst
    ECE    sum_b n_b / n * |conf_b - acc_b|      15 bins of equal width of the top probability: its mean
                                                 in a bin against the share of right answers there (Guo
                                                 et al. 2017, eq. 3)

All three are worked out from sums, so scenes add up, nothing is kept of the pixels, and a bootstrap over
scenes is a matrix product.

M heads or members with probabilities p_m divide a pixel's uncertainty (Depeweg et al. 2018; Tran et al.
2020): total H[mean_m p_m] = aleatoric mean_m H[p_m] + model, the mutual information of answer and head, which
is what the heads disagree about. H is concave, so the model part is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .metrics import merge_vegetation

BINS = 15
FLOOR = 1e-7
"""Least probability that the logarithm is taken of: about what float32 can tell from 0 beside 1."""

SUMS = 3 + 3 * BINS
"""Length of the sums of `tally`: pixels, -log(p_y), Brier; then by bin pixels, top probability, right."""


def tally(probability: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The sums that the three scores are worked out from.

    Args:
        probability: (C, n), each column summing to 1.
        label: integers (n,), 0 to C - 1; anything else, such as 255, is not scored.

    Returns:
        float64 (`SUMS`,).
    """
    known = np.flatnonzero(label < len(probability))
    truth = label[known].astype(np.int64)
    p = np.asarray(probability[:, known], np.float64)
    of_truth = p[truth, np.arange(len(truth))]
    brier = (p**2).sum(0) - 2 * of_truth + 1
    top, right = p.max(0), p.argmax(0) == truth
    # The bins are (0, 1/15], (1/15, 2/15] ...; what rounding put above 1 belongs to the last.
    which = np.clip(np.ceil(top * BINS).astype(np.int64) - 1, 0, BINS - 1)
    by_bin = [np.bincount(which, weights, BINS) for weights in (None, top, right.astype(np.float64))]
    sums = (len(truth), -np.log(np.maximum(of_truth, FLOOR)).sum(), brier.sum())
    return np.concatenate([sums, *by_bin]).astype(np.float64)


def _mean(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    bottom = np.asarray(bottom, np.float64)
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


def nll(sums: np.ndarray) -> np.ndarray:
    """Mean negative log-likelihood in nats from sums (..., `SUMS`); NaN without a pixel."""
    return _mean(sums[..., 1], sums[..., 0])


def brier(sums: np.ndarray) -> np.ndarray:
    """Mean Brier score, 0 to 2, from sums (..., `SUMS`); NaN without a pixel."""
    return _mean(sums[..., 2], sums[..., 0])


def ece(sums: np.ndarray) -> np.ndarray:
    """Expected calibration error of the top probability from sums (..., `SUMS`); NaN without a pixel."""
    bins = sums[..., 3:].reshape(*sums.shape[:-1], 3, BINS)
    return _mean(np.abs(bins[..., 1, :] - bins[..., 2, :]).sum(-1), sums[..., 0])


def as_scored(name: str, probability: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels in the classes that an expert's figure tells apart.

    In land cover, trees and low vegetation become one class, whose probability is the sum of both, because
    many labels say "vegetation" and no more (`metrics.merge_vegetation`).

    Args:
        name: of the expert.
        probability: (C, n).
        label: uint8 (n,).
    """
    if name != "landcover":
        return probability, label
    merged = np.stack([probability[0], probability[1] + probability[2], probability[3], probability[4]])
    return merged, merge_vegetation(label)


def entropy(probability: np.ndarray) -> np.ndarray:
    """Entropy in nats over the class axis, the last but one: (..., C, n) -> (..., n); 0 log 0 is 0."""
    p = np.asarray(probability)
    return -(p * np.log(np.maximum(p, np.finfo(p.dtype).tiny))).sum(-2)


@dataclass(frozen=True)
class Parts:
    """Uncertainty of n pixels as shares of log C, each (n,): total = aleatoric + model, model >= 0."""

    total: np.ndarray
    aleatoric: np.ndarray
    model: np.ndarray


def divide(heads: np.ndarray) -> Parts:
    """Divide the uncertainty of several heads or members.

    Args:
        heads: probabilities (M, C, n); with M = 1 the model part is 0 everywhere.
    """
    heads = np.asarray(heads, np.float64)
    scale = 1.0 / np.log(max(heads.shape[1], 2))
    total = entropy(heads.mean(0)) * scale
    # Rounding may put the mean of equal entropies a hair above the entropy of the mean.
    aleatoric = np.minimum(entropy(heads).mean(0) * scale, total)
    return Parts(total, aleatoric, total - aleatoric)
