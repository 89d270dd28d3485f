"""A reroute that cannot be done says why in one sentence, and the run stays as it was."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from model_core import rundir
from model_core.bands import BAND_NAMES
from model_core.errors import CancelledError, HydraNetError, OutputError, RequestError, SceneError
from model_core.rundir import RunFolder, files_of, read_run
from tests.core.fakes import ALL, FakeModel, by_content, digital, run
from tests.core.test_failures import content
from tests.core.test_mask_run import write_mask
from tests.core.test_reroute import ONE, TWO, Counting, again, files
from tests.core.test_resume import DRIVERS


@pytest.fixture
def scene_file(make_raster) -> str:
    array = (digital(100, 300) * np.linspace(1.0, 0.3, 100)[None, None] + 1).astype(np.uint16)
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)


@pytest.fixture
def folder(scene_file: str, tmp_path: Path) -> Path:
    run(scene_file, tmp_path / "run", Counting(), radiometry="0.0001,0", **ONE)
    return tmp_path / "run"


def rewrite(scene: str, change) -> None:
    with rasterio.open(scene, "r+") as raster:
        raster.write(change(raster.read()))


def reband(folder: Path, name: str) -> None:
    path = folder / name
    with rasterio.open(path) as raster:
        values, profile = raster.read(), raster.profile
    profile.update(driver="GTiff", height=profile["height"] - 1)
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(values[:, :-1])


def without(folder: Path, key: str) -> None:
    stored = json.loads((folder / "run.json").read_text())
    del stored[key]
    (folder / "run.json").write_text(json.dumps(stored))


HARMS = {
    "the scene is gone": (lambda f, s, m: os.unlink(s), SceneError, "scene.tif"),
    "another size": (
        lambda f, s, m: shutil.copyfile(m("o.tif", digital(100, 299), descriptions=BAND_NAMES, nodata=0), s),
        OutputError, "its size or place differs; run the prediction again",
    ),
    "other bands": (
        lambda f, s, m: shutil.copyfile(
            m("o.tif", digital(100, 300), descriptions=BAND_NAMES[::-1], nodata=0), s
        ),
        OutputError, "its band mapping differs",
    ),
    "other pixels": (lambda f, s, m: rewrite(s, lambda a: a // 2 + 1), SceneError, "gives other scores"),
    "pixels gone": (
        lambda f, s, m: rewrite(s, lambda a: np.where(np.arange(a.shape[1])[:, None] % 7 == 0, 0, a)),
        SceneError, "gives other scores",
    ),
    "all pixels gone": (lambda f, s, m: rewrite(s, np.zeros_like), SceneError, "gives other scores"),
    "no run": (lambda f, s, m: (f / "run.json").unlink(), OutputError, "holds no run.json"),
    "an older version's": (lambda f, s, m: without(f, "pixel_counts"), OutputError, "'pixel_counts'"),
    "no request": (lambda f, s, m: without(f, "request"), RequestError, "The request is None"),
    "no experts": (lambda f, s, m: without(f, "experts"), OutputError, "'experts'"),
    "a file gone": (lambda f, s, m: (f / "bright.qml").unlink(), OutputError, "lacks bright.qml"),
    "no table": (lambda f, s, m: (f / "routing.gpkg").write_bytes(b"x"), OutputError, "cannot be read"),
    "another raster": (lambda f, s, m: reband(f, "bright.tif"), OutputError, "its size or its bands"),
    "no raster": (lambda f, s, m: (f / "green.tif").write_bytes(b"x"), OutputError, "green.tif.*cannot be"),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_what_does_not_fit_is_one_sentence(
    folder: Path, scene_file: str, make_raster, harm: str, capfd
) -> None:
    act, kind, said = HARMS[harm]
    act(folder, scene_file, make_raster)
    before = content(folder)
    with pytest.raises(kind, match=said) as caught:
        again(folder, Counting(), **TWO)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    assert content(folder) == before


def test_a_table_of_another_grid_is_refused(scene_file: str, folder: Path, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "other", Counting(), overlap=4)
    shutil.copyfile(tmp_path / "other" / "routing.gpkg", folder / "routing.gpkg")
    with pytest.raises(OutputError, match="holds other tiles or experts"):
        again(folder, Counting(), **TWO)


def test_another_model_is_refused(folder: Path) -> None:
    other = Counting()
    other.sha256 = "e" * 64
    before = content(folder)
    with pytest.raises(OutputError, match="made with another model"):
        again(folder, other, **TWO)
    assert content(folder) == before and other.seen == []


def test_a_mask_that_changed_is_refused(scene_file: str, tmp_path: Path) -> None:
    mask = write_mask(tmp_path / "mask.gpkg", [shapely.box(500100, 4999700, 500300, 4999900)])
    run(scene_file, tmp_path / "run", Counting(), mask=mask, **ONE)
    os.unlink(mask)
    write_mask(tmp_path / "mask.gpkg", [shapely.box(500100, 4998700, 500300, 4999900)])
    with pytest.raises(SceneError, match="gives other scores"):
        again(tmp_path / "run", Counting(), **TWO)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"policy": "top-k", "top_k": 5}, "top_k is 5, but the model has 4"),
        (
            {"thresholds": {"water": 0.5, "sea": 0.5}},
            "Expert 'water' of the thresholds is not in the model; it has identity, bright, green, metres",
        ),
    ],
)
def test_a_policy_that_does_not_fit(folder: Path, policy: dict, said: str) -> None:
    before = content(folder)
    with pytest.raises(RequestError, match=said):
        again(folder, Counting(), **policy)
    assert content(folder) == before


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holds no run.json"):
        again(tmp_path / "nowhere", Counting())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_no_run_wrote_is_never_replaced(scene_file: str, tmp_path: Path) -> None:
    run(scene_file, tmp_path / "run", Counting(), thresholds=dict.fromkeys([s.name for s in ALL], 1.0))
    (tmp_path / "run" / "green.tif").write_bytes(b"mine")
    with pytest.raises(OutputError, match="already holds green.tif, which no run wrote"):
        again(tmp_path / "run", Counting())
    assert (tmp_path / "run" / "green.tif").read_bytes() == b"mine"


def test_an_unfinished_prediction_comes_first(make_raster, tmp_path: Path) -> None:
    """A prediction that replaces the run was killed: neither it nor the run is lost."""
    scene_file, folder = make_raster("tall.tif", digital(60, 900), descriptions=BAND_NAMES), tmp_path / "run"
    run(scene_file, folder, Counting(), **ONE)
    broken = Counting()

    def fail() -> None:
        if len(broken.seen) > 60:
            raise SceneError("The share is gone.")

    broken.on_encode = fail
    with pytest.raises(SceneError):
        run(scene_file, folder, broken, overwrite=True, **TWO)
    before = content(folder)
    assert any(name.startswith("journal") for name in before)
    with pytest.raises(OutputError, match="not finished"):
        again(folder, Counting(), **TWO)
    assert content(folder) == before


def test_a_run_in_use_is_refused(folder: Path) -> None:
    with (
        RunFolder.of_run(folder),
        pytest.raises(OutputError, match="Another run is writing into"),
    ):
        again(folder, Counting(), **TWO)
    again(folder, Counting(), **TWO)


@pytest.mark.parametrize("when", ["at once", "in the model", "at the end"])
def test_a_stop_leaves_the_run_as_it_was(folder: Path, when: str) -> None:
    before, model, heard = content(folder), Counting(), []

    def cancelled() -> bool:
        if when == "at the end":
            return any(str(event.get("message", "")).startswith("Finishing") for event in heard)
        return when == "at once" or len(model.seen) > 4

    with pytest.raises(CancelledError):
        again(folder, model, heard, cancelled=cancelled, **TWO)
    assert content(folder) == before
    assert len(model.seen) == 0 if when == "at once" else len(model.seen) > 4


def start(folder: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", str(DRIVERS), "reroute", str(folder), "--events", *options],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **variables},
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("sent", ["SIGKILL", "SIGINT"])
def test_a_killed_reroute_is_no_obstacle(make_raster, tmp_path: Path, sent: str) -> None:
    scene = make_raster("tall.tif", digital(70, 1200), descriptions=BAND_NAMES, nodata=0)
    plain = {"radiometry": "0.0001,0"}
    run(scene, tmp_path / "run", FakeModel(ALL), **ONE, **plain)
    run(scene, tmp_path / "fresh", FakeModel(ALL), **TWO, **plain)
    before = content(tmp_path / "run")
    process = start(tmp_path / "run", "--policy=top-k", "--top-k=2", TEST_SLEEP="0.02")
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "progress" and event["done"] > 60:
            process.send_signal(getattr(signal, sent))
            break
    words = process.communicate()[0]
    if sent == "SIGKILL":
        left = {name for name in content(tmp_path / "run") if name.startswith("journal")}
        assert process.returncode == -signal.SIGKILL and any(name.endswith(".tif") for name in left)
    else:
        assert process.returncode == 130 and json.loads(words.splitlines()[-1]) == {"event": "cancelled"}
        assert not (tmp_path / "run" / "journal").exists()
    assert {n: data for n, data in content(tmp_path / "run").items() if "journal" not in n} == before
    # A prediction that is asked for again finds its run finished.
    model = FakeModel(ALL)
    run(scene, tmp_path / "run", model, resume=True, **ONE, **plain)
    assert model.encoded == []
    done = start(tmp_path / "run", "--policy=top-k", "--top-k=2")
    assert json.loads(done.communicate()[0].splitlines()[-1])["event"] == "finished"
    assert done.returncode == 0 and files(tmp_path / "run") == files(tmp_path / "fresh")


@pytest.mark.parametrize("moves", range(0, 16, 3))
def test_killed_while_files_are_moved_into_place(folder: Path, scene_file: str, monkeypatch, moves) -> None:
    """A power cut between two moves: the next reroute finds the older run again, or the new one whole."""
    before = files(folder)

    class PowerCut(BaseException):
        pass

    real, done = os.replace, []

    def replace(source, target) -> None:
        if len(done) == moves:
            raise PowerCut
        done.append(target)
        real(source, target)

    real_commit = RunFolder.commit

    def commit(self, summary) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(rundir.os, "replace", replace)
            real_commit(self, summary)

    monkeypatch.setattr(RunFolder, "commit", commit)
    monkeypatch.setattr(RunFolder, "__exit__", lambda self, *_: self._lock.release())  # nothing is tidied
    with pytest.raises(PowerCut):
        again(folder, Counting(), thresholds={"green": 0.9}, policy="threshold", top_k=4)
    monkeypatch.undo()
    assert len(done) == moves
    again(folder, Counting(), **ONE)
    assert files(folder) == before and not (folder / "journal").exists()
    assert len(read_run(folder)["reroutes"]) <= 1


def leave_rows_in_the_wal(folder: Path) -> None:
    """As a program that shows the table and is killed: it has written a row that is not in the table yet."""
    code = "import os, sqlite3, sys; table = sqlite3.connect(sys.argv[1]); "
    code += "table.execute('PRAGMA journal_mode = wal'); table.execute('CREATE TABLE mine (row)'); "
    code += "table.execute('INSERT INTO mine VALUES (1)'); table.commit(); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(folder / "routing.gpkg")], check=True)


@pytest.fixture
def new_table(folder: Path, tmp_path: Path) -> Path:
    """The table of the same run, as a reroute would write it anew; beside the old one SQLite left rows."""
    shutil.copyfile(folder / "routing.gpkg", tmp_path / "new.gpkg")
    leave_rows_in_the_wal(folder)
    assert (folder / "routing.gpkg-wal").stat().st_size > 0
    return tmp_path / "new.gpkg"


def tables(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as table:
        return {name for (name,) in table.execute("SELECT name FROM sqlite_master")}


def test_what_sqlite_left_beside_the_old_table_never_gets_into_the_new_one(
    folder: Path, new_table: Path
) -> None:
    kept = set(files_of(read_run(folder))) - {"routing.gpkg", "run.json"}
    with RunFolder.of_run(folder) as making:
        making.keep(kept)
        shutil.copyfile(new_table, making.staging / "routing.gpkg")
        making.commit(read_run(folder))
    assert not list(folder.glob("routing.gpkg-*"))
    assert "tiles" in tables(folder / "routing.gpkg") and "mine" not in tables(folder / "routing.gpkg")


def test_what_sqlite_left_returns_with_the_old_table(folder: Path, new_table: Path, monkeypatch) -> None:
    before, real = content(folder), os.replace

    def replace(source, target) -> None:
        if str(target) == str(folder / "run.json") and "previous" not in str(source):
            assert not list(folder.glob("routing.gpkg-*"))
            raise PermissionError(13, "in use")
        real(source, target)

    monkeypatch.setattr(rundir.os, "replace", replace)
    with (
        pytest.raises(OutputError, match="close layers that are open"),
        RunFolder.of_run(folder) as making,
    ):
        shutil.copyfile(new_table, making.staging / "routing.gpkg")
        making.commit(read_run(folder))
    assert content(folder) == before
    assert "mine" in tables(folder / "routing.gpkg")


@pytest.mark.parametrize("what", ["a block", "the raster", "the table", "a move"])
def test_a_disk_that_is_full(folder: Path, monkeypatch, what: str) -> None:
    before = content(folder)

    def full(*args: object, **options: object):
        raise OSError(28, "No space left on device")

    if what == "a move":
        real = os.replace

        def full_now(source, target):
            if str(target) == str(folder / "routing.gpkg") and "previous" not in str(source):
                full()
            real(source, target)

        monkeypatch.setattr(rundir.os, "replace", full_now)
    else:
        target = {"a block": "files.os.fsync", "the raster": "cog.rasterio.shutil.copy",
                  "the table": "routing_table.raw.write"}[what]  # fmt: skip
        monkeypatch.setattr(f"model_core.{target}", full)
    with pytest.raises(OutputError, match="No space left"):
        again(folder, Counting(), **TWO)
    assert content(folder) == before


def test_memory_is_bounded(make_raster, tmp_path: Path) -> None:
    """Four times the rows must not take more memory."""
    peaks = []
    for height in (4800, 19200):
        blocks = {"tiled": True, "blockxsize": 64, "blockysize": 64}
        path = make_raster(f"{height}.tif", digital(64, height), descriptions=BAND_NAMES, **blocks)
        folder = tmp_path / f"run{height}"
        some = by_content(2)
        run(path, folder, FakeModel(ALL[:2], tile_size=64, scores=some), thresholds={"identity": 0.3})
        tracemalloc.start()
        again(folder, FakeModel(ALL[:2], tile_size=64, scores=some), thresholds={"identity": 0.6})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


def test_every_error_is_ours(folder: Path) -> None:
    """What a damaged run.json tells must not come out as a defect."""
    text = (folder / "run.json").read_text()
    for key, value in {
        "experts": [], "pixel_counts": 3, "seconds": [], "model": {}, "reroutes": None, "scene": None,
        "request": {"input": "x"}, "policy": 1,
    }.items():  # fmt: skip
        (folder / "run.json").write_text(json.dumps({**json.loads(text), key: value}))
        with pytest.raises(HydraNetError):
            again(folder, Counting(), **TWO)
