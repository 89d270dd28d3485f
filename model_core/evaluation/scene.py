"""The scene expert on a split: EuroSAT's chips, tiles full of them, and real tiles of one land cover.

Everything goes through the bundle's own network on whole tiles, as `predict` runs it. Every tile is
answered with 1, 2 … branches, and with the branch of its true class in place of the gate's choice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from ..training.scene.labels import CLASSES, COVERS, chip_class, compatible
from ..training.scene.weak import placed_covers
from . import metrics
from .classifiers import share_interval

Log = Callable[[str], None]


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
    alone = answer(
        model, (tile for chip in chips for tile in natural_tiles([chip], model.tile_size)), classes
    )
    mosaics, kinds = _mosaics(chips, classes, model.tile_size)
    log(f"scene expert: {len(mosaics)} tiles of one class")
    full = answer(model, mosaics, kinds)
    found = list(placed_covers(load_pack(data, (split,)), model.tile_size, model.tile_size))
    log(f"scene expert: {len(found)} tiles of one land cover")
    real = answer(model, (placed for placed, _ in found))
    return {
        "split": split,
        "k": scene.k,
        "classes": list(scene.classes),
        "branches": [[scene.classes[n] for n in group] for group in scene.branches],
        "chips": chip_figures(alone, classes, scene),
        "mosaics": chip_figures(full, kinds, scene),
        "covers": cover_figures(real, [(p.source, cover) for p, cover in found], scene),
        "macs": [_macs(model, k) for k in range(1, len(scene.branches) + 1)],
        "calls": branch_calls(model, mosaics[:: max(1, len(mosaics) // 20)]),
    }


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
        told = [head(features, k) for k in range(1, len(branches) + 1)]
        logits.append([_row(one) for one in told])
        gates.append(told[0].gates[0].double().cpu().numpy())
        if classes is None:
            continue
        given = torch.zeros_like(told[0].gates)
        given[0, group[int(classes[number])]] = 1.0
        oracle.append(_row(head(features, 1, gates=given)))
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
    answers: Answers, found: Sequence[tuple[str, str]], scene: SceneExpertSpec
) -> dict[str, Any]:
    """Share of real tiles of one land cover that got a class which goes with it.

    Beside it the share of the best *constant* answer: the one class that goes with most of these tiles.

    Args:
        answers: of the tiles.
        found: source and cover of each.
        scene: the expert.
    """
    if not found:
        return {"tiles": 0}
    order = [CLASSES.index(name) for name in scene.classes]
    fits = np.array([compatible(cover)[order] for _, cover in found]) > 0  # (N, classes)
    called = answers.logits[scene.k - 1].argmax(1)
    right = fits[np.arange(len(called)), called]
    constant = int(fits.sum(0).argmax())
    by: dict[str, dict[str, list[int]]] = {"source": defaultdict(list), "cover": defaultdict(list)}
    for number, (source, cover) in enumerate(found):
        by["source"][source].append(number)
        by["cover"][cover].append(number)
    return {
        "tiles": len(found),
        **share_interval(right),
        "by_k": [share_interval(fits[np.arange(len(found)), one.argmax(1)]) for one in answers.logits],
        "constant": {"class": scene.classes[constant], **share_interval(fits[:, constant])},
        **{
            f"by_{kind}": {
                name: {"tiles": len(rows), **share_interval(right[rows])} for name, rows in sorted(of.items())
            }
            for kind, of in by.items()
        },
        "called": dict(Counter(scene.classes[number] for number in called).most_common()),
        "compatible": {name: list(names) for name, names in COVERS.items()},
    }


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
