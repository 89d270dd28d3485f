"""What goes wrong on a long night: full disks, broken files, killed processes. Nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from model_core.bands import BAND_NAMES
from model_core.errors import OutputError, SceneError
from tests.core.fakes import ALL, FakeModel, by_content, digital, run
from tests.core.test_resume import DRIVERS, results

OPTIONS = ("--overlap=8", "--radiometry=0.0001,0", "--events")


def model() -> FakeModel:
    return FakeModel(ALL, scores=by_content(4))


@pytest.fixture
def scene_file(make_raster) -> str:
    return make_raster("scene.tif", digital(300, 1300), descriptions=BAND_NAMES, nodata=0)


def start(scene: str, folder: Path, *options: str, limit: int | None = None, **variables: str):
    """The command in a process of its own, whose files may grow to `limit` bytes only."""

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-I", str(DRIVERS), "predict", scene, str(folder), f"--bundle={folder.parent}",
         *OPTIONS, *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables},
        preexec_fn=small_disk if limit else None,
    )  # fmt: skip


def last_event(process) -> dict:
    return json.loads(process.communicate()[0].splitlines()[-1])


@pytest.mark.parametrize("limit", [5_000, 300_000, 1_500_000])
def test_a_disk_that_fills_up(scene_file: str, tmp_path: Path, limit: int) -> None:
    """The system refuses what does not fit: a block, or the joined raster at the end. Then there is room."""
    assert start(scene_file, tmp_path / "whole").wait() == 0
    process = start(scene_file, tmp_path / "run", limit=limit)
    error = last_event(process)
    assert process.returncode == 2 and error["event"] == "error" and error["kind"] == "OutputError"
    assert "check the free space" in error["message"] and "\n" not in error["message"]
    assert not [path for path in tmp_path.glob("run/*") if path.name != "journal"]
    largest = max((path.stat().st_size for path in tmp_path.glob("run/journal/*")), default=0)
    assert largest <= limit
    resumed = start(scene_file, tmp_path / "run", "--resume")
    assert last_event(resumed)["event"] == "finished"
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def test_the_folder_of_a_killed_run_is_free_again(scene_file: str, tmp_path: Path) -> None:
    """Two processes: the second is refused while the first lives, and goes on once it was killed."""
    first = start(scene_file, tmp_path / "run", TEST_SLEEP="0.05")
    for line in first.stdout:
        if json.loads(line)["event"] == "progress":
            break
    second = start(scene_file, tmp_path / "run", "--resume")
    assert "Another run is writing into" in last_event(second)["message"]
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert last_event(start(scene_file, tmp_path / "run", "--resume"))["event"] == "finished"


@pytest.mark.parametrize("how", ["cut off", "gone from a share"])
def test_a_source_that_vanishes_in_the_middle(make_raster, tmp_path: Path, monkeypatch, how: str) -> None:
    blocks = {"tiled": True, "blockxsize": 64, "blockysize": 64, "interleave": "pixel"}
    scene = make_raster("scene.tif", digital(64, 6000), descriptions=BAND_NAMES, nodata=0, **blocks)
    run(scene, tmp_path / "whole", FakeModel(tile_size=64), radiometry="0.0001,0")
    stamp, content = os.stat(scene), Path(scene).read_bytes()
    broken = FakeModel(tile_size=64)

    def harm() -> None:
        if sum(broken.encoded) < 40:
            return
        if how == "cut off":
            os.truncate(scene, len(content) // 2)
        else:  # a network share answers every read with an error once it is gone
            monkeypatch.setattr("rasterio.io.DatasetReader.read", _input_output_error)

    broken.on_encode = harm
    with pytest.raises(SceneError, match="scene.tif.*What is done is kept") as caught:
        run(scene, tmp_path / "run", broken, radiometry="0.0001,0", memory_mb=64)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    Path(scene).write_bytes(content)
    os.utime(scene, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    run(scene, tmp_path / "run", FakeModel(tile_size=64), radiometry="0.0001,0", resume=True)
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def _input_output_error(*_: object, **__: object) -> None:
    raise OSError(5, "Input/output error")


def test_a_damaged_strip_in_the_middle(make_raster, tmp_path: Path) -> None:
    """By default an error that says where; on request those rows are NoData, counted, all else as ever."""
    array = digital(200, 400)
    profile = {"compress": "deflate", "blockysize": 16, "interleave": "pixel", "descriptions": BAND_NAMES}
    whole = make_raster("whole.tif", array, nodata=0, **profile)
    scene = make_raster("scene.tif", array, nodata=0, **profile)
    with rasterio.open(scene) as raster:
        offset = int(raster.get_tag_item("BLOCK_OFFSET_0_10", "TIFF", bidx=1))
    with open(scene, "r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 40)
    with pytest.raises(SceneError, match="rows .*skip-damaged"):
        run(scene, tmp_path / "run", FakeModel(), radiometry="0.0001,0")
    summary = run(scene, tmp_path / "skipped", FakeModel(), radiometry="0.0001,0", skip_damaged=True)
    assert f"{16 * 200:,} pixels lie in damaged parts" in " ".join(summary["warnings"])
    run(whole, tmp_path / "intact", FakeModel(), radiometry="0.0001,0")
    with (
        rasterio.open(tmp_path / "skipped" / "identity.tif") as found,
        rasterio.open(tmp_path / "intact" / "identity.tif") as expected,
    ):
        values, wanted = found.read(), expected.read()
    assert np.isnan(values[:, 160:176]).all()
    wanted[:, 160:176] = np.nan
    np.testing.assert_array_equal(values, wanted)


def test_odd_pixels_are_counted_once_and_said(make_raster, tmp_path: Path) -> None:
    """Neighbouring tiles share pixels; each odd one counts once, however many tiles read it."""
    array = digital(100, 90).astype(np.float32) / 10000
    array[2, 40:50, 30:33] = np.nan
    array[3, 60, 60] = -np.inf
    array[4, 10:20, :50] = -0.5
    scene = make_raster("scene.tif", array, descriptions=BAND_NAMES)
    for folder, options in (("a", {}), ("b", {"overlap": 16, "memory_mb": 64})):
        summary = run(scene, tmp_path / folder, FakeModel(), radiometry="1,0", **options)
        words = " ".join(summary["warnings"])
        assert "31 pixels held NaN or infinity" in words
        share = 100 * 10 * 50 / ((100 * 90 - 31) * 8)
        assert f"below 0 in {share:.2g} %" in words
        with rasterio.open(tmp_path / folder / "identity.tif") as raster:
            values = raster.read()
        assert np.isnan(values).all(axis=0).sum() == 31 and np.nanmin(values) == 0


def test_an_error_in_the_journal_is_no_silent_loss(scene_file: str, tmp_path: Path, monkeypatch) -> None:
    """The thread that writes fails in the middle; the run stops at once instead of going on for nothing."""
    real, calls = os.fsync, []

    def sometimes(number: int) -> None:
        calls.append(number)
        if len(calls) == 12:
            raise OSError(5, "Input/output error")
        real(number)

    monkeypatch.setattr(os, "fsync", sometimes)
    broken = model()
    with pytest.raises(OutputError, match="Input/output error"):
        run(scene_file, tmp_path / "run", broken, radiometry="0.0001,0")
    monkeypatch.undo()
    run(scene_file, tmp_path / "run", model(), radiometry="0.0001,0", resume=True)
    run(scene_file, tmp_path / "whole", model(), radiometry="0.0001,0")
    assert results(tmp_path / "run") == results(tmp_path / "whole")
