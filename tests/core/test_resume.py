"""A run that was killed goes on where it stopped, and nobody can tell afterwards."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_core import rundir
from model_core.bands import BAND_NAMES
from model_core.errors import CancelledError, OutputError, SceneError
from model_core.journal import Journal
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.rundir import RunFolder, read_run
from tests.core.fakes import ALL, FakeModel, by_content, digital, run

DRIVERS = Path(__file__).with_name("drivers.py")


@pytest.fixture
def scene_file(make_raster) -> str:
    """Seven rows of blocks, with a part without data, negative values and a few NaN."""
    array = digital(150, 1700).astype(np.float32) / 10000
    array *= np.linspace(1.0, 0.2, 150)[None, None]
    array[:, 600:700, :60] = -9999
    array[3, ::97, ::13] = -0.01
    array[5, ::101, 7] = np.nan
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=-9999)


def model() -> FakeModel:
    return FakeModel(ALL, scores=by_content(4))


def results(folder: Path) -> dict[str, bytes]:
    """Every byte of a run but times: of run.json what does not tell of the clock."""
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "run.json"}
    stored = json.loads((folder / "run.json").read_text())
    for part in ("created", "seconds", "command", "request"):
        del stored[part]
    for expert in stored["experts"]:
        del expert["seconds"]
    return {**found, "run.json": json.dumps(stored, sort_keys=True).encode()}


def start(scene: str, folder: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-I", str(DRIVERS), "predict", scene, str(folder), "--overlap=8", "--events"]
    return subprocess.Popen(
        [*command, "--radiometry=1,0", f"--bundle={folder.parent}", *options],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **variables},
    )  # fmt: skip


def test_killed_at_three_random_points(scene_file: str, tmp_path: Path) -> None:
    """SIGKILL, each time later, each time continued; then compared with a run that was left alone."""
    assert start(scene_file, tmp_path / "whole").wait() == 0
    total = read_run(tmp_path / "whole")["tiles"]["total"]
    chance = random.SystemRandom()
    points = [int(total * chance.uniform(*part)) for part in ((0.35, 0.45), (0.6, 0.7), (0.85, 0.95))]
    folder, began = tmp_path / "killed", []
    for number, point in enumerate(points):
        process = start(scene_file, folder, *["--resume"] * (number > 0), TEST_SLEEP="0.01")
        first = None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "progress":
                first = event["done"] if first is None else first
                if event["done"] >= point:
                    process.send_signal(signal.SIGKILL)
                    break
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL, f"ended by itself; points {points}"
        assert not (folder / "run.json").exists() and (folder / "journal").is_dir()
        assert not list(folder.glob("*.tif")), "a raster has its final name before the run is whole"
        began.append(first)
    assert began == sorted(set(began)) and began[2] > total // 4, f"work was lost: {began}; points {points}"
    process = start(scene_file, folder, "--resume")
    words = process.communicate()[0]
    assert process.returncode == 0, words
    assert "Continuing the unfinished run" in words
    assert results(folder) == results(tmp_path / "whole"), f"points {points}"


def interrupted(scene: str, folder: Path, after: int = 400, **options) -> FakeModel:
    """A run that fails once so many tiles are encoded; its journal stays."""
    broken = model()

    def fail() -> None:
        if sum(broken.encoded) >= after:
            raise SceneError("The share is gone.")

    broken.on_encode = fail
    with pytest.raises(SceneError, match="gone. What is done is kept: .* --resume"):
        run(scene, folder, broken, **options)
    assert Journal(folder / "journal").worth_keeping
    return broken


@pytest.fixture
def whole(scene_file: str, tmp_path: Path) -> dict[str, bytes]:
    run(scene_file, tmp_path / "whole", model(), overlap=12)
    return results(tmp_path / "whole")


@pytest.mark.parametrize("again", [{}, {"threads": 3, "batch_size": 7}, {"memory_mb": 64, "threads": 1}])
def test_what_is_done_is_not_done_again(scene_file: str, tmp_path: Path, whole, again: dict) -> None:
    """Other threads, batches and memory may finish it: they change no result."""
    first = interrupted(scene_file, tmp_path / "run", overlap=12)
    second = model()
    summary = run(scene_file, tmp_path / "run", second, overlap=12, resume=True, **again)
    assert results(tmp_path / "run") == whole
    done_twice = sum(first.encoded) + sum(second.encoded) - (summary["tiles"]["routed"])
    assert sum(second.encoded) < summary["tiles"]["routed"] and done_twice < 300
    assert not (tmp_path / "run" / "journal").exists()


@pytest.mark.parametrize("harm", ["torn line", "lost block", "altered block", "no progress", "strange line"])
def test_only_what_is_whole_is_taken_over(scene_file: str, tmp_path: Path, whole, harm: str) -> None:
    interrupted(scene_file, tmp_path / "run", overlap=12)
    journal = tmp_path / "run" / "journal"
    progress = journal / "progress.jsonl"
    blocks = sorted(journal.glob("*-*.tif"))
    if harm == "torn line":
        os.truncate(progress, progress.stat().st_size - 25)
    elif harm == "lost block":
        blocks[len(blocks) // 2].unlink()
    elif harm == "altered block":
        data = bytearray(blocks[-1].read_bytes())
        data[len(data) // 2] ^= 1
        blocks[-1].write_bytes(data)
    elif harm == "no progress":
        progress.unlink()
    else:
        lines = progress.read_bytes().split(b"\n")
        progress.write_bytes(b"\n".join([*lines[:-3], b'{"until": "x"}', b"[]", *lines[-3:]]))
    run(scene_file, tmp_path / "run", model(), overlap=12, resume=True)
    assert results(tmp_path / "run") == whole


def test_an_unfinished_run_is_neither_mixed_nor_lost(scene_file: str, tmp_path: Path, whole) -> None:
    interrupted(scene_file, tmp_path / "run", overlap=12)
    before = {path.name: path.stat().st_size for path in (tmp_path / "run" / "journal").iterdir()}
    with pytest.raises(OutputError, match="holds an unfinished run"):
        run(scene_file, tmp_path / "run", model(), overlap=12)
    with pytest.raises(OutputError, match="differs from this one in: overlap, tiles;"):
        run(scene_file, tmp_path / "run", model(), overlap=10, resume=True)
    os.utime(scene_file, (1, 1))
    with pytest.raises(OutputError, match="differs from this one in: raster;"):
        run(scene_file, tmp_path / "run", model(), overlap=12, resume=True)
    after = {path.name: path.stat().st_size for path in (tmp_path / "run" / "journal").iterdir()}
    assert before.keys() <= after.keys() and all(after[name] == size for name, size in before.items())
    run(scene_file, tmp_path / "run", model(), overlap=12, overwrite=True)
    assert results(tmp_path / "run") == whole


def test_resume_with_nothing_to_resume_begins(scene_file: str, tmp_path: Path, whole) -> None:
    run(scene_file, tmp_path / "run", model(), overlap=12, resume=True)
    assert results(tmp_path / "run") == whole


def test_a_finished_run_is_not_done_again(scene_file: str, tmp_path: Path) -> None:
    first = run(scene_file, tmp_path / "run", model())
    again, heard = model(), []
    assert run(scene_file, tmp_path / "run", again, heard, resume=True) == first
    assert again.encoded == [] and heard[-1]["event"] == "finished"
    with pytest.raises(OutputError, match="finished run of another request"):
        run(scene_file, tmp_path / "run", again, resume=True, overlap=10)


def test_a_stopped_run_can_go_on_if_it_was_asked_to(scene_file: str, tmp_path: Path, whole) -> None:
    request = PredictRequest(scene_file, str(tmp_path / "run"), str(tmp_path), overlap=12)
    stopped = model()
    options = {"load_model": lambda *_, **__: stopped, "cancelled": lambda: sum(stopped.encoded) > 400}
    with pytest.raises(CancelledError, match="nothing was written"):
        predict(request, **options)
    assert not (tmp_path / "run").exists()
    stopped.encoded.clear()
    with pytest.raises(CancelledError, match="--resume"):
        predict(request, keep_on_cancel=True, **options)
    run(scene_file, tmp_path / "run", model(), overlap=12, resume=True)
    assert results(tmp_path / "run") == whole


def test_an_overwriting_run_that_was_interrupted_still_overwrites(
    scene_file: str, tmp_path: Path, whole
) -> None:
    run(scene_file, tmp_path / "run", FakeModel(ALL[:1]))
    old = results(tmp_path / "run")
    interrupted(scene_file, tmp_path / "run", overlap=12, overwrite=True)
    (tmp_path / "run" / "journal").rename(tmp_path / "aside")
    assert results(tmp_path / "run") == old  # it stays until the new one is whole
    (tmp_path / "aside").rename(tmp_path / "run" / "journal")
    run(scene_file, tmp_path / "run", model(), overlap=12, resume=True)
    assert results(tmp_path / "run") == whole


@pytest.mark.parametrize("moves", range(0, 16, 3))
def test_killed_while_files_are_moved_into_place(
    scene_file: str, tmp_path: Path, whole, monkeypatch, moves: int
) -> None:
    """A power cut between two moves: the older run is back on the next start, and the new one goes on."""
    run(scene_file, tmp_path / "run", FakeModel(ALL[:2]))
    old = results(tmp_path / "run")

    class PowerCut(BaseException):
        pass

    real, done = os.replace, []

    def replace(source, target) -> None:
        if Path(target).suffix in (".tif", ".qml", ".gpkg", ".json") and "journal" not in str(
            Path(target).parent.name
        ):
            if len(done) == moves and Path(target).name != "moving.json":
                raise PowerCut
            done.append(target)
        real(source, target)

    def commit(self, summary) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(rundir.os, "replace", replace)
            real_commit(self, summary)

    real_commit = RunFolder.commit
    monkeypatch.setattr(RunFolder, "commit", commit)
    monkeypatch.setattr(RunFolder, "__exit__", lambda self, *_: self._lock.release())  # nothing is tidied
    with pytest.raises(PowerCut):
        run(scene_file, tmp_path / "run", model(), overlap=12, overwrite=True)
    monkeypatch.undo()
    assert len(done) == moves
    with pytest.raises(OutputError, match="unfinished run|already holds a run"):
        run(scene_file, tmp_path / "run", model(), overlap=12)
    run(scene_file, tmp_path / "run", model(), overlap=12, resume=True)
    assert results(tmp_path / "run") == whole
    assert old != whole
