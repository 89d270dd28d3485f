"""Noise on the frozen encoder's features, for trainers that see few places."""

from __future__ import annotations

import torch

from ..networks.encoder import Features


def noisy(features: Features, deviation: float) -> Features:
    """Features with a random gain for every channel of every tile.

    Args:
        features: of n tiles.
        deviation: standard deviation of the gain around 1.
    """
    levels = [
        level * (1 + deviation * torch.randn(*level.shape[:2], 1, 1)).to(level.dtype)
        if level.shape[1]
        else level
        for level in features.levels
    ]
    return Features(tuple(levels), features.coverage)
