"""Smooth fields for simulated scenes: noise of several scales, and means over wide surroundings."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=256)
def _stretch(small: int, large: int) -> np.ndarray:
    """Matrix (large, small) that interpolates with a cubic (Catmull-Rom), edges repeated."""
    place = (np.arange(large) + 0.5) * small / large - 0.5
    first = np.floor(place).astype(int)
    t = place - first
    share = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
    matrix = np.zeros((large, small))
    for offset, weight in enumerate(share, start=-1):
        np.add.at(matrix, (np.arange(large), np.clip(first + offset, 0, small - 1)), weight / 2)
    return matrix.astype(np.float32)


def enlarge(small: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A small plane (h, w) interpolated to (H, W); may pass its extremes a little."""
    return _stretch(small.shape[0], shape[0]) @ small @ _stretch(small.shape[1], shape[1]).T


def noise(random: np.random.Generator, shape: tuple[int, int], cells: int, octaves: int) -> np.ndarray:
    """Smooth noise of several scales, about 0 +- 1, amplitude halved with the scale; float32 (H, W)."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        count = cells << octave
        size = (min(shape[0], max(2, count)), min(shape[1], max(2, count)))
        small = random.standard_normal(size, np.float32) * np.float32(0.55**octave)
        total += enlarge(small, shape)
    return total / np.float32(max(total.std(), 1e-6))


def blur(plane: np.ndarray) -> np.ndarray:
    """The mean around each pixel over about a quarter of the tile."""
    small = [min(size, 6) for size in plane.shape]
    down, right = (_average(count, size) for count, size in zip(small, plane.shape, strict=True))
    return np.maximum(enlarge(down @ plane @ right.T, plane.shape), 0.0)


@lru_cache(maxsize=64)
def _average(small: int, large: int) -> np.ndarray:
    """Matrix (small, large) of means over equal parts."""
    part = np.arange(large) * small // large
    matrix = (part[None] == np.arange(small)[:, None]).astype(np.float32)
    return matrix / matrix.sum(1, keepdims=True)
