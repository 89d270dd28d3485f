"""What Scene reads from rasters of every sort, against numpy's own arithmetic on the same numbers."""

from __future__ import annotations

import math
import threading
import zipfile

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.errors import BandError, HydraNetError, RequestError, SceneError
from model_core.scene import Scene

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


def test_nan_and_infinity_are_invalid_without_nodata(make_raster):
    array = np.full((3, 4, 5), 0.2, dtype=np.float32)
    array[0, 0, 0], array[1, 1, 1], array[2, 2, 2] = np.nan, np.inf, -np.inf
    with Scene.open(make_raster("a.tif", array, descriptions=["red", "green", "blue"])) as scene:
        patch = whole(scene)
    assert np.argwhere(~patch.valid).tolist() == [[0, 0], [1, 1], [2, 2]]
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


def test_negative_reflectance_becomes_zero_and_is_said(make_raster):
    array = np.full(SHAPE, 2000, dtype=np.uint16)
    array[:, :4] = 900
    array[:, 39] = 0  # NoData is not negative reflectance
    path = make_raster("a.tif", array, descriptions=BAND_NAMES, nodata=0)
    with Scene.open(path, radiometry="0.0001,-1000") as scene:
        assert not any("below 0" in text for text in scene.warnings)
        patch = whole(scene)
        assert any("below 0 in 10 %" in text for text in scene.warnings)
    assert patch.reflectance.min() == 0.0
    assert patch.valid[:39].all()


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
    original = Scene._read_raw
    monkeypatch.setattr(
        Scene, "_read_raw", lambda self, w: (areas.append(w.width * w.height), original(self, w))[1]
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


def test_missing_file_folder_and_no_raster(tmp_path):
    with pytest.raises(SceneError, match="does not exist"):
        Scene.open(str(tmp_path / "none.tif"))
    with pytest.raises(SceneError, match="is a folder"):
        Scene.open(str(tmp_path))
    with pytest.raises(SceneError, match="No raster was given"):
        Scene.open("")
    (tmp_path / "text.tif").write_text("not a raster")
    with pytest.raises(SceneError, match="no raster or damaged"):
        Scene.open(str(tmp_path / "text.tif"))
    with pytest.raises(SceneError, match="cannot be opened"):
        Scene.open("/vsizip/" + str(tmp_path / "none.zip"))


def test_complex_numbers_are_refused(make_raster):
    path = make_raster("a.tif", np.ones((1, 5, 5), dtype=np.complex64), descriptions=["red"])
    with pytest.raises(SceneError, match="complex"):
        Scene.open(path)


def truncated(make_raster, tmp_path, share, compress=None):
    """A TIFF with its directory in front, cut after `share` of its bytes: it opens but is not whole."""
    options = {"tiled": True, "blockxsize": 128, "blockysize": 128}
    path = make_raster("a.tif", numbers((8, 512, 512)), descriptions=BAND_NAMES, scales=[1e-4] * 8, **options)
    ordered, cut = tmp_path / "ordered.tif", tmp_path / "cut.tif"
    rasterio.shutil.copy(path, ordered, driver="GTiff", compress=compress or "none", **options)
    content = ordered.read_bytes()
    cut.write_bytes(content[: int(len(content) * share)])
    return str(cut)


@pytest.mark.parametrize("compress", [None, "deflate"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_truncated_tiff_is_one_sentence_with_file_and_window(make_raster, tmp_path, compress, share):
    cut = truncated(make_raster, tmp_path, share, compress)
    with pytest.raises(SceneError) as caught, Scene.open(cut, radiometry=TRUTH) as scene:
        scene.read(Window(0, 0, 50, 50))
        scene.read(Window(256, 300, 256, 200))
    assert "cut.tif' cannot be read at columns 256 to 511, rows 300 to 499" in str(caught.value)
    assert "truncated or damaged" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncated_tiff_is_reported_when_the_sample_meets_the_gap(make_raster, tmp_path):
    with pytest.raises(SceneError, match="truncated or damaged"):
        Scene.open(truncated(make_raster, tmp_path, 0.3))


def test_tiff_cut_before_its_directory_does_not_open(make_raster, tmp_path):
    path = make_raster("a.tif", numbers((8, 64, 64)), descriptions=BAND_NAMES)
    with open(path, "r+b") as file:
        file.truncate(40000)
    with pytest.raises(SceneError, match="cannot be opened .* damaged"):
        Scene.open(path)


def test_truncation_is_reported_in_a_reader_thread_too(make_raster, tmp_path, capfd):
    cut = truncated(make_raster, tmp_path, 0.8)
    caught = []

    def read():
        try:
            whole(scene)
        except HydraNetError as error:
            caught.append(error)

    with Scene.open(cut, radiometry=TRUTH) as scene:
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert isinstance(caught[0], SceneError)
    assert capfd.readouterr().err == "", "GDAL's own lines would stand before our sentence"


def test_archives_and_odd_names(make_raster, tmp_path):
    array = numbers((8, 5, 6))
    path = make_raster("scène: été 1.tif", array, descriptions=BAND_NAMES)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "inner.tif")
    for name in (path, f"/vsizip/{tmp_path}/a.zip/inner.tif"):
        with Scene.open(name, radiometry=TRUTH) as scene:
            np.testing.assert_allclose(whole(scene).reflectance, array * 1e-4, rtol=1e-6)


def test_container_of_rasters_names_one(tmp_path):
    path = tmp_path / "two.gpkg"
    for table in ("first", "second"):
        with rasterio.open(
            path, "w", driver="GPKG", width=8, height=8, count=3, dtype="uint8", crs="EPSG:3857",
            transform=from_origin(10, 10, 1, 1), RASTER_TABLE=table, APPEND_SUBDATASET="YES",
        ) as dataset:  # fmt: skip
            dataset.write(np.full((3, 8, 8), 9, dtype=np.uint8))
    with pytest.raises(SceneError, match=r"container of 2 rasters.*first"):
        Scene.open(str(path))


def test_file_is_closed_when_opening_fails(make_raster, monkeypatch):
    opened = []
    original = rasterio.open
    monkeypatch.setattr(rasterio, "open", lambda *a, **k: opened.append(original(*a, **k)) or opened[-1])
    path = make_raster("a.tif", numbers())
    opened.clear()
    with pytest.raises(BandError):
        Scene.open(path)
    assert [dataset.closed for dataset in opened] == [True]
