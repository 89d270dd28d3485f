"""Spectral indices and tests as their papers give them, on reflectance of 0 to 1.

Only blue, green, red and near infrared are used: the pack has no shortwave infrared, so NBR (Key and
Benson 2006), BAIS2 (Filipponi 2018), MNDWI (Xu 2006) and Fmask's NDSI test cannot be computed from it.
Where a ratio has no value (0 / 0) it is 0, so that every pixel gets an answer.
"""

from __future__ import annotations

import numpy as np


def normalised_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(first - second) / (first + second), float32, 0 where both are 0."""
    total = first + second
    return np.divide(first - second, total, out=np.zeros_like(total, np.float32), where=total > 0)


def ndvi(red: np.ndarray, nir: np.ndarray) -> np.ndarray:
    """Normalised difference vegetation index (Rouse et al. 1974)."""
    return normalised_difference(nir, red)


def ndwi(green: np.ndarray, nir: np.ndarray) -> np.ndarray:
    """Normalised difference water index (McFeeters 1996): above 0 is open water."""
    return normalised_difference(green, nir)


def bai(red: np.ndarray, nir: np.ndarray) -> np.ndarray:
    """Burned area index (Chuvieco, Martin and Palacios 2002): nearness to charcoal at (0.1, 0.06).

    1 / ((0.1 - red)^2 + (0.06 - nir)^2); the sum is kept above 1e-6, so the index stays below a million.
    """
    distance = (np.float32(0.1) - red) ** 2 + (np.float32(0.06) - nir) ** 2
    return (1.0 / np.maximum(distance, np.float32(1e-6))).astype(np.float32)


def haze(blue: np.ndarray, red: np.ndarray) -> np.ndarray:
    """Fmask's haze optimised transformation without its offset (Zhu and Woodcock 2012, eq. 3).

    blue - 0.5 red; the paper's test is blue - 0.5 red - 0.08 > 0.
    """
    return (blue - np.float32(0.5) * red).astype(np.float32)


def whiteness(blue: np.ndarray, green: np.ndarray, red: np.ndarray) -> np.ndarray:
    """Fmask's whiteness (Zhu and Woodcock 2012, eq. 2): sum of |band - mean| over the mean; clouds: < 0.7."""
    mean = (blue + green + red) / np.float32(3)
    spread = abs(blue - mean) + abs(green - mean) + abs(red - mean)
    return np.divide(spread, mean, out=np.zeros_like(mean, np.float32), where=mean > 0)
