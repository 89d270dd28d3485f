"""Sentinel-2 products as one scene: SAFE folders, zips and GDAL's names, on small generated products."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.prepare import prepare
from model_core.scene import PixelCounts, Scene
from tests.core.safe_product import UPPER_LEFT, write_product, zip_product

EDGE = 120
NAMES = {"B02": "blue", "B03": "green", "B04": "red", "B05": "re1", "B06": "re2", "B07": "re3", "B08": "nir"}


def whole(scene):
    return scene.read(Window(0, 0, scene.width, scene.height))


def open_and_read(name, **options):
    with Scene.open(name, **options) as scene:
        return whole(scene), scene


def finer(numbers, factor=2):
    """Bilinear interpolation between pixel centres, written down independently; NoData (0) has no weight."""
    edge = numbers.shape[0] * factor
    at = (np.arange(edge) + 0.5) / factor - 0.5
    low = np.floor(at).astype(int)
    share = at - low
    weights = np.zeros((edge, numbers.shape[0]))
    for index, part in ((low, 1 - share), (low + 1, share)):
        np.add.at(weights, (np.arange(edge), index.clip(0, numbers.shape[0] - 1)), part)
    total = weights @ (numbers > 0).astype(float) @ weights.T
    return np.where(total > 0, weights @ numbers.astype(float) @ weights.T / np.maximum(total, 1e-9), 0)


def names_of(product, level):
    return {
        "folder": str(product.path),
        "metadata": str(product.metadata),
        "10 m": f"SENTINEL2_{level}:{product.metadata}:10m:EPSG_32632",
        "20 m": f"SENTINEL2_{level}:{product.metadata}:20m:EPSG_32632",
        "60 m": f"SENTINEL2_{level}:{product.metadata}:60m:EPSG_32632",
    }


@pytest.mark.parametrize("level", ["L1C", "L2A"])
def test_bands_of_10_and_20_m_are_one_scene_on_the_10_m_grid(tmp_path, level):
    product = write_product(tmp_path, level)
    patch, scene = open_and_read(product.path)
    assert (scene.width, scene.height, scene.gsd_m) == (EDGE, EDGE, 10.0)
    assert scene.path == str(product.path)
    assert scene.crs == "EPSG:32632"
    assert scene.transform == rasterio.transform.from_origin(*UPPER_LEFT, 10, 10)
    assert scene.mapping.method == "descriptions" and scene.mapping.pan_synthesised
    assert scene.mapping.missing == () and scene.warnings == []
    assert patch.valid.all()
    for band in ("B02", "B03", "B04", "B08"):
        expected = (product.numbers[band, 10] - 1000.0) * 1e-4
        np.testing.assert_allclose(patch.reflectance[BAND_NAMES.index(NAMES[band])], expected, atol=1e-6)
    for band in ("B05", "B06", "B07"):
        expected = (finer(product.numbers[band, 20]) - 1000.0) * 1e-4
        got = patch.reflectance[BAND_NAMES.index(NAMES[band])]
        np.testing.assert_allclose(got, expected, atol=0.6e-4)  # whole numbers are interpolated


@pytest.mark.parametrize("level", ["L1C", "L2A"])
def test_every_name_of_a_product_is_the_same_scene(tmp_path, level):
    product = write_product(tmp_path, level)
    names = names_of(product, level)
    names["zip"] = str(zip_product(product, tmp_path / "product.zip"))
    names["file in the zip"] = f"/vsizip/{names['zip']}/{product.path.name}/{product.metadata.name}"
    names["10 m in the zip"] = f"SENTINEL2_{level}:{names['file in the zip']}:10m:EPSG_32632"
    names["folder around"] = str(tmp_path)
    expected, first = open_and_read(names["folder"])
    for what, name in names.items():
        patch, scene = open_and_read(name)
        np.testing.assert_array_equal(patch.reflectance, expected.reflectance, err_msg=what)
        assert scene.path == name
        assert (scene.transform, scene.crs, scene.gsd_m) == (first.transform, first.crs, first.gsd_m)
        assert scene.radiometry == first.radiometry
        assert any("on the grid of 10 m" in text for text in scene.warnings) == (what in ("20 m", "60 m"))


def test_numbers_of_bands_are_those_of_the_layer_that_was_named(tmp_path):
    product = write_product(tmp_path, "L2A")
    names = names_of(product, "L2A")
    for what, choice, band, key in (
        ("10 m", "red=1,green=2,blue=3,nir=4", "green", ("B03", 10)),
        ("20 m", "re1=1,re2=2,re3=3,nir=4", "nir", ("B8A", 20)),
    ):
        patch, scene = open_and_read(names[what], bands=choice)
        numbers = product.numbers[key] if key[1] == 10 else finer(product.numbers[key])
        np.testing.assert_allclose(
            patch.reflectance[BAND_NAMES.index(band)], (numbers - 1000.0) * 1e-4, atol=0.6e-4
        )
        assert scene.mapping.method == "explicit"


def test_windows_do_not_change_interpolated_values(tmp_path):
    product = write_product(tmp_path, "L2A")
    with Scene.open(product.path) as scene:
        everything = whole(scene).reflectance
        for x, y, width, height in ((0, 0, 1, 1), (37, 51, 33, 17), (1, 3, 119, 5), (64, 63, 56, 57)):
            part = scene.read(Window(x, y, width, height)).reflectance
            np.testing.assert_array_equal(part, everything[:, y : y + height, x : x + width])


@pytest.mark.parametrize(
    ("level", "baseline", "options", "scale", "offset"),
    [
        ("L1C", "05.09", {}, 1e-4, -1000.0),
        ("L2A", "04.00", {}, 1e-4, -1000.0),
        ("L2A", "02.07", {}, 1e-4, 0.0),
        ("L1C", "03.01", {}, 1e-4, 0.0),
        ("L2A", "05.09", {"quantification": 20000}, 5e-5, -1000.0),
        ("L2A", "05.09", {"offsets": dict.fromkeys(NAMES, -500)}, 1e-4, -500.0),
    ],
)
def test_radiometry_is_the_products(tmp_path, level, baseline, options, scale, offset):
    product = write_product(tmp_path, level, baseline, **options)
    patch, scene = open_and_read(product.path)
    found = scene.radiometry
    assert (found.method, found.warning) == ("sentinel2", None)
    assert found.scale == (pytest.approx(scale),) * 8 and found.offset == (offset,) * 8
    expected = (product.numbers["B04", 10] + offset) * scale
    np.testing.assert_allclose(patch.reflectance[3], expected, atol=1e-6)


def test_each_band_has_its_own_offset(tmp_path):
    product = write_product(tmp_path, "L1C", offsets={"B03": -200, "B05": -300})
    patch, scene = open_and_read(product.path)
    assert scene.radiometry.offset[1:5] == (-1000.0, -200.0, -1000.0, -300.0)
    np.testing.assert_allclose(patch.reflectance[2], (product.numbers["B03", 10] - 200.0) * 1e-4, atol=1e-6)


def test_dark_ground_of_a_product_raises_no_doubt_about_its_offset(tmp_path):
    dark = np.full((EDGE, EDGE), 700, dtype=np.uint16)
    numbers = {(band, 10): dark for band in ("B02", "B03", "B04", "B08")}
    patch, scene = open_and_read(write_product(tmp_path, "L2A", numbers=numbers).path)
    assert scene.warnings == []
    assert patch.counts.below_zero == 4 * EDGE * EDGE


def test_nodata_is_zero_and_does_not_bleed_into_its_neighbours(tmp_path):
    fine = np.full((EDGE, EDGE), 3000, dtype=np.uint16)
    coarse = np.full((EDGE // 2, EDGE // 2), 4000, dtype=np.uint16)
    fine[:, :40] = 0
    coarse[:, :20] = 0
    numbers = {(band, 10): fine for band in ("B02", "B03", "B04", "B08")}
    numbers |= {(band, 20): coarse for band in ("B05", "B06", "B07")}
    product = write_product(tmp_path, "L2A", numbers=numbers)
    patch, _ = open_and_read(product.path)
    np.testing.assert_array_equal(patch.valid, fine > 0)
    np.testing.assert_allclose(patch.reflectance[4][:, 40:], 0.3, atol=1e-6)
    assert not patch.reflectance[:, :, :40].any()
    assert patch.counts == PixelCounts(7 * EDGE * 80)


def test_a_product_of_60_m_alone_works_with_what_it_has(tmp_path):
    product = write_product(tmp_path, "L2A", resolutions=(60,))
    patch, scene = open_and_read(product.path)
    assert (scene.width, scene.gsd_m) == (20, 60.0)
    assert scene.mapping.missing == ()
    np.testing.assert_allclose(patch.reflectance[2], (product.numbers["B03", 60] - 1000.0) * 1e-4, atol=1e-6)
    np.testing.assert_allclose(patch.reflectance[7], (product.numbers["B8A", 60] - 1000.0) * 1e-4, atol=1e-6)


def test_images_of_one_size_that_were_left_out_are_said(tmp_path):
    product = write_product(tmp_path, "L2A")
    for (_, size), image in product.images.items():
        if size == 10:
            image.unlink()
    patch, scene = open_and_read(product.path)
    assert (scene.width, scene.gsd_m) == (60, 20.0)
    assert any("lists images of 10 m that are not there" in text for text in scene.warnings)
    np.testing.assert_allclose(patch.reflectance[1], (product.numbers["B02", 20] - 1000.0) * 1e-4, atol=1e-6)


def test_odd_names_of_folders(tmp_path):
    folder = tmp_path / "Été & <ciel> 'n 1: a"
    folder.mkdir()
    product = write_product(folder, "L2A")
    expected = (product.numbers["B02", 10] - 1000.0) * 1e-4
    for name in (product.path, zip_product(product, folder / "a b.zip")):
        np.testing.assert_allclose(open_and_read(name)[0].reflectance[1], expected, atol=1e-6)


def test_the_true_colour_image_stays_a_display_image(tmp_path):
    product = write_product(tmp_path, "L1C")
    with rasterio.open(product.images["B02", 10]) as dataset:
        place = {"crs": dataset.crs, "transform": dataset.transform}
    picture = str(product.images["B02", 10]).replace("_B02.jp2", "_TCI.jp2")
    with rasterio.open(
        picture, "w", driver="JP2OpenJPEG", width=EDGE, height=EDGE, count=3, dtype="uint8", QUALITY="100",
        REVERSIBLE="YES", YCC="NO", **place,
    ) as dataset:  # fmt: skip
        dataset.write(np.full((3, EDGE, EDGE), 100, dtype=np.uint8))
    text = product.metadata.read_text(encoding="utf-8")
    listed = str(picture).split(f"{product.path}/")[1].removesuffix(".jp2")
    product.metadata.write_text(
        text.replace("</Granule>", f"<IMAGE_FILE>{listed}</IMAGE_FILE></Granule>"), encoding="utf-8"
    )
    patch, scene = open_and_read(f"SENTINEL2_L1C:{product.metadata}:TCI:EPSG_32632")
    assert scene.radiometry.method == "range" and any("8-bit" in text for text in scene.warnings)
    np.testing.assert_allclose(patch.reflectance[1:4], 100 * 0.36 / 255, rtol=1e-5)


def test_prepare_takes_a_product(tmp_path):
    product = write_product(tmp_path, "L2A")
    out = tmp_path / "out.tif"
    result = prepare(str(product.path), str(out))
    with rasterio.open(out) as dataset:
        np.testing.assert_array_equal(dataset.read(4), product.numbers["B04", 10] - 1000)
        assert dataset.tags()["SOURCE"] == product.path.name
    assert result["warnings"] == []
