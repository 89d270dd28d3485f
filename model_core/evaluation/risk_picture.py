"""The risk-coverage curves of all experts, drawn from the recorded figures alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..spec import ExpertSpec
from .risk import oracle_risk

COLOURS = {"total": "#0072b2", "model": "#d55e00"}
"""Told apart by people with any colour vision (Okabe and Ito); the lines differ in pattern too."""

STROKES = {"total": "-", "model": "--"}
COLUMNS = 4


def draw_risk(risk: dict[str, Any], experts: Sequence[ExpertSpec], path: Path) -> Path:
    """Draw a panel for each expert: error among the pixels kept, against the share kept, as a PNG.

    Args:
        risk: as `RiskCounts.figures` gives it or as it is stored, of one expert or more.
        experts: for their titles and their order; those without figures have no panel.
        path: of the PNG; its folder is made.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [expert for expert in experts if expert.name in risk]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.35 * rows + 0.5), dpi=90)
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    lines: dict[str, Any] = {}
    for axes, expert in zip(panels, shown, strict=False):
        lines |= _panel(axes, risk[expert.name])
        axes.set_title(expert.title + (" (simulated)" if expert.simulated else ""), fontsize=9)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    for number, axes in enumerate(panels[: len(shown)]):
        if number % columns == 0:
            axes.set_ylabel("errors among the kept (%)", fontsize=8)
        if number + columns >= len(shown):
            axes.set_xlabel("pixels kept (%), surest first", fontsize=8)
    figure.legend(
        lines.values(), lines.keys(), loc="lower center", ncols=len(lines), fontsize=8, frameon=False
    )
    figure.tight_layout(rect=(0, 0.5 / (2.35 * rows + 0.5) * 0.6, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return path


def _panel(axes: Any, entry: dict[str, Any]) -> dict[str, Any]:
    """Draw one expert; returns the lines by what the legend calls them."""
    error = next(iter(entry["orders"].values()))["error"]
    fine = np.linspace(0.01, 1, 100)
    lines = {}
    (lines["in random order"],) = axes.plot((0, 100), (100 * error,) * 2, color="0.55", lw=1, ls="-.")
    (lines["best order there is"],) = axes.plot(
        100 * fine, [100 * oracle_risk(error, c) for c in fine], color="black", lw=1, ls=":"
    )
    for key, found in entry["orders"].items():
        curve = np.array(found["curve"], np.float64)  # None, where there is no interval, becomes NaN
        colour = COLOURS[key]
        if key == "total":
            axes.fill_between(
                100 * curve[:, 0], 100 * curve[:, 2], 100 * curve[:, 3], color=colour, alpha=0.15
            )
        (lines[f"by {key} uncertainty"],) = axes.plot(
            100 * curve[:, 0], 100 * curve[:, 1], color=colour, ls=STROKES[key], lw=1.8
        )
    axes.set(xlim=(0, 100), ylim=(0, None))
    axes.tick_params(labelsize=7)
    return lines
