"""A prediction as a job that speaks in events only: what the worker and `--events` share."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import events
from .errors import BundleError, CancelledError, HydraNetError
from .model import Model
from .predict import LoadModel, predict
from .request import PredictRequest


def run_job(
    params: Any,
    emit: events.Emit,
    cancelled: Callable[[], bool],
    load_model: LoadModel | None = None,
    *,
    keep_on_cancel: bool = False,
) -> bool:
    """Run the request in `params`; every outcome, a defect of ours included, is an event.

    `keep_on_cancel` is as in `predict`.

    Returns:
        True if the job finished.
    """
    try:
        request = PredictRequest.from_json(params)
        predict(request, emit, cancelled, load_model=load_model, keep_on_cancel=keep_on_cancel)
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
        return "MemoryError", "The memory ran out; predict a smaller extent at a time."
    traceback.print_exception(error, file=sys.stderr)
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
