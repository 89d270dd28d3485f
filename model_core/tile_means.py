"""The mean uncertainty of each tile, from an expert's finished raster.

From the file and not from the blended values: so a run that was continued or rerouted, which never saw some
of those values, tells the same numbers. Strips of rows at a time; the sums are of whole numbers, so no order
and no height of a strip changes a digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from .errors import OutputError
from .grid import TileGrid
from .raster_file import detail, quiet_gdal
from .writer import NODATA, PROBABILITY_STEPS

STRIP = 512  # rows; the height of a COG's blocks


def tile_means(path: Path, bands: Mapping[str, int], grid: TileGrid) -> dict[str, np.ndarray]:
    """Mean of bands over the core of each tile.

    Args:
        path: of the raster, as large as the grid.
        bands: number by name; bands of steps of 0.004, 255 = NoData.
        grid: the N tiles.

    Returns:
        float64 (N,) by name, 0 to 1; NaN where a core holds NoData alone.

    Raises:
        OutputError: the raster cannot be read.
    """
    rows = [grid.row_tiles(row)[0].core for row in range(grid.rows)]
    starts = [tile.core[0] for tile in grid.row_tiles(0)]
    sums = np.zeros((len(bands), grid.rows, grid.cols), dtype=np.int64)
    counts = np.zeros_like(sums)
    try:
        with quiet_gdal(), rasterio.open(path) as raster:
            for top in range(0, grid.height, STRIP):
                height = min(STRIP, grid.height - top)
                window = Window(0, top, grid.width, height)
                strip = raster.read(list(bands.values()), window=window)  # (bands, h, W)
                known = strip != NODATA
                strip[~known] = 0
                for row, (_, first, _, last) in enumerate(rows):
                    part = np.s_[:, max(first - top, 0) : max(last - top, 0)]
                    if strip[part].size:
                        counts[:, row] += _by_core(known[part], starts)
                        sums[:, row] += _by_core(strip[part], starts)
    except (RasterioError, OSError) as error:
        raise OutputError(f"'{path}' cannot be read ({detail(error)}); run the prediction again.") from error
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts * PROBABILITY_STEPS, out=means, where=counts > 0)
    return dict(zip(bands, means.reshape(len(bands), -1), strict=True))


def _by_core(values: np.ndarray, starts: list[int]) -> np.ndarray:
    """Sums of (bands, h, W) between the left edges of cores, int64 (bands, columns of tiles)."""
    return np.add.reduceat(values.sum(axis=1, dtype=np.int64), starts, axis=1)
