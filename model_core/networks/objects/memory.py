"""What the queries look at: maps at 1/4, 1/8 and 1/16 of the tile, made from all five levels of the encoder.

Objects of a few pixels live in the finest features, so the level at 1/2 is folded into the one at 1/4: four
neighbouring cells become channels of one, and nothing is averaged away.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..blocks import ConvUnit, upsample
from ..encoder import Features

STRIDES = (4, 8, 16)
"""Pixels of the tile that a cell of each map stands for."""

DEPTHS = (1, 3, 3)
"""Convolutions of each map: the coarse ones tell a boat from a roof by what is around it, and cost little."""


class Memory(nn.Module):
    """Top-down path over the encoder's levels.

    Args:
        skips: the encoder's channels at 1/2, 1/4 ... 1/32.
        width: channels of the maps.
        deploy: build the folded form.
    """

    def __init__(self, skips: Sequence[int], width: int, *, deploy: bool = False) -> None:
        super().__init__()
        inputs = (4 * skips[0] + skips[1], *skips[2:])
        self.lateral = nn.ModuleList(
            ConvUnit(channels, width, 1, activate=False, deploy=deploy) for channels in inputs
        )
        self.merge = nn.ModuleList(
            nn.Sequential(*(ConvUnit(width, width, 3, rep=True, deploy=deploy) for _ in range(depth)))
            for depth in DEPTHS
        )

    def forward(self, features: Features) -> list[Tensor]:
        """Maps (B, width, S / 4, S / 4), (B, width, S / 8, S / 8), (B, width, S / 16, S / 16)."""
        kind = self.lateral[0].conv.weight.dtype  # the encoder may run in another precision
        half, quarter, *coarse = (level.to(kind) for level in features.levels)
        finest = torch.cat([nn.functional.pixel_unshuffle(half, 2), quarter], 1)
        sides = [unit(level) for unit, level in zip(self.lateral, (finest, *coarse), strict=True)]
        x, maps = sides[-1], []
        for side, merge in zip(reversed(sides[:-1]), reversed(self.merge), strict=True):
            x = merge(upsample(x) + side)
            maps.append(x)
        return maps[::-1]
