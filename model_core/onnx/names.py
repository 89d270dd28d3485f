"""Names of the files of an export and of what goes in and comes out; nothing here needs a library."""

from __future__ import annotations

from ..objects.spec import ObjectsSpec
from ..spec import ExpertSpec

FORMAT = "hydranet-onnx/1"
MANIFEST = "manifest.json"
ENCODER = "encoder_switcher.onnx"
SCENE = "scene.onnx"
SCENE_CHOICE = "scene"
"""What the user calls the scene expert among the experts."""

INPUTS = ("reflectance", "available", "valid")
LEVELS = tuple(f"level_{number}" for number in range(1, 6))
FEATURES = (*LEVELS, "coverage")


def expert_file(name: str) -> str:
    """File of an expert."""
    return f"expert_{name}.onnx"


def value_name(expert: ExpertSpec) -> str:
    """What the first output of an expert that decodes pixels is called."""
    return "values" if expert.kind == "density" else "probabilities"


def pixel_outputs(expert: ExpertSpec) -> tuple[str, ...]:
    """Outputs of an expert that decodes pixels."""
    return (value_name(expert), "expected_entropy")[: 1 + (expert.heads > 1)]


def object_outputs(spec: ObjectsSpec) -> tuple[str, ...]:
    """Outputs of the objects expert."""
    routed = ("experts", "weights") if spec.routing in ("full", "instance", "scene") else ()
    grouped = ("groups",) if spec.routing in ("full", "scene") else ()
    return ("boxes", "scores", "labels", "rectangles", *routed, *grouped)
