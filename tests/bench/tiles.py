"""Tiles of a scene in memory, and what the router decides on them: work without reading and writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.windows import Window

from model_core.grid import TileGrid
from model_core.model import Model
from model_core.routing import Policy, decide
from model_core.scene import Scene
from model_core.spec import ExpertSpec

Keep = Callable[[int, int, Any], None]

SPAN = 4  # batches over which an expert's tiles are grouped here; the engine's backlog is about as long


@dataclass(frozen=True)
class Tiles:
    """Tiles that hold data.

    Attributes:
        reflectance: float32 (N, 8, S, S).
        valid: bool (N, S, S).
        available: bool (8,).
    """

    reflectance: np.ndarray
    valid: np.ndarray
    available: np.ndarray

    def __len__(self) -> int:
        return len(self.reflectance)

    def batches(self, size: int) -> list[slice]:
        """Positions of the tiles in batches, in order."""
        return [slice(start, min(start + size, len(self))) for start in range(0, len(self), size)]

    def encode(self, model: Model, part: slice) -> Any:
        """Features of a batch."""
        return model.encode(self.reflectance[part], self.available, self.valid[part])


def load_tiles(path: Path, bands: str, size: int, overlap: int) -> Tiles:
    """All tiles of a scene with data, cut as `predict` cuts them."""
    reflectance, valid = [], []
    with Scene.open(str(path), bands=bands) as scene:
        available = np.asarray(scene.mapping.available, dtype=bool)
        for tile in TileGrid(scene.width, scene.height, size, overlap).tiles:
            patch = scene.read(Window(tile.x, tile.y, tile.width, tile.height))
            if patch.valid.any():
                pixels = np.zeros((8, size, size), np.float32)
                pixels[:, : tile.height, : tile.width] = patch.reflectance
                mask = np.zeros((size, size), bool)
                mask[: tile.height, : tile.width] = patch.valid
                reflectance.append(pixels)
                valid.append(mask)
    return Tiles(np.stack(reflectance), np.stack(valid), available)


def scores_of(model: Model, tiles: Tiles, batch: int = 4) -> np.ndarray:
    """Calibrated scores: float32 (N, E)."""
    return np.concatenate([model.scores(tiles.encode(model, part)) for part in tiles.batches(batch)])


def strongest(model: Model, scores: np.ndarray, k: int) -> np.ndarray:
    """Which experts serve each tile under top-k: bool (N, E)."""
    thresholds = [spec.threshold for spec in model.experts]
    everyone = [None] * len(model.experts)
    return decide(scores, thresholds, everyone, np.ones(len(scores), bool), Policy("top-k", k)).rank > 0


def served(model: Model, spec: ExpertSpec, picks: list[tuple[Any, Sequence[int]]]) -> Any:
    """What an expert says of the picked tiles: its values (n, C, S, S), or the objects in each."""
    return (model.detect if spec.kind == "objects" else model.decode)(spec.name, picks)


def spans(tiles: Tiles, batch: int, workers: int) -> list[slice]:
    """What a worker takes at once for `grouped`: a few batches, towards the end single ones.

    Otherwise one worker would end with a long span while the others have nothing left to do.
    """
    long, result, start = SPAN * batch, [], 0
    while start < len(tiles):
        length = long if len(tiles) - start > workers * long else batch
        result.append(slice(start, min(start + length, len(tiles))))
        start += length
    return result


def grouped(
    model: Model, tiles: Tiles, chosen: np.ndarray, batch: int, span: slice, keep: Keep | None = None
) -> None:
    """Serve a span of tiles as HydraNet does: encoded batch by batch, then each expert decodes the tiles
    routed to it, as many at once, from several batches if need be.

    `keep` gets tile, expert and values (C, S, S), or the tile's objects.
    """
    parts = [slice(s, min(s + batch, span.stop)) for s in range(span.start, span.stop, batch)]
    features = [tiles.encode(model, part) for part in parts]
    for one in features:
        model.scores(one)
    for expert, spec in enumerate(model.experts):
        wanted = span.start + np.flatnonzero(chosen[span, expert])
        for start in range(0, len(wanted), batch):
            group = wanted[start : start + batch]
            picks = [
                (one, [int(n) - part.start for n in group if part.start <= n < part.stop])
                for one, part in zip(features, parts, strict=True)
            ]
            values = served(model, spec, [pick for pick in picks if pick[1]])
            if keep:
                for number, value in zip(group.tolist(), values, strict=True):
                    keep(number, expert, value)


def united(model: Model, tiles: Tiles, chosen: np.ndarray, part: slice, keep: Keep | None = None) -> None:
    """Serve one batch as the reference does: every expert that any tile needs decodes the whole batch."""
    features = tiles.encode(model, part)
    model.scores(features)
    whole = range(part.stop - part.start)
    for expert, spec in enumerate(model.experts):
        if chosen[part, expert].any():
            values = served(model, spec, [(features, whole)])
            if keep:
                for number in np.flatnonzero(chosen[part, expert]).tolist():
                    keep(part.start + number, expert, values[number])
