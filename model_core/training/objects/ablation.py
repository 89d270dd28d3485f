"""Does two-level routing pay? Decoders of every routing, trained side by side on the same tiles and maps.

The maps and the dense head are trained before, without a decoder, and stay as they are: all arms begin at the
same place, see the same tiles of their seed in the same order, and spend the same multiply-accumulates in
their feed-forward parts. Every arm is trained for the same number of steps and judged as it is then, so that
no arm is chosen by what it is judged on. What an arm becomes depends on seed, variant and the numbers alone,
not on the arms beside it, nor on how often the training was stopped.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ...evaluation.objects_scan import predictions
from ...networks.macs import counting
from ...networks.objects.detector import ObjectsExpert, ObjectsOutput
from ...objects.spec import ROUTINGS, ObjectsSpec
from ..framework.checkpoint import (
    Checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from ..framework.history import History
from ..framework.loop import update
from ..framework.options import Options
from ..framework.precision import mixed_precision
from ..framework.run_folder import Log, remember, write_json
from ..framework.schedules import cosine_rate, gate_temperature
from .frozen import FrozenEncoder
from .judging import Finder
from .losses import decoder_losses, load_losses
from .sampling import ObjectSampler
from .trainee import drawn, set_temperature
from .truth import CLASSES, ObjectScene

FROZEN = ("memory", "dense")
"""Parts that the arms share and do not train."""

LOG_EVERY, CHECKPOINT_EVERY = 25, 50


@dataclass(frozen=True)
class ArmPlan:
    """Numbers of the comparison.

    Attributes:
        steps: of each arm.
        batch, size: tiles a step, and their edge in pixels.
        warmup: steps over which the learning rate rises.
    """

    steps: int
    batch: int
    size: int
    warmup: int = 40


class Arm:
    """One decoder in training.

    Args:
        variant: one of `ROUTINGS`.
        seed: of its first weights, its noise and its tiles.
        folder: `weights/`, `results/` and `analysis/` of it.
        spec: sizes; the routing becomes the variant.
        base: expert with the trained maps and dense head.
        plan, options: numbers.
    """

    def __init__(
        self,
        variant: str,
        seed: int,
        folder: Path,
        spec: ObjectsSpec,
        base: ObjectsExpert,
        plan: ArmPlan,
        options: Options,
    ) -> None:
        self.variant, self.seed, self.folder = variant, seed, folder
        self.plan, self.options = plan, options
        torch.manual_seed(seed)
        self.module = begun_from(base, replace(spec, routing=variant))
        self.parameters = [
            parameter
            for name, parameter in self.module.named_parameters()
            if name.split(".")[0] not in FROZEN
        ]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=options.lr, weight_decay=options.weight_decay)
        self.checkpoint, self.history = Checkpoint(folder / "weights"), History(folder)
        self.step, tensors, state = self.checkpoint.load()
        self.seconds = float(state.get("seconds", 0.0))
        self.running: dict[str, float] = dict(state.get("running", {}))
        if self.step:
            restore_module("module", self.module, tensors)
            restore_optimizer("optimizer", self.optimizer, tensors)
        self.history.rewind(self.step)

    @property
    def weights(self) -> Path:
        """The finished arm, folded."""
        return self.folder / "weights" / "expert.safetensors"

    def update(self, maps: list[torch.Tensor], dense: Any, batch: dict[str, Any]) -> None:
        """One step on what the shared parts say of a batch."""
        plan, options, began = self.plan, self.options, time.monotonic()
        digest = hashlib.sha256(f"{self.seed}/{self.variant}/{self.step}".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:7], "big"))
        self.module.train()
        set_temperature(
            self.module,
            gate_temperature(self.step, plan.steps, options.temperature_start, options.temperature_end),
        )
        output: ObjectsOutput = self.module.decode(maps, dense)
        parts = {
            **decoder_losses(output, batch["targets"], batch["known"], float(plan.size)),
            **load_losses(output, options.balance_weight, options.diversity_weight),
        }
        loss = torch.stack(list(parts.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        rate = cosine_rate(self.step, plan.steps, options.lr, plan.warmup)
        where = f"{self.variant}, seed {self.seed}: in step {self.step + 1}"
        update(self.optimizer, self.parameters, rate, loss.detach(), where)
        self.step += 1
        for name, part in parts.items():
            value = float(part.detach())
            self.running[name] = value if self.step == 1 else 0.95 * self.running[name] + 0.05 * value
        if self.step % LOG_EVERY == 0 or self.step == plan.steps:
            self.history.append(self.step, {f"loss/{k}": v for k, v in self.running.items()} | {"lr": rate})
        self.seconds += time.monotonic() - began
        if self.step % CHECKPOINT_EVERY == 0 or self.step == plan.steps:
            kept = module_tensors("module", self.module) | optimizer_tensors("optimizer", self.optimizer)
            self.checkpoint.save(self.step, kept, {"seconds": self.seconds, "running": self.running})

    def finish(self) -> None:
        """Write the folded expert, and how it was trained."""
        self.module.eval()
        set_temperature(self.module, self.options.temperature_end)
        folded = self.module.folded()
        self.history.figure()
        part = self.weights.with_suffix(".part")
        save_file({name: value.contiguous() for name, value in folded.state_dict().items()}, part)
        part.replace(self.weights)
        write_json(
            self.folder / "results" / "training.json",
            {"steps": self.step, "seconds": round(self.seconds, 1), "loss": self.running},
        )
        self.checkpoint.remove()


def begun_from(base: ObjectsExpert, spec: ObjectsSpec) -> ObjectsExpert:
    """A new expert with the maps and the dense head of another one, in the form it is trained in."""
    module = ObjectsExpert(spec, base.classes, base.skips)
    for name in FROZEN:
        getattr(module, name).load_state_dict(getattr(base, name).state_dict())
    return module


def train_arms(
    run: Path,
    base: ObjectsExpert,
    encoder: FrozenEncoder,
    sampler: ObjectSampler,
    spec: ObjectsSpec,
    seeds: Sequence[int],
    plan: ArmPlan,
    options: Options,
    log: Log,
) -> None:
    """Train the arms of these seeds that are not finished yet, below `run`; resumes from checkpoints.

    Raises:
        RequestError: the folder holds a comparison with other numbers.
    """
    numbers = {name: value for name, value in options.as_dict().items() if name != "seed"}
    remember(run, {"plan": asdict(plan), "options": numbers, "spec": {**spec.as_dict(), "routing": None}})
    base = base.eval().requires_grad_(False)
    for seed in seeds:
        arms = [
            Arm(variant, seed, _folder(run, variant, seed), spec, base, plan, options) for variant in ROUTINGS
        ]
        arms = [arm for arm in arms if not arm.weights.is_file()]
        step, began = min((arm.step for arm in arms), default=plan.steps), time.monotonic()
        first = step
        while step < plan.steps:
            batch = drawn(sampler, plan.batch, [seed, step])
            features = encoder(batch)
            with torch.no_grad(), mixed_precision():
                maps = base.memory(features)
                dense = base.dense(maps, features.coverage)
            maps = [plane.float() for plane in maps]
            for arm in arms:
                if arm.step == step:  # the others are ahead of it
                    arm.update(maps, dense, batch)
            step += 1
            if step % LOG_EVERY == 0 or step == plan.steps:
                pace = (time.monotonic() - began) / (step - first)
                told = "; ".join(f"{arm.variant} {sum(arm.running.values()):.3f}" for arm in arms)
                log(f"seed {seed} step {step}/{plan.steps} {pace:.2f} s a step, loss: {told}")
        for arm in arms:
            arm.finish()


def record_arms(
    run: Path,
    base: ObjectsExpert,
    encoder: FrozenEncoder,
    spec: ObjectsSpec,
    scenes: Sequence[ObjectScene],
    log: Log,
) -> Path:
    """Search the scenes of val and test with every finished arm, and write `ablation.json` below `run`.

    Searches that are there already are kept.

    Returns:
        The file.
    """
    entries = []
    for path in sorted(run.glob("*/weights/expert.safetensors")):
        variant, seed = path.parts[-3].rsplit("_", 1)
        folder = path.parent.parent
        module = ObjectsExpert.of(replace(spec, routing=variant), len(CLASSES), base.skips, deploy=True)
        module.load_state_dict(load_file(path))
        module.eval().requires_grad_(False)
        name = f"predictions/{variant}_{seed}_{{split}}.json"
        for split in ("val", "test"):
            target = run / name.format(split=split)
            if not target.is_file():
                chosen = [scene for scene in scenes if scene.split == split]
                write_json(target, predictions(Finder(module, encoder.model), chosen))
        told = json.loads((folder / "results" / "training.json").read_text(encoding="utf-8"))
        entries.append(
            {
                "variant": variant,
                "seed": int(seed),
                "macs": feed_forward_macs(module, encoder.model.tile_size),
                "parameters": sum(
                    value.numel() for key, value in module.state_dict().items()
                    if key.split(".")[0] not in FROZEN
                ),
                "steps": told["steps"],
                "seconds": told["seconds"],
                "predictions": name,
            }
        )  # fmt: skip
        log(f"searched with {variant}, seed {seed}")
    write_json(run / "ablation.json", entries)
    return run / "ablation.json"


@torch.no_grad()
def feed_forward_macs(module: ObjectsExpert, size: int) -> int:
    """Multiply-accumulates of the feed-forward parts and their routers for a tile, counted as they run."""
    from ...networks.encoder import Features

    levels = tuple(
        torch.zeros(1, width, size >> (number + 1), size >> (number + 1))
        for number, width in enumerate(module.skips)
    )
    parts: list[nn.Module] = [layer.feed_forward for layer in module.layers]
    parts += list(getattr(module, "token_experts", ()))
    group = nn.ModuleList(parts)
    with counting(group) as counter:
        module(Features(levels, torch.ones(1, 1, size // 32, size // 32)))
    return counter.total


def _folder(run: Path, variant: str, seed: int) -> Path:
    return run / f"{variant}_{seed}"
