"""How good an objects expert is while it is not in a bundle yet: by whole scenes, as the product searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ...evaluation.objects_ap import Matches, match, precision_recall_f1
from ...evaluation.objects_scan import Predictions, as_images, predictions
from ...networks.inference import EncodedTiles, NetworkModel
from ...networks.objects.detect import detections
from ...networks.objects.detector import ObjectsExpert
from ...objects.detections import Detections
from .truth import CLASSES, ObjectScene


class Finder:
    """An objects expert behind the two methods that searching needs, see `evaluation.objects_scan.Finder`.

    Args:
        module: in evaluation mode.
        model: has the encoder.
    """

    def __init__(self, module: ObjectsExpert, model: NetworkModel) -> None:
        self.module, self.model = module, model

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> EncodedTiles:
        """As `model.Model.encode`."""
        return self.model.encode(reflectance, available, valid)

    def detect(self, name: str, picks: Sequence[tuple[Any, Sequence[int]]]) -> list[Detections]:
        """As `model.Model.detect`; `name` is that of the only expert."""
        found = []
        with torch.inference_mode():
            for features, index in picks:
                for part in features.pick(index, "cpu"):
                    for number in range(len(part.coverage)):
                        output = self.module(part.one(number))
                        found += detections(output, self.model.tile_size)
        return found


def average_precision(
    module: ObjectsExpert, model: NetworkModel, scenes: Sequence[ObjectScene]
) -> dict[str, float]:
    """Mean AP50 over the classes, then AP50 and AP of each; classes without a box are left out."""
    found = predictions(Finder(module, model), scenes)
    figures: dict[str, float] = {}
    for label, name in enumerate(CLASSES):
        matches = match(as_images(scenes, found, label), label)["all"]
        if matches.true.sum():
            figures |= {f"{name} AP50": matches.average(True), f"{name} AP": matches.average(False)}
    firsts = [value for name, value in figures.items() if name.endswith("AP50")]
    return {"AP50": float(np.mean(firsts)) if firsts else float("nan"), **figures}


def best_thresholds(found: Predictions, scenes: Sequence[ObjectScene]) -> tuple[float, ...]:
    """For each class the score from which F1 at an IoU of 0.5 is the highest, rounded down to 0.001.

    Args:
        found: everything in the scenes.
        scenes: with their truth; not those that anything is reported on.
    """
    thresholds = []
    for label in range(len(CLASSES)):
        matches = match(as_images(scenes, found, label), label)["all"]
        thresholds.append(_best_threshold(matches))
    return tuple(thresholds)


def _best_threshold(matches: Matches) -> float:
    """0.5 where there is nothing to choose by."""
    hit, false = matches.right[0].cumsum(), matches.wrong[0].cumsum()
    if not len(hit) or not hit[-1]:
        return 0.5
    missed = matches.true.sum() - hit
    f1 = precision_recall_f1(np.stack([hit, false, missed], 1))[:, 2]
    return float(np.floor(matches.score[int(np.argmax(f1))] * 1000) / 1000)
