"""The switcher: one score per expert for each tile, read from the encoder's bottleneck."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .encoder import Features


class Switcher(nn.Module):
    """Masked mean and maximum pooling -> Linear -> GELU -> Linear(E).

    The mean tells what the tile is, the maximum what is anywhere in it: content of a few pixels
    (a pond, one building) drowns in a mean.
    """

    def __init__(self, channels: int, hidden: int, experts: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(2 * channels, hidden)
        self.out = nn.Linear(hidden, experts)

    def pool(self, features: Features) -> Tensor:
        """Bottleneck (B, C, h, w) and its coverage -> (B, 2C); cells without data do not count."""
        # Scores decide what runs, so they are computed in float32 whatever the encoder's precision.
        x, cover = features.levels[-1].float(), features.coverage.float()
        mean = (x * cover).sum((2, 3)) / cover.sum((2, 3)).clamp_min(1e-6)
        # ReLU features are >= 0, so a masked cell may stand as 0 in the maximum.
        peak = (x * (cover > 0)).amax((2, 3))
        return torch.cat([mean, peak], 1)

    def forward(self, features: Features) -> Tensor:
        """Uncalibrated logits (B, E)."""
        return self.classify(self.pool(features))

    def classify(self, pooled: Tensor) -> Tensor:
        """(B, 2C) -> logits (B, E)."""
        return self.out(nn.functional.gelu(self.hidden(pooled)))
