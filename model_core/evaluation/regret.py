"""What routing costs the experts' work: every policy against an oracle that reads the labels.

A tile not sent to an expert counts as if the expert had found its background there; land cover has no
background, so that such a tile is wrong everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..routing import OUTSIDE_RESOLUTION, Policy, decide, effective_thresholds
from ..spec import ExpertSpec, Macs
from .evaluate import HEADLINE
from .router import real_targets
from .tiles import Tiles

RANDOM_DRAWS = 20
ROUNDS = 300

ALL, ORACLE, ORACLE_2, RANDOM = "all experts", "oracle", "oracle, at most 2", "random, 2 a tile"


def policies(count: int) -> dict[str, Policy]:
    """The policies compared, by name, for a bundle of so many experts."""
    found = {f"top-{k}": Policy("top-k", k) for k in (1, 2, 3) if k <= count}
    found["threshold, at most 2"] = Policy("threshold", min(2, count))
    found["threshold"] = Policy("threshold", count)
    found["recall, miss at most 5 %"] = Policy("recall", count, 0.05)
    return found


def allowed_by_resolution(gsd_m: np.ndarray, experts: Sequence[ExpertSpec]) -> np.ndarray:
    """bool (N, E): experts that `predict` would let serve a scene of the tile's pixel size, as it does.

    A pixel size that is not known rules nothing out.
    """
    allowed = np.ones((len(gsd_m), len(experts)), bool)
    for column, expert in enumerate(experts):
        if expert.valid_gsd_m:
            low, high = expert.valid_gsd_m
            allowed[:, column] = np.isnan(gsd_m) | ((gsd_m >= low) & (gsd_m <= high))
    return allowed


def route(
    score: np.ndarray, experts: Sequence[ExpertSpec], policy: Policy, allowed: np.ndarray
) -> np.ndarray:
    """bool (N, E), which experts serve each tile, where `allowed` (N, E) lets them."""
    limits, _ = effective_thresholds(experts, policy)
    served = np.zeros(score.shape, bool)
    for pattern in np.unique(allowed, axis=0):
        mine = (allowed == pattern).all(1)
        eligible = [None if usable else OUTSIDE_RESOLUTION for usable in pattern]
        served[mine] = decide(score[mine], limits, eligible, np.ones(mine.sum(), bool), policy).rank > 0
    return served


def random_route(count: int, experts: int, allowed: np.ndarray, seed: int) -> np.ndarray:
    """`count` experts per tile, drawn among those allowed: bool (N, E)."""
    random = np.random.default_rng(seed)
    value = np.where(allowed, random.random(allowed.shape), -1.0)
    rank = (-value).argsort(1).argsort(1)
    return (rank < count) & allowed


def compare_routing(
    tiles: Tiles, experts: Sequence[ExpertSpec], macs: Macs, *, limits: bool = False
) -> list[dict[str, Any]]:
    """Every policy's task loss, its regret against the oracle, and its cost, on the real tiles.

    The task loss is one minus the mean of the experts' headline metrics (of those that have labels in the
    split and were not trained on simulation alone). Regret is in points, hundredths of the metric, with a
    95 % bootstrap interval over whole scenes; `regret_at_2` is against an oracle that may call the two
    strongest of the needed experts.

    Args:
        tiles: of a split.
        experts: of the bundle.
        macs: of the bundle.
        limits: leave out experts that a scene's pixel size rules out, as `predict` does.
    """
    real = ~tiles.simulated
    target, score = real_targets(tiles, experts), tiles.score
    free = np.ones(score.shape, bool)
    allowed = allowed_by_resolution(tiles.gsd_m, experts) if limits else free
    tables = _Tables(tiles, experts, real)
    needed = (target == 1) & allowed
    strength = np.where(needed, score, -1.0)
    strongest = (-strength).argsort(1, kind="stable").argsort(1, kind="stable") < 2
    ways = {name: [route(score, experts, policy, allowed)] for name, policy in policies(len(experts)).items()}
    ways[ORACLE] = [needed]
    ways[ORACLE_2] = [needed & strongest]
    ways[RANDOM] = [random_route(2, len(experts), allowed, seed) for seed in range(RANDOM_DRAWS)]
    ways[ALL] = [allowed]
    losses = {name: [tables.work(served) for served in drawn] for name, drawn in ways.items()}
    oracle, oracle_2 = losses[ORACLE][0], losses[ORACLE_2][0]
    cost = np.array([macs.experts[expert.name] for expert in experts], np.float64)
    base = macs.encoder + macs.switcher
    every = base + float(cost.sum())  # of the experts compared, which need not be all there are
    rows = []
    for name, drawn in ways.items():
        spent = float(np.mean([base + (served[real] * cost).sum(1).mean() for served in drawn]))
        works = losses[name]
        low, high = tables.interval(works[0], oracle) if name != ORACLE else (0.0, 0.0)
        metric = {e: float(np.mean([w.metric[e] for w in works])) for e in works[0].metric}
        loss = float(np.mean([w.loss for w in works]))
        rows.append(
            {
                "policy": name,
                "experts_per_tile": float(np.mean([served[real].sum(1).mean() for served in drawn])),
                "macs_per_tile": round(spent),
                "saving": float(every / spent),
                "metric": metric,
                "loss": loss,
                "regret": 100 * (loss - oracle.loss),
                "regret_at_2": 100 * (loss - oracle_2.loss),
                "low": low,
                "high": high,
            }
        )
    return rows


class _Work:
    """What one routing makes of the experts: tables by scene, the metrics and the loss of their sums."""

    def __init__(self, scenes: dict[str, np.ndarray]) -> None:
        self.scenes = scenes
        self.metric = {name: HEADLINE[name][1](stack.sum(0)) for name, stack in scenes.items()}
        self.loss = mean_loss(list(self.metric.values()))


def mean_loss(values: list[float]) -> float:
    """One minus the mean of the metrics that there are."""
    known = [value for value in values if not np.isnan(value)]
    return 1 - float(np.mean(known)) if known else float("nan")


class _Tables:
    """Tables of every expert's tiles, with and without its work, so that policies are cheap to compare."""

    def __init__(self, tiles: Tiles, experts: Sequence[ExpertSpec], real: np.ndarray) -> None:
        self.column = {expert.name: column for column, expert in enumerate(experts)}
        self.parts: dict[str, tuple[list[int], np.ndarray, np.ndarray]] = {}
        self.group = tiles.group
        for expert in experts:
            rows = {n: table for n, table in tiles.tables.get(expert.name, {}).items() if real[n]}
            if not rows or expert.simulated or expert.name not in HEADLINE:
                continue
            done = np.stack(list(rows.values()))  # (n, C, C)
            background = bool(expert.classes) and expert.classes[0].color is None
            undone = np.zeros_like(done)
            if background:
                undone[:, :, 0] = done.sum(2)
            else:  # one more column for "nothing"
                done = np.pad(done, ((0, 0), (0, 0), (0, 1)))
                undone = np.zeros_like(done)
                undone[:, :, -1] = done.sum(2)
            self.parts[expert.name] = (list(rows), done, undone)
        names = dict.fromkeys(g for g, keep in zip(tiles.group, real, strict=True) if keep)
        self.order = {name: number for number, name in enumerate(names)}

    def work(self, served: np.ndarray) -> _Work:
        scenes = {}
        for name, (index, done, undone) in self.parts.items():
            here = served[index, self.column[name]][:, None, None]
            sums = np.zeros((len(self.order), *done.shape[1:]), np.int64)
            np.add.at(sums, [self.order[self.group[n]] for n in index], np.where(here, done, undone))
            scenes[name] = sums
        return _Work(scenes)

    def interval(self, work: _Work, oracle: _Work) -> tuple[float, float]:
        """95 % interval of the regret in points, drawing whole scenes anew, the same for both."""
        count = len(self.order)
        if count < 2:
            return float("nan"), float("nan")
        random = np.random.default_rng(7)
        found = []
        for _ in range(ROUNDS):
            # How often each scene is drawn; sums are then products with these weights.
            weight = np.bincount(random.integers(count, size=count), minlength=count)
            mine, theirs = (
                mean_loss([HEADLINE[n][1](np.tensordot(weight, s, 1)) for n, s in part.scenes.items()])
                for part in (work, oracle)
            )
            found.append(100 * (mine - theirs))
        low, high = np.nanpercentile(found, [2.5, 97.5])
        return float(low), float(high)
