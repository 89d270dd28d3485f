"""The main job: a request goes in, a run folder comes out.

This module puts the parts together; each part tells its own story: `plan` settles what is open,
`scene` reads, `engine` runs the tiles, `writer` and `routing_table` write, `rundir` shows the run when
it is whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from . import __version__, events
from .canvas import Piece
from .engine import Engine, Tally
from .errors import CancelledError
from .model import Model
from .plan import Plan, make_plan
from .request import PredictRequest
from .resources import default_bundle
from .routing_table import write_table
from .rundir import ROUTING_STYLE, ROUTING_TABLE, RunFolder
from .scene import Scene
from .spec import ExpertSpec
from .styles import raster_style, tiles_style
from .summary import summarise
from .writer import ExpertWriter

__all__ = ["LoadModel", "PredictRequest", "RunSummary", "predict"]

RunSummary = dict[str, Any]
LoadModel = Callable[[Path], Model]
Cancelled = Callable[[], bool]

# Bytes. Given as an integer, rasterio takes GDAL_CACHEMAX as bytes, never as megabytes.
_BLOCK_CACHE = 256 * 2**20


def predict(
    request: PredictRequest,
    emit: events.Emit = lambda event: None,
    cancelled: Cancelled = lambda: False,
    *,
    load_model: LoadModel | None = None,
    batch_size: int = 8,
) -> RunSummary:
    """Run a model over a raster and write the run folder.

    Args:
        request: what to do.
        emit: hears `started`, `progress`, `log` and `finished`; called from the calling thread.
        cancelled: asked at least once per batch; True ends the run and leaves nothing behind.
        load_model: opens the bundle; the worker passes one that remembers, tests pass a fake.
        batch_size: most tiles encoded at once; the results do not depend on it.

    Returns:
        What run.json holds.

    Raises:
        HydraNetError: one of its kinds, with a sentence for the user; nothing is left behind.
    """
    begin = time.perf_counter()
    request = request.absolute()
    # The folder comes first: whoever cannot write learns it before anything is loaded.
    with rasterio.Env(GDAL_CACHEMAX=_BLOCK_CACHE), RunFolder(request.output, request.overwrite) as folder:
        with Scene.open(request.input, bands=request.bands, radiometry=request.radiometry) as scene:
            model = (load_model or _load_bundle)(_bundle_path(request))
            _check(cancelled)
            plan = make_plan(request, scene, model)
            folder.reserve(_names(model.experts), request.input)
            known = [*scene.warnings, *plan.notes]
            for note in known:
                emit(events.log("warning", note))
            emit(events.started(len(plan.grid.tiles), str(folder.path)))
            summary = _write_run(plan, folder, emit, cancelled, batch_size)
            for note in summary["warnings"]:
                if note not in known:
                    emit(events.log("warning", note))
        _check(cancelled)
        summary["seconds"]["total"] = round(time.perf_counter() - begin, 3)
        folder.commit(summary)
    emit(events.finished(str(folder.path), summary))
    return summary


def _write_run(
    plan: Plan, folder: RunFolder, emit: events.Emit, cancelled: Cancelled, batch_size: int
) -> RunSummary:
    """Fill the staging folder and tell what was done."""
    grid = plan.grid
    total = len(grid.tiles)
    writers = [
        ExpertWriter(
            folder.staging / f"{spec.name}.tif", spec, grid.width, grid.height, plan.scene.crs,
            plan.transform, _tags(plan, spec),
        )
        for spec in plan.model.experts
    ]  # fmt: skip

    def write(expert: int, piece: Piece, valid: np.ndarray) -> None:
        writers[expert].write(piece, valid)

    try:
        engine = Engine(plan.model, grid, plan.policy, plan.eligible, batch_size)
        tally = engine.run(plan.scene, plan.window, write, _Progress(emit), cancelled)
        begin = time.perf_counter()
        for writer in writers:
            _check(cancelled)
            if writer.used:
                emit(events.progress(total, total, f"Finishing {writer.path.name}"))
                writer.close()
                style = raster_style(writer.spec, writer.lowest, writer.highest)
                folder.write_text(writer.path.with_suffix(".qml").name, style)
    finally:
        for writer in writers:
            writer.abandon()
    _write_routing(plan, folder, tally)
    tally.seconds["write"] += time.perf_counter() - begin
    return summarise(plan, tally, writers)


class _Progress:
    """Turns the engine's counts into events, with a guess at the time left."""

    def __init__(self, emit: events.Emit) -> None:
        self._emit = emit
        self._begin = time.perf_counter()

    def __call__(self, done: int, total: int) -> None:
        elapsed = time.perf_counter() - self._begin
        left = elapsed / done * (total - done) if done else 0.0
        note = f", about {left:.0f} s left" if elapsed > 2.0 and left >= 1.0 else ""
        self._emit(events.progress(done, total, f"{done} of {total} tiles{note}"))


def _load_bundle(path: Path) -> Model:
    from .bundle import load_bundle  # torch takes more than a second to import

    return load_bundle(path)


def _bundle_path(request: PredictRequest) -> Path:
    return default_bundle() if request.bundle is None else Path(request.bundle)


def _check(cancelled: Cancelled) -> None:
    if cancelled():
        raise CancelledError("The run was stopped; nothing was written.")


def _names(experts: Sequence[ExpertSpec]) -> list[str]:
    """Every name a run may write beside run.json."""
    files = [f"{spec.name}.{ending}" for spec in experts for ending in ("tif", "qml")]
    return [ROUTING_TABLE, ROUTING_STYLE, *files]


def _tags(plan: Plan, spec: ExpertSpec) -> dict[str, str]:
    """Where a raster comes from; no time and no folder, so that the same run gives the same bytes."""
    return {
        "HYDRANET_VERSION": __version__,
        "HYDRANET_MODEL": f"{plan.model.id} {plan.model.version}",
        "HYDRANET_MODEL_SHA256": plan.model.sha256,
        "HYDRANET_EXPERT": spec.name,
        "HYDRANET_SCENE": Path(plan.request.input).name,
        "HYDRANET_SIMULATED_TRAINING": "yes" if spec.simulated else "no",
    }


def _write_routing(plan: Plan, folder: RunFolder, tally: Tally) -> None:
    names = [spec.name for spec in plan.model.experts]
    write_table(
        folder.staging / ROUTING_TABLE, plan.grid.tiles, plan.transform, plan.scene.crs, names,
        tally.valid, tally.scores, tally.routing,
    )  # fmt: skip
    folder.write_text(ROUTING_STYLE, tiles_style(plan.model.experts))
