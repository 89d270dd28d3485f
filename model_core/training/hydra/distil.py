"""Distillation of an ensemble: first into one head, then into a head for each of its members.

Hydra (Tran et al. 2020), for every valid pixel of tiles with or without labels:

    L = (T^2 / M) sum_m KL(softmax(z_m / T) || softmax(z'_m / T))

with z_m the logits of member m and z'_m those of head m. In phase 1 one head learns the mean of the
members' probabilities. In phase 2 every head starts as that one and learns its own member. A second student
goes on with the mean for as many steps on the same batches: it is what is left of the ensemble when its
diversity is not kept, and what Hydra is compared with.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from ...networks.encoder import Features
from ...networks.expert import Expert
from ..framework.loop import seed_epoch
from ..framework.precision import mixed_precision
from ..framework.run_folder import Log, write_json
from ..layout import natural_tiles
from ..pack import Sample
from ..recipe import FULL as JOINT
from ..recipe import Phase
from ..sampling import TileSampler, TileStream, collate
from .folding import folded
from .frozen import Frozen
from .learning import Learner, learn
from .recipe import HydraRecipe

TAIL = 1e-3
"""Smallest probability that members are told apart by when they are moved around another decoder."""


def hydra_loss(
    target: Sequence[Tensor], student: Sequence[Tensor], valid: Tensor, temperature: float
) -> Tensor:
    """The loss above, as a mean over the valid pixels.

    Args:
        target: M times probabilities (n, C, ...) of a member at temperature T.
        student: M times logits (n, C, ...) of a head.
        valid: (n, ...) of 0 and 1.
        temperature: T.
    """
    total = valid.new_zeros(())
    # Head by head: the values of one stay in a processor's cache, where those of all do not.
    for p, logits in zip(target, student, strict=True):
        found = torch.log_softmax(logits.float() / temperature, 1)
        # Only the cross-entropy has a gradient; the target's own entropy makes it a divergence.
        with torch.no_grad():
            entropy = torch.special.entr(p).sum(1)
        total = total + ((-(p * found).sum(1) - entropy) * valid).sum()
    return temperature**2 / len(target) * total / valid.sum().clamp_min(1)


def averaged(target: Sequence[Tensor]) -> list[Tensor]:
    """The mean of the members' probabilities, as the target of one head."""
    return [sum(target) / len(target)]


def speak(expert: Expert, features: Features) -> list[Tensor]:
    """Logits of each head of a decoder: M times (n, C, 4, H / 2, W / 2), see `blocks_of_pixels`."""
    with mixed_precision():
        parts = expert(features, apart=True)
    # In planes: a softmax over channels that lie side by side takes several times as long.
    return [part.contiguous().unflatten(1, (-1, 4)) for part in parts]


@torch.no_grad()
def teach(members: Sequence[Expert], features: Features, temperature: float) -> list[Tensor]:
    """Probabilities of each member at temperature T, as `speak` lays them out."""
    return [torch.softmax(speak(member, features)[0].float() / temperature, 1) for member in members]


def moved(target: Sequence[Tensor], centre: Tensor) -> list[Tensor]:
    """Probabilities of the members moved, as logarithms, by what `centre` differs from their mean.

    Probabilities below `TAIL` count as that much: by how many powers of ten members rule a class out is no
    disagreement, but would be made one where the centre is undecided.

    Args:
        target: of each member, classes in dimension 1.
        centre: of the decoder that they are moved around, of the same shape.
    """
    logs = [part.clamp_min(TAIL).log() for part in target]
    mean = sum(logs) / len(logs)
    around = centre.clamp_min(1e-12).log()
    return [torch.softmax(around + part - mean, 1) for part in logs]


def blocks_of_pixels(valid: Tensor) -> Tensor:
    """Valid pixels (n, 1, H, W) as (n, 4, H / 2, W / 2), as decoders lay them out before the pixel shuffle.

    The losses are sums over pixels, so that nothing has to be shuffled for them.
    """
    return torch.nn.functional.pixel_unshuffle(valid, 2)


def grown(single: Expert, heads: int) -> Expert:
    """A decoder of M heads that each say what `single`, one in deploy form, says.

    The heads part by themselves: their last layers are zero, but each is behind hidden channels with a
    random start of their own, and each has its own member to follow.
    """
    skips = tuple(unit.conv.in_channels for unit in single.lateral)
    widths = tuple(unit.conv.out_channels for unit in single.lateral)
    many = Expert(skips, widths, single.head.out_channels // 4, heads=heads, deploy=True)
    body = {key: value for key, value in single.state_dict().items() if not key.startswith("head.")}
    own = {f"head.{key}": value for key, value in many.head.state_dict().items()}
    many.load_state_dict(body | own)
    many.head.start_equal(single.head)
    return many.to(memory_format=torch.channels_last)


class Distillation:
    """Both phases of an expert.

    Args:
        frozen: the bundle with the encoder.
        name: of the expert.
        members: the ensemble, in deploy form.
        samples: training scenes of all tasks, none of an unseen source; their labels are not looked at.
        from_bundle: whether a student may start as the bundle's decoder; not where that one was trained on
            an unseen source, which its students would then have seen through it.
        recipe: every number of it.
        folder: the expert's; each phase has a stage of its own in it.
        log: takes lines for the user.
    """

    def __init__(
        self,
        frozen: Frozen,
        name: str,
        members: Sequence[Expert],
        samples: list[Sample],
        recipe: HydraRecipe,
        folder: Path,
        log: Log,
        *,
        from_bundle: bool = True,
    ) -> None:
        self.from_bundle = from_bundle and frozen.specs[name].heads == 1
        self.frozen, self.name, self.members, self.recipe = frozen, name, members, recipe
        self.samples, self.folder, self.log = samples, folder, log
        others = {k: v for k, v in JOINT.task_weights.items() if k not in (name, "fire")}
        labelled = {task for sample in samples for task in sample.labels} & set(others)
        total = sum(others[task] for task in labelled) or 1.0
        rest = 1 - recipe.own_share
        # Fires are simulated; an ensemble of another task has nothing to say of them.
        self.leads = {name: recipe.own_share} | {task: rest * others[task] / total for task in labelled}

    def first(self, judged: list[Sample]) -> Expert:
        """Phase 1: the averaged teacher in one head.

        Two students learn from the same batches, one that starts fresh and, if it may, one that starts as
        the bundle's decoder. The one that is nearer to the teacher on held-out tiles is kept.

        Args:
            judged: held-out scenes; labels are not looked at.
        """
        recipe = self.recipe
        seed_epoch(recipe.seed, 1000)
        fresh = self.frozen.new_expert(self.name)
        learners = [Learner("fresh", fresh, [(fresh.parameters(), recipe.lr)], recipe)]
        if self.from_bundle:
            begun = self.frozen.expert(self.name)
            learners.append(Learner("bundle", begun, [(begun.parameters(), recipe.slow_lr)], recipe))
        temperature = recipe.temperatures[0]

        def losses(batch: dict[str, Any]) -> Iterator[tuple[Learner, Tensor]]:
            features = self.frozen.encode(batch)
            valid = blocks_of_pixels(batch["valid"])
            target = averaged(teach(self.members, features, temperature))
            for learner in learners:
                yield learner, hydra_loss(target, speak(learner.module, features), valid, temperature)

        learn(learners, losses, self._stream(0), recipe.first, self.folder / "phase1", self.log)
        students = {learner.name: folded(learner.average) for learner in learners}
        found = {name: self.distance(student, judged) for name, student in students.items()}
        best = min(found, key=found.get)
        text = " ".join(f"{name}={value:.5f}" for name, value in found.items())
        self.log(f"phase1: divergence from the ensemble on held-out tiles {text}; kept: {best}")
        write_json(self.folder / "phase1" / "results" / "start.json", {"divergence": found, "kept": best})
        return students[best]

    def second(self, single: Expert) -> tuple[Expert, Expert]:
        """Phase 2: (student of the mean, student with a head for each member), in deploy form.

        Args:
            single: what phase 1 gave.
        """
        recipe = self.recipe
        seed_epoch(recipe.seed, 2000)
        mean = copy.deepcopy(single).requires_grad_(True)
        learners = [
            Learner("averaged", mean, [(mean.parameters(), recipe.slow_lr)], recipe),
            self._headed("hydra", single),
        ]
        hydra = learners[1].module
        temperature = recipe.temperatures[1]

        def losses(batch: dict[str, Any]) -> Iterator[tuple[Learner, Tensor]]:
            features, valid = self.frozen.encode(batch), blocks_of_pixels(batch["valid"])
            target = teach(self.members, features, temperature)
            yield learners[0], hydra_loss(averaged(target), speak(mean, features), valid, temperature)
            yield learners[1], hydra_loss(target, speak(hydra, features), valid, temperature)

        learn(learners, losses, self._stream(1), recipe.second, self.folder / "phase2", self.log)
        return folded(learners[0].average), folded(learners[1].average)

    def recentred(self, shipped: Expert) -> Expert:
        """A student that keeps what a better decoder says, and takes the ensemble's disagreement alone.

        Phase 2 with every member's log-probabilities moved by what the decoder's differ from their mean. For
        an ensemble whose members, trained on a frozen encoder, fall behind the decoder that was trained
        together with it.

        Args:
            shipped: that decoder, with one head, in deploy form.
        """
        seed_epoch(self.recipe.seed, 3000)
        base = copy.deepcopy(shipped).eval().requires_grad_(False)
        learner = self._headed("recentred", shipped)

        def losses(batch: dict[str, Any]) -> Iterator[tuple[Learner, Tensor]]:
            features, valid = self.frozen.encode(batch), blocks_of_pixels(batch["valid"])
            target = moved(teach(self.members, features, 1.0), teach([base], features, 1.0)[0])
            yield learner, hydra_loss(target, speak(learner.module, features), valid, 1.0)

        learn([learner], losses, self._stream(2), self.recipe.second, self.folder / "recentred", self.log)
        return folded(learner.average)

    def _headed(self, name: str, single: Expert) -> Learner:
        """A student whose every head begins as `single`; what is new learns faster than what was trained."""
        hydra = grown(single, len(self.members))
        new = [p for part in (hydra.head.near, hydra.head.wide, hydra.head.own) for p in part.parameters()]
        ids = {id(p) for p in new}
        old = [p for p in hydra.parameters() if id(p) not in ids]
        return Learner(name, hydra, [(old, self.recipe.slow_lr), (new, self.recipe.lr)], self.recipe)

    @torch.no_grad()
    def distance(self, student: Expert, samples: list[Sample]) -> float:
        """Mean divergence (T = 1) of a single-headed student from the averaged teacher, on natural tiles."""
        tiles = [placed.tile for placed in natural_tiles(samples)]
        chosen = tiles[:: max(1, -(-len(tiles) // self.recipe.judged_tiles))]
        total = pixels = 0.0
        for tile in chosen:
            batch = collate([tile])
            features, valid = self.frozen.encode(batch), blocks_of_pixels(batch["valid"])
            count = float(valid.sum())
            target = averaged(teach(self.members, features, 1.0))
            total += float(hydra_loss(target, speak(student, features), valid, 1.0)) * count
            pixels += count
        return total / max(1.0, pixels)

    def _stream(self, phase: int):
        samplers: dict[int, TileSampler] = {}

        def stream(part: Phase, first: int, start: int) -> IterableDataset:
            if part.size not in samplers:
                samplers[part.size] = TileSampler(self.samples, part.size, self.leads)
            # Far from the seeds of the members' batches: 10,000 steps of one stage would have to overlap.
            seed = self.recipe.seed + 10_000 * (phase + 1) + first
            return TileStream(samplers[part.size], part.batch, seed, start)

        return stream
