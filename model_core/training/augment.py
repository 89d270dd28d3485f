"""Radiometric augmentation: no source may be told by its brightness, stretch or set of bands.

Every source goes through the same random gain, gamma, haze, per-band gain, noise and band dropout, so
that calibrated reflectance, surface or top-of-atmosphere products and display-stretched aerial images
overlap in all of them. Without this the switcher would read the source instead of the content.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..bands import BANDS

WAVELENGTH_NM = torch.tensor([band.wavelength_nm for band in BANDS])

# Bands kept by each kind of dropout; drawn per sample. Order: pan, blue, green, red, re1, re2, re3, nir.
RGB = torch.tensor([1, 1, 1, 1, 0, 0, 0, 0.0])
RGBN = torch.tensor([1, 1, 1, 1, 0, 0, 0, 1.0])


def _uniform(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    return torch.rand(count, generator=random) * (high - low) + low


def augment(batch: Mapping[str, Tensor], random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return (reflectance, available, valid) of a collated batch, jittered; labels stay as they are."""
    x, available, valid = batch["reflectance"], batch["available"].clone(), batch["valid"]
    count = len(x)
    x = _gamma(x.clone(), random)
    gain = torch.exp(_uniform(count, -0.45, 0.35, random))[:, None]
    gain = gain * (1 + 0.07 * torch.randn(count, 8, generator=random))
    # Haze: path reflectance falling with wavelength, between Rayleigh-like (4) and grey (0.5).
    depth = _uniform(count, 0.0, 0.09, random) * (torch.rand(count, generator=random) < 0.6)
    haze = depth[:, None] * (490.0 / WAVELENGTH_NM[None]) ** _uniform(count, 0.5, 4.0, random)[:, None]
    removed = _uniform(count, 0.0, 0.03, random) * (torch.rand(count, generator=random) < 0.2)
    x.mul_((gain * (1 - haze))[..., None, None]).add_((haze - removed[:, None])[..., None, None])
    noisy = torch.rand(count, generator=random) < 0.25
    if noisy.any():
        level = _uniform(int(noisy.sum()), 0.0, 0.008, random)
        x[noisy] += torch.randn(x[noisy].shape, generator=random) * level[:, None, None, None]

    kind = torch.rand(count, generator=random)
    keep = torch.ones(count, 8)
    keep[kind < 0.22] = RGB
    keep[(kind >= 0.22) & (kind < 0.37)] = RGBN
    single = (kind >= 0.37) & (kind < 0.60)
    keep[single] = (torch.rand(int(single.sum()), 8, generator=random) > 0.2).float()
    keep[torch.rand(count, generator=random) < 0.3, 0] = 0.0
    kept = available * keep
    enough = kept[:, 1:].sum(1) >= 2  # never take everything
    available = torch.where(enough[:, None], kept, available)
    return x.clamp_(0.0, 2.0).mul_(valid * available[:, :, None, None]), available, valid


def _gamma(x: Tensor, random: torch.Generator) -> Tensor:
    """A gamma curve through reflectance 0.15 on half of the samples; powers are dear, so not on all."""
    chosen = torch.rand(len(x), generator=random) < 0.5
    exponent = torch.exp(_uniform(int(chosen.sum()), -0.35, 0.35, random))[:, None, None, None]
    if chosen.any():
        x[chosen] = 0.15 * (x[chosen] / 0.15).clamp_min_(0).pow_(exponent)
    return x
