"""Steps of one or more networks on one stream of batches: seeded, averaged, resumable."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from ..framework.checkpoint import (
    Checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from ..framework.history import History
from ..framework.loop import update
from ..framework.run_folder import Log
from ..framework.schedules import cosine_rate
from ..recipe import Phase
from .recipe import HydraRecipe

CHECKPOINT_SECONDS = 60.0
"""A stop costs a minute of work."""

LOG_EVERY = 50


class Learner:
    """One network in training, its optimiser, and the average of its weights that is kept.

    Args:
        name: what it is called in checkpoints and curves.
        module: trained in place.
        groups: parameters with their rate; what is in none of them stays as it is.
        recipe: weight decay, warm-up and averaging.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        groups: Sequence[tuple[Iterable[nn.Parameter], float]],
        recipe: HydraRecipe,
    ) -> None:
        self.name, self.module, self.recipe = name, module, recipe
        self.average = copy.deepcopy(module).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            [{"params": list(params), "lr": rate, "base": rate} for params, rate in groups],
            weight_decay=recipe.weight_decay,
        )

    def update(self, loss: Tensor, step: int, total: int) -> None:
        """One step down the gradient of `loss`.

        Raises:
            RequestError: the loss or its gradient is not a number.
        """
        warmup = min(self.recipe.warmup, total // 4)
        groups = self.optimizer.param_groups
        rates = [cosine_rate(step, total, group["base"], warmup=warmup) for group in groups]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        where = f"{self.name}: in step {step + 1}"
        update(self.optimizer, self.module.parameters(), rates, loss.detach(), where)
        self._follow(min(self.recipe.ema, (step + 1) / (step + 10)))

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        """Exponential moving average; statistics of BatchNorm are averaged alike."""
        mine, theirs = self.average.state_dict(), self.module.state_dict()
        floats = [key for key, value in mine.items() if value.is_floating_point()]
        torch._foreach_lerp_([mine[key] for key in floats], [theirs[key] for key in floats], 1 - decay)

    def tensors(self) -> dict[str, Tensor]:
        """What a resumed training needs."""
        return (
            module_tensors(f"{self.name}/module", self.module)
            | module_tensors(f"{self.name}/average", self.average)
            | optimizer_tensors(f"{self.name}/optimizer", self.optimizer)
        )

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go back to what `tensors` kept."""
        restore_module(f"{self.name}/module", self.module, tensors)
        restore_module(f"{self.name}/average", self.average, tensors)
        restore_optimizer(f"{self.name}/optimizer", self.optimizer, tensors)


def learn(
    learners: Sequence[Learner],
    losses: Callable[[dict[str, Any]], Iterator[tuple[Learner, Tensor]]],
    stream: Callable[[Phase, int, int], IterableDataset],
    phases: Sequence[Phase],
    folder: Path,
    log: Log,
) -> None:
    """Train until the last step of the last phase; the averages of the learners are the result.

    Continues from the checkpoint in `folder`, if there is one. Batch `i` depends on the seed and `i` alone.

    Args:
        learners: what is trained, all on the same batches.
        losses: of a batch, one learner after the other; a learner that has nothing to learn from it is left
            out. The graph of one is freed before the next is asked for.
        stream: batches of a phase, given also its first step and the step in it to start at.
        phases: sizes and numbers of steps.
        folder: of this stage: `weights`, `results` and `analysis` are made in it.
        log: takes lines for the user.
    """
    total = sum(phase.steps for phase in phases)
    checkpoint, history = Checkpoint(folder / "weights"), History(folder)
    step, tensors, _ = checkpoint.load()
    if step:
        for learner in learners:
            learner.restore(tensors)
        log(f"{folder.name}: resumed at step {step} of {total}")
    history.rewind(step)
    running: dict[str, float] = {}
    first, saved = 0, time.monotonic()
    for phase in phases:
        last = first + phase.steps
        if step < last:
            loader = iter(
                DataLoader(
                    stream(phase, first, step - first), batch_size=None, num_workers=1, prefetch_factor=4
                )
            )
            started, began = time.monotonic(), step
            while step < last:
                for learner in learners:
                    learner.module.train()
                for learner, loss in losses(next(loader)):
                    learner.update(loss, step, total)
                    value, old = float(loss.detach()), running.get(learner.name)
                    running[learner.name] = value if old is None else 0.95 * old + 0.05 * value
                step += 1
                if step % LOG_EVERY == 0 or step == last:
                    speed = (step - began) * phase.batch / max(1e-9, time.monotonic() - started)
                    text = " ".join(f"{name}={value:.4f}" for name, value in running.items())
                    log(f"{folder.name}: step {step}/{total} size {phase.size} {speed:.1f} tiles/s {text}")
                    history.append(step, {f"loss/{name}": value for name, value in running.items()})
                if step == total or time.monotonic() - saved >= CHECKPOINT_SECONDS:
                    kept: dict[str, Tensor] = {}
                    for learner in learners:
                        kept |= learner.tensors()
                    checkpoint.save(step, kept)
                    saved = time.monotonic()
            del loader
        first = last
    history.figure()
    for learner in learners:
        learner.average.eval()
