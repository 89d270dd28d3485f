"""The shared encoder: 8 bands in, features at five resolutions out. Every expert reads these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks import ConvUnit

MAX_REFLECTANCE = 1.6
"""Reflectance above this is cut: specular highlights and bright cloud tops say no more than 'bright'."""


@dataclass(frozen=True)
class Features:
    """Encoder outputs of a batch of tiles, finest first: channels x (size / 2, 4, 8, 16, 32).

    `levels[i]` is (B, C_i, H / 2**(i+1), W / 2**(i+1)); `coverage` (B, 1, H / 32, W / 32) is the
    share of valid pixels under each bottleneck cell, so that pooling ignores NoData.
    """

    levels: tuple[Tensor, ...]
    coverage: Tensor

    def select(self, index: Tensor) -> Features:
        """Keep the tiles in `index` (n,), in that order."""
        return Features(
            tuple(level.index_select(0, index) for level in self.levels), self.coverage.index_select(0, index)
        )

    def one(self, number: int) -> Features:
        """One tile as a batch of its own, not copied."""
        part = slice(number, number + 1)
        return Features(tuple(level[part] for level in self.levels), self.coverage[part])

    @classmethod
    def join(cls, parts: Sequence[Features]) -> Features:
        """One batch of several, in order."""
        levels = zip(*(part.levels for part in parts), strict=True)
        return cls(tuple(torch.cat(level) for level in levels), torch.cat([part.coverage for part in parts]))


class Encoder(nn.Module):
    """RepVGG-like encoder: a 6x6 stride-2 stem and four stages at 1/4 to 1/32.

    Widths and depths follow the measured trade-off of speed and accuracy on ordinary CPUs, where
    dense 3x3 convolutions reach most of the peak and depthwise ones never do.

    A missing band enters as zero *and* is announced: a linear map of the availability flags is added
    to the stem's output, which equals stacking eight constant planes on the input for a fraction of
    the cost.
    """

    def __init__(
        self, widths: tuple[int, ...], depths: tuple[int, ...], *, bands: int = 8, deploy: bool = False
    ):
        super().__init__()
        self.widths = widths
        self.register_buffer("mean", torch.full((bands,), 0.35))
        self.register_buffer("std", torch.full((bands,), 0.15))
        self.stem = ConvUnit(bands, widths[0], 6, 2, activate=False, deploy=deploy)
        self.availability = nn.Parameter(torch.zeros(widths[0], bands))
        self.stages = nn.ModuleList()
        for inputs, outputs, depth in zip(widths[:-1], widths[1:], depths, strict=True):
            units = [ConvUnit(inputs, outputs, 3, 2, rep=True, deploy=deploy)]
            units += [ConvUnit(outputs, outputs, 3, 1, rep=True, deploy=deploy) for _ in range(depth - 1)]
            self.stages.append(nn.Sequential(*units))

    def forward(self, reflectance: Tensor, available: Tensor, valid: Tensor) -> Features:
        """Encode a batch.

        Args:
            reflectance: (B, 8, H, W), H and W multiples of 32.
            available: (B, 8) of 0 and 1, the bands that exist.
            valid: (B, 1, H, W) of 0 and 1, pixels with data.
        """
        # In place: eight planes at full resolution are the largest there are, and each copy costs as much as
        # a convolution. The root spreads the dark end: water, scars, shadow. Absent = the mean.
        x = reflectance.clamp(0.0, MAX_REFLECTANCE).sqrt_()
        x.sub_(self.mean[:, None, None]).div_(self.std[:, None, None])
        x.mul_(available[:, :, None, None]).mul_(valid)
        # Scaling stays in float32; the convolutions run in the precision of their weights.
        x = x.to(self.stem.conv.weight.dtype, memory_format=torch.channels_last)
        # Multiplied and summed row by row: a matrix product would round differently in batches of
        # another size, and with it everything behind it.
        flags = (available[:, None, :] * self.availability).sum(2)[:, :, None, None]  # (B, widths[0], 1, 1)
        x = self.stem(x, add=flags.to(x.dtype)).relu_()
        levels = [x]
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        return Features(tuple(levels), nn.functional.avg_pool2d(valid, 32))
