"""Train the arms side by side: one draw of tiles and one encoding a step, every arm its own optimiser.

What an arm becomes depends on the plan, the seed and its name alone: not on the arms trained beside it, nor
on how often it was stopped.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...errors import RequestError
from ...networks.branched_expert import BranchedExpert
from ...networks.folding import fold_into
from ...tasks import TASK_NAMES
from ..classify.partition import kmeans_partition
from ..framework.checkpoint import (
    Checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from ..framework.history import History
from ..framework.loop import update
from ..framework.losses import balance_loss, diversity_loss
from ..framework.precision import mixed_precision
from ..framework.run_folder import Log, remember, write_json
from ..framework.schedules import cosine_rate, gate_temperature
from ..losses import segmentation_loss
from ..pack import Sample, load_chips, load_pack
from ..pipeline import CHIP_EVERY
from ..recipe import FULL
from ..sampling import TileSampler, TileStream
from .arms import TASK, Arm, Plan, build
from .frozen import Frozen
from .groups import Groups, class_features, class_shares, group_shares, known_labels, random_groups

ROW = TASK_NAMES.index(TASK)
WEIGHTS = torch.tensor(FULL.class_weights[TASK])
LOG_EVERY, CHECKPOINT_EVERY = 50, 100
GROUPING_BATCHES = 40
"""Batches of training crops over which the classes' features are averaged."""


def train_scenes(data: Path) -> list[Sample]:
    """The training scenes and chips with labels of the task.

    Raises:
        RequestError: no pack in `data`, or nothing of it has such labels.
    """
    samples = load_pack(data, ("train",)) + load_chips(data, ("train",), CHIP_EVERY)
    samples = [sample for sample in samples if TASK in sample.labels]
    if not samples:
        raise RequestError(f"No training scene in {data} has labels of '{TASK}'; give a pack that has.")
    return samples


def stream(samples: list[Sample], plan: Plan, seed: int, start: int = 0):
    """Batches from `start` on; batch `i` depends on the seed and on `i` alone."""
    return iter(TileStream(TileSampler(samples, plan.size, {TASK: 1.0}), plan.batch, seed, start))


def find_groups(run: Path, frozen: Frozen, samples: list[Sample], plan: Plan) -> dict[str, Groups]:
    """Groups of classes by grouping, kept in `run/results/groups.json`."""
    path = run / "results" / "groups.json"
    if not path.is_file():
        batches, seen = stream(samples, plan, seed=0), []
        for _ in range(GROUPING_BATCHES):
            batch = next(batches)
            features = frozen.encode(batch["reflectance"], batch["available"], batch["valid"])
            seen.append((features, known_labels(batch, ROW)))
        means = class_features(frozen.teacher, seen, frozen.channels)
        found = kmeans_partition(means, plan.branches, seed=0)
        lot = random_groups(frozen.channels, plan.branches, found)
        write_json(path, {"features": found, "random": lot, "means": np.round(means, 4).tolist()})
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {name: tuple(tuple(group) for group in kept[name]) for name in ("features", "random")}


class ArmInTraining:
    """One arm of one seed: its decoder, its optimiser, and where it is kept.

    Args:
        arm: which one.
        seed: of its first weights, its noise and its tiles.
        folder: `weights/`, `results/` and `analysis/` of it.
        frozen: for the shape of the network.
        plan: the numbers.
        groups: of the arm; unused by the plain one.
    """

    def __init__(self, arm: Arm, seed: int, folder: Path, frozen: Frozen, plan: Plan, groups: Groups) -> None:
        self.arm, self.seed, self.folder, self.plan, self.groups = arm, seed, folder, plan, groups
        self._shape = (frozen.config, frozen.channels)
        torch.manual_seed(seed)
        self.module = build(arm, *self._shape, plan).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(
            self.module.parameters(), lr=plan.lr, weight_decay=plan.weight_decay
        )
        self.checkpoint, self.history = Checkpoint(folder / "weights"), History(folder)
        self.step, tensors, state = self.checkpoint.load()
        self.seconds = float(state.get("seconds", 0.0))
        self.running: dict[str, float] = dict(state.get("running", {}))
        if self.step:
            restore_module("module", self.module, tensors)
            restore_optimizer("optimizer", self.optimizer, tensors)
        self.history.rewind(self.step)

    def update(self, features, label: Tensor, shares: Tensor) -> None:
        """One step on a batch: `label` uint8 (n, H, W), `shares` of the classes (n, C)."""
        plan, module, began = self.plan, self.module, time.monotonic()
        digest = hashlib.sha256(f"{self.seed}/{self.arm.name}/{self.step}".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:7], "big"))
        rate = cosine_rate(self.step, plan.steps, plan.lr, min(plan.warmup, max(1, plan.steps // 10)))
        module.train()
        parts = {}
        if isinstance(module, BranchedExpert):
            module.sparsity = plan.sparsity(self.step)
            module.gate.temperature = gate_temperature(
                self.step, plan.steps, plan.temperature_start, plan.temperature_end
            )
            with mixed_precision():
                said = module(features, self.arm.k)
            logits, gates = said.logits, said.gates
            target = group_shares(shares, self.groups)
            divergence = target * (target.clamp_min(1e-6).log() - gates.clamp_min(1e-6).log())
            parts["gate"] = plan.gate_weight * divergence.sum(1).mean()
            parts["diversity"] = plan.diversity_weight * diversity_loss(gates)
            parts["balance"] = plan.balance_weight * balance_loss(gates)
        else:
            with mixed_precision():
                logits = module(features)
        parts["map"] = segmentation_loss(logits, label, WEIGHTS, vegetation=True)
        self.optimizer.zero_grad(set_to_none=True)
        loss = sum(parts.values())
        loss.backward()
        where = f"{self.arm.name}, seed {self.seed}: in step {self.step + 1}"
        update(self.optimizer, module.parameters(), rate, loss.detach(), where)
        self.step += 1
        for name, part in parts.items():
            value = float(part.detach())
            self.running[name] = value if self.step == 1 else 0.98 * self.running[name] + 0.02 * value
        if self.step % LOG_EVERY == 0 or self.step == plan.steps:
            self.history.append(self.step, {f"loss/{k}": v for k, v in self.running.items()} | {"lr": rate})
        self.seconds += time.monotonic() - began
        if self.step % CHECKPOINT_EVERY == 0 or self.step == plan.steps:
            kept = module_tensors("module", module) | optimizer_tensors("optimizer", self.optimizer)
            state = {"seconds": self.seconds, "running": self.running}
            self.checkpoint.save(self.step, kept, state)

    def finish(self) -> None:
        """Write the folded decoder, and how it was trained."""
        module = self.module.eval()
        if isinstance(module, BranchedExpert):
            module.gate.temperature = self.plan.temperature_end
            folded: nn.Module = module.folded()
        else:
            folded = fold_into(module, build(self.arm, *self._shape, self.plan, deploy=True))
        self.history.figure()
        path = weights_of(self.folder)
        part = path.with_suffix(".part")
        save_file({name: value.contiguous() for name, value in folded.state_dict().items()}, part)
        part.replace(path)
        write_json(
            self.folder / "results" / "training.json",
            {"steps": self.step, "seconds": round(self.seconds, 1), "loss": self.running},
        )


def arm_folder(run: Path, arm: Arm, seed: int) -> Path:
    """Where an arm of a seed is kept."""
    return run / f"seed-{seed}" / arm.name


def weights_of(folder: Path) -> Path:
    """The finished decoder of an arm, folded."""
    return folder / "weights" / "expert.safetensors"


def train_arms(
    data: Path, run: Path, frozen: Frozen, arms: Sequence[Arm], seeds: Sequence[int], plan: Plan, log: Log
) -> dict[str, Groups]:
    """Train the arms that are not finished yet, seed after seed; resumes from their checkpoints.

    Returns:
        The groups of classes, by grouping.

    Raises:
        RequestError: no pack in `data`, or the run folder holds a comparison with other numbers.
    """
    remember(run, {"plan": plan.as_dict(), "encoder": frozen.identity})
    samples: list[Sample] = []
    before = frozen.digest()
    for seed in seeds:
        left = [arm for arm in arms if not weights_of(arm_folder(run, arm, seed)).is_file()]
        if not left:
            continue
        samples = samples or train_scenes(data)
        groups = find_groups(run, frozen, samples, plan)
        trainees = [
            ArmInTraining(arm, seed, arm_folder(run, arm, seed), frozen, plan, groups[arm.grouping])
            for arm in left
        ]
        step = min(trainee.step for trainee in trainees)
        if step:
            log(f"seed {seed}: resumed at step {step} of {plan.steps}")
        batches = stream(samples, plan, seed, step) if step < plan.steps else iter(())
        began, first = time.monotonic(), step
        for batch in batches:
            features = frozen.encode(batch["reflectance"], batch["available"], batch["valid"])
            label = known_labels(batch, ROW)
            shares = class_shares(label, batch["valid"][:, 0].bool(), frozen.teach(features))
            for trainee in trainees:
                if trainee.step == step:  # the others are ahead of it
                    trainee.update(features, label, shares)
            step += 1
            if step % LOG_EVERY == 0 or step == plan.steps:
                pace = (time.monotonic() - began) / (step - first)
                told = "; ".join(f"{t.arm.name} {_told(t.running)}" for t in trainees)
                log(f"seed {seed} step {step}/{plan.steps} {pace:.2f} s a step: {told}")
            if step == plan.steps:
                break
        for trainee in trainees:
            trainee.finish()
    if frozen.digest() != before:
        raise RuntimeError("the frozen encoder changed while the arms were trained")
    return find_groups(run, frozen, samples, plan)


def _told(running: dict[str, Any]) -> str:
    return " ".join(f"{name}={value:.3f}" for name, value in sorted(running.items(), reverse=True))


def load_arm(run: Path, arm: Arm, seed: int, frozen: Frozen, plan: Plan) -> nn.Module:
    """A finished decoder, folded, in eval mode."""
    module = build(arm, frozen.config, frozen.channels, plan, deploy=True)
    module.load_state_dict(load_file(weights_of(arm_folder(run, arm, seed))))
    return module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
