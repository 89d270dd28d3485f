"""The epoch loop: seeded, resumable, stopped early on validation, with curves on its way."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..history import History
from .checkpoint import (
    Checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
    under,
)
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
        """The batches of an epoch; the same for the same seed and epoch."""

    def begin(self, epoch: int) -> None:
        """Called before each epoch, with the module in training mode: for temperatures and phases."""

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Parts of the loss, already weighted; their sum is minimised."""

    def validate(self) -> dict[str, float]:
        """Figures on the validation split, the module in evaluation mode; the first one is maximised."""

    def watch(self) -> dict[str, float]:
        """Figures for the curves alone, by column, such as "train/accuracy"; computed every tenth epoch."""


def seed_epoch(seed: int, epoch: int) -> None:
    """Seed torch for an epoch, so that a resumed training draws what an uninterrupted one would have."""
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:7], "big"))


def fit(trainee: Trainee, options: Options, run: Path, log: Log, config: Mapping[str, Any] | None = None):
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

    Returns:
        What `results/training.json` holds: epochs, best_epoch, best (figures of the best epoch), seconds.

    Raises:
        RequestError: the folder holds a training with other numbers.
    """
    remember(run, {"options": options.as_dict(), **(config or {})})
    module, best_path, summary_path = trainee.module, run / "weights" / "best.safetensors", _summary(run)
    if summary_path.is_file() and best_path.is_file():
        module.load_state_dict(load_file(best_path))
        module.eval()
        return _read(summary_path)
    parameters = list(trainee.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=options.lr, weight_decay=options.weight_decay)
    checkpoint, history = Checkpoint(run / "weights"), History(run, unit="epochs")
    stopping, best, spent = EarlyStopping(options.patience), {}, 0.0
    epoch, tensors, state = checkpoint.load()
    if epoch:
        restore_module("module", module, tensors)
        restore_optimizer("optimizer", optimizer, tensors)
        stopping.restore(state["stopping"])
        best, spent = state["best"], state["seconds"]
        log(f"{options.model_name}: resumed after epoch {epoch} of {options.epochs}")
    history.rewind(epoch)
    best_weights = {k: v.clone() for k, v in (under(tensors, "best") or module.state_dict()).items()}
    per_epoch = trainee.steps()
    total, saved = per_epoch * options.epochs, time.monotonic()
    while epoch < options.epochs and not stopping.done:
        began = time.monotonic()
        seed_epoch(options.seed, epoch)
        module.train()
        trainee.begin(epoch)
        sums: dict[str, float] = {}
        for number, batch in enumerate(trainee.batches(epoch)):
            rate = cosine_rate(
                epoch * per_epoch + number, total, options.lr, warmup=min(per_epoch, total // 10)
            )
            for group in optimizer.param_groups:
                group["lr"] = rate
            parts = trainee.losses(batch)
            optimizer.zero_grad(set_to_none=True)
            sum(parts.values()).backward()
            torch.nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()
            for name, part in parts.items():
                sums[name] = sums.get(name, 0.0) + float(part.detach())
        epoch += 1
        module.eval()
        figures = trainee.validate()
        score = next(iter(figures.values()))
        if stopping.better(epoch, score):
            best = figures
            best_weights = {k: v.clone() for k, v in module.state_dict().items()}
        row = {f"loss/{name}": value / per_epoch for name, value in sums.items()}
        row |= {f"val/{name}": value for name, value in figures.items()} | {"lr": rate}
        ended = epoch == options.epochs or stopping.done
        if epoch % CURVES_EVERY == 0 or ended:
            row |= trainee.watch()
        history.append(epoch, row)
        if epoch % CURVES_EVERY == 0 or ended:
            history.figure()
        now = time.monotonic()
        spent += now - began
        text = " ".join(f"{name}={value:.4f}" for name, value in row.items() if name != "lr")
        log(f"{options.model_name}: epoch {epoch}/{options.epochs} {now - began:.1f} s {text}")
        if ended or now - saved >= CHECKPOINT_SECONDS:
            kept = module_tensors("module", module) | optimizer_tensors("optimizer", optimizer)
            kept |= {f"best.{name}": value for name, value in best_weights.items()}
            state = {"stopping": stopping.state(), "best": best, "seconds": spent}
            checkpoint.save(epoch, kept, state)
            saved = now
    module.load_state_dict(best_weights)
    module.eval()
    part = best_path.with_suffix(".part")
    best_path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in best_weights.items()}, part)
    part.replace(best_path)
    summary = {
        "epochs": epoch,
        "best_epoch": stopping.best_epoch,
        "best": best,
        "seconds": round(spent, 1),
        "stopped_early": stopping.done,
    }
    write_json(summary_path, summary)
    return summary


def _summary(run: Path) -> Path:
    return run / "results" / "training.json"


def _read(path: Path) -> dict[str, Any]:
    import json

    return json.loads(path.read_text(encoding="utf-8"))
