"""Start a training from a bundle: its folded convolutions take their trainable form again.

A bundle holds one convolution per unit and no BatchNorm. Here the convolution becomes the 3x3 branch of
the unit, the other branches start without a say, and the BatchNorm behind it gets the statistics that the
convolution's output really has on training tiles. So the first step of the new training sees the function
that the bundle computed, whether BatchNorm uses its running statistics or those of the batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ..bundle import WEIGHTS_FILE, check_weights, read_info
from ..errors import RequestError
from ..networks.blocks import ConvUnit
from ..networks.hydranet import HydraNet, NetworkConfig
from .pack import Sample
from .recipe import Recipe
from .sampling import TileSampler, TileStream

MEASURED = 4
"""Batches of 16 tiles the statistics of BatchNorm are measured on."""


def start_from(bundle: Path, network: HydraNet, samples: list[Sample], recipe: Recipe) -> list[str]:
    """Fill a new network from a bundle; returns the experts it had nothing for.

    The joint training has no heads, no scene and no objects expert: an expert that has heads in the bundle
    starts with what all of them have in common, and the bundle's scene and objects experts are left behind.

    Raises:
        BundleError: the bundle is not sound.
        RequestError: its network has other widths or depths than the recipe's.
    """
    info = read_info(bundle, former=True)
    config = NetworkConfig.from_dict(info.data["network"])
    if config != recipe.network:
        raise RequestError(
            f"The bundle in {bundle} holds a network of another shape than the recipe's; train from scratch."
        )
    folded = HydraNet(
        config,
        {expert.name: expert.channels for expert in info.experts},
        heads={expert.name: expert.heads for expert in info.experts},
        scene=info.scene,
        objects=info.objects,
        deploy=True,
    )
    folded.load_state_dict(load_file(check_weights(info)))
    stream = iter(TileStream(TileSampler(samples, 128, recipe.task_weights), 16, recipe.seed))
    return unfold(folded.eval(), network, [next(stream) for _ in range(MEASURED)])


def identity(bundle: Path, fresh: list[str]) -> dict[str, Any]:
    """What a later reader must know of the bundle a training started from, and of its new experts."""
    info = read_info(bundle, former=True)
    return {
        "id": info.data["id"],
        "version": info.data["version"],
        "created": info.data["created"],
        "weights": info.data["sha256"][WEIGHTS_FILE],
        "new_experts": fresh,
    }


@torch.no_grad()
def unfold(folded: HydraNet, target: HydraNet, batches: Iterable[dict[str, Tensor]]) -> list[str]:
    """Give `target`, a trainable network, the function of `folded`.

    Args:
        folded: a network in deploy form.
        target: the same shape in trainable form; experts that `folded` lacks keep their initial weights, and
            those without the heads that they have there get what these have in common.
        batches: collated training batches for the statistics of BatchNorm; a few dozen tiles are enough.

    Returns:
        The experts of `target` that `folded` had nothing for.
    """
    given = dict(folded.named_modules())
    plain = folded.state_dict()
    state = target.state_dict()
    for name, value in plain.items():
        if name in state and state[name].shape == value.shape:
            state[name].copy_(value)
    for name, heads in folded.heads.items():
        if heads > 1 and target.heads.get(name) == 1:
            for part in ("weight", "bias"):
                state[f"experts.{name}.head.{part}"].copy_(plain[f"experts.{name}.head.common.{part}"])
    started = {}
    for name, unit in target.named_modules():
        if isinstance(unit, ConvUnit) and name in given:
            _as_identity(unit, *given[name].folded())
            started[name] = unit
    rows = [number for number, name in enumerate(target.channels) if name in folded.channels]
    kept = [list(folded.channels).index(name) for name in target.channels if name in folded.channels]
    for part in ("weight", "bias"):  # the switcher has a row per expert
        state[f"switcher.out.{part}"][rows] = plain[f"switcher.out.{part}"][kept]
    _measure(target, started.values(), batches)
    return [name for name in target.channels if name not in folded.channels]


def _as_identity(unit: ConvUnit, kernel: Tensor, bias: Tensor) -> None:
    """The folded kernel as the unit's convolution, BatchNorm that only adds the bias, silent branches."""
    unit.conv.weight.copy_(kernel)
    _set(unit.norm, torch.zeros_like(bias), torch.ones_like(bias) - unit.norm.eps, bias)
    for norm in (unit.point_norm, unit.skip_norm):
        if norm is not None:
            norm.weight.zero_()
            norm.bias.zero_()


def _set(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, bias: Tensor) -> None:
    """Statistics and an affine part that undoes them, so that the output is the input plus `bias`."""
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(torch.sqrt(variance + norm.eps))
    norm.bias.copy_(bias + mean)


def _measure(target: HydraNet, units: Iterable[ConvUnit], batches: Iterable[dict[str, Tensor]]) -> None:
    """Replace the identity statistics by those of the layers' real inputs; the function stays."""
    sums: dict[nn.BatchNorm2d, list[Tensor]] = {}

    def collect(norm: nn.BatchNorm2d, inputs: tuple[Tensor], _output: Tensor) -> None:
        x = inputs[0].float().transpose(0, 1).flatten(1)
        rows = sums.setdefault(norm, [torch.zeros(()), torch.zeros(len(x)), torch.zeros(len(x))])
        rows[0] += x.shape[1]
        rows[1] += x.sum(1)
        rows[2] += x.square().sum(1)

    main = [unit.norm for unit in units]
    others = [n for unit in units for n in (unit.point_norm, unit.skip_norm) if n is not None]
    hooks = [norm.register_forward_hook(collect) for norm in [*main, *others]]
    try:
        target.eval()
        for batch in batches:
            target(batch["reflectance"], batch["available"], batch["valid"])
    finally:
        for hook in hooks:
            hook.remove()
    for norm in [*main, *others]:
        count, first, second = sums[norm]
        mean = first / count
        variance = (second / count - mean.square()).clamp_min(1e-8)
        if norm in main:
            _set(norm, mean, variance, norm.bias.clone())
        else:  # silent still, but ready to be listened to
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
