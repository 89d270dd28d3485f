"""From what the objects expert says of its queries to the detections of a tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ...objects.detections import Detections
from ...objects.spec import FLOOR, ObjectsSpec
from .detector import ObjectsOutput
from .memory import STRIDES

SLIVER = 0.5
"""Boxes of which fewer pixels lie in the tile, in width or height, are another tile's to find."""

TOLD = 0.05
"""Weight of the length and width that the network tells against those that its box gives, see `outlines`."""

THINNEST = 0.02
"""Least share that the short side of an outline has in its length and width together."""


def detections(output: ObjectsOutput, size: int) -> list[Detections]:
    """Detections of each tile: of every query the likeliest class, where its score reaches `FLOOR`.

    Sorted by score, of equals the earlier query first. Boxes are clipped to the tile, outlines are not.

    Args:
        output: of B tiles.
        size: edge of the tiles in pixels.
    """
    logits, boxes, rects = (_array(part) for part in (output.logits, output.boxes, output.rects))
    groups = [_array(route.groups) for route in output.routes]
    experts = [_array(route.experts) for route in output.routes]
    weights = [_array(route.weights) for route in output.routes]
    found = []
    for number in range(len(logits)):
        label = logits[number].argmax(1)
        likeliest = np.take_along_axis(logits[number], label[:, None], 1)[:, 0]
        score = (1 / (1 + np.exp(-np.clip(likeliest, -60.0, 60.0)))).astype(np.float32)
        clipped = np.clip(boxes[number], 0, size).astype(np.float32)
        wide = (clipped[:, 2:] - clipped[:, :2] >= SLIVER).all(1)
        kept = np.flatnonzero(wide & (score >= FLOOR) & np.isfinite(rects[number]).all(1))
        kept = kept[np.argsort(-score[kept], kind="stable")]
        found.append(
            Detections(
                clipped[kept],
                outlines(boxes[number][kept], rects[number][kept]).astype(np.float32),
                label[kept].astype(np.int16),
                score[kept],
                np.stack([one[number] for one in groups]).astype(np.int16),
                np.stack([one[number][kept] for one in experts], 1).astype(np.int16),
                np.stack([one[number][kept] for one in weights], 1).astype(np.float32),
            )
        )
    return found


def outlines(boxes: np.ndarray, rects: np.ndarray) -> np.ndarray:
    """Oriented rectangles around the centres of boxes, with envelopes that fit these.

    A rectangle of length l and width w at the angle a has an envelope of l |cos a| + w |sin a| by
    l |sin a| + w |cos a|. So the envelope's width and height together give l + w at any angle. Their
    difference gives l - w, but the less surely the nearer a is to 45 degrees, where every such envelope is a
    square; there the network's own l - w, in the same scale, decides: least squares with the weight `TOLD`
    for it. The angle is taken as told. Where the box contradicts it, "length" becomes the shorter side.

    Args:
        boxes: float (n, 4), x0, y0, x1, y1, not clipped.
        rects: float (n, 4), log length, log width, cos 2a, sin 2a.

    Returns:
        float64 (n, 4, 2), corners (x, y) in order around the rectangle.
    """
    boxes, rects = boxes.astype(np.float64), rects.astype(np.float64)
    angle = np.arctan2(rects[:, 3], rects[:, 2]) / 2
    along = np.stack([np.cos(angle), np.sin(angle)], 1)  # (n, 2), of the long side
    cos, sin = np.abs(along).T
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    total = (width + height) / (cos + sin)  # l + w
    # (l - w) / (l + w) as the network tells it is a tanh of half the logarithm of l / w.
    told = np.tanh((rects[:, 0] - rects[:, 1]) / 2) * total
    turn = cos - sin
    apart = (turn * (width - height) + TOLD * told) / (turn**2 + TOLD)  # l - w
    most = (1 - 2 * THINNEST) * total
    apart = np.clip(apart, -most, most)
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    half_length = ((total + apart) / 4)[:, None] * along
    half_width = ((total - apart) / 4)[:, None] * across
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.stack([center + a * half_length + b * half_width for a, b in signs], 1)


def detector_bytes(spec: ObjectsSpec, classes: int, encoder_widths: Sequence[int], size: int) -> int:
    """Bytes that one tile needs at most beyond its features in float32, while objects are looked for.

    Args:
        spec: of the expert.
        classes: C.
        encoder_widths: channels of the levels, finest first.
        size: edge of the tile in pixels.
    """
    finest = size**2 // STRIDES[0] ** 2  # cells of the finest map
    cells = sum(size**2 // stride**2 for stride in STRIDES)
    lowest = finest // 64  # cells at 1/32, which have a side of the top-down path as well
    joined = (4 * encoder_widths[0] + encoder_widths[1]) * finest
    joining = joined + 4 * encoder_widths[0] * finest
    # All sides of the top-down path, the maps; of the finest map what is upsampled, its sum, a convolution.
    merging = joined + spec.memory_width * (2 * cells + lowest + 2 * finest)
    dense = cells * (3 * (classes + 4) + 16)
    tower = spec.memory_width * (cells + 2 * finest) + dense
    # The maps, also as cells; the finest one in order for a linear layer, its values, and these in planes.
    reading = spec.memory_width * (2 * cells + finest) + 3 * spec.width * finest + dense
    # Of the points of a query their offsets and weights, and what is read there; or queries among each other.
    points = spec.queries * (400 + 8 * spec.width)
    among = spec.queries * (8 * spec.width + 2 * spec.hidden) + 4 * spec.queries**2
    told = spec.layers * spec.queries * (2 * spec.experts + 16)
    if spec.routing == "token":
        reading += 8 * spec.memory_width * (size // STRIDES[-1]) ** 2
    return 4 * (max(joining, merging, tower, reading + max(points, among)) + told)


def _array(tensor: Tensor) -> np.ndarray:
    array = tensor.detach().cpu().numpy()
    return array.astype(np.float64) if array.dtype.kind == "f" else array
