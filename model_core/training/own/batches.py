"""Batches of a user's tiles: turned, flipped, in other light, with other bands, at other pixel sizes.

A batch depends on the seed, the epoch and its place in it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...tasks import TASK_NAMES, UNKNOWN
from ..augment import FIRE, augment
from .tiles import OwnTile, collated

AS_IT_IS = 0.5
"""Share of the tiles that keep their light and their bands: they are those that the expert is made for."""

SCALED, MOST_SCALE = 0.4, 1.4
"""Share of the batches whose pixels become larger or smaller, and up to how many times."""

REST = (0.25, 0.5)
"""Least and largest share of tiles without content in a batch, where there are any."""

LEAST_STEPS, MOST_STEPS = 8, 40
"""Of an epoch: few tiles are seen several times in it, of many a part."""


class Batches:
    """Draws batches of an epoch.

    A quarter to a half of the tiles hold no content of the task, as far as there are such: an expert is asked
    about tiles that hold some, and must still be right where they hold none.

    Args:
        content, rest: tiles with a label, those with content of the task and the others.
        size: tiles a batch.
        seed: of what is drawn.
        flames: the labels are those of the task fire, whose flames must not lose the near infrared.
    """

    def __init__(
        self,
        content: Sequence[OwnTile],
        rest: Sequence[OwnTile],
        size: int,
        seed: int,
        *,
        flames: bool = False,
    ) -> None:
        self.content, self.rest, self.size, self.seed, self.flames = content, rest, size, seed, flames
        share = np.clip(len(rest) / (len(rest) + len(content)), *REST) if rest else 0.0
        self._of_rest = round(size * float(share))
        needed = -(-len(content) // (size - self._of_rest))
        self.steps = int(np.clip(needed, LEAST_STEPS, MOST_STEPS))

    def epoch(self, number: int) -> Iterator[dict[str, Tensor]]:
        """The batches of an epoch, `steps` of them."""
        random = np.random.default_rng([self.seed, number])
        of_rest = self._of_rest
        content = _endless(self.content, random, self.steps * (self.size - of_rest))
        rest = _endless(self.rest, random, self.steps * of_rest)
        for step in range(self.steps):
            chosen = [next(content) for _ in range(self.size - of_rest)]
            chosen += [next(rest) for _ in range(of_rest)]
            yield self._made(chosen, np.random.default_rng([self.seed, number, step]))

    def _made(self, tiles: Sequence[OwnTile], random: np.random.Generator) -> dict[str, Tensor]:
        batch = _turned(collated(tiles), random)
        if random.random() < SCALED:
            scale = MOST_SCALE ** random.uniform(-1.0, 1.0)
            batch = scaled(batch, float(scale), random)
        return jittered(batch, random, flames=self.flames)


def jittered(
    batch: dict[str, Tensor], random: np.random.Generator, *, flames: bool = False
) -> dict[str, Tensor]:
    """A batch in other light and with fewer bands, but for the share `AS_IT_IS` of its tiles."""
    count = len(batch["label"])
    labels = torch.full((count, len(TASK_NAMES), 1, 1), UNKNOWN, dtype=torch.uint8)
    if flames:
        labels = labels.repeat(1, 1, *batch["label"].shape[1:])
        labels[:, FIRE] = batch["label"]
    generator = torch.Generator().manual_seed(int(random.integers(2**62)))
    changed, available, valid = augment({**batch, "labels": labels}, generator)
    keep = torch.from_numpy(random.random(count) < AS_IT_IS)
    return {
        **batch,
        "reflectance": torch.where(keep[:, None, None, None], batch["reflectance"], changed),
        "available": torch.where(keep[:, None], batch["available"], available),
        "valid": valid,
    }


def _endless(tiles: Sequence[OwnTile], random: np.random.Generator, count: int) -> Iterator[OwnTile]:
    """So many tiles, each once before any comes again."""
    while count > 0:
        for number in random.permutation(len(tiles))[:count]:
            yield tiles[number]
        count -= len(tiles)


def _turned(batch: dict[str, Tensor], random: np.random.Generator) -> dict[str, Tensor]:
    """Each tile flipped and turned by quarters of its own."""
    pixels = ("reflectance", "valid", "label")
    done: dict[str, list[Tensor]] = {name: [] for name in pixels}
    for number in range(len(batch["label"])):
        flip, turns = random.random() < 0.5, int(random.integers(4))
        for name in pixels:
            plane = batch[name][number]
            plane = plane.flip(-1) if flip else plane
            done[name].append(torch.rot90(plane, turns, (-2, -1)))
    return {**batch, **{name: torch.stack(planes) for name, planes in done.items()}}


def scaled(batch: dict[str, Tensor], scale: float, random: np.random.Generator) -> dict[str, Tensor]:
    """The batch with pixels `scale` times as many along an edge: a window of it, or with a rim without data.

    Shrinking averages over the new pixel, as a coarser sensor would.
    """
    size = batch["label"].shape[-1]
    take = min(size, round(size / scale))
    top, left = (int(random.integers(size - take + 1)) for _ in range(2))
    window = np.s_[..., top : top + take, left : left + take]
    out = min(size, round(take * scale))
    rim = [0, size - out, 0, size - out]

    def brought(plane: Tensor, mode: str) -> Tensor:
        more = {} if mode == "nearest" else {"align_corners": False, "antialias": scale < 1.0}
        return F.interpolate(plane[window], (out, out), mode=mode, **more)

    label = brought(batch["label"][:, None].float(), "nearest").to(torch.uint8)
    valid = brought(batch["valid"], "nearest")
    return {
        **batch,
        "reflectance": F.pad(brought(batch["reflectance"], "bilinear") * valid, rim),
        "valid": F.pad(valid, rim),
        "label": F.pad(label, rim, value=UNKNOWN)[:, 0],
    }
