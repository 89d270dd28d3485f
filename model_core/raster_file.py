"""Opening a raster file, and saying plainly why it cannot be opened or read."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from .errors import SceneError


def open_raster(name: str) -> DatasetReader:
    """Open a raster for reading.

    Args:
        name: a file, or anything GDAL opens (`/vsizip/...`, `NETCDF:file:variable`).

    Raises:
        SceneError: no such file, a folder, no raster, or a container of rasters.
    """
    _check_path(name)
    try:
        # Several threads decode the blocks of a strip; nothing is gained beyond a few. GDAL_CACHEMAX stays
        # at GDAL's default of 5 % of the memory: rasterio would take an integer as bytes.
        with rasterio.Env(GDAL_NUM_THREADS=str(min(4, os.cpu_count() or 1))), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
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


def _check_path(name: str) -> None:
    """Say plainly what is wrong with an ordinary path; GDAL's own names are left to GDAL."""
    if not name.strip():
        raise SceneError("No raster was given; choose an input file.")
    is_folder = Path(name).is_dir()
    if is_folder:
        raise SceneError(f"'{name}' is a folder, not a raster; choose a file in it.")
    drive, _ = os.path.splitdrive(name)
    if name.startswith("/vsi") or (":" in name and not drive):
        return
    if not Path(name).exists():
        raise SceneError(f"'{name}' does not exist; check the path.")


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
