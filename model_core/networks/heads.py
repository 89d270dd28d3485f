"""Light heads on one body: the members of an ensemble at a fraction of its cost (Hydra, Tran et al. 2020).

Every head sees the same features of the body. What a head says is what all of them say -- one 3x3
convolution, as an expert without heads has it -- plus a correction of its own, from a few channels at two
resolutions. The corrections of all heads are two pointwise convolutions, the second one grouped by head, so
that no head reads another's channels.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .blocks import upsample

HIDDEN = 16
"""Channels of a head's correction."""


class PartConv(nn.Conv2d):
    """A convolution that can be asked for some of its output channels alone."""

    def forward(self, x: Tensor, part: slice = slice(None)) -> Tensor:
        """(B, C, h, w) -> (B, n, h, w), the output channels in `part`; `x` holds what these read."""
        bias = None if self.bias is None else self.bias[part]
        return nn.functional.conv2d(x, self.weight[part], bias)


class HydraHeads(nn.Module):
    """M heads over the last two resolutions of a decoder.

    Args:
        fine: channels at half resolution.
        coarse: channels at a quarter of the resolution.
        outputs: values that each head gives at half resolution.
        heads: M, 2 or more.
    """

    def __init__(self, fine: int, coarse: int, outputs: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.outputs = outputs
        self.common = nn.Conv2d(fine, outputs, 3, padding=1)
        self.near = PartConv(fine, heads * HIDDEN, 1)
        self.wide = PartConv(coarse, heads * HIDDEN, 1, bias=False)
        self.own = PartConv(heads * HIDDEN, heads * outputs, 1, groups=heads)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(B, fine, h, w) and (B, coarse, h / 2, w / 2) -> (B, M * outputs, h, w), head after head."""
        return torch.cat(list(self.each(fine, coarse)), 1)

    def each(self, fine: Tensor, coarse: Tensor) -> Iterator[Tensor]:
        """What each head says, (B, outputs, h, w), one after the other.

        A head's few channels stay in a processor's cache, where those of all heads do not: 5 heads took a
        third of the time, for the same bytes.
        """
        common = self.common(fine)
        for head in range(self.heads):
            hidden = slice(head * HIDDEN, (head + 1) * HIDDEN)
            mixed = torch.relu(upsample(self.wide(coarse, hidden)) + self.near(fine, hidden))
            yield self.own(mixed, slice(head * self.outputs, (head + 1) * self.outputs)) + common

    @torch.no_grad()
    def start_equal(self, head: nn.Conv2d) -> None:
        """Begin with every head saying what `head`, that of an expert without heads, said."""
        self.common.weight.copy_(head.weight)
        self.common.bias.copy_(head.bias)
        nn.init.zeros_(self.own.weight)
        nn.init.zeros_(self.own.bias)
