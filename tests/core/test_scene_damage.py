"""Files with a damaged part in the middle: one sentence, or that part alone as NoData, counted."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.errors import SceneError
from model_core.prepare import prepare
from model_core.scene import PixelCounts, Scene

TRUTH = "0.0001,0"
HEIGHT, WIDTH = 300, 260
TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64}
STRIPED = {"tiled": False, "blockysize": 16}


def numbers(seed=0):
    return np.random.default_rng(seed).integers(100, 9000, (8, HEIGHT, WIDTH)).astype(np.uint16)


def corrupt(path, row, column, band=1):
    """Overwrite the stored bytes of one block of a GeoTIFF; returns the pixels it holds."""
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band))
        size = int(dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=band))
        height, width = dataset.block_shapes[band - 1]
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * size)
    return np.s_[row * height : (row + 1) * height, column * width : (column + 1) * width]


def damaged_file(make_raster, compress, layout, interleave):
    array = numbers()
    path = make_raster(
        "scan.tif", array, descriptions=BAND_NAMES, compress=compress, interleave=interleave, **layout
    )
    return path, array, corrupt(path, 2 if "blockxsize" in layout else 7, 1 if "blockxsize" in layout else 0)


def whole(scene):
    return scene.read(Window(0, 0, scene.width, scene.height))


every_kind = pytest.mark.parametrize(
    ("compress", "layout", "interleave"),
    [
        (compress, layout, interleave)
        for compress in ("deflate", "zstd")
        for layout in (TILED, STRIPED)
        for interleave in ("pixel", "band")
    ],
)


@every_kind
def test_damage_is_one_sentence_and_the_scene_stays_usable(make_raster, compress, layout, interleave):
    path, array, bad = damaged_file(make_raster, compress, layout, interleave)
    with Scene.open(path, radiometry=TRUTH) as scene:
        for _ in range(2):
            with pytest.raises(SceneError) as caught:
                whole(scene)
            text = str(caught.value)
            assert f"scan.tif' cannot be read at columns 0 to {WIDTH - 1}, rows 0 to {HEIGHT - 1} (" in text
            assert "--skip-damaged" in text and "'Skip damaged parts'" in text and "\n" not in text
            below = bad[0].stop
            patch = scene.read(Window(0, below, WIDTH, HEIGHT - below))
            np.testing.assert_allclose(patch.reflectance, array[:, below:] * 1e-4, rtol=1e-6)


@every_kind
def test_only_the_damaged_block_is_left_out(make_raster, compress, layout, interleave):
    path, array, bad = damaged_file(make_raster, compress, layout, interleave)
    expected = np.ones((HEIGHT, WIDTH), dtype=bool)
    expected[bad] = False
    with Scene.open(path, radiometry=TRUTH, skip_damaged=True) as scene:
        patch = whole(scene)
        again = whole(scene)
    np.testing.assert_array_equal(patch.valid, expected)
    np.testing.assert_allclose(patch.reflectance, np.where(expected, array * 1e-4, 0.0), rtol=1e-6)
    assert patch.counts == PixelCounts(8 * int(expected.sum()), 0, 0, int((~expected).sum()))
    np.testing.assert_array_equal(again.reflectance, patch.reflectance)
    assert again.counts == patch.counts


@pytest.mark.parametrize("layout", [TILED, STRIPED])
def test_damage_does_not_depend_on_how_windows_are_cut(make_raster, layout):
    path, _, _ = damaged_file(make_raster, "deflate", layout, "pixel")
    with Scene.open(path, radiometry=TRUTH, skip_damaged=True) as scene:
        everything = whole(scene)
        counts = PixelCounts()
        for y in range(0, HEIGHT, 77):
            for x in range(0, WIDTH, 93):
                window = Window(x, y, min(93, WIDTH - x), min(77, HEIGHT - y))
                part = scene.read(window)
                inside = np.s_[y : y + 77, x : x + 93]
                np.testing.assert_array_equal(part.valid, everything.valid[inside])
                np.testing.assert_array_equal(
                    part.reflectance, everything.reflectance[(slice(None), *inside)]
                )
                counts += part.counts
    assert counts == everything.counts


def test_damage_under_a_vrt_does_not_depend_on_the_window_either(make_raster, tmp_path):
    path, _, bad = damaged_file(make_raster, "deflate", TILED, "pixel")
    mosaic = tmp_path / "mosaic.vrt"
    place = "<SRS>EPSG:32631</SRS><GeoTransform>500000,10,0,5000000,0,-10</GeoTransform>"
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{band}"><Description>{name}</Description><SimpleSource>'
        f"<SourceFilename>{path}</SourceFilename><SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
        for band, name in enumerate(BAND_NAMES, start=1)
    )
    mosaic.write_text(f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}">{place}{bands}</VRTDataset>')
    with rasterio.open(mosaic) as dataset:
        assert dataset.block_shapes[0] == (128, 128), "larger than the tiles of the file"
    with Scene.open(mosaic, radiometry=TRUTH, skip_damaged=True) as scene:
        everything = whole(scene)
        assert not everything.valid[bad].any()
        assert everything.valid.sum() >= HEIGHT * WIDTH - 128 * 128
        corner = scene.read(Window(0, 0, 70, 130))
        beside = scene.read(Window(129, 0, 131, HEIGHT))
        # In the same block of the VRT (128 x 128) as the damaged tile of the file, but not in that tile.
        near = scene.read(Window(0, 200, 60, 50))
    np.testing.assert_array_equal(near.valid, everything.valid[200:250, :60])
    np.testing.assert_array_equal(corner.valid, everything.valid[:130, :70])
    np.testing.assert_array_equal(beside.valid, everything.valid[:, 129:])
    np.testing.assert_array_equal(beside.reflectance, everything.reflectance[:, :, 129:])
    assert not near.valid.any(), "the VRT is read by its own blocks"
    with Scene.open(mosaic, radiometry=TRUTH) as scene, pytest.raises(SceneError, match="--skip-damaged"):
        whole(scene)


def test_a_damaged_band_that_is_not_used_does_no_harm(make_raster):
    array = numbers()
    path = make_raster("a.tif", array, compress="deflate", interleave="band", **TILED)
    corrupt(path, 1, 1, band=8)
    with Scene.open(path, bands="red=1,green=2,blue=3", radiometry=TRUTH) as scene:
        assert whole(scene).counts == PixelCounts(3 * HEIGHT * WIDTH)


def test_a_truncated_file_keeps_its_first_part(make_raster, tmp_path):
    array = numbers()
    path = make_raster("a.tif", array, descriptions=BAND_NAMES)
    ordered = tmp_path / "ordered.tif"
    rasterio.shutil.copy(path, ordered, driver="GTiff", **TILED)  # directory in front
    content = ordered.read_bytes()
    ordered.write_bytes(content[: len(content) // 2])
    with Scene.open(ordered, radiometry=TRUTH, skip_damaged=True) as scene:
        patch = whole(scene)
    assert patch.valid[:64].all() and not patch.valid[256:].any()
    assert patch.counts.damaged == int((~patch.valid).sum())


def test_a_damaged_mask_counts_as_damage(make_raster):
    mask = np.ones((HEIGHT, WIDTH), dtype=bool)
    mask[:20, :20] = False
    path = make_raster("a.tif", numbers(), descriptions=BAND_NAMES, mask=mask, compress="deflate", **TILED)
    with rasterio.open(path) as dataset:
        flags = dataset.mask_flag_enums
    assert "per_dataset" in {flag.name for flag in flags[0]}
    with open(path, "rb") as file:
        length = len(file.read())
    with open(path, "r+b") as file:  # the mask stands last
        file.truncate(length - 40)
    with Scene.open(path, radiometry=TRUTH, skip_damaged=True) as scene:
        patch = whole(scene)
    assert 0 < patch.counts.damaged < HEIGHT * WIDTH
    assert not patch.valid[:20, :20].any()


def test_a_file_that_is_gone_is_no_damage_to_skip(make_raster, tmp_path):
    path, _, _ = damaged_file(make_raster, "deflate", TILED, "pixel")
    with Scene.open(path, radiometry=TRUTH, skip_damaged=True) as scene:
        (tmp_path / "scan.tif").rename(tmp_path / "elsewhere.tif")
        with pytest.raises(SceneError, match="no longer there"):
            whole(scene)


def test_all_samples_damaged_still_opens(make_raster):
    path = make_raster("a.tif", numbers(), descriptions=BAND_NAMES, compress="deflate", blockysize=HEIGHT)
    corrupt(path, 0, 0)
    with Scene.open(path, skip_damaged=True) as scene:
        assert whole(scene).counts == PixelCounts(0, 0, 0, HEIGHT * WIDTH)
    with pytest.raises(SceneError, match="--skip-damaged"):
        Scene.open(path)


def test_prepare_says_what_it_left_out(make_raster, tmp_path):
    path, _, bad = damaged_file(make_raster, "deflate", TILED, "pixel")
    out = tmp_path / "out.tif"
    with pytest.raises(SceneError, match="--skip-damaged"):
        prepare(path, str(out), radiometry=TRUTH)
    assert not out.exists()
    result = prepare(path, str(out), radiometry=TRUTH, skip_damaged=True)
    assert any("4,096 pixels lie in damaged parts" in text for text in result["warnings"])
    with rasterio.open(out) as dataset:
        written = dataset.read()
    assert not written[:, bad[0], bad[1]].any() and np.count_nonzero(written[0]) == HEIGHT * WIDTH - 64 * 64
