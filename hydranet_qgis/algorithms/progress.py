"""The worker's events as Processing's progress and log."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingFeedback

# Share of the bar (percent) at which tiles begin and end; before lies the worker's start, after it
# the loading of the layers.
_BEGIN, _END = 3.0, 97.0


class JobFeedback:
    """Called with every event of a job; moves the bar and writes the log.

    Args:
        feedback: Processing's feedback of the algorithm.
    """

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        feedback.setProgressText("Starting the worker")

    def __call__(self, event: dict[str, Any]) -> None:
        name = event.get("event")
        if name == "started":
            self._feedback.setProgress(_BEGIN)
            self._feedback.setProgressText(f"Predicting {event.get('total_tiles', '?')} tiles")
        elif name == "progress":
            done, total = float(event.get("done") or 0), float(event.get("total") or 0)
            if total > 0:
                self._feedback.setProgress(_BEGIN + (_END - _BEGIN) * min(done / total, 1.0))
            if event.get("message"):
                self._feedback.setProgressText(str(event["message"]))
        elif name == "log":
            message = str(event.get("message") or "")
            if event.get("level") == "warning":
                self._feedback.pushWarning(message)
            else:
                self._feedback.pushInfo(message)
        elif name == "finished":
            self._feedback.setProgress(_END)
            self._feedback.setProgressText("Loading the results")
