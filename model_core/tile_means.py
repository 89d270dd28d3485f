"""The mean uncertainty of each tile, from an expert's finished raster.

From the file and not from the blended values: so a run that was continued or rerouted, which never saw some
of those values, tells the same numbers. Piece by piece, so that memory does not grow with the raster; sums
are of whole numbers, so neither order nor size of the pieces changes a digit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from .errors import OutputError
from .grid import TileGrid
from .raster_file import detail, quiet_gdal
from .writer import NODATA, PROBABILITY_STEPS

PIECE = 512, 4096  # rows and columns: some blocks of a COG side by side


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
            for top, left in product(range(0, grid.height, PIECE[0]), range(0, grid.width, PIECE[1])):
                height, width = min(PIECE[0], grid.height - top), min(PIECE[1], grid.width - left)
                window = Window(left, top, width, height)
                piece = raster.read(list(bands.values()), window=window)  # (bands, h, w)
                known = piece != NODATA
                piece[~known] = 0
                # The columns of tiles in the piece, the first of which may have begun before it.
                first = bisect_right(starts, left) - 1
                cuts = [max(start - left, 0) for start in starts[first:] if start < left + width]
                columns = slice(first, first + len(cuts))
                for row, (_, upper, _, lower) in enumerate(rows):
                    part = np.s_[:, max(upper - top, 0) : max(lower - top, 0)]
                    if piece[part].size:
                        counts[:, row, columns] += _by_core(known[part], cuts)
                        sums[:, row, columns] += _by_core(piece[part], cuts)
    except (RasterioError, OSError) as error:
        raise OutputError(f"'{path}' cannot be read ({detail(error)}); run the prediction again.") from error
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts * PROBABILITY_STEPS, out=means, where=counts > 0)
    return dict(zip(bands, means.reshape(len(bands), -1), strict=True))


def _by_core(values: np.ndarray, cuts: list[int]) -> np.ndarray:
    """Sums of (bands, h, w) from each cut to the next, int64 (bands, cuts)."""
    return np.add.reduceat(values.sum(axis=1, dtype=np.int64), cuts, axis=1)
