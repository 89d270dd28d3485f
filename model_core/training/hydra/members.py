"""The ensemble: M decoders of one task on the frozen encoder, each with its own start and bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import RequestError
from ...networks.expert import Expert
from ...tasks import UNKNOWN
from ..framework.loop import seed_epoch
from ..framework.precision import mixed_precision
from ..framework.run_folder import Log
from ..losses import segmentation_loss
from ..pack import Sample
from ..recipe import FULL as JOINT
from ..recipe import Phase
from .bootstrap import BootstrapSampler, BootstrapStream
from .folding import folded
from .frozen import Frozen
from .learning import Learner, learn
from .recipe import HydraRecipe


def train_members(
    frozen: Frozen, name: str, samples: list[Sample], recipe: HydraRecipe, folder: Path, log: Log
) -> list[Expert]:
    """Train the ensemble of an expert; returns its members in deploy form.

    Losses, class weights and focal exponents are those of the joint training.

    Args:
        frozen: the bundle with the encoder.
        name: of the expert.
        samples: training scenes, none of an unseen source.
        recipe: every number of it.
        folder: of this stage.
        log: takes lines for the user.

    Raises:
        RequestError: no scene has labels of the task.
    """
    labelled = [sample for sample in samples if name in sample.labels]
    if not labelled and name != "fire":  # fires are simulated on scenes without such labels
        raise RequestError(f"No training scene of the pack has labels for '{name}'; choose another expert.")
    learners = []
    for member in range(recipe.members):
        seed_epoch(recipe.seed, member)  # each its own random start
        module = frozen.new_expert(name)
        learners.append(Learner(f"member-{member}", module, [(module.parameters(), recipe.lr)], recipe))
    weights = torch.tensor(JOINT.class_weights[name])
    focal = JOINT.focal.get(name, 0.0)
    samplers: dict[int, BootstrapSampler] = {}

    def stream(phase: Phase, first: int, start: int) -> BootstrapStream:
        if phase.size not in samplers:
            samplers[phase.size] = BootstrapSampler(samples, phase.size, name, recipe.members, recipe.seed)
        return BootstrapStream(samplers[phase.size], phase.batch, recipe.seed + first, start)

    def losses(batch: dict[str, Any]) -> Iterator[tuple[Learner, Tensor]]:
        features = frozen.encode(batch)
        label = torch.where(batch["valid"][:, 0].bool(), batch["label"], UNKNOWN)
        known = (label != UNKNOWN).flatten(1).any(1)
        for number, learner in enumerate(learners):
            times = torch.where(known, batch["weights"][:, number], 0)
            index = times.nonzero()[:, 0]
            if len(index) == 0:
                continue
            with mixed_precision():
                logits = learner.module(features.select(index)).contiguous()
            again = torch.repeat_interleave(torch.arange(len(index)), times[index])
            yield (
                learner,
                segmentation_loss(
                    logits[again],
                    label[index][again],
                    weights,
                    vegetation=name == "landcover",
                    focal=focal,
                ),
            )

    learn(learners, losses, stream, recipe.member_phases, folder, log)
    return [folded(learner.average) for learner in learners]
