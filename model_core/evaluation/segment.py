"""Decode whole scenes, tiled and blended exactly as `predict` does it, for scoring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..grid import TileGrid, blend_weights
from ..model import Model
from ..spec import ExpertSpec
from ..tasks import UNKNOWN
from ..training.pack import Sample
from ..uncertainty import plane_count
from ..writer import finish


def blend(
    model: Model,
    sample: Sample,
    names: Sequence[str],
    *,
    overlap: int | None = None,
    uncertainty: bool = False,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every tile of a sample decoded with each named expert, and blended.

    Args:
        model: its `decode` says what the channels are.
        sample: the scene.
        names: of experts.
        overlap: in pixels; a quarter of a tile by default, as in `predict`.
        uncertainty: also ask for the uncertainty that an expert with several heads gives, one channel more.

    Returns:
        By expert float32 (C, H, W), sum of weight times value; and float32 (H, W), sum of weights.
    """
    size = model.tile_size
    overlap = size // 4 if overlap is None else overlap
    rows, cols = sample.valid.shape
    experts = {expert.name: expert for expert in model.experts}
    planes = {name: plane_count(experts[name], uncertainty) for name in names}
    sums = {name: np.zeros((planes[name], rows, cols), np.float32) for name in names}
    weights = blend_weights(size, overlap)
    weight = np.zeros((rows, cols), np.float32)
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
            weight[window] += weights[: tile.height, : tile.width]
        features = model.encode(reflectance, sample.available, valid)
        for name in names:
            picks = [(features, range(len(tiles)))]
            # Asked only of heads: a model without any need not know the word.
            asked = {"uncertainty": True} if planes[name] > experts[name].channels else {}
            for tile, values in zip(tiles, model.decode(name, picks, **asked), strict=True):
                window = np.s_[:, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
                part = np.s_[: tile.height, : tile.width]
                sums[name][window] += values[(slice(None), *part)] * weights[part]
    return sums, weight


def segment(
    model: Model, sample: Sample, names: Sequence[str], *, overlap: int | None = None
) -> dict[str, np.ndarray]:
    """Class maps uint8 (H, W) of a sample from each named expert, every tile decoded; 255 where invalid.

    `overlap` is in pixels; a quarter of a tile by default, as in `predict`.
    """
    sums, _ = blend(model, sample, names, overlap=overlap)
    # The weights of a pixel scale all classes alike, so the argmax needs no division by them.
    return {
        name: np.where(sample.valid, total.argmax(0).astype(np.uint8), UNKNOWN).astype(np.uint8)
        for name, total in sums.items()
    }


def file_bands(model: Model, sample: Sample, names: Sequence[str]) -> dict[str, np.ndarray]:
    """What the file of each named expert would hold with uncertainty: uint8 (bands, H, W), 255 = NoData.

    The first band is that of `segment`, the others are of `writer.finish`.
    """
    specs: dict[str, ExpertSpec] = {expert.name: expert for expert in model.experts}
    sums, weight = blend(model, sample, names, uncertainty=True)
    return {name: finish(specs[name], total, weight, sample.valid, True) for name, total in sums.items()}
