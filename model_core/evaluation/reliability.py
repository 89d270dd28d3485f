"""The reliability diagram, drawn from the recorded bins alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LEAST = 3
"""Tiles a bin needs to be drawn: one tile says nothing about a probability."""


def draw_reliability(router: dict[str, Any], path: Path) -> Path:
    """Draw the share needed against the score, over all experts and for each, as a PNG.

    Args:
        router: figures with `bins`, as `router_figures` gives them or as they are stored.
        path: of the PNG; its folder is made.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.6), dpi=90)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot((0, 1), (0, 1), color="0.6", linestyle="--", linewidth=1, label="perfect")
    for name, row in router["experts"].items():
        axes.plot(*_points(row.get("bins", [])), marker=".", linewidth=0.8, alpha=0.7, label=name)
    axes.plot(*_points(router["bins"]), marker="o", linewidth=2, color="black", label="all")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score", ylabel="share of tiles that need the expert")
    axes.set_title(f"Reliability, bins of {LEAST} tiles or more")
    axes.legend(fontsize=7, frameon=False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return path


def _points(bins: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    rows = [row for row in bins if row["count"] >= LEAST]
    return [row["probability"] for row in rows], [row["frequency"] for row in rows]
