"""Files that cannot be opened or read, and files with odd names or around others."""

from __future__ import annotations

import os
import threading
import zipfile

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.transform import from_origin
from rasterio.windows import Window

from model_core.bands import BAND_NAMES
from model_core.errors import BandError, HydraNetError, SceneError
from model_core.scene import Scene

SHAPE = (8, 40, 50)
TRUTH = "0.0001,0"


def numbers(shape=SHAPE, low=100, high=9000, dtype=np.uint16, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def whole(scene):
    return scene.read(Window(0, 0, scene.width, scene.height))


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


@pytest.mark.parametrize(
    ("threads", "expected"), [(3, "3"), (1, "1"), (None, str(min(4, os.cpu_count() or 1)))]
)
def test_threads_reach_gdal_when_the_file_is_opened(make_raster, monkeypatch, threads, expected):
    seen = []
    original = rasterio.open

    def spy(*args, **options):
        seen.append(rasterio.env.getenv().get("GDAL_NUM_THREADS"))
        return original(*args, **options)

    path = make_raster("a.tif", numbers(), descriptions=BAND_NAMES)
    monkeypatch.setattr(rasterio, "open", spy)
    with Scene.open(path, radiometry=TRUTH, threads=threads) as scene:
        assert whole(scene).valid.all()
    assert [str(value) for value in seen] == [expected]


def test_a_virtual_raster_may_be_given_as_text(make_raster):
    array = numbers((1, 5, 6))
    path = make_raster("a.tif", array)
    text = (
        '<VRTDataset rasterXSize="6" rasterYSize="5"><VRTRasterBand dataType="UInt16" band="1">'
        "<Description>red</Description><SimpleSource>"
        f'<SourceFilename relativeToVRT="0">{path}</SourceFilename><SourceBand>1</SourceBand>'
        f"</SimpleSource></VRTRasterBand>{'<!-- long -->' * 400}</VRTDataset>"
    )
    with Scene.open(text, radiometry=TRUTH) as scene:
        np.testing.assert_allclose(whole(scene).reflectance[3], array[0] * 1e-4, rtol=1e-6)
