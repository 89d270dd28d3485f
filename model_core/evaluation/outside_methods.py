"""Outside methods to compare the experts with: rules with published formulae, and their thresholds.

A rule is used twice where a threshold is published: with that one, and with the one that scores best on
split `val`. The second is the fairer one, as the experts were fitted to this pack too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..bands import BAND_NAMES
from ..tasks import UNKNOWN
from ..training.pack import Sample
from . import metrics
from .evaluate import HEADLINE
from .outside_indices import bai, haze, ndvi, ndwi, whiteness

PIXELS = 400_000
"""Labelled pixels of split `val` that thresholds are chosen on at most: every n-th one of all."""

Bands = Mapping[str, np.ndarray]
Thresholds = Mapping[str, float]


@dataclass(frozen=True)
class Scale:
    """What an expert is scored on beside a rule, where the rule tells fewer classes than the expert.

    Attributes:
        metric: name of the figure.
        score: the figure from a confusion table.
        merge: uint8 (256,), from label or class to the class scored; 255 is left out.
        classes: number of classes scored.
    """

    metric: str
    score: Callable[[np.ndarray], float]
    merge: np.ndarray
    classes: int

    def table(self, label: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Confusion counts (classes, classes) of two uint8 maps of the same pixels."""
        return metrics.confusion(self.merge[label], self.merge[predicted], self.classes)


@dataclass(frozen=True)
class Rule:
    """A method that asks nothing of a pixel but its bands.

    Attributes:
        method: name for people.
        reference: where it was published.
        expert: the expert it stands beside.
        bands: those it needs, as calibrated reflectance.
        predict: from bands (float32 (H, W), reflectance) and thresholds to the expert's classes, uint8.
        published: thresholds as published, None where the publication gives none.
        tried: the values tried on split `val`, by threshold.
        note: what one has to know to read the figure.
    """

    method: str
    reference: str
    expert: str
    bands: tuple[str, ...]
    predict: Callable[[Bands, Thresholds], np.ndarray]
    published: Thresholds | None
    tried: Mapping[str, tuple[float, ...]]
    note: str = ""


def scale_of(expert: str) -> Scale:
    """How an expert and the methods beside it are scored: by the expert's own figure where they can be."""
    merge = np.full(256, UNKNOWN, np.uint8)
    if expert == "landcover":
        merge[[0, 1, 2, 6, 3, 4]] = [0, 1, 1, 1, 2, 2]
        return Scale("mIoU water, vegetation, bare or built-up", metrics.mean_iou, merge, 3)
    title, score = HEADLINE[expert]
    classes = 4 if expert == "clouds" else 2
    merge[:classes] = range(classes)
    return Scale(title, score, merge, classes)


def reason_against(sample: Sample, bands: tuple[str, ...]) -> str | None:
    """Why a method that needs these bands as calibrated reflectance cannot read a scene; None if it can."""
    if sample.radiometry == "display":
        return "display-stretched RGB is no reflectance"
    missing = [name for name in bands if not sample.available[BAND_NAMES.index(name)]]
    return f"no band {', '.join(missing)}" if missing else None


def reflectance(sample: Sample, bands: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named bands of a scene, float32 (H, W), reflectance of 0 to 1 and above."""
    return {name: sample.bands[BAND_NAMES.index(name)] * np.float32(1e-4) for name in bands}


def best_thresholds(rule: Rule, samples: list[Sample]) -> dict[str, float] | None:
    """The thresholds among those tried that score best on these scenes, all pixels together.

    Returns:
        None where no scene has both the labels and the bands, or a class of several is never labelled.
        Of equals the first one tried.
    """
    scale = scale_of(rule.expert)
    kept = []
    for sample in samples:
        if rule.expert in sample.labels and reason_against(sample, rule.bands) is None:
            label = known_labels(sample, rule.expert)
            scored = scale.merge[label] != UNKNOWN
            if scored.any():
                values = reflectance(sample, rule.bands)
                kept.append((label[scored], {name: band[scored] for name, band in values.items()}))
    if not kept:
        return None
    every = -(-sum(len(part) for part, _ in kept) // PIXELS)
    label = np.concatenate([part for part, _ in kept])[::every]
    bands = {name: np.concatenate([part[name] for _, part in kept])[::every] for name in rule.bands}
    if scale.score is metrics.mean_iou and len(np.unique(scale.merge[label])) < scale.classes:
        return None  # a mean over classes says nothing about a threshold for a class that never occurs
    best, found = -1.0, None
    for values in product(*rule.tried.values()):
        thresholds = dict(zip(rule.tried, values, strict=True))
        score = scale.score(scale.table(label, rule.predict(bands, thresholds)))
        if score > best:  # False for NaN
            best, found = score, thresholds
    return found


def known_labels(sample: Sample, expert: str) -> np.ndarray:
    """The labels of a scene, uint8 (H, W), 255 wherever there is no image either."""
    return np.where(sample.valid, sample.labels[expert], UNKNOWN).astype(np.uint8)


def _water(bands: Bands, limit: Thresholds) -> np.ndarray:
    return (ndwi(bands["green"], bands["nir"]) > limit["NDWI"]).astype(np.uint8)


def _landcover(bands: Bands, limit: Thresholds) -> np.ndarray:
    green = np.where(ndvi(bands["red"], bands["nir"]) > limit["NDVI"], 2, 3)
    return np.where(ndwi(bands["green"], bands["nir"]) > limit["NDWI"], 0, green).astype(np.uint8)


def _burned(bands: Bands, limit: Thresholds) -> np.ndarray:
    return (bai(bands["red"], bands["nir"]) > limit["BAI"]).astype(np.uint8)


def _damaged(bands: Bands, limit: Thresholds) -> np.ndarray:
    return (ndvi(bands["red"], bands["nir"]) < limit["NDVI"]).astype(np.uint8)


def _clouds(bands: Bands, limit: Thresholds) -> np.ndarray:
    blue, green, red = bands["blue"], bands["green"], bands["red"]
    cloud = (haze(blue, red) > limit["HOT"]) & (whiteness(blue, green, red) < limit["whiteness"])
    # Fmask's basic test also asks for NDVI below 0.8; its NDSI and temperature tests need bands not here.
    return np.where(cloud & (ndvi(red, bands["nir"]) < 0.8), 2, 0).astype(np.uint8)


def _steps(start: float, stop: float, step: float) -> tuple[float, ...]:
    return tuple(float(value) for value in np.round(np.arange(start, stop + step / 2, step), 4))


RULES: tuple[Rule, ...] = (
    Rule(
        "whiteness and HOT tests of Fmask",
        "Zhu and Woodcock 2012, eq. 2 and 3",
        "clouds",
        ("blue", "green", "red", "nir"),
        _clouds,
        {"HOT": 0.08, "whiteness": 0.7},
        {"HOT": _steps(0.02, 0.30, 0.02), "whiteness": _steps(0.3, 0.9, 0.2)},
        "the tests that visible and near infrared bands allow; made for top-of-atmosphere reflectance",
    ),
    Rule(
        "NDWI",
        "McFeeters 1996",
        "water",
        ("green", "nir"),
        _water,
        {"NDWI": 0.0},
        {"NDWI": _steps(-0.6, 0.6, 0.02)},
    ),
    Rule(
        "BAI",
        "Chuvieco, Martin and Palacios 2002",
        "burned",
        ("red", "nir"),
        _burned,
        None,
        {"BAI": tuple(float(value) for value in np.round(np.geomspace(5, 2000, 80), 1))},
        "the publication gives no threshold; a fall of NDVI would need a second date",
    ),
    Rule(
        "NDWI, then NDVI",
        "McFeeters 1996; Sobrino et al. 2004",
        "landcover",
        ("green", "red", "nir"),
        _landcover,
        {"NDWI": 0.0, "NDVI": 0.2},
        {"NDWI": _steps(-0.3, 0.4, 0.05), "NDVI": _steps(-0.1, 0.8, 0.05)},
        "no index tells trees from low vegetation, nor bare from built-up: merged for both; thresholds are "
        "chosen only on a split with all three classes in reflectance",
    ),
    Rule(
        "NDVI",
        "Rouse et al. 1974",
        "forest_damage",
        ("red", "nir"),
        _damaged,
        None,
        {"NDVI": _steps(0.0, 0.95, 0.01)},
        "no absolute threshold for damage is published",
    ),
)


@dataclass(frozen=True)
class Unusable:
    """A method that the pack's bands rule out, and what it would need."""

    method: str
    reference: str
    expert: str
    needs: str


UNUSABLE: tuple[Unusable, ...] = (
    Unusable(
        "s2cloudless",
        "Zupanc 2017",
        "clouds",
        "ten Sentinel-2 bands (B01, B02, B04, B05, B08, B8A, B09, B10, B11, B12)",
    ),
    Unusable("NBR", "Key and Benson 2006", "burned", "shortwave infrared (B12)"),
    Unusable(
        "BAIS2", "Filipponi 2018", "burned", "shortwave infrared beside red edge bands (B06, B07, B8A, B12)"
    ),
    Unusable("MNDWI", "Xu 2006", "water", "shortwave infrared (B11)"),
)
