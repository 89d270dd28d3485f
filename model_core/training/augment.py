"""Radiometric augmentation: no source may be told by its brightness, stretch or set of bands.

Every source goes through the same random gain, gamma, haze, per-band gain, noise and band dropout, so
that calibrated reflectance, surface or top-of-atmosphere products and display-stretched aerial images
overlap in all of them. Without this the switcher would read the source instead of the content.

A part of the tiles stays as it is, and the ranges are a compromise: the wider they are, the less a source can
be told, and the slower thin content such as roads is learnt.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..bands import BAND_NAMES, BANDS
from ..tasks import TASK_NAMES
from .fire import FLAME

WAVELENGTH_NM = torch.tensor([band.wavelength_nm for band in BANDS])

FIRE, NIR = TASK_NAMES.index("fire"), BAND_NAMES.index("nir")

# Bands kept by each kind of dropout; drawn per sample. Order: pan, blue, green, red, re1, re2, re3, nir.
RGB = torch.tensor([1, 1, 1, 1, 0, 0, 0, 0.0])
RGBN = torch.tensor([1, 1, 1, 1, 0, 0, 0, 1.0])


CLEAN = 0.3
"""Share of the tiles that keep their radiometry (their bands may be dropped all the same)."""


def _uniform(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    return torch.rand(count, generator=random) * (high - low) + low


def augment(batch: Mapping[str, Tensor], random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return (reflectance, available, valid) of a collated batch, jittered; labels stay as they are."""
    x, available, valid = batch["reflectance"], batch["available"].clone(), batch["valid"]
    count = len(x)
    clean = torch.rand(count, generator=random) < CLEAN
    x = _gamma(x.clone(), ~clean & (torch.rand(count, generator=random) < 0.5), random)
    gain = torch.exp(_uniform(count, -0.35, 0.3, random))[:, None]
    gain = gain * (1 + 0.05 * torch.randn(count, 8, generator=random))
    # Haze: path reflectance falling with wavelength, between Rayleigh-like (4) and grey (0.5).
    depth = _uniform(count, 0.0, 0.07, random) * (torch.rand(count, generator=random) < 0.5)
    haze = depth[:, None] * (490.0 / WAVELENGTH_NM[None]) ** _uniform(count, 0.5, 4.0, random)[:, None]
    removed = _uniform(count, 0.0, 0.025, random) * (torch.rand(count, generator=random) < 0.2)
    scale = torch.where(clean[:, None], 1.0, gain * (1 - haze))
    shift = torch.where(clean[:, None], 0.0, haze - removed[:, None])
    x.mul_(scale[..., None, None]).add_(shift[..., None, None])
    noisy = ~clean & (torch.rand(count, generator=random) < 0.25)
    if noisy.any():
        level = _uniform(int(noisy.sum()), 0.0, 0.004, random)
        x[noisy] += torch.randn(x[noisy].shape, generator=random) * level[:, None, None, None]

    kind = torch.rand(count, generator=random)
    keep = torch.ones(count, 8)
    keep[kind < 0.18] = RGB
    keep[(kind >= 0.18) & (kind < 0.32)] = RGBN
    single = (kind >= 0.32) & (kind < 0.50)
    keep[single] = (torch.rand(int(single.sum()), 8, generator=random) > 0.15).float()
    keep[torch.rand(count, generator=random) < 0.25, 0] = 0.0
    # Without the near infrared a flame is nearly invisible, but its label would stay.
    burning = (batch["labels"][:, FIRE] == FLAME).flatten(1).any(1)
    keep[burning, NIR] = 1.0
    kept = available * keep
    enough = kept[:, 1:].sum(1) >= 2  # never take everything
    available = torch.where(enough[:, None], kept, available)
    return x.clamp_(0.0, 2.0).mul_(valid * available[:, :, None, None]), available, valid


def _gamma(x: Tensor, chosen: Tensor, random: torch.Generator) -> Tensor:
    """A gamma curve through reflectance 0.15 on the chosen samples; powers are dear, so not on all."""
    exponent = torch.exp(_uniform(int(chosen.sum()), -0.25, 0.25, random))[:, None, None, None]
    if chosen.any():
        x[chosen] = 0.15 * (x[chosen] / 0.15).clamp_min_(0).pow_(exponent)
    return x
