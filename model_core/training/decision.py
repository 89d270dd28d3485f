"""Where an expert draws the line between classes, fitted on held-out scenes and moved into its bias.

Cross-entropy with class weights and Dice draws it where *its* loss is least, which need not be where the
figure an expert is judged by is best: thin roads, for one, are found far below a probability of a half.
An offset per class on the logits moves the line. It is added to the bias of the head, so that it costs
nothing at run time and every probability written is that of the line drawn.

Few scenes tell little, so the offsets are held back: at most 0.75 logits, and none unless it clearly
helps in most places, not only in the one with the most pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from ..networks.hydranet import HydraNet
from ..tasks import TASKS, UNKNOWN, VEGETATION, task
from .framework.run_folder import Log
from .layout import natural_tiles
from .pack import Sample
from .sampling import collate

GRID = np.round(np.arange(-0.75, 0.76, 0.125), 3)
CAUTION = 0.004
"""What a move by one logit must bring in the metric."""

GAIN = 0.005
"""Least gain for which an expert's line is moved at all."""

SURE = 0.8
"""Share of the resampled sets of places in which the moved line must be the better one."""

FEW_PLACES = 3
"""With fewer, resampling tells nothing of other places, and the line stays."""

FEW_SCENES = 5
PIXELS = 6000
"""Labelled pixels taken of a tile; each stands for as many as were left out."""

Score = Callable[[np.ndarray], float]

GROUPS: dict[str, tuple[tuple[int, ...], ...]] = {
    "clouds": ((1, 2),),
    "landcover": ((0,), (1, 2), (4,)),
    "fire": ((1,), (2,)),
}
"""Classes whose lines are moved together, as the metric does not tell them apart; ((1,),) for the rest."""


@dataclass(frozen=True)
class Fit:
    """One expert's offsets, by class, and what they were fitted on.

    Attributes:
        offsets: logits added to each class; all 0 where no move was clearly better.
        before, after: the metric on the scenes they were fitted on, with no and with the best offsets (also
            where these were then not taken); 0 where there was no content.
        surer: share of the resampled sets of places in which the offsets found were better than none.
    """

    offsets: tuple[float, ...]
    before: float
    after: float
    surer: float
    scenes: int
    split: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**asdict(self), "offsets": list(self.offsets)}


@dataclass(frozen=True)
class Pixels:
    """Labelled pixels of a tile: places, logits (n, C), labels uint8 (n,), how many each stands for."""

    group: tuple[str, ...]
    logits: np.ndarray
    label: np.ndarray
    weight: float


def fit_offsets(
    network: HydraNet,
    cal: list[Sample],
    val: list[Sample],
    metrics: Mapping[str, tuple[str, Score]],
    log: Log,
) -> dict[str, Fit]:
    """Fit every expert's offsets on `cal`, or on `cal` and `val` where `cal` is short.

    It is short for an expert with fewer than five labelled scenes, or with a class of which `cal` has no
    pixel and `val` has.

    Args:
        network: folded or not, in eval mode; it is not changed.
        cal: calibration scenes.
        val: validation scenes, which nothing was trained on either.
        metrics: headline metric by expert, of confusion counts, see `evaluation.evaluate.HEADLINE`.
        log: hears what was found.
    """
    fitted = {}
    for entry in TASKS:
        name = entry.name
        if name not in network.channels or name not in metrics:
            continue
        own = [sample for sample in cal if _classes(sample, name)]
        other = [sample for sample in val if _classes(sample, name)]
        seen = set().union(*(_classes(sample, name) for sample in own)) if own else set()
        more = set().union(*(_classes(sample, name) for sample in other)) if other else set()
        short = len(own) < FEW_SCENES or bool(more - seen)
        scenes, split = (own + other, "cal+val") if short else (own, "cal")
        if not scenes:
            continue
        pixels = collect(network, name, scenes)
        fitted[name] = search(name, pixels, metrics[name][1], len(scenes), split)
        log(f"decision: {name} {fitted[name]}")
    return fitted


def _classes(sample: Sample, name: str) -> set[int]:
    """Classes of an expert that a scene has labelled pixels of; trees and low vegetation are one."""
    if name not in sample.labels or sample.label_kind.get(name) == "image-level":
        return set()  # one class for a whole chip says nothing about where lines run
    found = set(np.unique(sample.labels[name][sample.valid]).tolist()) - {UNKNOWN}
    return {1 if name == "landcover" and value in (2, VEGETATION) else value for value in found}


@torch.inference_mode()
def collect(network: HydraNet, name: str, scenes: list[Sample]) -> list[Pixels]:
    """Decode the scenes' tiles with one expert and keep a sample of their labelled pixels."""
    row = [entry.name for entry in TASKS].index(name)
    random = np.random.default_rng(0)
    places = {sample.id: sample.region for sample in scenes}
    found = []
    for placed in natural_tiles(scenes):
        tile = placed.tile
        label = torch.where(tile.valid, tile.labels[row], UNKNOWN).numpy().ravel()
        known = np.flatnonzero(label != UNKNOWN)
        if len(known) == 0:
            continue
        batch = collate([tile])
        features = network.encode(batch["reflectance"], batch["available"], batch["valid"])
        logits = network.decode(name, features)[0].flatten(1).T.numpy()  # (pixels, C)
        taken = known if len(known) <= PIXELS else np.sort(random.choice(known, PIXELS, replace=False))
        # One place has one look: its scenes are resampled together, or the largest place decides for all.
        group = tuple(dict.fromkeys(f"{placed.source}: {places[name]}" for name in placed.ids))
        found.append(Pixels(group, logits[taken], label[taken], len(known) / len(taken)))
    return found


def search(name: str, pixels: list[Pixels], score: Score, scenes: int, split: str) -> Fit:
    """The offsets with the best metric, or none where the gain is small or hangs on a few scenes.

    Args:
        name: of the expert.
        pixels: of one or more tiles.
        score: the metric, of confusion counts.
        scenes: how many they are from; kept with the result.
        split: where those are from; kept with the result.
    """
    channels = task(name).expert.channels
    groups = GROUPS.get(name, ((1,),))

    def table(part: Pixels, offsets: np.ndarray) -> np.ndarray:
        return _confusion(name, part, offsets, channels)

    def total(offsets: np.ndarray) -> float:
        return score(sum(table(part, offsets) for part in pixels))

    best = np.zeros(channels)
    before = total(best)
    if np.isnan(before):  # no labelled content: nothing to go by
        return Fit((0.0,) * channels, 0.0, 0.0, 0.0, scenes, split)
    for _ in range(2 if len(groups) > 1 else 1):  # one group after the other, twice
        for group in groups:
            tried = []
            for step in GRID:
                offsets = best.copy()
                offsets[list(group)] = step
                tried.append((total(offsets) - CAUTION * np.abs(offsets).max(), -abs(step), step))
            best[list(group)] = max(tried)[2]
    after = total(best)
    none = np.zeros(channels)
    surer = _surer(pixels, score, lambda part: (table(part, none), table(part, best)))
    if not best.any() or after - before < GAIN or surer < SURE:
        best = none
    return Fit(tuple(float(v) for v in best), round(before, 6), round(after, 6), surer, scenes, split)


def _confusion(name: str, part: Pixels, offsets: np.ndarray, channels: int) -> np.ndarray:
    label, predicted = part.label, (part.logits + offsets.astype(np.float32)).argmax(1).astype(np.uint8)
    if name == "landcover":
        from ..evaluation.metrics import merge_vegetation

        label, predicted, channels = merge_vegetation(label), merge_vegetation(predicted), 4
    index = label.astype(np.int64) * channels + predicted
    counts = np.bincount(index[label < channels], minlength=channels * channels)
    return counts.reshape(channels, channels) * part.weight


def _surer(pixels: list[Pixels], score: Score, tables: Callable, rounds: int = 200) -> float:
    """How often the second of two tables is better when places are drawn anew; 0 if they are too few."""
    groups: dict[tuple[str, ...], np.ndarray] = {}
    for part in pixels:
        pair = np.stack(tables(part))
        groups[part.group] = groups[part.group] + pair if part.group in groups else pair
    if len(groups) < FEW_PLACES:
        return 0.0
    stack = np.stack(list(groups.values()))  # (places, 2, C, C)
    random = np.random.default_rng(7)
    wins = 0
    for _ in range(rounds):
        old, new = stack[random.integers(len(stack), size=len(stack))].sum(0)
        wins += score(new) > score(old)
    return wins / rounds


@torch.no_grad()
def apply_offsets(network: HydraNet, offsets: Mapping[str, tuple[float, ...]]) -> None:
    """Add each class's offset to the head's bias, in place.

    The head makes 4 values per class, which `PixelShuffle(2)` spreads over 2 x 2 pixels: channel 4 c + i is
    class c.

    Raises:
        ValueError: an expert has another number of classes.
    """
    for name, values in offsets.items():
        bias = network.experts[name].head.bias
        if len(values) * 4 != len(bias):
            raise ValueError(f"{len(values)} offsets for expert '{name}' of {len(bias) // 4} classes.")
        bias += torch.tensor(values, dtype=bias.dtype).repeat_interleave(4)
