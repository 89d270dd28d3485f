"""From a trained network to a bundle."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from .. import __version__, mlm
from ..bands import BAND_NAMES, BANDS, PAN_WEIGHTS
from ..bundle import BundleInfo, write_bundle
from ..networks.encoder import MAX_REFLECTANCE
from ..networks.hydranet import HydraNet
from ..networks.macs import count_macs
from ..scene_expert import SceneExpertSpec
from ..spec import ExpertSpec
from ..tasks import TASKS
from .pack import Sample
from .recipe import Recipe
from .switcher import Calibration

TILE_SIZE = 256


def sources_used(samples: list[Sample]) -> list[dict[str, Any]]:
    """Every training source with its tasks, label kinds, licence as stated, and number of scenes."""
    rows: dict[str, dict[str, Any]] = {}
    for sample in samples:
        row = rows.setdefault(
            sample.source, {"source": sample.source, "license": sample.license, "scenes": 0, "labels": {}}
        )
        row["scenes"] += 1
        row["labels"] |= sample.label_kind
    return [rows[name] for name in sorted(rows)]


def made_now() -> dict[str, str]:
    """Version and time of a bundle that is written now."""
    return {"version": __version__, "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}


def export_bundle(
    folder: Path,
    network: HydraNet,
    calibration: dict[str, Calibration],
    recipe: Recipe,
    samples: list[Sample],
    training: dict[str, Any],
) -> BundleInfo:
    """Fold the network and write it with its description; heads and scene expert go along.

    Args:
        folder: where the bundle goes.
        network: trained, folded or not.
        calibration: per expert, from `calibrate_all`.
        recipe: kept in the description.
        samples: what it was trained on, for the provenance.
        training: how it was trained, as told to users.
    """
    folded = network if network.deploy else network.folded()
    macs = count_macs(folded, TILE_SIZE)
    experts = [
        replace(_calibrated(task.expert, calibration[task.name], samples), heads=folded.heads[task.name])
        for task in TASKS
    ]
    scene = folded.scene_spec
    parameters = sum(value.numel() for value in folded.parameters())
    stamp = made_now()
    data = {
        "id": "hydranet-moe-8band",
        "version": stamp["version"],
        "title": "HydraNet mixture of experts for 8-band imagery",
        "description": "One shared encoder, a switcher that scores every task expert for each tile, "
        "and one decoder per task.",
        "license": "GPL-2.0-or-later (weights); training data under their own terms, see MODEL_CARD.md",
        "created": stamp["created"],
        "network": folded.config.as_dict(),
        "input": {
            "bands": [{"name": band.name, "wavelength_nm": band.wavelength_nm} for band in BANDS],
            "tile_size": TILE_SIZE,
            "quantity": "reflectance",
            "range": [0.0, MAX_REFLECTANCE],
            "scaling": "(sqrt(clip(reflectance)) - mean) / std, inside the network",
            "mean": [round(float(v), 6) for v in folded.encoder.mean],
            "std": [round(float(v), 6) for v in folded.encoder.std],
            "pan_from": PAN_WEIGHTS,
        },
        "experts": [expert.as_dict() for expert in experts],
        "scene": None if scene is None else scene.as_dict(),
        "objects": None,  # it is put beside the others by `training.objects.export`
        "macs": {"encoder": macs.encoder, "switcher": macs.switcher, "experts": macs.experts},
        "training": {
            **training,
            "recipe": recipe.as_dict(),
            "data": sources_used(samples),
            "calibration": {name: vars(row) for name, row in calibration.items()},
        },
        "metrics": {"split": None},
        "mlm": _mlm(experts, scene, parameters),
    }
    return write_bundle(folder, data, folded.state_dict())


def _calibrated(expert: ExpertSpec, fitted: Calibration, samples: list[Sample]) -> ExpertSpec:
    licenses = sorted({sample.license for sample in samples if expert.name in sample.labels})
    return replace(
        expert,
        temperature=round(fitted.temperature, 4),
        bias=round(fitted.bias, 4),
        threshold=fitted.threshold,
        license="training data: " + "; ".join(licenses),
    )


def _mlm(experts: list[ExpertSpec], scene: SceneExpertSpec | None, parameters: int) -> dict[str, Any]:
    """Fields of the STAC Machine Learning Model extension, so that catalogues can list the bundle."""
    section = {
        "mlm:name": "HydraNet MoE 8-band",
        "mlm:architecture": "RepVGG encoder, switcher, per-task decoders (mixture of experts)",
        "mlm:framework_version": torch.__version__.split("+")[0],
        "mlm:input": [
            {
                "name": "tile",
                "bands": list(BAND_NAMES),
                "input": {
                    "shape": [-1, 8, TILE_SIZE, TILE_SIZE],
                    "dim_order": ["batch", "band", "height", "width"],
                    "data_type": "float32",
                },
            }
        ],
    }
    return mlm.updated(section, parameters, mlm.outputs(experts, TILE_SIZE, scene=scene))
