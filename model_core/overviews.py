"""Overviews made while a raster is written, so that nothing has to be read again at its end.

A row of blocks is halved again and again as it is written; the halves lie below its own rows in the same
file. GDAL took four times as long to make the overviews of a finished raster as to write the raster.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

_SMALLEST = 512  # pixels; a raster no larger needs no overview
_MOST = 8  # a row of 256 pixel rows can be halved so often


def level_count(width: int, height: int) -> int:
    """Overviews of a raster: halved until it fits into 512 pixels, eight times at most."""
    count = 0
    while max(width, height) > _SMALLEST and count < _MOST:
        width, height, count = -(-width // 2), -(-height // 2), count + 1
    return count


def halved(values: np.ndarray, kinds: Sequence[str], nodata: float) -> np.ndarray:
    """Half the resolution of (bands, h, w), rounded up, each band by its kind.

    Classes take the upper left of four pixels, for averages would invent classes between classes; other
    values the mean of those that are not NoData.
    """
    if len(set(kinds)) > 1:
        bands = zip(values[:, None], kinds, strict=True)
        return np.concatenate([halved(band, [kind], nodata) for band, kind in bands])
    if kinds[0] == "classes":
        return values[:, ::2, ::2]
    bands, height, width = values.shape
    even = np.full((bands, height + height % 2, width + width % 2), nodata, dtype=values.dtype)
    even[:, :height, :width] = values
    four = [even[:, y::2, x::2] for y in (0, 1) for x in (0, 1)]
    if values.dtype == np.uint8:
        # Of bytes there are few sums: the mean is looked up.
        sums, count = np.zeros(four[0].shape, np.int16), np.zeros(four[0].shape, np.int16)
        for part in four:
            known = part != nodata
            sums += part * known
            count += known
        return _byte_means(int(nodata))[count, sums]
    parts = np.stack(four).astype(np.float32)
    known = ~np.isnan(parts) if np.isnan(nodata) else parts != nodata
    count = known.sum(axis=0)
    mean = np.where(known, parts, np.float32(0.0)).sum(axis=0) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.float32(nodata)).astype(values.dtype)


@cache
def _byte_means(nodata: int) -> np.ndarray:
    """Rounded means of up to four bytes by their number and their sum, uint8 (5, 1021); NoData of none."""
    count, sums = np.arange(5)[:, None], np.arange(4 * 255 + 1)[None]
    mean = np.rint(np.minimum(sums / np.maximum(count, 1), 255.0))
    return np.where(count > 0, mean, nodata).astype(np.uint8)


def stacked(values: np.ndarray, levels: int, kinds: Sequence[str], nodata: float) -> np.ndarray:
    """A row of blocks (bands, h, w) with its overviews below it, each from the left edge on."""
    parts = [values]
    for _ in range(levels):
        parts.append(halved(parts[-1], kinds, nodata))
    stack = np.full((values.shape[0], sum(p.shape[1] for p in parts), values.shape[2]), nodata, values.dtype)
    for part, top in zip(parts, tops(values.shape[1], levels), strict=True):
        stack[:, top : top + part.shape[1], : part.shape[2]] = part
    return stack


def tops(rows: int, levels: int) -> list[int]:
    """First row of each level, the full one included, in what `stacked` makes of so many rows."""
    found = [0]
    for _ in range(levels):
        found.append(found[-1] + rows)
        rows = -(-rows // 2)
    return found
