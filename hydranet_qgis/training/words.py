"""What the panel and the log say of a training, in words."""

from __future__ import annotations

import math
from typing import Any

from ..i18n import tr
from .state import CANCELLED, FAILED, Epoch, Training, figure_name, told


def entry(training: Training) -> str:
    """A training in the list of them."""
    if training.running:
        return tr("{title} (running)").format(title=training.title)
    if training.state == CANCELLED:
        return tr("{title} (stopped)").format(title=training.title)
    if training.state == FAILED:
        return tr("{title} (failed)").format(title=training.title)
    column = training.main_figure()
    best = training.best()
    if best is None or not column:
        return training.title
    return f"{training.title}, {figure_name(column)} {told(best.figures.get(column, math.nan))}"


def epochs(training: Training) -> str:
    """Which epoch it is."""
    last = training.last
    if last is None:
        return tr("Before the first epoch")
    if not training.running:
        return tr("{count} epochs").format(count=last.number)
    if last.epochs <= 0:
        return tr("Epoch {number}").format(number=last.number)
    return tr("Epoch {number} of {epochs}").format(number=last.number, epochs=last.epochs)


def times(training: Training) -> str:
    """How long it has taken, and may still take."""
    spent = tr("{time} spent").format(time=clock(training.spent))
    left = training.seconds_left()
    if left is None or training.concluded:
        return spent
    return spent + ", " + tr("at most {time} left").format(time=clock(left))


def figures(training: Training) -> str:
    """The figure that decides: now and at the best."""
    column, last, best = training.main_figure(), training.last, training.best()
    if last is None or not column:
        return ""
    now = tr("{figure} {value} now").format(
        figure=figure_name(column), value=told(last.figures.get(column, math.nan))
    )
    if best is None:
        return now
    value = told(best.figures.get(column, math.nan))
    if not training.running:
        return tr("best {figure} {value}, in epoch {number}").format(
            figure=figure_name(column), value=value, number=best.number
        )
    return now + ", " + tr("best {value} in epoch {number}").format(value=value, number=best.number)


def doing(training: Training) -> str:
    """What the worker does where the curves do not tell it."""
    if training.concluded:
        return tr("It ends with the best epoch; the bundle is made then.")
    return training.message if training.last is None else ""


def epoch_line(epoch: Epoch) -> str:
    """An epoch in one line of the log."""
    head = tr("Epoch {number} of {epochs}").format(number=epoch.number, epochs=epoch.epochs)
    parts = [f"{figure_name(name)} {told(value)}" for name, value in epoch.figures.items() if name != "lr"]
    best = " " + tr("(the best so far)") if epoch.best == epoch.number else ""
    return f"{head}: {', '.join(parts)}{best}, {clock(epoch.seconds)}"


def stopped(reason: Any, epoch: Any) -> str:
    """Why it ended, and which epoch was kept."""
    known = {
        "patience": tr("It ended by itself, as it no longer became better"),
        "time": tr("It ended as its time was over"),
        "enough": tr("It was told that it is enough"),
        "epochs": tr("It did all its epochs"),
    }
    return tr("{why}; kept is epoch {epoch}, the best.").format(
        why=known.get(str(reason), str(reason)), epoch=epoch
    )


def clock(seconds: float) -> str:
    """A time that is known: "40 s", "3 min 05 s", "1 h 20 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{seconds} s").format(seconds=whole)
    if whole < 3600:
        return tr("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=f"{whole % 60:02d}")
    return tr("{hours} h {minutes} min").format(hours=whole // 3600, minutes=whole % 3600 // 60)
