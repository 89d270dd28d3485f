"""The worker's events of a training as Processing's progress and log, and for the panel."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingFeedback

from ..training import sessions, words
from ..training.state import Training
from .progress import JobFeedback


class TrainFeedback(JobFeedback):
    """Called with every event; the panel hears of each epoch, and the log gets a line for it.

    Args:
        feedback: Processing's feedback of the algorithm.
        training: is told what comes.
    """

    def __init__(self, feedback: QgsProcessingFeedback, training: Training) -> None:
        super().__init__(feedback, "")
        self._training = training

    def __call__(self, event: dict[str, Any]) -> None:
        new = self._training.hear(event)
        last = self._training.last
        if event.get("event") == "epoch" and last is not None:
            self._feedback.pushInfo(words.epoch_line(last))
        if event.get("event") == "progress":
            self._text = str(event.get("message") or "").replace("{", "{{").replace("}", "}}")
        super().__call__(event)
        if new:
            sessions.changed(self._training)
