"""Training an expert on a user's tiles: a new one, or one of the bundle further."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from ... import events
from ...errors import RequestError
from ...networks.expert import Expert
from ...routerset import TaskSpec
from ...spec import ExpertSpec
from ..extend import NewExpert, NewRow
from ..framework.loop import fit
from ..framework.options import Options
from ..router_row import fit_row
from .batches import Batches
from .decoder import (
    NEW,
    TUNED,
    DecoderTrainee,
    copied_expert,
    encoded_tiles,
    new_expert,
    total_confusion,
)
from .figures import figures
from .job import Job, Outcome
from .rows import HeldOut, Scored, finished_row, kinds_of, seen_as_they_are, seen_augmented
from .tiles import OwnTile, licences, resolution


@dataclass(frozen=True)
class RowPlan:
    """How a row is trained, see `router_row.fit_row`."""

    seed: int
    steps: int = 400


def check_request(job: Job) -> TaskSpec:
    """The task of a training of an expert, after making sure that the bundle takes it.

    Raises:
        RequestError: it does not.
    """
    task = job.data.task(str(job.request.expert))
    there = {one.name: one for one in job.info.experts}
    base = job.request.tune or (task.name if job.request.what == "finetune" else None)
    if base is not None:
        _check_tuned(there, base, task)
    if base != task.name:
        if task.name in there:
            raise RequestError(
                f"The bundle has an expert '{task.name}' already; export the tiles with another name for the "
                f"task, or train that expert further with finetune."
            )
        if hasattr(nn.ModuleDict(), task.name):
            raise RequestError(
                f"No expert can be called '{task.name}', as torch has that word for itself; export the tiles "
                "with another name for the task."
            )
    if job.request.like is not None and there.get(job.request.like, _NONE).kind != "classes":
        raise RequestError(_no_such(there, job.request.like, "start from"))
    return task


_NONE = ExpertSpec("none", "", "probability", 1)


def _check_tuned(there: dict[str, ExpertSpec], base: str, task: TaskSpec) -> None:
    if there.get(base, _NONE).kind != "classes":
        raise RequestError(_no_such(there, base, "train further"))
    if there[base].channels != len(task.classes):
        raise RequestError(
            f"Expert '{base}' has {there[base].channels} classes and task '{task.name}' {len(task.classes)}; "
            "label the tiles with the expert's classes, or train a new expert like it."
        )


def _no_such(there: dict[str, ExpertSpec], name: str, what: str) -> str:
    fit_for = ", ".join(one.name for one in there.values() if one.kind == "classes")
    if name in there:
        return (
            f"Expert '{name}' is of kind {there[name].kind}, which cannot be trained on tiles with classes; "
            f"choose one of {fit_for}."
        )
    return f"The bundle has no expert '{name}' to {what}; choose one of {fit_for}."


def train_expert(job: Job) -> Outcome:
    """A new expert on the frozen encoder, with a row of the switcher of its own."""
    task = check_request(job)
    options = _options(NEW, job)
    tiles = job.tiles(task)
    expert = new_expert(job.exact, len(task.classes), job.request.like, options.seed)
    if job.request.like is not None:
        options = replace(options, lr=options.lr / 2)
    trainee, summary = _trained(job, task, expert, tiles, options)
    spec = _described(job, task, tiles["train"])
    return _outcome(job, task, spec, trainee.folded(), tiles, summary, new=True)


def finetune(job: Job) -> Outcome:
    """An expert of the bundle trained further: its weights if they are better on val, else those it had."""
    task = check_request(job)
    base = job.request.tune or task.name
    options = _options(TUNED, job)
    tiles = job.tiles(task)
    old = copied_expert(job.exact, base)
    trainee, summary = _trained(job, task, copied_expert(job.exact, base), tiles, options, before=True)
    before, after = summary["before"], summary["best"]["iou"]
    expert = trainee.folded()
    if not after > before:
        job.warn(
            f"No epoch was better on val than expert '{base}' as it was (IoU {before:.3f}, now {after:.3f}); "
            "its weights are kept."
        )
        expert = old
    spec = next(one for one in job.info.experts if one.name == base)
    if base == task.name:
        stated = "; ".join(dict.fromkeys([spec.license, *licences(t.entry for t in tiles["train"])]))
        told = f"{spec.description} Trained further on tiles of a user's own.".strip()
        spec = replace(spec, license=stated, description=told) if after > before else spec
    else:
        spec = replace(_described(job, task, tiles["train"], base), heads=spec.heads)
    return _outcome(job, task, spec, expert.eval(), tiles, summary, new=base != task.name)


def _options(defaults: Options, job: Job) -> Options:
    asked = job.request
    epochs = asked.epochs or defaults.epochs
    return replace(defaults, seed=asked.seed, epochs=epochs, model_name=str(asked.expert))


def _described(job: Job, task: TaskSpec, train: Sequence[OwnTile], base: str | None = None) -> ExpertSpec:
    """A new expert as the bundle will list it, but for its row."""
    labelled = [tile.entry for tile in train if tile.label is not None]
    sources = len({entry.source for entry in labelled})
    how = f"Trained further from '{base}'" if base else "Trained"
    return task.expert(
        valid_gsd_m=resolution(labelled),
        description=f"{how} on {len(labelled)} tiles of a user's own from {sources} "
        f"raster{'s' if sources != 1 else ''}, labels: {task.label_kind}; read its figures before counting "
        "on it elsewhere.",
        license="training data: " + "; ".join(licences(labelled)),
    )


def _trained(
    job: Job,
    task: TaskSpec,
    expert: Expert,
    tiles: dict[str, list[OwnTile]],
    options: Options,
    *,
    before: bool = False,
) -> tuple[DecoderTrainee, dict[str, Any]]:
    """Train a decoder; with `before` its IoU on val as it was is measured and told as epoch 0."""
    classes = len(task.classes)
    labelled = {name: [tile for tile in part if tile.counts(classes).any()] for name, part in tiles.items()}
    content = [tile for tile in labelled["train"] if tile.counts(classes)[list(task.present)].any()]
    if not content:
        raise RequestError(
            f"No training tile holds content of task '{task.name}' (classes {list(task.present)}); label "
            "some of it in more places, and export the tiles again."
        )
    if not any(tile.counts(classes)[list(task.present)].any() for tile in labelled["val"]):
        raise RequestError(
            f"No tile of the split val holds content of task '{task.name}', so no epoch can be told to be "
            "the best; label more regions, or export with a larger share for val."
        )
    held = {id(tile) for tile in content}
    rest = [tile for tile in labelled["train"] if id(tile) not in held]
    batches = Batches(content, rest, options.batch_size, options.seed, flames=task.name == "fire")
    trainee = DecoderTrainee(job.model, expert, task, batches, labelled["val"], job.progress.check)
    job.log(
        f"{len(content)} training tiles with content of '{task.name}', {len(rest)} without, "
        f"{len(labelled['val'])} of val"
    )
    job.progress.stage(60, 850, "Training")
    first: dict[str, float] = {}
    if before:
        trainee.module.eval()
        first = trainee.validate()
        told = {f"val/{name}": None if math.isnan(value) else value for name, value in first.items()}
        job.emit(events.epoch(0, options.epochs, told, 0, 0.0))
    summary = fit(
        trainee, options, job.folder, job.log, supervision=job.supervision(options.epochs, "Training")
    )
    return trainee, {**summary, **({"before": first["iou"]} if before else {})}


def _outcome(
    job: Job,
    task: TaskSpec,
    spec: ExpertSpec,
    expert: Expert,
    tiles: dict[str, list[OwnTile]],
    summary: dict[str, Any],
    *,
    new: bool,
) -> Outcome:
    job.progress.stage(850, 880, "Measuring")
    told: dict[str, Any] = {}
    for split in ("val", "test"):
        part = [tile for tile in tiles[split] if tile.counts(len(task.classes)).any()]
        counts = total_confusion(expert, task, encoded_tiles(job.model, part), job.progress.check)
        told[split] = figures(counts, task, len(part))
    if "before" in summary:
        told["before"] = {"val": {"iou": round(summary["before"], 6)}}
    rows, router = _row(job, task, tiles) if new else ({}, {})
    stays = not new and spec in job.info.experts
    return Outcome(
        [] if stays else [NewExpert(spec, expert)],
        rows,
        summary["epochs"],
        summary["best_epoch"],
        summary["stopped"],
        told,
        router,
    )


def _row(
    job: Job, task: TaskSpec, tiles: dict[str, list[OwnTile]]
) -> tuple[dict[str, NewRow], dict[str, Any]]:
    """The new expert's row of the switcher."""
    known = [tile for tile in tiles["train"] if task.name in tile.entry.relevance]
    job.progress.stage(880, 940, "Looking at tiles for the switcher")
    train = seen_augmented(job.model, known, job.request.seed, job.progress.of)
    needed, not_needed = kinds_of([tile.entry for tile in known], task.name)
    if not needed or not not_needed:
        job.warn(
            f"Of the training tiles {needed} need '{task.name}' and {not_needed} do not, so the switcher "
            "cannot learn where it is needed; export tiles of both kinds for a score that tells."
        )
    job.progress.stage(940, 980, "Scoring tiles")
    held = held_out(job, tiles)
    weight, bias = torch.zeros(train.hidden.shape[1]), 0.0
    if needed or not_needed:
        target = torch.from_numpy(train.target(task.name))
        weight, bias = fit_row(train.hidden.float(), target, RowPlan(job.request.seed))
    row, report, doubts = finished_row(task.name, weight, bias, held)
    for line in doubts:
        job.warn(line)
    return {task.name: row}, {task.name: report}


def held_out(job: Job, tiles: dict[str, list[OwnTile]]) -> HeldOut:
    """Tiles of val, cal and test as the engine would see them, in float32."""
    every = [tile for name in ("val", "cal", "test") for tile in tiles[name]]
    seen = seen_as_they_are(job.exact, every, job.progress.of)
    parts, first = [], 0
    for name in ("val", "cal", "test"):
        last = first + len(tiles[name])
        parts.append(Scored(seen.hidden[first:last], seen.entries[first:last]))
        first = last
    return HeldOut(*parts)
