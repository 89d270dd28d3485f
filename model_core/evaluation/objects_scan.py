"""Find objects in whole scenes, tiled and merged as `predict` does it, for scoring.

Anything with `encode` and `detect` as in `model.Model` can be asked, so that networks of an ablation, which
are in no bundle, are measured by the same code as the bundled one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..grid import Tile, TileGrid
from ..objects.detections import Detections
from ..objects.merge import MergedObjects, merge
from ..objects.spec import FLOOR
from .objects_ap import ImageObjects

if TYPE_CHECKING:
    from ..training.objects.truth import ObjectScene

SIZE, OVERLAP, BATCH = 256, 64, 8

Log = Callable[[str], None]
Predictions = dict[str, dict[str, Any]]
"""By scene the lists "box" (x0, y0, x1, y1 in pixels), "label" and "score", as JSON takes them."""


class Finder(Protocol):
    """What finds objects: a bundle's model, or a network of an ablation."""

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> Any:
        """Read a batch of tiles, as `model.Model.encode`."""

    def detect(self, name: str, picks: Sequence[tuple[Any, Sequence[int]]]) -> list[Detections]:
        """Find objects in chosen tiles, as `model.Model.detect`."""


def find_objects(
    finder: Finder,
    scene: ObjectScene,
    *,
    name: str = "objects",
    size: int = SIZE,
    overlap: int = OVERLAP,
    thresholds: Sequence[float] | None = None,
) -> MergedObjects:
    """All objects of one scene, every tile with data decoded.

    Args:
        finder: is asked.
        scene: with its pixels.
        name: of the objects expert.
        size: edge of a tile.
        overlap: pixels that neighbouring tiles share at least.
        thresholds: by class the least score; None = all that the network hands out, which average precision
            needs.
    """
    rows, cols = scene.valid.shape
    grid = TileGrid(cols, rows, size, overlap)
    found: dict[int, Detections] = {}
    filled = [t for t in grid.tiles if scene.valid[t.y : t.y + t.height, t.x : t.x + t.width].any()]
    for start in range(0, len(filled), BATCH):
        tiles = filled[start : start + BATCH]
        reflectance = np.zeros((len(tiles), 8, size, size), np.float32)
        valid = np.zeros((len(tiles), size, size), bool)
        for number, tile in enumerate(tiles):
            window = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
            known = scene.valid[window]
            valid[number, : tile.height, : tile.width] = known
            reflectance[number, :, : tile.height, : tile.width] = np.where(
                known, scene.bands[(slice(None), *window)] * np.float32(1e-4), np.float32(0)
            )
        features = finder.encode(reflectance, scene.available, valid)
        detected = finder.detect(name, [(features, range(len(tiles)))])
        found |= {tile.index: within(one, tile) for tile, one in zip(tiles, detected, strict=True)}
    least = [FLOOR] * len(scene.known) if thresholds is None else list(thresholds)
    return merge(grid.tiles, found, cols, rows, least)


def within(found: Detections, tile: Tile) -> Detections:
    """Boxes cut at the window of a tile, without those beyond it: a small scene does not fill its tile."""
    box = np.clip(found.box, 0, np.array([tile.width, tile.height] * 2, np.float32))
    inside = (box[:, 2:] > box[:, :2]).all(1)
    return replace(found, box=box).pick(inside)


def predictions(
    finder: Finder,
    scenes: Sequence[ObjectScene],
    log: Log = lambda _message: None,
    **options: Any,
) -> Predictions:
    """Everything found in some scenes, as a file of an ablation's run folder holds it.

    Args:
        finder: is asked.
        scenes: with ids that differ.
        log: hears of the progress.
        options: of `find_objects`.
    """
    told: Predictions = {}
    for number, scene in enumerate(scenes, 1):
        told[scene.id] = as_record(find_objects(finder, scene, **options))
        if number % 10 == 0 or number == len(scenes):
            log(f"searched {number} of {len(scenes)} scenes")
    return told


def as_record(found: MergedObjects) -> dict[str, Any]:
    """Boxes, labels and scores of one scene as lists."""
    return {"box": found.box.tolist(), "label": found.label.tolist(), "score": found.score.tolist()}


def judged(scene: ObjectScene, box: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Which detections can be judged: bool (m,), those with their centre where their class is known.

    Elsewhere a detection is neither right nor wrong: nobody looked there for objects of its class.

    Args:
        scene: tells what is known.
        box: (m, 4) in pixels of the scene.
        label: (m,) numbers of classes.
    """
    if not len(box):
        return np.zeros(0, bool)
    classes, rows, cols = scene.known.shape
    middle = (box[:, :2] + box[:, 2:]) / 2
    x = np.clip(np.floor(middle[:, 0]).astype(int), 0, cols - 1)
    y = np.clip(np.floor(middle[:, 1]).astype(int), 0, rows - 1)
    inside = (label >= 0) & (label < classes)
    return inside & scene.known[np.where(inside, label, 0), y, x]


def as_image(scene: ObjectScene, box: Any, label: Any, score: Any) -> ImageObjects:
    """A scene's truth beside what was found there, without the detections that cannot be judged.

    Raises:
        ValueError: the detections are no boxes of four numbers with a label and a score each.
    """
    box = np.asarray(box, np.float64).reshape(-1, 4)
    label = np.asarray(label, np.int64).reshape(-1)
    score = np.asarray(score, np.float64).reshape(-1)
    if not len(box) == len(label) == len(score):
        raise ValueError(f"{len(box)} boxes, {len(label)} labels and {len(score)} scores")
    keep = judged(scene, box, label)
    return ImageObjects(
        scene.id, scene.boxes.astype(np.float64), scene.labels, box[keep], label[keep], score[keep]
    )


def scenes_of_class(scenes: Sequence[ObjectScene], label: int) -> list[ObjectScene]:
    """The scenes in a part of which it is known where objects of a class are and are not."""
    return [scene for scene in scenes if scene.known[label].any()]


def as_images(
    scenes: Sequence[ObjectScene], found: Mapping[str, Mapping[str, Any]], label: int
) -> list[ImageObjects]:
    """The images that a class is scored on, by scene id.

    Args:
        scenes: of a split.
        found: `Predictions` of at least those scenes in which the class is known.
        label: number of the class.

    Raises:
        KeyError: a scene was not searched.
        ValueError: see `as_image`.
    """
    chosen = sorted(scenes_of_class(scenes, label), key=lambda scene: scene.id)
    rows = [(scene, found[scene.id]) for scene in chosen]
    return [as_image(scene, row["box"], row["label"], row["score"]) for scene, row in rows]
