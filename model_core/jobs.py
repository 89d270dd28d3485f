"""The jobs a worker can do, each of which speaks in events only; `predict --events` is one of them.

Every job has the same shape: parameters as JSON, a place for events, a question whether to stop, and a
loader of models. What it imports it imports when it is asked for: a worker says hello before numpy is there,
and `check` can tell what is missing.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import events
from .errors import BundleError, CancelledError, HydraNetError, RequestError
from .libraries import cannot_import

if TYPE_CHECKING:
    from .model import Model

LoadModel = Callable[..., "Model"]  # as in `predict`
Cancelled = Callable[[], bool]


def _predict(
    params: Any, emit: events.Emit, cancelled: Cancelled, load_model: LoadModel | None, **options: Any
) -> None:
    from .predict import predict
    from .request import PredictRequest

    predict(PredictRequest.from_json(params), emit, cancelled, load_model=load_model, **options)


def _reroute(params: Any, emit: events.Emit, cancelled: Cancelled, load_model: LoadModel | None) -> None:
    from .request import RerouteRequest
    from .reroute import reroute

    reroute(RerouteRequest.from_json(params), emit, cancelled, load_model=load_model)


def _prepare(params: Any, emit: events.Emit, cancelled: Cancelled, _load_model: LoadModel | None) -> None:
    from .prepare import prepare
    from .prepare_request import PrepareRequest

    begin = time.perf_counter()

    def tell(done: int, total: int) -> None:
        left = events.time_left(time.perf_counter() - begin, done, total - done)
        emit(events.progress(done, total, f"{done} of {total} pieces{left}"))

    summary = prepare(**PrepareRequest.from_json(params).arguments(), progress=tell, cancelled=cancelled)
    for note in summary["warnings"]:
        emit(events.log("warning", note))
    emit(events.prepared(summary["path"], summary))


def _tiles(params: Any, emit: events.Emit, cancelled: Cancelled, _load_model: LoadModel | None) -> None:
    from .tiles.export import export_tiles
    from .tiles.request import TilesRequest

    request = TilesRequest.from_json(params).absolute()
    emit(events.prepared(request.output, export_tiles(request, emit, cancelled)))


def _train(
    params: Any,
    emit: events.Emit,
    cancelled: Cancelled,
    _load_model: LoadModel | None,
    *,
    enough: Cancelled = lambda: False,
) -> None:
    from .training.own.request import TrainRequest
    from .training.own.train import train_own

    request = TrainRequest.from_json(params).absolute()
    emit(events.prepared(request.output, train_own(request, emit, cancelled, enough)))


def _evaluate(params: Any, emit: events.Emit, cancelled: Cancelled, _load_model: LoadModel | None) -> None:
    from .evaluation.reference.evaluate import evaluate_reference
    from .evaluation.reference.request import EvaluateRequest

    request = EvaluateRequest.from_json(params).absolute()
    emit(events.prepared(request.output, evaluate_reference(request, emit, cancelled)))


def _check(params: Any, emit: events.Emit, cancelled: Cancelled, _load_model: LoadModel | None) -> None:
    from .libraries import check

    if params:
        raise RequestError(f"The check has no settings, but {params!r:.40} was given; leave them out.")
    summary = check()
    if cancelled():
        raise CancelledError("The check was stopped.")
    emit(events.checked(summary))


JOBS: Mapping[str, Callable[..., None]] = {
    "predict": _predict,
    "reroute": _reroute,
    "prepare": _prepare,
    "tiles": _tiles,
    "train": _train,
    "evaluate": _evaluate,
    "check": _check,
}
"""What a worker does, by the name of the method that asks for it."""

CONCLUDED = frozenset({"train"})
"""Jobs that can be told that it is enough: they end early, with the best they have."""


def run_job(
    params: Any,
    emit: events.Emit,
    cancelled: Cancelled,
    load_model: LoadModel | None = None,
    *,
    method: str = "predict",
    **options: Any,
) -> bool:
    """Do a job; every outcome, a defect of ours included, is an event.

    Args:
        params: the JSON object of the request.
        emit: hears all that the job says; the last event is `finished`, `error` or `cancelled`.
        cancelled: asked often; True ends the job.
        load_model: opens bundles.
        method: one of `JOBS`.
        options: what else the job takes, such as `keep_on_cancel` of `predict`.

    Returns:
        True if the job finished.
    """
    try:
        JOBS[method](params, emit, cancelled, load_model, **options)
    except CancelledError:
        emit(events.cancelled())
    except Exception as error:  # whoever listens must hear that the job has ended
        emit(events.failed(*explain(error)))
    else:
        return True
    return False


def explain(error: Exception) -> tuple[str, str]:
    """The class of an error and a sentence for the user; a defect of ours leaves its trace in the log."""
    kind = type(error).__name__
    if isinstance(error, HydraNetError):
        return kind, str(error)
    if isinstance(error, MemoryError):
        return kind, "The memory ran out; give a smaller extent at a time."
    traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, ImportError):
        return kind, cannot_import(error)
    return kind, f"HydraNet failed ({kind}: {error}); please report it with the log."


class ModelCache:
    """Keeps the last bundle loaded, and loads it again when its files or the options have changed."""

    def __init__(self, load: LoadModel | None = None) -> None:
        self._load = load
        self._key: tuple[Any, ...] | None = None
        self._model: Model | None = None
        self._lock = threading.Lock()

    def __call__(self, path: Path, **options: Any) -> Model:
        """The model of a bundle folder; `options` go to the function that loads it.

        Raises:
            BundleError: it cannot be loaded.
        """
        with self._lock:
            key = (self._stamp(path), *sorted(options.items()))
            if self._model is None or key != self._key:
                self._model = None  # two models at once may not fit
                self._model, self._key = self._open(path, options), key
            return self._model

    def _open(self, path: Path, options: dict[str, Any]) -> Model:
        if self._load is None:
            from .bundle import load_bundle  # torch takes more than a second to import

            self._load = load_bundle
        return self._load(path, **options)

    @staticmethod
    def _stamp(path: Path) -> tuple[Any, ...]:
        try:
            files = sorted(item for item in path.iterdir() if item.is_file())
            stats = [(item.name, item.stat().st_mtime_ns, item.stat().st_size) for item in files]
        except OSError as error:
            raise BundleError(
                f"The model bundle '{path}' cannot be read ({error.strerror}); "
                "choose a folder with model.json."
            ) from error
        return (str(path.resolve()), *stats)
