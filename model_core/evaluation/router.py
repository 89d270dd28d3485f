"""The router's figures: what it finds, what it misses, and whether its scores mean what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..spec import ExpertSpec
from . import metrics
from .tiles import Group, Tiles

Counts = np.ndarray
"""(3, E): hits, in vain, missed."""


def router_figures(tiles: Tiles, experts: Sequence[ExpertSpec]) -> dict[str, Any]:
    """The router on a split's tiles.

    Tiles set on fire and experts trained on simulation only stay out of the figures over all experts; the
    rows of those experts, and `with_simulated`, take them in.
    """
    thresholds = np.array([expert.threshold for expert in experts])
    names = [expert.name for expert in experts]
    real = ~tiles.simulated
    target = real_targets(tiles, experts)
    group = [g for g, keep in zip(tiles.group, real, strict=True) if keep]
    found = summarise_router(tiles.score[real], target[real], thresholds, names, group)
    whole = summarise_router(tiles.score, tiles.target, thresholds, names)
    for expert in experts:
        if expert.simulated:
            found["experts"][expert.name] = {**whole["experts"][expert.name], "simulated": True}
    if any(expert.simulated for expert in experts):
        found["with_simulated"] = {
            key: whole[key] for key in ("tiles", "micro_f1", "macro_f1", "recall_at", "covered_at", "ece")
        }
    found["by_source"] = _by_source(tiles, target, thresholds)
    return found


def real_targets(tiles: Tiles, experts: Sequence[ExpertSpec]) -> np.ndarray:
    """Targets (N, E) with everything simulated unknown."""
    target = np.where(tiles.simulated[:, None], -1, tiles.target)
    target[:, [expert.simulated for expert in experts]] = -1
    return target


def outcome_counts(chosen: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(N, 3, E): hit, in vain, missed, of each tile."""
    needed = target == 1
    return np.stack([chosen & needed, chosen & (target == 0), ~chosen & needed], 1).astype(np.int64)


def micro_f1(counts: Counts) -> float:
    """F1 over all experts together."""
    hit, vain, missed = counts.sum(1)
    return float(2 * hit / (2 * hit + vain + missed)) if hit + vain + missed else float("nan")


def _f1(counts: Counts) -> np.ndarray:
    """F1 (E,), NaN where nothing was needed or chosen."""
    hit, vain, missed = counts
    total = 2 * hit + vain + missed
    return np.where(total > 0, 2 * hit / np.maximum(1, total), np.nan)


def summarise_router(
    score: np.ndarray,
    target: np.ndarray,
    thresholds: np.ndarray,
    names: Sequence[str],
    group: Sequence[Group] | None = None,
) -> dict[str, Any]:
    """Figures from scores (N, E), targets (N, E) of 1, 0, -1 and thresholds (E,).

    With `group`, the scenes of each tile, 95 % bootstrap intervals over whole scenes are added.
    """
    known, needed = target >= 0, target == 1
    tiles = outcome_counts(score >= thresholds, target)
    total = tiles.sum(0)
    rank = (-score).argsort(1, kind="stable").argsort(1, kind="stable")
    experts = {name: _expert(score[:, e], target[:, e], total[:, e]) for e, name in enumerate(names)}
    both = np.array([bool(row["needed"] and row["not_needed"]) for row in experts.values()])
    some = np.array([bool(row["needed"]) for row in experts.values()])
    depth = range(1, len(names) + 1)
    # (N, E): needed experts among the k strongest, for k = 1 to E; and those needed.
    inside = np.stack([(needed & (rank < k)).sum(1) for k in depth], 1) if len(names) else needed
    wanted = needed.sum(1)
    covered = (inside == wanted[:, None]) & (wanted > 0)[:, None]
    best = np.stack([np.minimum(wanted, k) for k in depth], 1)
    least = (
        min((row["recall"], name) for name, row in experts.items() if row["needed"]) if some.any() else None
    )
    result = {
        "tiles": len(score),
        "micro_f1": micro_f1(total),
        "macro_f1": float(np.mean(_f1(total)[both])) if both.any() else float("nan"),
        "recall_at": {str(k): _share(inside[:, k - 1].sum(), wanted.sum()) for k in depth},
        "recall_at_most": {str(k): _share(best[:, k - 1].sum(), wanted.sum()) for k in depth},
        "covered_at": {str(k): _share(covered[:, k - 1].sum(), (wanted > 0).sum()) for k in depth},
        "worst": {"expert": least[1], "recall": least[0]} if least else None,
        "ece": metrics.calibration_error(score[known], needed[known]),
        "bins": metrics.reliability(score[known], needed[known]),
        "experts": experts,
    }
    if group is not None:
        ranks = np.stack([inside, np.broadcast_to(wanted[:, None], inside.shape)], 1)  # (N, 2, E)
        result["intervals"] = _intervals(np.concatenate([tiles, ranks], 1), group, both, some)
    return result


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _expert(score: np.ndarray, target: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    known = target >= 0
    hit, vain, missed = (int(v) for v in counts)
    return {
        "needed": int((target == 1).sum()),
        "not_needed": int((target == 0).sum()),
        "precision": _share(hit, hit + vain),
        "recall": _share(hit, hit + missed),
        "f1": _share(2 * hit, 2 * hit + vain + missed),
        "ece": metrics.calibration_error(score[known], target[known] == 1),
        "bins": metrics.reliability(score[known], target[known] == 1),
    }


def by_scene(rows: np.ndarray, group: Sequence[Group]) -> list[np.ndarray]:
    """Sums of the tiles' rows (N, ...) by the scenes that they show."""
    order = {name: number for number, name in enumerate(dict.fromkeys(group))}
    sums = np.zeros((len(order), *rows.shape[1:]), rows.dtype)
    np.add.at(sums, [order[name] for name in group], rows)
    return list(sums)


def _intervals(
    rows: np.ndarray, group: Sequence[Group], both: np.ndarray, some: np.ndarray
) -> dict[str, dict[str, float]]:
    """95 % intervals; rows are (5, E): hit, in vain, missed, needed among the k strongest, needed."""

    def macro(row: np.ndarray) -> float:
        values = _f1(row[:3])[both]
        return float(np.nanmean(values)) if (~np.isnan(values)).any() else float("nan")

    def worst(row: np.ndarray) -> float:
        needed = row[0] + row[2]
        use = some & (needed > 0)
        return float((row[0][use] / needed[use]).min()) if use.any() else float("nan")

    figures: dict[str, Callable[[np.ndarray], float]] = {
        "micro_f1": lambda row: micro_f1(row[:3]),
        "macro_f1": macro,
        "worst": worst,
    }
    for k in range(1, min(3, rows.shape[2]) + 1):
        figures[f"recall_at_{k}"] = lambda row, k=k: _share(row[3, k - 1], row[4, k - 1])
    scenes = by_scene(rows, group)
    found = {}
    for name, figure in figures.items():
        low, high = metrics.bootstrap(scenes, figure)
        found[name] = {"low": low, "high": high}
    return found


def _by_source(tiles: Tiles, target: np.ndarray, thresholds: np.ndarray) -> dict[str, dict[str, Any]]:
    counts = outcome_counts(tiles.score >= thresholds, target)
    found = {}
    for source in sorted(set(tiles.source)):
        mine = np.array([name == source for name in tiles.source]) & ~tiles.simulated
        if mine.any():
            total = counts[mine].sum(0)
            hit, vain, missed = total.sum(1)
            found[source] = {
                "tiles": int(mine.sum()),
                "needed": int(hit + missed),
                "recall": _share(hit, hit + missed),
                "in_vain": int(vain),
                "micro_f1": micro_f1(total),
            }
    return found
