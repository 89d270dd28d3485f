"""Multiply-accumulates of each part of the network, counted from the modules that really run.

Convolutions, linear layers and, of the objects expert, the products of its attentions and its bilinear reads
of the maps. Not counted are normalisation, activations, softmax, pooling, resizing and sorting.
"""

from __future__ import annotations

from contextlib import contextmanager

import torch
from torch import nn

from ..spec import Macs
from .hydranet import HydraNet
from .objects.attention import BoxAttention, SelfAttention
from .objects.memory import STRIDES


class MacCounter:
    """Adds up the multiply-accumulates of every convolution, linear layer and attention called."""

    def __init__(self) -> None:
        self.total = 0

    def _hook(self, module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            per_value = module.in_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]
        elif isinstance(module, SelfAttention):  # queries by keys, weights by values; its layers count apart
            per_value = 2 * output.shape[1]
        elif isinstance(module, BoxAttention):  # four neighbours and a weight for each point that is read
            per_value = 5 * len(STRIDES) * module.points
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
        if isinstance(part, nn.Conv2d | nn.Linear | SelfAttention | BoxAttention)
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
            network.detect(name, features) if network.finds_objects(name) else network.decode(name, features)
        experts[name] = expert.total
    network.train(was_training)
    return Macs(encoder.total, switcher.total, experts)
