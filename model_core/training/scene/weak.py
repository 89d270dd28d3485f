"""Tiles of real scenes that one land cover takes nearly all of: the scene expert's weak labels.

They have the bands, the radiometry and the texture of what users bring, which the chips, display images in
red, green and blue, do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...tasks import TASK_NAMES, UNKNOWN
from ..layout import PlacedTile, natural_tiles
from ..pack import Sample
from ..sampling import Tile, TileSampler
from .labels import compatible, dominant_cover, in_range

LEADING = {"landcover": 1.0, "water": 1.0, "forest_damage": 1.0}
"""Tasks whose labels tell a cover."""

SMALL = 128
"""Scenes up to this edge are taken whole; of larger ones windows are."""

TRIES = 10
"""Windows looked at for one that a single cover takes nearly all of."""


def usable(samples: Sequence[Sample]) -> list[Sample]:
    """The scenes with labels of a cover and pixels of a size that the scene expert is for."""
    return [
        s for s in samples if in_range(s.gsd_m) and s.source != "EuroSAT" and set(s.labels) & set(LEADING)
    ]


class WeakTiles:
    """Draws tiles with weak labels from scenes of one split.

    Small scenes of a source with the same cover lie side by side in a tile; of larger ones windows are
    drawn until one is of a single cover.

    Args:
        samples: scenes; those out of range are left out.
        size: edge of the tiles.
    """

    def __init__(self, samples: Sequence[Sample], size: int) -> None:
        groups: dict[tuple[str, str], list[Sample]] = defaultdict(list)
        for sample in usable(samples):
            if max(sample.valid.shape) > SMALL:
                groups[sample.source, ""].append(sample)
                continue
            cover = sample_cover(sample)
            if cover is not None:
                groups[sample.source, cover].append(sample)
        names = sorted(groups)
        self.samplers = [TileSampler(groups[name], size, LEADING) for name in names]
        # Square root of the scenes: the largest group leads, but does not drown the others.
        weight = np.sqrt([len(groups[name]) for name in names])
        self.share = weight / max(weight.sum(), 1)

    def draw(self, random: np.random.Generator) -> tuple[Tile, Tensor] | None:
        """A tile and the classes it can have, float32 (classes,); None if no window was of one cover."""
        if not self.samplers:
            return None
        sampler = self.samplers[random.choice(len(self.samplers), p=self.share)]
        for _ in range(TRIES):
            tile = sampler.draw(random)
            cover = dominant_cover(tile.labels.numpy(), tile.valid.numpy())
            if cover is not None:
                return tile, torch.from_numpy(compatible(cover))
        return None


def sample_cover(sample: Sample) -> str | None:
    """The cover that takes nearly all of a scene."""
    labels = np.full((len(TASK_NAMES), *sample.valid.shape), UNKNOWN, np.uint8)
    for name, label in sample.labels.items():
        labels[TASK_NAMES.index(name)] = label
    return dominant_cover(labels, sample.valid)


def placed_covers(samples: Sequence[Sample], size: int, stride: int) -> Iterator[tuple[PlacedTile, str]]:
    """Every tile of one cover, as it is, in a fixed order: small scenes each alone, large ones on a grid."""
    for sample in sorted(usable(samples), key=lambda s: (s.source, s.id)):
        bare = replace(sample, needs={})
        for placed in natural_tiles([bare], size, stride):
            cover = dominant_cover(placed.tile.labels.numpy(), placed.tile.valid.numpy())
            if cover is not None:
                yield placed, cover
