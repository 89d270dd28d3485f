"""A decoder in deploy form: every unit one convolution, as bundles hold it."""

from __future__ import annotations

import torch

from ...networks.expert import Expert
from ...networks.folding import fold_into


def folded(expert: Expert) -> Expert:
    """The equivalent decoder without BatchNorm, in eval mode; one in deploy form is copied."""
    skips = tuple(unit.conv.in_channels for unit in expert.lateral)
    widths = tuple(unit.conv.out_channels for unit in expert.lateral)
    head = expert.head if expert.heads == 1 else expert.head.common
    target = Expert(skips, widths, head.out_channels // 4, heads=expert.heads, deploy=True)
    return fold_into(expert, target).to(memory_format=torch.channels_last)
