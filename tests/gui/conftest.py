"""What the tests with the real programs share: the staged plugin, a private QGIS, the sample, rasters."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from .qgis_home import ROOT, Finished, QgisHome

sys.path.insert(0, str(ROOT / ".ci"))


@pytest.fixture(scope="session")
def plugins() -> Path:
    """The folder for QGIS_PLUGINPATH, staged of links as in development."""
    from stage import stage

    return stage()


@pytest.fixture(scope="session")
def home(plugins: Path) -> Iterator[QgisHome]:
    """A private QGIS with the plugin switched on, for all tests of the session."""
    with QgisHome(plugins) as made:
        yield made


@pytest.fixture(scope="session")
def sample() -> Path:
    """The scene that comes with the repository."""
    found = sorted((ROOT / "resources" / "sample").glob("*.tif"))
    assert found, "resources/sample holds no scene"
    return found[0]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the bundle, to be damaged."""
    return Path(shutil.copytree(ROOT / "resources" / "bundle", tmp_path / "bundle"))


@pytest.fixture
def make_raster(tmp_path: Path) -> Callable[..., Path]:
    """Write a small raster: `make_raster(name, array (bands, H, W), descriptions=…, nodata=…)`."""

    def write(name: str, array: np.ndarray, descriptions: tuple[str, ...] = (), **profile: Any) -> Path:
        path = tmp_path / name
        count, height, width = array.shape
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=count,
            dtype=array.dtype,
            crs="EPSG:32631",
            transform=from_origin(500000.0, 5000000.0, 10.0, 10.0),
            **profile,
        ) as raster:
            raster.write(array)
            for band, text in enumerate(descriptions, start=1):
                raster.set_band_description(band, text)
        return path

    return write


@pytest.fixture
def predict(home: QgisHome) -> Callable[..., Finished]:
    """Run hydranet:predict in qgis_process: `predict(INPUT=…, OUTPUT_FOLDER=…)`; a list is a repeated key."""

    def run(**parameters: Any) -> Finished:
        pairs = []
        for key, value in parameters.items():
            pairs += [f"{key}={item}" for item in (value if isinstance(value, list) else [value])]
        return home.qgis_process("--json", "run", "hydranet:predict", "--", *pairs)

    return run
