"""What every training on a user's tiles has at hand, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import events
from ...bundle import BundleInfo
from ...networks.inference import NetworkModel
from ...routerset import RouterSet, TaskSpec
from ..extend import NewExpert, NewRow
from ..framework.loop import Supervision
from .progress import Progress
from .request import TrainRequest
from .tiles import OwnTile, load_tiles


@dataclass
class Job:
    """One training.

    Attributes:
        request: with absolute paths.
        data: the tiles' description.
        info: the bundle that is extended.
        model: of it, in the precision that is fast here.
        exact: of it, in float32.
        folder: run folder of the training.
        emit: hears events.
        enough: True = end with the best so far.
        progress: of all stages.
        warnings: what the user should know in the end.
    """

    request: TrainRequest
    data: RouterSet
    info: BundleInfo
    model: NetworkModel
    exact: NetworkModel
    folder: Path
    emit: events.Emit
    enough: Callable[[], bool]
    progress: Progress
    warnings: list[str] = field(default_factory=list)

    def log(self, line: str) -> None:
        """A line for the user."""
        self.emit(events.log("info", line))

    def warn(self, line: str) -> None:
        """What the user should know, at once and in the end."""
        self.warnings.append(line)
        self.emit(events.log("warning", line))

    def tiles(self, task: TaskSpec | None) -> dict[str, list[OwnTile]]:
        """All tiles by split, with the labels of a task; empty splits are told of."""
        self.progress.stage(0, 60, "Reading tiles")
        entries = self.data.entries
        found = load_tiles(self.data, entries, task, self.progress.cancelled, self.progress.of)
        for split, words in (("cal", "for calibration"), ("test", "to measure with")):
            if not self.data.of(split):
                self.warn(f"The routerset has no tiles in the split {split} {words}.")
        return {
            split: [tile for tile in found if tile.entry.split == split]
            for split in ("train", "val", "cal", "test")
        }

    def supervision(self, epochs: int, message: str) -> Supervision:
        """What the framework's loop asks and tells; epochs become events."""

        def told(number: int, row: Mapping[str, float], best: int, seconds: float) -> None:
            figures = {name: None if value != value else float(value) for name, value in row.items()}
            self.emit(events.epoch(number, epochs, figures, best, seconds))
            self.progress.message(f"{message}, epoch {number + 1} of {epochs} at most")

        return Supervision(self.request.seconds, self.enough, self.progress.cancelled, self.progress.at, told)


@dataclass(frozen=True)
class Outcome:
    """What a training gives.

    Attributes:
        experts, rows: for the new bundle.
        epochs, best_epoch, stopped: of the training, see `framework.loop.fit`.
        figures: on the splits val and test.
        router: figures of the rows by expert.
    """

    experts: Sequence[NewExpert]
    rows: Mapping[str, NewRow]
    epochs: int
    best_epoch: int
    stopped: str
    figures: Mapping[str, Any]
    router: Mapping[str, Any]
