"""A small picture of a place in a raster, read with GDAL alone so that any thread may do it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..i18n import tr
from ..run_folder import RUN_FILE

MARGIN = 0.15
"""Share of the tile's size that is shown around it on each side."""

# Darkest and brightest of the values, in percent, are drawn black and white.
_CUT = (2, 98)
_GAMMA = 1.6  # reflectance drawn linearly leaves land dark


@dataclass(frozen=True)
class Pixels:
    """A picture and the tile's place in it.

    Attributes:
        rgb: width * height * 4 bytes: red, green, blue, alpha; pixels without data are transparent.
        frame: left, top, width and height of the tile in pixels of the picture.
    """

    rgb: bytes
    width: int
    height: int
    frame: tuple[float, float, float, float]


def read_pixels(
    path: str, bands: Sequence[int], box: tuple[float, float, float, float], side: int
) -> Pixels | None:
    """Read a square around a box on the map.

    Args:
        path: the raster.
        bands: numbers (from 1) of its red, green and blue band, or one for a grey picture.
        box: smallest x, smallest y, largest x, largest y in the raster's CRS.
        side: pixels on each side of the picture.

    Returns:
        The picture, None where the raster has no pixel.

    Raises:
        InputError: the raster cannot be opened, or has no such bands.
    """
    import numpy as np
    from osgeo import gdal

    try:
        raster = gdal.Open(path)
    except RuntimeError:  # where exceptions are switched on
        raster = None
    if raster is None or max(bands) > raster.RasterCount:
        raise InputError(tr("{path} cannot be read any more.").format(path=path))
    inverse = gdal.InvGeoTransform(raster.GetGeoTransform())
    corners = [gdal.ApplyGeoTransform(inverse, x, y) for x in box[0::2] for y in box[1::2]]
    left, right = min(c[0] for c in corners), max(c[0] for c in corners)
    top, bottom = min(c[1] for c in corners), max(c[1] for c in corners)
    size = max(right - left, bottom - top) * (1 + 2 * MARGIN)
    x0, y0 = (left + right - size) / 2, (top + bottom - size) / 2
    scale = side / size
    # The part of the square that lies on the raster, in its pixels and in the picture's.
    column, row = max(0, int(x0)), max(0, int(y0))
    columns = min(raster.RasterXSize, int(np.ceil(x0 + size))) - column
    rows = min(raster.RasterYSize, int(np.ceil(y0 + size))) - row
    if columns < 1 or rows < 1:
        return None
    px, py = round((column - x0) * scale), round((row - y0) * scale)
    px, py = max(0, px), max(0, py)
    width = min(side - px, max(1, round(columns * scale)))
    height = min(side - py, max(1, round(rows * scale)))
    picture = np.zeros((side, side, 4), dtype=np.uint8)
    part, valid = _read(raster, bands, (column, row, columns, rows), (width, height))
    picture[py : py + height, px : px + width, :3] = _stretched(part, valid)
    picture[py : py + height, px : px + width, 3] = np.where(valid, 255, 0)
    frame = ((left - x0) * scale, (top - y0) * scale, (right - left) * scale, (bottom - top) * scale)
    return Pixels(picture.tobytes(), side, side, frame)


def rgb_bands(folder: Path) -> tuple[int, ...]:
    """Numbers of the bands to draw, from a run's `band_mapping`: red, green and blue, else one in grey.

    Raises:
        OSError, ValueError: its run.json cannot be read.
    """
    data = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    told = (data.get("band_mapping") or {}).get("bands") or {}
    # A band that was made from others names what it was made from, or nothing.
    numbers = {name: band.get("layer_band") for name, band in told.items()}
    colors = [numbers.get(name) for name in ("red", "green", "blue")]
    if all(colors):
        return tuple(int(number) for number in colors)
    return (next((int(number) for number in numbers.values() if number), 1),)


def _read(raster: Any, bands: Sequence[int], window: Sequence[int], size: tuple[int, int]) -> tuple[Any, Any]:
    """Values as float32 (height, width, 3), and where all bands have data, bool (height, width)."""
    import numpy as np

    layers, valid = [], None
    for number in bands:
        band = raster.GetRasterBand(number)
        values = band.ReadAsArray(*window, buf_xsize=size[0], buf_ysize=size[1])
        if values is None:
            raise InputError(tr("{path} cannot be read any more.").format(path=raster.GetDescription()))
        good = np.isfinite(values)
        if band.GetNoDataValue() is not None:
            good &= values != band.GetNoDataValue()
        valid = good if valid is None else valid & good
        layers.append(values.astype(np.float32))
    return np.stack([layers[i % len(layers)] for i in range(3)], axis=-1), valid


def _stretched(values: Any, valid: Any) -> Any:
    """The values from 0 to 255, by one stretch for all colours so that water stays blue."""
    import numpy as np

    if not valid.any():
        return np.zeros(values.shape, dtype=np.uint8)
    low, high = np.percentile(values[valid], _CUT)
    share = np.clip((np.nan_to_num(values) - low) / max(float(high - low), 1e-12), 0.0, 1.0)
    return (share ** (1 / _GAMMA) * 255).astype(np.uint8)
