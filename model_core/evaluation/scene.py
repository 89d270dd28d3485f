"""The scene expert on a split: EuroSAT's chips, tiles full of them, and real tiles with labelled cover.

Everything goes through the bundle's own network, as `predict` runs it; chips as tiles of their own size, and
some of them alone in a tile of the product's. Every tile is answered with 1, 2 … branches, and with the
branch of its true class in place of the gate's choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..networks.branches import BranchOutput
from ..networks.encoder import Features
from ..networks.inference import NetworkModel
from ..networks.macs import counting
from ..scene_expert import SceneExpertSpec
from ..training.layout import PlacedTile, natural_tiles
from ..training.pack import Sample, load_chips, load_pack
from ..training.sampling import Tile
from ..training.scene.bank import KNOWN
from ..training.scene.covers import placed_covers
from ..training.scene.labels import CLASSES, COVERS, PLAIN, chip_class, compatible
from ..training.scene.mosaics import reflectance
from . import metrics
from .classifiers import share_interval

Log = Callable[[str], None]

IN_TILES = 500
"""Chips, about, that are also shown alone in a tile of the product's size."""


@dataclass(frozen=True)
class Answers:
    """What the scene expert said of N tiles.

    Attributes:
        logits: float64 (K, N, classes) with 1 to K = all branches, uncalibrated.
        oracle: float64 (N, classes) with the one branch that the true class belongs to; NaN where there is
            no such class.
        gates: float64 (N, branches).
    """

    logits: np.ndarray
    oracle: np.ndarray
    gates: np.ndarray


def scene_figures(model: NetworkModel, data: Path, split: str, log: Log) -> dict[str, Any]:
    """All figures of the bundle's scene expert on a split of the pack.

    Nothing is measured, and {} returned, if it knows other classes than EuroSAT's.

    Raises:
        RequestError: no pack in `data`.
    """
    scene = model.scene
    if set(scene.classes) != set(CLASSES):
        return {}
    chips = load_chips(data, (split,))
    classes = np.array([scene.classes.index(CLASSES[chip_class(chip)]) for chip in chips])
    log(f"scene expert: {len(chips)} chips of {split}")
    alone = answer(model, _each(chips, 64), classes)
    light = answer(model, _each([measured(chip) for chip in chips], 64), classes)
    some = slice(None, None, max(1, len(chips) // IN_TILES))
    tiled = answer(model, _each(chips[some], model.tile_size), classes[some])
    mosaics, kinds = _mosaics(chips, classes, model.tile_size)
    log(f"scene expert: {len(mosaics)} tiles of one class")
    full = answer(model, mosaics, kinds)
    found = list(placed_covers(load_pack(data, (split,)), model.tile_size, model.tile_size, KNOWN))
    log(f"scene expert: {len(found)} real tiles with labelled cover")
    real = answer(model, (placed for placed, _ in found))
    return {
        "split": split,
        "k": scene.k,
        "classes": list(scene.classes),
        "branches": [[scene.classes[n] for n in group] for group in scene.branches],
        "chips": chip_figures(alone, classes, scene),
        "measured": chip_figures(light, classes, scene),
        "tiled": chip_figures(tiled, classes[some], scene),
        "mosaics": chip_figures(full, kinds, scene),
        "covers": cover_figures(real, found, scene),
        "macs": [_macs(model, k) for k in range(1, len(scene.branches) + 1)],
        "calls": branch_calls(model, mosaics[:: max(1, len(mosaics) // 20)]),
    }


def measured(chip: Sample) -> Sample:
    """A chip as top-of-atmosphere reflectance, in place of what an 8-bit picture is taken for."""
    bands = reflectance(torch.from_numpy(chip.bands.astype(np.float32))).round().numpy()
    return replace(chip, bands=(bands * chip.available[:, None, None]).astype(np.uint16))


def _each(chips: Sequence[Sample], size: int) -> Iterator[PlacedTile]:
    return (tile for chip in chips for tile in natural_tiles([chip], size))


def _mosaics(chips: Sequence[Sample], classes: np.ndarray, size: int) -> tuple[list[PlacedTile], np.ndarray]:
    """Tiles full of chips of one class, each chip once; a last tile that is not full is left out."""
    tiles, kinds, whole = [], [], (size // 64) ** 2
    for kind in np.unique(classes):
        of_kind = [chip for chip, number in zip(chips, classes, strict=True) if number == kind]
        for placed in natural_tiles(of_kind, size):
            if len(placed.ids) == whole:
                tiles.append(placed)
                kinds.append(kind)
    return tiles, np.array(kinds, np.int64)


def encoded(model: NetworkModel, tile: Tile) -> Features:
    """The shared encoder's features of one tile, as `predict` has them."""
    reflectance = (tile.bands * 1e-4)[None].numpy()
    return model.encode(reflectance, tile.available.numpy(), tile.valid[None].numpy()).parts[0]


@torch.inference_mode()
def answer(model: NetworkModel, tiles: Iterable[PlacedTile], classes: np.ndarray | None = None) -> Answers:
    """Ask the scene expert of every tile, with every number of branches; see `Answers`."""
    head, branches = model.network.scene, model.scene.branches
    group = {number: place for place, members in enumerate(branches) for number in members}
    logits, oracle, gates = [], [], []
    for number, placed in enumerate(tiles):
        features = encoded(model, placed.tile)
        stem, cover = head.stem(features)  # once for all numbers of branches
        told = [head.body(stem, k, cover=cover) for k in range(1, len(branches) + 1)]
        logits.append([_row(one) for one in told])
        gates.append(told[0].gates[0].double().cpu().numpy())
        if classes is None:
            continue
        given = torch.zeros_like(told[0].gates)
        given[0, group[int(classes[number])]] = 1.0
        oracle.append(_row(head.body(stem, 1, cover=cover, gates=given)))
    count, width = len(logits), len(model.scene.classes)
    return Answers(
        np.array(logits).reshape(count, len(branches), width).transpose(1, 0, 2),
        np.array(oracle if oracle else np.full((count, width), np.nan)).reshape(count, width),
        np.array(gates).reshape(count, len(branches)),
    )


def _row(said: BranchOutput) -> np.ndarray:
    return said.logits[0].double().cpu().numpy()


def chip_figures(answers: Answers, classes: np.ndarray, scene: SceneExpertSpec) -> dict[str, Any]:
    """Accuracy with its interval for each k and with the oracle's branch, calibration and confusion at k."""
    if not len(classes):
        return {"tiles": 0}
    chosen = answers.logits[scene.k - 1]
    probability = softmax(chosen / scene.temperature)
    right = chosen.argmax(1) == classes
    group = {number: place for place, members in enumerate(scene.branches) for number in members}
    branch = np.array([group[int(number)] for number in classes])
    size = len(scene.classes)
    return {
        "tiles": len(classes),
        "by_k": [share_interval(one.argmax(1) == classes) for one in answers.logits],
        "oracle": share_interval(answers.oracle.argmax(1) == classes),
        "gate": share_interval(answers.gates.argmax(1) == branch),
        "ece": metrics.calibration_error(probability.max(1), right),
        "ece_uncalibrated": metrics.calibration_error(softmax(chosen).max(1), right),
        "confusion": metrics.confusion(classes, chosen.argmax(1), size).tolist(),
    }


def cover_figures(
    answers: Answers, found: Sequence[tuple[PlacedTile, np.ndarray]], scene: SceneExpertSpec
) -> dict[str, Any]:
    """Whether real tiles got a class that goes with the cover of the largest labelled share.

    Beside it the share of the best *constant* answer, the one class that goes with most of these tiles; and
    how far what the classes of a cover are given together lies from its labelled share. All intervals are
    over whole scenes.

    Args:
        answers: of the tiles.
        found: each tile with the shares of its covers by labels, in the order of `COVERS`.
        scene: the expert.
    """
    if not found:
        return {"tiles": 0}
    order = [CLASSES.index(name) for name in scene.classes]
    names = list(COVERS)
    members = np.stack([compatible(name)[order] for name in names]) > 0  # (covers, classes)
    shares = np.stack([of for _, of in found])  # (N, covers)
    largest = shares.argmax(1)
    fits = members[largest]  # (N, classes)
    rows = np.arange(len(found))
    logits = answers.logits[scene.k - 1]
    called = logits.argmax(1)
    right = fits[rows, called]
    constant = int(fits.sum(0).argmax())
    apart = share_distance(softmax(logits / scene.temperature), shares, members)
    scenes = np.array([placed.ids[0] for placed, _ in found])
    source = np.array([placed.source for placed, _ in found])
    cover = np.array([names[number] for number in largest])

    def row(which: np.ndarray) -> dict[str, Any]:
        return {
            "tiles": int(which.sum()),
            "scenes": len(set(scenes[which])),
            **over_scenes(right[which], scenes[which]),
            "constant": over_scenes(fits[which, constant], scenes[which]),
            "distance": over_scenes(apart[which].mean(1), scenes[which]),
        }

    return {
        **row(np.ones(len(found), bool)),
        "by_k": [over_scenes(fits[rows, one.argmax(1)], scenes) for one in answers.logits],
        "constant_class": scene.classes[constant],
        "distance_by_cover": {
            name: over_scenes(apart[:, number], scenes) for number, name in enumerate(PLAIN)
        },
        "by_source": {name: row(source == name) for name in sorted(set(source))},
        "by_cover": {name: row(cover == name) for name in names if (cover == name).any()},
        "called": dict(Counter(scene.classes[number] for number in called).most_common()),
        "compatible": {name: list(members) for name, members in COVERS.items()},
        "known": KNOWN,
    }


def over_scenes(values: np.ndarray, scenes: np.ndarray) -> dict[str, float]:
    """Mean of values (N,) with its 95 % bootstrap interval over whole scenes; NaN ends with one scene."""
    counts = [np.array([values[scenes == one].sum(), (scenes == one).sum()]) for one in np.unique(scenes)]
    low, high = metrics.bootstrap(counts, lambda total: float(total[0] / total[1]))
    return {"value": float(np.mean(values)), "low": low, "high": high}


def share_distance(probability: np.ndarray, shares: np.ndarray, members: np.ndarray) -> np.ndarray:
    """How far the classes of each plain cover are from its labelled share, float64 (N, plain covers).

    What a label leaves open ("vegetation", "land") may be any cover that it can stand for: the share then is
    a range, and within it the distance is 0.

    Args:
        probability: (N, classes).
        shares: (N, covers), in the order of `COVERS`.
        members: bool (covers, classes).
    """
    found = []
    for number in range(len(PLAIN)):
        given = probability[:, members[number]].sum(1)
        wider = [n for n in range(len(members)) if n != number and not (members[number] & ~members[n]).any()]
        low = shares[:, number]
        high = low + shares[:, wider].sum(1)
        found.append(np.maximum(0, np.maximum(low - given, given - high)))
    return np.stack(found, 1)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of (N, classes) logits."""
    power = np.exp(logits - logits.max(1, keepdims=True))
    return power / power.sum(1, keepdims=True)


@contextmanager
def counting_calls(head: torch.nn.Module) -> Iterator[list[int]]:
    """Count the tiles that each branch was really run on, by hooks on the branches."""
    calls = [0] * len(head.body.branches)

    def hook(number: int):
        def count(_module: torch.nn.Module, inputs: tuple, _output: torch.Tensor) -> None:
            calls[number] += len(inputs[0])

        return count

    handles = [branch.register_forward_hook(hook(n)) for n, branch in enumerate(head.body.branches)]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def branch_calls(model: NetworkModel, tiles: Sequence[PlacedTile]) -> dict[str, Any]:
    """How often each branch ran on some tiles, against how often it was chosen: the two must be equal."""
    head = model.network.scene
    chosen = np.zeros(len(model.scene.branches), np.int64)
    with counting_calls(head) as calls:
        for placed in tiles:
            chosen += head(encoded(model, placed.tile), model.scene.k).chosen[0].cpu().numpy()
    return {"tiles": len(tiles), "chosen": chosen.tolist(), "ran": calls}


@torch.inference_mode()
def _macs(model: NetworkModel, k: int) -> int:
    """Multiply-accumulates of a tile with k branches, counted from what ran."""
    size = model.tile_size
    zeros = np.zeros((1, 8, size, size), np.float32)
    features = model.encode(zeros, np.ones(8, bool), np.ones((1, size, size), bool)).parts[0]
    with counting(model.network.scene) as counter:
        model.network.scene(features, k)
    return counter.total
