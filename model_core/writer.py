"""One expert's output raster: finished rows in, a cloud-optimised GeoTIFF out.

Rows arrive in order and are written as they come, so memory holds a strip at most. While the run
lasts they lie in a plain tiled GeoTIFF; `close` turns that into the COG, which gets its name only when
it is whole. The file is made on the first row that holds anything: an expert never routed has none.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.windows import Window

from .canvas import Piece
from .errors import OutputError
from .raster_file import detail
from .spec import ExpertSpec

NODATA = 255  # of the two byte kinds, in the file only; inside the program a mask says it
PROBABILITY_STEPS = 250  # probability = byte * 0.004
BLOCK = 256
# What GDAL raises through rasterio: `shutil.copy` lets the plain GDAL error through.
_TROUBLES = (RasterioError, CPLE_BaseError, OSError)
_BACKGROUND = (255, 255, 255, 255)  # TIFF palettes know no transparency; the .qml does


@lru_cache(maxsize=1)
def compression() -> str:
    """`ZSTD`, or `DEFLATE` where this GDAL was built without it."""
    try:
        with MemoryFile() as memory, memory.open(
            driver="GTiff", width=1, height=1, count=1, dtype="uint8", compress="ZSTD",
            transform=Affine.scale(2.0),
        ) as raster:  # fmt: skip
            raster.write(np.zeros((1, 1, 1), np.uint8))
    except RasterioError:
        return "DEFLATE"
    return "ZSTD"


def finish(spec: ExpertSpec, piece: Piece, valid: np.ndarray) -> np.ndarray:
    """Turn blended sums into the values of the file.

    Args:
        spec: the expert; its kind decides.
        piece: sums (C, h, w) and weights (h, w).
        valid: bool (h, w), False where the scene has no data.

    Returns:
        uint8 (1, h, w) for classes and probability, 255 = NoData; float32 (C, h, w) for density,
        NaN = NoData.
    """
    known = valid & (piece.weight > 0)  # (h, w)
    if spec.kind == "classes":
        # The largest sum is the largest mean: no division. Running comparison by plane, because an
        # argmax over the leading axis of (C, h, w) strides through memory and takes ten times as long.
        best = piece.sums[0].copy()
        label = np.zeros(best.shape, dtype=np.uint8)
        for channel in range(1, piece.sums.shape[0]):
            plane = piece.sums[channel]
            label[plane > best] = channel
            np.maximum(best, plane, out=best)
        return np.where(known, label, np.uint8(NODATA))[None]
    mean = np.full(piece.sums.shape, np.nan, dtype=np.float32)
    np.divide(piece.sums, piece.weight, out=mean, where=known[None])
    if spec.kind == "density":
        return mean
    share = np.where(known, np.clip(mean[0], 0.0, 1.0), 0.0)
    step = np.rint(share * PROBABILITY_STEPS).astype(np.uint8)
    return np.where(known, step, np.uint8(NODATA))[None]


class ExpertWriter:
    """Writes one expert's raster and counts what it writes.

    Attributes:
        path: the final file.
        used: True once there is anything to keep.
        pixels: pixels that are not NoData.
        class_pixels: int64 (C,) for `classes`, pixels of each class.
        lowest, highest: smallest and largest value of band 1 (density), for the style; None before any.
    """

    def __init__(
        self,
        path: Path,
        spec: ExpertSpec,
        width: int,
        height: int,
        crs: CRS | None,
        transform: Affine,
        tags: Mapping[str, str],
    ) -> None:
        self.path = path
        self.spec = spec
        self.pixels = 0
        self.class_pixels = np.zeros(spec.channels if spec.kind == "classes" else 0, dtype=np.int64)
        self.lowest: float | None = None
        self.highest: float | None = None
        self._width, self._height = width, height
        self._crs, self._transform = crs, transform
        self._tags = dict(tags)
        self._part = path.with_name(path.name + ".part")
        self._file: Any = None
        self._count = spec.channels if spec.kind == "density" else 1
        self._dtype, self._nodata = ("float32", float("nan")) if spec.kind == "density" else ("uint8", NODATA)
        # Rows of blocks, by first row, that pieces may still reach: (bands, BLOCK, width) each. So every
        # block is compressed and written once.
        self._pending: dict[int, np.ndarray] = {}
        self.used = False

    def write(self, piece: Piece, valid: np.ndarray) -> None:
        """Take a finished piece; pieces come in the order of their rows, what is left out stays NoData.

        Raises:
            OutputError: the disk does not take it.
        """
        values = finish(self.spec, piece, valid)
        if not self._count_values(values):
            return
        self.used = True
        self._flush(piece.top)
        top, bottom = piece.top, piece.top + values.shape[1]
        columns = slice(piece.left, piece.left + values.shape[2])
        while top < bottom:
            block = top - top % BLOCK
            if block not in self._pending:
                shape = (self._count, min(BLOCK, self._height - block), self._width)
                self._pending[block] = np.full(shape, self._nodata, dtype=self._dtype)
            end = min(bottom, block + BLOCK)
            part = values[:, top - piece.top : end - piece.top]
            self._pending[block][:, top - block : end - block, columns] = part
            top = end

    def close(self) -> None:
        """Make the COG, if anything was written, and give it its name.

        Raises:
            OutputError: the disk does not take it.
        """
        if not self.used:
            return
        self._flush(self._height)
        cog = self.path.with_name(self.path.name + ".cog.part")
        options = {
            "COMPRESS": compression(),
            "BLOCKSIZE": "512",
            "BIGTIFF": "IF_SAFER",
            # Averages would invent classes between classes.
            "OVERVIEW_RESAMPLING": "NEAREST" if self.spec.kind == "classes" else "AVERAGE",
            "PREDICTOR": "NO" if self.spec.kind == "classes" else "YES",
        }
        if options["COMPRESS"] == "ZSTD":
            options["LEVEL"] = "1"
        try:
            with rasterio.Env():
                self._file.close()
                self._file = None
                rasterio.shutil.copy(self._part, cog, driver="COG", **options)
                _check_whole(cog)
            self._part.unlink()
            os.replace(cog, self.path)
        except _TROUBLES as error:
            raise self._trouble(error) from error

    def abandon(self) -> None:
        """Let go of the open file after an error; the staging folder is removed by its owner."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _count_values(self, values: np.ndarray) -> int:
        """Add to the counters; the number of pixels in `values` that are not NoData."""
        if self.spec.kind == "density":
            band = values[0][~np.isnan(values[0])]
            known = band.size
            if known:
                low, high = float(band.min()), float(band.max())
                self.lowest = low if self.lowest is None else min(self.lowest, low)
                self.highest = high if self.highest is None else max(self.highest, high)
        else:
            counts = np.bincount(values.ravel(), minlength=NODATA + 1)
            known = int(counts[:NODATA].sum())
            self.class_pixels += counts[: self.class_pixels.size]
        self.pixels += known
        return known

    def _flush(self, until: int) -> None:
        """Write the rows of blocks that lie wholly above row `until`."""
        for block in sorted(self._pending):
            rows = self._pending[block]
            if block + rows.shape[1] > until:
                break
            try:
                # Env: GDAL's messages become exceptions also in the thread that writes.
                with rasterio.Env():
                    if self._file is None:
                        self._file = self._open()
                    self._file.write(rows, window=Window(0, block, self._width, rows.shape[1]))
            except _TROUBLES as error:
                raise self._trouble(error) from error
            del self._pending[block]

    def _open(self) -> Any:
        options: dict[str, Any] = {"compress": compression(), "bigtiff": "IF_SAFER"}
        if options["compress"] == "ZSTD":
            options["zstd_level"] = 1
        raster = rasterio.open(
            self._part, "w", driver="GTiff", width=self._width, height=self._height, count=self._count,
            dtype=self._dtype, nodata=self._nodata, crs=self._crs, transform=self._transform,
            tiled=True, blockxsize=BLOCK, blockysize=BLOCK, **options,
        )  # fmt: skip
        self._describe(raster)
        return raster

    def _describe(self, raster: Any) -> None:
        """Band names, unit, colours, scale and where the file comes from."""
        raster.update_tags(**self._tags)
        if self.spec.kind == "classes":
            raster.set_band_description(1, "class")
            raster.update_tags(1, **{f"CLASS_{c.value}": c.name for c in self.spec.classes})
            colors = {c.value: _rgba(c.color) for c in self.spec.classes}
            raster.write_colormap(1, colors)
        elif self.spec.kind == "probability":
            raster.set_band_description(1, "probability")
            raster.scales, raster.offsets = (1.0 / PROBABILITY_STEPS,), (0.0,)
        else:
            for band in range(1, self._count + 1):
                raster.set_band_description(band, self.spec.name + (f" {band}" if self._count > 1 else ""))
            if self.spec.unit:
                raster.units = (self.spec.unit,) * self._count

    def _trouble(self, error: Exception) -> OutputError:
        return OutputError(
            f"'{self.path.name}' could not be written ({detail(error)}); check the free space and the rights "
            "of the output folder, then run again."
        )


def _check_whole(path: Path) -> None:
    """Make sure that the file is on the disk to its end.

    GDAL does not report that its last bytes did not fit. In a COG the last block of the full resolution
    is the last thing in the file.

    Raises:
        OSError: it is not.
    """
    with path.open("r+b") as file:  # Windows syncs only files open for writing
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    with rasterio.open(path) as raster:
        height, width = raster.block_shapes[0]
        last = f"{math.ceil(raster.width / width) - 1}_{math.ceil(raster.height / height) - 1}"
        for band in raster.indexes:
            offset = raster.get_tag_item(f"BLOCK_OFFSET_{last}", "TIFF", bidx=band)
            length = raster.get_tag_item(f"BLOCK_SIZE_{last}", "TIFF", bidx=band)
            if offset is None or length is None or int(offset) + int(length) > size:
                raise OSError(f"{path.name} ends after {size} bytes, in the middle of its pixels")


def _rgba(color: str | None) -> tuple[int, int, int, int]:
    if color is None:
        return _BACKGROUND
    return (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16), 255)
