"""Opening a raster file, saying plainly why it cannot be opened or read, and how new ones are compressed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from .errors import SceneError


def open_raster(name: str, threads: int | None = None) -> DatasetReader:
    """Open a raster for reading.

    Args:
        name: a file, or anything GDAL opens (`/vsizip/...`, `NETCDF:file:variable`).
        threads: threads that decode blocks; None takes all cores up to 4.

    Raises:
        SceneError: no such file, a folder, no raster, or a container of rasters.
    """
    _check_path(name)
    try:
        with quiet_gdal(threads):
            dataset = rasterio.open(name)
    except (RasterioError, OSError, ValueError) as error:
        raise SceneError(
            f"'{name}' cannot be opened ({detail(error)}); it is no raster or damaged, choose another file."
        ) from error
    if dataset.count == 0:
        message = _no_bands(name, dataset)
        dataset.close()
        raise SceneError(message)
    return dataset


def known_pixels(source: DatasetReader | WarpedVRT, window: Window) -> np.ndarray:
    """Which pixels of the first band hold a value: bool (h, w), by NoData, mask or transparency."""
    # Of signed and of wide numbers GDAL takes no band for transparency, not even one it has added itself.
    if source.colorinterp[-1] == ColorInterp.alpha:
        return source.read(source.count, window=window) > 0
    return source.read_masks(1, window=window) > 0


@contextmanager
def quiet_gdal(threads: int | None = None) -> Iterator[None]:
    """GDAL as datasets are opened here: with threads, without a warning about what has no georeference."""
    # Several threads decode the blocks of a strip; nothing is gained beyond a few. GDAL_CACHEMAX stays
    # at GDAL's default of 5 % of the memory: rasterio would take an integer as bytes.
    with rasterio.Env(GDAL_NUM_THREADS=str(decoding_threads(threads))), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def decoding_threads(threads: int | None) -> int:
    """How many threads decode: what was asked for, else all cores up to 4."""
    return min(4, os.cpu_count() or 1) if threads is None else max(1, threads)


def _check_path(name: str) -> None:
    """Say plainly what is wrong with an ordinary path; GDAL's own names are left to GDAL."""
    if not name.strip():
        raise SceneError("No raster was given; choose an input file.")
    if is_there(name) and Path(name).is_dir():
        raise SceneError(f"'{name}' is a folder, not a raster; choose a file in it.")
    drive, _ = os.path.splitdrive(name)
    if name.startswith("/vsi") or (":" in name and not drive):
        return
    if name.startswith("<VRTDataset"):
        return
    if not is_there(name):
        raise SceneError(f"'{name}' does not exist; check the path.")


def is_there(name: str) -> bool:
    """Whether a name is that of a file or folder; names too long for that are GDAL's own."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _no_bands(name: str, dataset: DatasetReader) -> str:
    if dataset.subdatasets:
        return (
            f"'{name}' is a container of {len(dataset.subdatasets)} rasters; "
            f"give one of them, such as '{dataset.subdatasets[0]}'."
        )
    return f"'{name}' holds no raster bands; choose another file."


def detail(error: BaseException) -> str:
    """The innermost message in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


@cache
def _writes_zstd() -> bool:
    """Whether this GDAL was built with zstd."""
    try:
        with (
            MemoryFile() as memory,
            memory.open(
                driver="GTiff", width=1, height=1, count=1, dtype="uint8", compress="ZSTD",
                transform=Affine.scale(2.0),
            ) as raster,
        ):  # fmt: skip
            raster.write(np.zeros((1, 1, 1), np.uint8))
    except (RasterioError, OSError):
        return False
    return True


def compression(level: int) -> dict[str, Any]:
    """GeoTIFF options for zstd at a level, or for deflate where this GDAL has no zstd."""
    if _writes_zstd():
        return {"compress": "ZSTD", "zstd_level": level}
    return {"compress": "DEFLATE", "zlevel": level}
