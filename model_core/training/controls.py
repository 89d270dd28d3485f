"""Routers that must do worse: one that sees no structure, and one per source that never saw that source.

They are trained like the switcher, on the same frozen vectors, and kept beside the bundle's weights as
`controls.safetensors`, so that `hydranet evaluate` measures them again wherever the bundle is. Nothing but
evaluation reads that file: a bundle without it predicts as ever. Weights are float16, and the largest matrix
of each control is int8 with a scale for every row: the controls *are* those rounded weights, wherever they
are scored.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..bundle import BundleInfo, file_digest, read_info, write_description
from ..errors import BundleError
from ..networks.switcher import Switcher
from ..tasks import TASK_NAMES
from .calibration import Calibration, calibrate_columns
from .framework.run_folder import Log
from .recipe import Recipe
from .switcher import INPUT_DROPOUT, PooledTiles, fit_head

CONTROLS_FILE = "controls.safetensors"
STATS = "band mean and standard deviation"
POOLED = "pooled bottleneck"
INPUTS = {STATS: "stats", POOLED: "pooled"}
_PARTS = ("mean", "std", "hidden.weight", "hidden.bias", "out.weight", "out.bias")
_EXACT = ("mean", "std")
_LARGE, _SCALE = "hidden.weight", "hidden.scale"


@dataclass(frozen=True)
class Control:
    """A router for comparison.

    Attributes:
        name: of the control.
        inputs: `STATS` or `POOLED`.
        without: source that neither its training nor its calibration saw; None = all were seen.
        experts: in the order of the scores.
        tensors: standardisation (float32) and perceptron, in numbers that `packed` keeps.
        calibration: by expert, as for the switcher.
    """

    name: str
    inputs: str
    without: str | None
    experts: tuple[str, ...]
    tensors: dict[str, Tensor]
    calibration: dict[str, Calibration]

    def score(self, inputs: Tensor) -> np.ndarray:
        """Calibrated probabilities float64 (N, E) of inputs (N, I)."""
        logits = head_logits(self.tensors, inputs)
        fits = [self.calibration[name] for name in self.experts]
        return np.stack([fit.score(logits[:, column]) for column, fit in enumerate(fits)], 1)

    @property
    def thresholds(self) -> np.ndarray:
        """float64 (E,)."""
        return np.array([self.calibration[name].threshold for name in self.experts])


def head_logits(tensors: dict[str, Tensor], inputs: Tensor) -> np.ndarray:
    """Uncalibrated logits float64 (N, E) of a stored perceptron."""
    part = {name: value.double() for name, value in tensors.items()}
    x = (inputs.double() - part["mean"]) / part["std"]
    hidden = torch.nn.functional.gelu(x @ part["hidden.weight"].T + part["hidden.bias"])
    return (hidden @ part["out.weight"].T + part["out.bias"]).detach().numpy()


def train_controls(
    train: PooledTiles, cal: PooledTiles, val: PooledTiles, recipe: Recipe, log: Log
) -> list[Control]:
    """Train the control on band statistics, then one router without each training source.

    The split `test` has no part in it. A left-out source is left out of the calibration as well.
    """
    found = [_train("mean and std", STATS, None, train, cal, val, recipe)]
    log("control: router on band mean and standard deviation trained")
    for source in sorted(set(train.source)):
        kept = [tiles.where(name != source for name in tiles.source) for tiles in (train, cal, val)]
        if len(kept[0].source) == 0:
            continue
        found.append(_train(f"without {source}", POOLED, source, *kept, recipe))
        log(f"control: router without {source} trained on {len(kept[0].source)} tiles")
    return found


def _train(
    name: str, inputs: str, without: str | None,
    train: PooledTiles, cal: PooledTiles, val: PooledTiles, recipe: Recipe,
) -> Control:  # fmt: skip
    field = INPUTS[inputs]
    x = getattr(train, field)
    head = Switcher(x.shape[1] // 2, recipe.network.switcher_hidden, train.target.shape[1])
    # Sixteen numbers are too few to hide half of them: the control is given its best chance.
    dropout = INPUT_DROPOUT if inputs == POOLED else 0.0
    mean, std = fit_head(head, x, train.target, recipe, lambda _message: None, input_dropout=dropout)
    tensors = {"mean": mean, "std": std} | {
        part: head.get_parameter(part).detach() for part in _PARTS if part not in _EXACT
    }
    tensors = {
        part: (value.float() if part in _EXACT else value.half()).contiguous().clone()
        for part, value in tensors.items()
    }
    tensors = unpacked(packed(tensors))
    seen = [
        (head_logits(tensors, getattr(tiles, field)), tiles.target.numpy(), tiles.source)
        for tiles in (cal, val)
    ]
    calibration = calibrate_columns(TASK_NAMES, *seen)
    return Control(name, inputs, without, TASK_NAMES, tensors, calibration)


def packed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A control's tensors as the file keeps them: the largest matrix in steps of 1/127 of each row's peak."""
    large = tensors[_LARGE].float()
    scale = (large.abs().amax(1) / 127).clamp_min(1e-12)
    steps = torch.round(large / scale[:, None]).to(torch.int8)
    return {**tensors, _LARGE: steps.contiguous(), _SCALE: scale}


def unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `packed` kept, as numbers to reckon with; files of before it hold them as they are."""
    if _SCALE not in tensors:
        return tensors
    rest = {name: value for name, value in tensors.items() if name != _SCALE}
    return {**rest, _LARGE: tensors[_LARGE].float() * tensors[_SCALE][:, None]}


def add_controls(folder: Path, controls: list[Control]) -> BundleInfo:
    """Write the controls beside the bundle's weights and tell of them in its description.

    Raises:
        BundleError: the bundle is not sound.
    """
    info = read_info(folder)
    part = folder / f"{CONTROLS_FILE}.part"
    save_file(
        {
            f"{number}.{name}": value
            for number, row in enumerate(controls)
            for name, value in packed(row.tensors).items()
        },
        part,
    )
    entry = {
        "file": CONTROLS_FILE,
        "sha256": file_digest(part),
        "routers": [
            {
                "name": row.name,
                "inputs": row.inputs,
                "without": row.without,
                "experts": list(row.experts),
                "calibration": {name: asdict(fit) for name, fit in row.calibration.items()},
            }
            for row in controls
        ],
    }
    os.replace(part, folder / CONTROLS_FILE)
    return write_description(folder, {**info.data, "training": {**info.data["training"], "controls": entry}})


def read_controls(info: BundleInfo) -> list[Control]:
    """The controls of a bundle; none if it never had any.

    Raises:
        BundleError: the bundle tells of controls, but their file is missing, altered or does not fit.
    """
    entry: dict[str, Any] | None = info.data["training"].get("controls")
    if entry is None:
        return []
    path = info.folder / CONTROLS_FILE
    try:
        if file_digest(path) != entry["sha256"]:
            raise BundleError(f"{path} does not match its checksum: it was altered; restore the bundle.")
        tensors = load_file(path)
        return [
            Control(
                row["name"], row["inputs"], row["without"], tuple(row["experts"]),
                unpacked(
                    {
                        part: tensors[f"{number}.{part}"]
                        for part in (*_PARTS, _SCALE)
                        if part != _SCALE or f"{number}.{part}" in tensors
                    }
                ),
                {name: Calibration(**fit) for name, fit in row["calibration"].items()},
            )
            for number, row in enumerate(entry["routers"])
        ]  # fmt: skip
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise BundleError(
            f"The controls in {path} cannot be read ({error!r}); restore the bundle."
        ) from error
