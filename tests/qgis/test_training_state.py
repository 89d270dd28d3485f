"""What is known of a training, and the axes it is drawn on: no epochs or many, and figures that are none."""

from __future__ import annotations

import math

import pytest

from hydranet_qgis.training import sessions, words
from hydranet_qgis.training.axes import Axis, epoch_axis, tick_text, value_axis
from hydranet_qgis.training.state import CANCELLED, FINISHED, Training, figure_name, told
from tests.qgis.training_sets import event, learnt


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    sessions.clear()


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_columns_are_sorted_out_by_what_they_are() -> None:
    training = learnt(3)
    assert training.loss_columns() == ["loss/total"]
    assert training.figure_columns() == ["val/iou", "val/f1"] and training.main_figure() == "val/iou"
    alone = Training("x", "expert")
    alone.hear(event(1, figures={"loss/bce": 1.0, "val/loss": 2.0, "val/mean_ap": 0.5}))
    assert alone.loss_columns() == ["loss/bce", "val/loss"] and alone.main_figure() == "val/mean_ap"


def test_before_the_first_epoch_nothing_is_claimed() -> None:
    training = Training("x", "switcher")
    assert (training.last, training.best(), training.main_figure()) == (None, None, "")
    assert training.seconds_left() is None
    assert words.epochs(training) == "Before the first epoch" and words.figures(training) == ""


def test_what_could_not_be_measured_is_a_gap_and_not_a_number() -> None:
    training = Training("x", "expert")
    training.hear(event(1, figures={"val/iou": None, "loss/a": "high"}))
    training.hear(event(2, figures={"val/iou": 0.5}))
    assert [math.isnan(value) for _, value in training.points("val/iou")] == [True, False]
    assert all(math.isnan(value) for _, value in training.points("loss/a"))
    assert "–" in words.epoch_line(training.epochs[0])


def test_an_epoch_told_again_after_a_resume_takes_the_place_of_the_first() -> None:
    training = learnt(5)
    training.hear(event(3, figures={"val/iou": 0.9}))
    assert [epoch.number for epoch in training.epochs] == [1, 2, 3]
    assert training.last.figures == {"val/iou": 0.9}


def test_time_left_is_the_nearer_of_limit_and_epochs() -> None:
    assert learnt(10).seconds_left() == pytest.approx(90.0)  # 30 epochs of 3 s, and 270 s to the limit
    nearly = learnt(2)
    nearly.limit = 20.0
    assert nearly.seconds_left() == pytest.approx(14.0)
    nearly.limit = 1.0
    assert nearly.seconds_left() == 0.0
    nearly.end(FINISHED, "done")
    assert nearly.seconds_left() is None


def test_time_stands_still_after_the_end() -> None:
    clock = Clock()
    training = learnt(2, clock=clock)
    clock.now += 65
    assert words.times(training).startswith("1 min 05 s spent, at most ")
    training.end(FINISHED, "done")
    clock.now += 1000
    assert words.times(training) == "1 min 05 s spent"


def test_figures_are_told_now_and_at_the_best() -> None:
    training = learnt(6)
    assert words.figures(training) == "IoU 0.737 now, best 0.735 in epoch 4"
    training.end(FINISHED, "done")
    assert words.figures(training) == "best IoU 0.735, in epoch 4"
    assert words.entry(training) == "marsh: reed, new, IoU 0.735"
    training.end(CANCELLED, "stopped")
    assert words.entry(training) == "marsh: reed, new (stopped)"


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("val/iou", "IoU"),
        ("val/mean_iou", "mean IoU"),
        ("loss/total", "training loss"),
        ("val/loss", "validation loss"),
        ("val/ap/bare_soil", "AP bare soil"),
        ("loss/dice", "dice"),
        ("val/own_thing", "own thing"),
    ],
)
def test_columns_have_names_for_readers(column: str, name: str) -> None:
    assert figure_name(column) == name


def test_figures_have_digits_that_say_something() -> None:
    assert [told(value) for value in (0.7315, 0.0, 0.00012, 1234.5, math.nan)] == [
        "0.732", "0.000", "0.00012", "1.23e+03", "–",
    ]  # fmt: skip


def test_the_last_trainings_are_kept_and_a_running_one_always() -> None:
    first = learnt(1)
    sessions.begin(first)
    for _ in range(sessions.KEPT + 3):
        ended = learnt(1)
        ended.end(FINISHED, "done")
        sessions.begin(ended)
    assert len(sessions.trainings()) == sessions.KEPT
    assert sessions.trainings()[-1] is first and sessions.trainings()[0] is ended


def test_the_bell_rings_for_everything_until_it_is_forgotten() -> None:
    heard: list[Training] = []
    sessions.listen(heard.append)
    training = learnt(1)
    sessions.begin(training)
    sessions.changed(training)
    sessions.forget(heard.append)
    sessions.changed(training)
    assert heard == [training, training]


@pytest.mark.parametrize(
    "values",
    [[], [math.nan], [0.5], [0.0, 0.0], [0.1, 0.9], [-3.0, 5.0], [1e-9, 1.0], [3.0, 1e6], [math.inf, 2.0]],
)
@pytest.mark.parametrize("log", [False, True])
def test_an_axis_holds_its_values_and_has_ticks(values: list[float], log: bool) -> None:
    axis = value_axis(values, may_be_log=log)
    assert axis.low < axis.high
    for value in values:
        if math.isfinite(value):
            assert 0.0 <= axis.share(value) <= 1.0
    for most in (2, 4, 9):
        ticks = axis.ticks(most)
        assert 1 <= len(ticks) <= most + 1 and ticks == sorted(ticks)
        assert all(-1e-9 <= axis.share(tick) <= 1 + 1e-9 for tick in ticks)
        assert len({tick_text(tick) for tick in ticks}) == len(ticks)


def test_only_a_loss_that_falls_far_is_logarithmic() -> None:
    assert value_axis([0.01, 2.0], may_be_log=True).log
    assert not value_axis([0.5, 2.0], may_be_log=True).log
    assert not value_axis([0.01, 2.0]).log
    assert not value_axis([0.0, 2.0], may_be_log=True).log  # there is no logarithm of it
    assert Axis(0.01, 1.0, log=True).share(0.1) == pytest.approx(0.5)


def test_shares_stay_within_what_a_share_can_be() -> None:
    axis = value_axis([0.02, 0.99])
    assert axis.low == 0.0 and axis.high == 1.0


@pytest.mark.parametrize(
    ("first", "last", "epochs"), [(1, 1, 40), (0, 0, 1), (1, 7, 8), (1, 500, 500), (1, 9, 0)]
)
def test_the_axis_of_epochs_has_room_and_ends_with_the_last(first: int, last: int, epochs: int) -> None:
    axis = epoch_axis(first, last, epochs)
    assert axis.low == first and axis.high >= max(last, first + 1)
    if epochs >= last:
        assert axis.high <= max(epochs, first + 1)
