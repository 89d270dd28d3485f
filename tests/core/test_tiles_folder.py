"""A routerset is whole or not there; what a kill left is continued; what is not ours is not touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from model_core.errors import OutputError
from model_core.routerset import read_routerset
from model_core.tiles import cut
from model_core.tiles.folder import TilesFolder
from model_core.tiles.request import LabelLayer

from .tile_inputs import box, digest, export, polygons, request, scene

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def asked(tmp_path: Path):
    """Makes requests for two rasters of 12 tiles each."""
    inputs = [scene(tmp_path / f"{name}.tif", seed=seed) for seed, name in enumerate(("a", "b"))]
    layer = LabelLayer("water", polygons(tmp_path / "w.gpkg", [box(0, 0, 40, 20), box(70, 40, 80, 60)]))
    return lambda **more: request(tmp_path, layer, *inputs, **more)


@pytest.fixture
def whole(asked, tmp_path: Path) -> dict[str, str]:
    """What an uninterrupted export leaves."""
    export(asked(output=str(tmp_path / "whole")))
    return digest(tmp_path / "whole")


class Crash(Exception):
    """Stands for a kill that Python sees."""


@pytest.mark.parametrize("place", [0, 1, 11, 12, 23])
def test_after_a_failure_anywhere_it_goes_on_and_ends_the_same(
    asked, whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    real, seen = cut.Bench.cut, []

    def failing(bench: cut.Bench, x: int, y: int) -> cut.Cut:
        seen.append((x, y))
        if len(seen) > place:
            raise Crash
        return real(bench, x, y)

    with monkeypatch.context() as patch:
        patch.setattr(cut.Bench, "cut", failing)
        with pytest.raises(Crash):
            export(asked(threads=1))
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.part").is_dir() == (place > 0)
    if place > 0:
        with pytest.raises(OutputError, match="holds an unfinished routerset; continue it"):
            export(asked())
        with pytest.raises(OutputError, match="differs from this one in: seed; repeat"):
            export(asked(resume=True, seed=5))
    seen.clear()
    monkeypatch.setattr(cut.Bench, "cut", lambda bench, x, y: (seen.append((x, y)), real(bench, x, y))[1])
    export(asked(resume=True))
    assert digest(tmp_path / "out") == whole
    assert len(seen) <= 24 - place + 3 and not (tmp_path / "out.part").exists()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_sigkill(asked, whole, tmp_path: Path) -> None:
    code = (
        "import json, sys, time\n"
        "from model_core.tiles import cut, export\n"
        "from model_core.tiles.request import TilesRequest\n"
        "real = cut.Bench.cut\n"
        "cut.Bench.cut = lambda *a: (time.sleep(0.1), real(*a))[1]\n"
        "export.export_tiles(TilesRequest.from_json(json.loads(sys.argv[1])), print, lambda: False)\n"
    )
    command = [sys.executable, "-c", code, json.dumps(asked(threads=2).to_json())]
    done = tmp_path / "out.part" / "done.jsonl"
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not (done.exists() and done.read_bytes().count(b"\n") > 4):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "out").exists()
    with done.open("ab") as file:
        file.write(b'{"tile": "a_y000')  # a line that was cut off
    first = next(iter((tmp_path / "out.part" / "result" / "scenes").glob("*.tif")))
    first.write_bytes(first.read_bytes()[:100])  # a file that was, too
    export(asked(resume=True))
    assert digest(tmp_path / "out") == whole and not (tmp_path / "out.part").exists()


def test_an_input_that_changed_is_not_continued(asked, tmp_path: Path) -> None:
    folder = _begun(asked, tmp_path)
    os.utime(tmp_path / "a.tif", (1, 1))
    with pytest.raises(OutputError, match="differs from this one in: rasters; repeat"):
        export(asked(resume=True))
    assert folder.is_dir()
    export(asked(overwrite=True))
    assert not folder.exists()


def _begun(asked, tmp_path: Path) -> Path:
    calls = iter(range(100))
    with pytest.MonkeyPatch.context() as patch:
        real = cut.Bench.cut
        patch.setattr(
            cut.Bench, "cut", lambda bench, x, y: real(bench, x, y) if next(calls) < 3 else {}["killed"]
        )
        with pytest.raises(KeyError):
            export(asked(threads=1))
    return tmp_path / "out.part"


def test_a_finished_routerset_is_replaced_only_when_that_is_allowed(asked, whole, tmp_path: Path) -> None:
    export(asked(seed=1))
    before = digest(tmp_path / "out")
    for more in ({}, {"resume": True}):
        with pytest.raises(OutputError, match="already holds a routerset; choose another folder, or allow"):
            export(asked(**more))
    assert digest(tmp_path / "out") == before != whole
    (tmp_path / "out" / "scenes" / f"{read_routerset(tmp_path / 'out').entries[0].id}.tif.aux.xml").touch()
    export(asked(overwrite=True))
    assert digest(tmp_path / "out") == whole


@pytest.mark.parametrize("name", ["notes.txt", "scenes/photo.jpg", "catalog.csv", "more/x.tif"])
def test_what_no_routerset_wrote_is_never_touched(asked, tmp_path: Path, name: str) -> None:
    if name != "catalog.csv":
        export(asked())
    (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "out" / name).write_text("mine")
    before = digest(tmp_path / "out")
    with pytest.raises(
        OutputError, match=f"already holds {name.split('/m')[0].removesuffix('/x.tif')}, which"
    ):
        export(asked(overwrite=True))
    assert digest(tmp_path / "out") == before


def test_a_part_folder_of_someone_else_and_a_file_in_the_way(asked, tmp_path: Path) -> None:
    (tmp_path / "out.part" / "result").mkdir(parents=True)
    (tmp_path / "out.part" / "result" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is in the way of an unfinished routerset"):
        export(asked(overwrite=True))
    assert (tmp_path / "out.part" / "result" / "mine.txt").read_text() == "mine"
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is no folder"):
        export(asked(output=str(tmp_path / "file")))
    with pytest.raises(OutputError, match="cannot be written"):
        export(asked(output=str(tmp_path / "file" / "below")))


def test_folders_that_may_not_be_looked_into(asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.iterdir

    def closed(path: Path):
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    for name in ("out", "out.part"):
        (tmp_path / name).mkdir()
        with pytest.raises(
            OutputError, match=r"out' cannot be written \(Permission denied\); choose another"
        ):
            export(asked())


def test_an_empty_folder_is_taken(asked, whole, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(asked())
    assert digest(tmp_path / "out") == whole


def test_one_process_at_a_time(asked, tmp_path: Path) -> None:
    part = tmp_path / "out.part"
    part.mkdir()
    with FileLock(part / "lock"), pytest.raises(OutputError, match="Another process is writing"):
        export(asked())


@pytest.mark.parametrize("moves", [0, 1])
def test_an_older_routerset_comes_back_if_the_move_is_cut_off(
    tmp_path: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after the older one was put aside, or before."""
    target = tmp_path / "out"
    for content in (b'{"format": "hydranet-routerset/1"}', b'{"format": "hydranet-routerset/1", "new": 1}'):
        folder = TilesFolder(target, {}, overwrite=True, resume=False)
        folder.add({"tile": "t", "files": {}}, {})
        if b"new" not in content:
            with folder:
                folder.commit({"routerset.json": content}, set())
            continue
        real, count = os.replace, iter(range(9))

        def replace(source: Path, goal: Path, real=real, count=count, ours=folder.result) -> None:
            if Path(source) in (target, ours) and next(count) >= moves:
                raise KeyboardInterrupt
            real(source, goal)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace)
            with pytest.raises(KeyboardInterrupt), folder:
                folder.commit({"routerset.json": content}, set())
    assert target.exists() == (moves == 0)
    with TilesFolder(target, {}, overwrite=False, resume=True) as again:  # allowed: so it was when it began
        assert "new" not in (target / "routerset.json").read_text() and "t" in again.done
        again.commit({"routerset.json": content}, set())
    assert "new" in (target / "routerset.json").read_text() and not again.part.exists()
