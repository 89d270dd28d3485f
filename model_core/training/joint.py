"""Joint training: one encoder and every expert together, on whatever labels each tile has."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from ..networks.encoder import Features
from ..networks.hydranet import HydraNet
from ..spec import ExpertSpec
from ..tasks import TASK_NAMES, TASKS, UNKNOWN
from .balance import GradientBalance
from .framework.checkpoint import (
    Checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from .framework.history import History
from .framework.loop import update
from .framework.precision import mixed_precision
from .framework.run_folder import Log
from .framework.schedules import cosine_rate
from .losses import segmentation_loss
from .pack import Sample
from .recipe import Recipe
from .sampling import TileSampler, TileStream


def new_network(recipe: Recipe, experts: tuple[ExpertSpec, ...] = tuple(t.expert for t in TASKS)) -> HydraNet:
    """A seeded, untrained network for the tasks."""
    torch.manual_seed(recipe.seed)
    network = HydraNet(recipe.network, {expert.name: expert.channels for expert in experts})
    return network.to(memory_format=torch.channels_last)


CHECKPOINT_EVERY = 250
"""Steps between checkpoints: a few minutes of work at most are lost to a stop."""

VALIDATE_EVERY = 1000
LOG_EVERY = 50


def backward(
    network: HydraNet, batch: dict[str, Any], recipe: Recipe, balance: GradientBalance
) -> tuple[dict[str, float], dict[str, float]]:
    """Gradients of one batch, into the parameters; an expert decodes only the tiles that carry its labels.

    Each task goes back through its own decoder to the shared features first; the sum of what arrives
    there, balanced, goes back through the encoder once.

    Returns:
        Losses by task, and the factors their gradients were balanced with.
    """
    with mixed_precision():
        features = network.encode(batch["reflectance"], batch["available"], batch["valid"])
    leaves = [level.detach().requires_grad_() for level in features.levels]
    shared = Features(tuple(leaves), features.coverage)
    labels = torch.where(batch["valid"].bool(), batch["labels"], UNKNOWN)  # (B, tasks, S, S)
    labelled = (labels != UNKNOWN).flatten(2).any(2)  # (B, tasks)
    pull = [torch.zeros_like(leaf) for leaf in leaves]
    losses, factors = {}, {}
    for number, name in enumerate(TASK_NAMES):
        index = labelled[:, number].nonzero()[:, 0]
        if len(index) == 0:
            continue
        with mixed_precision():
            logits = network.decode(name, shared, index)
        loss = segmentation_loss(
            logits,
            labels[index, number],
            torch.tensor(recipe.class_weights[name]),
            vegetation=name == "landcover",
            focal=recipe.focal.get(name, 0.0),
        )
        # Share of the batch: a task seen on one tile pulls no harder on the encoder than that tile.
        (loss * (len(index) / len(labels)) ** 0.5).backward()
        gradients = [leaf.grad for leaf in leaves]
        factor = balance.factor(number, gradients) if recipe.balance == "gradient" else 1.0
        for total, gradient in zip(pull, gradients, strict=True):
            total.add_(gradient, alpha=factor)
        for leaf in leaves:
            leaf.grad = None
        losses[name], factors[name] = float(loss.detach()), factor
    torch.autograd.backward(features.levels, pull)
    return losses, factors


def train_joint(
    samples: list[Sample],
    recipe: Recipe,
    folder: Path,
    log: Log,
    *,
    network: HydraNet | None = None,
    validate: Callable[[HydraNet], dict[str, float]] | None = None,
) -> HydraNet:
    """Train encoder and experts; returns the averaged network (unfolded).

    Resumes from `folder/checkpoint.json` if there is one. Batch `i` depends on the seed and `i` alone.

    Args:
        samples: scenes to draw tiles from.
        recipe: every number of the training.
        folder: for checkpoints, `weights` of the run; figures over the steps go beside it.
        log: takes lines for the user.
        network: where to start from; a new network by default.
        validate: figures of the averaged network by name, computed every `VALIDATE_EVERY` steps for the
            curves. Nothing is chosen by them.
    """
    network = network or new_network(recipe)
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(
        [p for name, p in network.named_parameters() if not name.startswith("switcher.")],
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
    )
    balance = GradientBalance(len(TASK_NAMES))
    checkpoint, history = Checkpoint(folder), History(folder.parent)
    step, stored, _ = checkpoint.load()
    history.rewind(step)
    total = sum(phase.steps for phase in recipe.phases)
    if step:
        restore_module("network", network, stored)
        restore_module("average", average, stored)
        restore_optimizer("optimizer", optimizer, stored)
        balance.norm.copy_(stored["balance"])
        log(f"resumed at step {step} of {total}")
    first = 0
    running: dict[str, float] = {}
    for phase in recipe.phases:
        last = first + phase.steps
        if step < last:
            sampler = TileSampler(samples, phase.size, recipe.task_weights)
            stream = TileStream(sampler, phase.batch, recipe.seed + first, start=step - first)
            loader = iter(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4))
            started, began = time.monotonic(), step
            while step < last:
                network.train()
                optimizer.zero_grad(set_to_none=True)
                losses, factors = backward(network, next(loader), recipe, balance)
                rate = cosine_rate(step, total, recipe.lr, recipe.warmup)
                update(optimizer, network.parameters(), rate, sum(losses.values()), f"In step {step + 1}")
                _average(average, network, min(recipe.ema, (step + 1) / (step + 10)))
                step += 1
                for name, value in losses.items():
                    running[name] = value if name not in running else 0.98 * running[name] + 0.02 * value
                if step % LOG_EVERY == 0:
                    speed = (step - began) * phase.batch / (time.monotonic() - started)
                    text = " ".join(f"{name}={running.get(name, np.nan):.3f}" for name in TASK_NAMES)
                    log(f"step {step}/{total} size {phase.size} {speed:.1f} samples/s {text}")
                    row = {"lr": rate} | {f"loss/{name}": value for name, value in running.items()}
                    history.append(step, row | {f"weight/{name}": value for name, value in factors.items()})
                if validate and (step % VALIDATE_EVERY == 0 or step == total):
                    figures = validate(average)
                    log(f"step {step}/{total} val " + " ".join(f"{k}={v:.3f}" for k, v in figures.items()))
                    history.append(step, {f"val/{name}": value for name, value in figures.items()})
                if step % CHECKPOINT_EVERY == 0 or step == last:
                    stored = module_tensors("network", network) | module_tensors("average", average)
                    stored |= optimizer_tensors("optimizer", optimizer) | {"balance": balance.norm}
                    checkpoint.save(step, stored)
            del loader
        first = last
    history.figure()
    return average


@torch.no_grad()
def _average(average: HydraNet, network: HydraNet, decay: float) -> None:
    """Exponential moving average of the weights; BatchNorm statistics are averaged alike."""
    mine, theirs = average.state_dict(), network.state_dict()
    floats = [key for key, value in mine.items() if value.is_floating_point()]
    torch._foreach_lerp_([mine[key] for key in floats], [theirs[key] for key in floats], 1 - decay)
