"""The picture of a tile: what is cut out of the scene, and what happens when it cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsGeometry, QgsRectangle

from hydranet_qgis.dock import tile_picture
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.scene_pixels import MARGIN, read_pixels, rgb_bands
from hydranet_qgis.dock.tile_picture import TilePicture
from hydranet_qgis.errors import InputError
from hydranet_qgis.run_folder import Run
from hydranet_qgis.tile_records import read_tiles
from tests.qgis.conftest import make_scene

BOX = (500160.0, 5199680.0, 500320.0, 5199840.0)  # the middle tile of the fake run: columns and rows 16 to 32


def _array(pixels: Any) -> np.ndarray:
    return np.frombuffer(pixels.rgb, dtype=np.uint8).reshape(pixels.height, pixels.width, 4)


@pytest.fixture
def picture(qtbot: Any) -> Any:
    made = TilePicture()
    qtbot.addWidget(made)
    yield made
    made.close_down()


def test_the_frame_is_where_the_tile_is(tmp_path: Path) -> None:
    path = make_scene(tmp_path / "s.tif")
    raster = gdal.Open(str(path), gdal.GA_Update)
    values = np.full((48, 64), 100, dtype=np.uint16)
    values[16:32, 16:32] = 900
    for band in (1, 2, 3):
        raster.GetRasterBand(band).WriteArray(values)
    raster = None
    pixels = read_pixels(str(path), (1, 2, 3), BOX, 96)
    left, top, width, height = pixels.frame
    assert width == height == pytest.approx(96 / (1 + 2 * MARGIN))
    assert left == top == pytest.approx((96 - width) / 2)
    array = _array(pixels)
    inside = array[int(top) + 4 : int(top + height) - 4, int(left) + 4 : int(left + width) - 4]
    assert (inside[..., :3] == 255).all()
    assert (array[:6, :, :3] == 0).all()
    assert (array[..., 3] == 255).all()


def test_colours_keep_their_bands_and_share_one_stretch(tmp_path: Path) -> None:
    path = make_scene(tmp_path / "s.tif")
    raster = gdal.Open(str(path), gdal.GA_Update)
    for band, value in ((4, 100), (3, 500), (2, 900)):
        raster.GetRasterBand(band).WriteArray(np.full((48, 64), value, dtype=np.uint16))
    raster = None
    red, green, blue = _array(read_pixels(str(path), (4, 3, 2), BOX, 32))[16, 16, :3]
    assert red == 0 < green < blue == 255


def test_what_lies_outside_the_scene_or_has_no_data_is_transparent(tmp_path: Path) -> None:
    path = make_scene(tmp_path / "s.tif")
    raster = gdal.Open(str(path), gdal.GA_Update)
    values = raster.GetRasterBand(1).ReadAsArray()
    values[20:24, 20:24] = 0
    for band in (1, 2, 3):
        raster.GetRasterBand(band).WriteArray(values)
        raster.GetRasterBand(band).SetNoDataValue(0)
    raster = None
    alpha = _array(read_pixels(str(path), (1, 2, 3), BOX, 96))[..., 3]
    assert 0 < (alpha == 0).sum() < alpha.size / 5
    corner = _array(read_pixels(str(path), (1, 2, 3), (500000, 5199840, 500160, 5200000), 96))[..., 3]
    assert (corner[:8] == 0).all()
    assert (corner[:, :8] == 0).all()
    assert (corner[40:90, 40:90] == 255).all()
    far = (600000, 5199680, 600160, 5199840)
    assert read_pixels(str(path), (1, 2, 3), far, 96) is None


def test_a_scene_of_one_band_is_grey(tmp_path: Path) -> None:
    path = make_scene(tmp_path / "s.tif", bands=1)
    array = _array(read_pixels(str(path), (1,), BOX, 32))
    assert (array[..., 0] == array[..., 1]).all()
    assert (array[..., 1] == array[..., 2]).all()
    with pytest.raises(InputError, match="cannot be read any more"):
        read_pixels(str(path), (4, 3, 2), BOX, 32)


def test_the_bands_are_those_the_run_was_told(run: Run) -> None:
    assert rgb_bands(run.folder) == (4, 3, 2)
    path = run.folder / "run.json"
    data = json.loads(path.read_text())
    data["band_mapping"]["bands"]["red"]["layer_band"] = None
    path.write_text(json.dumps(data))
    assert rgb_bands(run.folder) == (2,)
    del data["band_mapping"]
    path.write_text(json.dumps(data))
    assert rgb_bands(run.folder) == (1,)


def test_a_tile_is_read_in_the_background_and_kept(
    picture: TilePicture, run: Run, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def counted(*given: Any) -> Any:
        read.append(given)
        return read_pixels(*given)

    monkeypatch.setattr(tile_picture, "read_pixels", counted)
    tiles = read_tiles(run)
    picture.show_tile(run, tiles[5])
    assert picture.state == "waiting"
    assert picture.image is None
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=10_000)
    first = picture.image
    picture.show_tile(run, tiles[6])
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=10_000)
    assert picture.image != first
    picture.show_tile(run, tiles[5])
    assert picture.state == "shown"
    assert picture.image == first
    assert len(read) == 2
    picture.show_tile(None, None)
    assert (picture.state, picture.image) == ("none", None)


def test_only_the_last_tile_asked_for_is_shown(picture: TilePicture, run: Run, qtbot: Any) -> None:
    tiles = read_tiles(run)
    picture.show_tile(run, tiles[9])
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=10_000)
    wanted = picture.image
    picture._kept.clear()
    for tile in (*tiles, tiles[9]):
        picture.show_tile(run, tile)
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=10_000)
    qtbot.wait(50)
    assert picture.image == wanted


def test_no_more_pictures_are_kept_than_promised(
    picture: TilePicture, run: Run, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_picture, "KEPT", 2)
    for tile in read_tiles(run)[:4]:
        picture.show_tile(run, tile)
        qtbot.waitUntil(lambda: picture.state == "shown", timeout=10_000)
    assert [key[2] for key in picture._kept] == [2, 3]


def test_a_scene_that_is_gone_is_told_and_found_again(
    picture: TilePicture, run: Run, scene: Path, qtbot: Any
) -> None:
    tile = read_tiles(run)[5]
    away = scene.rename(scene.with_suffix(".away"))
    picture.show_tile(run, tile)
    qtbot.waitUntil(lambda: picture.state == "missing", timeout=10_000)
    assert str(scene) in picture.toolTip()
    away.rename(scene)
    picture.show_tile(run, tile)
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=10_000)


def test_a_tile_beside_the_scene_says_so(picture: TilePicture, run: Run, qtbot: Any) -> None:
    far = QgsGeometry.fromRect(QgsRectangle(600000, 5199680, 600160, 5199840)).asWkb().data()
    picture.show_tile(run, replace(read_tiles(run)[5], wkb=far))
    qtbot.waitUntil(lambda: picture.state == "beside", timeout=10_000)
    assert picture.image is None


def test_the_dock_may_go_while_a_picture_is_read(panel: RunPanel) -> None:
    panel.select_tile(5)
    picture = panel.widgets.tiles.detail.picture
    assert picture.state == "waiting"
    panel.close_down()
    assert not picture._thread.busy
