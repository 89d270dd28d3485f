"""What validation, calibration and test look at: a split's scenes, and its fires.

No label of the pack says where a fire is, so the fire expert is measured on the split's own scenes set on
fire by `fire.ignite`, the same each time. Such a scene is a second sample beside the real one: it carries
the labels of the fire and no others, so that nothing real is counted twice.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .fire_scenes import FIRE_SOURCES, ignited
from .pack import Sample, load_chips, load_pack

SUFFIX = "+fire"
"""What a scene's id ends with after it was set on fire."""


def fires(samples: list[Sample]) -> list[Sample]:
    """The scenes that can be set on fire, burning; label kind `simulated`, labels of the fire alone."""
    return [
        replace(ignited(sample), id=f"{sample.id}{SUFFIX}")
        for sample in samples
        if sample.source in FIRE_SOURCES
    ]


def held_out(data: Path, split: str, *, chips: bool = False) -> list[Sample]:
    """Scenes of a split with their fires, and its EuroSAT chips if asked for.

    Raises:
        RequestError: no pack in `data`.
    """
    scenes = load_pack(data, (split,))
    return scenes + fires(scenes) + (load_chips(data, (split,)) if chips else [])
