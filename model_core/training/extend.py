"""A new bundle from another one: experts and switcher rows added or replaced, all else the same bits.

The new one is written beside its name, read back, and compared part by part with the one it was made from;
only then it gets its name, `model.json` last.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .. import mlm
from ..bundle import (
    MODEL_FILE,
    WEIGHTS_FILE,
    BundleInfo,
    check_weights,
    file_digest,
    load_bundle,
    read_info,
    write_bundle,
)
from ..errors import BundleError, OutputError, RequestError
from ..networks.encoder import Features
from ..networks.expert import Expert
from ..networks.macs import counting
from ..spec import ExpertSpec
from .calibration import Calibration
from .controls import CONTROLS_FILE
from .export import made_now
from .framework.checkpoint import digest, under
from .scene.export import check_kept

OUT = "switcher.out"
ROWS = (f"{OUT}.weight", f"{OUT}.bias")
"""The layer of the switcher that has a row for each expert."""

STAGING = "new-bundle"

_PER_EXPERT = ("experts", "risk", "pictures")
"""Sections of a bundle's figures with an entry for each expert."""


@dataclass(frozen=True)
class NewRow:
    """A row of the switcher's output layer, with what its score means.

    Attributes:
        weight: float32 (H,).
        bias: a float32 value.
        calibration: temperature, bias and threshold.
        needed_scores: ascending, see `ExpertSpec`.
        basis: what stands behind `needed_scores`, as `training["recall"]` tells it.
    """

    weight: Tensor
    bias: float
    calibration: Calibration
    needed_scores: tuple[float, ...]
    basis: Mapping[str, Any]


@dataclass(frozen=True)
class NewExpert:
    """An expert of kind classes that is added, or takes the place of the one of its name.

    Attributes:
        spec: what it is; calibration, threshold and needed scores come from its row, if it gets one.
        module: folded.
    """

    spec: ExpertSpec
    module: Expert


@dataclass(frozen=True)
class Extension:
    """What becomes of a bundle.

    Attributes:
        id, title: of the new bundle.
        experts: added ones go behind those that there are; each of them needs a row.
        rows: by the name of the expert, added or replaced.
        provenance: how it was trained, added to the list `training["own"]`.
    """

    id: str
    title: str
    experts: Sequence[NewExpert] = ()
    rows: Mapping[str, NewRow] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)


def extend_bundle(bundle: Path, folder: Path, extension: Extension) -> tuple[BundleInfo, dict[str, str]]:
    """Write `bundle` with experts and rows added or replaced to `folder`.

    Args:
        bundle: stays as it is.
        folder: of the new one; one that lies there is replaced.
        extension: what is new.

    Returns:
        The new bundle, and the SHA-256 of every part that is the same in both, see `parts_of`.

    Raises:
        BundleError: `bundle` is not sound, or the new one is not what it should be: it gets no name then.
        OutputError: the disk does not take it.
        RequestError: `folder` is `bundle`.
        ValueError: an added expert has no row, or a row no expert, or one of another length.
    """
    if folder.resolve() == bundle.resolve():
        raise RequestError(f"{folder} is the bundle that is extended; choose another folder.")
    info = read_info(bundle)
    before = load_file(check_weights(info))
    _check(info, before, extension)
    names = [one.name for one in info.experts]
    names += [one.spec.name for one in extension.experts if one.spec.name not in names]
    tensors = _tensors(info, before, names, extension)
    data = _description(info, names, extension, sum(value.numel() for value in tensors.values()), before)
    staging = folder / STAGING
    try:
        shutil.rmtree(staging, ignore_errors=True)
        controls = _controls(info)
        if controls is None:
            data["training"].pop("controls", None)
        written = write_bundle(staging, data, tensors)
        if controls is not None:
            shutil.copyfile(controls, staging / CONTROLS_FILE)
        kept = check_extended(info, written, extension)
        (folder / MODEL_FILE).unlink(missing_ok=True)  # of a former bundle, which would not fit the weights
        for name in (CONTROLS_FILE, WEIGHTS_FILE, MODEL_FILE):
            if (staging / name).is_file():
                os.replace(staging / name, folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        why = getattr(error, "strerror", None) or error
        raise OutputError(
            f"The bundle could not be written to '{folder}' ({why}); check the free "
            "space and the rights of the folder, then run again."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return read_info(folder), kept


def parts_of(info: BundleInfo, tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """A bundle's tensors by the part that they belong to.

    "encoder", "switcher.hidden", "scene" where there is one, "experts.<name>" and, for each row of the
    switcher, "switcher.out.<name>".
    """
    parts = {"encoder": under(tensors, "encoder"), "switcher.hidden": under(tensors, "switcher.hidden")}
    if info.scene is not None:
        parts["scene"] = under(tensors, "scene")
    for number, expert in enumerate(info.experts):
        parts[f"experts.{expert.name}"] = under(tensors, f"experts.{expert.name}")
        parts[f"{OUT}.{expert.name}"] = {name: tensors[name][number : number + 1] for name in ROWS}
    return parts


def check_extended(before: BundleInfo, after: BundleInfo, extension: Extension) -> dict[str, str]:
    """Make sure that a written bundle loads, and differs from the former one in nothing but the extension.

    Returns:
        SHA-256 by the name of every part that was to stay, see `parts_of`.

    Raises:
        BundleError: it does not load, or a part that was to stay did not.
    """
    load_bundle(after.folder, device="cpu", precision="fp32")
    old = parts_of(before, load_file(check_weights(before)))
    new = parts_of(after, load_file(check_weights(after)))
    changed = {f"experts.{one.spec.name}" for one in extension.experts}
    changed |= {f"{OUT}.{name}" for name in extension.rows}
    stay = [name for name in old if name not in changed]
    other = sorted(set(old) - set(new) | set(new) - set(old) - changed)
    for name in stay:
        try:
            check_kept(old[name], new.get(name, {}))
        except RuntimeError:
            other.append(name)
    if other:
        raise BundleError(
            f"The bundle in {after.folder} differs from the former one in {', '.join(sorted(set(other)))}, "
            "which had to stay as it was; nothing of it is kept, please report it."
        )
    return {name: digest(new[name]) for name in stay}


@torch.no_grad()
def expert_macs(expert: nn.Module, encoder_widths: Sequence[int], tile_size: int) -> int:
    """Multiply-accumulates of a tile that an expert decodes, with all its heads."""
    levels = tuple(
        torch.zeros(1, width, tile_size >> (i + 1), tile_size >> (i + 1))
        for i, width in enumerate(encoder_widths)
    )
    with counting(expert) as counter:
        expert(Features(levels, torch.ones(1, 1, tile_size // 32, tile_size // 32)))
    return counter.total


def _check(info: BundleInfo, tensors: Mapping[str, Tensor], extension: Extension) -> None:
    there, hidden = {one.name for one in info.experts}, tensors[ROWS[0]].shape[1]
    given = {one.spec.name for one in extension.experts}
    lacking = given - there - set(extension.rows)
    if lacking or set(extension.rows) - there - given:
        rows = sorted(extension.rows)
        raise ValueError(f"experts {sorted(given)} and rows {rows} do not fit {sorted(there)}")
    for name, row in extension.rows.items():
        if row.weight.shape != (hidden,):
            raise ValueError(f"the row of '{name}' has shape {tuple(row.weight.shape)}; expected ({hidden},)")


def _tensors(
    info: BundleInfo, before: Mapping[str, Tensor], names: Sequence[str], extension: Extension
) -> dict[str, Tensor]:
    gone = tuple(f"experts.{one.spec.name}." for one in extension.experts)
    kept = {key: value for key, value in before.items() if not key.startswith(gone) and key not in ROWS}
    for one in extension.experts:
        state = one.module.state_dict()
        kept |= {f"experts.{one.spec.name}.{key}": value.contiguous() for key, value in state.items()}
    weight, bias = (before[name] for name in ROWS)
    new = len(names) - len(info.experts)
    layer = {
        ROWS[0]: torch.cat([weight, weight.new_zeros(new, weight.shape[1])]),
        ROWS[1]: torch.cat([bias, bias.new_zeros(new)]),
    }
    for name, row in extension.rows.items():
        layer[ROWS[0]][names.index(name)] = row.weight.to(weight)
        layer[ROWS[1]][names.index(name)] = row.bias
    return kept | layer


def _description(
    info: BundleInfo, names: Sequence[str], extension: Extension, count: int, before: Mapping[str, Tensor]
) -> dict[str, Any]:
    """model.json of the new bundle, without format and checksums."""
    specs = {one.name: one for one in info.experts} | {one.spec.name: one.spec for one in extension.experts}
    for name, row in extension.rows.items():
        fitted = row.calibration
        specs[name] = replace(
            specs[name],
            temperature=fitted.temperature,
            bias=fitted.bias,
            threshold=fitted.threshold,
            needed_scores=row.needed_scores,
        )
    costs = {**info.data["macs"], "experts": dict(info.data["macs"]["experts"])}
    widths = info.data["network"]["encoder_widths"]
    for one in extension.experts:
        costs["experts"][one.spec.name] = expert_macs(one.module, widths, info.tile_size)
    costs["switcher"] += before[ROWS[0]].shape[1] * (len(names) - len(info.experts))
    former = sum(value.numel() for value in before.values())  # the number leaves out buffers, as before
    parameters = int(info.data["mlm"]["mlm:total_parameters"]) + count - former
    listed = [specs[name] for name in names]
    given = mlm.outputs(listed, info.tile_size, objects=info.objects, scene=info.scene)
    data = {key: value for key, value in info.data.items() if key not in ("format", "sha256")}
    return data | {
        **made_now(),
        "id": extension.id,
        "title": extension.title,
        "experts": [specs[name].as_dict() for name in names],
        "macs": costs,
        "training": _training(info, extension),
        "metrics": _metrics(info, extension),
        "mlm": mlm.updated(info.data["mlm"], parameters, given),
    }


def _training(info: BundleInfo, extension: Extension) -> dict[str, Any]:
    """How the new bundle was trained: as the former one, and what came after."""
    training = dict(info.data["training"])
    base = {
        "id": info.data["id"],
        "version": info.data["version"],
        "sha256": info.sha256,
        "weights": info.data["sha256"][WEIGHTS_FILE],
    }
    training["own"] = [*training.get("own", []), {**extension.provenance, "from": base}]
    if "decision_offsets" in training:  # those of a former decoder
        gone = {one.spec.name for one in extension.experts}
        training["decision_offsets"] = _without(training["decision_offsets"], gone)
    if extension.rows:
        fitted = {name: vars(row.calibration) for name, row in extension.rows.items()}
        training["calibration"] = {**training.get("calibration", {}), **fitted}
        recall = training.get("recall", {"experts": {}})
        basis = {name: dict(row.basis) for name, row in extension.rows.items()}
        training["recall"] = {**recall, "experts": {**recall["experts"], **basis}}
    return training


def _metrics(info: BundleInfo, extension: Extension) -> dict[str, Any]:
    """Figures that still stand: all of them, unless an expert or a row of the former bundle changed.

    Of those only what is told expert by expert is kept, for the others. Without a split no card is written.
    """
    there = {one.name for one in info.experts}
    decoders = {one.spec.name for one in extension.experts} & there
    rows = set(extension.rows) & there
    metrics: dict[str, Any] = info.data["metrics"]
    if not decoders | rows or metrics.get("split") is None:
        return metrics
    kept = {
        name: _without(metrics[name], decoders) for name in _PER_EXPERT if isinstance(metrics.get(name), dict)
    }
    return {"split": None, "split_of_experts": metrics["split"], **kept}


def _without(entries: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: entry for name, entry in entries.items() if name not in names}


def _controls(info: BundleInfo) -> Path | None:
    """The routers for comparison, which read the same encoder; None where they are not those described."""
    told, path = info.data["training"].get("controls"), info.folder / CONTROLS_FILE
    fits = told is not None and path.is_file() and file_digest(path) == told["sha256"]
    return path if fits else None
