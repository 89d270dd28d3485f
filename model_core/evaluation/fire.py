"""The fire expert, learnt from simulated fires, on real scenes: under smoke, and without fire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..model import Model
from ..training.fire import FLAME, SMOKE
from ..training.fire_scenes import FIRE, fire_free, load_smoke
from ..training.layout import natural_tiles
from ..training.pack import Sample
from ..training.recall import score_tiles
from .segment import segment

CLOUDS = (1, 2)
"""Label values of cloud, thin and thick."""

FOUND = 0.1
"""Share of a smoke-veiled scene that must be called smoke for its smoke to count as found. The whole scene
lies under a veil, so this is a low bar."""


def evaluate_fire(
    model: Model, root: Path, samples: Sequence[Sample], log: Callable[[str], None]
) -> dict[str, Any]:
    """What the fire expert and its router say about real scenes.

    Args:
        model: with an expert `fire`, or nothing is evaluated.
        root: folder of the pack, for its scenes under smoke.
        samples: scenes of a split. Those already set on fire, those of places not known to be free of fire,
            and those of a pixel size the expert is not made for are left out.
        log: takes a line of progress.

    Returns:
        {} without a fire expert, else shares of valid pixels and router scores, ready for JSON:
        `smoke` per real scene under smoke; `fire_free` per source, where all of it is a false alarm;
        `clouds`, the same on pixels labelled cloud; `summary`.
    """
    expert = next((expert for expert in model.experts if expert.name == FIRE), None)
    if expert is None:
        return {}
    low, high = expert.valid_gsd_m or (0.0, np.inf)
    by_source: dict[str, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda s: s.id):
        fits = sample.gsd_m is not None and low <= sample.gsd_m <= high
        if fire_free(sample.source) and FIRE not in sample.labels and fits:
            by_source[sample.source].append(sample)
    smoke = []
    for sample in load_smoke(root):
        counts = _count(segment(model, sample, [FIRE])[FIRE], sample.valid)
        smoke.append({"id": sample.id, **_shares(counts), **_router(model, [sample], expert.threshold)})
    log(f"{len(smoke)} real scenes under smoke evaluated")
    clean, cloudy, cloud_scenes = {}, np.zeros(3, np.int64), 0
    for source, scenes in sorted(by_source.items()):
        counts = np.zeros(3, np.int64)
        for sample in scenes:
            classes = segment(model, sample, [FIRE])[FIRE]
            counts += _count(classes, sample.valid)
            if "clouds" in sample.labels:
                on_cloud = _count(classes, sample.valid & np.isin(sample.labels["clouds"], CLOUDS))
                cloudy += on_cloud
                cloud_scenes += int(on_cloud[0] > 0)
        clean[source] = {
            "scenes": len(scenes),
            **_shares(counts),
            **_router(model, scenes, expert.threshold),
        }
        log(f"{len(scenes)} scenes of {source} without fire evaluated")
    tiles = sum(row["tiles"] for row in clean.values())
    return {
        "smoke": smoke,
        "fire_free": clean,
        "clouds": {"scenes": cloud_scenes, **_shares(cloudy)},
        "summary": {
            "threshold": float(expert.threshold),
            "smoke_scenes": len(smoke),
            "smoke_scenes_routed": sum(row["above"] > 0 for row in smoke),
            "smoke_scenes_found": sum(row["smoke"] >= FOUND for row in smoke),
            "found_from_share": FOUND,
            "fire_free_tiles": tiles,
            "fire_free_tiles_routed": round(sum(row["above"] * row["tiles"] for row in clean.values())),
        },
    }


def _count(classes: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Pixels in all, called smoke, called flame: int64 (3,)."""
    seen = classes[where]
    return np.array([seen.size, np.count_nonzero(seen == SMOKE), np.count_nonzero(seen == FLAME)], np.int64)


def _shares(counts: np.ndarray) -> dict[str, Any]:
    pixels = int(counts[0])
    smoke, flame = (float(part) / max(pixels, 1) for part in counts[1:])
    return {"pixels": pixels, "smoke": round(smoke, 6), "flame": round(flame, 6)}


def _router(model: Model, samples: Sequence[Sample], threshold: float) -> dict[str, Any]:
    """The router's score for fire on the samples' tiles: number, mean, largest, share above the threshold."""
    column = [expert.name for expert in model.experts].index(FIRE)
    score = score_tiles(model, natural_tiles(list(samples), model.tile_size)).score[:, column]
    if not len(score):
        return {"tiles": 0, "score_mean": 0.0, "score_max": 0.0, "above": 0.0}
    return {
        "tiles": len(score),
        "score_mean": round(float(score.mean()), 6),
        "score_max": round(float(score.max()), 6),
        "above": round(float((score >= np.float32(threshold)).mean()), 6),
    }
