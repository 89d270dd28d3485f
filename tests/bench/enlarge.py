"""A scene large enough to time: a small one laid out again and again, mirrored at its edges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

_STRIP = 512  # rows written at a time, two rows of blocks


def enlarge(scene: Path, times: int, target: Path) -> Path:
    """Write `times` x `times` copies of a raster; see `repeat`.

    A dozen tiles finish before the machine is warm and weigh start-up as much as work. The content stays
    real, so the routing stays what it is.
    """
    with rasterio.open(scene) as source:
        height, width = source.height * times, source.width * times
    return repeat(scene, width, height, target)


def repeat(scene: Path, width: int, height: int, target: Path) -> Path:
    """Write a raster of `width` x `height` pixels from copies of a small one.

    Every second copy is mirrored so that no seam shows. Written strip by strip, whatever the size, as
    tiles of 256 with zstd level 1: a scene comes compressed as a rule, so reading must cost what it costs,
    while writing 2 GB of it stays a matter of seconds.
    """
    with rasterio.open(scene) as source:
        data = source.read()
        profile = {
            "driver": "GTiff", "dtype": source.dtypes[0], "count": source.count, "nodata": source.nodata,
            "crs": source.crs, "transform": source.transform, "width": width, "height": height,
            "tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "pixel",
            "compress": "zstd", "zstd_level": 1, "num_threads": "all_cpus", "bigtiff": "if_safer",
        }  # fmt: skip
        notes = _notes(source)
    columns = _mirrored(width, data.shape[2])
    rows = _mirrored(height, data.shape[1])
    with rasterio.open(target, "w", **profile) as raster:
        annotate(raster, notes)
        for top in range(0, height, _STRIP):
            part = rows[top : top + _STRIP]
            strip = data[:, part][:, :, columns]
            raster.write(strip, window=Window(0, top, width, len(part)))
    return target


def _mirrored(length: int, period: int) -> np.ndarray:
    """Positions 0, 1 … period - 1, period - 1 … 1, 0, 0, 1 … of that length."""
    place = np.arange(length) % (2 * period)
    return np.where(place < period, place, 2 * period - 1 - place)


def _notes(source: rasterio.DatasetReader) -> dict[str, Any]:
    """Descriptions and tags, by which HydraNet knows bands and radiometry."""
    bands = [source.tags(band) for band in source.indexes]
    return {"descriptions": source.descriptions, "tags": source.tags(), "bands": bands}


def annotate(raster: rasterio.io.DatasetWriter, notes: dict[str, Any]) -> None:
    """Write what `_notes` found."""
    raster.descriptions = notes["descriptions"]
    raster.update_tags(**notes["tags"])
    for band, tags in enumerate(notes["bands"], start=1):
        raster.update_tags(band, **tags)


def read_small(scene: Path) -> tuple[np.ndarray, dict[str, Any], dict[str, Any]]:
    """Values (bands, H, W), profile and notes of a small raster."""
    with rasterio.open(scene) as source:
        return source.read(), dict(source.profile), _notes(source)
