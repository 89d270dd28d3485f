"""Which groups and experts serve the objects of the validation scenes, as a table and a figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("class", "layer", "kind", "number", "share")


def write_usage(folder: Path, usage: Mapping[str, Any]) -> list[Path]:
    """Write `usage.csv` and `usage.png`: for each layer the share of every group and expert.

    A group's share is that of the objects for which it was a candidate, so that groups sum to as many as are
    taken; experts' shares are of the weight and sum to 1.

    Args:
        folder: made if missing.
        usage: of `evaluation.objects_usage.usage_figures`.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"all": (usage["objects"], _stacked(usage["layers"]))}
    for name, own in usage["classes"].items():
        parts[name] = own["objects"], {kind: np.array(own[kind]) for kind in ("groups", "experts")}
    table, picture = folder / "usage.csv", folder / "usage.png"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, (_, shares) in parts.items():
            for kind, values in shares.items():
                for (layer, number), share in np.ndenumerate(values):
                    writer.writerow((name, layer + 1, kind[:-1], number + 1, f"{share:.4f}"))
    _draw(picture, parts)
    return [table, picture]


def _stacked(layers: list[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    return {kind: np.array([layer[kind] for layer in layers]) for kind in ("groups", "experts")}


def _draw(path: Path, parts: Mapping[str, tuple[int, Mapping[str, np.ndarray]]]) -> None:
    """A row for every class, groups on the left and experts on the right; each layer a line of cells."""
    from matplotlib.figure import Figure

    first = next(iter(parts.values()))[1]
    groups, experts = (max(first[kind].shape[1], 1) for kind in ("groups", "experts"))
    layers = first["experts"].shape[0]
    figure = Figure(
        figsize=(2 + 0.45 * (groups + experts), 0.9 + len(parts) * (0.7 + 0.4 * layers)),
        layout="constrained",
    )
    axes = figure.subplots(len(parts), 2, width_ratios=[groups, experts], squeeze=False)
    for row, (name, (count, shares)) in zip(axes, parts.items(), strict=True):
        for axis, kind in zip(row, ("groups", "experts"), strict=True):
            values = shares[kind]
            if not values.size:
                axis.set_axis_off()
                continue
            top = 1.0 if kind == "groups" else max(0.25, float(values.max()))
            axis.imshow(values, cmap="Blues", vmin=0, vmax=top, aspect="auto")
            axis.set_xticks(range(values.shape[1]), range(1, values.shape[1] + 1))
            axis.set_yticks(range(layers), [f"layer {number + 1}" for number in range(layers)])
            axis.tick_params(length=0, labelsize=8)
            for (layer, number), share in np.ndenumerate(values):
                color = "white" if share > 0.6 * top else "#333333"
                text = f"{100 * share:.0f}"
                axis.text(number, layer, text, ha="center", va="center", fontsize=7, color=color)
            axis.set_title(f"{name} ({count} objects): {kind}, %", fontsize=9, loc="left")
    figure.savefig(path, dpi=110)
