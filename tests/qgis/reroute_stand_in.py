"""A stand-in for `hydranet:reroute` that does as a test tells it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsProcessingProvider,
)


class Script:
    """What the stand-in does, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.able, self.refused, self.error = True, "", ""
        self.crash: Exception | None = None
        self.go = threading.Event()
        self.go.set()
        self.thread: Any = None
        self.work: Any = None


class StandIn(QgsProcessingAlgorithm):
    script: Script

    def name(self) -> str:
        return "reroute"

    def displayName(self) -> str:
        return "reroute"

    def createInstance(self) -> StandIn:
        made = StandIn()
        made.script = self.script
        return made

    def initAlgorithm(self, configuration: Any = None) -> None:
        for name in ("RUN_FOLDER", "POLICY", "THRESHOLDS"):
            self.addParameter(QgsProcessingParameterString(name, name, optional=True))
        for name in ("TOP_K", "MISS_RATE", "THREADS", "MEMORY_MB"):
            self.addParameter(QgsProcessingParameterNumber(name, name, optional=True))

    def canExecute(self) -> tuple[bool, str]:
        return self.script.able, "" if self.script.able else "No Python for the worker; set one up."

    def checkParameterValues(self, values: Any, context: Any) -> tuple[bool, str]:
        return not self.script.refused, self.script.refused

    def processAlgorithm(self, values: Any, context: Any, feedback: Any) -> dict[str, Any]:
        script = self.script
        script.asked.append(dict(values))
        script.thread = threading.current_thread()
        feedback.setProgress(40)
        feedback.setProgressText("Decoding missing tiles 4 of 10")
        while not script.go.wait(0.01):
            if feedback.isCanceled():
                raise QgsProcessingException("cancelled")
        if script.crash is not None:
            raise script.crash
        if script.error:
            raise QgsProcessingException(script.error)
        if script.work is not None:
            script.work(values)
        return {"OUTPUT_FOLDER": values["RUN_FOLDER"]}


class StandInProvider(QgsProcessingProvider):
    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def id(self) -> str:
        return "hydranet"

    def name(self) -> str:
        return "HydraNet"

    def loadAlgorithms(self) -> None:
        algorithm = StandIn()
        algorithm.script = self._script
        self.addAlgorithm(algorithm)


@contextmanager
def registered() -> Iterator[Script]:
    """Register it under the provider's name; the script says what it does."""
    registry = QgsApplication.processingRegistry()
    made = Script()
    registry.addProvider(StandInProvider(made))
    try:
        yield made
    finally:
        made.go.set()
        registry.removeProvider("hydranet")
