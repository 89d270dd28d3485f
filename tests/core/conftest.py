"""Fixtures shared by the tests that need no QGIS."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_origin

UTM_10M = from_origin(500000.0, 5000000.0, 10.0, 10.0)


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several scenes would go to other processes, which know no fakes; tests of a cluster ask for one."""
    monkeypatch.setenv("HYDRANET_SCHEDULER", "serial")


@pytest.fixture
def make_raster(tmp_path: Path) -> Callable[..., str]:
    """Write a small GeoTIFF into tmp_path and return its path.

    `array` is (bands, H, W) or (H, W). By default the raster lies on a 10 m UTM grid; pass
    `crs=None, transform=None` for one without georeference. Other keywords go to rasterio.open,
    except `scales`, `offsets`, `tags` (of the dataset), `band_tags` (one dict per band), `colorinterp` and
    `mask` (bool (H, W), written as an internal per-dataset mask).
    """

    def write(
        name: str,
        array: np.ndarray,
        *,
        transform: Any = UTM_10M,
        crs: Any = "EPSG:32631",
        descriptions: Sequence[str | None] | None = None,
        nodata: float | None = None,
        scales: Sequence[float] | None = None,
        offsets: Sequence[float] | None = None,
        tags: dict[str, str] | None = None,
        band_tags: Sequence[dict[str, str]] | None = None,
        colorinterp: Sequence[Any] | None = None,
        mask: np.ndarray | None = None,
        **profile: Any,
    ) -> str:
        data = array[np.newaxis] if array.ndim == 2 else array
        count, height, width = data.shape
        path = tmp_path / name
        shape = {"width": width, "height": height, "count": count, "dtype": data.dtype}
        options: dict[str, Any] = {"driver": "GTiff", "photometric": "MINISBLACK", **shape, **profile}
        if transform is not None:
            options["transform"] = transform
        with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", crs=crs, nodata=nodata, **options) as dataset:
                dataset.write(data)
                if descriptions is not None:
                    dataset.descriptions = tuple(descriptions)
                if scales is not None:
                    dataset.scales = tuple(scales)
                if offsets is not None:
                    dataset.offsets = tuple(offsets)
                if tags:
                    dataset.update_tags(**tags)
                for index, band in enumerate(band_tags or (), start=1):
                    dataset.update_tags(index, **band)
                if colorinterp is not None:
                    dataset.colorinterp = tuple(colorinterp)
                if mask is not None:
                    dataset.write_mask(mask)
        return str(path)

    return write
