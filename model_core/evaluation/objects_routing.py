"""Whether the switcher finds the tiles with objects, and whose place the objects expert takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Model
from ..routing import Policy
from ..training.objects.relevance import RoutedTile, scene_tiles
from .metrics import calibration_error
from .regret import allowed_by_resolution, route
from .router import outcome_counts
from .tiles import Tiles, pixel_experts

if TYPE_CHECKING:
    from ..training.objects.truth import ObjectScene

MOST = 2
"""Experts that a tile is sent to at most, by default."""


def routing_figures(
    model: Model, scenes: Sequence[ObjectScene], tiles: Tiles | None = None
) -> dict[str, dict[str, Any]]:
    """Whether the switcher sends the tiles with objects to the expert, and others not.

    Args:
        model: has an objects expert.
        scenes: with boxes, of one split; what their tiles need is told by `training.objects.relevance`.
        tiles: of the split's other scenes, where labels of other tasks may rule objects out.

    Returns:
        `scenes` and, with `tiles`, `others` and `all`: each with `needed`, `not_needed` (tiles; unknown ones
        are left out), `precision`, `recall`, `f1` at the expert's `threshold`, and `ece`.
    """
    column = [one.kind for one in model.experts].index("objects")
    threshold = model.experts[column].threshold
    rows = [
        (_score(model, tile)[column], tile.target)
        for tile in scene_tiles(scenes, model.tile_size)
        if tile.target >= 0
    ]
    score, target = (np.array(values) for values in (zip(*rows, strict=True) if rows else ((), ())))
    found = {"scenes": _figures(score, target, threshold)}
    if tiles is not None and tiles.objects is not None and tiles.objects_target is not None:
        known = (tiles.objects_target >= 0) & ~tiles.simulated
        others = tiles.objects[known], tiles.objects_target[known]
        found["others"] = _figures(*others, threshold)
        both = (np.concatenate(pair) for pair in ((score, others[0]), (target, others[1])))
        found["all"] = _figures(*both, threshold)
    return found


def _score(model: Model, tile: RoutedTile) -> np.ndarray:
    valid = tile.valid.numpy()[None]
    reflectance = np.where(valid[:, None], tile.bands.numpy()[None] * np.float32(1e-4), np.float32(0))
    return model.scores(model.encode(reflectance, tile.available.numpy(), valid))[0]


def _figures(score: np.ndarray, target: np.ndarray, threshold: float) -> dict[str, Any]:
    """Of scores (N,) and targets (N,) of 0 and 1."""
    counts = outcome_counts((score >= threshold)[:, None], target[:, None]).sum(0)[:, 0]
    hit, vain, missed = (int(value) for value in counts)
    return {
        "needed": int((target == 1).sum()),
        "not_needed": int((target == 0).sum()),
        "precision": hit / (hit + vain) if hit + vain else float("nan"),
        "recall": hit / (hit + missed) if hit + missed else float("nan"),
        "f1": 2 * hit / (2 * hit + vain + missed) if hit + vain + missed else float("nan"),
        "ece": calibration_error(score, target == 1),
        "threshold": float(threshold),
    }


def crowding(tiles: Tiles, model: Model) -> dict[str, Any]:
    """What becomes of the other experts where the objects expert competes for a tile's two places.

    Args:
        tiles: of a split, with the objects expert's scores.
        model: with that expert.

    Returns:
        `tiles` (real ones); `called`, how many the objects expert serves by default; `needed`, needs of the
        other experts; `missed_without` and `missed_with` the objects expert beside them.
    """
    experts, others = model.experts, pixel_experts(model)
    columns = [number for number, one in enumerate(experts) if one.kind != "objects"]
    column = [one.kind for one in experts].index("objects")
    score = np.zeros((len(tiles.score), len(experts)), np.float32)
    score[:, columns], score[:, column] = tiles.score, tiles.objects
    allowed = allowed_by_resolution(tiles.gsd_m, experts)
    policy = Policy("threshold", MOST)
    beside = route(score, experts, policy, allowed)
    alone = route(tiles.score, others, policy, allowed[:, columns])
    real = ~tiles.simulated
    needed = (tiles.target == 1) & real[:, None] & allowed[:, columns]
    return {
        "tiles": int(real.sum()),
        "called": int(beside[real, column].sum()),
        "needed": int(needed.sum()),
        "missed_without": int((needed & ~alone).sum()),
        "missed_with": int((needed & ~beside[:, columns]).sum()),
    }
