"""Multiply-accumulates of each part of the network, counted from the modules that really run."""

from __future__ import annotations

from contextlib import contextmanager

import torch
from torch import nn

from ..spec import Macs
from .hydranet import HydraNet


class MacCounter:
    """Adds up the multiply-accumulates of every convolution and linear layer called."""

    def __init__(self) -> None:
        self.total = 0

    def _hook(self, module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            per_value = module.in_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]
        else:
            per_value = module.in_features
        self.total += output.numel() * per_value


@contextmanager
def counting(module: nn.Module):
    """Count what runs inside the block: `with counting(net) as counter: ...; counter.total`."""
    counter = MacCounter()
    hooks = [
        part.register_forward_hook(counter._hook)
        for part in module.modules()
        if isinstance(part, nn.Conv2d | nn.Linear)
    ]
    try:
        yield counter
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def count_macs(network: HydraNet, tile_size: int) -> Macs:
    """Run one tile of zeros (the count does not depend on values) and count each part."""
    size = (1, 1, tile_size, tile_size)
    parameter = next(network.parameters())
    zeros = {"device": parameter.device, "dtype": parameter.dtype}
    was_training = network.training
    network.eval()
    with counting(network.encoder) as encoder:
        features = network.encode(
            torch.zeros(1, 8, *size[2:], **zeros), torch.ones(1, 8, **zeros), torch.ones(size, **zeros)
        )
    with counting(network.switcher) as switcher:
        network.switcher(features)
    experts = {}
    for name in network.experts:
        with counting(network.experts[name]) as expert:
            network.decode(name, features)
        experts[name] = expert.total
    network.train(was_training)
    return Macs(encoder.total, switcher.total, experts)
