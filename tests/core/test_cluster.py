"""Forty scenes over two processes: the same bytes as in one, also if a process dies or a scene is bad."""

from __future__ import annotations

import csv
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

from model_core import cli, many
from model_core.cluster import run, tasks
from model_core.cluster.options import ClusterOptions
from model_core.cluster.start import cluster
from model_core.errors import BundleError, ClusterError, OutputError
from model_core.request import PredictRequest
from model_core.scene_list import expand
from tests.bench.enlarge import repeat
from tests.core import cluster_scenes
from tests.core.cluster_scenes import crops, results

SCENES = 40


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return crops(tmp_path_factory.mktemp("forty") / "scenes", SCENES)


def request(scenes: list[str], output: Path, **options: Any) -> PredictRequest:
    return PredictRequest(scenes[0], str(output), device="cpu", **options)


@pytest.fixture(scope="module")
def serial(scenes: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them in this process."""
    folder = tmp_path_factory.mktemp("serial")
    outcome = many.predict_many(expand(scenes, str(folder)), request(scenes, folder))
    assert {row.status for row in outcome.rows} == {"done"}
    return folder


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers; the jobs of the tests reach them by address."""
    said: list[dict[str, Any]] = []
    with cluster(ClusterOptions("local", workers=2, retries=2), said.append, 40) as client:
        assert "Dashboard: http://127.0.0.1:" in said[0]["message"]
        yield client


@pytest.fixture
def predict(client: Any, scenes: list[str]) -> Callable[..., many.Outcome]:
    """All scenes, or some, over the workers; `heard` takes the events."""

    def call(
        output: Path,
        which: list[str] | None = None,
        emit: Callable[[dict[str, Any]], None] = lambda _event: None,
        cancelled: Callable[[], bool] = lambda: False,
        **options: Any,
    ) -> many.Outcome:
        which = which or scenes
        spread = ClusterOptions(client.scheduler.address, retries=2)
        asked = request(which, output, **options)
        return run.predict_many(expand(which, str(output)), asked, spread, emit, cancelled)

    return call


def statuses(outcome: many.Outcome) -> list[str]:
    return [row.status for row in outcome.rows]


def summary(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_forty_scenes_over_two_workers(serial: Path, predict, client, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    outcome = predict(tmp_path, emit=events.append)
    assert statuses(outcome) == ["done"] * SCENES
    assert results(tmp_path) == results(serial)
    said = client.run(tasks.hello, run._expected(request(["x"], tmp_path)))
    assert [one["loads"] for one in said.values()] == [1, 1], "a worker loads the model once"
    names = ("scene", "status", "tiles", "routed", "abstained", "message")
    rows, wanted = summary(tmp_path), summary(serial)
    assert [[row[name] for name in names] for row in rows] == [
        [row[name] for name in names] for row in wanted
    ]
    assert list(rows[0]) == list(wanted[0])
    heard: dict[int, list[str]] = {}
    for event in (event for event in events[:-1] if "scene" in event):
        heard.setdefault(event["scene"]["number"], []).append(event["event"])
    assert len(heard) == SCENES and events[-1]["event"] == "summary"
    for kinds in heard.values():
        assert kinds[0] == "scene_started" and kinds[-2:] == ["finished", "scene_ended"]
        assert kinds.count("started") == kinds.count("finished") == kinds.count("scene_started") == 1
    assert outcome.bands == {text: list(range(1, SCENES + 1)) for text in outcome.bands}


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_worker_that_is_killed_costs_only_its_tasks(serial: Path, predict, client, tmp_path: Path) -> None:
    workers = set(client.run(os.getpid).values())
    ended, begun, killed = [], [], []

    def emit(event: dict[str, Any]) -> None:
        if event["event"] == "scene_ended":
            ended.append(event)
        elif event["event"] == "started":
            begun.append(event["scene"]["number"])
        if len(ended) >= 8 and event["event"] == "started" and not killed:
            killed.append(workers.pop())
            os.kill(killed[0], signal.SIGKILL)

    outcome = predict(tmp_path, emit=emit)
    assert killed and statuses(outcome) == ["done"] * SCENES
    assert SCENES <= len(begun) <= SCENES + 2, "a scene was begun again that had nothing to do with it"
    assert results(tmp_path) == results(serial)
    client.wait_for_workers(2, timeout=60)
    assert killed[0] not in client.run(os.getpid).values()


def test_one_bad_scene_of_forty(scenes, serial, client, tmp_path: Path, capsys, monkeypatch) -> None:
    bad = tmp_path / "s17.tif"
    bad.write_bytes(b"II*\0 and no more")
    which = [*scenes[:17], str(bad), *scenes[18:]]
    folder = tmp_path / "out"
    words = ["predict", *which, str(folder), "--device=cpu", f"--scheduler={client.scheduler.address}"]
    assert cli.main(words) == cli.FAILED
    out, err = capsys.readouterr()
    assert "Scenes: 39 done, 1 failed." in out and f"Failed: {bad}: '{bad}' cannot be opened" in out
    rows = summary(folder)
    assert [row["status"] for row in rows].count("done") == 39
    assert rows[17]["status"] == "failed" and rows[17]["scene"] == str(bad) in rows[17]["message"]
    wanted = {name: one for name, one in results(serial).items() if not name.startswith("s17")}
    assert results(folder) == wanted
    assert "hydranet: scene 18: failed: " in err and "Traceback" not in err


def test_a_scene_that_kills_its_workers_fails_alone(predict, scenes, client, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run.tasks, "work_scene", cluster_scenes.deadly)
    outcome = predict(tmp_path, scenes[:4])
    assert statuses(outcome) == ["done", "failed", "done", "done"]
    assert outcome.rows[1].message.startswith("Every worker that had it was lost (3 in all)")
    client.wait_for_workers(2, timeout=60)


def test_killed_in_the_last_steps_of_a_scene(predict, serial, scenes, client, tmp_path, monkeypatch) -> None:
    """What an attempt left is taken up, or taken for the result; it is not refused as a run of before."""
    monkeypatch.setattr(run.tasks, "work_scene", cluster_scenes.dying)
    outcome = predict(tmp_path, scenes[:3])
    assert len(list(tmp_path.glob("*.died"))) == 3 and statuses(outcome) == ["done"] * 3
    mine = {name: one for name, one in results(tmp_path).items() if not name.endswith(".died")}
    assert mine == {name: one for name, one in results(serial).items() if name[:3] in ("s00", "s01", "s02")}
    client.wait_for_workers(2, timeout=60)


def test_a_stop_ends_all_and_resume_goes_on(predict, serial, scenes, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    ended = [0]

    def emit(event: dict[str, Any]) -> None:
        events.append(event)
        ended[0] += event["event"] == "scene_ended"

    outcome = predict(tmp_path, scenes[:12], emit, lambda: ended[0] >= 2)
    found = statuses(outcome)
    assert outcome.stopped is not None and len(found) == 12 and not outcome.failed
    assert set(found) == {"done", "cancelled"} and found.count("done") <= 6
    assert not list(tmp_path.rglob("*.part"))
    again = predict(tmp_path, scenes[:12], resume=True)
    assert statuses(again) == ["skipped" if status == "done" else "done" for status in found]
    mine, wanted = results(tmp_path), results(serial)
    assert {n: b for n, b in mine.items() if "run.json" not in n} == {
        n: b for n, b in wanted.items() if n[:3] in {f"s{i:02d}" for i in range(12)} and "run.json" not in n
    }


def test_a_caller_who_is_gone_leaves_no_work_behind(predict, scenes, tmp_path, monkeypatch) -> None:
    """As after kill -9, or a second Ctrl-C: it could not tell the workers, and must be able to resume."""
    monkeypatch.setattr(run.tasks, "work_scene", cluster_scenes.lasting)

    def cancelled() -> bool:
        if len(list(tmp_path.glob("*.begun"))) == 2:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        predict(tmp_path, scenes[:3], cancelled=cancelled)
    end = time.monotonic() + 30
    while len(list(tmp_path.glob("*.ended"))) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert len(list(tmp_path.glob("*.ended"))) == len(list(tmp_path.glob("*.begun"))) == 2


def test_what_lies_in_a_folder_is_refused_as_ever(predict, scenes, client, tmp_path: Path) -> None:
    predict(tmp_path, scenes[:2])
    again = predict(tmp_path, scenes[:2])
    assert statuses(again) == ["failed"] * 2 and "already holds a run" in again.rows[0].message
    assert statuses(predict(tmp_path, scenes[:2], resume=True)) == ["skipped"] * 2
    assert statuses(predict(tmp_path, scenes[:2], overwrite=True)) == ["done"] * 2
    options = ClusterOptions(client.scheduler.address)
    with pytest.raises(OutputError, match="already holds a run"):
        run.predict_one(PredictRequest(scenes[0], str(tmp_path / "s00"), device="cpu"), options)


def test_strips_of_one_scene_give_the_bytes_of_one_process(client, scenes, tmp_path: Path) -> None:
    scene = repeat(Path(scenes[5]), 300, 1100, tmp_path / "tall.tif")
    options = ClusterOptions(client.scheduler.address, strip_rows=256)
    events: list[dict[str, Any]] = []
    for name, spread in (("cut", options), ("whole", ClusterOptions())):
        asked = PredictRequest(str(scene), str(tmp_path / name), device="cpu", uncertainty=True)
        if spread.serial:
            many.prediction.predict(asked)
        else:
            done = run.predict_one(asked, spread, events.append)
    assert results(tmp_path / "cut") == results(tmp_path / "whole")
    assert done["tiles"]["total"] == next(e["total_tiles"] for e in events if e["event"] == "started")
    counts = [event["done"] for event in events if event["event"] == "progress"]
    assert counts == sorted(counts) and counts[-1] == done["tiles"]["total"]
    assert events[-1]["event"] == "finished" and not (tmp_path / "cut" / "journal").exists()


def test_workers_of_another_version_or_model_are_refused(predict, scenes, tmp_path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run, "__version__", "0.0.1")
        with pytest.raises(ClusterError, match="has HydraNet .*, you have 0.0.1; install the same"):
            predict(tmp_path, scenes[:2])
    real = run._expected
    monkeypatch.setattr(run, "_expected", lambda asked: {**real(asked), "sha256": "sha256:" + "0" * 64})
    with pytest.raises(ClusterError, match="another model than you .* give all machines the same bundle"):
        predict(tmp_path, scenes[:2])


def test_a_bundle_that_is_none_is_told_before_any_worker_is_asked(predict, scenes, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No model bundle"):
        predict(tmp_path / "out", scenes[:2], bundle=str(tmp_path))
    assert not (tmp_path / "out").exists()
