"""Keep measured figures in the bundle they were measured on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..bundle import BundleInfo, check_weights, read_info, write_description


def record_metrics(folder: Path, metrics: dict[str, Any]) -> BundleInfo:
    """Replace the metrics in model.json; the weights and everything else stay as they are.

    Raises:
        BundleError: the bundle is not sound.
    """
    info = read_info(folder)
    check_weights(info)
    return write_description(folder, {**info.data, "metrics": without_nan(metrics)})


def record_comparison(folder: Path, key: str, found: Any) -> bool:
    """Put what a comparison found into model.json, under `key` of its training, and write the card anew.

    Args:
        folder: of the bundle.
        key: replaced if it is there.
        found: as JSON takes it.

    Returns:
        Whether there is a card: a bundle that was never evaluated has no figures for one yet.

    Raises:
        BundleError: the bundle is not sound.
    """
    info = read_info(folder)
    check_weights(info)
    info = write_description(folder, {**info.data, "training": {**info.data["training"], key: found}})
    return _write_card_again(info)


def record_ablation(folder: Path, found: dict[str, Any]) -> bool:
    """Put the comparison of ways to route the objects expert beside its figures, and write the card anew.

    Args:
        folder: of the bundle.
        found: of `objects_ablation.compare_objects`, as JSON takes it; replaces an older one.

    Returns:
        Whether there is a card, see `record_comparison`.

    Raises:
        BundleError: the bundle is not sound.
    """
    info = read_info(folder)
    check_weights(info)
    metrics = info.data["metrics"]
    objects = {**metrics.get("objects", {}), "ablation": found}
    return _write_card_again(
        write_description(folder, {**info.data, "metrics": {**metrics, "objects": objects}})
    )


def _write_card_again(info: BundleInfo) -> bool:
    from .card import write_card  # which reads figures of every kind

    if info.data["metrics"].get("split") is None:
        return False
    path = info.folder / "MODEL_CARD.md"
    part = path.with_suffix(".part")
    part.write_text(write_card(info, info.data["metrics"]), encoding="utf-8")
    part.replace(path)
    return True


def without_nan(value: Any) -> Any:
    """NaN is no JSON; a figure that could not be computed is null."""
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    if isinstance(value, dict):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_nan(part) for part in value]
    return value
