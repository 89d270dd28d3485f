"""What an exact detector, or one that errs, would find in the tiles of a grid; for tests of merging."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from model_core.objects.detections import Detections
from model_core.objects.merge import MergedObjects, merge

SHIP, BUILDING = 0, 1
THRESHOLDS = (0.3, 0.5)
OVERLAPS = (0, 8, 32, 64, 128)


def upright(boxes) -> np.ndarray:
    """Outlines (n, 4, 2) of boxes (n, 4)."""
    x0, y0, x1, y1 = np.asarray(boxes, dtype=np.float64).reshape(-1, 4).T
    return np.stack([np.stack(c, 1) for c in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], 1)


def turned(cx, cy, length, width, degrees) -> np.ndarray:
    """Outline (4, 2) of an oblique rectangle."""
    angle = np.radians(degrees)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.stack([(cx, cy) + a * along * length / 2 + b * across * width / 2 for a, b in signs])


def detections(tile, boxes, outlines=None, labels=None, scores=0.9, served=None) -> Detections:
    """Detections of a tile, given in pixels of the raster; `served` numbers the experts."""
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    n = len(boxes)
    outlines = upright(boxes) if outlines is None else np.asarray(outlines).reshape(-1, 4, 2)
    experts = np.full((n, 2, 2), tile.index % 100 if served is None else served, dtype=np.int16)
    return Detections(
        (boxes - [tile.x, tile.y] * 2).astype(np.float32),
        (outlines - [tile.x, tile.y]).astype(np.float32),
        np.broadcast_to(SHIP if labels is None else labels, n).astype(np.int16),
        np.broadcast_to(scores, n).astype(np.float32),
        np.full((2, 2), tile.index % 4, dtype=np.int16),
        experts,
        np.full((n, 2, 2), 0.5, dtype=np.float32),
    )


def seen(grid, boxes, least=4.0, noise=None) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By tile: numbers of the objects of which `least` pixels a side are visible, and their visible boxes."""
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    views = {}
    for tile in grid.tiles:
        low, high = np.array([tile.x, tile.y]), np.array([tile.x + tile.width, tile.y + tile.height])
        part = np.concatenate([np.maximum(boxes[:, :2], low), np.minimum(boxes[:, 2:], high)], axis=1)
        numbers = np.flatnonzero((part[:, 2:] - part[:, :2] >= least).all(axis=1))
        part = part[numbers]
        if noise is not None:
            part = np.clip(part + noise(part.shape), np.tile(low, 2), np.tile(high, 2))
        views[tile.index] = (numbers, part)
    return views


def detect(grid, boxes, labels=None, score=None, **how) -> dict[int, Detections]:
    """An exact detector, or with `noise` one that errs; `score(tile, numbers)` gives scores."""
    found = {}
    for index, (numbers, part) in seen(grid, boxes, **how).items():
        found[index] = detections(
            grid.tiles[index],
            part,
            labels=None if labels is None else np.asarray(labels)[numbers],
            scores=0.9 if score is None else score(index, numbers),
        )
    return found


def run(grid, found, thresholds=THRESHOLDS) -> MergedObjects:
    return merge(grid.tiles, found, grid.width, grid.height, thresholds)


def canonical(boxes) -> np.ndarray:
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    return boxes[np.lexsort((center[:, 0], center[:, 1]))]


def same(a: MergedObjects, b: MergedObjects) -> None:
    for one in fields(MergedObjects):
        left, right = getattr(a, one.name), getattr(b, one.name)
        if one.name == "tiles":
            assert left == right
        else:
            assert left.dtype == right.dtype
            assert left.tobytes() == right.tobytes(), one.name


def seams(grid) -> tuple[int, int]:
    """Middle of the first overlap, across and down."""
    return grid.tiles[0].core[2], grid.tiles[0].core[3]
