"""Each member its own bootstrap of the training scenes, all members one stream of tiles.

A member of an ensemble sees every scene w times, w drawn from a Poisson distribution of mean 1, which is
what drawing N of N scenes with replacement comes to for large N (Oza and Russell 2001). The draw depends on
the seed, the member and the scene's id alone. A batch is read and encoded once: a tile with weight w enters
a member's loss w times, and where w is 0 that member does not decode it.

A tile may show several small scenes side by side, and must have one weight. Scenes of at most `SMALL` pixels
are therefore drawn in bags of `BAG`, of one source, and a tile is laid out from one bag.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset

from ...tasks import TASK_NAMES
from ..augment import augment
from ..pack import Sample
from ..sampling import SOURCE_WEIGHT, Tile, TileSampler, collate

SMALL = 128
BAG = 4


@dataclass(frozen=True)
class Bag:
    """Scenes that every member draws together.

    Attributes:
        scenes: of one source.
        weights: (M,) how often each member sees them.
    """

    scenes: tuple[Sample, ...]
    weights: tuple[int, ...]


def poisson(seed: int, member: int, key: str) -> int:
    """How often a member sees what is called `key`: Poisson with mean 1, the same every time."""
    digest = hashlib.sha256(f"{seed}/{member}/{key}".encode()).digest()
    left = int.from_bytes(digest[:8], "big") / 2**64
    count, share = 0, math.exp(-1)
    while left >= share and count < 12:  # beyond 12 there is less than 1e-9
        left -= share
        count += 1
        share /= count
    return count


def bags(samples: list[Sample], members: int, seed: int) -> dict[str, list[Bag]]:
    """Bags by source; a member that would see nothing at all is drawn again."""
    groups: dict[str, list[tuple[Sample, ...]]] = defaultdict(list)
    small: dict[str, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda s: hashlib.sha256(s.id.encode()).digest()):
        if max(sample.valid.shape) > SMALL:
            groups[sample.source].append((sample,))
        else:
            small[sample.source].append(sample)
    for source, chips in small.items():
        groups[source] += [tuple(chips[i : i + BAG]) for i in range(0, len(chips), BAG)]
    drawn: list[dict[str, int]] = []
    names = [_name(scenes) for source in groups for scenes in groups[source]]
    for member in range(members):
        weights = {name: poisson(seed, member, name) for name in names}
        again = 1
        while names and not any(weights.values()):
            weights = {name: poisson(seed, member, f"{name}/{again}") for name in names}
            again += 1
        drawn.append(weights)
    return {
        source: [Bag(scenes, tuple(row[_name(scenes)] for row in drawn)) for scenes in groups[source]]
        for source in sorted(groups)
    }


def _name(scenes: tuple[Sample, ...]) -> str:
    return ",".join(sample.id for sample in scenes)


class BootstrapSampler(TileSampler):
    """Draws tiles that one task leads to, each with how often every member sees it.

    Args:
        samples: scenes of one split.
        size: tile edge in pixels.
        task: the expert's.
        members: M.
        seed: of the bootstrap.
    """

    def __init__(self, samples: list[Sample], size: int, task: str, members: int, seed: int) -> None:
        super().__init__(samples, size, {task: 1.0})
        self.task = task
        self.bags = bags([s for pool in self.pools[task].values() for s in pool], members, seed)
        self.names = sorted(self.bags)
        # The same shares of sources and scenes as in `TileSampler.draw`.
        area = np.sqrt([sum(s.valid.size for b in self.bags[n] for s in b.scenes) for n in self.names])
        area *= [SOURCE_WEIGHT.get(name, 1.0) for name in self.names]
        self.source_share = area / area.sum()
        self.bag_share = {}
        for name in self.names:
            share = np.array([sum(s.valid.size**0.5 for s in bag.scenes) for bag in self.bags[name]])
            self.bag_share[name] = share / share.sum()

    def draw_weighted(self, random: np.random.Generator) -> tuple[Tile, tuple[int, ...]]:
        """One tile and its weights (M,); the same generator state gives the same."""
        source = self.names[random.choice(len(self.names), p=self.source_share)]
        bag = self.bags[source][random.choice(len(self.bags[source]), p=self.bag_share[source])]
        share = np.sqrt([scene.valid.size for scene in bag.scenes])
        tile = self._compose(list(bag.scenes), share / share.sum(), random, fire=self.task == "fire")
        return tile, bag.weights


class BootstrapStream(IterableDataset):
    """Endless augmented batches with `weights` (B, M) and `label` (B, S, S) of the task.

    Batch `i` depends on the seed and on `i` alone, as in `sampling.TileStream`.
    """

    def __init__(self, sampler: BootstrapSampler, batch: int, seed: int, start: int = 0) -> None:
        self.sampler, self.batch, self.seed, self.start = sampler, batch, seed, start

    def __iter__(self) -> Iterator[dict[str, Any]]:
        info = torch.utils.data.get_worker_info()
        number, stride = (0, 1) if info is None else (info.id, info.num_workers)
        number += self.start
        row = TASK_NAMES.index(self.sampler.task)
        while True:
            random = np.random.default_rng([self.seed, number])
            drawn = [self.sampler.draw_weighted(random) for _ in range(self.batch)]
            batch = collate([tile for tile, _ in drawn])
            jitter = torch.Generator().manual_seed(int(random.integers(2**62)))
            reflectance, available, valid = augment(batch, jitter)
            yield {
                "reflectance": reflectance,
                "available": available,
                "valid": valid,
                "label": batch["labels"][:, row].contiguous(),
                "weights": torch.tensor([weights for _, weights in drawn]),
            }
            number += stride
