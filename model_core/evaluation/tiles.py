"""One pass over a split's tiles: what the router says, what the labels say, what every expert would do.

All that is said about routing -- figures, controls, policies, regret -- is worked out from this one table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..model import Model
from ..spec import ExpertSpec
from ..tasks import TASK_NAMES, UNKNOWN
from ..training.held_out import SUFFIX
from ..training.layout import PlacedTile, natural_tiles
from ..training.pack import Sample
from ..training.relevance import relevance
from ..training.sampling import collate
from ..training.switcher import tile_stats
from . import metrics

Group = tuple[str, ...]


def pixel_experts(model: Model) -> tuple[ExpertSpec, ...]:
    """The experts that say something of every pixel.

    An objects expert has boxes instead of labelled pixels, so that no tile of these scenes tells whether it
    was needed, nor what its work was worth. It is measured by itself, see `objects`, and counting it as one
    more rival for the k best places would change what the figures of the others mean.
    """
    return tuple(expert for expert in model.experts if expert.kind != "objects")


@dataclass(frozen=True)
class Tiles:
    """N tiles of a split, E experts of a bundle, an objects expert left out.

    Attributes:
        experts: names, in the order of the scores.
        score: float32 (N, E), calibrated.
        target: int8 (N, E) of 1 needed, 0 not needed, -1 unknown.
        group: the scenes each tile shows; tiles of one scene are no independent evidence.
        source: data set of each tile.
        gsd_m: float64 (N,), NaN where not known.
        simulated: bool (N,), True for a real scene set on fire.
        stats: (N, 16), see `tile_stats`.
        pooled: (N, 2C) inputs of the switcher; None for a model that has none.
        tables: by expert and tile, the counts (label, prediction) if the expert decodes the tile; tiles
            without a labelled pixel for the expert have none.
        objects: float32 (N,), calibrated score of the objects expert; None without one.
        objects_target: int8 (N,), its targets as far as labels of other tasks tell, 0 or -1; None without it.
    """

    experts: tuple[str, ...]
    score: np.ndarray
    target: np.ndarray
    group: tuple[Group, ...]
    source: tuple[str, ...]
    gsd_m: np.ndarray
    simulated: np.ndarray
    stats: Tensor
    pooled: Tensor | None
    tables: dict[str, dict[int, np.ndarray]]
    objects: np.ndarray | None = None
    objects_target: np.ndarray | None = None


def scan_tiles(
    model: Model, samples: list[Sample], log: Callable[[str], None] = lambda _message: None
) -> Tiles:
    """Score every tile once, and decode it with every expert that has labels on it."""
    experts = pixel_experts(model)
    names = tuple(expert.name for expert in experts)
    columns = [model.experts.index(expert) for expert in experts]
    channels = {expert.name: expert.channels for expert in experts}
    score, target, group, source, gsd, simulated, stats, pooled, rest = ([] for _ in range(9))
    tables: dict[str, dict[int, np.ndarray]] = {name: {} for name in names}
    for number, placed in enumerate(natural_tiles(samples, model.tile_size)):
        batch = collate([placed.tile])
        reflectance = batch["reflectance"].numpy()
        features = model.encode(reflectance, placed.tile.available.numpy(), placed.tile.valid[None].numpy())
        known = dict(zip(TASK_NAMES, relevance(placed.tile).tolist(), strict=True))
        told = model.scores(features)[0]
        score.append(told[columns])
        if len(experts) < len(model.experts):
            rest.append((np.delete(told, columns)[0], _without_objects(placed)))
        target.append([known.get(name, -1) for name in names])
        group.append(placed.ids)
        source.append(placed.source)
        gsd.append(np.nan if placed.gsd_m is None else placed.gsd_m)
        simulated.append(_burning(placed))
        stats.append(tile_stats(batch)[0])
        vector = _pooled(model, features)
        if vector is not None:
            pooled.append(vector)
        for name in names:
            label = _labels(placed, name)
            if label is not None:
                predicted = model.decode(name, [(features, [0])])[0].argmax(0)
                tables[name][number] = tile_table(name, label, predicted, channels[name])
        if number % 100 == 0:
            log(f"scanned {number} tiles")
    shape = (len(group), len(names))
    return Tiles(
        names,
        np.array(score, np.float32).reshape(shape),
        np.array(target, np.int8).reshape(shape),
        tuple(group),
        tuple(source),
        np.array(gsd, np.float64),
        np.array(simulated, bool),
        torch.stack(stats) if stats else torch.zeros(0, 16),
        torch.stack(pooled) if pooled else None,
        tables,
        np.array([value for value, _ in rest], np.float32) if rest else None,
        np.array([value for _, value in rest], np.int8) if rest else None,
    )


def _without_objects(placed: PlacedTile) -> int:
    from ..training.objects.relevance import pack_relevance  # of no use to a bundle without such an expert

    return pack_relevance(placed.tile)


def _burning(placed: PlacedTile) -> bool:
    return placed.ids[0].endswith(SUFFIX)


def _pooled(model: Model, features) -> Tensor | None:
    """What the switcher of a bundle's network reads, float32 (2C,); other models have none."""
    network = getattr(model, "network", None)
    if network is None:
        return None
    with torch.inference_mode():
        return network.switcher.pool(features.parts[0])[0].float().cpu().clone()


def _labels(placed: PlacedTile, name: str) -> np.ndarray | None:
    """An expert's labels on the tile, unknown where there is no data; None if there is not one."""
    if name not in TASK_NAMES:
        return None
    label = placed.tile.labels[TASK_NAMES.index(name)].numpy()
    label = np.where(placed.tile.valid.numpy(), label, UNKNOWN)
    return label if (label != UNKNOWN).any() else None


def tile_table(name: str, label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes) as the expert's figure is computed from, vegetation merged in land cover."""
    predicted = predicted.astype(np.uint8)
    if name == "landcover":
        return metrics.confusion(metrics.merge_vegetation(label), metrics.merge_vegetation(predicted), 4)
    return metrics.confusion(label, predicted, classes)
