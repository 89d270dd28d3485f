"""Windows of scenes at another pixel size, and the flips and turns that boxes and rectangles follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .scenes import MIN_SEEN, MIN_SIDE
from .truth import ObjectScene


@dataclass
class Window:
    """A window of a scene, resampled to the tile's pixels; arrays as in `ObjectTile`, but all by pixel.

    Attributes:
        bands: float32 (bands asked for, S, S), reflectance x 10000.
        valid, water: bool (S, S).
        known: bool (classes, S, S).
        boxes, labels, rects: (n, 4), (n,), (n, 5) of the objects kept, in pixels of the window.
    """

    bands: Tensor
    valid: np.ndarray
    known: np.ndarray
    water: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    rects: np.ndarray


def cut(
    scene: ObjectScene,
    bands: Sequence[int],
    size: int,
    scale: float,
    centre: tuple[float, float] | None,
    random: np.random.Generator,
) -> Window:
    """A square window of a scene, resampled to size x size pixels.

    The scale becomes size / (whole source pixels), equal in x and y. A scene smaller than the window is
    mirrored if it holds no boxes; otherwise the rest of the tile is invalid.

    Args:
        scene: cut from.
        size: S, edge of the window in its own pixels.
        random: decides where the window lies.
        bands: indices of the bands wanted; the window's bands are float32 (len(bands), size, size).
        scale: tile pixels per scene pixel.
        centre: x, y in scene pixels that the window must hold in its inner four fifths, None for anywhere.
    """
    rows, cols = scene.valid.shape
    need = max(1, round(size / scale))
    scale = size / need
    mirror = not len(scene.boxes)
    top = _start(rows, need, None if centre is None else centre[1], random)
    left = _start(cols, need, None if centre is None else centre[0], random)
    step = np.arange(need)
    ys, inside_y = _index(top + step, rows, mirror)
    xs, inside_x = _index(left + step, cols, mirror)
    if inside_y.all() and inside_x.all() and not (mirror and (rows < need or cols < need)):
        pixels = scene.bands[bands, top : top + need, left : left + need]
    else:
        pixels = scene.bands[bands].take(ys, axis=1).take(xs, axis=2)
    pixels = torch.from_numpy(pixels.astype(np.float32))
    if need != size:
        pixels = F.interpolate(
            pixels[None], (size, size), mode="bilinear", align_corners=False, antialias=scale < 1.0
        )[0]
    nearest = np.minimum(((np.arange(size) + 0.5) / scale).astype(np.int64), need - 1)
    ys, xs, inside_y, inside_x = ys[nearest], xs[nearest], inside_y[nearest], inside_x[nearest]
    inside = inside_y[:, None] & inside_x

    def near(mask: np.ndarray) -> np.ndarray:  # rows first, then columns: four times as fast as one index
        return mask.take(ys, axis=-2).take(xs, axis=-1) & inside

    valid, known, water = near(scene.valid), near(scene.known), near(scene.water)
    window = Window(
        pixels,
        valid,
        known & valid,
        water,
        (scene.boxes - [left, top, left, top]) * scale,
        scene.labels,
        np.concatenate(
            [(scene.rects[:, :2] - [left, top]) * scale, scene.rects[:, 2:4] * scale, scene.rects[:, 4:]],
            axis=1,
        ),
    )
    _clip(window, size)
    return window


def _start(length: int, need: int, centre: float | None, random: np.random.Generator) -> int:
    """First pixel of a window along one axis; negative where the scene is smaller than the window."""
    low, high = min(0, length - need), max(0, length - need)
    if centre is None or length <= need:
        return int(random.integers(low, high + 1))
    return int(np.clip(round(centre - random.uniform(0.1, 0.9) * need), low, high))


def _index(index: np.ndarray, length: int, mirror: bool) -> tuple[np.ndarray, np.ndarray]:
    """Indices that lie in the scene, and where they mean what they say (mirrored ones do)."""
    if mirror:
        index = index % (2 * length)
        return np.where(index < length, index, 2 * length - 1 - index), np.ones(len(index), bool)
    return np.clip(index, 0, length - 1), (index >= 0) & (index < length)


def _clip(window: Window, size: int) -> None:
    """Clip the boxes to the tile; drop what is too small or too little, and say it is unknown there."""
    whole = window.boxes
    boxes = np.clip(whole, 0, size)
    sides = boxes[:, 2:] - boxes[:, :2]
    touched = (sides > 0).all(1)
    seen = sides.prod(1) / np.maximum((whole[:, 2:] - whole[:, :2]).prod(1), 1e-6)
    keep = touched & (sides.min(1, initial=np.inf) >= MIN_SIDE) & (seen >= MIN_SEEN)
    for label, (x0, y0, x1, y1) in zip(window.labels[touched & ~keep], boxes[touched & ~keep], strict=True):
        window.known[label, int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = False
    rects = np.where((np.abs(boxes - whole) > 1e-3).any(1)[:, None], np.nan, window.rects)
    window.boxes = boxes[keep].astype(np.float32)
    window.labels, window.rects = window.labels[keep], rects[keep].astype(np.float32)


def flip_boxes(boxes: np.ndarray, size: float) -> np.ndarray:
    """Boxes (n, 4) of a tile that is mirrored left to right."""
    return np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], axis=1)


def flip_rects(rects: np.ndarray, size: float) -> np.ndarray:
    """Rectangles (n, 5) of a tile that is mirrored left to right."""
    cx, cy, length, width, angle = rects.T
    return np.stack([size - cx, cy, length, width, _half_turn(-angle)], axis=1)


def turn_boxes(boxes: np.ndarray, size: float) -> np.ndarray:
    """Boxes (n, 4) of a square tile after `rot90` by one quarter, counter-clockwise as it is looked at."""
    x0, y0, x1, y1 = boxes.T
    return np.stack([y0, size - x1, y1, size - x0], axis=1)


def turn_rects(rects: np.ndarray, size: float) -> np.ndarray:
    """Rectangles (n, 5) of a square tile after `rot90` by one quarter."""
    cx, cy, length, width, angle = rects.T
    return np.stack([cy, size - cx, length, width, _half_turn(angle - np.pi / 2)], axis=1)


def _half_turn(angle: np.ndarray) -> np.ndarray:
    """Angles of undirected lines in [0, pi)."""
    angle = np.mod(angle, np.pi)
    return np.where(angle >= np.float32(np.pi), 0.0, angle)
