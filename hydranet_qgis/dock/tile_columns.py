"""What the table of tiles shows, sorts and filters by, worked out once per run into plain lists.

Nothing here knows a widget, so it may be made in any thread. With 20,000 tiles a list comprehension over
prepared values takes a millisecond, where a `QSortFilterProxyModel` would call Python for every row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field

from ..object_records import RunObjects
from ..run_folder import Run
from ..scene_expert import spoken
from ..tile_records import UNABLE, TileRecord
from .tile_headings import EXPERTS, OBJECTS, REASON, SCENE, SCORE, UNSURE
from .tile_words import outcome

ALL, ROUTED, ABSTAINED, NO_DATA, MASKED = "*all", "*routed", "*abstained", "*nodata", "*masked"
NEARLY, WOULD_CHANGE = "*nearly", "*change"
"""Kinds of tiles; a name of an expert never begins with a star."""

NEAR = 0.1
"""An expert is nearly chosen up to this far below the score that would have been enough."""

ANY_OBJECT = "*any"
"""In place of a class: objects of whatever class."""


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
        scenes: number of tiles of each scene class, those that there are, in the order of the classes.
        found: the run's objects.
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
    scenes: dict[str, int]
    found: RunObjects = field(default_factory=RunObjects)

    @property
    def has_objects(self) -> bool:
        """Whether the run looked for objects and its tiles can tell what was found."""
        expert = self.found.expert
        return expert is not None and expert.skipped is None and self.run.decoded and not self.found.problem

    def object_count(self, tile: TileRecord) -> int | None:
        """Number of objects in a tile, None where none were looked for."""
        if not self.has_objects or self.found.expert.name not in tile.chosen:
            return None
        return len(self.found.by_tile.get(tile.index, ()))

    def scores(self, expert: str | None) -> list[float]:
        """Every tile's score of an expert, or its highest; -1.0 where there is none."""
        names = [e.name for e in self.run.experts]
        if expert not in names:
            return self.top_scores
        at = names.index(expert)
        return [-1.0 if tile.scores[at] is None else tile.scores[at] for tile in self.tiles]

    def unsure(self, kind: str, expert: str | None) -> list[float]:
        """Every tile's mean uncertainty of an expert, -1.0 where there is none.

        Args:
            kind: TOTAL or MODEL, see `uncertainty`.
            expert: its name.
        """
        names = [e.name for e in self.run.experts]
        if expert not in names:
            return [-1.0] * len(self.tiles)
        at = names.index(expert)
        found = (tile.unsure(kind, at) for tile in self.tiles)
        return [-1.0 if value is None else value for value in found]

    def mean_unsure(self, kind: str, expert: str) -> float | None:
        """Mean of that over the tiles that have it, None if none has."""
        known = [value for value in self.unsure(kind, expert) if value >= 0]
        return sum(known) / len(known) if known else None


def columns_of(
    run: Run,
    tiles: Sequence[TileRecord],
    cancelled: Callable[[], bool] = lambda: False,
    found: RunObjects | None = None,
) -> TileColumns:
    """Work out the columns.

    Args:
        run: the run.
        tiles: all of its tiles, in reading order.
        cancelled: asked now and then; what is returned after a "yes" is incomplete.
        found: the run's objects, None for a run without.
    """
    titles, thresholds = run.titles(), [expert.threshold for expert in run.experts]
    kinds, tops, top_scores, nearly, words, outcomes = [], [], [], [], [], []
    named = {tile.chosen: "" for tile in tiles}
    for chosen in named:
        named[chosen] = ", ".join(titles.get(name, name) for name in chosen)
    told = {reason: outcome(reason) for reason in {tile.reason for tile in tiles}}
    # As it is shown, and as the table of tiles spells it.
    scenes = {name: " ".join({name: 0, spoken(name): 0}) for name in {tile.scene for tile in tiles}}
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
        words.append(f"{place} {named[tile.chosen]} {text} {scenes[tile.scene]}".lower())
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
        scenes=_scenes(run, tiles),
        found=found or RunObjects(),
    )


def _scenes(run: Run, tiles: Sequence[TileRecord]) -> dict[str, int]:
    found = Counter(tile.scene for tile in tiles)
    known = run.scene_expert.classes if run.scene_expert else ()
    # A class that run.json does not list is shown all the same.
    order = [*known, *sorted(set(found) - {"", *known})]
    return {name: found[name] for name in order if found[name]}


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
    columns: TileColumns,
    kind: str,
    expert: str | None,
    text: str,
    changing: Set[int],
    scene: str | None = None,
    objects: str | None = None,
) -> list[int] | None:
    """Positions of the tiles that pass the filters, ascending; None for all of them.

    Args:
        columns: of the run.
        kind: ALL or another kind of tiles; WOULD_CHANGE are those of `changing`.
        expert: only tiles that it decodes, with NEARLY only those it is nearly chosen for. Tiles that
            have no expert (ABSTAINED, NO_DATA, MASKED) are not asked for one, nor those that would change.
        text: every word of it must occur in place, experts, outcome or scene class.
        changing: tile numbers.
        scene: only tiles of this scene class, whatever their kind.
        objects: only tiles with an object of this class, with ANY_OBJECT of any.
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
    if scene is not None:
        tiles = columns.tiles
        found = [p for p in (range(len(tiles)) if found is None else found) if tiles[p].scene == scene]
    if objects is not None:
        having = {
            columns.positions[tile]
            for tile, here in columns.found.by_tile.items()
            if tile in columns.positions
            and (objects == ANY_OBJECT or any(one.label == objects for one in here))
        }
        found = sorted(having) if found is None else [p for p in found if p in having]
    for word in text.lower().split():
        words = columns.words
        found = [p for p in (range(len(words)) if found is None else found) if word in words[p]]
    return found


def ordered(columns: TileColumns, column: int, down: bool, focus: str | None, doubt: str) -> list[int]:
    """Positions of all tiles as a column of the table sorts them; equals stay in reading order.

    Args:
        columns: of the run.
        column: its number, see `tile_headings`.
        down: the last first; tiles that have nothing in the column come last all the same.
        focus: expert whose score and uncertainty are shown, None for the highest score.
        doubt: which uncertainty is shown, TOTAL or MODEL.
    """
    places = range(len(columns.tiles))
    if column in (SCORE, UNSURE):
        numbers = columns.scores(focus) if column == SCORE else columns.unsure(doubt, focus)
        known = sorted((p for p in places if numbers[p] >= 0), key=numbers.__getitem__, reverse=down)
        return known + [p for p in places if numbers[p] < 0]
    if column == SCENE:
        scenes = [tile.scene.lower() for tile in columns.tiles]
        known = sorted((p for p in places if scenes[p]), key=scenes.__getitem__, reverse=down)
        return known + [p for p in places if not scenes[p]]
    if column == OBJECTS:
        counts = [columns.object_count(tile) for tile in columns.tiles]
        known = sorted((p for p in places if counts[p] is not None), key=counts.__getitem__, reverse=down)
        return known + [p for p in places if counts[p] is None]
    if column == EXPERTS:
        return sorted(places, key=columns.group.__getitem__, reverse=down)
    if column == REASON:
        return sorted(places, key=columns.outcomes.__getitem__, reverse=down)
    return list(reversed(places)) if down else list(places)
