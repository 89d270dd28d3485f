"""An open raster whose reads are right or fail, and that stays usable after a read has failed.

GDAL 3.10 alone keeps neither promise where several threads decode, as measured on files with a damaged part:
- GeoTIFF stored band by band: the read fails, but the damaged block stays in the cache and the next read
  returns it as if it were whole. So a dataset is opened anew after a failure.
- JPEG 2000: the read succeeds with zeros in place of what could not be decoded. So each band is decoded
  by one thread, from a dataset of its own, and several bands at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .raster_file import decoding_threads, quiet_gdal

# What a failed read raises.
READ_FAILURES = (RasterioError, OSError, ValueError)
_JPEG2000 = (".jp2", ".j2k", ".jpx")
_JPEG2000_ROWS = 1024  # of a block in Sentinel-2's images


class RasterReader:
    """Reads windows of one raster; used from one thread at a time.

    Args:
        dataset: the open raster, owned from now on.
        threads: threads that decode; None takes all cores up to 4.
        jpeg2000: it is known to be made of JPEG 2000 images, which not every virtual raster tells.
    """

    def __init__(self, dataset: DatasetReader, threads: int | None, jpeg2000: bool = False) -> None:
        self._name = dataset.name
        self._threads = decoding_threads(threads)
        self._dataset = dataset
        self._by_band = jpeg2000 or any(file.lower().endswith(_JPEG2000) for file in dataset.files)
        self._bands: dict[int, DatasetReader] = {}
        self._pool: ThreadPoolExecutor | None = None

    def read(self, bands: Sequence[int], window: Window, out: np.ndarray) -> None:
        """Read bands (1-based) into `out` (bands, H, W), converted to its type.

        Raises:
            RasterioError, OSError, ValueError: some of it cannot be read; see `renew`.
        """
        if not self._by_band:
            self._dataset.read(list(bands), out=out, window=window)
            return
        for band in bands:
            if band not in self._bands:
                # Here and not in the pool: hiding warnings, as opening does, is no work for several threads.
                with quiet_gdal(1):
                    self._bands[band] = rasterio.open(self._name)
        if self._threads == 1 or len(bands) == 1:
            for band, plane in zip(bands, out, strict=True):
                self._read_band(band, window, plane)
        else:
            self._pool = self._pool or ThreadPoolExecutor(self._threads, "decode")
            tasks = [
                self._pool.submit(self._read_band, band, window, plane)
                for band, plane in zip(bands, out, strict=True)
            ]
            errors = [task.exception() for task in tasks]
            for error in errors:
                if error is not None:
                    raise error

    def blocks_under(self, bands: Sequence[int], rows: int) -> int:
        """Bytes of all blocks of some bands, in full width, that so many rows touch at most."""
        height, total = self._dataset.height, 0
        for band in bands:
            # A virtual raster over JPEG 2000 images does not tell how large their blocks are.
            block_rows = self._dataset.block_shapes[band - 1][0]
            block_rows = min(max(block_rows, _JPEG2000_ROWS) if self._by_band else block_rows, height)
            touched = min(-(-(rows - 1) // block_rows) + 1, -(-height // block_rows))
            size = np.dtype(self._dataset.dtypes[band - 1]).itemsize
            total += touched * block_rows * self._dataset.width * size
        return total

    def read_mask(self, band: int, window: Window) -> np.ndarray:
        """GDAL's mask of a band: uint8 (H, W), 0 where there is no data. Raises as `read`."""
        return self._dataset.read_masks(band, window=window)

    def renew(self, threads: int | None = None) -> None:
        """Open the raster anew, which a read that failed makes necessary.

        Args:
            threads: other than those given at the beginning.

        Raises:
            RasterioError, OSError: it cannot be opened any more.
        """
        self._close_datasets()
        with quiet_gdal(threads or self._threads):
            self._dataset = rasterio.open(self._name)

    def close(self) -> None:
        """Close the raster."""
        if self._pool is not None:
            self._pool.shutdown()
        self._close_datasets()

    def _read_band(self, band: int, window: Window, out: np.ndarray) -> None:
        # JPEG 2000 looks the option up at every read; it holds for the calling thread.
        with rasterio.Env(GDAL_NUM_THREADS="1"):
            self._bands[band].read(band, out=out, window=window)

    def _close_datasets(self) -> None:
        for dataset in (self._dataset, *self._bands.values()):
            dataset.close()
        self._bands.clear()
