"""Sentinel-2 products that are incomplete, damaged or ambiguous: one sentence each, never dark ground."""

from __future__ import annotations

import zipfile

import pytest
from rasterio.windows import Window

from model_core.errors import SceneError
from model_core.scene import Scene
from tests.core.safe_product import write_product, zip_product

EDGE = 120


def whole(scene):
    return scene.read(Window(0, 0, scene.width, scene.height))


@pytest.mark.parametrize("key", [("B03", 10), ("B06", 20)])
def test_a_missing_image_is_one_sentence(tmp_path, key):
    product = write_product(tmp_path, "L1C")
    product.images[key].unlink()
    with pytest.raises(SceneError) as caught:
        Scene.open(product.path)
    assert f"'{product.images[key].name}' of '{product.path}' is not there" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_that_is_no_image_is_one_sentence(tmp_path):
    product = write_product(tmp_path, "L2A")
    product.images["B04", 10].write_bytes(b"gone")
    with pytest.raises(SceneError, match=r"B04_10m.jp2' of .* cannot be opened"):
        Scene.open(product.path)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_truncated_image_is_never_taken_for_dark_ground(tmp_path, capfd, threads):
    product = write_product(tmp_path, "L2A")
    image = product.images["B03", 10]
    content = image.read_bytes()
    image.write_bytes(content[: len(content) // 2])
    with Scene.open(product.path, threads=threads) as scene, pytest.raises(SceneError, match="skip-damaged"):
        whole(scene)
    with Scene.open(product.path, threads=threads, skip_damaged=True) as scene:
        assert 0 < whole(scene).counts.damaged <= EDGE * EDGE
    with Scene.open(image, bands="green=1", radiometry="1,0", threads=threads) as single:
        pytest.raises(SceneError, whole, single)
    assert capfd.readouterr().err == "", "GDAL's own lines would stand before our sentence"


def test_several_projections_are_listed(tmp_path):
    product = write_product(tmp_path, "L1C", tiles={"T32TPR": 32632, "T33TPR": 32633})
    with pytest.raises(SceneError) as caught:
        Scene.open(product.path)
    for code in (32632, 32633):
        assert f"SENTINEL2_L1C:{product.metadata}:10m:EPSG_{code}'" in str(caught.value)
    with Scene.open(f"SENTINEL2_L1C:{product.metadata}:10m:EPSG_32633") as scene:
        assert scene.crs == "EPSG:32633"
    with pytest.raises(SceneError, match="EPSG:32634, but the product has EPSG:32632, EPSG:32633"):
        Scene.open(f"SENTINEL2_L1C:{product.metadata}:10m:EPSG_32634")


def test_folders_that_are_no_product(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SceneError, match="is a folder, not a raster"):
        Scene.open(tmp_path / "empty")
    (tmp_path / "S2B.SAFE").mkdir()
    with pytest.raises(SceneError, match="holds no MTD_MSIL1C.xml"):
        Scene.open(tmp_path / "S2B.SAFE")
    (tmp_path / "S2B.SAFE" / "MTD_MSIL2A.xml").write_text("<n1:Level-2A_User_Product>")
    with pytest.raises(SceneError, match="cannot be opened as a Sentinel-2 product"):
        Scene.open(tmp_path / "S2B.SAFE")
    with pytest.raises(SceneError, match="MTD_MSIL1C.xml' does not exist"):
        Scene.open(tmp_path / "S2B.SAFE" / "MTD_MSIL1C.xml")


def test_a_folder_of_several_products_lists_them(tmp_path):
    first, second = write_product(tmp_path, "L1C"), write_product(tmp_path, "L2A")
    with pytest.raises(SceneError) as caught:
        Scene.open(tmp_path)
    assert str(first.metadata) in str(caught.value) and str(second.metadata) in str(caught.value)


def test_strange_archives_are_refused(tmp_path):
    product = write_product(tmp_path, "L2A", resolutions=(60,))
    path = tmp_path / "strange.zip"
    cases = {
        "points out of the archive": {"../evil.xml": "x"},
        "without a Sentinel-2 product": {"scene.tif": "x"},
        "2 Sentinel-2 products": {"a.SAFE/MTD_MSIL2A.xml": "x", "b.SAFE/MTD_MSIL1C.xml": "x"},
        "cannot be opened as a Sentinel-2 product": {"a.SAFE/MTD_MSIL2A.xml": "x"},
    }
    for says, entries in cases.items():
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in entries.items():
                archive.writestr(name, text)
        with pytest.raises(SceneError, match=says):
            Scene.open(path)
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(SceneError, match="cannot be read as a zip archive"):
        Scene.open(path)
    product.images["B03", 60].unlink()
    with pytest.raises(SceneError, match=r"B03_60m.jp2' of .*strange.zip' is not there"):
        Scene.open(zip_product(product, path))
