"""What the objects expert of a bundle finds, misses and invents, and which experts of its own serve it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..model import Model
from ..objects.merge import MergedObjects
from ..objects.spec import ObjectsSpec
from ..training.objects.truth import CLASSES, SHIP, ObjectScene, load_objects
from .objects_ap import class_figures
from .objects_composed import SEED, composed_scenes, ground_of, length_figures
from .objects_pictures import draw_objects, outcome, worst
from .objects_routing import crowding, routing_figures
from .objects_scan import as_image, as_images, as_record, find_objects, scenes_of_class
from .objects_usage import usage_figures
from .tiles import Tiles

KEY = "objects"

Log = Callable[[str], None]


@dataclass(frozen=True)
class Search:
    """Scenes of a split and what was found in them, every tile decoded.

    Attributes:
        scenes: searched.
        found: by scene, whatever the network hands out.
    """

    scenes: list[ObjectScene] = field(default_factory=list)
    found: dict[str, MergedObjects] = field(default_factory=dict)

    def figures(
        self, classes: Sequence[str], thresholds: Sequence[float], groups: Callable[[ObjectScene], str]
    ) -> dict[str, Any]:
        """`class_figures` by class, of classes that are known anywhere; scenes of a group go together."""
        records = {scene: as_record(one) for scene, one in self.found.items()}
        result = {}
        for label, name in enumerate(classes):
            judged = sorted(scenes_of_class(self.scenes, label), key=lambda scene: scene.id)
            if judged:
                images = as_images(judged, records, label)
                names = [groups(scene) for scene in judged]
                result[name] = class_figures(images, label, thresholds[label], names)
        return result


def search(model: Model, scenes: Sequence[ObjectScene], log: Log) -> Search:
    """Look for objects in every tile of some scenes, as `find_objects` does."""
    name, size = _spec(model).expert, model.tile_size
    result = Search(list(scenes))
    for number, scene in enumerate(scenes, 1):
        result.found[scene.id] = find_objects(model, scene, name=name, size=size, overlap=size // 4)
        if number % 25 == 0:
            log(f"searched {number} of {len(scenes)} scenes for objects")
    return result


def _spec(model: Model) -> ObjectsSpec:
    if model.objects is None:
        raise ValueError("the model has no objects expert")
    return model.objects


def object_figures(
    model: Model, data: Path, split: str, log: Log, tiles: Tiles | None = None
) -> dict[str, Any]:
    """All figures of a model's objects expert.

    Args:
        model: has one.
        data: folder of the pack.
        split: that is evaluated; `val` is told beside it.
        log: hears of the progress.
        tiles: of that split's other scenes, to see how often the objects expert takes the place of another.

    Returns:
        `classes`, their names; `splits`: by split and class the figures of `class_figures`, intervals over
        images; `composed`: the same of ships on composed images of `split`, with `seed`, `grounds` (scenes
        that lent their water, over which the intervals go) and `length`, see `length_figures`; `usage`, see
        `usage_figures`; `router`, see `routing_figures`; `crowding`, see `crowding`.

    Raises:
        RequestError: `data` is no training pack.
    """
    spec = _spec(model)
    expert = next(one for one in model.experts if one.name == spec.expert)
    classes = [one.name for one in expert.classes]
    if tuple(classes) != CLASSES:
        raise ValueError(f"the objects expert has the classes {classes}; the pack's are {list(CLASSES)}")
    searches = {}
    for part in dict.fromkeys((split, "val")):
        searches[part] = search(model, load_objects(data, (part,)), log)
    chosen = searches[split]
    result: dict[str, Any] = {
        "classes": classes,
        "splits": {
            part: one.figures(classes, spec.thresholds, lambda scene: scene.id)
            for part, one in searches.items()
        },
        "usage": usage_figures(
            {name: above(one, spec.thresholds) for name, one in chosen.found.items()}, spec, classes
        ),
        "router": routing_figures(model, chosen.scenes, tiles),
    }
    composed = search(model, composed_scenes(data, split), log)
    if composed.scenes:
        figures = composed.figures(classes, spec.thresholds, ground_of)
        result["composed"] = {
            "seed": SEED,
            "grounds": len({ground_of(scene) for scene in composed.scenes}),
            classes[SHIP]: figures[classes[SHIP]],
            "length": length_figures(
                composed.scenes,
                [composed.found[scene.id] for scene in composed.scenes],
                spec.thresholds[SHIP],
            ),
        }
    if tiles is not None and tiles.objects is not None:
        result["crowding"] = crowding(tiles, model)
    return result


def above(found: MergedObjects, thresholds: Sequence[float]) -> MergedObjects:
    """The objects at the thresholds of their classes, as a user gets them."""
    keep = found.score >= np.array(thresholds)[found.label.astype(np.int64)]
    return found.pick(np.flatnonzero(keep))


def object_maps(model: Model, data: Path, split: str, folder: Path) -> list[dict[str, Any]]:
    """Maps of the scenes on which each class fares worst, drawn to `folder`/card; see `draw_objects`.

    Args:
        model: has an objects expert.
        data: folder of the pack.
        split: which scenes.
        folder: of the bundle.

    Raises:
        RequestError: `data` is no training pack.
    """
    searched = search(model, load_objects(data, (split,)), lambda _message: None)
    spec, chosen = _spec(model), []
    for label in range(len(CLASSES)):
        outcomes = []
        for scene in scenes_of_class(searched.scenes, label):
            image = as_image(scene, **as_record(searched.found[scene.id]))
            outcomes.append(outcome(scene, image, label, spec.thresholds[label]))
        chosen += worst(outcomes)
    return draw_objects(chosen, CLASSES, folder, spec.expert)
