"""Tiles of real scenes with the shares of their covers.

They have the bands, the radiometry and the texture of what users bring, which the chips, display images in
red, green and blue, do not. Where no label tells a pixel's cover, in training the bundle's own land-cover
expert does (pseudo-labels, Lee 2013); nothing is ever scored by what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...bands import BAND_NAMES
from ...networks.encoder import Features
from ...networks.head_mean import mean_of_heads
from ...networks.hydranet import HydraNet
from ...tasks import TASK_NAMES, UNKNOWN
from ..layout import PlacedTile, natural_tiles
from ..pack import Sample
from ..sampling import Tile, TileSampler
from .labels import BARE, CLOUD, LABELLED, LAND, cover_codes, cover_shares, cover_target, in_range

ROW = TASK_NAMES.index("landcover")
"""Where a tile's covers lie among its labels."""

TRIES = 6
"""Windows looked at for one with few clouds, little bare ground and enough that is known."""

WET, GREEN = 0.0, 0.35
"""NDWI (McFeeters 1996) above which water, and NDVI above which vegetation, is believed when guessed."""

_NEEDED = ("green", "red", "nir")

_GUESSED = np.array([0, 1, 2, BARE, 4], np.uint8)
"""The land-cover expert's classes as covers."""


def with_covers(sample: Sample, codes: np.ndarray) -> Sample:
    """A scene whose only labels are its covers."""
    return replace(sample, labels={"landcover": codes}, needs={})


def labelled(samples: Sequence[Sample]) -> list[Sample]:
    """The scenes in range of which labels tell some cover, with these covers."""
    real = [s for s in samples if in_range(s.gsd_m) and s.source != "EuroSAT"]
    found = [(s, cover_codes(s)) for s in real]
    return [with_covers(s, codes) for s, codes in found if (~np.isin(codes, (UNKNOWN, CLOUD))).any()]


def completed(samples: Sequence[Sample], network: HydraNet) -> list[Sample]:
    """All scenes in range, their covers by labels and where these say nothing by the network's experts.

    "land" of a label becomes what the land-cover expert sees there, unless that is water; see `credible`.
    Where no label tells of clouds, the clouds expert does.

    Args:
        samples: scenes.
        network: folded; without experts of these names the labels stay alone.
    """
    real = [s for s in samples if in_range(s.gsd_m) and s.source != "EuroSAT"]
    return [with_covers(sample, _completed(sample, network)) for sample in real]


@torch.inference_mode()
def _completed(sample: Sample, network: HydraNet) -> np.ndarray:
    codes = cover_codes(sample)
    if "landcover" not in network.experts:
        return codes
    features = _features(sample, network)
    rows, cols = codes.shape
    guess = _GUESSED[_called(network, "landcover", features)[:rows, :cols]]
    sure = credible(guess, sample)
    codes = np.where(sure & ((codes == UNKNOWN) | ((codes == LAND) & (guess != 0))), guess, codes)
    if "clouds" in network.experts and "clouds" not in sample.labels:
        codes[np.isin(_called(network, "clouds", features)[:rows, :cols], (1, 2))] = CLOUD
    codes[~sample.valid] = UNKNOWN
    return codes


def credible(guess: np.ndarray, sample: Sample) -> np.ndarray:
    """bool (H, W): where the scene's own bands do not speak against a cover that was guessed.

    Without this check the expert's mistakes would be taught: it calls the dark roofs of a city in winter
    water, and those of others grass.
    """
    green, red, nir = (sample.bands[BAND_NAMES.index(name)].astype(np.float32) for name in _NEEDED)
    if not all(sample.available[BAND_NAMES.index(name)] for name in _NEEDED):
        return np.zeros(guess.shape, bool)
    wet = (green - nir) / np.maximum(green + nir, 1)
    greenness = (nir - red) / np.maximum(nir + red, 1)
    fits = np.where(guess == 0, wet > WET, True)
    return np.where(np.isin(guess, (1, 2)), greenness > GREEN, fits)


def _features(sample: Sample, network: HydraNet) -> Features:
    """Of a whole scene, with nothing beyond its edges."""
    rows, cols = sample.valid.shape
    shape = (-(-rows // 64) * 64, -(-cols // 64) * 64)
    x, valid = torch.zeros(1, 8, *shape), torch.zeros(1, 1, *shape)
    x[0, :, :rows, :cols] = torch.from_numpy(sample.bands.astype(np.float32) * np.float32(1e-4))
    valid[0, 0, :rows, :cols] = torch.from_numpy(sample.valid.astype(np.float32))
    return network.encode(x, torch.from_numpy(sample.available.astype(np.float32))[None], valid)


def _called(network: HydraNet, name: str, features: Features) -> np.ndarray:
    """The class of every pixel, by one expert."""
    if network.heads[name] > 1:
        said = mean_of_heads(network.decode_apart(name, features), "classes", False)
    else:
        said = network.decode(name, features)
    return said[0].argmax(0).numpy()


class RealTiles:
    """Draws tiles with shares of covers from scenes of one split: a source, a scene of it, a window.

    Args:
        samples: scenes with covers, see `completed`.
        size: edge of the tiles.
    """

    def __init__(self, samples: Sequence[Sample], size: int) -> None:
        self.sampler = TileSampler(list(samples), size, {"landcover": 1.0}) if samples else None

    def draw(self, random: np.random.Generator) -> tuple[Tile, Tensor] | None:
        """A tile and its target, float32 (groups,); None if no window looked at was fit."""
        for _ in range(TRIES if self.sampler else 0):
            tile = self.sampler.draw(random)
            shares = cover_shares(tile.labels[ROW].numpy(), tile.valid.numpy())
            if shares is not None:
                return tile, cover_target(shares)
        return None


def placed_covers(
    samples: Sequence[Sample], size: int, stride: int, known: float = LABELLED
) -> Iterator[tuple[PlacedTile, np.ndarray]]:
    """Tiles as they are, with shares of covers by labels: small scenes each alone, large ones on a grid.

    Args:
        samples: scenes of one split.
        size: edge of the tiles.
        stride: distance between those of a large scene.
        known: share of a tile's valid pixels whose cover a label must tell.
    """
    for sample in sorted(labelled(samples), key=lambda s: (s.source, s.id)):
        for placed in natural_tiles([sample], size, stride):
            tile = placed.tile
            shares = cover_shares(tile.labels[ROW].numpy(), tile.valid.numpy(), known)
            if shares is not None:
                yield placed, shares
