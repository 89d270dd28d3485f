"""How sure a pixel's prediction is: the uncertainty bands that a run may add to an expert's raster.

The first is the *total* predictive uncertainty of the blended prediction, its entropy in parts of the largest
entropy there can be. With C class probabilities p of a pixel, blended over the tiles that cover it:

    classes        u = -sum(p * log(p)) / log(C)
    probability    u = -(p * log(p) + (1 - p) * log(1 - p)) / log(2)

0 says that one answer has all the probability, 1 that all answers are equally likely. It does not say *why*:
noise in the image (aleatoric) and ignorance of the model (epistemic) both spread the probabilities, and so do
tiles that disagree in their overlap. One network cannot tell them apart. The M heads of a Hydra expert can
(Tran et al. 2020; Depeweg et al. 2018, eq. 3): where each head by itself is unsure, the image does not tell;
where each is sure of something else, the model does not know. With p the mean over the heads:

    total = H[p]        aleatoric = mean_m H[p_m]        model = total - aleatoric = I(class; head) >= 0

The aleatoric part is blended over the tiles as the probabilities are, and as entropy is concave the model
part stays at 0 or above. It holds what tiles say differently in their overlap too: there two views of one
pixel are not at one.

All are as honest as the probabilities: a network that is sure and wrong has a low u. A density has no
probabilities, hence no such band; nor have objects, which are no pixels.
"""

from __future__ import annotations

import math

import numpy as np

from .spec import ExpertSpec

TOTAL, ALEATORIC, MODEL = "total", "aleatoric", "model"

_TINY = np.float32(1e-30)  # log(0) times 0 is to be 0


def has_uncertainty(spec: ExpertSpec) -> bool:
    """Whether an expert's values are probabilities."""
    return spec.kind not in ("density", "objects")


def band_names(spec: ExpertSpec) -> tuple[str, ...]:
    """The uncertainties that an expert can tell, in the order of their bands."""
    if not has_uncertainty(spec):
        return ()
    return (TOTAL, ALEATORIC, MODEL) if spec.heads > 1 else (TOTAL,)


def plane_count(spec: ExpertSpec, uncertainty: bool) -> int:
    """Planes of an expert's values while they are blended: one more for the entropy of heads."""
    return spec.channels + (uncertainty and len(band_names(spec)) > 1)


def uncertainties(spec: ExpertSpec, sums: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """What `band_names` names, of blended values.

    Args:
        spec: an expert of kind `classes` or `probability`.
        sums: float32 (C, h, w), sum of weight times probability; of a Hydra expert (C + 1, h, w), the last
            plane of weight times mean_m H[p_m] / log(C).
        weight: float32 (h, w), sum of weights, above 0 wherever the result is to be used.

    Returns:
        float32 (h, w) each, 0 to 1, the total the sum of the others; without meaning where the weight is 0.
    """
    total = normalised_entropy(spec, sums[: spec.channels], weight)
    if spec.heads == 1:
        return [total]
    # No more than the total: what is above it is rounding.
    aleatoric = np.clip(sums[spec.channels] / np.maximum(weight, _TINY), 0.0, total)
    return [total, aleatoric, total - aleatoric]


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
