"""Put a trained scene expert beside everything else that a bundle holds, in a new bundle."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ... import mlm
from ...bundle import WEIGHTS_FILE, BundleInfo, check_weights, read_info, write_bundle
from ...errors import RequestError
from ...networks.blocks import ConvUnit
from ...networks.encoder import Features
from ...networks.macs import counting
from ...networks.scene_head import SceneHead
from ...scene_expert import SceneExpertSpec
from ..controls import CONTROLS_FILE
from ..export import made_now

PREFIX = "scene."
"""How the names of the scene expert's tensors begin."""


@torch.no_grad()
def folded_head(head: SceneHead, spec: SceneExpertSpec, encoder_widths: tuple[int, ...]) -> SceneHead:
    """The equivalent head as bundles hold it: a convolution a unit, the gate's temperature in its weights."""
    target = SceneHead.of(spec, encoder_widths, deploy=True)
    units, given = dict(head.named_modules()), head.state_dict()
    state = {key: value.clone() for key, value in given.items() if key in target.state_dict()}
    for name, module in target.named_modules():
        if isinstance(module, ConvUnit):
            state[f"{name}.conv.weight"], state[f"{name}.conv.bias"] = units[name].folded()
    for part in ("weight", "bias"):
        state[f"body.gate.linear.{part}"] /= head.body.gate.temperature
    target.load_state_dict(state)  # strict: every parameter must have been given
    return target.eval()


@torch.no_grad()
def head_macs(head: SceneHead, encoder_widths: tuple[int, ...], tile_size: int) -> tuple[int, int]:
    """Multiply-accumulates of a tile: what every tile costs, and what each branch adds.

    Counted from what runs with one branch and with two; with one alone, from that branch.
    """
    edges = [tile_size >> (level + 1) for level in range(len(encoder_widths))]
    levels = tuple(torch.zeros(1, n, edge, edge) for n, edge in zip(encoder_widths, edges, strict=True))
    features = Features(levels, torch.ones(1, 1, edges[-1], edges[-1]))
    with counting(head) as one:
        head(features, 1)
    with counting(head.body.branches[0]) as branch:
        head.body.branches[0](head.stem(features)[0])
    return one.total - branch.total, branch.total


def scene_bundle(
    bundle: Path, folder: Path, head: SceneHead, spec: SceneExpertSpec, provenance: dict[str, Any]
) -> BundleInfo:
    """Write `bundle` with a scene expert to `folder`; a former scene expert is replaced.

    Args:
        bundle: stays as it is.
        folder: of the new one.
        head: folded, see `folded_head`.
        spec: what it is.
        provenance: how it was trained, kept under `training["scene"]`.

    Raises:
        BundleError: `bundle` is not sound.
        RequestError: `folder` is `bundle`.
    """
    if folder.resolve() == bundle.resolve():
        raise RequestError(
            f"{folder} is the bundle that the scene expert is added to; choose another run folder."
        )
    info = read_info(bundle)
    kept = others(load_file(check_weights(info)))
    added = {PREFIX + name: value.contiguous() for name, value in head.state_dict().items()}
    data = {key: value for key, value in info.data.items() if key not in ("format", "sha256")}
    data |= {
        **made_now(),
        "scene": spec.as_dict(),
        "training": {**info.data["training"], "scene": provenance},
    }
    given = mlm.outputs(info.experts, info.tile_size, objects=info.objects, scene=spec)
    data["mlm"] = mlm.updated(data["mlm"], _count(kept) + _count(added), given)
    # Figures of the experts stand, for their tensors are the same; those of a former scene expert do not.
    data["metrics"] = {key: value for key, value in data["metrics"].items() if key != "scene"}
    folder.mkdir(parents=True, exist_ok=True)
    if (bundle / CONTROLS_FILE).is_file():
        shutil.copyfile(bundle / CONTROLS_FILE, folder / CONTROLS_FILE)
    written = write_bundle(folder, data, {**kept, **added})
    check_kept(kept, others(load_file(written.folder / WEIGHTS_FILE)))
    return written


def encoder_digest(encoder: nn.Module) -> str:
    """SHA-256 over an encoder's tensors: two bundles with the same one take the same scene expert."""
    digest = hashlib.sha256()
    for name, value in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return f"sha256:{digest.hexdigest()}"


def others(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A bundle's tensors without those of its scene expert."""
    return {name: value for name, value in tensors.items() if not name.startswith(PREFIX)}


def check_kept(before: dict[str, Tensor], after: dict[str, Tensor]) -> None:
    """Raise RuntimeError unless every tensor is the same, bit for bit."""
    changed = [
        name
        for name in before.keys() | after.keys()
        if name not in before
        or name not in after
        or before[name].dtype != after[name].dtype
        or before[name].contiguous().view(torch.uint8).ne(after[name].contiguous().view(torch.uint8)).any()
    ]
    if changed:
        raise RuntimeError(f"Frozen tensors changed while an expert was added: {sorted(changed)}.")


def _count(tensors: dict[str, Tensor]) -> int:
    return sum(value.numel() for value in tensors.values())
