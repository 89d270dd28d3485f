"""Jobs for the worker: one warm process, one job at a time, safe to call from any thread.

A cold start costs seconds, so the process is kept while QGIS runs. There is no limit on how long a
job may take: the worker sends heart-beats, and only silence is an error.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import paths
from .environment import Interpreter, worker_environment
from .errors import PluginError, WorkerCancelled, WorkerCrashed, WorkerError
from .i18n import tr
from .worker_process import WorkerProcess, worker_command

PROTOCOL = 1

_POLL_S = 0.1
# Silence is counted in polls, not read off a clock: a laptop that slept must not kill its worker.
_START_SILENCE_S = 300.0
_JOB_SILENCE_S = 120.0
# A worker that does not stop politely within this is killed; together well below 2 s.
_CANCEL_PATIENCE_S = 1.2

EventHandler = Callable[[dict[str, Any]], None]
Asked = Callable[[], bool]


def _never() -> bool:
    return False


class WorkerClient:
    """Keeps at most one worker and gives it jobs.

    Args:
        job_silence_s: seconds without any line from a working worker before it counts as hung.
    """

    def __init__(self, job_silence_s: float = _JOB_SILENCE_S) -> None:
        self._job_silence_s = job_silence_s
        self._turn = threading.Lock()  # held during a job
        self._swap = threading.Lock()  # guards _process against shutdown() from another thread
        self._process: WorkerProcess | None = None
        self._next_id = 0
        self._closed = False
        self.versions: dict[str, Any] = {}  # what the last worker said it has

    @property
    def pid(self) -> int | None:
        """Process id of the warm worker, None if there is none."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    @property
    def memory_bytes(self) -> int | None:
        """Memory the warm worker occupies; None if there is none or the system does not tell cheaply."""
        process = self._process
        return process.memory_bytes() if process is not None and process.alive else None

    @property
    def busy(self) -> bool:
        """Whether a job runs or the worker is being started."""
        return self._turn.locked()

    def holds(self, folder: Path) -> bool:
        """Whether a job runs in a worker from that environment; one from there that only waits is stopped."""
        process = self._process
        if process is None or folder not in Path(process.command[0]).parents:
            return False
        if not self._turn.acquire(blocking=False):
            return True
        try:
            self.shutdown()
        finally:
            self._turn.release()
        return False

    def run(
        self,
        interpreter: Interpreter,
        method: str,
        params: dict[str, Any],
        on_event: EventHandler,
        cancelled: Asked,
        enough: Asked = _never,
    ) -> dict[str, Any]:
        """Do one job and return its "finished" event.

        Args:
            interpreter: Python to start the worker with, if it does not run yet.
            method: job of the worker, such as "predict".
            params: its request.
            on_event: called in this thread with every event of the job, and with
                `{"event": "log", …}` lines of our own.
            cancelled: polled; once True the job is stopped within 2 seconds.
            enough: polled; once True a job that can end early, such as a training, is told to finish with
                the best it has. It then ends as any other.

        Raises:
            WorkerError: the job failed with a sentence for the user.
            WorkerCrashed: the process ended, hung, or could not start.
            WorkerCancelled: stopped by the user.
        """

        def stopped() -> bool:
            return self._closed or cancelled()

        self._wait_for_turn(on_event, stopped)
        try:
            if self._closed:
                raise WorkerCancelled(tr("The HydraNet plugin was switched off."), began=False)
            process = self._ensure(interpreter, on_event, stopped)
            self._next_id += 1
            try:
                return self._follow(process, self._next_id, method, params, on_event, stopped, enough)
            except PluginError:
                raise
            except BaseException:
                self._discard(process)  # nobody follows the job any more, so it must not go on
                raise
        finally:
            self._turn.release()

    def shutdown(self) -> None:
        """End the worker; a job that runs in it fails. A later `run` starts a new one."""
        with self._swap:
            process, self._process = self._process, None
        if process is not None:
            process.kill() if self.busy else process.stop()

    def close(self) -> None:
        """End the worker for good: a job that waits for its turn, or comes later, is cancelled."""
        self._closed = True
        self.shutdown()

    def _wait_for_turn(self, on_event: EventHandler, cancelled: Asked) -> None:
        told = False
        while not self._turn.acquire(timeout=_POLL_S):
            if cancelled():
                raise WorkerCancelled(tr("The run was cancelled before it began."), began=False)
            if not told:
                told = True
                on_event(_log(tr("Waiting for another HydraNet run to finish.")))

    def _ensure(self, interpreter: Interpreter, on_event: EventHandler, cancelled: Asked) -> WorkerProcess:
        command = worker_command(interpreter.path, paths.worker_entry())
        with self._swap:
            process = self._process
        if process is not None and process.alive and process.command == tuple(command):
            _drain(process)
            return process
        if process is not None:
            process.stop()
        on_event(
            _log(
                tr("Starting the HydraNet worker with {path} ({origin}).").format(
                    path=interpreter.path, origin=interpreter.origin
                )
            )
        )
        try:
            process = WorkerProcess(command, worker_environment(os.environ, _qgis_prefix()))
        except OSError as error:
            raise WorkerCrashed(
                tr("The HydraNet worker could not be started with {path}: {why}.").format(
                    path=interpreter.path, why=error.strerror or error
                )
            ) from error
        with self._swap:
            self._process = process
        self._await_ready(process, interpreter, cancelled)
        return process

    def _await_ready(self, process: WorkerProcess, interpreter: Interpreter, cancelled: Asked) -> None:
        silence = 0.0
        while True:
            if cancelled():
                self._discard(process)
                raise WorkerCancelled(tr("The run was cancelled while its worker started."), began=False)
            try:
                event = process.events.get(timeout=_POLL_S)
            except queue.Empty:
                silence += _POLL_S
                if silence > _START_SILENCE_S:
                    self._discard(process)
                    raise WorkerCrashed(
                        tr(
                            "The HydraNet worker said nothing for {n} s after it was started with {path}."
                        ).format(n=f"{silence:.0f}", path=interpreter.path)
                        + _said(process)
                    ) from None
                continue
            if event is None:
                self._discard(process)
                raise WorkerCrashed(
                    tr(
                        "The HydraNet worker could not start with {path} ({how}); "
                        "see Settings > Options > HydraNet, where an environment can be made and tested."
                    ).format(path=interpreter.path, how=process.how_it_ended())
                    + _said(process)
                )
            if event.get("event") == "ready":
                if event.get("protocol") != PROTOCOL:
                    self._discard(process)
                    raise WorkerCrashed(
                        tr(
                            "The HydraNet worker speaks protocol {found}, this plugin speaks {expected}; "
                            "install the plugin anew and restart QGIS."
                        ).format(found=event.get("protocol"), expected=PROTOCOL)
                    )
                self.versions = event.get("versions") or {}
                return

    def _follow(
        self,
        process: WorkerProcess,
        job: int,
        method: str,
        params: dict[str, Any],
        on_event: EventHandler,
        cancelled: Asked,
        enough: Asked,
    ) -> dict[str, Any]:
        process.send({"id": job, "method": method, "params": params})
        silence, asked_at, concluded = 0.0, None, False
        while True:
            if not concluded and asked_at is None and enough():
                concluded = process.send({"id": job + 2_000_000, "method": "conclude", "params": {"id": job}})
            if asked_at is None and cancelled():
                asked_at = time.monotonic()
                process.send({"id": job + 1_000_000, "method": "cancel", "params": {"id": job}})
            if asked_at is not None and time.monotonic() - asked_at > _CANCEL_PATIENCE_S:
                self._discard(process)
                raise WorkerCancelled(tr("The run was cancelled; its worker had to be ended."))
            try:
                event = process.events.get(timeout=_POLL_S)
            except queue.Empty:
                silence += _POLL_S
                if silence > self._job_silence_s:
                    self._discard(process)
                    raise WorkerCrashed(
                        tr(
                            "The HydraNet worker gave no sign of life for {n} s and was ended; "
                            "run it again, with fewer experts or a smaller extent."
                        ).format(n=f"{silence:.0f}")
                        + _said(process)
                    ) from None
                continue
            silence = 0.0
            if event is None:
                process.wait(2.0)
                self._discard(process)
                if self._closed:
                    raise WorkerCrashed(tr("The HydraNet plugin was switched off, and this job with it."))
                raise WorkerCrashed(
                    tr(
                        "The HydraNet worker stopped unexpectedly ({how}); the next run starts a new one."
                    ).format(how=process.how_it_ended())
                    + _said(process)
                )
            if event.get("id") != job:
                continue  # heart-beats, and what is left of an earlier job
            name = event.get("event")
            if name == "cancelled":
                raise WorkerCancelled(tr("The run was cancelled; nothing was written."))
            if name == "error":
                raise WorkerError(
                    str(event.get("message") or tr("The run failed.")), str(event.get("kind") or "")
                )
            on_event(event)
            if name == "finished":
                return event

    def _discard(self, process: WorkerProcess) -> None:
        process.kill()
        with self._swap:
            if self._process is process:
                self._process = None


def _drain(process: WorkerProcess) -> None:
    """Forget what a warm worker said since the last job."""
    while True:
        try:
            event = process.events.get_nowait()
        except queue.Empty:
            return
        if event is None:
            process.events.put(None)  # it has just ended: let the job find out
            return


def _said(process: WorkerProcess) -> str:
    words = process.last_words()
    return " " + tr("Its last words: {words}").format(words=words) if words else ""


def _log(message: str) -> dict[str, Any]:
    return {"event": "log", "level": "info", "message": message}


def _qgis_prefix() -> str:
    from qgis.core import QgsApplication

    return QgsApplication.prefixPath()


_shared = WorkerClient()


def shared_client() -> WorkerClient:
    """The one client of this QGIS."""
    return _shared


def close_shared_client() -> None:
    """Close it, for unloading; who asks for it from now on gets another."""
    global _shared
    client, _shared = _shared, WorkerClient()
    client.close()


# Last resort where nobody unloads the plugin (qgis_process); the worker also ends with our pipes.
atexit.register(close_shared_client)
