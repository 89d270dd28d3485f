"""Training the switcher's rows of experts that a bundle has; see `switcher` for how rows are trained."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ... import events
from ...errors import RequestError
from ..calibration import Calibration
from ..extend import NewRow
from ..framework.loop import fit
from .experts import held_out
from .job import Job, Outcome
from .rows import HeldOut, finished_row, kinds_of, row_report, seen_augmented
from .switcher import ROWS, RowsTrainee


def train_switcher(job: Job) -> Outcome:
    """Train the row of every expert of the bundle that the tiles tell enough about.

    Raises:
        RequestError: there is none.
    """
    names = _told(job)
    options = replace(ROWS, seed=job.request.seed, epochs=job.request.epochs or ROWS.epochs)
    tiles = job.tiles(None)
    job.progress.stage(60, 600, "Looking at tiles for the switcher")
    known = [tile for tile in tiles["train"] if any(name in tile.entry.relevance for name in names)]
    train = seen_augmented(job.model, known, options.seed, job.progress.of)
    job.progress.stage(600, 850, "Scoring tiles")
    held = held_out(job, tiles)
    trainee = RowsTrainee(job.exact, names, train, held.val, options)
    first = {f"val/{name}": value for name, value in {"gain": 0.0, **trainee.precisions()}.items()}
    told = {name: None if math.isnan(value) else value for name, value in first.items()}
    job.emit(events.epoch(0, options.epochs, told, 0, 0.0))
    job.progress.stage(850, 980, "Training")
    summary = fit(
        trainee, options, job.folder, job.log, supervision=job.supervision(options.epochs, "Training")
    )
    rows: dict[str, NewRow] = {}
    router: dict[str, Any] = {}
    for name in names:
        router[name] = _finished(job, name, trainee, held, rows)
    figures: dict[str, Any] = {"before": {"val": {"average_precision": {n: told[f"val/{n}"] for n in names}}}}
    for split, part in (("val", held.val), ("test", held.test)):
        precisions = {name: (router[name][split] or {}).get("average_precision") for name in names}
        figures[split] = {"average_precision": precisions} if part.entries else None
    return Outcome([], rows, summary["epochs"], summary["best_epoch"], summary["stopped"], figures, router)


def _told(job: Job) -> list[str]:
    """Experts of which the tiles of train and of val show both kinds."""
    there = [one.name for one in job.info.experts]
    found, doubts = [], []
    for task in job.data.tasks:
        if task.name not in there:
            doubts.append(f"the bundle has no expert '{task.name}'")
            continue
        kinds = {split: kinds_of(job.data.of(split), task.name) for split in ("train", "val")}
        if all(all(kind) for kind in kinds.values()):
            found.append(task.name)
            continue
        split, (needed, not_needed) = next(item for item in kinds.items() if not all(item[1]))
        doubts.append(f"of the tiles of {split} {needed} need '{task.name}' and {not_needed} do not")
    if not found:
        raise RequestError(
            f"The switcher cannot learn from these tiles: {'; '.join(doubts)}; it takes tasks that are "
            "experts of the bundle, with tiles of both kinds in train and in val."
        )
    for line in doubts:
        job.warn(f"A row of the switcher is not trained: {line}.")
    return found


def _finished(
    job: Job, name: str, trainee: RowsTrainee, held: HeldOut, rows: dict[str, NewRow]
) -> dict[str, Any]:
    """Put a row that got better into `rows`; its figures, and those of the row as it was."""
    spec = next(one for one in job.info.experts if one.name == name)
    layer = job.exact.network.switcher.out
    column = [one.name for one in job.info.experts].index(name)
    old = layer.weight[column].float(), float(layer.bias[column])
    fitted = Calibration(spec.temperature, spec.bias, spec.threshold, 0, 0, "")
    before = row_report(name, *old, fitted, held)
    row = trainee.better().get(name)
    if row is None:
        job.warn(f"The row of '{name}' did not get better on val; it stays as it was.")
        return {**before, "kept": True, "before": before}
    rows[name], report, doubts = finished_row(name, *row, held)
    for line in doubts:
        job.warn(line)
    return {**report, "kept": False, "before": before}
