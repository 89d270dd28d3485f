"""A semi-real test: ships cut out of chips of a split, pasted on that split's real water with a fixed seed.

Ship and water are both real and were seen by no training; their combination is not. That the ships' outlines
are known exactly is what the real scenes cannot offer, so the length is judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..objects.merge import MergedObjects
from ..training.objects.chips import load_chips
from ..training.objects.scenes import MIN_WATER, RGB, Paster, load_waters
from ..training.objects.truth import SHIP, ObjectScene, load_objects
from ..training.pack import synthesise_pan
from .objects_pictures import iou
from .objects_scan import judged
from .resampling import draws, figure

SEED = 7
SIZE = 256
SEPARATOR = "+"
EACH = 6
"""Images composed of one window of water; there are few, so each is used with other ships."""


def composed_scenes(root: Path, split: str, seed: int = SEED) -> list[ObjectScene]:
    """Windows of the split's water with pasted ships; the same for the same pack and seed.

    Only red, green and blue are given, and the panchromatic band made of them, because a chip has no more.

    Raises:
        RequestError: `root` is no training pack.
    """
    chips = load_chips(root, (split,))
    grounds = load_waters(root, (split,)) + load_objects(root, (split,))
    windows = [part for ground in sorted(grounds, key=lambda scene: scene.id) for part in cut(ground)]
    if not chips:
        return []
    random = np.random.default_rng(seed)
    paster = Paster(chips)
    found = [_composed(part, paster, random, number) for part in windows for number in range(EACH)]
    return [scene for scene in found if len(scene.boxes)]


def ground_of(scene: ObjectScene) -> str:
    """Id of the scene whose water a composed one shows; what shares it is no independent evidence."""
    return scene.id.split(SEPARATOR)[0]


def cut(scene: ObjectScene, size: int = SIZE) -> list[ObjectScene]:
    """The scene's windows with enough water and no object; a smaller scene is one window.

    Windows of a scene that is no multiple of their size overlap.
    """
    rows, cols = scene.valid.shape
    found = []
    for top in _starts(rows, size):
        for left in _starts(cols, size):
            x0, y0, x1, y1 = scene.boxes.T if len(scene.boxes) else np.zeros((4, 0))
            if ((x0 < left + size) & (x1 > left) & (y0 < top + size) & (y1 > top)).any():
                continue
            window = np.s_[top : top + size, left : left + size]
            part = replace(
                scene,
                id=f"{scene.id}{SEPARATOR}{left}{SEPARATOR}{top}",
                bands=scene.bands[(slice(None), *window)].copy(),
                valid=scene.valid[window],
                known=scene.known[(slice(None), *window)],
                water=scene.water[window],
                boxes=scene.boxes[:0],
                labels=scene.labels[:0],
                rects=scene.rects[:0],
            )
            if part.water.sum() >= MIN_WATER:
                found.append(part)
    return found


def _starts(length: int, size: int) -> list[int]:
    return [0] if length <= size else [*range(0, length - size, size), length - size]


def _composed(scene: ObjectScene, paster: Paster, random: np.random.Generator, number: int) -> ObjectScene:
    rgb = torch.from_numpy(scene.bands[RGB].astype(np.float32))
    boxes, rects = paster.paste(rgb, scene.water, scene.boxes, random)
    bands, available = np.zeros_like(scene.bands), np.zeros(8, bool)
    bands[RGB] = np.where(scene.valid, np.rint(rgb.numpy()), 0).astype(np.uint16)
    available[RGB] = True
    available[0] = synthesise_pan(bands, available)
    labels = np.full(len(boxes), SHIP, np.int64)
    known = scene.known.copy()
    for x0, y0, x1, y1 in np.rint(boxes).astype(int):
        known[SHIP, y0:y1, x0:x1] = True
    return replace(
        scene,
        id=f"{scene.id}{SEPARATOR}{number}",
        bands=bands,
        available=available,
        boxes=boxes,
        labels=labels,
        rects=rects,
        known=known,
    )


def lengths(scene: ObjectScene, found: MergedObjects, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Lengths in pixels, true and found, of the ships of a scene that were found and whose outline is known.

    A ship is found by the box that overlaps it most, at an IoU of 0.5 or more.
    """
    mine = (found.label == SHIP) & (found.score >= threshold) & judged(scene, found.box, found.label)
    boxes, outlines = found.box[mine], found.outline[mine]
    pairs = []
    for box, rect in zip(scene.boxes, scene.rects, strict=True):
        if len(boxes) and np.isfinite(rect).all():
            overlap = iou(box.astype(np.float64), boxes)
            if overlap.max() >= 0.5:
                pairs.append((float(rect[2]), long_side(outlines[overlap.argmax()])))
    true, told = np.array(pairs, np.float64).reshape(-1, 2).T
    return true, told


def long_side(outline: np.ndarray) -> float:
    """Length of the longer side of a rectangle (4, 2)."""
    sides = np.diff(np.concatenate([outline, outline[:1]]), axis=0)
    return float(np.hypot(*sides.T).max())


def length_figures(
    scenes: Sequence[ObjectScene], found: Sequence[MergedObjects], threshold: float
) -> dict[str, Any]:
    """How wrong the length of a ship is, among those found.

    Returns:
        `error`, the median of |found - true| / true with its interval over the scenes that lent their water;
        `bias`, the median of (found - true) / true; `found` of `ships` whose outline is known.
    """
    pairs = [lengths(scene, one, threshold) for scene, one in zip(scenes, found, strict=True)]
    relative = [(told - true) / true for true, told in pairs]
    ships = sum(int(np.isfinite(scene.rects).all(1).sum()) for scene in scenes)
    names = [ground_of(scene) for scene in scenes]
    order = list(dict.fromkeys(names))
    rounds = []
    for weight in draws(len(order))[:, [order.index(name) for name in names]]:
        drawn = [np.repeat(np.abs(part), int(times)) for part, times in zip(relative, weight, strict=True)]
        whole = np.concatenate(drawn)
        rounds.append(np.median(whole) if len(whole) else np.nan)
    whole = np.concatenate(relative) if relative else np.zeros(0)
    error = float(np.median(np.abs(whole))) if len(whole) else float("nan")
    return {
        "error": figure(error, np.array(rounds)),
        "bias": float(np.median(whole)) if len(whole) else float("nan"),
        "found": len(whole),
        "ships": ships,
    }
