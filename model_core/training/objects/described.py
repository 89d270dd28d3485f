"""The switcher's hidden features of tiles, with what the tiles' labels say of objects.

Encoder and hidden layer are frozen, so that every tile is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...networks.inference import NetworkModel
from ..augment import augment
from ..held_out import held_out
from ..layout import natural_tiles
from ..pack import Sample, load_chips, load_pack
from ..recipe import FULL
from ..router_row import hidden_features
from ..sampling import TileSampler
from ..sampling import collate as collate_tiles
from .relevance import (
    RoutedTile,
    coarse_sources,
    drawn_relevance,
    pack_relevance,
    pack_tiles,
    plain_water,
    sample_share,
    scene_tiles,
)
from .sampling import collate, load_sampler
from .scenes import CHIP_SOURCE, load_waters
from .truth import load_objects

SIZE, BATCH = 256, 16
CHIP_EVERY = 3
GIVEN = ("reflectance", "available", "valid")
DRAWN = "scenes with objects, and water with ships pasted"
TELLING = 0.5
"""Share of a training scene on which objects must be ruled out for tiles to be drawn from it."""

Log = Callable[[str], None]
Part = tuple[Tensor, list[int], list[str], list[tuple[str, ...]]]
"""Hidden features (B, H), targets, sources and scenes of some tiles."""


@dataclass(frozen=True)
class RouterPlan:
    """How many augmented tiles the row is trained on, and for how long.

    Attributes:
        drawn: tiles drawn from the scenes with objects.
        ordinary: tiles drawn from scenes of the pack whose labels rule objects out, at least in part.
        steps: batches of 128 tiles.
        seed: of tiles and training.
    """

    drawn: int = 960
    ordinary: int = 1920
    steps: int = 400
    seed: int = 100


@dataclass(frozen=True)
class Described:
    """What the row is trained and measured on.

    Attributes:
        hidden: float32 (N, H), the switcher's hidden features.
        target: int8 (N,) of 1, 0, -1.
        source: (N,) data set of each tile.
        ids: (N,) the scenes each tile shows.
    """

    hidden: Tensor
    target: Tensor
    source: tuple[str, ...]
    ids: tuple[tuple[str, ...], ...]

    def known(self) -> Described:
        """Those whose target is known."""
        index = torch.nonzero(self.target >= 0)[:, 0]
        return Described(
            self.hidden[index],
            self.target[index],
            tuple(self.source[number] for number in index),
            tuple(self.ids[number] for number in index),
        )


def _hidden(model: NetworkModel, batch: dict[str, Tensor]) -> Tensor:
    """The switcher's hidden features float32 (B, H) of reflectance, available and valid."""
    return hidden_features(model, batch).float()


def _described(parts: Iterable[Part]) -> Described:
    hidden: list[Tensor] = []
    target, source, ids = [], [], []
    for features, targets, sources, names in parts:
        hidden.append(features)
        target += targets
        source += sources
        ids += names
    return Described(torch.cat(hidden), torch.tensor(target, dtype=torch.int8), tuple(source), tuple(ids))


def held_tiles(data: Path, model: NetworkModel, split: str, *strides: int) -> list[Described]:
    """Tiles of a split: its scenes with objects, cut at each of the strides, and the rest of it."""
    scenes = load_objects(data, (split,))
    seen = {scene.id for scene in scenes}
    rest = [sample for sample in held_out(data, split, chips=True) if sample.id not in seen]
    rest += _plain(data, split)
    ordinary = list(_parts(model, pack_tiles(natural_tiles(rest, SIZE), coarse_sources(rest))))
    return [_described([*_parts(model, scene_tiles(scenes, SIZE, stride)), *ordinary]) for stride in strides]


def _parts(model: NetworkModel, tiles: Iterable[RoutedTile]) -> Iterator[Part]:
    for tile in tiles:
        yield _hidden(model, _batch(tile)), [tile.target], [tile.source], [tile.ids]


def _plain(data: Path, split: str) -> list[Sample]:
    """Chips of 3 m pixels that are water and nothing else."""
    return [plain_water(scene) for scene in load_waters(data, (split,)) if scene.source == CHIP_SOURCE]


def _batch(tile: RoutedTile) -> dict[str, Tensor]:
    return {
        "reflectance": tile.bands[None] * 1e-4,
        "available": tile.available[None].float(),
        "valid": tile.valid[None, None].float(),
    }


def drawn_tiles(data: Path, model: NetworkModel, plan: RouterPlan, log: Log) -> Described:
    """Augmented tiles of both kinds; either sampler jitters, so that clean pixels tell nothing."""
    sampler = load_sampler(data, "train", SIZE, plan.seed)
    seen = {scene.id for scene in load_objects(data, ("train",))}
    samples = load_pack(data, ("train",)) + load_chips(data, ("train",), CHIP_EVERY) + _plain(data, "train")
    coarse = coarse_sources(samples)
    # Only scenes that can tell something: of the rest every tile would be thrown away.
    telling = [one for one in samples if one.id not in seen and sample_share(one, coarse) >= TELLING]
    weights = {name: weight for name, weight in FULL.task_weights.items() if name != "fire"}
    ordinary = TileSampler(telling, SIZE, {**weights, "": sum(weights.values()) / 3})

    def parts():
        for number in range(-(-plan.drawn // BATCH)):
            random = np.random.default_rng([plan.seed, 0, number])
            tiles = [sampler.draw(random) for _ in range(BATCH)]
            targets = [drawn_relevance(tile) for tile in tiles]
            yield _hidden(model, collate(tiles)), targets, [DRAWN] * BATCH, [()] * BATCH
        log(f"router: {plan.drawn} tiles with objects drawn")
        for number in range(-(-plan.ordinary // BATCH)):
            random = np.random.default_rng([plan.seed, 1, number])
            tiles = [ordinary.draw(random) for _ in range(BATCH)]
            targets = [pack_relevance(tile, coarse) for tile in tiles]
            jitter = torch.Generator().manual_seed(int(random.integers(2**62)))
            batch = dict(zip(GIVEN, augment(collate_tiles(tiles), jitter), strict=True))
            yield _hidden(model, batch), targets, [tile.source for tile in tiles], [()] * BATCH
        log(f"router: {plan.ordinary} ordinary tiles drawn")

    return _described(parts())
