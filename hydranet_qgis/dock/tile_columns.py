"""What the table of tiles shows, sorts and filters by, worked out once per run into plain lists.

Nothing here knows a widget, so it may be made in any thread. With 20,000 tiles a list comprehension over
prepared values takes a millisecond, where a `QSortFilterProxyModel` would call Python for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from ..run_folder import Run
from ..tile_records import UNABLE, TileRecord
from .tile_words import outcome

ALL, ROUTED, ABSTAINED, NO_DATA, MASKED = "*all", "*routed", "*abstained", "*nodata", "*masked"
NEARLY, WOULD_CHANGE = "*nearly", "*change"
"""Kinds of tiles; a name of an expert never begins with a star."""

NEAR = 0.1
"""An expert is nearly chosen up to this far below the score that would have been enough."""


@dataclass(frozen=True)
class TileColumns:
    """A run's tiles in reading order, and by the same positions what is asked of them most.

    Attributes:
        kinds: ROUTED, ABSTAINED, NO_DATA or MASKED.
        tops: position of the strongest expert that could serve, -1 if there is none.
        top_scores: its score, -1.0 if there is none.
        nearly: positions of the experts nearly chosen, see `nearly_chosen`.
        words: what the text filter looks in, in small letters.
        group: tiles with the same chosen experts have the same number, in the order of their titles.
        outcomes: what became of the tile, in words.
        positions: position by tile number.
        counts: number of tiles each expert was chosen for, by name.
        means: mean score of each expert over the tiles that have scores, None if there are none.
    """

    run: Run
    tiles: list[TileRecord]
    kinds: list[str]
    tops: list[int]
    top_scores: list[float]
    nearly: list[tuple[int, ...]]
    words: list[str]
    group: list[int]
    outcomes: list[str]
    positions: dict[int, int]
    counts: dict[str, int]
    means: tuple[float | None, ...]

    def scores(self, expert: str | None) -> list[float]:
        """Every tile's score of an expert, or its highest; -1.0 where there is none."""
        names = [e.name for e in self.run.experts]
        if expert not in names:
            return self.top_scores
        at = names.index(expert)
        return [-1.0 if tile.scores[at] is None else tile.scores[at] for tile in self.tiles]


def columns_of(
    run: Run, tiles: Sequence[TileRecord], cancelled: Callable[[], bool] = lambda: False
) -> TileColumns:
    """Work out the columns.

    Args:
        run: the run.
        tiles: all of its tiles, in reading order.
        cancelled: asked now and then; what is returned after a "yes" is incomplete.
    """
    titles, thresholds = run.titles(), [expert.threshold for expert in run.experts]
    kinds, tops, top_scores, nearly, words, outcomes = [], [], [], [], [], []
    named = {tile.chosen: "" for tile in tiles}
    for chosen in named:
        named[chosen] = ", ".join(titles.get(name, name) for name in chosen)
    told = {reason: outcome(reason) for reason in {tile.reason for tile in tiles}}
    rank = {chosen: number for number, chosen in enumerate(sorted(named, key=lambda c: named[c].lower()))}
    for number, tile in enumerate(tiles):
        if number % 1000 == 0 and cancelled():
            break
        top = tile.top
        if tile.chosen:
            kinds.append(ROUTED)
        elif tile.masked:
            kinds.append(MASKED)
        else:
            kinds.append(ABSTAINED if tile.scored else NO_DATA)
        tops.append(-1 if top is None else top)
        top_scores.append(-1.0 if top is None else float(tile.scores[top]))
        nearly.append(nearly_chosen(run, tile, thresholds))
        text = told[tile.reason]
        outcomes.append(text)
        place = f"{tile.row}, {tile.col} r{tile.row} c{tile.col}"
        words.append(f"{place} {named[tile.chosen]} {text}".lower())
    counts = dict.fromkeys(titles, 0)
    for tile in tiles:
        for name in tile.chosen:
            counts[name] = counts.get(name, 0) + 1
    means = []
    for at in range(len(run.experts)):
        scores = [tile.scores[at] for tile in tiles if tile.scores[at] is not None]
        means.append(sum(scores) / len(scores) if scores else None)
    return TileColumns(
        run=run,
        tiles=list(tiles),
        kinds=kinds,
        tops=tops,
        top_scores=top_scores,
        nearly=nearly,
        words=words,
        group=[rank[tile.chosen] for tile in tiles],
        outcomes=outcomes,
        positions={tile.index: position for position, tile in enumerate(tiles)},
        counts=counts,
        means=tuple(means),
    )


def nearly_chosen(run: Run, tile: TileRecord, thresholds: Sequence[float]) -> tuple[int, ...]:
    """Positions of the experts that a slightly milder policy would have chosen as well.

    Under a policy with thresholds these are the experts at most NEAR below theirs, and those above it that
    k cut off. The policy top-k has no threshold: there it is who came at most NEAR behind the last chosen.
    """
    if run.policy == "top-k":
        taken = [score for score, e in zip(tile.scores, run.experts) if e.name in tile.chosen]
        limits: Sequence[float] = [min(taken, default=2.0)] * len(run.experts)
    else:
        limits = thresholds
    return tuple(
        position
        for position, (score, reason, limit) in enumerate(zip(tile.scores, tile.reasons, limits))
        if score is not None
        # Far below most of the time; looking who was chosen comes last.
        and score >= limit - NEAR - 1e-9
        and reason not in UNABLE
        and run.experts[position].name not in tile.chosen
    )


def accepted(
    columns: TileColumns, kind: str, expert: str | None, text: str, changing: Set[int]
) -> list[int] | None:
    """Positions of the tiles that pass the filters, ascending; None for all of them.

    Args:
        columns: of the run.
        kind: ALL or another kind of tiles; WOULD_CHANGE are those of `changing`.
        expert: only tiles that it decodes, with NEARLY only those it is nearly chosen for. Tiles that
            have no expert (ABSTAINED, NO_DATA, MASKED) are not asked for one, nor those that would change.
        text: every word of it must occur in place, experts or outcome.
        changing: tile numbers.
    """
    names = [e.name for e in columns.run.experts]
    at = names.index(expert) if expert in names else -1
    found: list[int] | None = None
    if kind == NEARLY:
        found = [p for p, near in enumerate(columns.nearly) if (at in near if at >= 0 else near)]
    elif kind == WOULD_CHANGE:
        found = sorted(columns.positions[tile] for tile in changing if tile in columns.positions)
    elif kind in (ABSTAINED, NO_DATA, MASKED):
        found = [p for p, is_kind in enumerate(columns.kinds) if is_kind == kind]
    elif at >= 0:
        found = [p for p, tile in enumerate(columns.tiles) if expert in tile.chosen]
    elif kind == ROUTED:
        found = [p for p, is_kind in enumerate(columns.kinds) if is_kind == ROUTED]
    for word in text.lower().split():
        words = columns.words
        found = [p for p in (range(len(words)) if found is None else found) if word in words[p]]
    return found
