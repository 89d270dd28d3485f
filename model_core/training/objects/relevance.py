"""What the switcher learns of the objects expert: does this tile hold an object, say its labels.

Needed (1): an annotated object has its centre in the tile. Not needed (0): the tile is known to hold no
object of any class. Everything else is unknown (-1) and takes no part: a tile where nobody looked for
buildings, or one that holds the end of a ship whose middle lies beside it.

Tiles come from the scenes with objects, and from the ordinary pack, whose labels of other tasks rule objects
out: ships where land, forest or thick cloud was labelled, or water whose label a ship would have broken;
buildings where the other rows of the switcher take them to be ruled out as well. Few tiles are known to hold
no building by that, so where pixels are larger than the expert is made for, any labelled land cover but
built-up rules them out too: a house that the label passed over is a pixel or two there, and no object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...tasks import TASK_NAMES, UNKNOWN
from ..layout import PlacedTile, _starts
from ..pack import Sample
from ..relevance import _ruled_out
from ..sampling import Tile
from .sampling import ObjectTile
from .scenes import CHIP_SOURCE, WATER_SOURCES
from .truth import ObjectScene

NONE_SHARE = 0.95
"""Share of a tile's valid pixels on which every class must be known to be absent."""

COARSE_M = 6.0
"""Pixels (m) above this are larger than those of the scenes with objects."""

PLAIN_WATER = (*WATER_SOURCES, CHIP_SOURCE)
"""Sources whose water labels leave out what is no plain water, ships among it; see `scenes`."""

BUILT_UP = 4
"""Its land-cover label."""

_ROW = {name: number for number, name in enumerate(TASK_NAMES)}


@dataclass(frozen=True)
class RoutedTile:
    """A tile as the switcher sees it.

    Attributes:
        bands: float32 (8, S, S), reflectance x 10000.
        available: bool (8,).
        valid: bool (S, S).
        target: 1, 0, or -1 unknown.
        source: data set it is from; for telling figures apart.
        ids: the scenes it shows.
    """

    bands: Tensor
    available: Tensor
    valid: Tensor
    target: int
    source: str
    ids: tuple[str, ...]


def scene_relevance(scene: ObjectScene, top: int, left: int, size: int) -> int:
    """Of the window of `size` pixels at (`top`, `left`) of a scene with objects: 1, 0 or -1."""
    window = np.s_[top : top + size, left : left + size]
    centers = (scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2 - [left, top]
    if ((centers >= 0) & (centers < size)).all(1).any():
        return 1
    # `known` says where the absence of a box means something: not under the end of an object.
    ends = (scene.boxes[:, 2:] > [left, top]).all(1) & (scene.boxes[:, :2] < [left + size, top + size]).all(1)
    if ends.any():
        return -1
    absent = scene.known[(slice(None), *window)].all(0)
    return _none(absent, scene.valid[window])


def drawn_relevance(tile: ObjectTile) -> int:
    """Of a drawn training tile: 1, 0 or -1.

    Its boxes are clipped to it, and the sampler leaves out those of which too little is in it, so that every
    box left counts.
    """
    if len(tile.labels):
        return 1
    cells = tile.valid.shape[0] // tile.known.shape[1]
    valid = tile.valid.float()[None, None]
    share = torch.nn.functional.avg_pool2d(valid, cells)[0, 0] > 0.5
    return _none(tile.known.all(0).numpy(), share.numpy())


def pack_relevance(tile: Tile, coarse: Collection[str] = ()) -> int:
    """Of an ordinary tile of the pack: 0 where its labels rule out objects of every class, else -1.

    Args:
        tile: with labels of other tasks.
        coarse: sources with pixels of more than `COARSE_M`.
    """
    if not bool(tile.valid.any()):
        return -1
    needs = {name: int(tile.needs[row]) for name, row in _ROW.items()}
    share = _ruled_out_share(tile.labels[:, tile.valid], needs, tile.source, coarse)
    return 0 if share >= NONE_SHARE else -1


def sample_share(sample: Sample, coarse: Collection[str] = ()) -> float:
    """Share of a scene's valid pixels on which its labels rule out objects of every class."""
    count = int(sample.valid.sum())
    labels = torch.full((len(TASK_NAMES), count), UNKNOWN, dtype=torch.uint8)
    for name, label in sample.labels.items():
        labels[_ROW[name]] = torch.from_numpy(label[sample.valid])
    needs = {name: int(sample.needs.get(name, -1)) for name in TASK_NAMES}
    return _ruled_out_share(labels, needs, sample.source, coarse) if count else 0.0


def _ruled_out_share(labels: Tensor, needs: Mapping[str, int], source: str, coarse: Collection[str]) -> float:
    """Of pixels with labels (tasks, pixels), the share that can hold neither a ship nor a building."""
    water, landcover = labels[_ROW["water"]], labels[_ROW["landcover"]]
    ships = (labels[_ROW["clouds"]] == 2) | (labels[_ROW["forest_damage"]] != UNKNOWN)
    ships = ships | (water == 0) | ((landcover != 0) & (landcover != UNKNOWN))
    if source in PLAIN_WATER:
        ships = ships | (water == 1)
    if needs["water"] == 0:
        ships = torch.ones_like(ships)
    buildings = _ruled_out("buildings", labels) | (labels[_ROW["buildings"]] == 0)
    if source in coarse:
        buildings = buildings | ((landcover != BUILT_UP) & (landcover != UNKNOWN))
    if needs["buildings"] == 0:
        buildings = torch.ones_like(buildings)
    return float((ships & buildings).float().mean())


def coarse_sources(samples: Iterable[Sample]) -> frozenset[str]:
    """Sources of which every scene has pixels of more than `COARSE_M`."""
    found: dict[str, bool] = {}
    for sample in samples:
        large = sample.gsd_m is not None and sample.gsd_m > COARSE_M
        found[sample.source] = found.get(sample.source, True) and large
    return frozenset(source for source, large in found.items() if large)


def plain_water(scene: ObjectScene) -> Sample:
    """A scene that is water and nothing else, as a scene of the pack that says so."""
    return Sample(
        id=scene.id,
        source=scene.source,
        region=scene.source,
        split=scene.split,
        gsd_m=scene.gsd_m,
        radiometry="display",
        license=scene.license,
        bands=scene.bands,
        available=scene.available,
        valid=scene.valid,
        labels={"water": np.ones(scene.valid.shape, np.uint8)},
        label_kind={"water": "image-level"},
        needs={},
    )


def _none(absent: np.ndarray, valid: np.ndarray) -> int:
    """0 if the classes are absent on (nearly) all that is valid, else -1; -1 where nothing is valid."""
    return 0 if valid.any() and absent[valid].mean() >= NONE_SHARE else -1


def scene_tiles(
    scenes: Iterable[ObjectScene], size: int = 256, stride: int | None = None
) -> Iterator[RoutedTile]:
    """Cut every scene with objects on a grid, in the order of their ids; smaller ones are filled up.

    Args:
        scenes: of one split.
        size: tile edge.
        stride: distance between tiles; below `size` they overlap.
    """
    for scene in sorted(scenes, key=lambda one: (one.source, one.id)):
        rows, cols = scene.valid.shape
        for top in _starts(rows, size, stride or size):
            for left in _starts(cols, size, stride or size):
                window = np.s_[top : top + size, left : left + size]
                valid = torch.zeros(size, size, dtype=torch.bool)
                bands = torch.zeros(8, size, size)
                part = torch.from_numpy(scene.valid[window])
                place = np.s_[: part.shape[0], : part.shape[1]]
                valid[place] = part
                bands[(slice(None), *place)] = torch.from_numpy(
                    scene.bands[(slice(None), *window)].astype(np.float32)
                )
                target = scene_relevance(scene, top, left, size)
                available = torch.from_numpy(scene.available.copy())
                yield RoutedTile(bands, available, valid, target, scene.source, (scene.id,))


def pack_tiles(placed: Iterable[PlacedTile], coarse: Collection[str] = ()) -> Iterator[RoutedTile]:
    """Ordinary tiles of the pack with what their labels say of objects."""
    for one in placed:
        tile, target = one.tile, pack_relevance(one.tile, coarse)
        yield RoutedTile(tile.bands, tile.available, tile.valid, target, one.source, one.ids)
