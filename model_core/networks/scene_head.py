"""The scene expert's network: one class for a whole tile, by branches on the shared encoder's features.

The stem joins a level of the encoder with all coarser ones on a grid half as fine; gate and branches read
it. Cells without data stand as zero wherever a convolution could read them and do not count in a mean, so
that what lies under NoData changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..scene_expert import SceneExpertSpec
from .blocks import ConvUnit
from .branches import Branches, BranchOutput
from .encoder import Features

STEM_WIDTH = 32
"""Channels that gate and branches share."""


class SceneHead(nn.Module):
    """Stem -> gate -> the strongest branches -> combiner (HydraNets, Mullapudi et al., CVPR 2018).

    Args:
        skips: channels of the encoder's levels, finest first.
        level: the finest level that is read, by a 3x3 convolution with stride 2; the coarser ones join by
            1x1 convolutions, the last level of the encoder cannot be the finest.
        width, depth: channels and convolutions of a branch.
        branches: how many there are.
        classes: of the prediction.
        noise: of the gate in training.
        deploy: build the folded form.
    """

    def __init__(
        self,
        skips: Sequence[int],
        level: int,
        width: int,
        depth: int,
        branches: int,
        classes: int,
        *,
        noise: float = 0.1,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= level < len(skips) - 1:
            raise ValueError(f"level {level} of {len(skips)}; one with a coarser level behind it is needed")
        self.level = level
        self.entry = ConvUnit(skips[level], STEM_WIDTH, 3, 2, deploy=deploy)
        self.lateral = nn.ModuleList(
            ConvUnit(channels, STEM_WIDTH, 1, activate=False, deploy=deploy)
            for channels in skips[level + 1 :]
        )
        self.body = Branches(STEM_WIDTH, width, depth, branches, classes, noise=noise, deploy=deploy)

    @classmethod
    def of(
        cls,
        spec: SceneExpertSpec,
        encoder_widths: Sequence[int],
        *,
        noise: float = 0.1,
        deploy: bool = False,
    ) -> SceneHead:
        """The network that a bundle's scene expert describes, on an encoder of these widths.

        Raises:
            ValueError: the level has no coarser one behind it.
        """
        return cls(
            tuple(encoder_widths),
            spec.level,
            spec.width,
            spec.depth,
            len(spec.branches),
            len(spec.classes),
            noise=noise,
            deploy=deploy,
        )

    def stem(self, features: Features) -> tuple[Tensor, Tensor]:
        """What gate and branches share.

        Returns:
            (n, STEM_WIDTH, h, w) on the grid of the level behind `level`, zero in cells without data; and
            the share of valid pixels around each cell, float32 (n, 1, h, w), as the bottleneck knows it.
        """
        kind = self.entry.conv.weight.dtype  # the encoder may run in another precision
        size = features.levels[self.level + 1].shape[2:]
        joined: Tensor | int = 0
        for unit, level in zip(self.lateral, features.levels[self.level + 1 :], strict=True):
            joined = joined + _resized(unit(_covered(level, features.coverage).to(kind)), size)
        first = _covered(features.levels[self.level], features.coverage).to(kind)
        x = self.entry(first, add=joined)
        return _covered(x, features.coverage), _resized(features.coverage.float(), size)

    def forward(self, features: Features, k: int, *, gates: Tensor | None = None) -> BranchOutput:
        """Features of n tiles -> uncalibrated logits (n, classes), with the `k` strongest branches only.

        Args:
            features: of the shared encoder.
            k: branches a tile.
            gates: (n, branches) to use in place of the gate's own, such as an oracle's.
        """
        x, cover = self.stem(features)
        return self.body(x, k, cover=cover, gates=gates)


def _resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """(n, C, h, w) on another grid, the nearest cell repeated."""
    return x if x.shape[2:] == tuple(size) else nn.functional.interpolate(x, tuple(size), mode="nearest")


def _covered(x: Tensor, coverage: Tensor) -> Tensor:
    """(n, C, h, w) with zeros in every cell that has no valid pixel in the bottleneck's cell around it."""
    return x * (_resized(coverage, x.shape[2:]) > 0)
