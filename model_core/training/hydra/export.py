"""A bundle with Hydra experts in the place of single ones, and everything else as it was, bit by bit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ... import mlm
from ...bundle import BundleInfo, write_bundle
from ...errors import BundleError
from ...networks.encoder import Features
from ...networks.expert import Expert
from ...networks.macs import counting
from ..controls import CONTROLS_FILE
from ..export import made_now
from ..framework.checkpoint import digest
from .frozen import Frozen


@torch.no_grad()
def expert_macs(frozen: Frozen, expert: Expert) -> int:
    """Multiply-accumulates of a tile that the expert decodes, with all its heads."""
    size = frozen.info.tile_size
    levels = tuple(
        torch.zeros(1, width, size >> (i + 1), size >> (i + 1))
        for i, width in enumerate(frozen.config.encoder_widths)
    )
    with counting(expert) as counter:
        expert(Features(levels, torch.ones(1, 1, size // 32, size // 32)))
    return counter.total


def parameters(expert: Expert) -> int:
    """Number of values of a decoder."""
    return sum(value.numel() for value in expert.parameters())


def export_hydra(
    folder: Path, frozen: Frozen, experts: Mapping[str, Expert], records: Mapping[str, Mapping[str, Any]]
) -> BundleInfo:
    """Write the bundle of `frozen` with some of its experts replaced.

    The figures of the former bundle are not those of the new one, so it starts without any: they come from
    `hydranet evaluate --card`.

    Args:
        folder: where it goes.
        frozen: the bundle that the training started from.
        experts: by name, in deploy form, with their decision offsets.
        records: by name, what is told of the training; "offsets" is kept as the expert's decision offsets.

    Raises:
        BundleError: a tensor that had to stay did not, or the new one does not fit its description.
    """
    info = frozen.info
    replaced = tuple(f"experts.{name}." for name in experts)
    tensors = {key: value for key, value in frozen.tensors.items() if not key.startswith(replaced)}
    kept = digest(tensors)
    for name, expert in experts.items():
        tensors |= {f"experts.{name}.{key}": value for key, value in expert.state_dict().items()}
    specs = [
        replace(spec, heads=experts[spec.name].heads) if spec.name in experts else spec
        for spec in info.experts
    ]
    costs = dict(info.data["macs"])
    costs["experts"] = costs["experts"] | {name: expert_macs(frozen, e) for name, e in experts.items()}
    training = dict(info.data["training"])
    training["hydra"] = {
        "how": "an ensemble of decoders on the frozen encoder, distilled into one decoder with a head for "
        "each member",
        "from": {
            "id": info.data["id"],
            "version": info.data["version"],
            "created": info.data["created"],
            "sha256": info.sha256,
        },
        "encoder_sha256": frozen.sha256,
        "experts": {name: dict(record) for name, record in records.items()},
    }
    offsets = {name: record["offsets"] for name, record in records.items()}
    training["decision_offsets"] = dict(training.get("decision_offsets", {})) | offsets
    count = sum(value.numel() for value in tensors.values())
    given = mlm.outputs(specs, info.tile_size, objects=info.objects, scene=info.scene)
    data = {
        **info.data,
        **made_now(),
        "experts": [spec.as_dict() for spec in specs],
        "macs": costs,
        "training": training,
        "metrics": {"split": None},
        "mlm": mlm.updated(info.data["mlm"], _parameters(info, frozen, count), given),
    }
    data.pop("sha256")
    written = write_bundle(folder, data, tensors)
    _copy_controls(info.folder, folder)
    check_kept(folder, experts, kept)
    return written


def _parameters(info: BundleInfo, frozen: Frozen, count: int) -> int:
    """The number of parameters, which leaves out buffers as it did before."""
    former = sum(value.numel() for value in frozen.tensors.values())
    return int(info.data["mlm"]["mlm:total_parameters"]) + count - former


def check_kept(folder: Path, experts: Mapping[str, Expert], kept: str) -> None:
    """Read a written bundle back: its other tensors are those of the former one, and it fits.

    Args:
        folder: of the bundle.
        experts: the ones that were replaced.
        kept: `digest` of all the other tensors of the former bundle.

    Raises:
        BundleError: they are not.
    """
    written = Frozen(folder)
    replaced = tuple(f"experts.{name}." for name in experts)
    rest = {key: value for key, value in written.tensors.items() if not key.startswith(replaced)}
    if digest(rest) != kept:
        raise BundleError(
            f"The bundle in {folder} has other weights than the former one outside of its new experts; do "
            "not use it, train again into another folder."
        )
    for name, expert in experts.items():
        if digest(written.expert(name).state_dict()) != digest(expert.state_dict()):
            raise BundleError(f"Expert '{name}' of the bundle in {folder} is not the trained one.")


def _copy_controls(source: Path, target: Path) -> None:
    """The control routers read the same encoder and switcher, so they stay with the bundle."""
    if (source / CONTROLS_FILE).is_file():
        part = target / f"{CONTROLS_FILE}.part"
        shutil.copyfile(source / CONTROLS_FILE, part)
        os.replace(part, target / CONTROLS_FILE)
