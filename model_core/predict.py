"""The main job: a request goes in, a run folder comes out.

This module puts the parts together; each part tells its own story: `plan` settles what is open,
`scene` and `reading` read, `engine` runs the tiles, `output` and `run_files` write, `journal` remembers what
is done, `rundir` shows the run when it is whole.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import rasterio

from . import events
from .background import WriteBehind
from .budget import Limits, limits_for
from .cluster.attempts import Manner
from .cluster.strips import take_over
from .engine import Engine
from .errors import CancelledError, HydraNetError
from .fingerprint import fingerprint
from .finished import finished_run
from .journal import Done
from .model import Model
from .output import RunOutput, remove_strays
from .plan import Plan, make_plan
from .request import PredictRequest
from .resources import default_bundle
from .run_files import file_names, rasters_of, write_objects_of, write_raster, write_routing
from .rundir import RunFolder
from .scene import Scene
from .summary import Raster, summarise

__all__ = ["LoadModel", "PredictRequest", "RunSummary", "predict"]

RunSummary = dict[str, Any]
LoadModel = Callable[..., Model]  # (bundle folder, *, device, precision), as `bundle.load_bundle`
Cancelled = Callable[[], bool]

_GO_ON = "What is done is kept: the same request with --resume (in QGIS: Resume) goes on from there."
FINISHING_CACHE = 32 * 2**20
WRITE_BEHIND = 64  # pieces of a tile's size


def predict(
    request: PredictRequest,
    emit: events.Emit = lambda event: None,
    cancelled: Cancelled = lambda: False,
    *,
    load_model: LoadModel | None = None,
    batch_size: int | None = None,
    keep_on_cancel: bool = False,
    manner: Manner = Manner(),  # noqa: B008  (frozen)
) -> RunSummary:
    """Run a model over a raster and write the run folder.

    Args:
        request: what to do.
        emit: hears `started`, `progress`, `log` and `finished`; called from the calling thread.
        cancelled: asked at least once per batch; True ends the run.
        load_model: opens the bundle; the worker passes one that remembers, tests pass a fake.
        batch_size: tiles encoded at once, None = what suits the model; no result depends on it.
        keep_on_cancel: a run that is stopped leaves its journal, so that it can be continued.
        manner: how it is done here, as one of many scenes or in strips; no result depends on it.

    Returns:
        What run.json holds.

    Raises:
        HydraNetError: one of its kinds, with a sentence for the user. Nothing is left behind but, where
            some of the work is safe already, the journal with which `resume` continues.
    """
    begin = time.perf_counter()
    request = request.absolute()
    if request.resume and (found := finished_run(request, partial(load, request, load_model))) is not None:
        emit(events.log("info", f"'{request.output}' already holds this run, finished; nothing was done."))
        emit(events.finished(request.output, found))
        return found
    resume = request.resume or manner.continues(request.output)
    threads = manner.threads or request.threads
    # The folder comes first: whoever cannot write learns it before anything is loaded.
    with (
        RunFolder(request.output, request.overwrite, resume, keep_on_cancel) as folder,
        _told_how_to_go_on(folder),
    ):
        with Scene.open(
            request.input, bands=request.bands, radiometry=request.radiometry,
            skip_damaged=request.skip_damaged, threads=threads,
        ) as scene:  # fmt: skip
            model = load(request, load_model)
            check(cancelled)
            plan = make_plan(request, scene, model)
            limits = limits_for(scene, model, threads, request.memory_mb, batch_size)
            folder.reserve(file_names(model.experts), request.input)
            known = [*scene.warnings, *plan.notes]
            for note in [*folder.notes, *known]:
                emit(events.log("warning", note))
            emit(events.started(int(plan.wanted.sum()), str(folder.path)))
            done = _begin_or_resume(plan, folder, emit, manner.job)
            if manner.elsewhere is not None:
                done = manner.elsewhere(plan, folder.journal, done)
            summary = _write_run(plan, limits, folder, done, emit, cancelled)
            for note in summary["warnings"]:
                if note not in known:
                    emit(events.log("warning", note))
        check(cancelled)
        summary["seconds"]["total"] = round(time.perf_counter() - begin, 3)
        folder.commit(summary)
    emit(events.finished(str(folder.path), summary))
    return summary


@contextlib.contextmanager
def _told_how_to_go_on(folder: RunFolder) -> Iterator[None]:
    """Errors of a run whose journal is kept say so."""
    try:
        yield
    except CancelledError as error:
        if not folder.keeps_after(error):
            raise
        raise CancelledError(f"The run was stopped. {_GO_ON}") from None
    except HydraNetError as error:
        if not folder.keeps_after(error):
            raise
        raise type(error)(f"{error} {_GO_ON}") from error


def _begin_or_resume(plan: Plan, folder: RunFolder, emit: events.Emit, job: str | None) -> Done:
    """Write down what the run is, or see that the unfinished one is the same and how far it came."""
    journal, run = folder.journal, fingerprint(plan)
    if not folder.resuming:
        journal.begin(run, plan.request.overwrite, job)
        return Done()
    journal.check(run)
    done = take_over(plan, journal)
    remove_strays(journal.folder, done)
    tiles, total = int(plan.wanted[: done.start.row * plan.grid.cols].sum()), int(plan.wanted.sum())
    emit(events.log("info", f"Continuing the unfinished run: {tiles} of {total} tiles are done."))
    return done


def _write_run(
    plan: Plan, limits: Limits, folder: RunFolder, done: Done, emit: events.Emit, cancelled: Cancelled
) -> RunSummary:
    """Fill the staging folder and tell what was done."""
    journal, total = folder.journal, int(plan.wanted.sum())
    # An integer: rasterio takes GDAL_CACHEMAX as bytes, never as megabytes.
    with rasterio.Env(GDAL_CACHEMAX=limits.cache_bytes), WriteBehind(WRITE_BEHIND) as behind:
        output = RunOutput(plan.model.experts, plan.grid, journal, behind, done, plan.request.uncertainty)
        engine = Engine(plan, limits, output, done.start)
        tally = engine.run(Progress(emit), lambda: check(cancelled))
    begin = time.perf_counter()
    journal.close()
    # Blocks of the scene are not needed any more, and those of the outputs only once.
    with rasterio.Env(GDAL_CACHEMAX=FINISHING_CACHE):
        left: list[Raster] = []
        for number, spec in enumerate(plan.model.experts):
            check(cancelled)
            if (writer := output.writers.get(number)) is None:
                if output.objects:
                    emit(events.progress(total, total, f"Finishing {spec.name}.gpkg"))
                left.append(write_objects_of(plan, folder, number, output.objects, tally))
                continue
            left.append(writer)
            if writer.used:
                emit(events.progress(total, total, f"Finishing {spec.name}.tif"))
                write_raster(plan, folder, writer)
        write_routing(plan, folder, tally, rasters_of(folder.staging, left))
    tally.seconds["write"] = output.seconds + time.perf_counter() - begin
    return summarise(plan, tally, left)


class Progress:
    """Turns the engine's counts into events, with a guess at the time left."""

    def __init__(self, emit: events.Emit) -> None:
        self._emit = emit
        self._begin = time.perf_counter()
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        # What an earlier run did tells nothing about the speed.
        if self._first is None:
            self._first = done
        elapsed = time.perf_counter() - self._begin
        left = events.time_left(elapsed, done - self._first, total - done)
        self._emit(events.progress(done, total, f"{done} of {total} tiles{left}"))


def load(request: PredictRequest, load_model: LoadModel | None = None) -> Model:
    """The model that a request asks for."""
    path = default_bundle() if request.bundle is None else Path(request.bundle)
    return (load_model or _load_bundle)(path, device=request.device, precision=request.precision)


def _load_bundle(path: Path, *, device: str, precision: str) -> Model:
    from .bundle import load_bundle  # torch takes more than a second to import

    return load_bundle(path, device=device, precision=precision)


def check(cancelled: Cancelled) -> None:
    """Stop if the user asked for it.

    Raises:
        CancelledError: so it is.
    """
    if cancelled():
        raise CancelledError("The run was stopped; nothing was written.")
