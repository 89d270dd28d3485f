"""The epoch loop: seeded, resumable, stopped early on validation, with curves on its way."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...errors import CancelledError, RequestError
from .checkpoint import (
    Checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
    under,
)
from .history import History
from .options import Options
from .run_folder import Log, remember, write_json
from .schedules import cosine_rate
from .stopping import EarlyStopping

CURVES_EVERY = 10
"""Epochs between two drawings of the learning curves; the table behind them grows every epoch."""

CHECKPOINT_SECONDS = 60.0
"""A stop costs a minute of work, or an epoch where that is longer."""

CLIP = 5.0
"""Largest norm of a step's gradient."""


class Trainee(Protocol):
    """What is trained: a module, its batches, its loss, and how good it is."""

    module: nn.Module

    def parameters(self) -> Iterable[nn.Parameter]:
        """The parameters that are trained; others stay as they are."""

    def steps(self) -> int:
        """Batches of an epoch."""

    def batches(self, epoch: int) -> Iterable[Any]:
        """The batches of an epoch, as many as `steps`; the same for the same seed and epoch."""

    def begin(self, epoch: int) -> None:
        """Set what an epoch of its own needs, such as temperatures and phases, by its number alone.

        Called before each epoch, the module in training mode; and once more for the best epoch before its
        weights are loaded, so that a gate has the temperature that the figures were measured with.
        """

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Parts of the loss, already weighted; their sum is minimised."""

    def validate(self) -> dict[str, float]:
        """Figures on the validation split, the module in evaluation mode; the first one is maximised."""

    def watch(self) -> dict[str, float]:
        """Figures for the curves alone, by column, such as "train/accuracy"; computed every tenth epoch."""


@dataclass(frozen=True)
class Supervision:
    """What ends a training before its last epoch, and who hears how it goes.

    Attributes:
        seconds: train for so long at most, what an earlier call spent included; None = no limit. The rate
            falls with the time then, so that it is low when the time is over. One step is always taken.
        enough: asked before each step; True ends the training there: what the epoch has learnt is validated,
            and the best is kept. The first epoch is always whole: before, there is nothing worth keeping.
        cancelled: asked before each step; True ends it with CancelledError. Every epoch leaves a checkpoint.
        on_step: hears the share of the training that is done, 0 to 1.
        on_epoch: hears the epoch (from 1), the row of its curves, the best epoch and the seconds so far.
    """

    seconds: float | None = None
    enough: Callable[[], bool] = lambda: False
    cancelled: Callable[[], bool] = lambda: False
    on_step: Callable[[float], None] = lambda share: None
    on_epoch: Callable[[int, Mapping[str, float], int, float], None] = lambda *told: None

    def over(self, spent: float, epoch: int, step: int) -> str | None:
        """Why the training is to end: "enough" or "time"; None = it is not.

        Args:
            spent: seconds so far.
            epoch: how many are done.
            step: how many are done, of all epochs.

        Raises:
            CancelledError: it is to end at once.
        """
        if self.cancelled():
            raise CancelledError("The training was stopped; resume it to continue.")
        if epoch and self.enough():
            return "enough"
        return "time" if step and self.seconds is not None and spent >= self.seconds else None


def seed_epoch(seed: int, epoch: int) -> None:
    """Seed torch for an epoch, so that a resumed training draws what an uninterrupted one would have."""
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:7], "big"))


def update(
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    rate: float | Sequence[float],
    loss: Tensor | float,
    where: str,
) -> None:
    """Take one step along gradients that lie in the parameters, clipped.

    Args:
        optimizer: takes the step.
        parameters: what the norm is taken over.
        rate: learning rate of the step, or one for each parameter group of the optimiser.
        loss: what the gradients are of, to be looked at.
        where: told to the user if this goes wrong.

    Raises:
        RequestError: the loss or its gradient is not a number; the parameters stay as they were.
    """
    groups = optimizer.param_groups
    rates = rate if isinstance(rate, Sequence) else [rate] * len(groups)
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, CLIP))
    value = float(loss)
    if not (math.isfinite(value) and math.isfinite(norm)):
        raise RequestError(
            f"{where} the loss is {value:.4g} and its gradient {norm:.4g}, from which nothing can be learnt; "
            f"train in a new run folder with a lower learning rate than {max(rates):.2g}, and look at the "
            "data."
        )
    for group, value in zip(groups, rates, strict=True):
        group["lr"] = value
    optimizer.step()


def fit(
    trainee: Trainee,
    options: Options,
    run: Path,
    log: Log,
    config: Mapping[str, Any] | None = None,
    supervision: Supervision | None = None,
) -> dict[str, Any]:
    """Train, and leave the module with its best weights, in evaluation mode.

    A training that was stopped continues from its last checkpoint when called with the same folder; one that
    is finished is only loaded. Writes `config.json`, `weights/best.safetensors`, `results/history.csv`,
    `results/training.json` and `analysis/curves.png`.

    Args:
        trainee: what is trained.
        options: every number of it.
        run: run folder.
        log: takes lines for the user.
        config: what else tells this training from others, kept with the options.
        supervision: what else ends it, and who hears of it.

    Returns:
        What `results/training.json` holds: epochs (done), best_epoch, best (figures of the best epoch, None
        for what could not be measured), seconds, stopped_early, and with `supervision` also stopped:
        "patience", "epochs", "time" or "enough".

    Raises:
        RequestError: the folder holds a training with other numbers, or weights that do not fit; there is
            nothing to train on; a loss or the validation figure is not a number.
        CancelledError: `supervision` says so.
    """
    watched = supervision or Supervision()
    remember(run, {"options": options.as_dict(), **(config or {})})
    best_path, summary_path = run / "weights" / "best.safetensors", run / "results" / "training.json"
    checkpoint = Checkpoint(run / "weights")
    if summary_path.is_file() and best_path.is_file():
        summary = json.loads(summary_path.read_text(encoding="utf-8"))
        _settle(trainee, summary["best_epoch"], load_file(best_path))
        checkpoint.remove()  # a kill may have come between the summary and this
        return summary
    module, parameters, per_epoch = trainee.module, list(trainee.parameters()), trainee.steps()
    if per_epoch < 1 or not parameters:
        raise RequestError(
            f"{options.model_name}: {per_epoch} batches an epoch for {len(parameters)} parameters cannot be "
            "trained with; give training samples, and a network with weights to train."
        )
    optimizer = torch.optim.AdamW(parameters, lr=options.lr, weight_decay=options.weight_decay)
    history, stopping = History(run, unit="epochs"), EarlyStopping(options.patience)
    best: dict[str, float | None] = {}
    spent = 0.0
    epoch, tensors, state = checkpoint.load("stopping", "best", "seconds")
    if epoch:
        restore_module("module", module, tensors)
        restore_optimizer("optimizer", optimizer, tensors)
        stopping.restore(state["stopping"])
        best, spent = state["best"], state["seconds"]
        log(f"{options.model_name}: resumed after epoch {epoch} of {options.epochs}")
    history.rewind(epoch)
    best_weights = under(tensors, "best")
    saved = time.monotonic()
    over: str | None = None
    while epoch < options.epochs and not stopping.done and not over:
        began = time.monotonic()
        row, over = _train_epoch(trainee, optimizer, parameters, options, epoch, watched, spent)
        if over and not row:
            history.figure()
            break  # before the first step: there is nothing new to look at
        epoch += 1
        module.eval()
        figures = _validated(trainee, options, epoch)
        if stopping.better(epoch, next(iter(figures.values()))):
            best = {name: None if math.isnan(value) else value for name, value in figures.items()}
            best_weights = {k: v.clone() for k, v in module.state_dict().items()}
        row |= {f"val/{name}": value for name, value in figures.items()}
        ended = epoch == options.epochs or stopping.done or over is not None
        if epoch % CURVES_EVERY == 0 or ended:
            row |= trainee.watch()
        history.append(epoch, row)
        if epoch % CURVES_EVERY == 0 or ended:
            history.figure()
        now = time.monotonic()
        spent += now - began
        text = " ".join(f"{name}={value:.4f}" for name, value in row.items() if name != "lr")
        log(f"{options.model_name}: epoch {epoch}/{options.epochs} {now - began:.1f} s {text}")
        if ended or supervision or now - saved >= CHECKPOINT_SECONDS:
            kept = module_tensors("module", module) | optimizer_tensors("optimizer", optimizer)
            kept |= {f"best.{name}": value for name, value in best_weights.items()}
            checkpoint.save(epoch, kept, {"stopping": stopping.state(), "best": best, "seconds": spent})
            saved = now
        watched.on_epoch(epoch, row, stopping.best_epoch, spent)
    _settle(trainee, stopping.best_epoch, best_weights)
    part = best_path.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in best_weights.items()}, part)
    part.replace(best_path)
    summary = {
        "epochs": epoch,
        "best_epoch": stopping.best_epoch,
        "best": best,
        "seconds": round(spent, 1),
        "stopped_early": epoch < options.epochs,
    }
    if supervision:
        summary["stopped"] = over or ("patience" if stopping.done else "epochs")
    write_json(summary_path, summary)
    checkpoint.remove()  # four times the weights, of use to a resumed training alone
    return summary


def _train_epoch(
    trainee: Trainee,
    optimizer: torch.optim.Optimizer,
    parameters: list[nn.Parameter],
    options: Options,
    epoch: int,
    watched: Supervision,
    spent: float,
) -> tuple[dict[str, float], str | None]:
    """One epoch.

    Returns:
        The row of its curves: mean parts of the loss, their sum, and the last rate; empty without a step. And
        why the training is over, see `Supervision.over`.
    """
    seed_epoch(options.seed, epoch)
    trainee.module.train()
    trainee.begin(epoch)
    per_epoch = trainee.steps()
    total = per_epoch * options.epochs
    warmup = min(per_epoch, total // 10)
    sums: dict[str, float] = {}
    rate, count = 0.0, 0
    began = time.monotonic()
    over: str | None = None
    for batch in trainee.batches(epoch):
        passed = spent + time.monotonic() - began
        step = epoch * per_epoch + count
        if over := watched.over(passed, epoch, step):
            break
        if watched.seconds is not None:
            step = max(step, min(int(total * passed / watched.seconds), total - 1))
        watched.on_step(step / total)
        parts = trainee.losses(batch)
        loss = torch.stack([part.float() for part in parts.values()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        rate = cosine_rate(step, total, options.lr, warmup)
        told = ", ".join(f"{name} {float(part.detach()):.4g}" for name, part in parts.items())
        update(
            optimizer, parameters, rate, loss.detach(), f"{options.model_name}: in epoch {epoch + 1} ({told})"
        )
        for name, part in parts.items():
            sums[name] = sums.get(name, 0.0) + float(part.detach())
        count += 1
    if count != per_epoch and not over:  # the schedule of the rate would be another one
        raise RuntimeError(f"Epoch {epoch + 1} had {count} batches where steps() says {per_epoch}.")
    if not count:
        return {}, over
    row = {f"loss/{name}": value / count for name, value in sums.items()}
    if len(sums) > 1:
        row["loss/total"] = sum(sums.values()) / count
    return row | {"lr": rate}, over


def _validated(trainee: Trainee, options: Options, epoch: int) -> dict[str, float]:
    """Figures on the validation split, the first of them a number."""
    figures = {name: float(value) for name, value in trainee.validate().items()}
    if not figures or not math.isfinite(next(iter(figures.values()))):
        found = ", ".join(f"{name} {value:g}" for name, value in figures.items()) or "none at all"
        raise RequestError(
            f"{options.model_name}: after epoch {epoch} the validation figures are {found}, so no epoch can "
            "be told to be the best; give a validation split that holds samples with labels."
        )
    return figures


def _settle(trainee: Trainee, best_epoch: int, weights: Mapping[str, Tensor]) -> None:
    """Leave the module as it was after its best epoch: phases, temperatures and weights."""
    trainee.module.train()
    trainee.begin(max(best_epoch - 1, 0))
    restore_module("", trainee.module, weights)
    trainee.module.eval()
