"""The whole training of a bundle: joint, frozen switcher, calibration, export; resumable at each step."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from .. import __version__
from ..bundle import BundleInfo
from ..evaluation.evaluate import HEADLINE
from ..networks.hydranet import HydraNet
from ..tasks import TASK_NAMES
from .controls import add_controls, train_controls
from .decision import apply_offsets, fit_offsets
from .export import export_bundle
from .framework.run_folder import Log, remember, write_json
from .held_out import held_out
from .joint import new_network, train_joint
from .layout import natural_tiles
from .pack import Sample, load_chips, load_pack
from .pretrain import warm_up
from .recall import add_needed_scores
from .recipe import Recipe
from .switcher import PooledTiles, calibrate_all, frozen_digest, pool_augmented, pool_tiles, train_switcher
from .validate import validation
from .warm import identity, start_from

CHIP_EVERY = 3
"""EuroSAT has thousands of alike chips; every third is enough and keeps memory under 2 GB."""

STARTED = "weights/started_from.json"
"""What the run's weights come from, kept for the bundle's description."""


def train_bundle(data: Path, run: Path, recipe: Recipe, log: Log, *, start: Path | None = None) -> BundleInfo:
    """Train everything and write `run/bundle`.

    A run that was stopped continues from its last checkpoint when called with the same folder.

    Args:
        data: folder of the pack.
        run: run folder.
        recipe: every number of the training.
        log: takes lines for the user.
        start: bundle whose weights the joint training starts from; from scratch by default.

    Raises:
        RequestError: no pack in `data`, or the folder holds a run of another recipe.
    """
    started = time.monotonic()
    remember(run, recipe.as_dict())
    train = load_pack(data, ("train",)) + load_chips(data, ("train",), CHIP_EVERY)
    train = [sample for sample in train if sample.source not in recipe.without_sources]
    log(f"{len(train)} training scenes and chips")
    trained = _joint(train, load_pack(data, ("val",)), recipe, run, start, log)
    network = trained.folded()
    seen, held = held_out(data, "val", chips=True), held_out(data, "cal")
    offsets = fit_offsets(network, held, seen, HEADLINE, log)
    apply_offsets(network, {name: fit.offsets for name, fit in offsets.items()})
    digest = frozen_digest(network)  # `train_switcher` makes sure that it stays
    val = pool_tiles(network, natural_tiles(seen, 256))
    cal = pool_tiles(network, natural_tiles(held, 256, stride=128))
    pooled = _pooled(network, train, recipe, run, log)
    train_switcher(network, pooled, recipe, log)
    calibration = calibrate_all(network, cal, val)
    for name, row in calibration.items():
        log(f"calibration: {name} {row}")
    info = export_bundle(
        run / "bundle",
        network,
        calibration,
        recipe,
        train,
        {
            "how": "joint training of encoder and experts, then the switcher with everything else frozen",
            "notes": _notes(run),
            "started_from": _started_from(run),
            "machine": f"{torch.get_num_threads()} threads of a {platform.machine()} CPU, no GPU",
            "hydranet": __version__,
            "torch": torch.__version__.split("+")[0],
            "frozen_sha256": digest,
            "tiles_pooled": len(pooled.pooled),
            "decision_offsets": {name: fit.as_dict() for name, fit in offsets.items()},
        },
    )
    add_controls(info.folder, train_controls(pooled, cal, val, recipe, log))
    info = add_needed_scores(info.folder, held)
    for expert in info.experts:
        log(f"recall: {len(expert.needed_scores)} calibration tiles need {expert.name}")
    log(f"bundle written to {info.folder} after {time.monotonic() - started:.0f} s")
    return info


def _started_from(run: Path) -> dict[str, Any] | None:
    path = run / STARTED
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _notes(run: Path) -> str:
    """What a person did to the run beyond the recipe, from `notes.txt` in its folder; told in the card."""
    path = run / "notes.txt"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def _joint(
    train: list[Sample], val: list[Sample], recipe: Recipe, run: Path, start: Path | None, log: Log
) -> HydraNet:
    """The jointly trained network; kept as `weights/joint.safetensors` once whole."""
    done = run / "weights" / "joint.safetensors"
    network = new_network(recipe)
    if done.is_file():
        network.load_state_dict(load_file(done))
        return network.eval()
    if start is not None:
        fresh = start_from(start, network, train, recipe)
        log(f"started from {start}" + (f"; new: {', '.join(fresh)}" if fresh else ""))
        write_json(run / STARTED, identity(start, fresh))
    elif recipe.warm_up:
        warm_up(network, train, recipe, run / "weights", log)
    trained = train_joint(
        train, recipe, run / "weights", log, network=network, validate=validation(val)
    ).eval()
    part = done.with_suffix(".part")
    save_file({key: value.contiguous() for key, value in trained.state_dict().items()}, part)
    part.replace(done)
    return trained


def _pooled(network: HydraNet, train: list, recipe: Recipe, run: Path, log: Log) -> PooledTiles:
    """Pooled training tiles, kept so that a stop does not cost them again."""
    done = run / "weights" / "pooled.safetensors"
    if done.is_file():
        return PooledTiles.load(load_file(done))
    pooled = pool_augmented(network, train, recipe.switcher_tiles, recipe, log)
    part = done.with_suffix(".part")
    save_file(pooled.tensors(), part)
    part.replace(done)
    for column, name in enumerate(TASK_NAMES):
        target = pooled.target[:, column]
        log(f"switcher: {name} needed on {int((target == 1).sum())}, not on {int((target == 0).sum())} tiles")
    return pooled
