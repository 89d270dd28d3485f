"""Average precision of detected objects, as COCO defines it, with intervals over whole images.

The matching of detections to true boxes, and every figure without an interval, is that of pycocotools (Lin et
al. 2014, arXiv:1405.0312). It reads arrays instead of files here, stays silent, and looks at up to 500
detections of an image, because a marina holds more than COCO's 100. For the bootstrap its 101-point average
precision is worked out again from the matches, where an image that was drawn twice counts twice.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .resampling import draws, figure

MOST = 500
"""Detections of an image and class that are looked at, the highest scores first."""

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""COCO's ranges of a box's area, in pixels of the scene."""

MEASURES: dict[str, tuple[str, bool]] = {
    "ap50": ("all", True),
    "ap": ("all", False),
    "ap_small": ("small", False),
    "ap_medium": ("medium", False),
    "ap_large": ("large", False),
}
"""Figure -> range of areas, and whether only at an IoU of 0.5 instead of the mean over 0.5 to 0.95."""


@dataclass(frozen=True)
class ImageObjects:
    """What is in an image and what was found in it; boxes are x0, y0, x1, y1 in pixels.

    Attributes:
        id: of the image; no two are alike.
        true_box, true_label: (n, 4) and (n,).
        box, label, score: (m, 4), (m,) and (m,), in any order.
    """

    id: str
    true_box: np.ndarray
    true_label: np.ndarray
    box: np.ndarray
    label: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Matches:
    """Detections of one class in N images against its true boxes within a range of areas, best score first.

    Attributes:
        score: float64 (d,).
        image: int64 (d,), number of the image.
        right, wrong: bool (10, d) for the IoUs of `IOUS`; neither where COCO ignores a detection.
        true: int64 (N,), true boxes in each image.
        precision: float64 (10, 101) of pycocotools, -1 without a true box.
    """

    score: np.ndarray
    image: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    true: np.ndarray
    precision: np.ndarray

    def average(self, at_50: bool) -> float:
        """pycocotools' average precision at an IoU of 0.5, or its mean over all ten; NaN without a box."""
        part = self.precision[:1] if at_50 else self.precision
        return float(part.mean()) if self.true.sum() else float("nan")


def match(images: Sequence[ImageObjects], label: int) -> dict[str, Matches]:
    """Let pycocotools match one class in all images, by range of areas as in `AREAS`.

    Args:
        images: of a split, in the order in which a bootstrap numbers them.
        label: number of the class.
    """
    from pycocotools.cocoeval import COCOeval  # of the training environment, which not everybody has

    with contextlib.redirect_stdout(io.StringIO()):
        judged = COCOeval(*_as_coco(images, label), "bbox")
        params = judged.params
        params.imgIds, params.catIds = list(range(len(images))), [1]
        params.maxDets = [MOST]
        params.areaRng, params.areaRngLbl = [list(span) for span in AREAS.values()], list(AREAS)
        params.iouThrs, params.recThrs = IOUS, RECALLS
        judged.evaluate()
        judged.accumulate()
    found = {}
    for number, name in enumerate(AREAS):
        rows = judged.evalImgs[number * len(images) : (number + 1) * len(images)]
        found[name] = _gathered(rows, judged.eval["precision"][:, :, 0, number, 0])
    return found


def _as_coco(images: Sequence[ImageObjects], label: int) -> tuple[Any, Any]:
    from pycocotools.coco import COCO

    truth, found = [], []
    for number, image in enumerate(images):
        true, mine = image.true_label == label, image.label == label
        truth += [{"image_id": number, "iscrowd": 0, **_box(box)} for box in image.true_box[true]]
        found += [
            {"image_id": number, "iscrowd": 0, "score": float(score), **_box(box)}
            for box, score in zip(image.box[mine], image.score[mine], strict=True)
        ]
    sides = []
    for rows in (truth, found):
        coco = COCO()
        # Numbers from 1: pycocotools takes a match with number 0 for none.
        coco.dataset = {
            "images": [{"id": number} for number in range(len(images))],
            "categories": [{"id": 1}],
            "annotations": [{"id": number, "category_id": 1, **row} for number, row in enumerate(rows, 1)],
        }
        coco.createIndex()
        sides.append(coco)
    return sides[0], sides[1]


def _box(box: np.ndarray) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(value) for value in box)
    return {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}


def _gathered(rows: Sequence[dict[str, Any] | None], precision: np.ndarray) -> Matches:
    """One table of all images' rows; an image with neither boxes nor detections has none."""
    true = np.zeros(len(rows), np.int64)
    parts = []
    for number, row in enumerate(rows):
        if row is None:
            continue
        true[number] = int((np.asarray(row["gtIgnore"]) == 0).sum())
        counted = ~row["dtIgnore"].astype(bool)
        hit = row["dtMatches"] > 0
        score = np.array(row["dtScores"], np.float64)
        parts.append((score, np.full(len(score), number), hit & counted, ~hit & counted))
    if not parts:
        none = np.zeros((len(IOUS), 0), bool)
        return Matches(np.zeros(0), np.zeros(0, np.int64), none, none, true, precision)
    score, image, right, wrong = (np.concatenate(part, -1) for part in zip(*parts, strict=True))
    order = np.argsort(-score, kind="mergesort")  # as pycocotools breaks ties
    return Matches(score[order], image[order], right[:, order], wrong[:, order], true, precision)


def drawn_averages(matches: Matches, drawn: np.ndarray, at_50: bool) -> np.ndarray:
    """Average precision of every round of a bootstrap: float64 (rounds,), NaN where no true box was drawn.

    Args:
        matches: over N images.
        drawn: (rounds, N), how often each image was drawn.
        at_50: at an IoU of 0.5 instead of the mean over 0.5 to 0.95.
    """
    count = 1 if at_50 else len(IOUS)
    right, wrong = matches.right[:count], matches.wrong[:count]
    if not len(drawn):
        return np.zeros(0)
    different, back = np.unique(drawn, axis=0, return_inverse=True)  # few images are soon drawn alike
    values = np.full(len(different), np.nan)
    for number, weight in enumerate(different):
        boxes = float(weight @ matches.true)
        if boxes:
            each = weight[matches.image]
            values[number] = _averages((right * each).cumsum(1), (wrong * each).cumsum(1), boxes).mean()
    return values[back.reshape(-1)]


def _averages(right: np.ndarray, wrong: np.ndarray, boxes: float) -> np.ndarray:
    """101-point average precision at each IoU, from running sums (T, d)."""
    if not right.shape[1]:
        return np.zeros(len(right))
    precision = right / (right + wrong + np.spacing(1))
    highest = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]  # at this recall or a higher one
    padded = np.concatenate([highest, np.zeros((len(right), 1))], 1)
    recall = right / boxes
    reached = np.stack([np.searchsorted(row, RECALLS, side="left") for row in recall])
    return np.take_along_axis(padded, reached, 1).mean(1)


def counts_at(matches: Matches, threshold: float) -> np.ndarray:
    """Found, false and missed at an IoU of 0.5 in each image, with scores from `threshold` on: int64 (N, 3).

    A detection is matched after those with higher scores, so that leaving out lower ones moves no match.
    """
    kept = matches.score >= threshold
    images = len(matches.true)
    hit = np.bincount(matches.image[kept & matches.right[0]], minlength=images)
    false = np.bincount(matches.image[kept & matches.wrong[0]], minlength=images)
    return np.stack([hit, false, matches.true - hit], 1).astype(np.int64)


def precision_recall_f1(counts: np.ndarray) -> np.ndarray:
    """Of sums (..., 3) of found, false and missed: float64 (..., 3), NaN where there is nothing to judge."""
    hit, false, missed = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    pairs = ((hit, hit + false), (hit, hit + missed), (2 * hit, 2 * hit + false + missed))
    return np.stack(
        [np.divide(top, all_, out=np.full(np.shape(top), np.nan), where=all_ > 0) for top, all_ in pairs], -1
    )


def class_figures(
    images: Sequence[ImageObjects],
    label: int,
    threshold: float | None,
    groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """All figures of one class with 95 % intervals over images.

    Args:
        images: those in which it is known where the class is.
        label: number of the class.
        threshold: score from which a detection is an object; None = no figures at a threshold.
        groups: for each image what it shares with others, which are then drawn together; None = nothing.

    Returns:
        `images`, `with_boxes` (of them), `boxes` and `small` (those below 32 x 32 pixels), counts; the
        figures of `MEASURES`; and with a threshold `precision`, `recall` and `f1` at it, at an IoU of 0.5.
    """
    matches = match(images, label)
    order = list(dict.fromkeys(groups or [image.id for image in images]))
    drawn = draws(len(order))[:, [order.index(name) for name in groups or order]]
    found: dict[str, Any] = {
        "images": len(images),
        "with_boxes": int((matches["all"].true > 0).sum()),
        "boxes": int(matches["all"].true.sum()),
        "small": int(matches["small"].true.sum()),
    }
    for name, (area, at_50) in MEASURES.items():
        values = drawn_averages(matches[area], drawn, at_50)
        found[name] = figure(matches[area].average(at_50), values)
    if threshold is not None:
        counts = counts_at(matches["all"], threshold)
        whole, rounds = precision_recall_f1(counts.sum(0)), precision_recall_f1(drawn @ counts)
        found["threshold"] = float(threshold)
        for number, name in enumerate(("precision", "recall", "f1")):
            found[name] = figure(whole[number], rounds[:, number])
    return found
