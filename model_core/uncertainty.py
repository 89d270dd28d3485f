"""How sure a pixel's prediction is: the uncertainty band that a run may add to an expert's raster.

It is the *total* predictive uncertainty of the blended prediction, its entropy in parts of the largest
entropy there can be. With C class probabilities p of a pixel, blended over the tiles that cover it:

    classes        u = -sum(p * log(p)) / log(C)
    probability    u = -(p * log(p) + (1 - p) * log(1 - p)) / log(2)

0 says that one answer has all the probability, 1 that all answers are equally likely. It does not say *why*:
noise in the image (aleatoric) and ignorance of the model (epistemic) both spread the probabilities, and so do
tiles that disagree in their overlap. One network cannot tell them apart; that takes several, such as an
ensemble of heads. And it is as honest as the probabilities: a network that is sure and wrong has a low u.
A density has no probabilities, hence no such band.
"""

from __future__ import annotations

import math

import numpy as np

from .spec import ExpertSpec

_TINY = np.float32(1e-30)  # log(0) times 0 is to be 0


def has_uncertainty(spec: ExpertSpec) -> bool:
    """Whether an expert's values are probabilities."""
    return spec.kind != "density"


def normalised_entropy(spec: ExpertSpec, sums: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The uncertainty u of blended probabilities.

    Args:
        spec: an expert of kind `classes` or `probability`.
        sums: float32 (C, h, w), sum of weight times probability.
        weight: float32 (h, w), sum of weights, above 0 wherever the result is to be used.

    Returns:
        float32 (h, w), 0 to 1; without meaning where the weight is 0.
    """
    if spec.kind == "probability":
        share = np.clip(sums, 0.0, weight)
        sums = np.concatenate([share, weight[None] - share])
    # With T = sum(s) and p = s / T the entropy is log(T) - sum(s * log(s)) / T: one logarithm for each
    # number and no division by plane. Plane by plane, as a piece of one plane stays in the fastest cache.
    total, inner, part = np.zeros_like(weight), np.zeros_like(weight), np.empty_like(weight)
    for plane in sums:
        total += plane
        np.maximum(plane, _TINY, out=part)
        np.log(part, out=part)
        part *= plane
        inner += part
    np.maximum(total, _TINY, out=total)
    inner /= total
    np.log(total, out=total)
    total -= inner
    total *= np.float32(1.0 / math.log(max(len(sums), 2)))
    return np.clip(total, 0.0, 1.0, out=total)
