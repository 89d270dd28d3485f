"""A decoder in deploy form: every unit one convolution, as bundles hold it."""

from __future__ import annotations

import torch

from ...networks.blocks import ConvUnit
from ...networks.expert import Expert


@torch.no_grad()
def folded(expert: Expert) -> Expert:
    """The equivalent decoder without BatchNorm, in eval mode; one in deploy form is copied."""
    units = {name: unit for name, unit in expert.named_modules() if isinstance(unit, ConvUnit)}
    skips = tuple(unit.conv.in_channels for unit in expert.lateral)
    widths = tuple(unit.conv.out_channels for unit in expert.lateral)
    head = expert.head if expert.heads == 1 else expert.head.common
    target = Expert(skips, widths, head.out_channels // 4, heads=expert.heads, deploy=True)
    state = {
        key: value.detach().clone()
        for key, value in expert.state_dict().items()
        if key in target.state_dict()
    }
    for name, unit in units.items():
        state[f"{name}.conv.weight"], state[f"{name}.conv.bias"] = unit.folded()
    target.load_state_dict(state)  # strict: every parameter must have been given
    return target.to(memory_format=torch.channels_last).eval()
