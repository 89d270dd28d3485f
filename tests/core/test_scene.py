"""What Scene reads from rasters of every sort, against numpy's own arithmetic on the same numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.errors import BandError, RequestError
from model_core.scene import Scene
from model_core.windows import WindowReader

SHAPE = (8, 40, 50)
TRUTH = "0.0001,0"


def numbers(shape=SHAPE, low=100, high=9000, dtype=np.uint16, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def whole(scene):
    return scene.read(Window(0, 0, scene.width, scene.height))


def test_bands_come_in_the_models_order(make_raster):
    array = numbers()
    path = make_raster("a.tif", array, descriptions=BAND_NAMES[::-1])
    with Scene.open(path, radiometry=TRUTH) as scene:
        patch = whole(scene)
    np.testing.assert_allclose(patch.reflectance, array[::-1] * 1e-4, rtol=1e-6)
    assert patch.reflectance.dtype == np.float32 and patch.reflectance.shape == SHAPE
    assert patch.valid.all() and patch.valid.dtype == np.bool_


# Every set of bands moves planes inside one array after reading; none may overwrite another.
@given(st.permutations(range(8)), st.integers(1, 8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_set_of_bands_in_any_order(make_raster, order, count):
    chosen = [BAND_NAMES[index] for index in order[:count]]
    array = numbers((count, 3, 4), seed=count)
    path = make_raster("any.tif", array, descriptions=chosen)
    with Scene.open(path, radiometry=TRUTH) as scene:
        patch = whole(scene)
    for index, name in enumerate(BAND_NAMES):
        if name in chosen:
            expected = array[chosen.index(name)] * 1e-4
            np.testing.assert_allclose(patch.reflectance[index], expected, rtol=1e-6)
        elif not scene.mapping.available[index]:
            assert not patch.reflectance[index].any()


def test_pan_is_synthesised_with_the_designs_weights(make_raster):
    array = numbers((5, 6, 7))
    path = make_raster("a.tif", array, descriptions=["blue", "green", "red", "re1", "re2"])
    with Scene.open(path, radiometry=TRUTH) as scene:
        patch = whole(scene)
    weights = np.array([0.2159, 0.2873, 0.2572, 0.1228, 0.1168])
    np.testing.assert_allclose(patch.reflectance[0], np.tensordot(weights, array * 1e-4, 1), rtol=1e-5)
    assert scene.mapping.pan_synthesised
    assert any("re3, nir" in text for text in scene.warnings)


@given(st.integers(0, 49), st.integers(0, 39), st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_window_is_a_part_of_the_whole_in_any_order(make_raster, x, y, data):
    width, height = data.draw(st.integers(1, 50 - x)), data.draw(st.integers(1, 40 - y))
    array = numbers(low=0)
    path = make_raster(
        "w.tif", array, descriptions=BAND_NAMES, nodata=0, tiled=True, blockxsize=16, blockysize=16
    )
    with Scene.open(path, radiometry="0.0001,-1000") as scene:
        part = scene.read(Window(x, y, width, height))
        everything = whole(scene)
        again = scene.read(Window(x, y, width, height))
    np.testing.assert_array_equal(part.reflectance, everything.reflectance[:, y : y + height, x : x + width])
    np.testing.assert_array_equal(part.valid, everything.valid[y : y + height, x : x + width])
    np.testing.assert_array_equal(part.reflectance, again.reflectance)


@pytest.mark.parametrize("bad", [(-1, 0, 5, 5), (0, 0, 51, 5), (0, 36, 5, 5), (0, 0, 0, 5)])
def test_windows_outside_are_refused(make_raster, bad):
    with (
        Scene.open(make_raster("a.tif", numbers(), descriptions=BAND_NAMES)) as scene,
        pytest.raises(RequestError, match="50 x 40 pixels"),
    ):
        scene.read(Window(*bad))


def test_a_pixel_is_valid_where_every_used_band_is(make_raster):
    array = numbers()
    array[2, 5, 6] = 0
    array[7, 8, :] = 0
    with Scene.open(
        make_raster("a.tif", array, descriptions=BAND_NAMES, nodata=0), radiometry=TRUTH
    ) as scene:
        patch = whole(scene)
    expected = np.ones(SHAPE[1:], dtype=bool)
    expected[5, 6] = expected[8] = False
    np.testing.assert_array_equal(patch.valid, expected)
    assert not patch.reflectance[:, ~expected].any()


def test_nodata_of_an_unused_band_does_not_count(make_raster):
    array = numbers((4, 5, 5))
    array[3] = 0
    path = make_raster("a.tif", array, descriptions=["red", "green", "blue", "swir"], nodata=0)
    with Scene.open(path) as scene:
        assert whole(scene).valid.all()


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", 0), ("uint16", 65535), ("int16", -9999), ("int32", -2147483648), ("uint32", 4294967295),
        ("float32", -9999.0), ("float32", -3.4028234663852886e38), ("float32", math.nan), ("float32", 0.1),
        ("float64", -1.7976931348623157e308), ("float64", -9999.9), ("float64", 0.1),
    ],
)  # fmt: skip
def test_nodata_of_every_type(make_raster, dtype, nodata):
    array = np.full((3, 4, 5), 100, dtype=dtype)
    array[1, 2, 3] = nodata
    path = make_raster("a.tif", array, descriptions=["red", "green", "blue"], nodata=nodata)
    with Scene.open(path, radiometry="0.001,0") as scene:
        patch = whole(scene)
    assert np.argwhere(~patch.valid).tolist() == [[2, 3]]
    np.testing.assert_allclose(patch.reflectance[3, 0, 0], 0.1, rtol=1e-6)
    assert np.isfinite(patch.reflectance).all()


def test_mask_band(make_raster):
    mask = np.ones((40, 50), dtype=bool)
    mask[10:20, 5:9] = False
    with Scene.open(make_raster("a.tif", numbers(), descriptions=BAND_NAMES, mask=mask)) as scene:
        np.testing.assert_array_equal(whole(scene).valid, mask)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_transparency(make_raster, dtype):
    array = np.full((4, 6, 6), 100, dtype=dtype)
    array[3] = 0
    array[3, :3] = 1  # GDAL's own mask would scale a 16-bit 1 down to 0
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    path = make_raster("a.tif", array, colorinterp=colours)
    with Scene.open(path, bands="rgb") as scene:
        valid = whole(scene).valid
    assert valid[:3].all() and not valid[3:].any()


def test_near_infrared_called_transparency_is_data_when_chosen(make_raster):
    array = np.full((4, 6, 6), 100, dtype=np.uint8)
    array[3, 0, 0] = 0
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    with Scene.open(make_raster("a.tif", array, colorinterp=colours), bands="rgbn") as scene:
        assert whole(scene).valid.all()
        assert any("transparency" in text for text in scene.warnings)


def test_scale_and_offset_of_the_file_are_applied(make_raster):
    array = numbers(low=1000)
    path = make_raster("a.tif", array, descriptions=BAND_NAMES, scales=[1e-4] * 8, offsets=[-0.1] * 8)
    with Scene.open(path) as scene:
        patch = whole(scene)
        assert scene.warnings == []
    np.testing.assert_allclose(patch.reflectance, (array - 1000.0) * 1e-4, atol=1e-7)


def test_8_bit_display_image(make_raster):
    path = make_raster("a.tif", np.full((3, 5, 5), 255, dtype=np.uint8))
    with pytest.raises(BandError, match="'rgb'"):
        Scene.open(path)
    with Scene.open(path, bands="rgb") as scene:
        np.testing.assert_allclose(whole(scene).reflectance[1:4], 0.36, rtol=1e-6)
        assert any("8-bit" in text for text in scene.warnings)


def test_range_is_told_from_a_bounded_sample(make_raster, monkeypatch):
    path = make_raster("a.tif", numbers((8, 600, 900)), descriptions=BAND_NAMES, tiled=True)
    areas = []
    original = WindowReader.read
    monkeypatch.setattr(
        WindowReader, "read", lambda self, w: (areas.append(w.width * w.height), original(self, w))[1]
    )
    with Scene.open(path) as scene:
        assert scene.radiometry.method == "range"
    assert 0 < sum(areas) < 0.2 * 600 * 900


def test_sparse_scene_is_looked_at_more_closely(make_raster):
    array = np.zeros((3, 1200, 1200), dtype=np.float32)
    array[:, 0:100, 0:100] = 5000.0  # only there; the coarse set of windows misses it
    with Scene.open(make_raster("a.tif", array, descriptions=["red", "green", "blue"], nodata=0)) as scene:
        assert scene.radiometry.scale[1] == 1e-4


def test_all_nodata_opens_and_reads(make_raster):
    path = make_raster("a.tif", np.zeros(SHAPE, np.uint16), descriptions=BAND_NAMES, nodata=0)
    with Scene.open(path) as scene:
        patch = whole(scene)
        assert any("No valid pixel" in text for text in scene.warnings)
    assert not patch.valid.any() and not patch.reflectance.any()


def test_wavelength_tags_of_bands_are_used(make_raster):
    tags = [{"WAVELENGTH": "842", "WAVELENGTH_UNIT": "nm"}, {"CENTRAL_WAVELENGTH_UM": "0.665"}]
    with Scene.open(make_raster("a.tif", numbers((2, 5, 5)), band_tags=tags)) as scene:
        assert scene.mapping.source_band == (None, None, None, 2, None, None, None, 1)
        assert scene.mapping.method == "wavelengths"


def test_dataset_tags_reach_bands_and_radiometry(make_raster):
    tags = {"PRODUCT_TYPE": "S2MSI2A", "PROCESSING_BASELINE": "05.09"}
    path = make_raster("a.tif", numbers((12, 5, 5), low=1100), tags=tags)
    with Scene.open(path) as scene:
        assert scene.mapping.method == "sensor:sentinel2-l2a"
        assert scene.radiometry.offset[1] == -1000.0


def test_missing_and_synthesised_bands_of_a_prepared_file(make_raster):
    array = numbers()
    array[4] = 0
    status = [
        {"STATUS": "synthesised"},
        *[{"STATUS": "given"}] * 3,
        {"STATUS": "missing"},
        *[{"STATUS": "given"}] * 3,
    ]
    path = make_raster("a.tif", array, descriptions=BAND_NAMES, nodata=0, band_tags=status)
    with Scene.open(path, radiometry=TRUTH) as scene:
        patch = whole(scene)
        assert scene.mapping.missing == ("re1",)
        assert scene.mapping.status(0) == "synthesised"
    assert patch.valid.all(), "a band that is missing as a whole makes no pixel invalid"
    np.testing.assert_allclose(patch.reflectance[0], array[0] * 1e-4, rtol=1e-6)
