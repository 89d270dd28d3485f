"""NaN, infinity and negative reflectance: what becomes of them, and how they are counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.pixel_counts import PixelCounts, pixel_warnings
from model_core.scene import Scene

SHAPE = (8, 40, 50)
TRUTH = "0.0001,0"


def whole(scene):
    return scene.read(Window(0, 0, scene.width, scene.height))


def counted(path, **options):
    with Scene.open(path, **options) as scene:
        patch = whole(scene)
        assert not any("below 0" in text or "NaN" in text for text in scene.warnings)
    return patch


def test_negative_reflectance_becomes_zero_and_is_counted(make_raster):
    array = np.full(SHAPE, 2000, dtype=np.uint16)
    array[:, :4] = 900
    array[:, 39] = 0  # NoData is not negative reflectance
    path = make_raster("a.tif", array, descriptions=BAND_NAMES, nodata=0)
    patch = counted(path, radiometry="0.0001,-1000")
    assert patch.reflectance.min() == 0.0 and patch.valid[:39].all()
    assert patch.counts == PixelCounts(8 * 39 * 50, 8 * 4 * 50)
    assert pixel_warnings(patch.counts) == [
        "Reflectance was below 0 in 10 % of the values read; 0 was used there."
    ]


def test_nan_and_infinity_are_nodata_and_counted(make_raster):
    array = np.full((3, 4, 5), 0.2, dtype=np.float32)
    array[0, 0, 0], array[1, 1, 1], array[2, 2, 2] = np.nan, np.inf, -np.inf
    array[0, 2, 2] = np.nan  # the same pixel in two bands counts once
    patch = counted(make_raster("a.tif", array, descriptions=["red", "green", "blue"]))
    assert np.argwhere(~patch.valid).tolist() == [[0, 0], [1, 1], [2, 2]]
    assert np.isfinite(patch.reflectance).all() and not patch.reflectance[:, ~patch.valid].any()
    assert patch.counts == PixelCounts(3 * 17, 0, 3)
    assert "3 pixels held NaN or infinity" in pixel_warnings(patch.counts)[0]


def test_nan_that_is_the_declared_nodata_is_not_counted_but_infinity_is(make_raster):
    array = np.full((3, 4, 5), 0.2, dtype=np.float32)
    array[0, 0, 0], array[1, 1, 1] = np.nan, np.inf
    patch = counted(make_raster("a.tif", array, descriptions=["red", "green", "blue"], nodata=math.nan))
    assert np.argwhere(~patch.valid).tolist() == [[0, 0], [1, 1]]
    assert patch.counts == PixelCounts(3 * 18, 0, 1)


def test_nan_where_there_is_no_data_anyway_is_not_counted(make_raster):
    array = np.full((3, 4, 5), 0.2, dtype=np.float32)
    array[0, 0, 0], array[1, 0, 0] = np.nan, -9999.0
    mask = np.ones((4, 5), dtype=bool)
    mask[2] = False
    array[2, 2] = np.nan
    path = make_raster("a.tif", array, descriptions=["red", "green", "blue"], nodata=-9999.0)
    assert counted(path).counts.not_finite == 5
    path = make_raster("b.tif", array, descriptions=["red", "green", "blue"], mask=mask)
    assert counted(path).counts.not_finite == 1


def test_nan_in_a_band_that_is_not_used_is_not_counted(make_raster):
    array = np.full((4, 4, 5), 0.2, dtype=np.float32)
    array[3] = np.nan
    patch = counted(make_raster("a.tif", array, descriptions=["red", "green", "blue", "swir"]))
    assert patch.valid.all() and patch.counts == PixelCounts(60)


def test_counts_of_parts_add_up_to_those_of_the_whole(make_raster):
    rng = np.random.default_rng(3)
    array = rng.normal(0.1, 0.1, SHAPE).astype(np.float32)
    array[rng.random(SHAPE) < 0.02] = np.nan
    array[rng.random(SHAPE) < 0.02] = -9999.0
    path = make_raster("a.tif", array, descriptions=BAND_NAMES, nodata=-9999.0)
    with Scene.open(path, radiometry="1,0") as scene:
        everything = whole(scene)
        parts = [
            scene.read(Window(x, y, min(17, 50 - x), min(11, 40 - y)))
            for y in range(0, 40, 11)
            for x in range(0, 50, 17)
        ]
    total = sum((part.counts for part in parts), PixelCounts())
    assert total == everything.counts
    bad = np.isnan(array).any(axis=0) & ~(array == -9999.0).any(axis=0)
    valid = np.isfinite(array).all(axis=0) & (array != -9999.0).all(axis=0)
    negative = int((array[:, valid] < 0).sum())
    assert total == PixelCounts(8 * int(valid.sum()), negative, int(bad.sum()), 0)


def test_counts_survive_a_journal_and_say_nothing_when_all_is_well():
    counts = PixelCounts(1000, 3, 2, 1)
    assert PixelCounts.from_dict(counts.as_dict()) == counts
    assert len(pixel_warnings(counts)) == 3 and "0.3 %" in pixel_warnings(counts)[0]
    assert pixel_warnings(PixelCounts(1000)) == []
    with pytest.raises(KeyError):
        PixelCounts.from_dict({"values": 1})
