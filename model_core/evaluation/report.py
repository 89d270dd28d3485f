"""Everything `hydranet evaluate` measures, in one dictionary: what the model card is written from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..bundle import BundleInfo
from ..networks.inference import NetworkModel
from ..training.controls import read_controls
from ..training.held_out import held_out
from ..training.pack import load_chips
from .card import write_card
from .controls import control_figures
from .evaluate import HEADLINE, evaluate_experts, evaluate_router
from .outside import keep_outside, weights_before_objects, weights_digest
from .pictures import failure_maps
from .record import record_metrics, without_nan
from .regret import compare_routing
from .reliability import draw_reliability
from .risk import RiskCounts
from .risk_picture import draw_risk
from .scene import scene_figures
from .subset import sample_figures, subset_figures
from .tiles import pixel_experts, scan_tiles

CARD_FILE = "MODEL_CARD.md"
PICTURES = "card"

Log = Callable[[str], None]


def measure(model: NetworkModel, data: Path, split: str, log: Log) -> dict[str, Any]:
    """All figures of a bundle on a split of the pack.

    Everything comes from the bundle and the pack alone: the controls lie in the bundle. What another
    command measured with the same weights (`hydranet compare`) is kept.

    Args:
        model: the bundle, loaded.
        data: folder of the pack.
        split: which scenes.
        log: hears of the progress.

    Raises:
        RequestError: no pack in `data`.
        BundleError: the bundle's controls are damaged.
    """
    names = {expert.name for expert in model.experts}
    scenes = held_out(data, split)
    if "fire" not in names:
        scenes = [sample for sample in scenes if "fire" not in sample.labels]
    log(f"{len(scenes)} scenes of split {split}")
    chips = load_chips(data, (split,))
    tiles = scan_tiles(model, scenes + chips, log)
    risk = RiskCounts()
    experts = pixel_experts(model)
    metrics: dict[str, Any] = {
        "split": split,
        "precision": model.precision,
        "router": evaluate_router(model, [], tiles),
        "controls": control_figures(tiles, experts, read_controls(model.info)),
        "regret": {
            "free": compare_routing(tiles, experts, model.macs),
            "limited": compare_routing(tiles, experts, model.macs, limits=True),
        },
        "experts": evaluate_experts(model, scenes, log, risk),
    }
    metrics["risk"] = risk.figures(HEADLINE)
    if "fire" in names:
        from .fire import evaluate_fire

        metrics["fire"] = evaluate_fire(model, data, scenes, log)
    if model.scene is not None:
        metrics["scene"] = scene_figures(model, data, split, log)
    if model.objects is not None:
        from .objects import object_figures

        metrics["objects"] = object_figures(model, data, split, log, tiles) | _kept_ablation(model)
    metrics["subset"] = subset_figures(model, scenes + chips)
    metrics["sample"] = sample_figures(model)
    info = model.info
    return metrics | keep_outside(info.data["metrics"], weights_digest(info), weights_before_objects(info))


def _kept_ablation(model: NetworkModel) -> dict[str, Any]:
    """The comparison of ways to route the objects expert, which is of networks beside the bundle's own."""
    found = model.info.data["metrics"].get("objects", {}).get("ablation")
    return {} if found is None else {"ablation": found}


def write_bundle_card(folder: Path, model: NetworkModel, metrics: dict[str, Any], data: Path) -> BundleInfo:
    """Record the figures in the bundle and write its card with the pictures.

    Args:
        folder: the bundle.
        model: it, loaded.
        metrics: of `measure`.
        data: folder of the pack, for the maps of where experts fail.

    Raises:
        BundleError: the bundle is not sound.
    """
    pictures = folder / PICTURES
    draw_reliability(without_nan(metrics["router"]), pictures / "reliability.png")
    shown: dict[str, Any] = {"reliability_picture": f"{PICTURES}/reliability.png"}
    if metrics["risk"]:
        draw_risk(without_nan(metrics["risk"]), model.experts, pictures / "risk_coverage.png")
        shown["risk_picture"] = f"{PICTURES}/risk_coverage.png"
    shown["pictures"] = failure_maps(model, held_out(data, metrics["split"]), folder)
    if model.objects is not None:
        from .objects import object_maps

        shown["pictures"][model.objects.expert] = object_maps(model, data, metrics["split"], folder)
    info = record_metrics(folder, {**metrics, **shown})
    (folder / CARD_FILE).write_text(write_card(info, info.data["metrics"]), encoding="utf-8")
    return info
