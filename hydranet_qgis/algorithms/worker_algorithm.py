"""Algorithms whose work the worker does: prepare in the main thread, a job, and what becomes of it.

A subclass says what is refused (`check`), what is to be done (`resolve`, in the main thread, where layers
and the project may be asked) and does it (`work`, in the background, with plain values only).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingMultiStepFeedback,
)

from .. import environment
from ..errors import EnvironmentMissing, InputError, PluginError
from ..i18n import tr
from ..worker_client import WorkerClient, shared_client
from .base import HydraNetAlgorithm
from .progress import JobFeedback


class WorkerAlgorithm(HydraNetAlgorithm):
    """Base of the algorithms that have a worker do the work.

    Attributes:
        METHOD: the worker's word for the job.
    """

    METHOD = ""

    def __init__(self) -> None:
        super().__init__()
        self._problem: str | None = None
        self._client: WorkerClient | None = None

    def open_input(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Raise InputError if the input cannot be opened: QGIS would name the parameter and no more."""

    def for_types(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters as their own types are to check them; what `check` knows better may be left out."""
        return parameters

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Check what the parameters' own types cannot know; InputError if something cannot work."""

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Turn layers and project things into plain values; InputError if something cannot work."""
        raise NotImplementedError

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do it and return the results; PluginError if it fails. Touches no project and no window."""
        raise NotImplementedError

    def clean(self) -> None:
        """Remove what was only needed meanwhile, however it ended."""

    def progress_text(self) -> str:
        """What is told while tiles are worked on, with {done} and {total}."""
        return tr("Working on {done} of {total}")

    def listener(self, feedback: QgsProcessingFeedback) -> Callable[[dict[str, Any]], None]:
        """What hears the events of the job."""
        return JobFeedback(feedback, self.progress_text())

    def is_enough(self) -> bool:
        """Whether the job is to end early with the best it has; asked often while it runs."""
        return False

    def canExecute(self) -> tuple[bool, str]:
        """Whether there is a Python for the worker; asked anew each time, so that setting one up helps."""
        try:
            environment.find_interpreter()
        except EnvironmentMissing as error:
            return False, str(error)
        return True, ""

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Refuse what cannot work before anything starts, in one sentence."""
        try:
            self.open_input(parameters, context)
            accepted, message = super().checkParameterValues(self.for_types(parameters), context)
            if not accepted:
                return accepted, message
            self.check(parameters, context)
        except InputError as error:
            return False, str(error)
        return True, ""

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """See `resolve`."""
        # Now: should the plugin be unloaded before the job begins, it must not start another worker.
        self._client = shared_client()
        try:
            self.resolve(parameters, context)
        except InputError as error:
            # Told by processAlgorithm: an error raised here reaches nobody but the log.
            self._problem = str(error)
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """See `work`; every error becomes one sentence."""
        problem, results = self._problem, {}
        try:
            if not problem:
                results = self.work(parameters, context, feedback)
        except (PluginError, QgsProcessingException) as error:
            problem = str(error)
        finally:
            self.clean()
        if problem:
            # Out here: QGIS never lets go of an error that reaches it, and one raised while another is being
            # handled holds that one's frames, with layers in them that then outlive QGIS, which crashes.
            raise QgsProcessingException(problem)
        feedback.setProgress(100)
        return results

    def job(self, request: dict[str, Any], feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Have the worker do it; returns its last event.

        Raises:
            PluginError: it failed, crashed, was cancelled, or there is no worker.
        """
        listener = self.listener(feedback)
        interpreter = environment.find_interpreter()
        client = self._client or shared_client()
        return client.run(
            interpreter, self.METHOD, request, listener, feedback.isCanceled, enough=self.is_enough
        )


class Steps:
    """Several steps that share the bar of one algorithm; with one step it is all that step's.

    Args:
        feedback: of the algorithm; kept, because QGIS only points to it.
        count: number of steps.
    """

    def __init__(self, feedback: QgsProcessingFeedback, count: int) -> None:
        self._whole = feedback
        self._parts = QgsProcessingMultiStepFeedback(count, feedback) if count > 1 else None
        if self._parts is not None and feedback.isCanceled():
            self._parts.cancel()  # it hears only of what comes later
        self._next = 0

    def begin(self, text: str = "") -> QgsProcessingFeedback:
        """Begin the next step; returns the feedback to use in it."""
        if self._parts is None:
            step = self._whole
        else:
            step = self._parts
            step.setCurrentStep(self._next)
            step.setProgress(0)  # else the same share as of the step before would count as no news
        self._next += 1
        if text:
            step.setProgressText(text)
        return step
