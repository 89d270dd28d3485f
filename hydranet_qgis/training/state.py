"""One training as it is known in QGIS: its epochs so far, its end, and the wish to end it early.

Plain Python: an algorithm writes it in its own thread, and the panel reads it in the window's.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..i18n import tr

RUNNING, FINISHED, CANCELLED, FAILED = "running", "finished", "cancelled", "failed"

# What validation figures are called; of others the underscores are taken away.
_NAMES = {
    "iou": "IoU", "mean_iou": "mean IoU", "miou": "mean IoU", "f1": "F1", "mean_f1": "mean F1", "ap": "AP",
    "average_precision": "average precision", "roc_auc": "ROC AUC", "auc": "AUC", "ece": "ECE",
}  # fmt: skip
_LOSS, _VAL = "loss/", "val/"


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave.

    Attributes:
        number: from 1; 0 = measured before the first step.
        epochs: at most.
        figures: by column, such as "loss/total" and "val/iou"; NaN = could not be measured.
        best: number of the best epoch so far.
        seconds: spent in training by then.
    """

    number: int
    epochs: int
    figures: Mapping[str, float]
    best: int
    seconds: float


@dataclass(eq=False)
class Training:
    """One training of this session, and no other that looks like it.

    Attributes:
        title: what is trained, as the user reads it.
        what: "switcher", "expert" or "finetune".
        limit: seconds it may take, None for no limit.
        epochs: what came so far.
        message: what the worker does, until the first epoch comes.
        state: RUNNING, FINISHED, CANCELLED or FAILED.
        sentence: how it ended, "" while it runs.
        bundle: folder of the bundle it made, "" before and without one.
    """

    title: str
    what: str
    limit: float | None = None
    epochs: list[Epoch] = field(default_factory=list)
    message: str = ""
    state: str = RUNNING
    sentence: str = ""
    bundle: str = ""
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._enough = threading.Event()
        self._began = self.clock()
        self._ended: float | None = None

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.state == RUNNING

    @property
    def concluded(self) -> bool:
        """Whether it was told that it is enough."""
        return self._enough.is_set()

    @property
    def last(self) -> Epoch | None:
        """The last epoch that came."""
        return self.epochs[-1] if self.epochs else None

    @property
    def spent(self) -> float:
        """Seconds since it began, until it ended."""
        return (self.clock() if self._ended is None else self._ended) - self._began

    def conclude(self) -> None:
        """Have it end early with the best it has."""
        self._enough.set()

    def hear(self, event: Mapping[str, Any]) -> bool:
        """Take what an event of the worker tells; whether anything is new."""
        name = event.get("event")
        if name == "epoch":
            epoch = read_epoch(event)
            # A resumed training may tell an epoch again.
            self.epochs = [*(e for e in self.epochs if e.number < epoch.number), epoch]
            return True
        if name == "started":
            self._began = self.clock()  # waiting for another job is no part of it
            return True
        # The log too: it may have to wait for another run, or for the worker.
        if name in ("progress", "log") and event.get("message") and not self.epochs:
            self.message = str(event["message"])
            return True
        return False

    def end(self, state: str, sentence: str, bundle: str = "") -> None:
        """It is over."""
        self.sentence, self.bundle, self._ended, self.state = sentence, bundle, self.clock(), state

    def seconds_left(self) -> float | None:
        """How long it may still take, None while nothing can be said; patience may end it earlier."""
        last = self.last
        if not self.running or last is None:
            return None
        guesses = []
        if self.limit is not None:
            guesses.append(self.limit - last.seconds)
        worked = last.number - (self.epochs[0].number if len(self.epochs) > 1 else 0)
        taken = last.seconds - (self.epochs[0].seconds if len(self.epochs) > 1 else 0.0)
        if last.number > 0 and worked > 0 and taken > 0 and last.epochs >= last.number:
            guesses.append(taken / worked * (last.epochs - last.number))
        return max(0.0, min(guesses)) if guesses else None

    def main_figure(self) -> str:
        """Column of the validation figure that decides which epoch is the best, "" before there is one."""
        return next(iter(self.figure_columns()), "")

    def figure_columns(self) -> list[str]:
        """Columns of validation figures, the one that decides first."""
        return [name for name in self._columns() if name.startswith(_VAL) and "loss" not in name]

    def loss_columns(self) -> list[str]:
        """Columns of the loss: what is minimised, then that on the validation split."""
        losses = [name for name in self._columns() if name.startswith(_LOSS)]
        total = [name for name in losses if name == f"{_LOSS}total"] or losses[:1]
        return total + [name for name in self._columns() if name.startswith(_VAL) and "loss" in name]

    def points(self, column: str) -> list[tuple[int, float]]:
        """The epochs' numbers with one of their figures, NaN where there is none."""
        return [(epoch.number, epoch.figures.get(column, math.nan)) for epoch in self.epochs]

    def best(self) -> Epoch | None:
        """The best epoch so far."""
        last = self.last
        return next((e for e in self.epochs if last is not None and e.number == last.best), None)

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(name for epoch in list(self.epochs) for name in epoch.figures))


def read_epoch(event: Mapping[str, Any]) -> Epoch:
    """What an event `epoch` says; what is no number there is NaN."""
    figures = event.get("figures")
    told = figures if isinstance(figures, Mapping) else {}
    return Epoch(
        int(event.get("number") or 0),
        int(event.get("epochs") or 0),
        {str(name): _number(value) for name, value in told.items()},
        int(event.get("best") or 0),
        float(event.get("seconds") or 0.0),
    )


def figure_name(column: str) -> str:
    """What a column or figure is called: "val/mean_iou" is "mean IoU", "loss/total" is "training loss"."""
    kind, _, name = column.partition("/") if "/" in column else ("", "", column)
    if kind == "loss":
        return tr("training loss") if name in ("total", "") else name.replace("_", " ")
    if "loss" in name:
        return tr("validation loss")
    first, slash, rest = name.partition("/")
    told = _NAMES.get(first, first.replace("_", " "))
    return f"{told} {rest.replace('_', ' ')}".strip() if slash else told


def told(value: float) -> str:
    """A figure with as many digits as say something."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    return f"{value:.3f}" if 0.0005 <= size < 100 or value == 0 else f"{value:.3g}"


def _number(value: Any) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if known else math.nan
