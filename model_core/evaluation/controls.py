"""The control routers and random choice, on the tiles the router was measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from ..spec import ExpertSpec
from ..training.controls import POOLED, STATS, Control
from .router import micro_f1, outcome_counts, real_targets, summarise_router
from .tiles import Tiles

RANDOM_DRAWS = 20
LEAST = 3
"""Tiles of either kind that a source must have for an expert to tell whether they are told apart."""


def control_figures(
    tiles: Tiles, experts: Sequence[ExpertSpec], controls: Sequence[Control]
) -> dict[str, Any]:
    """Every control that can be measured on these tiles.

    Args:
        tiles: of a split.
        experts: of the bundle.
        controls: of the bundle; none is fine.

    Returns:
        `random`: micro-F1 of as many experts per tile as the router chose, drawn at random.
        `statistics`: micro- and macro-F1 of the router on band mean and standard deviation, with the
        router's own; only where the bundle holds that control.
        `without`: per left-out source, the router's micro-F1 on its tiles (it was trained on others of that
        source) and that of a router which never saw the source; NaN where the split has no tile of it.
    """
    real = ~tiles.simulated
    target = real_targets(tiles, experts)
    names = [expert.name for expert in experts]
    thresholds = np.array([expert.threshold for expert in experts])
    chosen = tiles.score >= thresholds
    found: dict[str, Any] = {"random": {"micro_f1": _random(chosen[real], target[real])}}
    without = []
    for control in controls:
        inputs = tiles.stats if control.inputs == STATS else tiles.pooled
        if inputs is None or set(names) != set(control.experts):
            continue
        with torch.inference_mode():
            score = control.score(inputs)[:, [control.experts.index(name) for name in names]]
        limits = control.thresholds[[control.experts.index(name) for name in names]]
        if control.inputs == STATS:
            group = [g for g, keep in zip(tiles.group, real, strict=True) if keep]
            rows = {
                who: summarise_router(s[real], target[real], t, names, group)
                for who, s, t in (("ours", tiles.score, thresholds), ("theirs", score, limits))
            }
            found["statistics"] = {
                **{key: rows["theirs"][key] for key in ("micro_f1", "macro_f1", "recall_at", "ece")},
                "intervals": rows["theirs"]["intervals"],
                "experts": {name: row["f1"] for name, row in rows["theirs"]["experts"].items()},
                "within": {
                    who: within_sources(s, target, tiles.source)
                    for who, s in (("ours", tiles.score), ("theirs", score))
                },
                "gap": {key: rows["ours"][key] - rows["theirs"][key] for key in ("micro_f1", "macro_f1")},
            }
        elif control.inputs == POOLED and control.without is not None:
            mine = np.array([source == control.without for source in tiles.source]) & real
            seen, unseen = (outcome_counts(c, target)[mine].sum(0) for c in (chosen, score >= limits))
            without.append(
                {
                    "source": control.without,
                    "tiles": int(mine.sum()),
                    "needed": int((target[mine] == 1).sum()),
                    "not_needed": int((target[mine] == 0).sum()),
                    "seen": micro_f1(seen),
                    "unseen": micro_f1(unseen),
                    "seen_recall": _recall(seen),
                    "unseen_recall": _recall(unseen),
                }
            )
    if without:
        found["without"] = without
    return found


def within_sources(score: np.ndarray, target: np.ndarray, source: Sequence[str]) -> dict[str, Any]:
    """How well tiles of one source are told apart: the area under the ROC curve, 0.5 by chance.

    Which source a tile is from can be read off its bands and colours, and tells much of what it needs. What
    is left when only tiles of one source are compared is content.

    Args:
        score: (N, E).
        target: (N, E) of 1, 0, -1.
        source: (N,).

    Returns:
        `auc`, the mean over every pair of expert and source with at least three tiles of either kind, and
        `pairs`, their number.
    """
    names = np.array(source)
    areas = []
    for name in sorted(set(source)):
        for column in range(score.shape[1]):
            mine = (names == name) & (target[:, column] >= 0)
            needed = target[mine, column] == 1
            count, other = int(needed.sum()), int((~needed).sum())
            if min(count, other) >= LEAST:
                rank = rankdata(score[mine, column])
                areas.append((rank[needed].sum() - count * (count + 1) / 2) / (count * other))
    return {"auc": float(np.mean(areas)) if areas else float("nan"), "pairs": len(areas)}


def _recall(counts: np.ndarray) -> float:
    hit, _, missed = counts.sum(1)
    return float(hit / (hit + missed)) if hit + missed else float("nan")


def _random(chosen: np.ndarray, target: np.ndarray) -> float:
    """Mean micro-F1 of random experts, as many per tile as `chosen` has."""
    count = chosen.sum(1)[:, None]
    values = []
    for seed in range(RANDOM_DRAWS):
        rank = np.random.default_rng(seed).random(chosen.shape).argsort(1).argsort(1)
        values.append(micro_f1(outcome_counts(rank < count, target).sum(0)))
    return float(np.mean(values)) if values else float("nan")
