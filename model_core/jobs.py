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
    params: Any, emit: events.Emit, cancelled: Callable[[], bool], load_model: LoadModel | None = None
) -> bool:
    """Run the request in `params`; every outcome, a defect of ours included, is an event.

    Returns:
        True if the job finished.
    """
    try:
        predict(PredictRequest.from_json(params), emit, cancelled, load_model=load_model)
    except CancelledError:
        emit(events.cancelled())
    except HydraNetError as error:
        emit(events.failed(type(error).__name__, str(error)))
    except MemoryError:
        emit(events.failed("MemoryError", "The memory ran out; predict a smaller extent at a time."))
    except Exception as error:  # whoever listens must hear that the job has ended
        traceback.print_exc(file=sys.stderr)
        kind = type(error).__name__
        emit(events.failed(kind, f"HydraNet failed ({kind}: {error}); please report it with the log."))
    else:
        return True
    return False


class ModelCache:
    """Keeps the last bundle loaded, and loads it again when its files have changed."""

    def __init__(self, load: LoadModel | None = None) -> None:
        self._load = load
        self._key: tuple[Any, ...] | None = None
        self._model: Model | None = None
        self._lock = threading.Lock()

    def __call__(self, path: Path) -> Model:
        """The model of a bundle folder.

        Raises:
            BundleError: it cannot be loaded.
        """
        with self._lock:
            key = self._stamp(path)
            if self._model is None or key != self._key:
                self._model = None  # two models at once may not fit
                self._model, self._key = self._open(path), key
            return self._model

    def _open(self, path: Path) -> Model:
        if self._load is None:
            from .bundle import load_bundle  # torch takes more than a second to import

            self._load = load_bundle
        return self._load(path)

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
