"""A mixed scene: patches of several scenes side by side, so that neighbouring tiles route differently."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio

from .enlarge import annotate, read_small

_SEED = 3


def mosaic(scenes: Sequence[Path], edge: int, size: int, target: Path) -> Path:
    """Write `edge` x `edge` patches of `size` pixels, taken from all scenes alike, in a seeded order.

    Patches overlap by half in their scene. With an overlap of 0, tile and patch are the same pixels. The
    place on Earth is that of the first scene and means nothing.
    """
    found = [read_small(scene) for scene in scenes]
    patches = [_patches(data, size) for data, _profile, _notes in found]
    if not all(patches):
        raise ValueError(f"Every scene must hold a patch of {size} x {size} pixels.")
    random = np.random.default_rng(_SEED)
    # In turn from each scene, however many patches it has; then shuffled.
    chosen = [patches[n % len(patches)] for n in range(edge * edge)]
    chosen = [own[random.integers(len(own))] for own in chosen]
    chosen = [chosen[n] for n in random.permutation(len(chosen))]
    rows = [np.concatenate(chosen[row * edge : (row + 1) * edge], axis=2) for row in range(edge)]
    _, profile, notes = found[0]
    for option in ("zstd_level", "ZSTD_LEVEL"):
        profile.pop(option, None)
    profile.update(width=edge * size, height=edge * size, tiled=True, blockxsize=256, blockysize=256)
    profile.update(compress="zstd", zstd_level=1)
    with rasterio.open(target, "w", **profile) as raster:
        annotate(raster, notes)
        raster.write(np.concatenate(rows, axis=1))
    return target


def _patches(data: np.ndarray, size: int) -> list[np.ndarray]:
    """Patches (bands, size, size) of one scene, half a patch apart."""
    _, height, width = data.shape
    return [
        data[:, y : y + size, x : x + size]
        for y in range(0, height - size + 1, size // 2)
        for x in range(0, width - size + 1, size // 2)
    ]
