"""`hydranet prepare`: the 8-band file it writes, read back as numbers, names, tags and georeference."""

from __future__ import annotations

import argparse
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.errors
import rasterio.shutil
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rasterio.windows import Window

import model_core
from model_core import prepare as module
from model_core.bands import BAND_NAMES
from model_core.commands import prepare as command
from model_core.errors import BandError, CancelledError, HydraNetError, OutputError, RequestError, SceneError
from model_core.prepare import prepare
from model_core.prepare_request import PrepareRequest
from model_core.scene import Scene

TRUTH = "0.0001,0"
SEVEN = BAND_NAMES[1:]


def numbers(shape, low=100, high=9000, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.uint16)


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read()


def leftovers(folder):
    return sorted(path.name for path in Path(folder).iterdir() if ".part" in path.name)


def test_a_full_scene_becomes_the_models_bands(make_raster, tmp_path):
    array = numbers((8, 300, 270))
    source = make_raster("a.tif", array, descriptions=BAND_NAMES[::-1])
    out = tmp_path / "out.tif"
    result = prepare(source, str(out), radiometry=TRUTH)
    np.testing.assert_array_equal(read(out), array[::-1])
    with rasterio.open(out) as dataset, rasterio.open(source) as before:
        assert dataset.descriptions == BAND_NAMES
        assert dataset.dtypes == ("uint16",) * 8 and dataset.nodatavals == (0,) * 8
        assert dataset.scales == (1e-4,) * 8 and dataset.offsets == (0.0,) * 8
        assert (dataset.crs, dataset.transform) == (before.crs, before.transform)
        assert dataset.block_shapes == [(256, 256)] * 8
        assert dataset.profile["compress"] in ("zstd", "deflate")
        assert dataset.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
        assert [dataset.tags(i)["WAVELENGTH_NM"] for i in dataset.indexes] == [
            "625", "490", "560", "665", "705", "740", "783", "842",
        ]  # fmt: skip
        assert dataset.colorinterp[1:4] == (ColorInterp.blue, ColorInterp.green, ColorInterp.red)
        tags = dataset.tags()
    assert tags["SOURCE"] == "a.tif"
    assert tags["SOURCE_BANDS"] == "pan=8,blue=7,green=6,red=5,re1=4,re2=3,re3=2,nir=1"
    assert "PAN_SYNTHESIS" not in tags
    assert (result["width"], result["height"], result["warnings"]) == (270, 300, [])
    assert leftovers(tmp_path) == []
    assert not Path(f"{out}.aux.xml").exists()


def test_pan_is_synthesised_marked_and_stays_marked(make_raster, tmp_path):
    array = numbers((7, 20, 30))
    source = make_raster("a.tif", array, descriptions=SEVEN, tags={"RADIOMETRY": "toa"})
    first, second = tmp_path / "first.tif", tmp_path / "second.tif"
    prepare(source, str(first), radiometry=TRUTH)
    pan = np.tensordot([0.2159, 0.2873, 0.2572, 0.1228, 0.1168], array[:5].astype(float), 1)
    written = read(first)
    assert np.abs(written[0] - pan).max() <= 0.51
    np.testing.assert_array_equal(written[1:], array)
    prepare(str(first), str(second))
    np.testing.assert_array_equal(read(second), written)
    for path in (first, second):
        with rasterio.open(path) as dataset:
            tags = dataset.tags()
            assert dataset.tags(1)["STATUS"] == "synthesised"
            assert dataset.tags(2)["STATUS"] == "given"
        assert tags["PAN_SYNTHESIS"] == "0.2159 blue + 0.2873 green + 0.2572 red + 0.1228 re1 + 0.1168 re2"
        assert tags["SOURCE_BANDS"].startswith("pan=synthesised,blue=")
        assert tags["RADIOMETRY"] == "toa"


def test_the_scene_of_a_prepared_file_is_the_scene_it_was_made_of(make_raster, tmp_path):
    array = numbers((7, 33, 44), low=1000)
    array[:, 5:9, 3:8] = 0
    source = make_raster("a.tif", array, descriptions=SEVEN, nodata=0)
    out = str(tmp_path / "out.tif")
    prepare(source, out, radiometry="0.0001,-1000")
    area = Window(0, 0, 44, 33)
    with Scene.open(source, radiometry="0.0001,-1000") as before, Scene.open(out) as after:
        old, new = before.read(area), after.read(area)
        assert after.warnings == []
        assert after.radiometry.method == "metadata"
        assert after.gsd_m == before.gsd_m
    np.testing.assert_array_equal(new.valid, old.valid)
    # Darker than 0.0001 is written as 0.0001, so that no valid pixel becomes NoData.
    np.testing.assert_allclose(
        new.reflectance[:, old.valid], np.maximum(old.reflectance[:, old.valid], 1e-4), atol=6e-5
    )


@given(st.lists(st.integers(0, 65535), min_size=6, max_size=6), st.sampled_from([0, 65535, None]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_preparing_twice_changes_nothing(make_raster, tmp_path, values, nodata):
    array = np.broadcast_to(np.array(values, dtype=np.uint16).reshape(1, 2, 3), (7, 2, 3)).copy()
    source = make_raster("t.tif", array, descriptions=SEVEN, nodata=nodata)
    first, second = str(tmp_path / "1.tif"), str(tmp_path / "2.tif")
    prepare(source, first, radiometry=TRUTH, overwrite=True)
    prepare(first, second, overwrite=True)
    np.testing.assert_array_equal(read(second), read(first))
    valid = np.ones((2, 3), bool) if nodata is None else array[0] != nodata
    np.testing.assert_array_equal(read(first)[1:], np.where(valid, np.maximum(array, 1), 0))


def test_missing_bands_are_refused_or_written_as_missing(make_raster, tmp_path):
    array = numbers((3, 10, 12))
    source = make_raster("a.tif", array, descriptions=["red", "green", "blue"])
    out = tmp_path / "out.tif"
    with pytest.raises(BandError, match="lacks the bands re1, re2, re3, nir"):
        prepare(source, str(out), radiometry=TRUTH)
    assert not out.exists()
    prepare(source, str(out), radiometry=TRUTH, allow_missing=True)
    written = read(out)
    assert not written[4:].any() and (written[:4] > 0).all()
    with rasterio.open(out) as dataset:
        assert dataset.descriptions == BAND_NAMES
        assert [dataset.tags(i)["STATUS"] for i in dataset.indexes] == (
            ["synthesised"] + ["given"] * 3 + ["missing"] * 4
        )
    with Scene.open(str(out)) as scene:
        patch = scene.read(Window(0, 0, 12, 10))
        assert scene.mapping.missing == ("re1", "re2", "re3", "nir")
    assert patch.valid.all()
    with pytest.raises(BandError, match="lacks the bands"):
        prepare(str(out), str(tmp_path / "again.tif"))


def test_window_is_cut_out_with_its_georeference(make_raster, tmp_path):
    array = numbers((8, 60, 70))
    rotated = Affine(6, 8, 500000, 8, -6, 5000000)
    source = make_raster("a.tif", array, descriptions=BAND_NAMES, transform=rotated)
    out = tmp_path / "out.tif"
    prepare(source, str(out), radiometry=TRUTH, window=(11, 7, 30, 20))
    np.testing.assert_array_equal(read(out), array[:, 7:27, 11:41])
    with rasterio.open(out) as dataset:
        assert dataset.transform.almost_equals(rotated * Affine.translation(11, 7))
        assert dataset.tags()["SOURCE_WINDOW"] == "11,7,30,20"


def test_extent_is_snapped_outward_and_clipped(make_raster, tmp_path):
    array = numbers((8, 60, 70))
    source = make_raster("a.tif", array, descriptions=BAND_NAMES)  # 10 m pixels from 500000, 5000000
    out = tmp_path / "out.tif"
    prepare(source, str(out), radiometry=TRUTH, extent=(500111.0, 4999805.0, 500150.0, 4999999.0))
    np.testing.assert_array_equal(read(out), array[:, 0:20, 11:15])
    with rasterio.open(out) as dataset:
        assert dataset.transform.almost_equals(Affine(10, 0, 500110, 0, -10, 5000000))
    prepare(source, str(out), radiometry=TRUTH, extent=(0, 4999950, 500025, 9e6), overwrite=True)
    np.testing.assert_array_equal(read(out), array[:, :5, :3])
    with pytest.raises(RequestError, match="outside .* in the raster's own coordinates"):
        prepare(source, str(tmp_path / "b.tif"), radiometry=TRUTH, extent=(10.0, 50.0, 11.0, 51.0))
    with pytest.raises(RequestError, match="give one of them"):
        prepare(source, str(tmp_path / "b.tif"), window=(0, 0, 1, 1), extent=(0.0, 0.0, 1.0, 1.0))
    assert not (tmp_path / "b.tif").exists()


def test_pieces_join_without_a_gap(make_raster, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PIECE", 512)
    array = numbers((8, 520, 1100))
    out = tmp_path / "out.tif"
    seen = []
    source = make_raster("a.tif", array, descriptions=BAND_NAMES)
    prepare(source, str(out), radiometry=TRUTH, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(read(out), array)
    assert seen == [(i, 12) for i in range(1, 13)]  # 9 pieces, and 3 in which the file is read back


@pytest.mark.parametrize("window", [(-1, 0, 5, 5), (0, 0, 71, 5), (0, 56, 5, 5), (0, 0, 0, 5)])
def test_windows_outside_are_refused(make_raster, tmp_path, window):
    source = make_raster("a.tif", numbers((8, 60, 70)), descriptions=BAND_NAMES)
    with pytest.raises(RequestError, match="not inside the raster of 70 x 60"):
        prepare(source, str(tmp_path / "out.tif"), radiometry=TRUTH, window=window)


def test_without_georeference(make_raster, tmp_path, recwarn):
    array = numbers((8, 9, 9))
    source = make_raster("a.tif", array, descriptions=BAND_NAMES, crs=None, transform=None)
    result = prepare(source, str(tmp_path / "out.tif"), radiometry=TRUTH)
    np.testing.assert_array_equal(read(tmp_path / "out.tif"), array)
    assert any("no coordinate reference system" in text for text in result["warnings"])


def test_deflate_where_zstd_is_missing(make_raster, tmp_path, monkeypatch):
    monkeypatch.setattr("model_core.raster_file._writes_zstd", lambda: False)
    array = numbers((8, 9, 9))
    prepare(make_raster("a.tif", array, descriptions=BAND_NAMES), str(tmp_path / "out.tif"), radiometry=TRUTH)
    np.testing.assert_array_equal(read(tmp_path / "out.tif"), array)
    with rasterio.open(tmp_path / "out.tif") as raster:
        assert raster.compression.value.lower() == "deflate"


def test_an_existing_file_is_kept_unless_overwriting(make_raster, tmp_path):
    source = make_raster("a.tif", numbers((8, 9, 9)), descriptions=BAND_NAMES)
    out = tmp_path / "out.tif"
    out.write_text("precious")
    sidecar = tmp_path / "out.tif.aux.xml"
    sidecar.write_text("statistics of the old one")
    with pytest.raises(OutputError, match="exists"):
        prepare(source, str(out), radiometry=TRUTH)
    assert out.read_text() == "precious"
    prepare(source, str(out), radiometry=TRUTH, overwrite=True)
    assert read(out).shape == (8, 9, 9)
    assert not sidecar.exists()


def test_the_input_is_never_overwritten(make_raster, tmp_path):
    source = make_raster("a.tif", numbers((8, 9, 9)), descriptions=BAND_NAMES)
    before = Path(source).read_bytes()
    with pytest.raises(RequestError, match="input itself"):
        prepare(source, source, overwrite=True)
    os.symlink(source, tmp_path / "link.tif")
    with pytest.raises(RequestError, match="input itself"):
        prepare(source, str(tmp_path / "link.tif"), overwrite=True)
    assert Path(source).read_bytes() == before


def test_bad_output_places(make_raster, tmp_path):
    source = make_raster("a.tif", numbers((8, 9, 9)), descriptions=BAND_NAMES)
    with pytest.raises(OutputError, match="is a folder"):
        prepare(source, str(tmp_path))
    with pytest.raises(OutputError, match="does not exist"):
        prepare(source, str(tmp_path / "nowhere" / "out.tif"))


def fail_at_second_piece(make_raster, tmp_path, monkeypatch, error):
    """Raise in the middle of writing and return what is left in the folder."""
    source = make_raster("a.tif", numbers((8, 600, 20)), descriptions=BAND_NAMES)
    original, calls = Scene.read, []

    def fail(self, window):
        calls.append(window)
        if len(calls) == 2:
            raise error
        return original(self, window)

    monkeypatch.setattr(Scene, "read", fail)
    with pytest.raises(type(error)):
        prepare(source, str(tmp_path / "out.tif"), radiometry=TRUTH)
    return sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("error", [SceneError("truncated"), KeyboardInterrupt(), MemoryError()])
def test_a_failure_leaves_nothing_behind(make_raster, tmp_path, monkeypatch, error):
    assert fail_at_second_piece(make_raster, tmp_path, monkeypatch, error) == ["a.tif"]


@pytest.mark.parametrize("asked_before", [0, 1, 4], ids=["at once", "while writing", "while reading back"])
def test_cancelling_leaves_nothing_behind(make_raster, tmp_path, asked_before):
    source = make_raster("a.tif", numbers((8, 600, 20)), descriptions=BAND_NAMES)  # 3 pieces
    asked = []
    with pytest.raises(CancelledError):
        prepare(
            source,
            str(tmp_path / "out.tif"),
            radiometry=TRUTH,
            cancelled=lambda: asked.append(1) or len(asked) > asked_before,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif"]


def test_a_full_disk_is_said_and_leaves_nothing_behind(make_raster, tmp_path):
    source = make_raster("a.tif", numbers((8, 300, 300)), descriptions=BAND_NAMES)
    # A limit on the size of files stands for a full disk: writing fails the same way, in this process only.
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "from model_core.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["prepare", source, str(tmp_path / "out.tif"), "--radiometry", TRUTH]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        cwd=Path(model_core.__file__).parents[1],
    )
    assert done.returncode == 2
    assert "could not be written" in done.stderr and "free space" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif"]


def test_a_file_with_a_gap_is_not_taken_for_whole(make_raster, tmp_path):
    path = make_raster("a.tif", numbers((8, 512, 512)), descriptions=BAND_NAMES, tiled=True)
    rasterio.shutil.copy(path, tmp_path / "ordered.tif", driver="GTiff", tiled=True)  # directory in front
    pieces = list(module._pieces(Window(0, 0, 512, 512), 256))
    module._check_whole(tmp_path / "ordered.tif", pieces)
    with open(tmp_path / "ordered.tif", "r+b") as file:
        file.truncate(3_000_000)
    with pytest.raises(rasterio.errors.RasterioError):
        module._check_whole(tmp_path / "ordered.tif", pieces)


def run_command(*words):
    return subprocess.run(
        [sys.executable, "-m", "model_core", "prepare", *words],
        capture_output=True, text=True, cwd=Path(model_core.__file__).parents[1],
    )  # fmt: skip


def test_command(make_raster, tmp_path):
    array = numbers((3, 30, 40), high=255).astype(np.uint8)
    source, out = make_raster("a.tif", array), tmp_path / "out.tif"
    words = (source, str(out), "--window", "2,3,20,10", "--bands", "rgb")
    refused = run_command(*words)
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr.startswith("hydranet: ") and refused.stderr.count("\n") == 1
    done = run_command(*words, "--allow-missing")
    assert done.returncode == 0, done.stderr
    assert "20 x 10 pixels" in done.stdout and "red from 1" in done.stdout and "nir missing" in done.stdout
    assert "8-bit" in done.stderr
    expected = np.rint(array[0, 3:13, 2:22] * (0.36 / 255) * 1e4)
    np.testing.assert_array_equal(read(out)[3], expected)


def test_command_takes_an_extent_or_a_window(make_raster, tmp_path):
    array = numbers((8, 30, 40))
    words = (make_raster("a.tif", array, descriptions=BAND_NAMES), str(tmp_path / "out.tif"))
    done = run_command(*words, "--radiometry", TRUTH, "--extent=500100,4999900,500200,5000000")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read(tmp_path / "out.tif"), array[:, :10, 10:20])
    both = run_command(*words, "--extent=1,2,3,4", "--window=0,0,1,1")
    assert both.returncode == 2 and "not allowed with" in both.stderr
    wrong = run_command(*words, "--extent=1,2,3")
    assert wrong.returncode == 2 and "four numbers xmin, ymin, xmax, ymax" in wrong.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"window": [0, 0, 1, 1]}, "unknown keys \\['window'\\]"),
        ({"output": ""}, "'output' is ''"),
        ({"bands": 3}, "'bands' is 3"),
        ({"extent": [1, 2, 3]}, "'extent' is \\[1, 2, 3\\]; expected four numbers"),
        ({"extent": "1234"}, "'extent' is '1234'"),
        ({"extent": [0, 0, 0, 1]}, "each minimum below"),
        ({"extent": [0, 0, float("inf"), 1]}, "'extent' is"),
        ({"overwrite": 1}, "'overwrite' is 1; expected true or false"),
        ({"threads": 0}, "'threads' is 0"),
        ({"threads": True}, "'threads' is True"),
    ],
)
def test_a_message_is_read_strictly(change, said):
    with pytest.raises(RequestError, match=said):
        PrepareRequest.from_json({"input": "a.tif", "output": "b.tif", **change})


def test_a_message_needs_input_and_output():
    for data in ({}, {"input": "a.tif"}):
        with pytest.raises(RequestError, match="lacks"):
            PrepareRequest.from_json(data)
    with pytest.raises(RequestError, match="expected an object with input and output"):
        PrepareRequest.from_json(["a.tif", "b.tif"])


def test_a_message_holds_every_argument():
    """What `prepare` takes is what can be asked for, but for the window in pixels."""
    given = PrepareRequest.from_json(
        {"input": "a.tif", "output": "b.tif", "extent": [0, 1, 2, 3]}
    ).arguments()
    taken = set(inspect.signature(prepare).parameters) - {"window", "progress", "cancelled"}
    assert set(given) == taken and given["source"] == "a.tif" and given["extent"] == (0.0, 1.0, 2.0, 3.0)


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "", "1,2,3,4,5", "1.5,2,3,4"])
def test_command_refuses_what_is_no_window(text):
    with pytest.raises(HydraNetError, match="four whole numbers"):
        command._window(text)


def test_pixels_that_were_corrected_are_said(make_raster, tmp_path):
    array = np.full((3, 300, 20), 0.2, dtype=np.float32)
    array[0, 0, 0], array[1, 299, 3], array[:, 5] = np.nan, np.inf, -0.1
    source = make_raster("a.tif", array, descriptions=["red", "green", "blue"])
    result = prepare(source, str(tmp_path / "out.tif"), radiometry="1,0", allow_missing=True)
    assert any("2 pixels held NaN or infinity" in text for text in result["warnings"])
    assert any("below 0 in 0.33 %" in text for text in result["warnings"])


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_command_refuses_what_is_no_number_of_threads(text):
    with pytest.raises(argparse.ArgumentTypeError, match="1 or more"):
        command._threads(text)
