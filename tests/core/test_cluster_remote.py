"""A scheduler and a worker started by hand; scenes over HTTP; the whole command with its own processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

from model_core import cli
from model_core.scene_list import scene_names
from tests.core.cluster_scenes import crops, results

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return crops(tmp_path_factory.mktemp("few") / "scenes", 3)


@pytest.fixture(scope="module")
def serial(scenes: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("serial") / "out"
    assert cli.main(["predict", *scenes, str(folder), "--device=cpu", "--scheduler=serial"]) == 0
    return results(folder)


class Ranges(SimpleHTTPRequestHandler):
    """Serves parts of files, as GDAL asks for them; `failures` requests fail first."""

    failures = 0

    def do_GET(self) -> None:  # noqa: N802
        path = Path(self.translate_path(self.path))
        if self._fails():
            return
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(asked[1]), int(asked[2] or len(data) - 1)) if asked else (0, len(data) - 1)
        part = data[first : last + 1]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(part)

    def do_HEAD(self) -> None:  # noqa: N802
        if not self._fails():
            super().do_HEAD()

    def _fails(self) -> bool:
        if Ranges.failures <= 0:
            return False
        Ranges.failures -= 1
        self.send_error(503)
        return True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(scenes: list[str]) -> Iterator[str]:
    folder = str(Path(scenes[0]).parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Ranges(*args, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"/vsicurl/http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A scheduler and a worker as processes of the system; the scheduler's file."""
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    dask = [sys.executable, "-m"]
    options = {"env": env, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = ["--host=127.0.0.1", "--port=0", "--no-dashboard", f"--scheduler-file={file}"]
    processes = [subprocess.Popen([*dask, "distributed.cli.dask_scheduler", *words], **options)]
    try:
        end = time.monotonic() + 60
        while not file.exists() and time.monotonic() < end:
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        words = [address, "--nthreads=1", "--no-dashboard", "--no-nanny", "--host=127.0.0.1"]
        processes.append(subprocess.Popen([*dask, "distributed.cli.dask_worker", *words], **options))
        yield {"file": str(file), "address": address, "process": processes[0]}
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)


def test_a_scheduler_elsewhere(scenes, serial, scheduler, tmp_path: Path, monkeypatch, capsys) -> None:
    """By its address, with relative paths; then by its file."""
    monkeypatch.chdir(tmp_path)
    names = [os.path.relpath(scene) for scene in scenes]
    words = ["predict", *names, "out", "--device=cpu", f"--scheduler={scheduler['address']}"]
    assert cli.main(words) == 0
    found = results(tmp_path / "out")
    assert found == serial
    words = ["predict", scenes[0], str(tmp_path / "one"), "--device=cpu"]
    assert cli.main([*words, f"--scheduler={scheduler['file']}"]) == 0
    assert f"Run folder: {tmp_path / 'one'}" in capsys.readouterr().out
    assert results(tmp_path / "one") == {
        name[4:]: one for name, one in serial.items() if name.startswith("s00")
    }


def test_scenes_over_http(url: str, scenes, serial, scheduler, tmp_path: Path) -> None:
    """A path that is not there fails alone, after all attempts."""
    (tmp_path / "list.txt").write_text("".join(f"{url}/s{n:02d}.tif\n" for n in (0, 1, 2, 77)))
    words = ["predict", str(tmp_path / "list.txt"), str(tmp_path / "out"), "--device=cpu", "--retries=0"]
    assert cli.main([*words, f"--scheduler={scheduler['address']}"]) == cli.FAILED
    found = results(tmp_path / "out")
    same = {name for name in serial if name.endswith((".tif", ".gpkg", ".qml"))}
    assert {name: found[name] for name in same} == {name: serial[name] for name in same}
    assert not any(name.startswith("s77") for name in found)


def test_a_scene_of_the_network_is_tried_again(
    url: str, scheduler, tmp_path: Path, monkeypatch, capsys
) -> None:
    """GDAL remembers errors of addresses, and must be kept from it."""
    monkeypatch.setattr(Ranges, "failures", 3)
    words = ["predict", f"{url}/s01.tif", str(tmp_path / "run"), "--device=cpu", "--retries=3"]
    assert cli.main([*words, f"--scheduler={scheduler['address']}"]) == 0
    assert "It is tried again: attempt 2 of 4" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_scheduler_that_is_killed_is_one_sentence(scenes, serial, scheduler, tmp_path: Path) -> None:
    """The last one to use it."""
    words = [*scenes, str(tmp_path / "out"), "--device=cpu"]
    command = [sys.executable, "-m", "model_core", "predict", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    asked = f"--scheduler={scheduler['address']}"
    with subprocess.Popen([*command, asked], env=env, stderr=subprocess.PIPE, text=True) as process:
        seen = [next(line for line in process.stderr if "scene 1" in line)]
        scheduler["process"].kill()
        seen += process.stderr.read().splitlines()
    assert process.returncode == cli.FAILED and "The scheduler is gone" in seen[-1]
    assert all(line.startswith("hydranet: ") for line in seen), seen
    end = time.monotonic() + 30
    while cli.main(["predict", *words, "--resume"]) and time.monotonic() < end:
        time.sleep(1.0)  # the worker has not noticed yet
    mine = results(tmp_path / "out")
    assert mine.keys() == serial.keys()
    assert all(mine[name] == serial[name] for name in serial if not name.endswith("run.json"))


def test_names_of_addresses() -> None:
    assert scene_names(["/vsicurl/https://x.org/a/b.tif"]) == ["b"]
    assert scene_names(["/vsicurl/https://x.org/b.tif?sig=a%2Fb&se=1"]) == ["b"]
    names = scene_names([f"/vsicurl?url=https%3A%2F%2Fx.org%2F{n}.tif" for n in "ab"])
    assert len(set(names)) == 2


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_in_a_terminal_reaches_all_and_leaves_nothing(scenes, tmp_path: Path, times: int) -> None:
    """The signal goes to the whole group, as a terminal sends it; no process and no folder stays."""
    (tmp_path / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(ROOT)}
    words = [*scenes, str(tmp_path / "out"), "--device=cpu", "--scheduler=local", "--workers=1"]
    command = [sys.executable, "-m", "model_core", "predict", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, env=env, cwd=tmp_path, **pipes) as process:
        seen = []
        for line in process.stderr:
            seen.append(line)
            if "scene 1: done" in line:
                for _ in range(times):
                    os.killpg(process.pid, signal.SIGINT)
                    time.sleep(0.05)
                break
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, (seen, err)
    assert "Traceback" not in err
    assert (times == 1) == ("1 done" in out and "cancelled" in out)
    with pytest.raises(ProcessLookupError):  # Python's own helper of spawned processes ends after them
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    assert list((tmp_path / "tmp").iterdir()) == []
