"""Ground truth of the objects expert: scenes of the training pack with boxes, outlines and what is known.

Ships are the hand-drawn boxes of `objects.json` (axis-aligned, so their direction is not known). Buildings
are the connected parts of the hand-drawn building masks of the Dubai scenes; there the oriented rectangle is
the smallest one around the part. Buildings that touch in the mask are one object: the mask cannot part them.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from scipy import ndimage

from ...errors import RequestError
from ...tasks import UNKNOWN
from ..pack import Sample, load_scene

CLASSES = ("ship", "building")
"""Classes in the order of labels and of the first axis of `known`."""

SHIP, BUILDING = range(2)

SHIP_SOURCE, BUILDING_SOURCE = "HRSC-like ships", "Dubai aerial (HITL)"

MIN_PART = 12
"""Least area of a building in pixels; smaller parts of a mask are left out, and unknown."""

MAX_PART = 0.6
"""Share of the frame from which a part is a quarter of a town drawn as one, and no building."""

QUARTERS = {"dubai-tile4": 700}
"""Regions where whole streets and quarters were drawn as one area, and the greatest area (pixels) of a part
that may still be one building there; by our own look at the images."""

MIN_FILL = 0.5
"""Share of its smallest rectangle that a building fills; less is a street of houses drawn as one."""

MARGIN = 3
"""Pixels between a pasted ship and the edge of the labelled water, whose outline is coarse."""


@dataclass(frozen=True)
class ObjectScene:
    """One scene with its objects.

    Attributes:
        gsd_m: pixel size in metres, None where the source does not tell it.
        bands: uint16 (8, H, W), reflectance x 10000 as in `pack.Sample`.
        available: bool (8,).
        valid: bool (H, W).
        boxes: float32 (n, 4), x0, y0, x1, y1 in pixels.
        labels: int64 (n,), index into `CLASSES`.
        rects: float32 (n, 5), cx, cy, length, width in pixels and the angle of the long side in radians,
            counted from +x towards +y, in [0, pi); NaN where the direction is not known.
        known: bool (classes, H, W), where absence of a box means absence of the class.
        water: bool (H, W), open water where a ship may be pasted.
    """

    id: str
    source: str
    split: str
    gsd_m: float | None
    license: str
    bands: np.ndarray
    available: np.ndarray
    valid: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    rects: np.ndarray
    known: np.ndarray
    water: np.ndarray


def load_objects(root: Path, splits: tuple[str, ...]) -> list[ObjectScene]:
    """Read the scenes with boxed ships and with building masks of the given splits.

    Raises:
        RequestError: `root` lacks catalog.csv or objects.json.
    """
    for name in ("catalog.csv", "objects.json"):
        if not (root / name).is_file():
            raise RequestError(f"No {name} in {root}; give the folder of the training pack.")
    boxes = _ship_boxes(root)
    scenes = []
    with (root / "catalog.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] not in splits:
                continue
            tasks = row["tasks"].split(";")
            if row["id"] in boxes:
                scenes.append(ship_scene(load_scene(root, row, []), boxes[row["id"]]))
            elif row["source"] == BUILDING_SOURCE and "buildings" in tasks:
                labels = [name for name in ("buildings", "landcover", "water") if name in tasks]
                scenes.append(building_scene(load_scene(root, row, labels)))
    return scenes


def _ship_boxes(root: Path) -> dict[str, np.ndarray]:
    """Boxes (n, 4) as x0, y0, x1, y1 by scene; scenes that were looked at and hold none are in it too."""
    data = json.loads((root / "objects.json").read_text())
    found = defaultdict(list)
    for item in data["annotations"]:
        x, y, width, height = item["bbox"]
        found[item["image_id"]].append((x, y, x + width, y + height))
    return {
        image["scene"]: np.array(found[image["id"]], np.float32).reshape(-1, 4) for image in data["images"]
    }


def ship_scene(sample: Sample, boxes: np.ndarray) -> ObjectScene:
    """A scene whose ships were boxed by people; nobody looked for buildings in it."""
    rows, cols = sample.valid.shape
    boxes = np.clip(boxes, 0, [cols, rows, cols, rows]).astype(np.float32)
    known = np.stack([sample.valid, np.zeros_like(sample.valid)])
    return _scene(
        sample,
        boxes,
        np.full(len(boxes), SHIP, np.int64),
        np.full((len(boxes), 5), np.nan, np.float32),
        known,
        dark_water(sample.bands, sample.valid, boxes),
    )


def building_scene(sample: Sample) -> ObjectScene:
    """A scene with a building mask. Ships are known to be absent on land only: boats were not labelled."""
    mask = sample.labels["buildings"]
    water_label = sample.labels.get("water", np.full_like(mask, UNKNOWN))
    cover = sample.labels.get("landcover", np.full_like(mask, UNKNOWN))
    boxes, rects, unknown = parts(mask == 1, QUARTERS.get(sample.region, MAX_PART * mask.size))
    land = (cover != UNKNOWN) & (cover != 0) & (water_label == 0)
    known = np.stack([land, (mask != UNKNOWN) & ~unknown]) & sample.valid
    water = (water_label == 1) & ((cover == 0) | (cover == UNKNOWN)) & sample.valid
    labels = np.full(len(boxes), BUILDING, np.int64)
    return _scene(sample, boxes, labels, rects, known, inner(water))


def _scene(sample, boxes, labels, rects, known, water) -> ObjectScene:
    return ObjectScene(
        sample.id,
        sample.source,
        sample.split,
        sample.gsd_m,
        sample.license,
        sample.bands,
        sample.available,
        sample.valid,
        boxes,
        labels,
        rects,
        known,
        water,
    )


def inner(mask: np.ndarray, margin: int = MARGIN) -> np.ndarray:
    """The mask less a margin in pixels; at the frame's edge it goes on."""
    return ndimage.binary_erosion(mask, iterations=margin, border_value=1)


def parts(mask: np.ndarray, max_area: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The 4-connected parts of a mask as objects, up to an area in pixels.

    Returns:
        boxes float32 (n, 4), rects float32 (n, 5), and bool (H, W): pixels of parts that were left out
        because they are too small, too large or too ragged to be one building. A part at the frame's edge is
        cut, so its rectangle is NaN.
    """
    rows, cols = mask.shape
    numbered, _ = ndimage.label(mask)
    boxes, rects, left_out = [], [], np.zeros_like(mask)
    for number, window in enumerate(ndimage.find_objects(numbered), start=1):
        part = numbered[window] == number
        area = int(part.sum())
        rect = oriented_rectangle(part)
        if not MIN_PART <= area <= max_area or area < MIN_FILL * rect[2] * rect[3]:
            left_out[window] |= part
            continue
        y0, y1, x0, x1 = window[0].start, window[0].stop, window[1].start, window[1].stop
        boxes.append((x0, y0, x1, y1))
        if x0 == 0 or y0 == 0 or x1 == cols or y1 == rows:
            rects.append((np.nan,) * 5)
        else:
            rects.append((rect[0] + x0, rect[1] + y0, *rect[2:]))
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(rects, np.float32).reshape(-1, 5), left_out


def oriented_rectangle(mask: np.ndarray) -> np.ndarray:
    """Smallest rectangle around the pixels of a mask: float64 (5,) cx, cy, length, width, angle."""
    ys = np.flatnonzero(mask.any(1))
    first, last = mask[ys].argmax(1), mask.shape[1] - mask[ys, ::-1].argmax(1)  # hull: ends of each row
    xs = np.concatenate([first, first, last, last])
    corners = np.stack([xs, np.concatenate([ys, ys + 1, ys, ys + 1])], 1).astype(np.float64)
    ring = shapely.get_coordinates(shapely.MultiPoint(corners).minimum_rotated_rectangle)[:4]
    return rect_of(ring)


def rect_of(corners: np.ndarray) -> np.ndarray:
    """Corners (4, 2) of a rectangle in turn as (5,) cx, cy, length, width, angle in [0, pi)."""
    sides = np.diff(corners[:3], axis=0)
    lengths = np.hypot(*sides.T)
    dx, dy = sides[lengths.argmax()]
    angle = np.arctan2(dy, dx) % np.pi
    return np.array([*corners.mean(0), lengths.max(), lengths.min(), 0.0 if angle >= np.pi else angle])


def corners_of(rect: np.ndarray) -> np.ndarray:
    """The four corners (4, 2) of a rectangle (5,), in turn."""
    cx, cy, length, width, angle = np.asarray(rect, np.float64)
    along = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * width / 2
    return np.array([cx, cy]) + np.array([-along - across, along - across, along + across, across - along])


def dark_water(bands: np.ndarray, valid: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Where a scene without a water label is taken for open water, for pasting only.

    Water is not labelled in the scenes with boxed ships. A pixel counts if its green is dark (below the
    scene's median or 0.06), its neighbourhood of 15 pixels is smooth (deviation below 0.004 of
    reflectance), it is not redder than green, no box is within 8 pixels, and such pixels cover at least 4 %
    of the scene in one piece. Smooth asphalt or shade may pass; a ship pasted there teaches a wrong place and
    no wrong ship.
    """
    green, red = bands[2] * np.float32(1e-4), bands[3] * np.float32(1e-4)
    mean = ndimage.uniform_filter(green, 15)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(green * green, 15) - mean * mean, 0))
    dark = mean < max(0.06, float(np.median(green[valid])) if valid.any() else 0)
    wet = dark & (spread < 0.004) & (ndimage.uniform_filter(red, 15) <= mean * 1.05) & valid
    for x0, y0, x1, y1 in np.rint(boxes).astype(int):
        wet[max(0, y0 - 8) : y1 + 8, max(0, x0 - 8) : x1 + 8] = False
    numbered, count = ndimage.label(wet)
    large = np.bincount(numbered.ravel(), minlength=count + 1) >= 0.04 * wet.size
    large[0] = False
    return inner(large[numbered])
