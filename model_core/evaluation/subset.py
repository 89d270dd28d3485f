"""Figures on a few scenes, quick enough to be computed again by a test that compares them with the card."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from ..model import Model
from ..predict import predict
from ..request import PredictRequest
from ..resources import resource
from ..training.held_out import SUFFIX
from ..training.pack import Sample
from .evaluate import evaluate_experts, evaluate_router

SCENES = 3
SAMPLE_SCENES = ("coast_10m.tif", "lough_60m.tif")


def choose_subset(samples: list[Sample]) -> list[Sample]:
    """The first scenes by id of each source, and the fires of those."""
    groups = defaultdict(list)
    for sample in sorted(samples, key=lambda s: s.id):
        groups[sample.source, sample.id.endswith(SUFFIX)].append(sample)
    return [sample for key in sorted(groups) for sample in groups[key][:SCENES]]


def subset_figures(model: Model, samples: list[Sample]) -> dict[str, Any]:
    """Every expert's headline figure and the router's, on `choose_subset` of a split's samples."""
    chosen = choose_subset(samples)
    experts = evaluate_experts(model, chosen, lambda _message: None)
    router = evaluate_router(model, chosen)
    return {
        "scenes": len(chosen),
        "experts": {
            name: {key: entry[key] for key in ("value", "scenes", "pixels")}
            for name, entry in experts.items()
        },
        "router": {
            **{key: router[key] for key in ("tiles", "micro_f1", "macro_f1", "recall_at", "ece")},
            "recall": {name: row["recall"] for name, row in router["experts"].items()},
        },
    }


def sample_figures(model: Model) -> dict[str, Any]:
    """What `predict` makes of the bundled sample scenes by default: needs no pack.

    Returns:
        For each scene and expert the number of tiles sent to it and, where it wrote a raster, the share of
        its pixels in each class; of an objects expert the number of objects of each class.
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SAMPLE_SCENES:
            output = Path(folder) / Path(name).stem
            request = PredictRequest(
                str(resource("sample", name)), str(output), device="cpu", precision="fp32"
            )
            summary = predict(request, load_model=lambda _path, **_options: model)
            found[name] = scene_shares(output, summary)
    return found


def scene_shares(run: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """Tiles and class shares of every expert of a finished run; see `sample_figures`."""
    experts = {}
    for expert in summary["experts"]:
        row: dict[str, Any] = {"tiles": expert["tiles"]}
        if expert.get("kind") == "objects":
            row["objects"] = expert["objects"]["by_class"]
        elif expert["output"] and expert["tiles"]:
            with rasterio.open(run / expert["output"]) as raster:
                values = raster.read(1)
                values = values[values != raster.nodata]
            if len(values):
                classes, counts = np.unique(values, return_counts=True)
                row["shares"] = {
                    str(int(value)): round(float(count / len(values)), 6)
                    for value, count in zip(classes, counts, strict=True)
                }
        experts[expert["name"]] = row
    return experts
