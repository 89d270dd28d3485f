"""Whatever goes wrong: one sentence, nothing half-written, and an older run survives."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from model_core import rundir
from model_core.bands import BAND_NAMES
from model_core.errors import BundleError, CancelledError, HydraNetError, OutputError, SceneError
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.rundir import RunFolder, read_run
from tests.core.fakes import ALL, GREEN, FakeModel, digital, run


@pytest.fixture
def scene_file(make_raster) -> str:
    return make_raster("in/scene.tif", digital(90, 90), descriptions=BAND_NAMES, nodata=0)


@pytest.fixture(autouse=True)
def _folder_for_inputs(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()


@pytest.fixture
def not_root():
    """A folder to use without the rights of root, whom nothing is refused."""
    # Folders of pytest, and often TMPDIR, are closed to other users than the one who runs the tests.
    folder = Path(tempfile.mkdtemp(dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108 - made anew
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    yield folder
    if os.getuid() == 0:
        os.seteuid(0)
    for path in folder.rglob("*"):
        path.chmod(0o700)
    shutil.rmtree(folder)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def fail_if_loaded(path: Path, **_: str):
    raise AssertionError("the model was loaded before the output folder was checked")


def test_an_output_below_a_file_is_refused_before_any_work(scene_file: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    before = content(tmp_path)
    for output in (tmp_path / "file", tmp_path / "file" / "deep" / "run"):
        with pytest.raises(OutputError, match="cannot be written .*; choose another"):
            predict(PredictRequest(scene_file, str(output)), load_model=fail_if_loaded)
    assert content(tmp_path) == before


def test_a_folder_without_write_permission_is_refused(scene_file: str, not_root) -> None:
    folder = not_root / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    with pytest.raises(OutputError, match=r"cannot be written \(Permission denied\); choose another"):
        predict(PredictRequest(scene_file, str(folder / "new" / "run")), load_model=fail_if_loaded)
    assert list(folder.iterdir()) == []


def test_an_existing_run_is_refused_and_kept(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", FakeModel())
    before = content(tmp_path / "run")
    with pytest.raises(OutputError, match="already holds a run"):
        run(scene_file, tmp_path / "run", FakeModel())
    assert content(tmp_path / "run") == before


def test_overwriting_replaces_the_whole_run_and_nothing_else(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", FakeModel(ALL))
    (tmp_path / "run" / "notes.txt").write_text("mine")
    (tmp_path / "run" / "bright.tif.aux.xml").write_text("statistics of the old raster")
    summary = run(scene_file, tmp_path / "run", FakeModel((GREEN,)), overwrite=True)
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["green.qml", "green.tif", "notes.txt", "routing.gpkg", "routing.qml", "run.json"]
    assert read_run(tmp_path / "run") == summary


@pytest.mark.parametrize("when", ["in the model", "while moving"])
def test_the_old_run_stays_if_the_new_fails(scene_file: str, tmp_path: Path, monkeypatch, when: str) -> None:
    run(scene_file, tmp_path / "run", FakeModel(ALL))
    before = content(tmp_path / "run")
    model = FakeModel((GREEN,))
    if when == "in the model":
        model.decode = lambda name, picks, **_options: np.full(
            (sum(len(i) for _, i in picks), 1, 32, 32), np.nan
        )
    else:
        # Like a layer that is open elsewhere: the last file, run.json, cannot be put in its place.
        real, target = os.replace, str(tmp_path / "run" / "run.json")

        def replace(source, destination):
            if str(destination) == target and "previous" not in str(source):
                raise PermissionError(13, "in use")
            real(source, destination)

        monkeypatch.setattr(rundir.os, "replace", replace)
    with pytest.raises((BundleError, OutputError)):
        run(scene_file, tmp_path / "run", model, overwrite=True)
    assert {name: data for name, data in content(tmp_path / "run").items() if "journal" not in name} == before


def test_a_file_that_no_run_wrote_is_never_replaced(scene_file: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "green.tif").write_bytes(b"mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="already holds green.tif, which no run wrote"):
            run(scene_file, tmp_path / "run", FakeModel(ALL), overwrite=overwrite)
    assert content(tmp_path / "run") == {"green.tif": b"mine"}


def test_the_input_is_never_replaced(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", FakeModel((GREEN,)))
    before = content(tmp_path / "run")
    with pytest.raises(OutputError, match="choose another folder"):
        source = tmp_path / "run" / "green.tif"
        run(source, tmp_path / "run", FakeModel((GREEN,)), overwrite=True, bands="green=1")
    assert content(tmp_path / "run") == before


def test_a_run_json_of_someone_else_is_not_overwritten(scene_file: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for text in ("{}", "not json", '{"format": "other/1"}'):
        (tmp_path / "run" / "run.json").write_text(text)
        with pytest.raises(OutputError):
            run(scene_file, tmp_path / "run", FakeModel(), overwrite=True)
        assert content(tmp_path / "run") == {"run.json": text.encode()}


def test_an_altered_run_json_cannot_move_files_elsewhere(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", FakeModel((GREEN,)))
    (tmp_path / "precious.tif").write_bytes(b"mine")
    stored = json.loads((tmp_path / "run" / "run.json").read_text())
    stored["experts"][0]["output"] = "../precious.tif"
    stored["experts"][0]["style"] = str(tmp_path / "precious.tif")
    (tmp_path / "run" / "run.json").write_text(json.dumps(stored))
    for name in ("green.tif", "green.qml"):  # no longer declared, so they would be in the way
        (tmp_path / "run" / name).unlink()
    run(scene_file, tmp_path / "run", FakeModel((GREEN,)), overwrite=True)
    assert (tmp_path / "precious.tif").read_bytes() == b"mine"


@pytest.mark.parametrize("after", [0, 1, 3])
def test_cancel_leaves_nothing(scene_file: str, tmp_path: Path, after: int) -> None:
    model = FakeModel(ALL)
    with pytest.raises(CancelledError):
        stop = {"cancelled": lambda: len(model.encoded) >= after, "batch_size": 2, "threads": 1}
        run(scene_file, tmp_path / "a" / "b", model, **stop)
    assert len(model.encoded) <= after + 3  # those that were in the threads
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_cancel_is_heard_while_files_are_finished(scene_file: str, tmp_path: Path) -> None:
    heard: list[dict] = []

    def cancelled() -> bool:
        return any(str(event.get("message", "")).startswith("Finishing") for event in heard)

    with pytest.raises(CancelledError):
        run(scene_file, tmp_path / "run", FakeModel(ALL), heard, cancelled=cancelled, top_k=4)
    assert sum(str(event.get("message", "")).startswith("Finishing") for event in heard) == 1
    assert not (tmp_path / "run").exists()


def test_cancel_keeps_the_old_run_and_the_users_folder(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", FakeModel(ALL))
    before = content(tmp_path)
    with pytest.raises(CancelledError):
        run(scene_file, tmp_path / "run", FakeModel(ALL), cancelled=lambda: True, overwrite=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CancelledError):
        run(scene_file, tmp_path / "empty", FakeModel(ALL), cancelled=lambda: True)
    assert content(tmp_path) == before and list((tmp_path / "empty").iterdir()) == []


def test_a_truncated_raster_is_one_sentence_and_no_file(make_raster, tmp_path: Path) -> None:
    whole = make_raster("in/whole.tif", digital(128, 600), descriptions=BAND_NAMES, nodata=0)
    path = tmp_path / "in" / "cut.tif"
    # A COG begins with its directory, so a download that breaks off opens well and fails later.
    rasterio.shutil.copy(whole, path, driver="COG", blocksize=128)
    os.truncate(path, os.path.getsize(path) * 2 // 3)
    with pytest.raises(SceneError, match="cut.tif.*truncated") as caught:
        run(path, tmp_path / "run", FakeModel(tile_size=64), radiometry="0.0001,0")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_raster_cut_off_during_the_run(make_raster, tmp_path: Path) -> None:
    """The file shrinks once the first batch is in work, as on a share that goes away."""
    path = make_raster(
        "in/late.tif", digital(64, 3000), descriptions=BAND_NAMES, nodata=0, tiled=True, blockxsize=64,
        blockysize=64, interleave="pixel",
    )  # fmt: skip
    model = FakeModel(tile_size=64)
    model.on_encode = lambda: os.truncate(path, 20000)
    with pytest.raises(SceneError, match="late.tif"):
        run(path, tmp_path / "run", model, radiometry="0.0001,0")
    assert model.encoded and not (tmp_path / "run").exists()


def test_a_missing_raster(tmp_path: Path) -> None:
    with pytest.raises(SceneError):
        run(tmp_path / "nowhere.tif", tmp_path / "run", FakeModel())
    assert not (tmp_path / "run").exists()


def test_a_model_that_cannot_be_loaded(scene_file: str, tmp_path: Path) -> None:
    def broken(path: Path, **_: str):
        raise BundleError(f"'{path}' holds no model.")

    with pytest.raises(BundleError):
        predict(PredictRequest(scene_file, str(tmp_path / "run"), bundle="x"), load_model=broken)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("what", ["a block", "the journal", "the raster", "the table"])
def test_a_disk_that_is_full(scene_file: str, tmp_path: Path, monkeypatch, what: str) -> None:
    def full(*args: object, **options: object):
        raise OSError(28, "No space left on device")

    target = {
        "a block": "model_core.files.os.fsync",
        "the journal": "model_core.journal.os.fsync",
        "the raster": "rasterio.shutil.copy",
        "the table": "model_core.routing_table.raw.write",
    }[what]
    monkeypatch.setattr(target, full)
    with pytest.raises(OutputError, match="No space left") as caught:
        run(scene_file, tmp_path / "run", FakeModel())
    assert caught.value.args[0].count("\n") == 0
    assert not list(tmp_path.glob("run/*.*"))  # nothing has a final name; the journal may stay


def test_a_second_run_into_a_folder_is_refused_at_once(scene_file: str, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run"):
        for again in ({}, {"overwrite": True}, {"resume": True}):
            with pytest.raises(OutputError, match="Another run is writing into"):
                run(scene_file, tmp_path / "run", FakeModel(), **again)
        assert (tmp_path / "run" / "journal").is_dir()
    run(scene_file, tmp_path / "run", FakeModel())


def test_a_share_without_locks_is_used_with_a_warning(scene_file: str, tmp_path: Path, monkeypatch) -> None:
    def unknown(self, **options: object):
        raise NotImplementedError("flock")

    monkeypatch.setattr("model_core.folder_lock.FileLock.acquire", unknown)
    heard: list[dict] = []
    run(scene_file, tmp_path / "run", FakeModel(), heard)
    assert any("knows no locks" in event.get("message", "") for event in heard)
    assert not (tmp_path / "run" / "journal").exists() and (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize("name", ["diary.txt", "result/diary.txt", "previous/diary.txt"])
def test_a_folder_named_journal_that_is_someones_own(scene_file: str, tmp_path: Path, name: str) -> None:
    own = tmp_path / "run" / "journal" / name
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    for again in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(OutputError, match="journal' holds files that no run wrote"):
            run(scene_file, tmp_path / "run", FakeModel(), **again)
    assert content(tmp_path / "run") == {f"journal/{name}": b"mine"}


def test_a_run_killed_before_it_began_is_no_obstacle(scene_file: str, tmp_path: Path) -> None:
    (tmp_path / "run" / "journal" / "result").mkdir(parents=True)
    (tmp_path / "run" / "journal" / "lock").write_text("")
    run(scene_file, tmp_path / "run", FakeModel())
    assert not (tmp_path / "run" / "journal").exists()


def test_a_tiny_raster(make_raster, tmp_path: Path) -> None:
    path = make_raster("in/tiny.tif", digital(10, 10), descriptions=BAND_NAMES)
    summary = run(path, tmp_path / "run", FakeModel(ALL, tile_size=256), overlap=64, top_k=4)
    assert summary["tiles"]["routed"] == 1
    for name in ("identity", "bright", "green", "metres"):
        with rasterio.open(tmp_path / "run" / f"{name}.tif") as raster:
            assert raster.shape == (10, 10)


def test_every_error_of_ours_is_one_line(scene_file: str, tmp_path: Path) -> None:
    for options in ({"experts": ["x"]}, {"extent": [0, 0, 1, 1]}, {"bands": "blue"}, {"radiometry": "x"}):
        with pytest.raises(HydraNetError) as caught:
            run(scene_file, tmp_path / "run", FakeModel(ALL), **options)
        assert str(caught.value).count("\n") == 0 and str(caught.value).endswith(".")
