"""The workers: processes on this machine, made and removed with the job, or those of another scheduler."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import json
import logging
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .. import events
from ..budget import DEFAULT_MEMORY_MB, cores
from ..errors import CancelledError, ClusterError
from .options import LOCAL, ClusterOptions, is_address

_HOST = "127.0.0.1"
_BASE_MB = 600  # of a worker besides what its request may use: Python, torch, the model
_CONNECT_S = 20
_WORKERS_S = 30
_STEP_S = 1  # of both, between two questions whether the user has stopped the job
_PREFIX = "hydranet-cluster-"
_LOCK = "hydranet.lock"
_FRESH_S = 60.0  # a lock that young may not be held yet
_LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "bokeh", "asyncio")
_ENVIRONMENT = {
    # Each inference thread computes alone; more would fight for the same cores.
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip


@contextlib.contextmanager
def cluster(
    options: ClusterOptions,
    emit: events.Emit,
    tasks: int,
    memory_mb: int | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Any]:
    """A client whose workers are there.

    Args:
        options: which.
        emit: hears where the dashboard is.
        tasks: as many processes are of use, at most.
        memory_mb: what each worker may use for a scene, None = as usual.
        cancelled: True ends the waiting.

    Raises:
        ClusterError: no scheduler answers, or it has no workers.
        CancelledError: the user stopped the job before it was begun.
    """
    import distributed  # noqa: F401  (sets levels of loggers)

    with contextlib.ExitStack() as stack:
        # What dask says is for its developers; what the user has to know is an error of ours.
        for name in _LOGGERS:
            stack.callback(logging.getLogger(name).setLevel, logging.getLogger(name).level)
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if options.scheduler == LOCAL:
            number = options.workers or min(default_workers(memory_mb), tasks)
            client = _local(stack, number, options.retries)
        else:
            client = _remote(stack, options, cancelled)
        _announce(client, emit, options.scheduler == LOCAL)
        try:
            _patiently(lambda step: client.wait_for_workers(1, timeout=step), _WORKERS_S, cancelled)
        except TimeoutError as error:
            raise ClusterError(
                f"The scheduler '{options.scheduler}' has had no worker for {_WORKERS_S} s; start some with "
                "`dask worker`, or use --scheduler local."
            ) from error
        yield client


def _patiently(attempt: Callable[[float], Any], seconds: float, cancelled: Callable[[], bool]) -> Any:
    """Wait for something in short steps, between which the user is heard.

    Args:
        attempt: takes how long it may wait; a TimeoutError or another OSError tells that it was in vain.
        seconds: in all.
        cancelled: True ends the waiting.

    Raises:
        OSError: of the last attempt.
        CancelledError: the user has stopped the job.
    """
    end = time.monotonic() + seconds
    while True:
        if cancelled():
            raise CancelledError("The run was stopped; nothing was written.")
        try:
            return attempt(_STEP_S)
        except OSError:  # a TimeoutError is one
            if time.monotonic() >= end:
                raise


def default_workers(memory_mb: int | None) -> int:
    """One process for each core, as far as memory goes.

    Args:
        memory_mb: what each may use for a scene, None = as usual.
    """
    from distributed.system import MEMORY_LIMIT  # of the machine, or of the container

    each = ((memory_mb or DEFAULT_MEMORY_MB) + _BASE_MB) * 2**20
    return max(1, min(cores(), int(MEMORY_LIMIT // each)))


def _local(stack: contextlib.ExitStack, workers: int, retries: int) -> Any:
    """Processes on this machine, which nobody else can reach and which leave nothing behind."""
    import dask
    from distributed import Client, LocalCluster

    _sweep(Path(tempfile.gettempdir()))
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True))
    stack.enter_context(FileLock(Path(folder) / _LOCK))
    # As dask is delivered: a user's settings for his clusters elsewhere do not reach into this one.
    stack.enter_context(dask.config.set(_delivered(dask.config.defaults)))
    stack.enter_context(
        dask.config.set(
            {
                "temporary-directory": folder,
                "distributed.scheduler.allowed-failures": retries,
                "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
                "distributed.worker.preload": ["model_core.cluster.preload"],
                # Tiles are counted many times a second; no old event is ever asked for.
                "distributed.admin.low-level-log-length": 1000,
            }
        )
    )
    made = stack.enter_context(
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host=_HOST, protocol="tcp://",
            dashboard_address=f"{_HOST}:0" if _has_bokeh() else None, memory_limit=0,
            local_directory=folder, silence_logs=logging.CRITICAL,
        )
    )  # fmt: skip
    return stack.enter_context(Client(made))


def _sweep(folder: Path) -> None:
    """Remove what local clusters left that were killed; the system freed their locks."""
    for path in folder.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError, Timeout):
            if time.time() - path.stat().st_mtime < _FRESH_S:
                continue
            with FileLock(path, timeout=0):
                shutil.rmtree(path.parent, ignore_errors=True)


def _delivered(defaults: list[Mapping[str, Any]]) -> dict[str, Any]:
    """dask's settings before any file or variable of the user's."""
    import dask

    return copy.deepcopy(dask.config.merge(*defaults))


def _remote(stack: contextlib.ExitStack, options: ClusterOptions, cancelled: Callable[[], bool]) -> Any:
    where = options.scheduler
    try:
        # Read here: dask would wait for a file that is not there, and for ever.
        address = json.loads(Path(where).read_text(encoding="utf-8"))["address"] if options.is_file else where
        if not is_address(address):
            raise ValueError(f"{address!r} is no address")
        return stack.enter_context(_connected(address, cancelled))
    except CancelledError:
        raise
    except Exception as error:  # whatever dask makes of another server's answer
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise ClusterError(
            f"No scheduler could be reached by '{where}' ({why}); start one with `dask scheduler`, check the "
            "address, or use --scheduler local."
        ) from error


def _connected(address: str, cancelled: Callable[[], bool]) -> Any:
    """A client, made in a thread: dask waits for ever for a server that takes the call and says nothing.

    Raises:
        Exception: no scheduler answers; of what kind is dask's affair.
        CancelledError: the user has stopped the job.
    """
    from distributed import Client

    answer: queue.Queue[Any] = queue.Queue()

    def call() -> None:
        try:
            answer.put(Client(address, timeout=_CONNECT_S))
        except Exception as error:  # raised below
            answer.put(error)

    threading.Thread(target=call, name="hydranet-connect", daemon=True).start()
    found = _patiently(lambda step: _got(answer, step), _CONNECT_S + _STEP_S, cancelled)
    if isinstance(found, Exception):
        raise found
    return found


def _got(answer: queue.Queue[Any], seconds: float) -> Any:
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None


def _has_bokeh() -> bool:
    return importlib.util.find_spec("bokeh") is not None


def _announce(client: Any, emit: events.Emit, local: bool) -> None:
    """Say where to watch the workers."""
    link = None
    if not local or _has_bokeh():
        with contextlib.suppress(KeyError, AttributeError, ValueError):  # a scheduler without a dashboard
            link = client.dashboard_link
    if link:
        emit(events.log("info", f"Dashboard: {link}"))
    elif local:
        emit(events.log("info", "There is no dashboard, as bokeh is not installed (pip install bokeh)."))
