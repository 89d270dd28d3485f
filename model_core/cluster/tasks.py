"""What workers do; every function here is called by name in another process, with a plain dict.

A worker keeps nothing between tasks but the model, loaded once for each process, and the names of what was
stopped. Whether it has the caller's HydraNet and model it checks with each task: workers may come late.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import BundleError, HydraNetError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Model
    from ..request import PredictRequest
    from .teller import Teller

_LOCK = threading.Lock()
_MODELS: list[Any] = []
_LOADED: list[str] = []
_STOPPED: set[str] = set()


def hello(expected: dict[str, Any]) -> dict[str, Any]:
    """Say who is here, and what is not as the caller expects it.

    Args:
        expected: `version` of HydraNet; `bundle`, a folder or None; `sha256` of the model.

    Returns:
        `process`, its number; `loads`, how often a model was loaded; `wrong`, a sentence or None.
    """
    wrong = None
    try:
        check_same(expected)
    except HydraNetError as error:
        wrong = str(error)
    return {"process": os.getpid(), "loads": len(_LOADED), "wrong": wrong}


def stop(name: str) -> None:
    """The user has stopped a job, or a scene failed: its tasks here end as soon as they can.

    Args:
        name: of the job, or of the group of a scene's strips.
    """
    _STOPPED.add(name)


def check_same(expected: dict[str, Any]) -> None:
    """Make sure that this process has the caller's HydraNet and model.

    Raises:
        RequestError: HydraNet is another version.
        BundleError: there is no bundle, or another one.
    """
    from ..bundle import read_info
    from ..resources import default_bundle

    if __version__ != expected["version"]:
        raise RequestError(
            f"A worker has HydraNet {__version__}, you have {expected['version']}; install the same version "
            "on all machines."
        )
    folder = default_bundle() if expected["bundle"] is None else Path(expected["bundle"])
    found = read_info(folder).sha256
    if found != expected["sha256"]:
        raise BundleError(
            f"A worker has another model than you in '{folder}' ({_short(found)} instead of "
            f"{_short(expected['sha256'])}); give all machines the same bundle folder."
        )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def work_scene(task: dict[str, Any]) -> dict[str, Any]:
    """Predict a scene; what becomes of it is told, not raised.

    Args:
        task: `request`, its JSON form; `scene`, number, path and folder; `job`, `before` and `retries`, see
            `attempts.Manner`; `expected`, see `hello`; `strip_rows` and `alone`, see
            `options.strip_rows_for`; `topic` of the job's events; `threads` for inference.

    Returns:
        `row`, `bands` and `kind`, see `many.Told`; `token` and `told` of the `Teller`.
    """
    from dataclasses import asdict

    from ..many import CANCELLED, FAILED, Row, Told, predict_scene
    from ..request import PredictRequest
    from ..scene_list import SceneEntry
    from .attempts import Manner
    from .spread import Spread

    teller = _teller(task)
    scene = SceneEntry(*task["scene"])
    request = PredictRequest.from_json(task["request"])
    stopped = _stopping(task)
    if stopped():
        told = Told(Row(scene.path, request.output, CANCELLED, message="not begun"))
    else:
        teller({"event": "begun"})
        try:
            check_same(task["expected"])
        except HydraNetError as error:
            message, kind = str(error), type(error).__name__
            told = Told(Row(scene.path, request.output, FAILED, message=message), kind=kind)
        else:
            manner = Manner(
                task["threads"], task["job"], task["before"], task["retries"],
                Spread(task, work_strip, stopped),
            )  # fmt: skip
            told = predict_scene(scene, request, _models(), teller, stopped, manner)
    return {
        "row": asdict(told.row), "bands": told.bands, "kind": told.kind, "token": teller.token,
        "told": teller.told,
    }  # fmt: skip


def work_strip(task: dict[str, Any]) -> dict[str, Any]:
    """Work out a strip of a scene; what goes wrong is told, not raised.

    Args:
        task: as for `work_scene`, and `journal`, the folder of the run's journal; `strip`, its edges;
            `group` of the strips that were handed out together.

    Returns:
        `error`: None, or the class of an error and its sentence.
    """
    from ..jobs import explain
    from ..request import PredictRequest
    from .attempts import Manner, patiently

    request = PredictRequest.from_json(task["request"])
    teller, stopped = _teller(task), _stopping(task)
    manner = Manner(job=task["job"], retries=task["retries"])
    try:
        check_same(task["expected"])
        patiently(lambda: _work_strip(task, request, teller, stopped), request, manner, teller, stopped)
    except Exception as error:  # the scene's task says it
        return {"error": explain(error)}
    return {"error": None}


def _work_strip(
    task: dict[str, Any], request: PredictRequest, teller: Teller, stopped: Callable[[], bool]
) -> None:
    from ..budget import limits_for
    from ..fingerprint import fingerprint
    from ..journal import Journal
    from ..plan import make_plan
    from ..predict import check, load
    from ..scene import Scene
    from .strips import Strip, StripWork, work_out
    from .teller import STRIP

    check(stopped)
    threads, strip = task["threads"], Strip(*task["strip"])
    folder = Path(task["journal"])
    with Scene.open(
        request.input, bands=request.bands, radiometry=request.radiometry,
        skip_damaged=request.skip_damaged, threads=threads,
    ) as scene:  # fmt: skip
        model = load(request, _models())
        check(stopped)
        plan = make_plan(request, scene, model)
        Journal(folder).check(fingerprint(plan))  # such as: another torch than the machine that began
        own = int(plan.wanted[strip.own_tiles(plan.grid)].sum())
        more = int(StripWork(plan, strip).wanted.sum()) - own  # tiles that the strip above counts

        def progress(done: int, _total: int) -> None:
            teller({"event": STRIP, "name": strip.name, "done": max(0, done - more), "total": own})

        limits = limits_for(scene, model, threads, request.memory_mb)
        work_out(plan, strip, limits, folder, progress, lambda: check(stopped))


def _models() -> Any:
    """The model cache of this process."""
    from ..jobs import ModelCache

    with _LOCK:
        if not _MODELS:
            _MODELS.append(_Loader(ModelCache(_load)))
        return _MODELS[0]


class _Loader:
    """As `many.Models`, for a process that serves one job after another: no error is remembered."""

    broken: HydraNetError | None = None

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __call__(self, path: Path, **options: Any) -> Model:
        return self._cache(path, **options)


def _load(path: Path, **options: Any) -> Model:
    from ..bundle import load_bundle

    _LOADED.append(str(path))
    return load_bundle(path, **options)


def _teller(task: dict[str, Any]) -> Teller:
    from distributed import get_worker

    from .teller import Teller

    worker = get_worker()
    return Teller(task["scene"][0], lambda message: worker.log_event(task["topic"], message))


def _stopping(task: dict[str, Any]) -> Callable[[], bool]:
    """Whether to end: somebody said so, or whoever wanted the task is gone."""
    from distributed import get_worker

    worker = get_worker()
    known, names = worker.state.tasks.get(worker.get_current_task()), {task["job"], task.get("group")}
    return lambda: bool(names & _STOPPED) or (known is not None and known.state == "cancelled")


def raised(kind: str, message: str) -> HydraNetError:
    """An error of another process, as one of this."""
    from .. import errors

    found = getattr(errors, kind, None)
    is_ours = isinstance(found, type) and issubclass(found, HydraNetError)
    return (found if is_ours else HydraNetError)(message)
