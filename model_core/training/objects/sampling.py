"""Training tiles of the objects expert: real ships, real buildings, and chips pasted on water.

A tile is drawn in this order: kind (`SHARES`) -> scene -> window -> ships pasted, if the kind says so ->
radiometry -> flip and quarter turns. Boxes, rectangles and what is known follow every step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...bands import BAND_NAMES, BANDS, pan_weights
from ...errors import RequestError
from .chips import Chip, load_chips
from .scenes import MIN_WATER, RGB, Paster, load_waters
from .truth import BUILDING, SHIP, ObjectScene, load_objects
from .windows import Window, cut, flip_boxes, flip_rects, turn_boxes, turn_rects

SHARES = {"ships": 0.42, "buildings": 0.25, "pasted": 0.33}
"""How often each kind of tile is drawn; kinds without scenes give their share to the others."""

CENTRED = 0.8
"""Share of the windows that are laid around an object (or, for pasting, around water)."""

MIN_SCALE, MAX_SCALE = 0.6, 1.6
"""Range of the scale jitter; below 1 pixels are averaged as a coarser sensor would."""

FILLED = 0.75
"""Least share of the tile's side that a scene with boxes fills, as far as the greatest scale allows it."""

CELL = 4
"""Pixels of the tile to a side of a cell of `ObjectTile.known`."""

CLEAN = 0.15
"""Share of the tiles that keep their radiometry (their bands may be dropped all the same)."""

ALL_BANDS = 0.6
"""Share of the tiles for pasting that keep all bands of their scene; the others keep its colours alone."""

INFRARED = 0.8, 1.2
"""Range of what a pasted ship reflects in bands beyond the visible, in parts of its red: an assumption, for
the chips have colours only. Paint and rust are about as bright there, and water is black."""

WAVELENGTH_NM = torch.tensor([band.wavelength_nm for band in BANDS])


@dataclass(frozen=True)
class ObjectTile:
    """One training tile.

    Attributes:
        bands: float32 (8, S, S), reflectance x 10000, 0 where invalid or not available.
        available: bool (8,).
        valid: bool (S, S).
        known: bool (classes, S / 4, S / 4), cells where absence of a box means absence of the class; False
            also over objects of which too little is left to call them found or missed.
        boxes: float32 (n, 4), x0, y0, x1, y1 in pixels, clipped to the tile.
        labels: int64 (n,).
        rects: float32 (n, 5) as in `ObjectScene`; NaN where not known or where the tile's edge cuts.
        real: False if a ship was pasted into it.
    """

    bands: Tensor
    available: Tensor
    valid: Tensor
    known: Tensor
    boxes: Tensor
    labels: Tensor
    rects: Tensor
    real: bool


class ObjectSampler:
    """Draws tiles from scenes and chips of one split.

    Args:
        scenes: of `load_objects`, and of `load_waters` for more water to paste on.
        chips: ships to paste; none turns pasting off.
        size: tile edge in pixels, a multiple of 4.
        seed: chooses the places on water around which windows for pasting are laid.
    Raises:
        RequestError: the size is no multiple of 4, or no scene can be drawn from.
    """

    def __init__(self, scenes: Sequence[ObjectScene], chips: Sequence[Chip], size: int, seed: int) -> None:
        if size < CELL or size % CELL:
            raise RequestError(f"The tile size is {size}; it must be a multiple of {CELL} pixels.")
        self.size = size
        self.paster = Paster(list(chips))
        holders: dict[str, set[int]] = defaultdict(set)  # a source's scenes without objects are kept too
        for scene in scenes:
            holders[scene.source].update(scene.labels.tolist())
        wet = [
            s for s in scenes if s.available[RGB].all() and s.water.sum() >= min(MIN_WATER, size * size // 4)
        ]
        pools = {
            "ships": [s for s in scenes if SHIP in holders[s.source]],
            "buildings": [s for s in scenes if BUILDING in holders[s.source]],
            "pasted": wet if chips else [],
        }
        self.pools = {kind: pool for kind, pool in pools.items() if pool}
        if not self.pools:
            raise RequestError("No scene holds an object or water for pasting; give scenes of the pack.")
        self.kinds = list(self.pools)
        share = np.array([SHARES[kind] for kind in self.kinds])
        self.kind_share = share / share.sum()
        self.scene_share = {kind: self._shares(kind) for kind in self.kinds}
        places = np.random.default_rng(seed)
        self.shores = [
            places.choice(np.flatnonzero(scene.water), 512).astype(np.int64)
            for scene in self.pools.get("pasted", [])
        ]

    def _shares(self, kind: str) -> np.ndarray:
        """How often each scene of a kind is drawn."""
        pool = self.pools[kind]
        if kind == "ships":  # one marina holds most of the boxes; it must not lead
            share = np.sqrt([1 + len(scene.boxes) for scene in pool])
        elif kind == "buildings":
            share = np.sqrt([scene.valid.size * (1.0 if len(scene.boxes) else 0.25) for scene in pool])
        else:  # every source as often as every other, whatever its number of scenes
            area = np.sqrt([float(scene.water.sum()) for scene in pool])
            total: dict[str, float] = defaultdict(float)
            for scene, value in zip(pool, area, strict=True):
                total[scene.source] += value
            share = area / [total[scene.source] for scene in pool]
        return share / share.sum()

    def draw(self, random: np.random.Generator) -> ObjectTile:
        """One augmented tile; the same generator state gives the same tile."""
        kind = self.kinds[random.choice(len(self.kinds), p=self.kind_share)]
        number = int(random.choice(len(self.pools[kind]), p=self.scene_share[kind]))
        scene = self.pools[kind][number]
        scale = float(np.exp(random.uniform(np.log(MIN_SCALE), np.log(MAX_SCALE))))
        if len(scene.boxes):  # a scene with boxes is not mirrored: fill three quarters of the tile's sides
            scale = max(scale, min(MAX_SCALE, FILLED * self.size / min(scene.valid.shape)))
        centre = None
        if random.random() < CENTRED:
            if kind == "pasted":
                centre = divmod(int(random.choice(self.shores[number])), scene.valid.shape[1])[::-1]
            elif len(scene.boxes):
                x0, y0, x1, y1 = scene.boxes[random.integers(len(scene.boxes))]
                centre = (x0 + x1) / 2, (y0 + y1) / 2
        bands = [i for i in range(1, 8) if scene.available[i]]
        if kind == "pasted":
            more = [i for i in bands if i not in RGB] if random.random() < ALL_BANDS else []
            bands = [*RGB, *more]
        window = cut(scene, bands, self.size, scale, centre, random)
        real = True
        if kind == "pasted":
            real = not self._paste(window, random)
        available = np.zeros(8, bool)
        available[bands] = True
        display = kind == "pasted" or scene.gsd_m is None  # the sources with boxes do not tell a pixel size
        pixels = radiometry(window.bands, bands, random, display=display)
        return _finish(window, pixels, available, bands, real, random)

    def _paste(self, window: Window, random: np.random.Generator) -> bool:
        """Paste ships into the window, whose first bands are `RGB`; whether there was room for one."""
        colours = window.bands[: len(RGB)]
        before = colours.clone()
        boxes, rects = self.paster.paste(colours, window.water & window.valid, window.boxes, random)
        ship = (colours - before).abs().amax(0) > 1
        for band in window.bands[len(RGB) :]:
            band[ship] = colours[0][ship] * random.uniform(*INFRARED)
        for x0, y0, x1, y1 in boxes.astype(int):  # inside its box a pasted ship is all there is
            window.known[SHIP, y0:y1, x0:x1] |= window.water[y0:y1, x0:x1]
        window.boxes = np.concatenate([window.boxes, boxes])
        window.rects = np.concatenate([window.rects, rects])
        window.labels = np.concatenate([window.labels, np.full(len(boxes), SHIP, np.int64)])
        return len(boxes) > 0


def load_sampler(root: Path, split: str, size: int, seed: int) -> ObjectSampler:
    """The sampler of one split of the pack: its scenes, backgrounds and chips.

    Raises:
        RequestError: `root` holds no pack.
    """
    scenes = load_objects(root, (split,)) + load_waters(root, (split,))
    return ObjectSampler(scenes, load_chips(root, (split,)), size, seed)


def radiometry(pixels: Tensor, bands: Sequence[int], random: np.random.Generator, *, display: bool) -> Tensor:
    """Gain, gamma, haze, tint and noise; the same ideas as `training.augment`, for one tile.

    Gain and gamma reach further for display images, which are dark in one source and bleached in the other.

    Args:
        pixels: float32 (n, S, S), reflectance x 10000.
        bands: n indices of the model's bands.
        random: decides on everything.
        display: the image is a picture without calibration.
    """
    count = len(bands)
    clean, curve, hazy, noisy = random.random(4)
    if clean < CLEAN:
        return pixels
    if curve < 0.5:
        reach = 0.45 if display else 0.25
        exponent = float(np.exp(random.uniform(-reach, reach)))
        pivot = 0.08e4 if display else 0.15e4
        pixels = (pixels * (1 / pivot)).clamp_min_(0).pow_(exponent).mul_(pivot)
    gain = np.exp(random.uniform(-0.6, 0.9) if display else random.uniform(-0.35, 0.3))
    tint = torch.from_numpy(gain * (1 + 0.06 * random.standard_normal(count))).float()
    shift = torch.zeros(count)
    if hazy < 0.5:
        depth, power = random.uniform(0, 0.07), random.uniform(0.5, 4.0)
        haze = depth * (490.0 / WAVELENGTH_NM[list(bands)]) ** power
        tint, shift = tint * (1 - haze), haze * 1e4
    elif hazy > 0.85:
        shift = shift - random.uniform(0, 150.0)
    pixels = pixels.mul(tint[:, None, None]).add_(shift[:, None, None])
    if noisy < 0.25:
        noise = torch.Generator().manual_seed(int(random.integers(2**62)))
        pixels += torch.randn(pixels.shape, generator=noise) * random.uniform(0, 40.0)
    return pixels.clamp_(1.0, 20000.0)


def _finish(window, pixels, available, bands, real, random) -> ObjectTile:
    """Panchromatic band, band dropout, cells of what is known, flip and turns."""
    size = pixels.shape[-1]
    valid = torch.from_numpy(window.valid)
    full = torch.zeros(8, size, size)
    pixels = pixels * valid
    weights = pan_weights(available)
    if weights and random.random() < 0.75:
        for index, weight in weights.items():
            full[0].add_(pixels[bands.index(index)], alpha=weight)
        available[0] = True
    keep = _dropout(available, random)
    for index, band in zip(bands, pixels, strict=True):
        if keep[index]:
            full[index] = band
    if not keep[0]:
        full[0] = 0.0
    cells = size // CELL
    known = window.known.reshape(-1, cells, CELL * size).view(np.uint8)
    known = np.bitwise_and.reduce(
        np.bitwise_and.reduce(known.reshape(-1, cells, CELL, size), axis=2).reshape(-1, cells, cells, CELL),
        axis=3,
    )
    known = torch.from_numpy(known.astype(bool))
    boxes, rects = window.boxes, window.rects
    if random.random() < 0.5:
        full, valid, known = full.flip(2), valid.flip(1), known.flip(2)
        boxes, rects = flip_boxes(boxes, size), flip_rects(rects, size)
    turns = int(random.integers(4))
    for _ in range(turns):
        boxes, rects = turn_boxes(boxes, size), turn_rects(rects, size)
    return ObjectTile(
        torch.rot90(full, turns, (1, 2)).contiguous(),
        torch.from_numpy(available & keep),
        torch.rot90(valid, turns, (0, 1)).contiguous(),
        torch.rot90(known, turns, (1, 2)).contiguous(),
        torch.from_numpy(np.ascontiguousarray(boxes, np.float32)),
        torch.from_numpy(window.labels.copy()),
        torch.from_numpy(np.ascontiguousarray(rects, np.float32)),
        real,
    )


def _dropout(available: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Bands kept, bool (8,); never fewer than two besides the panchromatic one."""
    keep = np.ones(8, bool)
    kind = random.random()
    if kind < 0.3 and available[RGB].all():
        keep[4:] = False
        keep[BAND_NAMES.index("nir")] = kind < 0.15
    elif kind < 0.45:
        keep[1:] = random.random(7) > 0.15
    return keep if (available & keep)[1:].sum() >= 2 else np.ones(8, bool)


def collate(tiles: Sequence[ObjectTile]) -> dict[str, Any]:
    """Stack tiles.

    Returns:
        reflectance float32 (B, 8, S, S), available float32 (B, 8), valid float32 (B, 1, S, S), known bool
        (B, classes, S / 4, S / 4), and targets, a list of B dictionaries with boxes, labels and rects.
    """
    return {
        "reflectance": torch.stack([tile.bands for tile in tiles]).mul_(1e-4),
        "available": torch.stack([tile.available for tile in tiles]).float(),
        "valid": torch.stack([tile.valid for tile in tiles])[:, None].float(),
        "known": torch.stack([tile.known for tile in tiles]),
        "targets": [{"boxes": t.boxes, "labels": t.labels, "rects": t.rects} for t in tiles],
    }
