"""What a bundle gives, in the words of the STAC Machine Learning Model extension.

Source: https://github.com/stac-extensions/mlm. The names of axes are single words there; what their values
are is told in the description.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .objects.spec import ObjectsSpec
from .scene_expert import SceneExpertSpec
from .spec import ClassSpec, ExpertSpec

FRAMEWORK = "PyTorch"
SCENE = "scene"
"""Name of the scene expert's output."""

_TASKS = {
    "classes": "semantic-segmentation",
    "probability": "semantic-segmentation",
    "density": "regression",
    "objects": "object-detection",
}
_OBJECT = "Of each query the logits of the classes, the box, the length and width, and the direction."


def outputs(
    experts: Sequence[ExpertSpec],
    tile_size: int,
    *,
    objects: ObjectsSpec | None = None,
    scene: SceneExpertSpec | None = None,
) -> list[dict[str, Any]]:
    """An entry of `mlm:output` for the scene expert and for each other one, in their order.

    Args:
        experts: of the bundle.
        tile_size: in pixels.
        objects: of the objects expert; None = how many queries it has is not known.
        scene: the scene expert, if there is one.
    """
    found = []
    if scene is not None:
        classes = [ClassSpec(value, name, None) for value, name in enumerate(scene.classes)]
        found.append(_entry(SCENE, "scene-classification", [-1, len(classes)], ["batch", "class"], classes))
    for expert in experts:
        if expert.kind == "objects":
            shape = [-1, -1, -1] if objects is None else [-1, objects.queries, expert.channels + 8]
            axes = ["batch", "query", "value"]
        else:
            shape = [-1, expert.channels, tile_size, tile_size]
            axes = ["batch", "class" if expert.kind == "classes" else "channel", "height", "width"]
        told = _entry(expert.name, _TASKS[expert.kind], shape, axes, expert.classes)
        found.append(told | ({"description": _OBJECT} if expert.kind == "objects" else {}))
    return found


def tasks(given: Sequence[Mapping[str, Any]]) -> list[str]:
    """All tasks of some outputs, each once."""
    return list(dict.fromkeys(task for one in given for task in one["tasks"]))


def updated(
    section: Mapping[str, Any], parameters: int, given: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A bundle's `mlm` section for other outputs and another number of parameters; the rest stays."""
    return {
        **section,
        "mlm:framework": FRAMEWORK,
        "mlm:tasks": tasks(given),
        "mlm:total_parameters": parameters,
        "mlm:output": list(given),
    }


def _entry(
    name: str, task: str, shape: list[int], axes: list[str], classes: Sequence[ClassSpec]
) -> dict[str, Any]:
    return {
        "name": name,
        "tasks": [task],
        "result": {"shape": shape, "dim_order": axes, "data_type": "float32"},
        "classification:classes": [{"value": c.value, "name": c.name} for c in classes],
    }
