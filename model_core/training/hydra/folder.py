"""What a Hydra training leaves in its run folder: the ensemble and both of its students.

`R/<expert>/members/member-<i>.safetensors`, `averaged.safetensors` and `hydra.safetensors` hold decoders in
deploy form and *without* decision offsets, so that all of them can be compared as they were trained. What
the bundle `R/bundle` holds has the offsets in the bias of its heads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...errors import RequestError
from ...networks.expert import Expert
from ...networks.hydranet import NetworkConfig

AVERAGED, HYDRA, RECENTRED = "averaged.safetensors", "hydra.safetensors", "recentred.safetensors"


@dataclass(frozen=True)
class HydraDecoders:
    """Decoders of one expert, all in deploy form and eval mode.

    Attributes:
        members: the ensemble.
        averaged: student of the members' mean.
        hydra: student with a head for each member.
        recentred: the same around the bundle's former decoder, see `distil.Distillation.recentred`; None if
            the run has none.
    """

    members: list[Expert]
    averaged: Expert
    hydra: Expert
    recentred: Expert | None = None


def save_expert(path: Path, expert: Expert) -> None:
    """Write a decoder whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({key: value.clone().contiguous() for key, value in expert.state_dict().items()}, part)
    os.replace(part, path)


def save_decoders(folder: Path, decoders: HydraDecoders) -> None:
    """Write the decoders of an expert into its folder of the run."""
    save_members(folder, decoders.members)
    save_expert(folder / AVERAGED, decoders.averaged)
    save_expert(folder / HYDRA, decoders.hydra)


def save_members(folder: Path, members: Sequence[Expert]) -> None:
    """Write the ensemble."""
    for number, member in enumerate(members):
        save_expert(folder / "members" / f"member-{number}.safetensors", member)


def load_members(folder: Path, count: int, config: NetworkConfig, channels: int) -> list[Expert] | None:
    """The ensemble of `count` members; None if it is not whole yet."""
    paths = [folder / "members" / f"member-{number}.safetensors" for number in range(count)]
    if not all(path.is_file() for path in paths):
        return None
    return [_expert(path, config, channels, 1) for path in paths]


def load_decoders(run: Path, expert: str, network_config: NetworkConfig, channels: int) -> HydraDecoders:
    """Read what was trained for an expert.

    Args:
        run: run folder of `hydranet train hydra`.
        expert: its name.
        network_config: of the bundle that the run started from.
        channels: C, classes of the expert.

    Raises:
        RequestError: the run has no finished decoders of the expert, or of another shape.
    """
    folder = run / expert
    count = len(list((folder / "members").glob("member-*.safetensors")))
    members = load_members(folder, count, network_config, channels)
    if count < 2 or members is None or not all((folder / name).is_file() for name in (AVERAGED, HYDRA)):
        raise RequestError(
            f"{run} holds no finished ensemble and students of '{expert}'; train them with "
            f"hydranet train hydra --expert {expert} --run {run} --data PACK."
        )
    return HydraDecoders(
        members,
        _expert(folder / AVERAGED, network_config, channels, 1),
        _expert(folder / HYDRA, network_config, channels, count),
        _expert(folder / RECENTRED, network_config, channels, count)
        if (folder / RECENTRED).is_file()
        else None,
    )


def _expert(path: Path, config: NetworkConfig, channels: int, heads: int) -> Expert:
    expert = Expert(config.encoder_widths, config.expert_widths, channels, heads=heads, deploy=True)
    try:
        tensors: dict[str, Tensor] = load_file(path)
        expert.load_state_dict(tensors)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise RequestError(
            f"{path} is no decoder of {channels} classes and {heads} heads ({error}); train it again."
        ) from error
    return expert.to(memory_format=torch.channels_last).eval()
