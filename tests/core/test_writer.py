"""The output rasters are good COGs that say what they are."""

from __future__ import annotations

import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.crs import CRS
from rasterio.transform import from_origin

from model_core.cog import write_cog
from model_core.errors import OutputError
from model_core.raster_file import compression
from model_core.spec import ClassSpec, ExpertSpec
from model_core.writer import BlockWriter, finish
from tests.core.fakes import BRIGHT, GREEN, IDENTITY, METRES

UTM = from_origin(500000.0, 5000000.0, 10.0, 10.0)


def blocks(
    folder: Path, spec: ExpertSpec, sums: np.ndarray, step: int = 192, uncertainty: bool = False
) -> BlockWriter:
    """Write (C, H, W) sums of weight 1 into block files, a few rows at a time."""
    _, height, width = sums.shape
    folder.mkdir(exist_ok=True)
    writer = BlockWriter(folder, spec, width, height, uncertainty)
    for top in range(0, height, step):
        rows = sums[:, top : top + step]
        ones = np.ones(rows.shape[1:], np.float32)
        writer.write(top, 0, finish(spec, rows, ones, ones > 0, uncertainty))
        writer.flush(top)
    writer.flush(height)
    return writer


def join(path: Path, writer: BlockWriter, folder: Path, size: tuple[int, int]) -> None:
    tags = {"HYDRANET_EXPERT": writer.spec.name, "ODD": 'a < b & "c"'}
    write_cog(path, writer, folder, size, CRS.from_epsg(32631), UTM, tags)


def write(path: Path, spec: ExpertSpec, sums: np.ndarray, uncertainty: bool = False) -> BlockWriter:
    folder = path.parent / "journal"
    writer = blocks(folder, spec, sums, uncertainty=uncertainty)
    join(path, writer, folder, sums.shape[:0:-1])
    return writer


@pytest.mark.parametrize("spec", [BRIGHT, GREEN, IDENTITY, METRES], ids=lambda spec: spec.name)
def test_a_large_raster_is_a_cog(tmp_path: Path, spec: ExpertSpec) -> None:
    path = tmp_path / f"{spec.name}.tif"
    sums = np.random.default_rng(0).random((spec.channels, 1100, 1300)).astype(np.float32)
    write(path, spec, sums)
    with rasterio.open(path) as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == compression(1)["compress"]
        assert raster.block_shapes == [(512, 512)] * raster.count
        assert raster.overviews(1)[:2] == [2, 4]
        assert raster.crs == CRS.from_epsg(32631) and raster.transform == UTM
        assert raster.tags()["HYDRANET_EXPERT"] == spec.name and raster.tags()["ODD"] == 'a < b & "c"'
        values = raster.read()
        assert len(set(map(str, raster.nodatavals))) == 1
    expected = {
        "classes": lambda: sums.argmax(axis=0)[None],
        "probability": lambda: np.rint(sums * 250),
        "density": lambda: sums,
    }[spec.kind]()
    np.testing.assert_array_equal(values, expected)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [path.name]


def test_classes_say_what_they_are(tmp_path: Path) -> None:
    sums = np.zeros((3, 40, 50), np.float32)
    sums[2, :10], sums[1, 10:] = 1.0, 1.0
    writer = write(tmp_path / "bright.tif", BRIGHT, sums)
    with rasterio.open(tmp_path / "bright.tif") as raster:
        assert raster.dtypes == ("uint8",) and raster.nodata == 255
        assert raster.colormap(1)[1] == (0x88, 0x88, 0x88, 255)
        assert raster.colormap(1)[2] == (0xFF, 0xEE, 0x00, 255)
        assert raster.descriptions == ("class",)
        assert raster.tags(1)["CLASS_2"] == "bright"
    assert writer.counts.classes == [0, 1500, 500] and writer.counts.pixels == 2000


def test_overviews_invent_no_class(tmp_path: Path) -> None:
    """Black and white in turn: an average would show grey, which is a class too but is not there."""
    colors = ("#000000", "#808080", "#ffffff")
    classes = tuple(ClassSpec(value, color, color) for value, color in enumerate(colors))
    sums = np.zeros((3, 1100, 1100), np.float32)
    sums[0, ::2], sums[2, 1::2] = 1.0, 1.0
    write(tmp_path / "bright.tif", replace(BRIGHT, classes=classes), sums)
    with rasterio.open(tmp_path / "bright.tif", overview_level=0) as raster:
        assert raster.width == 550 and set(np.unique(raster.read())) <= {0, 2}


def test_probability_is_a_scaled_byte(tmp_path: Path) -> None:
    sums = np.linspace(0, 1, 50, dtype=np.float32)[None, None].repeat(40, axis=1)
    write(tmp_path / "green.tif", GREEN, sums)
    with rasterio.open(tmp_path / "green.tif") as raster:
        assert raster.dtypes == ("uint8",) and raster.nodata == 255
        assert raster.scales == (0.004,) and raster.offsets == (0.0,)
        np.testing.assert_allclose(raster.read(1)[0] * raster.scales[0], sums[0, 0], atol=0.002)


def test_density_keeps_values_unit_and_range(tmp_path: Path) -> None:
    sums = np.linspace(-3, 7, 2000, dtype=np.float32).reshape(1, 40, 50)
    writer = write(tmp_path / "metres.tif", METRES, sums)
    with rasterio.open(tmp_path / "metres.tif") as raster:
        assert np.isnan(raster.nodata) and raster.units == ("m",) and raster.descriptions == ("metres",)
        np.testing.assert_array_equal(raster.read(), sums)
    assert (writer.counts.lowest, writer.counts.highest) == (-3.0, 7.0)


@pytest.mark.parametrize("spec", [BRIGHT, GREEN, IDENTITY], ids=lambda spec: spec.kind)
def test_nodata_where_not_routed_or_invalid(spec: ExpertSpec) -> None:
    sums = np.full((spec.channels, 1, 3), 0.5, np.float32)
    weight = np.array([[1.0, 0.0, 2.0]], np.float32)
    values = finish(spec, sums * weight, weight, np.array([[True, True, False]]))
    missing = np.isnan(values) if spec.kind == "density" else values == 255
    assert missing[:, 0].tolist() == [[False, True, True]] * len(values)


def test_the_class_is_that_of_the_blended_probability_and_ties_go_to_the_first() -> None:
    sums = np.array([[0.6, 0.2, 0.4], [0.6, 0.9, 0.4], [0.8, 0.1, 0.4]], np.float32)[:, None]
    weight = np.full((1, 3), 2.0, np.float32)
    assert finish(BRIGHT, sums, weight, np.ones((1, 3), bool)).tolist() == [[[2, 1, 0]]]


@pytest.mark.parametrize("probability", [-0.2, 1.3])
def test_probability_never_wraps_around(probability: float) -> None:
    one = np.ones((1, 1), np.float32)
    value = finish(GREEN, np.full((1, 1, 1), probability, np.float32), one, one > 0)
    assert value.item() == (0 if probability < 0 else 250)


def test_pieces_side_by_side_across_blocks(tmp_path: Path) -> None:
    """The pieces of a row come from left to right and each reaches into the next row of blocks."""
    values = np.random.default_rng(0).integers(0, 250, (1, 700, 90)).astype(np.uint8)
    writer = BlockWriter(tmp_path, GREEN, 90, 700)
    for top in range(0, 700, 175):
        for left, right in ((0, 30), (40, 90)):
            writer.write(top, left, values[:, top : top + 175, left:right])
        writer.flush(top + 175)
    join(tmp_path / "a.tif", writer, tmp_path, (90, 700))
    values[:, :, 30:40] = 255
    with rasterio.open(tmp_path / "a.tif") as raster:
        np.testing.assert_array_equal(raster.read(), values)


def test_rows_left_out_are_nodata_and_have_no_block(tmp_path: Path) -> None:
    writer = BlockWriter(tmp_path, GREEN, 20, 1000)
    writer.write(600, 0, np.ones((1, 7, 20), np.uint8))
    writer.write(800, 0, np.full((1, 7, 20), 255, np.uint8))
    assert [block.row for block in writer.flush(1000)] == [512]
    join(tmp_path / "a.tif", writer, tmp_path, (20, 1000))
    with rasterio.open(tmp_path / "a.tif") as raster:
        known = raster.read(1) != 255
    assert known[600:607].all() and known.sum() == 7 * 20


def test_a_block_is_written_once_no_more_pixels_can_come(tmp_path: Path) -> None:
    writer = BlockWriter(tmp_path, GREEN, 20, 600)
    writer.write(0, 0, np.ones((1, 300, 20), np.uint8))
    assert writer.flush(255) == [] and not writer.used
    (first,) = writer.flush(256)
    assert first.row == 0 and first.crc32 == zlib.crc32((tmp_path / first.file).read_bytes())
    assert writer.flush(511) == []
    assert [block.row for block in writer.flush(512)] == [256]


def test_a_resumed_writer_keeps_what_is_safe(tmp_path: Path) -> None:
    first = BlockWriter(tmp_path, GREEN, 20, 600)
    first.write(0, 0, np.full((1, 400, 20), 3, np.uint8))
    done = first.flush(256)
    second = BlockWriter(tmp_path, GREEN, 20, 600)
    second.resume(done, 256)
    second.write(200, 0, np.full((1, 400, 20), 9, np.uint8))  # rows up to 256 come half blended: ignored
    second.flush(600)
    join(tmp_path / "a.tif", second, tmp_path, (20, 600))
    with rasterio.open(tmp_path / "a.tif") as raster:
        values = raster.read(1)
    assert (values[:256] == 3).all() and (values[256:] == 9).all()
    assert second.counts.pixels == 600 * 20


def test_nothing_written_gives_no_file(tmp_path: Path) -> None:
    writer = BlockWriter(tmp_path, GREEN, 20, 20)
    nothing = np.zeros((1, 20, 20), np.float32)
    writer.write(0, 0, finish(GREEN, nothing, nothing[0], np.ones((20, 20), bool)))
    assert writer.flush(20) == [] and not writer.used and list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    writer = BlockWriter(tmp_path / "gone", GREEN, 20, 20)
    writer.write(0, 0, np.ones((1, 20, 20), np.uint8))
    with pytest.raises(OutputError, match="'green-0000000.tif' could not be written .* check the free space"):
        writer.flush(20)


@pytest.mark.parametrize("spec", [GREEN, IDENTITY], ids=lambda spec: spec.kind)
def test_a_file_that_ends_too_early_is_noticed(tmp_path: Path, monkeypatch, spec: ExpertSpec) -> None:
    """GDAL does not report that the last bytes did not fit on a full disk; the writer looks."""
    real = rasterio.shutil.copy

    def cut(source: Path, target: Path, **options: str) -> None:
        real(source, target, **options)
        os.truncate(target, os.path.getsize(target) - 300)

    monkeypatch.setattr(rasterio.shutil, "copy", cut)
    sums = np.random.default_rng(0).random((spec.channels, 600, 600), np.float32)
    with pytest.raises(OutputError, match="ends after"):
        write(tmp_path / "a.tif", spec, sums)
    assert not (tmp_path / "a.tif").exists()
