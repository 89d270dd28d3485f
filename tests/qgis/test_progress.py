"""What a job's events become in the bar and in the log, with the time left."""

from __future__ import annotations

from typing import Any

import pytest

from hydranet_qgis.algorithms.progress import JobFeedback, TimeLeft, duration
from hydranet_qgis.algorithms.worker_algorithm import Steps
from tests.qgis.conftest import Feedback


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Told(Feedback):
    """Keeps the texts of the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def setProgressText(self, text: str) -> None:
        self.texts.append(text)


def _progress(done: int, total: int = 900, message: str = "") -> dict[str, Any]:
    return {"event": "progress", "done": done, "total": total, "message": message}


def test_tiles_are_counted_with_the_time_left() -> None:
    clock, told = Clock(), Told()
    job = JobFeedback(told, "Reading and routing tiles {done} of {total}", clock)
    job({"event": "started", "total_tiles": 900})
    job(_progress(0))
    clock.now = 6.0
    job(_progress(120))
    assert told.texts == [
        "Starting the worker",
        "Reading and routing tiles 0 of 900",
        "Reading and routing tiles 120 of 900, about 39 s left",
    ]
    assert told.steps[-1] == pytest.approx(3 + 94 * 120 / 900)


def test_the_log_does_not_get_a_line_for_every_batch() -> None:
    clock, told = Clock(), Told()
    job = JobFeedback(told, "{done} of {total}", clock)
    for number in range(1, 901):
        clock.now += 0.1
        job(_progress(number))
    assert 80 <= len(told.texts) <= 95
    assert told.texts[-1] == "900 of 900"


def test_what_an_earlier_run_did_says_nothing_about_the_speed() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    assert left(800, 900) == ""
    clock.now = 10.0
    assert left(850, 900) == ", about 10 s left"
    assert left(900, 900) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (40.4, "40 s"),
        (100, "2 min"),
        (3540, "59 min"),
        (3600, "1 h 0 min"),
        (5000, "1 h 23 min"),
    ],
)
def test_a_time_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_writing_files_and_messages_are_told() -> None:
    told = Told()
    job = JobFeedback(told, "{done} of {total}", Clock())
    job(_progress(900, message="Finishing water.tif"))
    job({"event": "log", "level": "warning", "message": "careful"})
    job({"event": "log", "level": "info", "message": "by the way"})
    job({"event": "finished"})
    assert told.texts[1:] == ["Writing water.tif", "Reading the results"]
    assert (told.warnings, told.lines) == (["careful"], ["by the way"])


def test_steps_share_the_bar_and_a_cancel_reaches_each() -> None:
    told = Told()
    steps = Steps(told, 2)
    first = steps.begin("one")
    first.setProgress(50)
    second = steps.begin("two")
    second.setProgress(50)
    assert told.steps == [25, 50, 75]
    assert told.texts == ["one", "two"]
    told.cancel()
    assert second.isCanceled()


def test_steps_that_begin_after_a_cancel_are_cancelled() -> None:
    told = Told()
    told.cancel()
    assert Steps(told, 2).begin("one").isCanceled()
