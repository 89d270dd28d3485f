"""The tiles that an export is checked on: made-up ones of every kind the engine meets, and real ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window

from ..bands import BAND_NAMES
from ..errors import HydraNetError
from ..resources import resource
from ..scene import Scene

SCENES = ("coast_10m.tif", "lough_60m.tif")
PER_SCENE = 3
_COARSE = 32  # pixels of a made-up tile that are alike, but for the noise


@dataclass(frozen=True)
class CheckTile:
    """One tile as the engine hands it to the encoder.

    Attributes:
        reflectance: float32 (8, S, S), 0 where invalid or missing.
        available: bool (8,).
        valid: bool (S, S), True somewhere.
    """

    reflectance: np.ndarray
    available: np.ndarray
    valid: np.ndarray


def random_tiles(size: int) -> list[CheckTile]:
    """Dark and bright ones, with missing bands, with NoData, and with both; always the same.

    Args:
        size: edge in pixels, a multiple of 32.
    """
    random = np.random.default_rng(8)
    everything, rgb, one = np.ones(8, bool), np.zeros(8, bool), np.zeros(8, bool)
    rgb[[BAND_NAMES.index(name) for name in ("blue", "green", "red")]] = True
    one[BAND_NAMES.index("nir")] = True
    whole, part, speck = (
        np.ones((size, size), bool),
        np.ones((size, size), bool),
        np.zeros((size, size), bool),
    )
    part[: size // 3], part[:, -size // 5 :] = False, False
    speck[size // 2, size // 3] = True
    kinds = (
        *((0.1, everything, whole), (0.6, everything, whole), (2.0, everything, whole)),
        *((0.4, rgb, whole), (0.4, one, whole)),
        *((0.4, everything, part), (0.2, rgb, part), (0.4, everything, speck)),
    )
    made = []
    for most, available, valid in kinds:
        coarse = random.random((8, size // _COARSE, size // _COARSE)).repeat(_COARSE, 1).repeat(_COARSE, 2)
        values = most * (0.9 * coarse + 0.1 * random.random((8, size, size)))
        made.append(
            CheckTile((values * valid * available[:, None, None]).astype(np.float32), available, valid)
        )
    return made


def sample_tiles(size: int) -> list[CheckTile]:
    """From the scenes that come with HydraNet, spread over each; none where they are not there or small."""
    found = []
    for name in SCENES:
        try:
            path = resource("sample", name)
        except HydraNetError:  # an installation without it is whole enough to export
            continue
        with Scene.open(path) as scene:
            free = np.array([scene.width - size, scene.height - size])
            if (free < 0).any():
                continue
            for x, y in (free * np.linspace(0, 1, PER_SCENE)[:, None]).astype(int):
                patch = scene.read(Window(int(x), int(y), size, size))
                if patch.valid.any():
                    available = np.array(scene.mapping.available, bool)
                    found.append(CheckTile(patch.reflectance, available, patch.valid))
    return found
