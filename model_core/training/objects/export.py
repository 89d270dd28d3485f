"""Put a trained objects expert beside everything else that a bundle holds, in a new bundle."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ... import mlm
from ...bundle import WEIGHTS_FILE, BundleInfo, check_weights, read_info, write_bundle
from ...errors import RequestError
from ...networks.objects.detector import ObjectsExpert
from ...objects.spec import ObjectsSpec
from ...spec import ClassSpec, ExpertSpec
from ..controls import CONTROLS_FILE
from ..export import made_now
from ..extend import ROWS, expert_macs
from ..scene.export import check_kept
from .router import RouterRow

EXPERT = ExpertSpec(
    "objects",
    "Objects",
    "objects",
    2,
    (ClassSpec(0, "ship", "#e4572e"), ClassSpec(1, "building", "#8b5cf6")),
    valid_gsd_m=(0.5, 6.0),
    description="Ships and buildings, each as an object of its own with its outline and its size. Learnt "
    "from few images of few places: read its figures in the model card before counting on its counts.",
)
"""The expert without what a training finds out: its threshold, calibration and licences."""


@torch.no_grad()
def as_kept(detector: ObjectsExpert) -> ObjectsExpert:
    """The folded expert with its numbers rounded to float16, as a bundle keeps them: half the bytes.

    It runs in float32; no more than its numbers are rounded.
    """
    folded = detector.folded()
    for value in folded.state_dict().values():
        value.copy_(value.half().to(value.dtype))
    return folded


def objects_bundle(
    bundle: Path,
    folder: Path,
    detector: ObjectsExpert,
    spec: ObjectsSpec,
    row: RouterRow,
    provenance: dict[str, Any],
    *,
    license: str = "",
) -> BundleInfo:
    """Write `bundle` with an objects expert, the last of its experts, to `folder`.

    A former objects expert is replaced. Every other tensor stays as it is, bit for bit, and is compared after
    writing; so is every row of the switcher's output layer but the new one.

    Args:
        bundle: stays as it is.
        folder: of the new one.
        detector: trained, folded or not.
        spec: what it is, with its thresholds; `spec.expert` is the name in the bundle.
        row: what the switcher scores it with, see `router.train_router`.
        provenance: how it was trained, kept under `training["objects"]` with what `row` tells.
        license: of the data it was trained on.

    Raises:
        BundleError: `bundle` is not sound.
        RequestError: `folder` is `bundle`, or the expert's name is that of another one.
        ValueError: detector, spec and row do not belong together.
    """
    if folder.resolve() == bundle.resolve():
        raise RequestError(
            f"{folder} is the bundle that the objects expert is added to; choose another run folder."
        )
    info = read_info(bundle)
    expert = _expert(info, detector, spec, row, license)
    others = [(number, one) for number, one in enumerate(info.experts) if one.kind != "objects"]
    tensors = load_file(check_weights(info))
    kept = _others(tensors, info)
    rows = {name: tensors[name][[number for number, _ in others]] for name in ROWS}
    final = as_kept(detector)
    added = {
        f"experts.{expert.name}.{key}": value.half().contiguous() for key, value in final.state_dict().items()
    }
    layer = {
        ROWS[0]: torch.cat([rows[ROWS[0]], row.weight[None].to(rows[ROWS[0]])]),
        ROWS[1]: torch.cat([rows[ROWS[1]], torch.tensor([row.bias]).to(rows[ROWS[1]])]),
    }
    widths = tuple(info.data["network"]["encoder_widths"])
    costs = {**info.data["macs"], "experts": {one.name: info.macs.experts[one.name] for _, one in others}}
    costs["experts"][expert.name] = expert_macs(final, widths, info.tile_size)
    costs["switcher"] += row.weight.numel() * (len(others) + 1 - len(info.experts))
    training = dict(info.data["training"])
    training["objects"] = {
        **provenance,
        "router": row.as_dict(),
        "from": {
            "id": info.data["id"],
            "version": info.data["version"],
            "sha256": info.sha256,
            "weights": info.data["sha256"][WEIGHTS_FILE],
        },
    }
    training["calibration"] = _without(training.get("calibration", {}), info) | {
        expert.name: vars(row.calibration)
    }
    if "recall" in training:
        basis = _without(training["recall"]["experts"], info) | {expert.name: row.recall()}
        training["recall"] = {**training["recall"], "experts": basis}
    data = {key: value for key, value in info.data.items() if key not in ("format", "sha256")}
    data |= {
        **made_now(),
        "experts": [one.as_dict() for _, one in others] + [expert.as_dict()],
        "objects": spec.as_dict(),
        "macs": costs,
        "training": training,
        # Figures of the other experts stand, for their tensors are the same.
        "metrics": {key: value for key, value in data["metrics"].items() if key != "objects"},
    }
    count = sum(value.numel() for value in {**kept, **layer, **added}.values())
    experts = [*(one for _, one in others), expert]
    given = mlm.outputs(experts, info.tile_size, objects=spec, scene=info.scene)
    data["mlm"] = mlm.updated(data["mlm"], count, given)
    folder.mkdir(parents=True, exist_ok=True)
    if (bundle / CONTROLS_FILE).is_file():
        shutil.copyfile(bundle / CONTROLS_FILE, folder / CONTROLS_FILE)
    written = write_bundle(folder, data, {**kept, **layer, **added})
    after = load_file(written.folder / WEIGHTS_FILE)
    check_kept(kept | rows, _others(after, written) | {name: after[name][:-1] for name in ROWS})
    return written


def _expert(
    info: BundleInfo, detector: ObjectsExpert, spec: ObjectsSpec, row: RouterRow, license: str
) -> ExpertSpec:
    """The expert as the bundle will list it, after making sure that everything fits."""
    classes, hidden = EXPERT.channels, int(info.data["network"]["switcher_hidden"])
    if not detector.classes == len(spec.thresholds) == classes or detector.spec != replace(
        spec, expert=detector.spec.expert, thresholds=detector.spec.thresholds
    ):
        raise ValueError("the detector is not the one that its spec describes, or has other classes")
    if row.weight.shape != (hidden,):
        raise ValueError(f"the router's row has shape {tuple(row.weight.shape)}; expected ({hidden},)")
    if any(one.name == spec.expert and one.kind != "objects" for one in info.experts):
        raise RequestError(
            f"The bundle in {info.folder} has an expert '{spec.expert}' of another kind; give the objects "
            "expert another name."
        )
    return replace(
        EXPERT,
        name=spec.expert,
        temperature=row.calibration.temperature,
        bias=row.calibration.bias,
        threshold=row.calibration.threshold,
        license=license,
        needed_scores=row.needed_scores,
    )


def _others(tensors: dict[str, Tensor], info: BundleInfo) -> dict[str, Tensor]:
    """A bundle's tensors without those of its objects expert and the switcher's rows."""
    left_out = tuple(f"experts.{one.name}." for one in info.experts if one.kind == "objects")
    return {
        name: value for name, value in tensors.items() if not name.startswith(left_out) and name not in ROWS
    }


def _without(entries: dict[str, Any], info: BundleInfo) -> dict[str, Any]:
    """Entries by expert without those of a former objects expert."""
    former = {one.name for one in info.experts if one.kind == "objects"}
    return {name: entry for name, entry in entries.items() if name not in former}
