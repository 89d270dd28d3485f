"""Which layers the worker can open, under which name: files, archives, products; nothing far away."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from hydranet_qgis.algorithms.inputs import check_bands
from hydranet_qgis.algorithms.sources import band_count, local_source
from hydranet_qgis.errors import InputError


class Layer:
    """As much of a raster layer as is asked for; no real product is needed."""

    def __init__(self, source: str, provider: str = "gdal", bands: int = 6) -> None:
        self._source, self._provider, self._bands = source, provider, bands

    def name(self) -> str:
        return "scene"

    def source(self) -> str:
        return self._source

    def providerType(self) -> str:  # noqa: N802 - Qt's own name
        return self._provider

    def bandCount(self) -> int:  # noqa: N802
        return self._bands


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a raster, a product's description, and both in an archive."""
    product = tmp_path / "S2A.SAFE"
    product.mkdir()
    for path in (tmp_path / "x.tif", product / "MTD_MSIL1C.xml"):
        path.write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "S2A.zip", "w") as archive:
        archive.writestr("S2A.SAFE/MTD_MSIL1C.xml", "")
    return tmp_path


@pytest.mark.parametrize(
    "source",
    [
        "{}/x.tif",
        "{}/S2A.SAFE",
        "{}/S2A.zip",
        "SENTINEL2_L1C:{}/S2A.SAFE/MTD_MSIL1C.xml:10m:EPSG_32632",
        "SENTINEL2_L2A:{}/S2A.SAFE/MTD_MSIL1C.xml:20m:EPSG_32632",
        "SENTINEL2_L1C:/vsizip/{}/S2A.zip/S2A.SAFE/MTD_MSIL1C.xml:10m:EPSG_32632",
        "SENTINEL2_L1C:/vsizip/{{{}/S2A.zip}}/S2A.SAFE/MTD_MSIL1C.xml:10m:EPSG_32632",
        "/vsizip/{}/S2A.zip/S2A.SAFE/MTD_MSIL1C.xml",
        'NETCDF:"{}/x.tif":reflectance',
        "GTIFF_DIR:2:{}/x.tif",
        'HDF5:"{}/x.tif"://group/values',
    ],
)
def test_what_lies_here_is_passed_on_unchanged(source: str, files: Path) -> None:
    full = source.format(files)
    assert local_source(Layer(full)) == full
    assert local_source(Layer(full + "|option:NUM_THREADS=2")) == full


@pytest.mark.parametrize(
    "source",
    [
        "{}/missing.tif",
        "SENTINEL2_L1C:{}/S2A.SAFE/MTD_missing.xml:10m:EPSG_32632",
        "SENTINEL2_L1C:/vsizip/{}/missing.zip/S2A.SAFE/MTD_MSIL1C.xml:10m:EPSG_32632",
        "/vsizip/{}/missing.zip/x.tif",
        "/vsizip//vsicurl/https://example.org/{}/S2A.zip/x.tif",
        "SENTINEL2_L1C:/vsicurl/https://example.org/MTD_MSIL1C.xml:10m:EPSG_32632",
        "/vsimem/x.tif",
        "/vsis3/bucket/x.tif",
        "",
    ],
)
def test_what_does_not_has_to_be_exported(source: str, files: Path) -> None:
    assert local_source(Layer(source.format(files))) is None


def test_another_provider_has_to_be_exported(files: Path) -> None:
    assert local_source(Layer(f"{files}/x.tif", "wcs")) is None


def test_a_products_bands_are_counted_by_the_worker(files: Path) -> None:
    product = Layer(f"SENTINEL2_L1C:{files}/S2A.SAFE/MTD_MSIL1C.xml:10m:EPSG_32632", bands=4)
    assert band_count(product) is None
    assert band_count(Layer(f"{files}/x.tif", bands=4)) == 4
    check_bands("re1=5", band_count(product), [])
    with pytest.raises(InputError, match="has only 4"):
        check_bands("re1=5", 4, [])
