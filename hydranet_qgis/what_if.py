"""What another policy would decide about a run's tiles, and what it would cost to get there.

The decisions are those of `model_core.routing`: the same scores, compared in the same precision. numpy is
imported inside the functions, because the plugin has to start without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .i18n import tr
from .run_folder import Run, RunExpert
from .tile_records import TileRecord
from .what_if_cost import Rates, rates_of
from .what_if_grid import Grid, grid_of

THRESHOLD, TOP_K, RECALL = "threshold", "top-k", "recall"
POLICIES = (THRESHOLD, TOP_K, RECALL)


@dataclass(frozen=True)
class Policy:
    """A policy to try.

    Attributes:
        kind: one of `POLICIES`.
        k: most experts per tile; recall knows no such limit.
        miss_rate: share of the tiles in need that recall may miss.
        thresholds: of the policy threshold, by expert; one not named keeps the bundle's.
    """

    kind: str = THRESHOLD
    k: int = 1
    miss_rate: float = 0.05
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Alike if they decide alike: what a kind does not look at does not count."""
        return isinstance(other, Policy) and self._looks_at() == other._looks_at()

    def __hash__(self) -> int:
        return hash(self.kind)

    def _looks_at(self) -> tuple[Any, ...]:
        if self.kind == RECALL:
            return self.kind, self.miss_rate
        return (self.kind, self.k, dict(self.thresholds) if self.kind == THRESHOLD else {})


@dataclass(frozen=True)
class ExpertChange:
    """One expert's part: numbers of tiles.

    Attributes:
        before, after: decoded now, and under the other policy.
        added, dropped: that would come and go.
        seams: that stay, but share a blended seam with one that comes or goes, and are decoded again.
    """

    name: str
    before: int
    after: int
    added: int
    dropped: int
    seams: int


@dataclass(frozen=True)
class Change:
    """What another policy changes.

    Attributes:
        tiles: indices of the tiles that would change.
        experts: the run's experts in their order.
        encode: tiles to encode again, to have something to decode.
        macs, seconds: of getting there; None if the run does not tell.
        macs_before, macs_after: of the whole run now and then.
        seconds_before, seconds_after: of its encoder and experts; None if unknown.
        saved_before, saved_after: share of the multiply-accumulates of running every expert on every tile.
        notes: what the user should know, as sentences.
    """

    tiles: frozenset[int]
    experts: tuple[ExpertChange, ...]
    encode: int = 0
    macs: int | None = None
    seconds: float | None = None
    macs_before: int | None = None
    macs_after: int | None = None
    seconds_before: float | None = None
    seconds_after: float | None = None
    saved_before: float | None = None
    saved_after: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def added(self) -> int:
        """Pairs of tile and expert that are missing."""
        return sum(expert.added for expert in self.experts)

    @property
    def dropped(self) -> int:
        """Pairs that are not wanted any more."""
        return sum(expert.dropped for expert in self.experts)

    @property
    def seams(self) -> int:
        """Pairs that are decoded again for their neighbours' sake."""
        return sum(expert.seams for expert in self.experts)


def policy_of(run: Run) -> Policy:
    """The policy that a run has."""
    k = min(max(run.top_k, 1), max(len(run.experts), 1))
    kind = run.policy if run.policy in POLICIES else THRESHOLD
    moved = {
        expert.name: expert.threshold
        for expert in run.experts
        if kind == THRESHOLD and expert.threshold != expert.bundle_threshold
    }
    return Policy(kind, k, run.miss_rate, moved)


def recall_threshold(needed_scores: Sequence[float], miss_rate: float) -> float:
    """The highest threshold that misses no more than `miss_rate` of the tiles that need an expert.

    As `model_core.conformal`: with n calibration tiles, m of them missed promise (m + 1) / (n + 1) for the
    next one. Without enough of them it is 0, which misses nothing.
    """
    count = len(needed_scores)
    within = sum((missed + 1) / (count + 1) <= miss_rate for missed in range(count))
    return float(sorted(needed_scores)[within - 1]) if within else 0.0


def effective_thresholds(experts: Sequence[RunExpert], policy: Policy) -> list[float]:
    """The score from which a tile goes to each expert; top-k compares with none of them."""
    if policy.kind == RECALL:
        return [recall_threshold(expert.needed_scores, policy.miss_rate) for expert in experts]
    given = policy.thresholds if policy.kind == THRESHOLD else {}
    return [float(given.get(expert.name, expert.bundle_threshold)) for expert in experts]


def decide(
    scores: Any, thresholds: Sequence[float], usable: Sequence[bool], alive: Any, policy: Policy
) -> Any:
    """Ranks of the experts of every tile, as `model_core.routing.decide` gives them.

    Args:
        scores: float32 (N, E); rows that are not alive may hold anything.
        thresholds: (E,), see `effective_thresholds`.
        usable: (E,), whether the expert may serve this run at all.
        alive: bool (N,), tiles with scores.
        policy: its kind and k.

    Returns:
        int8 (N, E), 0 = not chosen, 1 = strongest, 2 = second …
    """
    import numpy as np

    candidate = np.asarray(alive, bool)[:, None] & np.asarray(usable, bool)[None, :]
    if policy.kind != TOP_K:
        # In the scores' own precision: a score that equals its threshold is in.
        candidate = candidate & (scores >= np.asarray(thresholds, dtype=scores.dtype)[None, :])
    strength = np.where(candidate, scores, -np.inf)
    order = np.argsort(-strength, axis=1, kind="stable")  # equal scores keep the experts' order
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(1, scores.shape[1] + 1)[None, :], axis=1)
    limit = scores.shape[1] if policy.kind == RECALL else policy.k
    return np.where(candidate & (place <= limit), place, 0).astype(np.int8)


class WhatIf:
    """A run's tiles as arrays, ready to try policies on.

    Args:
        run: the run.
        tiles: all its tiles.

    Attributes:
        run: the run.
        scores: float32 (N, E), NaN without data.
        alive: bool (N,), tiles with scores.
        decoded: bool (N, E), pairs that the rasters hold now.
    """

    def __init__(self, run: Run, tiles: Sequence[TileRecord]) -> None:
        import numpy as np

        names = [expert.name for expert in run.experts]
        place = {name: number for number, name in enumerate(names)}
        self.run = run
        # None becomes NaN in both lines.
        self.scores = np.array([tile.scores for tile in tiles], dtype=np.float32).reshape(
            len(tiles), len(names)
        )
        self.alive = ~np.isnan(self.scores).all(axis=1) if names else np.zeros(len(tiles), bool)
        self.decoded = np.zeros(self.scores.shape, dtype=bool)
        if run.decoded:
            for number, tile in enumerate(tiles):
                for name in tile.chosen:
                    if name in place:
                        self.decoded[number, place[name]] = True
        self._usable = [expert.skipped is None for expert in run.experts]
        # Objects are brought together from what each tile found, which the run keeps: none is seen again.
        self._blended = np.array([not expert.finds_objects for expert in run.experts], dtype=bool)
        self._index = np.array([tile.index for tile in tiles], dtype=np.int64)
        self._row = np.array([tile.row for tile in tiles], dtype=np.int64)
        self._col = np.array([tile.col for tile in tiles], dtype=np.int64)
        grid = grid_of(run.folder)
        # A table of tiles that is not this run's, such as after half a copy, must not stop the panel.
        self._grid: Grid | None = grid if grid is not None and grid.holds(self._row, self._col) else None
        self._rates: Rates = rates_of(run)

    def change(self, policy: Policy) -> Change:
        """What the policy would change, against what is decoded now."""
        import numpy as np

        run, rates = self.run, self._rates
        limits = effective_thresholds(run.experts, policy)
        wanted = decide(self.scores, limits, self._usable, self.alive, policy) > 0  # (N, E)
        moved = wanted != self.decoded
        again = self._beside(moved) & wanted & self.decoded & self._blended
        to_decode = (wanted & ~self.decoded) | again
        encode = int(to_decode.any(axis=1).sum())
        alive = int(self.alive.sum())

        def count(pairs: Any) -> list[int]:
            return [int(number) for number in pairs.sum(axis=0)]

        before, after, decode = count(self.decoded), count(wanted), count(to_decode)
        added, dropped, seams = count(wanted & ~self.decoded), count(self.decoded & ~wanted), count(again)
        macs_before, macs_after = rates.macs(alive, before), rates.macs(alive, after)
        return Change(
            tiles=frozenset(self._index[np.flatnonzero(moved.any(axis=1))].tolist()),
            experts=tuple(
                ExpertChange(expert.name, before[e], after[e], added[e], dropped[e], seams[e])
                for e, expert in enumerate(run.experts)
            ),
            encode=encode,
            macs=rates.macs(encode, decode),
            seconds=rates.seconds(encode, decode),
            macs_before=macs_before,
            macs_after=macs_after,
            seconds_before=rates.seconds(alive, before),
            seconds_after=rates.seconds(alive, after),
            saved_before=rates.saved(alive, macs_before),
            saved_after=rates.saved(alive, macs_after),
            notes=notes(run, policy, limits),
        )

    def spread(self, expert: str, bins: int) -> list[int]:
        """How many tiles have a score of the expert in each of `bins` equal steps from 0 to 1."""
        import numpy as np

        number = [known.name for known in self.run.experts].index(expert)
        scores = self.scores[self.alive, number]
        return np.histogram(scores[~np.isnan(scores)], bins=bins, range=(0.0, 1.0))[0].tolist()

    def _beside(self, moved: Any) -> Any:
        """Pairs whose tile's window meets the window of a tile that changes for the same expert."""
        import numpy as np

        if self._grid is None or not moved.any():
            return np.zeros(moved.shape, dtype=bool)
        return self._grid.touched(moved, self._row, self._col)


def notes(run: Run, policy: Policy, limits: Sequence[float]) -> tuple[str, ...]:
    """What the user should know about a policy before following it."""
    usable = [(expert, limit) for expert, limit in zip(run.experts, limits) if expert.skipped is None]
    if policy.kind == RECALL:
        # Missing none of n calibration tiles promises no more than 1 / (n + 1).
        short = [
            f"{expert.label} ({len(expert.needed_scores)})"
            for expert, _ in usable
            if 1 / (len(expert.needed_scores) + 1) > policy.miss_rate
        ]
        if short:
            text = tr(
                "Too few calibration tiles to promise at most {share:g} % missed for {experts}: every "
                "tile goes there."
            )
            return (text.format(share=100 * policy.miss_rate, experts=", ".join(short)),)
    if policy.kind == THRESHOLD:
        free = [expert.label for expert, limit in usable if limit <= 0.0]
        if free:
            text = tr("The threshold of {experts} is 0: any tile with data may go there.")
            return (text.format(experts=", ".join(free)),)
    return ()
