"""Score every expert on the scenes that have its labels, and the router on the split's tiles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation

from ..model import Model
from ..tasks import TASK_NAMES, UNKNOWN
from ..training.pack import Sample
from . import metrics
from .policies import compare_policies
from .risk import RiskCounts
from .router import router_figures
from .segment import file_bands, segment
from .tiles import Tiles, pixel_experts, scan_tiles, tile_table

ROAD_TOLERANCE = 3
"""Pixels by which a road may be displaced and still count as found (buffered precision and recall)."""

Score = Callable[[np.ndarray], float]


def _cloud_f1(counts: np.ndarray) -> float:
    return metrics.f1(counts, (1, 2))


def _fire_iou(counts: np.ndarray) -> float:
    values = [metrics.iou(counts, value) for value in (1, 2)]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


HEADLINE: dict[str, tuple[str, Score]] = {
    "clouds": ("F1 cloud (thin or thick)", _cloud_f1),
    "water": ("IoU water", metrics.iou),
    "burned": ("IoU burned", metrics.iou),
    "roads": ("F1 road", metrics.f1),
    "landcover": ("mIoU, vegetation merged", metrics.mean_iou),
    "forest_damage": ("F1 damaged forest", metrics.f1),
    "buildings": ("IoU building", metrics.iou),
    "fire": ("mIoU smoke and flame", _fire_iou),
}
"""The one figure that stands for each expert."""


def evaluate_experts(
    model: Model, samples: list[Sample], log: Callable[[str], None], risk: RiskCounts | None = None
) -> dict[str, Any]:
    """Per expert: the headline metric with its 95 % interval, over all scenes, by source, by label kind.

    Args:
        model: every tile is decoded, so routing plays no part.
        samples: of one split.
        log: hears of the progress.
        risk: takes in the uncertainty of the same decoding, if given.
    """
    counts: dict[str, list[tuple[Sample, np.ndarray]]] = defaultdict(list)
    tolerant: list[np.ndarray] = []
    names = [expert.name for expert in model.experts if expert.name in TASK_NAMES and expert.name in HEADLINE]
    specs = {expert.name: expert for expert in model.experts}
    for number, sample in enumerate(sorted(samples, key=lambda s: s.id)):
        wanted = [name for name in names if name in sample.labels]
        if not wanted:
            continue
        bands = {} if risk is None else file_bands(model, sample, wanted)
        decoded = {name: part[0] for name, part in bands.items()} or segment(model, sample, wanted)
        for name, predicted in decoded.items():
            label = np.where(sample.valid, sample.labels[name], UNKNOWN)
            table = tile_table(name, label, predicted, specs[name].channels)
            if table.sum():
                counts[name].append((sample, table))
            if risk is not None:
                risk.add(specs[name], sample, label, bands[name])
            if name == "roads":
                tolerant.append(_buffered(label, predicted))
        if number % 50 == 0:
            log(f"evaluated {number} scenes")
    result = {}
    for name, rows in counts.items():
        title, score = HEADLINE[name]
        result[name] = {
            "metric": title,
            **_entry([table for _, table in rows], score),
            "regions": len({sample.region for sample, _ in rows}),
            "by_source": _by_source(name, rows, score),
            "by_label_kind": _grouped(
                rows, score, lambda sample, n=name: sample.label_kind.get(n, "unknown")
            ),
            "confusion": sum(table for _, table in rows).tolist(),
        }
        if specs[name].simulated:
            result[name]["simulated"] = True
    if tolerant:
        low, high = metrics.bootstrap(tolerant, _buffered_f1)
        result["roads"]["tolerant"] = {
            "metric": f"F1 road within {ROAD_TOLERANCE} px",
            "value": _buffered_f1(sum(tolerant)),
            "low": low,
            "high": high,
        }
    return result


def _entry(tables: list[np.ndarray], score: Score) -> dict[str, Any]:
    low, high = metrics.bootstrap(tables, score)
    total = sum(tables)
    return {
        "value": score(total),
        "low": low,
        "high": high,
        "scenes": len(tables),
        "pixels": int(total.sum()),
    }


def _grouped(
    rows: list[tuple[Sample, np.ndarray]], score: Score, key: Callable[[Sample], str]
) -> dict[str, Any]:
    groups = defaultdict(list)
    for sample, table in rows:
        groups[key(sample)].append(table)
    return {name: _entry(tables, score) for name, tables in sorted(groups.items())}


def _by_source(name: str, rows: list[tuple[Sample, np.ndarray]], score: Score) -> dict[str, Any]:
    groups = _grouped(rows, score, lambda sample: sample.source)
    for source, entry in groups.items():
        entry["regions"] = len({s.region for s, _ in rows if s.source == source})
        entry["label_kinds"] = sorted(
            {s.label_kind.get(name, "unknown") for s, _ in rows if s.source == source}
        )
    return groups


def _buffered(label: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(predicted near a label, predicted, label near a prediction, label) in pixels."""
    known = label != UNKNOWN
    truth, found = (label == 1) & known, (predicted == 1) & known
    disk = np.hypot(*np.ogrid[-ROAD_TOLERANCE : ROAD_TOLERANCE + 1, -ROAD_TOLERANCE : ROAD_TOLERANCE + 1])
    disk = disk <= ROAD_TOLERANCE
    near_truth, near_found = binary_dilation(truth, disk), binary_dilation(found, disk)
    return np.array(
        [(found & near_truth).sum(), found.sum(), (truth & near_found).sum(), truth.sum()], np.int64
    )


def _buffered_f1(row: np.ndarray) -> float:
    precision, recall = row[0] / max(1, row[1]), row[2] / max(1, row[3])
    return float(2 * precision * recall / max(1e-9, precision + recall))


def evaluate_router(model: Model, samples: list[Sample], tiles: Tiles | None = None) -> dict[str, Any]:
    """The router on the split's tiles, unknown targets left out: F1, recall@k, calibration, policies.

    `tiles` spares the scan of the samples where it was done already.
    """
    tiles = scan_tiles(model, samples) if tiles is None else tiles
    experts = pixel_experts(model)
    return {
        **router_figures(tiles, experts),
        "policies": compare_policies(tiles.score, tiles.target, experts),
    }
