"""One warm worker: reused, replaced after a crash, stopped on request, never waited for in vain."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from hydranet_qgis import paths
from hydranet_qgis.environment import Interpreter
from hydranet_qgis.errors import PluginError, WorkerCancelled, WorkerCrashed, WorkerError
from hydranet_qgis.worker_client import WorkerClient
from tests.qgis.conftest import FAKE, PYTHON, make_scene


class Jobs:
    """A client, and its jobs by the name of their input."""

    def __init__(self, folder: Path, silence: float = 60.0) -> None:
        self.client = WorkerClient(job_silence_s=silence)
        self.events: list[dict[str, Any]] = []
        self._folder = folder

    def run(self, name: str, cancelled: Any = lambda: False) -> dict[str, Any]:
        source = self._folder / f"{name}.tif"
        if not source.exists():
            make_scene(source, 32, 16)
        params = {"input": str(source), "output": str(self._folder / f"out-{name}")}
        return self.client.run(PYTHON, "predict", params, self.events.append, cancelled)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paths, "worker_entry", lambda: FAKE)
    # The scripted worker refuses to start if it sees one of these.
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    made = Jobs(tmp_path)
    yield made
    made.client.shutdown()


def test_a_job_reports_and_finishes(jobs: Jobs) -> None:
    event = jobs.run("lake")
    assert event["summary"]["tiles"]["total"] == 2
    assert [e["done"] for e in jobs.named("progress")] == [1, 2]
    assert jobs.named("started")[0]["total_tiles"] == 12


def test_the_worker_stays_warm(jobs: Jobs) -> None:
    jobs.run("first")
    pid = jobs.client.pid
    jobs.run("second")
    assert jobs.client.pid == pid is not None


def test_an_error_of_the_job_leaves_the_worker_alone(jobs: Jobs) -> None:
    with pytest.raises(WorkerError, match="The raster has 3 bands") as caught:
        jobs.run("error")
    assert caught.value.kind == "BandError"
    pid = jobs.client.pid
    jobs.run("lake")
    assert jobs.client.pid == pid is not None


@pytest.mark.parametrize(
    ("name", "how"), [("crash", "exit code 3"), ("killed", "SIGKILL, often a lack of memory")]
)
def test_a_crash_brings_its_last_words_and_the_next_job_works(jobs: Jobs, name: str, how: str) -> None:
    with pytest.raises(WorkerCrashed, match=f"{how}.*RuntimeError: the tensor is too big"):
        jobs.run(name)
    assert jobs.client.pid is None
    assert jobs.run("lake")["event"] == "finished"


def test_what_a_library_prints_is_no_event_but_a_last_word(jobs: Jobs) -> None:
    with pytest.raises(WorkerCrashed, match="a library prints where it should not"):
        jobs.run("crash")


def test_cancelling_keeps_a_worker_that_listens(jobs: Jobs) -> None:
    with pytest.raises(WorkerCancelled):
        jobs.run("slow", cancelled=lambda: bool(jobs.named("progress")))
    pid = jobs.client.pid
    jobs.run("lake")
    assert jobs.client.pid == pid is not None


def test_cancelling_ends_a_worker_that_does_not_listen(jobs: Jobs) -> None:
    with pytest.raises(WorkerCancelled, match="had to be ended"):
        jobs.run("deaf", cancelled=lambda: bool(jobs.named("progress")))
    assert jobs.client.pid is None


def test_silence_is_an_error(jobs: Jobs, tmp_path: Path) -> None:
    quiet = Jobs(tmp_path, silence=0.5)
    with pytest.raises(WorkerCrashed, match="no sign of life"):
        quiet.run("mute")
    assert quiet.client.pid is None


def test_a_worker_lost_between_jobs_is_replaced(jobs: Jobs) -> None:
    jobs.run("first")
    pid = jobs.client.pid
    jobs.client._process.kill()
    jobs.run("second")
    assert jobs.client.pid not in (None, pid)


def test_another_protocol_is_refused(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRANET_FAKE_PROTOCOL", "2")
    with pytest.raises(WorkerCrashed, match="speaks protocol 2, this plugin speaks 1"):
        jobs.run("lake")
    assert jobs.client.pid is None


def test_a_program_that_is_no_python_is_reported(jobs: Jobs, tmp_path: Path) -> None:
    wrong = Interpreter(tmp_path / "missing", "tests")
    with pytest.raises(WorkerCrashed, match="could not be started with .*missing"):
        jobs.client.run(wrong, "predict", {}, jobs.events.append, lambda: False)


def test_a_worker_that_cannot_start_says_why(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "__main__.py").write_text("import torch_that_is_not_there")
    monkeypatch.setattr(paths, "worker_entry", lambda: tmp_path)
    with pytest.raises(WorkerCrashed, match="could not start.*No module named 'torch_that_is_not_there'"):
        jobs.run("lake")


def test_two_threads_take_turns_in_one_worker(jobs: Jobs) -> None:
    pids: list[int | None] = []

    def work(name: str) -> None:
        jobs.run(name)
        pids.append(jobs.client.pid)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 3
    assert len(set(pids)) == 1
    # Between the beginning of a job and its end no event of another one comes.
    order = [e["id"] for e in jobs.events if e["event"] in ("started", "finished")]
    assert order == [1, 1, 2, 2, 3, 3]


def test_waiting_for_a_turn_can_be_cancelled(jobs: Jobs) -> None:
    running = threading.Event()
    stop = threading.Event()

    def follow(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            running.set()

    def work() -> None:
        source = make_scene(jobs._folder / "slow.tif", 32, 16)
        params = {"input": str(source), "output": str(jobs._folder / "o")}
        with pytest.raises(WorkerCancelled):
            jobs.client.run(PYTHON, "predict", params, follow, stop.is_set)

    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(30)
    with pytest.raises(WorkerCancelled, match="before it began"):
        jobs.run("lake", cancelled=lambda: bool(jobs.named("log")))
    stop.set()
    thread.join()


def test_closing_ends_what_runs_and_starts_nothing_for_who_waits(jobs: Jobs) -> None:
    running, ended = threading.Event(), []

    def follow(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            running.set()

    def work(name: str) -> None:
        source = make_scene(jobs._folder / f"{name}.tif", 32, 16)
        params = {"input": str(source), "output": str(jobs._folder / f"o-{name}")}
        try:
            jobs.client.run(PYTHON, "predict", params, follow, lambda: False)
        except PluginError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=work, args=("slow",)), threading.Thread(target=work, args=("lake",))]
    threads[0].start()
    assert running.wait(30)
    threads[1].start()
    jobs.client.close()
    for thread in threads:
        thread.join(30)
    assert len(ended) == 2
    assert any("plugin was switched off, and this job" in sentence for sentence in ended)
    assert jobs.client.pid is None
    with pytest.raises(WorkerCancelled):
        jobs.run("later")
    assert jobs.client.pid is None
    assert not (jobs._folder / "o-lake").exists()


def test_a_follower_that_fails_does_not_leave_a_job_running(jobs: Jobs) -> None:
    def fail(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            raise ZeroDivisionError

    source = make_scene(jobs._folder / "slow.tif", 32, 16)
    params = {"input": str(source), "output": str(jobs._folder / "o")}
    with pytest.raises(ZeroDivisionError):
        jobs.client.run(PYTHON, "predict", params, fail, lambda: False)
    assert jobs.client.pid is None


def test_shutting_down_ends_the_process_and_may_be_repeated(jobs: Jobs) -> None:
    jobs.run("lake")
    process = jobs.client._process
    jobs.client.shutdown()
    jobs.client.shutdown()
    assert not process.alive
    assert process.how_it_ended() == "exit code 0"  # it left when asked to


def test_an_environment_is_held_by_a_job_and_not_by_a_worker_that_waits(jobs: Jobs) -> None:
    here = PYTHON.path.parents[1]
    assert not jobs.client.holds(here)
    held: list[bool] = []
    source = make_scene(jobs._folder / "lake.tif", 32, 16)
    params = {"input": str(source), "output": str(jobs._folder / "o")}
    jobs.client.run(
        PYTHON, "predict", params, lambda event: held.append(jobs.client.holds(here)), lambda: False
    )
    assert held[0] is False, "told before the worker is there"
    assert set(held[1:]) == {True}
    assert jobs.client.memory_bytes > 1_000_000
    assert not jobs.client.holds(here / "elsewhere")
    assert jobs.client.pid is not None
    assert not jobs.client.holds(here)
    assert jobs.client.pid is None, "it had nothing to do"
    assert jobs.client.memory_bytes is None
