"""Early stopping: when a training has stopped getting better on the *validation* split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class EarlyStopping:
    """Counts the epochs since the best figure.

    Args:
        patience: epochs without a better figure after which to stop.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0

    def better(self, epoch: int, figure: float) -> bool:
        """Take an epoch's figure, larger being better; True if it is the best so far."""
        if self.best is None or figure > self.best:
            self.best, self.best_epoch, self.waited = figure, epoch, 0
            return True
        self.waited += 1
        return False

    @property
    def done(self) -> bool:
        """Whether the patience is at its end."""
        return self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """As JSON takes it; see `restore`."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` described."""
        self.best, self.best_epoch, self.waited = state["best"], state["best_epoch"], state["waited"]
