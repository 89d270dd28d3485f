"""How the memory a run may use is shared out between caches, queues and batches.

None of these limits changes a result; they change only how fast it comes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .model import Model
from .scene import Scene

DEFAULT_MEMORY_MB = 640
_MB = 2**20
# Shares of the memory. The rest is left for canvases, open output blocks and what was found of objects (some
# 200 bytes each), which are small.
_CACHE, _PANELS, _BATCHES, _FEATURES = 0.25, 0.2, 0.25, 0.2
_PANELS_ALIVE = 4  # one being read, two waiting, one in work
_MOST_PANEL_TILES = 8
_MOST_KEPT_TILES = 32
_LEAST_CACHE = 96 * _MB


@dataclass(frozen=True)
class Limits:
    """What a run may use.

    Attributes:
        workers: inference threads.
        batch: tiles that each takes at once.
        kept_tiles: tiles that may be encoded, and kept, while one waits for its expert.
        panel_tiles: tiles read at once.
        cache_bytes: GDAL's block cache.
    """

    workers: int
    batch: int
    kept_tiles: int
    panel_tiles: int
    cache_bytes: int


def limits_for(
    scene: Scene, model: Model, threads: int | None, memory_mb: int | None, batch: int | None = None
) -> Limits:
    """Share out the memory.

    Args:
        scene: the raster, whose blocks decide what the cache has to hold.
        model: knows what a tile costs.
        threads: inference threads, None = one for each core.
        memory_mb: for everything, None = 640 MB.
        batch: tiles at once, None = what suits the model and the memory.
    """
    memory = (memory_mb or DEFAULT_MEMORY_MB) * _MB
    workers = min(threads or cores(), model.max_workers or 64)
    if batch is None:
        affordable = int(memory * _BATCHES / workers / max(model.tile_bytes(), 1))
        batch = max(1, min(model.default_batch, affordable))
    kept = int(memory * _FEATURES / max(model.feature_bytes(), 1))
    panel_bytes = 4 * 9 * model.tile_size**2  # 8 bands of float32 and the masks
    panel = int(memory * _PANELS / _PANELS_ALIVE / panel_bytes)
    # Rows of tiles share blocks: what one row touches stays until the next one has used it.
    cache = min(int(memory * _CACHE), max(_LEAST_CACHE, int(1.1 * scene.blocks_under(model.tile_size))))
    return Limits(
        workers=workers,
        batch=batch,
        kept_tiles=max(2 * batch, min(_MOST_KEPT_TILES, kept)),
        panel_tiles=max(1, min(_MOST_PANEL_TILES, panel)),
        cache_bytes=cache,
    )


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
