"""The one test that catches every tiling bug: an expert that returns its input must give the input back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine, from_origin

from model_core.bands import BAND_NAMES
from tests.core.fakes import FakeModel, digital, run

UTM = from_origin(500000.0, 5000000.0, 10.0, 10.0)
ROTATED = UTM * Affine.rotation(30.0)
DEGREES = from_origin(11.25, 46.5, 1e-4, 1e-4)
SOUTH_UP = Affine(10.0, 0.0, 500000.0, 0.0, 10.0, 5000000.0)
PLACES = {
    "utm": ("EPSG:32632", UTM),
    "rotated": ("EPSG:32632", ROTATED),
    "geographic": ("EPSG:4326", DEGREES),
    "south up": ("EPSG:32632", SOUTH_UP),
    "pixels of odd size": ("EPSG:3035", Affine(9.7, 0.0, 4321000.3, 0.0, -10.3, 3210000.7)),
}


def write_scene(folder: Path, array: np.ndarray, crs: str | None, transform: Affine) -> Path:
    path = folder / "scene.tif"
    bands, height, width = array.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype="uint16", nodata=0,
        crs=crs, transform=transform, photometric="MINISBLACK",
    ) as raster:  # fmt: skip
        raster.write(array)
        raster.descriptions = BAND_NAMES
    return path


def check_identity(folder: Path, array: np.ndarray, tile: int, place: str, **options: object) -> None:
    """Predict with the identity and compare with the reflectance: NoData where any band is 0."""
    crs, transform = PLACES[place]
    source = write_scene(folder, array, crs, transform)
    run(source, folder / "run", FakeModel(tile_size=tile), radiometry="0.0001,0", **options)
    valid = (array > 0).all(axis=0)
    with rasterio.open(folder / "run" / "identity.tif") as raster:
        assert raster.crs == rasterio.crs.CRS.from_user_input(crs)
        assert raster.transform == transform
        assert raster.shape == array.shape[1:]
        values = raster.read()
    assert np.isnan(values[:, ~valid]).all()
    np.testing.assert_allclose(values[:, valid], array[:, valid] * 1e-4, rtol=1e-6, atol=1e-6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    tile=st.integers(1, 40),
    share=st.floats(0.0, 0.5),
    holes=st.sampled_from([0.0, 0.2, 0.95]),
    batch=st.integers(1, 5),
    place=st.sampled_from(sorted(PLACES)),
)
def test_output_is_input(
    width: int, height: int, tile: int, share: float, holes: float, batch: int, place: str
) -> None:
    tile = max(tile, (width * height) ** 0.5 / 12 // 1)  # not thousands of tiles
    tile = int(tile)
    array = digital(width, height, seed=width * 100 + height)
    array[:, np.random.default_rng(1).random((height, width)) < holes] = 0
    array[:, height // 2, width // 2] = 7  # at least one pixel, so that there is a file
    with tempfile.TemporaryDirectory() as folder:
        check_identity(
            Path(folder),
            array,
            tile,
            place,
            overlap=int(share * tile),
            batch_size=batch,
            policy="top-k",
            top_k=1,
        )


@pytest.mark.parametrize("place", sorted(PLACES))
def test_every_place_keeps_its_grid(tmp_path: Path, place: str) -> None:
    check_identity(tmp_path, digital(70, 45), 32, place)


@pytest.mark.parametrize(
    ("width", "height"),
    [(10, 10), (32, 32), (33, 31), (1, 64), (300, 20), (20, 600), (600, 600)],
    ids=lambda value: str(value),
)
def test_sizes_around_tiles_and_blocks(tmp_path: Path, width: int, height: int) -> None:
    check_identity(tmp_path, digital(width, height), 32 if max(width, height) < 400 else 128, "utm")


def test_a_scene_without_crs_keeps_having_none(tmp_path: Path) -> None:
    array = digital(40, 40)
    source = write_scene(tmp_path, array, None, Affine.translation(3, 4) * Affine.scale(2, -2))
    run(source, tmp_path / "run", FakeModel(), radiometry="0.0001,0")
    with rasterio.open(tmp_path / "run" / "identity.tif") as raster:
        assert raster.crs is None
        assert raster.transform == Affine(2, 0, 3, 0, -2, 4)
        np.testing.assert_allclose(raster.read(), array * 1e-4, atol=1e-6)


def test_extent_snaps_outward_and_covers_just_that(tmp_path: Path) -> None:
    array = digital(70, 60)
    source = write_scene(tmp_path, array, *PLACES["utm"])
    left, top = UTM.c, UTM.f
    # From inside column 12 to inside column 49; rows end exactly on the edges of 5 and 40.
    extent = (left + 125.0, top - 400.0, left + 491.0, top - 50.0)
    summary = run(source, tmp_path / "run", FakeModel(), radiometry="0.0001,0", extent=extent)
    with rasterio.open(tmp_path / "run" / "identity.tif") as raster:
        assert raster.transform == UTM * Affine.translation(12, 5)
        np.testing.assert_allclose(raster.read(), array[:, 5:40, 12:50] * 1e-4, atol=1e-6)
    assert summary["window"] == {"col_off": 12, "row_off": 5, "width": 38, "height": 35}
