"""Decode whole scenes with one expert, tiled and blended exactly as `predict` does it, for scoring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..grid import TileGrid, blend_weights
from ..model import Model
from ..tasks import UNKNOWN
from ..training.pack import Sample


def segment(
    model: Model, sample: Sample, names: Sequence[str], *, overlap: int | None = None
) -> dict[str, np.ndarray]:
    """Class maps uint8 (H, W) of a sample from each named expert, every tile decoded; 255 where invalid.

    `overlap` is in pixels; a quarter of a tile by default, as in `predict`.
    """
    size = model.tile_size
    overlap = size // 4 if overlap is None else overlap
    rows, cols = sample.valid.shape
    channels = {expert.name: expert.channels for expert in model.experts}
    sums = {name: np.zeros((channels[name], rows, cols), np.float32) for name in names}
    weights = blend_weights(size, overlap)
    grid = TileGrid(cols, rows, size, overlap)
    for start in range(0, len(grid.tiles), 8):
        tiles = grid.tiles[start : start + 8]
        reflectance = np.zeros((len(tiles), 8, size, size), np.float32)
        valid = np.zeros((len(tiles), size, size), bool)
        for number, tile in enumerate(tiles):
            window = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
            reflectance[number, :, : tile.height, : tile.width] = sample.bands[
                (slice(None), *window)
            ] * np.float32(1e-4)
            valid[number, : tile.height, : tile.width] = sample.valid[window]
        features = model.encode(reflectance, sample.available, valid)
        for name in names:
            decoded = model.decode(name, [(features, range(len(tiles)))])
            for tile, values in zip(tiles, decoded, strict=True):
                window = np.s_[:, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
                part = np.s_[: tile.height, : tile.width]
                sums[name][window] += values[(slice(None), *part)] * weights[part]
    maps = {}
    for name, total in sums.items():
        # The weights of a pixel scale all classes alike, so the argmax needs no division by them.
        maps[name] = np.where(sample.valid, total.argmax(0).astype(np.uint8), UNKNOWN).astype(np.uint8)
    return maps
