"""Maps of the objects that were found, missed and invented in a few scenes; no imagery is shown."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from .objects_ap import ImageObjects, counts_at, match, precision_recall_f1
from .pictures import NOTHING, OUTCOMES, UNLABELLED, sheet_png

if TYPE_CHECKING:
    from ..training.objects.truth import ObjectScene

EDGE = 300
"""Longest edge of a map in pixels of the picture."""

EACH = 2
"""Pictures of one class."""

_GROUND, _UNKNOWN, _HIT, _MISS, _FALSE = range(5)
COLOURS = (
    ("nothing there", NOTHING),
    ("not known", UNLABELLED),
    ("found", OUTCOMES[1][1]),
    ("missed", OUTCOMES[2][1]),
    ("false alarm", OUTCOMES[3][1]),
)


@dataclass(frozen=True)
class Outcome:
    """One class in one scene at its threshold.

    Attributes:
        scene: shown.
        label: number of the class.
        found, missed, invented: boxes (n, 4); those found are the true ones.
        f1: of the scene alone.
    """

    scene: ObjectScene
    label: int
    found: np.ndarray
    missed: np.ndarray
    invented: np.ndarray
    f1: float


def outcome(scene: ObjectScene, image: ImageObjects, label: int, threshold: float) -> Outcome:
    """Which boxes of a class were found, at an IoU of 0.5 and with scores from `threshold` on."""
    true = image.true_box[image.true_label == label]
    mine = (image.label == label) & (image.score >= threshold)
    one = match([image], label)["all"]
    hit, wrong = _matched(true, image.box[mine], image.score[mine])
    return Outcome(
        scene,
        label,
        true[hit],
        true[~hit],
        image.box[mine][wrong],
        float(precision_recall_f1(counts_at(one, threshold).sum(0))[2]),
    )


def _matched(true: np.ndarray, box: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which true boxes are found, bool (n,), and which detections are wrong, bool (m,), as COCO matches.

    pycocotools tells how many, and this tells which.
    """
    taken, wrong = np.zeros(len(true), bool), np.ones(len(box), bool)
    for number in np.argsort(-score, kind="stable"):
        overlap = np.where(taken, 0.0, iou(box[number], true))
        if len(true) and overlap.max() >= 0.5:
            taken[overlap.argmax()], wrong[number] = True, False
    return taken, wrong


def iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (4,) with others (n, 4): float64 (n,)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return common / np.maximum(areas - common, 1e-12)


def worst(outcomes: Sequence[Outcome], most: int = EACH) -> list[Outcome]:
    """The scenes with true boxes on which a class fares worst, worst first."""
    with_boxes = [one for one in outcomes if len(one.found) + len(one.missed)]
    return sorted(with_boxes, key=lambda one: (one.f1, one.scene.id))[:most]


def draw_objects(
    outcomes: Sequence[Outcome], classes: Sequence[str], folder: Path, name: str = "objects"
) -> list[dict[str, Any]]:
    """Draw a map of each outcome to `folder`/card/<name>_<n>.png; older ones are removed.

    Returns:
        For each {"file" (relative to folder), "scene", "source", "region", "value", "text"}.
    """
    target = folder / "card"
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob(f"{name}_[0-9]*.png"):
        old.unlink()
    rows = []
    for number, one in enumerate(outcomes, 1):
        path = target / f"{name}_{number}.png"
        path.write_bytes(object_map(one, classes[one.label]))
        rows.append(
            {
                "file": f"card/{path.name}",
                "scene": one.scene.id,
                "source": one.scene.source,
                "region": one.scene.id,
                "value": one.f1,
                "text": f"{classes[one.label]}: {len(one.found)} found, {len(one.missed)} missed, "
                f"{len(one.invented)} false alarms; F1 {one.f1:.3f}",
            }
        )
    return rows


def object_map(one: Outcome, title: str) -> bytes:
    """The map of an outcome: PNG with a palette."""
    rows, cols = one.scene.valid.shape
    scale = EDGE / max(rows, cols)
    size = max(1, round(cols * scale)), max(1, round(rows * scale))
    known = Image.fromarray(one.scene.known[one.label].astype(np.uint8) * 255).resize(size, Image.NEAREST)
    panel = Image.fromarray(np.where(np.asarray(known) > 0, _GROUND, _UNKNOWN).astype(np.uint8), "P")
    draw = ImageDraw.Draw(panel)
    for boxes, colour in ((one.found, _HIT), (one.missed, _MISS), (one.invented, _FALSE)):
        for x0, y0, x1, y1 in boxes * scale:
            draw.rectangle((x0, y0, max(x0 + 1, x1 - 1), max(y0 + 1, y1 - 1)), outline=colour, width=2)
    drawn = {_GROUND, _UNKNOWN} & set(np.unique(np.asarray(panel)).tolist())
    drawn |= {
        c for c, boxes in ((_HIT, one.found), (_MISS, one.missed), (_FALSE, one.invented)) if len(boxes)
    }
    file = io.BytesIO()
    sheet_png([panel], [f"{title}s"], COLOURS, sorted(drawn)).save(file, "PNG", optimize=True)
    return file.getvalue()
