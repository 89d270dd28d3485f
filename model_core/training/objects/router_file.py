"""A trained row of the switcher in a run folder, so that a training that is continued does not repeat it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ...errors import RequestError
from ..calibration import Calibration
from ..framework.run_folder import remember, write_json
from .router import RouterPlan, RouterRow

_TOLD = ("bias", "needed_scores", "needed_scenes", "figures", "tiles")


def kept_row(folder: Path, plan: RouterPlan, encoder: str, train: Callable[[], RouterRow]) -> RouterRow:
    """The row that lies in `folder`, or else the one that `train` gives, which is then kept there.

    Args:
        folder: of the row.
        plan: what it is trained on.
        encoder: identity of the bundle whose features it reads.
        train: trains it.

    Raises:
        RequestError: the folder holds a row of another plan or bundle, or a damaged one.
    """
    remember(folder, {"plan": vars(plan), "bundle": encoder})
    weights, told = folder / "weights" / "row.safetensors", folder / "results" / "row.json"
    if told.is_file():
        return _read(weights, told, plan)
    row = train()
    part = weights.with_suffix(".part")
    save_file({"weight": row.weight.contiguous()}, part)
    part.replace(weights)
    # Last, so that a kill leaves a row or none.
    write_json(told, {name: getattr(row, name) for name in _TOLD} | {"calibration": asdict(row.calibration)})
    return row


def _read(weights: Path, told: Path, plan: RouterPlan) -> RouterRow:
    try:
        data = json.loads(told.read_text(encoding="utf-8"))
        weight = load_file(weights)["weight"].to(torch.float32)
        return RouterRow(
            weight=weight, bias=float(data["bias"]), calibration=Calibration(**data["calibration"]),
            needed_scores=tuple(data["needed_scores"]), needed_scenes=int(data["needed_scenes"]),
            figures=data["figures"], plan=plan, tiles=data["tiles"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RequestError(f"{told} holds no row of a switcher ({error}); delete its folder.") from error
