"""A run gets another policy in the background, while its user goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProject

from hydranet_qgis.dock import rerouting
from hydranet_qgis.dock.rerouting import Rerouting, parameters
from hydranet_qgis.run_folder import Run
from hydranet_qgis.what_if import Policy
from tests.qgis.reroute_stand_in import Script, registered


@pytest.fixture
def script(qgis_processing: Any) -> Iterator[Script]:
    with registered() as made:
        yield made


@pytest.fixture
def job(project: QgsProject, qtbot: Any) -> Iterator[Rerouting]:
    made = Rerouting()
    yield made
    made.cancel()
    qtbot.waitUntil(lambda: not rerouting._running, timeout=10_000)
    made.deleteLater()


def test_it_asks_for_what_the_policy_says(run: Run) -> None:
    assert parameters(run, Policy("threshold", 2, 0.05, {"water": 0.4, "clouds": 0.25})) == {
        "RUN_FOLDER": str(run.folder),
        "POLICY": "threshold",
        "TOP_K": 2,
        "MISS_RATE": 5.0,
        "THRESHOLDS": "clouds=0.25,water=0.4",
    }
    assert "THRESHOLDS" not in parameters(run, Policy("top-k", 2, 0.05, {"water": 0.4}))
    assert parameters(run, Policy("recall", 2, 0.1))["MISS_RATE"] == 10.0


def test_it_works_in_the_background_and_tells_of_it(
    job: Rerouting, run: Run, script: Script, qtbot: Any
) -> None:
    script.go.clear()
    steps, said = [], []
    job.progressed.connect(steps.append)
    job.said.connect(said.append)
    assert job.start(run, Policy("top-k", 1))
    assert job.folder == str(run.folder)
    qtbot.waitUntil(lambda: bool(said) and bool(steps), timeout=10_000)
    with qtbot.waitSignal(job.done, timeout=10_000) as done:
        script.go.set()
    assert done.args == [str(run.folder)]
    assert job.folder == ""
    assert script.thread is not threading.main_thread()
    assert script.asked[0]["POLICY"] == "top-k"
    assert 40 in steps
    assert said == ["Decoding missing tiles 4 of 10"]


def test_only_one_job_at_a_time(job: Rerouting, run: Run, script: Script, qtbot: Any) -> None:
    script.go.clear()
    assert job.start(run, Policy("top-k", 1))
    assert not job.start(run, Policy("top-k", 2))
    with qtbot.waitSignal(job.done, timeout=10_000):
        script.go.set()
    assert len(script.asked) == 1


def test_an_error_is_told_in_its_own_words(job: Rerouting, run: Run, script: Script, qtbot: Any) -> None:
    script.error = "The worker ended unexpectedly; its last words: out of memory."
    with qtbot.waitSignal(job.failed, timeout=10_000) as failed:
        job.start(run, Policy("top-k", 1))
    assert failed.args == [script.error]
    assert job.folder == ""


def test_stopping_it_is_no_error(job: Rerouting, run: Run, script: Script, qtbot: Any) -> None:
    script.go.clear()
    job.start(run, Policy("top-k", 1))
    qtbot.waitUntil(lambda: bool(script.asked), timeout=10_000)
    with qtbot.waitSignal(job.failed, timeout=10_000) as failed:
        job.cancel()
    assert failed.args == [""]
    script.go.set()
    with qtbot.waitSignal(job.done, timeout=10_000):
        job.start(run, Policy("top-k", 1))


def test_what_cannot_begin_is_told_at_once(job: Rerouting, run: Run, script: Script, qtbot: Any) -> None:
    script.able = False
    with qtbot.waitSignal(job.failed) as failed:
        assert not job.start(run, Policy("top-k", 1))
    assert failed.args == ["No Python for the worker; set one up."]
    script.able, script.refused = True, "The run folder is gone."
    with qtbot.waitSignal(job.failed) as failed:
        assert not job.start(run, Policy("top-k", 1))
    assert failed.args == ["The run folder is gone."]
    assert script.asked == []


def test_without_the_algorithm_it_says_so(job: Rerouting, run: Run, qtbot: Any) -> None:
    assert QgsApplication.processingRegistry().algorithmById(rerouting.ALGORITHM) is None
    with qtbot.waitSignal(job.failed) as failed:
        assert not job.start(run, Policy("top-k", 1))
    assert "hydranet:reroute is not there" in failed.args[0]


def test_a_job_outlives_its_owner(run: Run, script: Script, project: QgsProject, qtbot: Any) -> None:
    script.go.clear()
    owner = Rerouting()
    owner.start(run, Policy("top-k", 1))
    qtbot.waitUntil(lambda: bool(script.asked), timeout=10_000)
    owner.deleteLater()
    del owner
    QgsApplication.processEvents()
    script.go.set()
    qtbot.waitUntil(lambda: not rerouting._running, timeout=10_000)
