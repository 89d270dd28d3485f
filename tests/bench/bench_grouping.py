"""Per-tile routing grouped by expert, against the union of a batch's experts decoding the whole batch.

The union is what the reference's public code does; its batches here hold 8 tiles. Both run the same
network on the same tiles in memory, in the same number of single-thread workers, at k = 1.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from model_core.model import Model

from .setting import Setting, work_through
from .tiles import grouped, load_tiles, scores_of, spans, strongest, united
from .timing import figure, interleaved, ratio

REFERENCE_BATCH = 8
_SEED = 11


def run(setting: Setting) -> dict[str, Any]:
    """The router's own decisions on the mixed scene, and experts drawn at random as the hardest mixture."""
    model = setting.model
    tiles = load_tiles(setting.mixed, setting.bands, model.tile_size, 0)
    own = model.default_batch
    drawn = np.random.default_rng(_SEED).integers(len(model.experts), size=len(tiles))
    routings = {
        "routed": strongest(model, scores_of(model, tiles), 1),
        "uniform": drawn[:, None] == np.arange(len(model.experts)),
    }
    cases = {}
    for routing, chosen in routings.items():
        # Ours in batches of its own size, and in those of the reference.
        for name, batch in (("grouped", own), ("grouped_8", REFERENCE_BATCH)):
            work = partial(grouped, model, tiles, chosen, batch)
            cases[f"{name}, {routing}"] = partial(
                work_through, model, setting.threads, spans(tiles, batch, setting.threads), work
            )
        work = partial(united, model, tiles, chosen)
        cases[f"union, {routing}"] = partial(
            work_through, model, setting.threads, tiles.batches(REFERENCE_BATCH), work
        )
    seconds = interleaved(cases, setting.rounds, setting.say)
    figures = {}
    for routing, name in (("routed", "grouped_over_union"), ("uniform", "grouped_over_union_uniform")):
        union = seconds[f"union, {routing}"]
        by = "as the router decides" if routing == "routed" else "experts drawn uniformly at random"
        figures[name] = figure(
            ratio(seconds[f"grouped, {routing}"], union),
            f"each tile's own expert (batches of {own}) over the union of a batch's experts on the whole "
            f"batch (batches of {REFERENCE_BATCH}), k = 1, {by}, network time",
            at_most=0.6,
        )
        figures[f"{name}_same_batch"] = figure(
            ratio(seconds[f"grouped_8, {routing}"], union), f"the same, both in batches of {REFERENCE_BATCH}"
        )
        figures[f"{name}_macs"] = figure(
            round(mac_ratio(model, routings[routing], REFERENCE_BATCH), 4),
            "the same ratio of multiply-accumulates",
        )
    details = {
        "tiles": len(tiles),
        "workers": setting.threads,
        "experts_per_batch": {
            routing: round(experts_per_batch(chosen, REFERENCE_BATCH), 2)
            for routing, chosen in routings.items()
        },
        "tiles_by_expert": {
            spec.name: int(count)
            for spec, count in zip(model.experts, routings["routed"].sum(axis=0), strict=True)
        },
        "seconds": {name: [round(value, 4) for value in found] for name, found in seconds.items()},
    }
    return {"figures": figures, "details": details}


def experts_per_batch(chosen: np.ndarray, batch: int) -> float:
    """Mean number of different experts that the tiles (N, E) of a batch need."""
    starts = range(0, len(chosen), batch)
    return float(np.mean([chosen[start : start + batch].any(axis=0).sum() for start in starts]))


def mac_ratio(model: Model, chosen: np.ndarray, batch: int) -> float:
    """Multiply-accumulates of the tiles' own experts (N, E) over those of the union in each batch."""
    encoding = len(chosen) * (model.macs.encoder + model.macs.switcher)
    costs = np.array([model.macs.experts[spec.name] for spec in model.experts])
    parts = [chosen[start : start + batch] for start in range(0, len(chosen), batch)]
    united_cost = sum(len(part) * float(part.any(axis=0) @ costs) for part in parts)
    return (encoding + float((chosen @ costs).sum())) / (encoding + united_cost)
