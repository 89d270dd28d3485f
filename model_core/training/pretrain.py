"""Self-supervised warm-up of the encoder: fill in what was hidden of images that need no labels.

Masked image modelling as in SimMIM (Xie et al. 2022: large random patches, a light decoder that is thrown
away, an L1 loss on hidden values only), and masked bands besides, since which spectrum goes with which is
what a multi-band image teaches (SatMAE, Cong et al. 2022, masks groups of bands apart). A convolution
cannot leave patches out as a transformer does. So a hidden patch is announced as NoData and a hidden band
as missing: two states the encoder meets in use anyway, and nothing has to be unlearnt afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..bands import BAND_NAMES, PAN_WEIGHTS
from ..errors import RequestError
from ..networks.encoder import MAX_REFLECTANCE, Encoder
from ..networks.expert import Expert
from ..networks.hydranet import HydraNet
from .framework.checkpoint import (
    Checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from .framework.loop import update
from .framework.precision import mixed_precision
from .framework.run_folder import Log
from .framework.schedules import cosine_rate
from .joint import CHECKPOINT_EVERY, LOG_EVERY
from .pack import Sample
from .recipe import Recipe
from .sampling import TileSampler, TileStream

LEAST_BANDS = 4
"""Scenes with fewer measured bands have hardly a spectrum to fill in."""

REFLECTANCE = ("boa", "toa")
"""Radiometries of measured reflectance; what was stretched for display is left out."""

PATCH_SHARE, PATCH_SIZES = 0.5, (16, 32)
"""Share of each tile hidden in patches, and their edge in pixels, drawn by tile. SimMIM found "moderately
large" patches, of 32 pixels, the better task: smaller holes are filled from their rims."""

BAND_SHARE = 0.5
"""Share of the tiles in which whole bands are hidden too."""

STREAM = 1_000_003
"""Added to the seed, so that the tiles are not those of the joint training in the same order."""


@dataclass(frozen=True)
class Masked:
    """A batch with a part hidden.

    Attributes:
        reflectance: float32 (B, 8, S, S), 0 where hidden.
        available: float32 (B, 8), 0 for hidden bands.
        valid: float32 (B, 1, S, S), 0 in hidden patches.
        hidden: bool (B, 8, S, S), measured values that are to be found.
    """

    reflectance: Tensor
    available: Tensor
    valid: Tensor
    hidden: Tensor


class Reconstructor(nn.Module):
    """The encoder in training and a light decoder that guesses the hidden values.

    Args:
        encoder: shared, not copied.
        recipe: for the widths of the decoder and its seed.
    """

    def __init__(self, encoder: Encoder, recipe: Recipe) -> None:
        super().__init__()
        self.encoder = encoder
        with torch.random.fork_rng(devices=[]):  # whoever draws after us draws what it would have drawn
            torch.manual_seed(recipe.seed)
            self.decoder = Expert(recipe.network.encoder_widths, recipe.network.expert_widths, 8)
        self.decoder.to(memory_format=torch.channels_last)

    def forward(self, masked: Masked) -> Tensor:
        """Guessed values (B, 8, S, S), on the scale of the encoder's input."""
        return self.decoder(self.encoder(masked.reflectance, masked.available, masked.valid))

    def loss(self, masked: Masked, reflectance: Tensor) -> Tensor:
        """Mean absolute error of the hidden values, in standard deviations of the encoder's input."""
        target = reflectance.clamp(0.0, MAX_REFLECTANCE).sqrt()
        target = (target - self.encoder.mean[:, None, None]) / self.encoder.std[:, None, None]
        wrong = (self(masked).float() - target).abs() * masked.hidden
        return wrong.sum() / masked.hidden.sum().clamp_min(1)


def multiband(samples: list[Sample]) -> list[Sample]:
    """The scenes with enough measured bands, their labels and all other truth taken off.

    Raises:
        RequestError: there are none.
    """
    kept = [
        replace(sample, labels={}, label_kind={}, needs={})
        for sample in samples
        if sample.radiometry in REFLECTANCE and sample.available[1:].sum() >= LEAST_BANDS
    ]
    if not kept:
        raise RequestError(
            f"None of {len(samples)} training scenes has {LEAST_BANDS} or more bands of reflectance, which "
            "the self-supervised warm-up needs; set warm_up to 0 in the recipe."
        )
    return kept


def hide(batch: Mapping[str, Tensor], random: np.random.Generator) -> Masked:
    """Hide patches of every tile, and whole bands of a part of them.

    The panchromatic band is synthesised from others: it goes when one of these goes, for it would give it
    away, and it is never asked for, since it can be computed.
    """
    available, valid = batch["available"].clone(), batch["valid"]
    count, size = len(valid), valid.shape[-1]
    patches = torch.zeros(count, 1, size, size, dtype=torch.bool)
    for number in range(count):
        edge = int(random.choice(PATCH_SIZES))
        cells = random.random((-(-size // edge),) * 2) < PATCH_SHARE
        patches[number, 0] = torch.from_numpy(cells.repeat(edge, 0).repeat(edge, 1)[:size, :size])
        measured = [index for index in range(1, 8) if available[number, index] > 0]
        if random.random() < BAND_SHARE and len(measured) > 2:  # two bands are left, as the augmentation does
            gone = random.choice(measured, int(random.integers(1, len(measured) - 1)), replace=False)
            available[number, gone.tolist()] = 0.0
            if any(BAND_NAMES[index] in PAN_WEIGHTS for index in gone):
                available[number, 0] = 0.0
    left = valid * ~patches
    shown = available[:, :, None, None] * left > 0
    hidden = (batch["available"][:, :, None, None] * valid > 0) & ~shown
    hidden[:, 0] = False
    return Masked(batch["reflectance"] * shown, available, left, hidden)


def warm_up(network: HydraNet, samples: list[Sample], recipe: Recipe, folder: Path, log: Log) -> None:
    """Train the encoder of `network` for `recipe.warm_up` steps, in place; nothing else in it changes.

    Tiles are of the size and number of the recipe's first phase. Resumes from
    `folder/warm_up/checkpoint.json`, and takes the encoder from there once all steps are done. Step `i`
    depends on the seed, the scenes and the steps before it alone.

    Args:
        network: in its trainable form.
        samples: training scenes; those without enough measured bands are left out.
        recipe: `warm_up`, `phases`, `lr`, `weight_decay`, `warmup`, `seed`.
        folder: `weights` of the run.
        log: takes lines for the user.

    Raises:
        RequestError: no scene has enough bands.
    """
    total = recipe.warm_up
    if not total:
        return
    # The linear rise must not take the larger part of a short warm-up.
    rise = min(recipe.warmup, max(1, total // 10))
    model = Reconstructor(network.encoder, recipe)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    checkpoint = Checkpoint(folder / "warm_up")
    step, stored, _ = checkpoint.load()
    began = step
    if step:
        restore_module("network", model, stored)
        restore_optimizer("optimizer", optimizer, stored)
        log(f"warm-up resumed at step {step} of {total}")
    if step >= total:
        return
    phase, scenes = recipe.phases[0], multiband(samples)
    log(f"warm-up of the encoder on {len(scenes)} scenes of {LEAST_BANDS} or more bands, labels ignored")
    sampler = TileSampler(scenes, phase.size, {"": 1.0})  # the pool of what carries no label
    stream = TileStream(sampler, phase.batch, recipe.seed + STREAM, start=step)
    own = torch.Generator()  # the loader draws a seed nobody uses; not from everybody's generator
    loader = iter(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4, generator=own))
    started, running = time.monotonic(), float("nan")
    model.train()
    while step < total:
        batch = next(loader)
        masked = hide(batch, np.random.default_rng([recipe.seed + STREAM, step, 1]))
        with mixed_precision():
            loss = model.loss(masked, batch["reflectance"])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        value, rate = float(loss.detach()), cosine_rate(step, total, recipe.lr, rise)
        update(optimizer, model.parameters(), rate, value, f"In step {step + 1} of the warm-up")
        step += 1
        running = value if step == began + 1 else 0.98 * running + 0.02 * value
        if step % LOG_EVERY == 0 or step == total:
            speed = (step - began) * phase.batch / (time.monotonic() - started)
            log(f"warm-up {step}/{total} size {phase.size} {speed:.1f} samples/s hidden={running:.3f}")
        if step % CHECKPOINT_EVERY == 0 or step == total:
            stored = module_tensors("network", model) | optimizer_tensors("optimizer", optimizer)
            checkpoint.save(step, stored)
