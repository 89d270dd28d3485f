"""Doing a scene more than once: what is tried again, and how an attempt knows what the last one left.

A worker may be lost between any two steps, and its scene comes to another one with the same task. The rules
on folders that the user set must hold all the same: a run that was there before the job stays refused, one
that the job itself left is continued. So a job has a name, which its journals bear, and knows which runs were
there.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import rasterio

from .. import events
from ..errors import HydraNetError, OutputError, SceneError
from ..finished import finished_run
from ..journal import Done, Journal
from ..request import PredictRequest
from ..rundir import JOURNAL, RUN_JSON, RunFolder

if TYPE_CHECKING:
    from ..plan import Plan

T = TypeVar("T")

PAUSE_S = 2.0  # before the first further attempt; twice as long before each one after it
_POLL_S = 0.1
_REMOTE = ("/vsicurl", "/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift", "/vsiwebhdfs")


class Elsewhere(Protocol):
    """Has the tiles of a run worked out by others."""

    def __call__(self, plan: Plan, journal: Journal, done: Done) -> Done:
        """Fill the journal from `done` on; tells how far that went."""


@dataclass(frozen=True)
class Manner:
    """How a prediction is done here; it changes no result, and run.json tells nothing of it.

    Attributes:
        threads: inference threads, None = as the request says.
        job: name of the job that the prediction belongs to; its own unfinished run is continued.
        before: `mark` of the output folder before the job, None = no run was there.
        retries: further attempts where the network or the system failed.
        elsewhere: has the tiles worked out elsewhere, and tells how far that went.
    """

    threads: int | None = None
    job: str | None = None
    before: str | None = None
    retries: int = 0
    elsewhere: Elsewhere | None = None

    def continues(self, output: str) -> bool:
        """Whether the unfinished run in a folder is one that this job began."""
        return self.job is not None and Journal(Path(output) / JOURNAL).job == self.job

    def finished(self, request: PredictRequest, load: Callable[[], Any]) -> dict[str, Any] | None:
        """The run.json of the request's folder, if an earlier attempt of this job has put it there.

        Args:
            request: with absolute paths.
            load: gives the model it asks for.
        """
        folder = Path(request.output)
        if self.job is None or mark(folder) in (None, self.before):
            return None
        run = finished_run(request, load)
        if run is not None and (folder / JOURNAL).exists():
            with RunFolder.of_run(folder):  # its last step, removing the journal, was cut off
                pass
        return run


def mark(folder: Path) -> str | None:
    """What tells the run in a folder from every other, or None if there is none."""
    try:
        return hashlib.sha256((folder / RUN_JSON).read_bytes()).hexdigest()
    except OSError:
        return None


def is_remote(name: str) -> bool:
    """Whether a scene comes over the network, where what fails now may work in a moment."""
    return name.startswith(_REMOTE) or "/vsicurl" in name or "://" in name


def patiently(
    work: Callable[[], T],
    request: PredictRequest,
    manner: Manner,
    emit: events.Emit,
    cancelled: Callable[[], bool],
) -> T:
    """Do work of a scene, again if it failed in a way that need not last.

    Args:
        work: raises if it fails.
        request: of the scene.
        manner: says how often it may be tried again.
        emit: hears why it is.
        cancelled: ends the pauses.

    Raises:
        Exception: that of the last attempt.
    """
    for number in range(1, manner.retries + 1):
        try:
            with _forgetful(request.input):
                return work()
        except (HydraNetError, OSError) as error:
            if not _may_pass(error, request, manner):
                raise
            pause = PAUSE_S * 2 ** (number - 1)
            again = f"attempt {number + 1} of {manner.retries + 1} in {pause:g} s"
            emit(events.log("warning", f"{error} It is tried again: {again}."))
            end = time.monotonic() + pause
            while time.monotonic() < end and not cancelled():
                time.sleep(min(_POLL_S, pause))
    with _forgetful(request.input):
        return work()


def _forgetful(name: str) -> Any:
    """GDAL told to forget what it met at an address: it would repeat an error without asking again."""
    if not is_remote(name):
        return contextlib.nullcontext()
    place = max((name.find(prefix) for prefix in _REMOTE), default=-1)
    return rasterio.Env(CPL_VSIL_CURL_NON_CACHED=name[max(place, 0) :])


def _may_pass(error: Exception, request: PredictRequest, manner: Manner) -> bool:
    """Whether the next attempt may do better."""
    if isinstance(error, SceneError):
        return is_remote(request.input)
    if isinstance(error, OutputError):  # such as: an attempt that was given up for lost is still at work
        return manner.continues(request.output)
    return isinstance(error, OSError)
