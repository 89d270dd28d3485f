"""The scores behind the recall policy: those of the calibration tiles that need an expert.

Only the split `cal` counts. Conformal risk control asks that a calibration tile's score might as well have
been a new tile's. The network never saw `cal`; `val` was looked at while the recipe was chosen, so its
tiles may score better than new ones would. The calibration of the scores did see `cal`, but it is one
increasing function per expert for all tiles: it changes no tile's place among the others, and the
guarantee hangs on the places alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..bundle import BundleInfo, check_weights, read_info, write_description
from ..model import Model
from ..networks.inference import NetworkModel
from ..tasks import TASK_NAMES
from .layout import PlacedTile, natural_tiles
from .pack import Sample
from .relevance import relevance
from .sampling import collate

SPLIT = "cal"


@dataclass(frozen=True)
class ScoredTiles:
    """Tiles as the engine would score them.

    Attributes:
        score: float32 (N, E), calibrated.
        target: int8 (N, E), needed (1), not needed (0) or unknown (-1).
        ids: the scenes that each tile shows.
    """

    score: np.ndarray
    target: np.ndarray
    ids: tuple[tuple[str, ...], ...]


def score_tiles(model: Model, tiles: Iterable[PlacedTile]) -> ScoredTiles:
    """Score tiles one by one; an expert that is no task of the pack has no known target."""
    scores, targets, ids = [], [], []
    for placed in tiles:
        batch = collate([placed.tile])
        features = model.encode(
            batch["reflectance"].numpy(), placed.tile.available.numpy(), placed.tile.valid[None].numpy()
        )
        scores.append(model.scores(features)[0])
        known = dict(zip(TASK_NAMES, relevance(placed.tile).tolist(), strict=True))
        targets.append([known.get(expert.name, -1) for expert in model.experts])
        ids.append(placed.ids)
    shape = (len(ids), len(model.experts))
    return ScoredTiles(
        np.array(scores, np.float32).reshape(shape), np.array(targets, np.int8).reshape(shape), tuple(ids)
    )


def add_needed_scores(folder: Path, samples: list[Sample]) -> BundleInfo:
    """Score the calibration scenes with the bundle in `folder` and keep the scores in its experts.

    A bundle of the former format becomes one of this format. Nothing else in it changes. An expert that is no
    task of the pack keeps the scores it has: the pack's labels say nothing of it.

    Args:
        folder: the bundle.
        samples: scenes of the split `cal`, with their fires; see `held_out`.

    Raises:
        BundleError: the bundle is not sound.
    """
    info = read_info(folder, former=True)
    # In float32 on the CPU, the reference that other devices and precisions are measured by.
    model = NetworkModel.load(info, check_weights(info), device="cpu", precision="fp32")
    # Tiles do not overlap, unlike those the scores are calibrated on: two views of one place are no two
    # pieces of evidence, and a new tile will not overlap them either.
    found = score_tiles(model, natural_tiles(samples, model.tile_size))
    experts, basis = [], {}
    former = info.data["training"].get("recall", {}).get("experts", {})
    for column, expert in enumerate(info.experts):
        if expert.name not in TASK_NAMES:
            experts.append(expert.as_dict())
            basis |= {expert.name: former[expert.name]} if expert.name in former else {}
            continue
        needed = found.target[:, column] == 1
        scores = sorted(rounded_down(score) for score in found.score[needed, column])
        experts.append(replace(expert, needed_scores=tuple(scores)).as_dict())
        scenes = {name for number in np.flatnonzero(needed) for name in found.ids[number]}
        basis[expert.name] = {"tiles": len(scores), "scenes": len(scenes)}
    recall: dict[str, Any] = {"split": SPLIT, "hydranet": __version__, "experts": basis}
    training = {**info.data["training"], "recall": recall}
    return write_description(folder, {**info.data, "experts": experts, "training": training})


def rounded_down(score: np.float32) -> float:
    """Six digits, and never above the score: not even as float32, in which the engine compares."""
    return math.floor(float(score) * 1e6) / 1e6
