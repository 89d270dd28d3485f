"""The cloud mask of ukis-csmask, run as its authors ask for: reflectance, pixels of about 30 m.

ukis-csmask (German Aerospace Center, Apache-2.0; Wieland, Li and Martinis 2019) brings its networks inside
the package. It is no part of HydraNet: the extra `compare` installs it.
"""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import numpy as np

from ..tasks import UNKNOWN
from ..training.pack import Sample
from .outside_methods import reflectance

METHOD = "ukis-csmask, 4 bands"
REFERENCE = "Wieland, Li and Martinis 2019; ukis-csmask 1.0"
BANDS = ("blue", "green", "red", "nir")
ASKED_GSD_M = 30.0
CLASSES = np.array([0, 2, 3], np.uint8)
"""Its classes (clear, cloud, shadow) as those of the expert `clouds`; it does not tell thin cloud apart."""


def installed() -> bool:
    """Whether the package and its runtime can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("ukis_csmask", "onnxruntime"))


class CloudMask:
    """Runs the 4-band networks; each is loaded once, for Level-1C (TOA) or Level-2A (BOA) reflectance."""

    def __init__(self) -> None:
        """Nothing is loaded before the first scene."""
        self._tools: dict[str, Any] = {}

    def predict(self, sample: Sample, *, resample: bool = True) -> np.ndarray:
        """Classes of `clouds`, uint8 (H, W), 255 where the scene has no data.

        Args:
            sample: a scene with calibrated blue, green, red and near infrared.
            resample: bring finer pixels to about 30 m first, by area average; the mask is repeated back.
        """
        image = np.stack(list(reflectance(sample, BANDS).values()), -1)
        step = 1
        if resample and sample.gsd_m:
            step = max(1, round(ASKED_GSD_M / sample.gsd_m))
        mask = self._mask(
            block_mean(image, sample.valid, step), "l2a" if sample.radiometry == "boa" else "l1c"
        )
        rows, cols = sample.valid.shape
        full = np.repeat(np.repeat(CLASSES[mask], step, 0), step, 1)[:rows, :cols]
        return np.where(sample.valid, full, UNKNOWN).astype(np.uint8)

    def _mask(self, image: np.ndarray, level: str) -> np.ndarray:
        from ukis_csmask.mask import CSmask

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it warns of scenes below 256 pixels, and pads them
            if level not in self._tools:
                self._tools[level] = CSmask(
                    image, list(BANDS), product_level=level, providers=["CPUExecutionProvider"]
                )
                return self._tools[level].csm[..., 0]
        # Its constructor loads 40 MB for every image. The rest of what it does, on the network it has:
        tool = self._tools[level]
        tool.img = tool.normalize(image.copy(), tool.band_mean, tool.band_std)
        return tool._csm()[..., 0]


def block_mean(image: np.ndarray, valid: np.ndarray, step: int) -> np.ndarray:
    """Mean of the valid pixels in blocks of step x step: float32 (ceil(H / step), ceil(W / step), C).

    Args:
        image: float32 (H, W, C).
        valid: bool (H, W); a block without a valid pixel becomes 0.
        step: edge of a block in pixels; blocks at the right and lower edge may be smaller.
    """
    if step == 1:
        return np.where(valid[..., None], image, np.float32(0)).astype(np.float32)
    rows, cols = (-size % step for size in valid.shape)
    padded = np.pad(np.where(valid[..., None], image, 0), ((0, rows), (0, cols), (0, 0)))
    known = np.pad(valid, ((0, rows), (0, cols)))
    shape = (padded.shape[0] // step, step, padded.shape[1] // step, step)
    total = padded.reshape(*shape, -1).sum((1, 3), dtype=np.float64)
    count = known.reshape(shape).sum((1, 3))
    return (total / np.maximum(1, count)[..., None]).astype(np.float32)
