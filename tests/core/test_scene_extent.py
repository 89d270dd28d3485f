"""Where the pixels of a scene lie: their size on the ground, and which of them bounds touch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.errors import RequestError
from model_core.scene import Scene

SHAPE = (8, 40, 50)
TRUTH = "0.0001,0"


def numbers(shape=SHAPE, low=100, high=9000, dtype=np.uint16, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


@pytest.mark.parametrize(
    ("crs", "transform", "expected"),
    [
        ("EPSG:32631", from_origin(500000, 5000000, 10, 10), 10.0),
        ("EPSG:32631", Affine(6, 8, 500000, 8, -6, 5000000), 10.0),  # rotated
        ("EPSG:32631", from_origin(500000, 5000000, 4, 9), 6.0),
        ("EPSG:2263", from_origin(980000, 200000, 10, 10), 3.048),  # US survey feet
        ("EPSG:3857", from_origin(0, 6446275.84, 10, 10), 6.428),  # 50 degrees north: 10 m * cos(50)
        ("EPSG:4326", from_origin(0, 50, 1e-4, 1e-4), 8.932),  # 11.124 m north, 7.172 m east
        ("EPSG:4326", from_origin(179.99, 0.0, 1e-3, 1e-3), 110.95),  # across the date line
        ('LOCAL_CS["site",UNIT["metre",1]]', from_origin(0, 0, 2, 2), 2.0),
        ("EPSG:32631", None, None),
        (None, None, None),
    ],
)
def test_ground_sampling_distance(make_raster, crs, transform, expected):
    path = make_raster("a.tif", numbers(), descriptions=BAND_NAMES, crs=crs, transform=transform)
    with Scene.open(path) as scene:
        if expected is None:
            assert scene.gsd_m is None
        else:
            assert scene.gsd_m == pytest.approx(expected, rel=2e-3)


def test_a_utm_grid_keeps_its_round_number(make_raster):
    with Scene.open(make_raster("a.tif", numbers(), descriptions=BAND_NAMES)) as scene:
        assert scene.gsd_m == 10.0, "the true size here is 10.004 m"


def test_no_crs_is_said(make_raster):
    path = make_raster("a.tif", numbers(), descriptions=BAND_NAMES, crs=None, transform=None)
    with Scene.open(path) as scene:
        assert scene.crs is None
        assert any("no coordinate reference system" in text for text in scene.warnings)


TRANSFORMS = [
    from_origin(500000, 5000000, 10, 10),
    Affine(6, 8, 500000, 8, -6, 5000000),
    Affine(10, 0, 0, 0, 10, 0),
]


@given(
    st.sampled_from(TRANSFORMS),
    st.integers(0, 49),
    st.integers(0, 39),
    st.floats(0.01, 20.0),
    st.floats(0.01, 20.0),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_window_of_bounds_holds_every_pixel_the_bounds_touch(make_raster, transform, col, row, width, height):
    path = make_raster("b.tif", numbers(), descriptions=BAND_NAMES, transform=transform)
    xs, ys = zip(
        *[transform * c for c in ((col + 0.3, row + 0.3), (col + 0.3 + width, row + 0.3 + height))],
        strict=True,
    )
    bounds = (min(xs), min(ys), max(xs), max(ys))
    with Scene.open(path) as scene:
        window = scene.window_from_bounds(*bounds)
    rows, cols = np.mgrid[0:40, 0:50]
    x, y = transform * (cols + 0.5, rows + 0.5)
    inside = (x > bounds[0]) & (x < bounds[2]) & (y > bounds[1]) & (y < bounds[3])
    held = np.zeros_like(inside)
    held[window.row_off : window.row_off + window.height, window.col_off : window.col_off + window.width] = (
        True
    )
    assert not (inside & ~held).any()
    assert window.col_off + window.width <= 50 and window.row_off + window.height <= 40
    if transform is TRANSFORMS[0]:
        assert window.col_off == col and window.row_off == row, "no pixel more than needed"


def test_bounds_on_pixel_borders_take_exactly_those_pixels(make_raster):
    with Scene.open(make_raster("a.tif", numbers(), descriptions=BAND_NAMES)) as scene:
        assert scene.window_from_bounds(500010, 4999900, 500050, 4999980) == Window(1, 2, 4, 8)
        assert scene.window_from_bounds(0, 0, 1e7, 1e7) == Window(0, 0, 50, 40)


@pytest.mark.parametrize(
    "bounds",
    [(0, 0, 10, 10), (500600, 4999900, 500700, 4999950), (2, 0, 1, 1), (0, 0, math.nan, 1), (1, 1, 1, 2)],
)
def test_bounds_that_do_not_meet_the_raster(make_raster, bounds):
    with (
        Scene.open(make_raster("a.tif", numbers(), descriptions=BAND_NAMES)) as scene,
        pytest.raises(RequestError),
    ):
        scene.window_from_bounds(*bounds)
