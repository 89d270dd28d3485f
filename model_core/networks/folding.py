"""From the form a network is trained in to the form that runs: the same function in fewer operations."""

from __future__ import annotations

import torch
from torch import nn

from .blocks import ConvUnit
from .gate import Gate


@torch.no_grad()
def fold_into(source: nn.Module, target: nn.Module) -> nn.Module:
    """Fill the folded form of a network from its trained form.

    Every unit with a `folded` method becomes one layer, and a gate's temperature becomes part of its weights.

    Args:
        source: trained; one in deploy form is copied.
        target: the same network built with `deploy=True`; filled strictly.

    Returns:
        The target, in evaluation mode.
    """
    units = dict(source.named_modules())
    given, wanted = source.state_dict(), target.state_dict()
    state = {key: value for key, value in given.items() if key in wanted}
    for name, module in target.named_modules():
        if isinstance(module, Gate):
            for part in ("weight", "bias"):
                key = f"{name}.linear.{part}"
                state[key] = given[key] / units[name].temperature
            module.temperature = 1.0
        elif hasattr(module, "folded") and name:
            layer = "conv" if isinstance(module, ConvUnit) else "linear"
            state[f"{name}.{layer}.weight"], state[f"{name}.{layer}.bias"] = units[name].folded()
    target.load_state_dict(state)  # strict: every parameter must have been given
    return target.eval()
