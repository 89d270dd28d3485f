"""Rows of the switcher from a user's tiles: what they are trained on, their calibration and their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...networks.inference import NetworkModel
from ...routerset import Entry
from ..calibration import Calibration, calibrate_columns
from ..extend import NewRow
from ..recall import rounded_down
from ..router_row import hidden_features, row_figures, row_logits
from .batches import MOST_SCALE, jittered, scaled
from .tiles import OwnTile, collated, in_batches

VIEWS, MOST_VIEWS = 4, 6000
"""Of each training tile, one as it is and the others in other light; and of all tiles together."""

FEWEST = 3
"""Tiles of either kind below which `calibrate` leaves a score as it is."""


@dataclass(frozen=True)
class Scored:
    """Tiles of a split as the switcher sees them.

    Attributes:
        hidden: float64 (N, H), hidden features.
        entries: what the catalogue says of each; their regions are resampled together.
    """

    hidden: Tensor
    entries: Sequence[Entry]

    def target(self, task: str) -> np.ndarray:
        """int8 (N,): 1 needed, 0 not needed, -1 unknown."""
        return np.array([entry.relevance.get(task, -1) for entry in self.entries], np.int8)

    @property
    def regions(self) -> list[str]:
        """(N,) the block of each tile."""
        return [entry.region for entry in self.entries]

    def kinds(self, task: str) -> tuple[int, int]:
        """See `kinds_of`."""
        return kinds_of(self.entries, task)


def kinds_of(entries: Sequence[Entry], task: str) -> tuple[int, int]:
    """How many tiles need the task's expert, and how many do not."""
    told = [entry.relevance.get(task) for entry in entries]
    return told.count(1), told.count(0)


def seen_as_they_are(
    model: NetworkModel, tiles: Sequence[OwnTile], step: Callable[[int, int], None]
) -> Scored:
    """Tiles one by one, in the precision of `model`: what the engine would see of them.

    Args:
        model: in float32, the reference.
        tiles: of one split.
        step: hears how many of how many are done.
    """
    parts = []
    for number, batch in enumerate(in_batches(tiles, 1)):
        parts.append(hidden_features(model, batch))
        step(number + 1, len(tiles))
    return Scored(_joined(model, parts), [tile.entry for tile in tiles])


def seen_augmented(
    model: NetworkModel, tiles: Sequence[OwnTile], seed: int, step: Callable[[int, int], None]
) -> Scored:
    """Training tiles, each as it is and in other light, with other bands and at other pixel sizes."""
    views = max(1, min(VIEWS, MOST_VIEWS // max(len(tiles), 1)))
    parts, entries, size = [], [], 8
    firsts = range(0, len(tiles), size)
    for view in range(views):
        for number, first in enumerate(firsts):
            batch = collated(tiles[first : first + size])
            if view:
                random = np.random.default_rng([seed, view, first])
                if view == 1:
                    batch = scaled(batch, float(random.uniform(1 / MOST_SCALE, MOST_SCALE)), random)
                batch = jittered(batch, random)
            parts.append(hidden_features(model, batch))
            entries += [tile.entry for tile in tiles[first : first + size]]
            step(view * len(firsts) + number + 1, views * len(firsts))
    return Scored(_joined(model, parts), entries)


def _joined(model: NetworkModel, parts: Sequence[Tensor]) -> Tensor:
    width = model.network.config.switcher_hidden
    return torch.cat([torch.zeros(0, width, dtype=torch.float64), *parts])


@dataclass(frozen=True)
class HeldOut:
    """The splits that a row is calibrated and measured on."""

    val: Scored
    cal: Scored
    test: Scored


def finished_row(
    task: str, weight: Tensor, bias: float, held: HeldOut
) -> tuple[NewRow, dict[str, Any], list[str]]:
    """Calibrate a trained row and measure it.

    Args:
        task: name of the task in the routerset.
        weight: of the row, see `router_row.fit_row`.
        bias: of the row.
        held: tiles that it was not trained on.

    Returns:
        The row; its figures by split, None where a split has no tile that tells; and what the user should
        know.
    """
    told = [
        (row_logits(part.hidden, weight, bias)[:, None], part.target(task)[:, None], part.regions)
        for part in (held.cal, held.val)
    ]
    fitted = calibrate_columns([task], *told)[task]
    fitted = replace(fitted, temperature=round(fitted.temperature, 4), bias=round(fitted.bias, 4))
    warnings = _doubts(task, fitted, held)
    scores, entries = scored(task, weight, bias, fitted, held.cal)
    row = NewRow(
        weight,
        bias,
        fitted,
        tuple(sorted(rounded_down(score) for score in scores)),
        {"tiles": len(entries), "scenes": len({entry.region for entry in entries}), "split": "own cal"},
    )
    return row, row_report(task, weight, bias, fitted, held), warnings


def scored(
    task: str, weight: Tensor, bias: float, fitted: Calibration, part: Scored
) -> tuple[np.ndarray, list[Entry]]:
    """Calibrated scores float32 of the tiles that need the expert, and those tiles."""
    needed = np.flatnonzero(part.target(task) == 1)
    scores = fitted.score(row_logits(part.hidden, weight, bias)).astype(np.float32)
    return scores[needed], [part.entries[number] for number in needed]


def row_report(
    task: str, weight: Tensor, bias: float, fitted: Calibration, held: HeldOut
) -> dict[str, dict[str, Any] | None]:
    """Figures of a row on val and test, see `router_row.row_figures`, with the tiles of either kind."""
    found: dict[str, dict[str, Any] | None] = {}
    for name, part in (("val", held.val), ("test", held.test)):
        needed, not_needed = part.kinds(task)
        score = fitted.score(row_logits(part.hidden, weight, bias)).astype(np.float32)
        figures = row_figures(score, part.target(task), fitted.threshold)
        counted = {"needed": needed, "not_needed": not_needed}
        found[name] = {**figures, **counted} if needed + not_needed else None
    return found


def _doubts(task: str, fitted: Calibration, held: HeldOut) -> list[str]:
    found = []
    if min(fitted.positives, fitted.negatives) < FEWEST:
        found.append(
            f"The score of '{task}' is not calibrated: {fitted.positives} tiles of {fitted.split} need it "
            f"and {fitted.negatives} do not, where {FEWEST} of either kind are the least."
        )
    elif fitted.split != "cal":
        needed, not_needed = held.cal.kinds(task)
        found.append(
            f"The score of '{task}' is calibrated on cal and val together, as cal has {needed} tiles that "
            f"need it and {not_needed} that do not."
        )
    if not held.cal.kinds(task)[0]:
        found.append(
            f"No tile of cal needs '{task}', so the recall policy cannot promise anything of it and sends it "
            "every tile."
        )
    return found
