"""Training tiles out of the pack: task-balanced choice, scale jitter, mosaics of small chips.

A tile is drawn in this order: task (given weights) -> source that labels it -> scene -> window. So a
task with five small scenes is seen as often as one with hundreds, and a large source cannot drown
the others. Scenes smaller than a tile are laid out side by side, without inventing labels between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset

from ..tasks import TASK_NAMES, UNKNOWN
from .augment import augment
from .fire import ignite
from .fire_scenes import FIRE_SOURCES
from .pack import Sample

MIN_SCALE, MAX_SCALE = 0.5, 2.0

NATIVE = 0.4
"""Share of the tiles that keep their pixel size; the others are drawn between half and double."""

IGNITED = 0.7
"""Share of the tiles led by the fire task that are set on fire; the others show what is no fire."""

SOURCE_WEIGHT = {"Dubai aerial (HITL)": 0.35, "EuroSAT": 0.35}
"""One desert city labels four tasks; unweighted it would be what the network thinks of the world.
EuroSAT's pixels carry one class a chip, so it must not lead either."""


@dataclass(frozen=True)
class Tile:
    """One training tile.

    Attributes:
        bands: float32 (8, S, S), reflectance x 10000.
        available: bool (8,).
        valid: bool (S, S).
        labels: uint8 (tasks, S, S) in the order of `TASK_NAMES`, 255 unknown.
        needs: int8 (tasks,), image-level truth: 1, 0, or -1 unknown.
        source: catalogue name of the data set it is from; nothing is learnt from it, figures are told apart
            by it.
    """

    bands: Tensor
    available: Tensor
    valid: Tensor
    labels: Tensor
    needs: Tensor
    source: str = ""


class TileSampler:
    """Draws tiles from samples.

    Args:
        samples: scenes of one split.
        size: tile edge in pixels.
        weights: how often each task leads the choice; missing tasks are not led by.
        jitter: draw the ground sampling distance between half and double.
    """

    def __init__(
        self, samples: list[Sample], size: int, weights: Mapping[str, float], *, jitter: bool = True
    ):
        self.size = size
        self.jitter = jitter
        self.samples = samples
        # "" stands for chips with image-level truth only: no pixel task leads to them.
        self.pools: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
        for sample in samples:
            for name in list(sample.labels) or [""]:
                self.pools[name][sample.source].append(sample)
            if sample.source in FIRE_SOURCES:
                self.pools["fire"][sample.source].append(sample)
        names = [name for name in weights if name in self.pools and weights[name] > 0]
        total = sum(weights[name] for name in names)
        self.tasks = names
        self.task_share = np.array([weights[name] / total for name in names])

    def draw(self, random: np.random.Generator) -> Tile:
        """One tile; the same generator state gives the same tile."""
        task = self.tasks[random.choice(len(self.tasks), p=self.task_share)]
        pools = self.pools[task]
        sources = sorted(pools)
        # Square root of the labelled area: large sources lead, but do not drown the small ones.
        area = np.sqrt([sum(s.valid.size for s in pools[name]) for name in sources])
        area *= [SOURCE_WEIGHT.get(name, 1.0) for name in sources]
        scenes = pools[sources[random.choice(len(sources), p=area / area.sum())]]
        size_share = np.sqrt([s.valid.size for s in scenes])
        return self._compose(scenes, size_share / size_share.sum(), random, fire=task == "fire")

    def _compose(
        self, scenes: list[Sample], share: np.ndarray, random: np.random.Generator, *, fire: bool
    ) -> Tile:
        size = self.size
        bands = torch.zeros(8, size, size)
        valid = torch.zeros(size, size, dtype=torch.bool)
        labels = torch.full((len(TASK_NAMES), size, size), UNKNOWN, dtype=torch.uint8)
        first = scenes[random.choice(len(scenes), p=share)]
        needs = dict(first.needs)
        scale = 1.0
        if self.jitter and random.random() >= NATIVE:
            scale = float(np.exp(random.uniform(np.log(MIN_SCALE), np.log(MAX_SCALE))))
        x = y = row_height = 0
        sample = first
        for _ in range(64):  # fill row by row; one large scene fills the tile at once
            patch, patch_valid, patch_labels = _cut(sample, min(size - x, size), size - y, scale, random)
            height, width = patch_valid.shape
            if height == 0 or width == 0:
                break
            bands[:, y : y + height, x : x + width] = patch
            valid[y : y + height, x : x + width] = patch_valid
            labels[:, y : y + height, x : x + width] = patch_labels
            row_height = max(row_height, height)
            x += width
            if x > size - 16:
                x, y, row_height = 0, y + row_height, 0
            if y > size - 16:
                break
            sample = scenes[random.choice(len(scenes), p=share)]
            for name, needed in sample.needs.items():  # content of any part is content of the whole
                needs[name] = needs.get(name, needed) or needed
            needs = {name: value for name, value in needs.items() if name in sample.needs or value}
        if fire:
            ignited = random.random() < IGNITED
            gsd = (first.gsd_m or 10.0) / scale
            bands, labels = _set_fire(bands, first.available, valid, labels, gsd, random if ignited else None)
            if ignited:  # the scar and the smoke are no longer what the place was judged by
                needs = {name: value for name, value in needs.items() if name not in ("burned", "clouds")}
        if random.random() < 0.5:
            bands, valid, labels = bands.flip(2), valid.flip(1), labels.flip(2)
        turns = int(random.integers(4))
        return Tile(
            torch.rot90(bands, turns, (1, 2)),
            torch.from_numpy(first.available.copy()),
            torch.rot90(valid, turns, (0, 1)),
            torch.rot90(labels, turns, (1, 2)),
            torch.tensor([int(needs.get(name, -1)) for name in TASK_NAMES], dtype=torch.int8),
            first.source,
        )


def _set_fire(
    bands: Tensor,
    available: np.ndarray,
    valid: Tensor,
    labels: Tensor,
    gsd_m: float,
    random: np.random.Generator | None,
) -> tuple[Tensor, Tensor]:
    """Label the tile for the fire task, after setting it on fire if a generator is given.

    What burns, smokes or is charred is unknown to every other task: nobody labelled it.
    """
    labels = labels.clone()
    row = TASK_NAMES.index("fire")
    labels[row] = torch.where(valid, 0, UNKNOWN).to(torch.uint8)
    if random is None:
        return bands, labels
    fire = ignite((bands * 1e-4).numpy(), available, valid.numpy(), gsd_m, random)
    touched = torch.from_numpy((fire.label > 0) | fire.scar)
    labels[:, touched] = UNKNOWN
    labels[row] = torch.where(valid, torch.from_numpy(fire.label), UNKNOWN)
    return torch.from_numpy(fire.reflectance) * 1e4, labels


def _cut(sample: Sample, width: int, height: int, scale: float, random: np.random.Generator):
    """A random window of at most width x height (after scaling): bands, valid, labels."""
    rows, cols = sample.valid.shape
    need_h, need_w = max(8, round(height / scale)), max(8, round(width / scale))
    take_h, take_w = min(rows, need_h), min(cols, need_w)
    top, left = int(random.integers(rows - take_h + 1)), int(random.integers(cols - take_w + 1))
    window = np.s_[top : top + take_h, left : left + take_w]
    bands = torch.from_numpy(sample.bands[(slice(None), *window)].astype(np.float32))
    valid = torch.from_numpy(sample.valid[window].astype(np.float32))
    labels = torch.full((len(TASK_NAMES), take_h, take_w), UNKNOWN, dtype=torch.uint8)
    for name, label in sample.labels.items():
        labels[TASK_NAMES.index(name)] = torch.from_numpy(label[window])
    out = (max(1, min(height, round(take_h * scale))), max(1, min(width, round(take_w * scale))))
    if out != (take_h, take_w):
        # Shrinking averages over the new pixel, as a coarser sensor would.
        antialias = scale < 1.0
        bands = F.interpolate(bands[None], out, mode="bilinear", align_corners=False, antialias=antialias)[0]
        valid = F.interpolate(valid[None, None], out, mode="nearest")[0, 0]
        labels = F.interpolate(labels[None].float(), out, mode="nearest")[0].to(torch.uint8)
    return bands, valid > 0.5, labels


class TileStream(IterableDataset):
    """Endless augmented batches for a DataLoader.

    Batch `i` depends on the seed and on `i` alone, so a resumed training sees what an uninterrupted one
    would have seen. Augmentation happens here, in the loader's process, off the training threads.
    """

    def __init__(self, sampler: TileSampler, batch: int, seed: int, start: int = 0) -> None:
        self.sampler, self.batch, self.seed, self.start = sampler, batch, seed, start

    def __iter__(self) -> Iterator[dict[str, Any]]:
        info = torch.utils.data.get_worker_info()
        number, stride = (0, 1) if info is None else (info.id, info.num_workers)
        number += self.start
        while True:
            random = np.random.default_rng([self.seed, number])
            batch = collate([self.sampler.draw(random) for _ in range(self.batch)])
            jitter = torch.Generator().manual_seed(int(random.integers(2**62)))
            reflectance, available, valid = augment(batch, jitter)
            yield {**batch, "reflectance": reflectance, "available": available, "valid": valid}
            number += stride


def collate(tiles: list[Tile]) -> dict[str, Any]:
    """Stack tiles.

    Returns:
        reflectance float32 (B, 8, S, S), available (B, 8), valid (B, 1, S, S), labels uint8
        (B, tasks, S, S), needs int8 (B, tasks), and source, a list of B names.
    """
    return {
        "reflectance": torch.stack([tile.bands for tile in tiles]).mul_(1e-4),
        "available": torch.stack([tile.available for tile in tiles]).float(),
        "valid": torch.stack([tile.valid for tile in tiles])[:, None].float(),
        "labels": torch.stack([tile.labels for tile in tiles]),
        "needs": torch.stack([tile.needs for tile in tiles]),
        "source": [tile.source for tile in tiles],
    }
