"""A scene large enough to time: a small one laid out again and again, mirrored at its edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio


def enlarge(scene: Path, times: int, target: Path) -> Path:
    """Write `times` x `times` copies of a raster, every second one mirrored so that no seam shows.

    A dozen tiles finish before the machine is warm and weigh start-up as much as work. The content stays
    real, so the routing stays what it is.
    """
    with rasterio.open(scene) as source:
        data, profile, names = source.read(), source.profile, source.descriptions
        band_tags = [source.tags(band) for band in source.indexes]
        tags = source.tags()
    pair = np.concatenate([data, data[:, :, ::-1]], 2)
    block = np.concatenate([pair, pair[:, ::-1]], 1)
    repeats = -(-times // 2)
    height, width = data.shape[1] * times, data.shape[2] * times
    large = np.tile(block, (1, repeats, repeats))[:, :height, :width]
    profile.update(width=width, height=height, compress="deflate", zlevel=1)
    for option in ("zstd_level", "ZSTD_LEVEL"):
        profile.pop(option, None)
    with rasterio.open(target, "w", **profile) as raster:
        raster.write(large)
        raster.descriptions = names
        raster.update_tags(**tags)
        for band, one in enumerate(band_tags, start=1):
            raster.update_tags(band, **one)
    return target
