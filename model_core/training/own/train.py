"""Training on a user's own tiles, from the request to the new bundle.

The encoder and all that is not asked for stay as they are. What chooses anything -- the best epoch, whether
an old row or decoder is replaced -- is the split val; cal gives calibration, thresholds and the scores behind
the recall policy; test is measured once, in the end.

The same request, tiles, bundle, threads and machine give the same weights, unless the clock or `enough` ended
the training. Another number of threads sums in another order, and bf16 or not is another training.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ... import events
from ...bundle import BundleInfo, load_bundle
from ...errors import RequestError
from ...networks.inference import NetworkModel
from ...resources import default_bundle
from ...routerset import read_routerset
from ..extend import Extension, extend_bundle
from ..framework.run_folder import write_json
from .experts import check_request, finetune, train_expert
from .folder import SUMMARY_FILE, TRAINING, finished, open_folder
from .job import Job, Outcome
from .progress import SCALE, Progress
from .request import TrainRequest
from .rerouting import train_switcher
from .tiles import facts

CURVES = f"{TRAINING}/analysis/curves.png"

_TRAININGS: Mapping[str, Callable[[Job], Outcome]] = {
    "switcher": train_switcher,
    "expert": train_expert,
    "finetune": finetune,
}


def train_own(
    request: TrainRequest,
    emit: events.Emit,
    cancelled: Callable[[], bool],
    enough: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train what the request asks for, and write the new bundle.

    Args:
        request: what, on which tiles, from which bundle.
        emit: hears `started`, `progress`, `epoch` and `log`.
        cancelled: True stops the training within a second or so; what an epoch has left can be resumed.
        enough: True ends the training with the best so far.

    Returns:
        The summary, as `training/summary.json` of the output folder holds it: bundle, id, version, sha256,
        experts, what, expert, epochs, best_epoch, stopped, figures, router, kept, curves, warnings, seconds,
        command.

    Raises:
        RequestError: tiles, bundle and request do not fit each other.
        BundleError: the bundle is not sound.
        OutputError: the output folder holds something else, or cannot be written.
        CancelledError: the user stopped it.
    """
    request, began = request.absolute(), time.monotonic()
    progress = Progress(emit, cancelled)
    emit(events.started(SCALE, request.output))
    with _threads(request.threads):
        data = read_routerset(Path(request.tiles))
        folder = Path(request.bundle) if request.bundle else default_bundle()
        exact: NetworkModel = load_bundle(folder, device="cpu", precision="fp32")
        info = exact.info
        if data.tile_size > info.tile_size:
            raise RequestError(
                f"The tiles have {data.tile_size} pixels along an edge and the bundle's {info.tile_size}; "
                f"export the tiles with {info.tile_size} pixels, or fewer."
            )
        model = load_bundle(folder, device="cpu")
        if model.precision == "fp32":
            model = exact
        job = Job(request, data, info, model, exact, Path(), emit, enough, progress)
        if data.tile_size < info.tile_size:
            job.warn(
                f"The tiles have {data.tile_size} pixels along an edge, and the switcher scores tiles of "
                f"{info.tile_size}: its rows see less of a place here than they will, so look at their "
                "scores."
            )
        if request.what != "switcher":
            check_request(job)  # before anything is written
        with open_folder(request, data, info, progress.check) as job.folder:
            if request.resume and (told := finished(request)) is not None:
                job.log(f"The training in '{request.output}' is finished already.")
                return told
            outcome = _TRAININGS[request.what](job)
            progress.stage(980, SCALE, "Writing the bundle")
            return _written(job, outcome, began)


def _written(job: Job, outcome: Outcome, began: float) -> dict[str, Any]:
    """Write the bundle and the summary."""
    request, info = job.request, job.info
    told = {
        "what": request.what,
        "expert": request.expert,
        "epochs": outcome.epochs,
        "best_epoch": outcome.best_epoch,
        "stopped": outcome.stopped,
        "figures": outcome.figures,
        "router": outcome.router,
    }
    asked = {name: getattr(request, name) for name in ("tune", "like", "seed", "seconds")}
    provenance = {
        **told,
        "how": _how(job),
        "request": asked | {"epochs": request.epochs},
        "tiles": facts(job.data),
        "precision": job.model.precision,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "warnings": job.warnings,
    }
    title = next(
        (task.title for task in job.data.tasks if task.name == request.expert), "switcher of one's own"
    )
    extension = Extension(
        f"{info.data['id']}+{request.expert or 'switcher'}",
        f"{info.data['title']} + {title}",
        outcome.experts,
        outcome.rows,
        provenance,
    )
    made, kept = extend_bundle(info.folder, Path(request.output), extension)
    summary = {
        "bundle": request.output,
        **_names(made),
        **told,
        "kept": kept,
        "curves": CURVES if (Path(request.output) / CURVES).is_file() else None,
        "warnings": job.warnings,
        "seconds": round(time.monotonic() - began, 1),
        "command": request.command(),
    }
    write_json(job.folder / SUMMARY_FILE, summary)
    job.progress.at(1.0)
    return summary


def _names(info: BundleInfo) -> dict[str, Any]:
    return {
        "id": info.data["id"],
        "version": info.data["version"],
        "sha256": info.sha256,
        "experts": [one.name for one in info.experts],
    }


def _how(job: Job) -> str:
    request = job.request
    return {
        "switcher": "rows of the switcher trained further on the frozen encoder and hidden layer",
        "expert": "a new decoder on the frozen encoder"
        + (f", begun with that of '{request.like}'" if request.like else "")
        + ", and a new row of the switcher",
        "finetune": f"the decoder of '{request.tune or request.expert}' trained further, the encoder frozen",
    }[request.what]


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """So many of torch's threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
