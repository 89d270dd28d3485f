"""A task expert: a light decoder over the shared features, with skips at every resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import ConvUnit, upsample
from .encoder import Features
from .heads import HydraHeads


class Expert(nn.Module):
    """Top-down decoder ending at half resolution; a pixel-shuffle head doubles it.

    Args:
        skips: encoder channels, finest (1/2) first.
        widths: decoder channels at the same resolutions.
        channels: output channels of the task.
        heads: M; above 1 the decoder is a body that M light heads share, see `HydraHeads`.
    """

    def __init__(
        self,
        skips: tuple[int, ...],
        widths: tuple[int, ...],
        channels: int,
        *,
        heads: int = 1,
        deploy: bool = False,
    ):
        super().__init__()
        self.heads = heads
        self.lateral = nn.ModuleList(
            ConvUnit(skip, width, 1, activate=i == len(widths) - 1, deploy=deploy)
            for i, (skip, width) in enumerate(zip(skips, widths, strict=True))
        )
        self.merge = nn.ModuleList(
            ConvUnit(coarse, fine, 3, deploy=deploy)
            for fine, coarse in zip(widths[:-1], widths[1:], strict=True)
        )
        self.refine = ConvUnit(widths[0], widths[0], 3, deploy=deploy)
        self.head = (
            nn.Conv2d(widths[0], 4 * channels, 3, padding=1)
            if heads == 1
            else HydraHeads(widths[0], widths[1], 4 * channels, heads)
        )
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, features: Features, *, apart: bool = False) -> Tensor | list[Tensor]:
        """Features of n tiles -> task logits (n, heads * channels, H, W), head after head.

        With `apart` a list of what each head says before the pixel shuffle, (n, 4 * channels, H / 2, W / 2):
        what brings heads together pixel by pixel can do so first, and shuffle once.
        """
        x = coarse = self.lateral[-1](features.levels[-1])
        for level in range(len(self.merge) - 1, -1, -1):
            coarse = x
            # The skip joins before the ReLU of the merging convolution.
            x = self.merge[level](upsample(x), add=self.lateral[level](features.levels[level]))
        x = self.refine(x)
        parts = [self.head(x)] if self.heads == 1 else list(self.head.each(x, coarse))
        return parts if apart else self.shuffle(torch.cat(parts, 1) if len(parts) > 1 else parts[0])
