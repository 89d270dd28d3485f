"""The worker: a process that QGIS keeps alive and talks to in JSON lines on standard input and output.

Standard input is read on the main thread, so that a cancel is heard while a job runs in its own
thread. A heartbeat tells the other side that the worker lives, however long a job takes.
"""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from . import events
from .events import EventWriter
from .jobs import CONCLUDED, JOBS, ModelCache, run_job

HEARTBEAT_SECONDS = 2.0
_PATIENCE = 60.0  # seconds a cancelled job gets to clean up before the process goes

_METHODS = ("hello", *JOBS, "cancel", "conclude", "shutdown")


@contextlib.contextmanager
def _signals_stay_here() -> Iterator[None]:
    """Threads started inside, and those they start, leave signals to the main thread.

    A signal that another thread receives does not wake the main thread, which waits for input: it
    would act on the signal only after the next line.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows has no such signals
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Job:
    """One of `JOBS` in a thread, with its own cancel flag and heartbeat."""

    def __init__(self, number: Any, method: str, params: Any, out: EventWriter, models: Any) -> None:
        self.number = number
        self._method = method
        self._params = params
        self._out = out
        self._models = models
        self._stop = threading.Event()
        self._enough = threading.Event()
        self._done = threading.Event()
        self._speaking = threading.Lock()
        self._threads = [
            threading.Thread(target=target, name=f"hydranet-{target.__name__}", daemon=True)
            for target in (self._work, self._beat)
        ]

    def start(self) -> None:
        """Begin."""
        with _signals_stay_here():
            for thread in self._threads:
                thread.start()

    def cancel(self) -> None:
        """Ask the job to stop; it answers with an event when it has."""
        self._stop.set()

    def conclude(self) -> None:
        """Tell the job that it is enough: one of `jobs.CONCLUDED` ends early, with the best it has."""
        self._enough.set()

    def wait(self, seconds: float) -> bool:
        """True once the job has ended."""
        return self._done.wait(seconds)

    @property
    def running(self) -> bool:
        """False once the last event has been written."""
        return not self._done.is_set()

    def _emit(self, event: events.Event) -> None:
        with self._speaking:
            # The job is over with its last event: whoever reads it may send the next job at once.
            if event["event"] in ("finished", "error", "cancelled"):
                self._done.set()
            self._out.emit({**event, "id": self.number})

    def _work(self) -> None:
        options = {"enough": self._enough.is_set} if self._method in CONCLUDED else {}
        try:
            run_job(self._params, self._emit, self._stopped, self._models, method=self._method, **options)
        finally:
            self._done.set()

    def _stopped(self) -> bool:
        return self._stop.is_set() or self._out.broken.is_set()

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT_SECONDS):
            with self._speaking:
                if self.running:  # never after the last event
                    self._out.emit({"event": "heartbeat", "id": self.number})


class Worker:
    """Answers requests until `shutdown` or the end of its input; one job at a time."""

    def __init__(self, out: EventWriter, models: Any = None) -> None:
        self._out = out
        self._models = models or ModelCache()
        self._job: Job | None = None

    def serve(self, lines: Iterable[bytes]) -> None:
        """Read requests to the end; a job still running then is cancelled and waited for."""
        self._out.emit({"event": "ready", "protocol": events.PROTOCOL, "versions": events.versions()})
        try:
            for line in lines:
                if self._out.broken.is_set() or (line.strip() and not self._answer(line)):
                    break
        finally:
            if self._job is not None and self._job.running:
                self._job.cancel()
                self._job.wait(_PATIENCE)

    def _answer(self, line: bytes) -> bool:
        """Act on one line; False ends the worker."""
        try:
            request = json.loads(line.decode("utf-8"))
        except ValueError as error:
            return self._refuse(None, f"A line is not JSON ({error}); write one JSON object per line.")
        if not isinstance(request, dict):
            return self._refuse(None, "A line is not a JSON object; write an object with id and method.")
        number, method, params = request.get("id"), request.get("method"), request.get("params")
        if method == "shutdown":
            return False
        if method == "hello":
            self._out.emit(
                {"event": "hello", "id": number, "protocol": events.PROTOCOL, "versions": events.versions()}
            )
        elif isinstance(method, str) and method in JOBS:
            self._begin(number, method, params)
        elif method in ("cancel", "conclude"):
            wanted = params.get("id") if isinstance(params, dict) else None
            # A job that has just ended needs no cancelling: its last event is on the way.
            if self._job is not None and self._job.running and wanted in (None, self._job.number):
                self._job.cancel() if method == "cancel" else self._job.conclude()
        else:
            return self._refuse(number, f"Method {method!r} is not known; use {', '.join(_METHODS)}.")
        return True

    def _begin(self, number: Any, method: str, params: Any) -> None:
        if self._job is not None and self._job.running:
            self._refuse(number, f"Job {self._job.number} is still running; wait for its end or cancel it.")
            return
        self._job = Job(number, method, params, self._out, self._models)
        self._job.start()

    def _refuse(self, number: Any, message: str) -> bool:
        self._out.emit({**events.failed("ProtocolError", message), "id": number})
        return True


def main(stdin: BinaryIO, models: Any = None) -> int:
    """Serve standard input and output until they close; `models` opens bundles, by default remembering."""
    out = EventWriter(events.claim_stdout())
    # A terminated worker still removes what it has half written. SIGINT is set too, because a process
    # started in the background of a shell may begin with it ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        Worker(out, models).serve(iter(stdin.readline, b""))
    except KeyboardInterrupt:
        return 130
    return 0
