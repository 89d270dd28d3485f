"""Light heads on one body: the members of an ensemble at a fraction of its cost (Hydra, Tran et al. 2020).

Every head sees the same features of the body. What a head says is what all of them say -- one 3x3
convolution, as an expert without heads has it -- plus a correction of its own, from a few channels at two
resolutions. The corrections of all heads are two pointwise convolutions, the second one grouped by head, so
that no head reads another's channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import upsample

HIDDEN = 16
"""Channels of a head's correction."""


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
        self.common = nn.Conv2d(fine, outputs, 3, padding=1)
        self.near = nn.Conv2d(fine, heads * HIDDEN, 1)
        self.wide = nn.Conv2d(coarse, heads * HIDDEN, 1, bias=False)
        self.own = nn.Conv2d(heads * HIDDEN, heads * outputs, 1, groups=heads)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(B, fine, h, w) and (B, coarse, h / 2, w / 2) -> (B, M * outputs, h, w), head after head."""
        hidden = torch.relu(self.near(fine) + upsample(self.wide(coarse)))
        return self.own(hidden) + self.common(fine).repeat(1, self.heads, 1, 1)

    @torch.no_grad()
    def start_equal(self, head: nn.Conv2d) -> None:
        """Begin with every head saying what `head`, that of an expert without heads, said."""
        self.common.weight.copy_(head.weight)
        self.common.bias.copy_(head.bias)
        nn.init.zeros_(self.own.weight)
        nn.init.zeros_(self.own.bias)
