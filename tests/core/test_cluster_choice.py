"""How the work is spread is chosen and refused; calling a scheduler; a job whose workers are stood in for."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

pytest.importorskip("distributed")

from model_core import cli
from model_core.cluster import run, spread, start
from model_core.cluster.options import ClusterOptions, choose
from model_core.errors import CancelledError, ClusterError, RequestError
from model_core.many import CANCELLED, Told
from model_core.request import PredictRequest
from model_core.scene_list import SceneEntry


@pytest.mark.parametrize(
    ("asked", "workers", "said"),
    [("tcp:/x", None, "is no scheduler"), ("serial", 2, "does not start"), ("local", 0, "--workers is 0")],
)
def test_options_that_cannot_work(asked: str, workers: int | None, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        ClusterOptions(asked, workers)


def test_what_is_chosen_when_nothing_is_said(monkeypatch) -> None:
    monkeypatch.delenv("HYDRANET_SCHEDULER", raising=False)

    def chosen(scenes: int, device: str = "cpu", workers: int | None = None) -> tuple[str, bool]:
        names = [f"/vsis3/{n}.tif" for n in range(scenes)]
        options, note = choose(None, workers, None, 2, scenes=names, device=device)
        return options.scheduler, note is not None

    assert chosen(1) == ("serial", False) and chosen(2) == ("local", False)
    assert chosen(2, "cuda") == ("serial", False) and chosen(1, workers=2) == ("local", False)
    monkeypatch.setattr("model_core.cluster.options.is_installed", lambda: False)
    assert chosen(2) == ("serial", True) and chosen(1) == ("serial", False)
    with pytest.raises(RequestError, match="not installed; pip install"):
        choose("tcp://a:1", None, None, 2, scenes=["a.tif"], device="cpu")


def test_small_files_are_not_worth_a_cluster(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HYDRANET_SCHEDULER", raising=False)
    monkeypatch.setattr("model_core.cluster.options.SMALL_MB", 1)
    files = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for file in files:
        file.write_bytes(bytes(2**19))

    def chosen(*scenes: str | Path, asked: str | None = None) -> str:
        return choose(asked, None, None, 2, scenes=list(map(str, scenes)), device="cpu")[0].scheduler

    assert chosen(*files) == "serial" and chosen(*files, asked="local") == "local"
    assert chosen(*files, "nowhere.tif") == chosen(*files, tmp_path) == "local"
    with files[0].open("ab") as file:
        file.write(b"x")
    assert chosen(*files) == "local"


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes calls and says nothing; dask would wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "scheduler",
    ["none.json", "list.json", "null.json", "tcp://127.0.0.1", "tcp://127.0.0.1:1", "tls://127.0.0.1:1", ""],
)
def test_no_scheduler_there(tmp_path: Path, capsys, monkeypatch, silent: str, scheduler: str) -> None:
    """An address of nobody starts no cluster by itself, as dask would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "_CONNECT_S", 0.5)
    Path("list.json").write_text("[1]")
    Path("null.json").write_text('{"address": null}')
    words = ["predict", "a.tif", "b.tif", "out", f"--scheduler={scheduler or silent}"]
    assert cli.main(words) == cli.FAILED
    err = capsys.readouterr().err
    assert "No scheduler could be reached" in err and err.count("\n") == 1


def test_a_stop_while_connecting_or_waiting_for_workers(silent: str) -> None:
    begin = time.monotonic()
    with pytest.raises(CancelledError), start.cluster(
        ClusterOptions(silent), print, 1, cancelled=lambda: time.monotonic() > begin + 0.5
    ):  # fmt: skip
        pytest.fail("there is nobody")
    with pytest.raises(CancelledError):
        start._patiently(lambda _step: [][0], 60, lambda: True)
    assert time.monotonic() < begin + start._CONNECT_S


def test_what_a_killed_cluster_left_is_removed_by_the_next(tmp_path: Path) -> None:
    old, young, alive = folders = [tmp_path / f"{start._PREFIX}{name}" for name in ("old", "young", "alive")]
    for folder in folders:
        (folder / "dask-scratch-space").mkdir(parents=True)
        (folder / start._LOCK).touch()
        if folder != young:
            os.utime(folder / start._LOCK, (0, 0))
    (tmp_path / f"{start._PREFIX}not ours").mkdir()
    with FileLock(alive / start._LOCK):
        os.utime(alive / start._LOCK, (0, 0))
        start._sweep(tmp_path)
    assert not old.exists() and len(list(tmp_path.iterdir())) == 3


class Future:
    """A task that never ends by itself."""

    status = "pending"

    def done(self) -> bool:
        return self.status != "pending"

    def result(self) -> dict[str, Any]:
        return {"error": ["CancelledError", "Stopped."]}

    def exception(self) -> Exception:
        return ValueError("broken")

    def add_done_callback(self, _call: Any) -> None:
        pass


class Client:
    """A scheduler with some threads, which may go away."""

    status = "running"

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.futures: list[Future] = []
        self.tasks: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.dropped: list[Future] = []

    def nthreads(self) -> dict[str, int]:
        return {f"tcp://{n}": 1 for n in range(self.threads)}

    def submit(self, _work: Any, task: dict[str, Any], **_options: Any) -> Future:
        self.tasks.append(task)
        self.futures.append(Future())
        return self.futures[-1]

    def run(self, what: Any, argument: Any, **_options: Any) -> dict[str, Any]:
        if what is run.tasks.stop:
            self.stopped.append(argument)
            for future in self.futures[1:]:
                future.status = "finished"
        return {}

    def cancel(self, futures: list[Future]) -> None:
        self.dropped += futures

    def subscribe_topic(self, *_: Any) -> None:
        pass

    unsubscribe_topic = subscribe_topic


def job(client: Client, scheduler: str = "local", cancelled: Any = lambda: False, **asked: Any) -> run._Job:
    request = PredictRequest("a.tif", "out", **asked)
    return run._Job(client, request, ClusterOptions(scheduler), {}, lambda _event: None, cancelled)


@pytest.mark.parametrize(
    ("scheduler", "cores", "asked", "threads"),
    [("local", 16, None, 8), ("local", 1, None, 1), ("local", 16, 3, 3), ("tcp://a:1", 16, None, 1)],
)
def test_fewer_scenes_than_cores_leave_no_core_idle(
    monkeypatch, scheduler: str, cores: int, asked: int | None, threads: int
) -> None:
    monkeypatch.setattr(run, "cores", lambda: cores)
    client = Client(2)
    made = job(client, scheduler, lambda: len(client.tasks) == 2, threads=asked)
    monkeypatch.setattr(made, "_look", lambda: setattr(made, "_room", 0 if client.tasks else 2))
    made.run([SceneEntry(n, f"{n}.tif", f"{n}") for n in (1, 2)], lambda _: None, lambda *_: None, print)
    assert [task["threads"] for task in client.tasks] == [threads, threads]


def test_a_stop_without_any_worker_left_ends_the_job(monkeypatch) -> None:
    """Nobody would ever tell how its scene ended."""
    monkeypatch.setattr(run, "_LOOK_S", 0.0)
    client, ended = Client(1), []

    def cancelled() -> bool:
        if client.futures:
            client.threads = 0
        return not client.threads

    made = job(client, cancelled=cancelled)
    scenes = [SceneEntry(n, f"{n}.tif", f"{n}") for n in (1, 2)]

    def end(scene: SceneEntry, told: Told) -> None:
        ended.append((scene.number, told.row.status))

    made.run(scenes, lambda _scene: None, lambda *_: None, end)
    assert ended == [(1, CANCELLED)] and made.left_out == scenes[1:] and client.dropped == client.futures


def test_strips_have_ended_before_their_scene_fails(tmp_path: Path) -> None:
    """They write into its journal, which may be removed then."""
    client = Client(2)
    strips = [spread.Strip(256 * n, 256 * n + 256) for n in range(3)]
    cutter = spread.Spread({"scene": [1]}, print, lambda: False)
    submit = client.submit

    def fail_first(*args: Any, **options: Any) -> Future:
        future = submit(*args, **options)
        future.status = "pending" if len(client.futures) > 1 else "error"
        return future

    client.submit = fail_first
    done = SimpleNamespace(start=SimpleNamespace(spent={}))
    with pytest.raises(ClusterError, match="broken"):
        cutter._work_through(client, strips, SimpleNamespace(folder=tmp_path), done)
    assert client.stopped == [client.tasks[0]["group"]] and all(future.done() for future in client.futures)
    assert client.dropped == []
