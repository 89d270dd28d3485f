"""The pictures of an expert analysis: heat maps with their numbers, and bars."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .analysis import ExpertAnalysis

logger = logging.getLogger(__name__)

INK, GRID = "#333333", "#dddddd"
BLUE, ORANGE = "#0072b2", "#e69f00"
"""Of the palette of Okabe and Ito, told apart with every kind of colour vision."""

SHADES = "cividis"
"""A colour map whose lightness rises evenly, with and without red-green vision."""


def draw(analysis: ExpertAnalysis, folder: Path) -> list[Path]:
    """Draw every figure of an analysis into a folder; nothing if there is no matplotlib to draw with."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        logger.warning("No figures of the experts were drawn: matplotlib is not installed; see %s.", folder)
        return []
    accuracy = np.vstack([analysis.accuracy, analysis.together])
    overall = np.append(analysis.accuracy_alone, analysis.accuracy_together)
    names = [f"{name} alone" for name in analysis.experts]
    return [
        _heat(
            folder / "expert_accuracy.png",
            f"Accuracy by class, all the weight on one expert ({int(analysis.samples.sum()):,} samples)",
            [*names, "together"],
            [*analysis.classes, "all"],
            np.column_stack([accuracy, overall]),
        ),
        _bars(analysis, folder / "utilisation.png"),
        _heat(
            folder / "gate_patterns.png",
            "Mean gate by class",
            analysis.classes,
            analysis.experts,
            analysis.patterns,
        ),
        _heat(
            folder / "specialisation.png",
            f"Share of a class's samples whose largest gate is an expert's\n"
            f"normalised mutual information of class and expert {analysis.specialisation:.2f}",
            analysis.classes,
            analysis.experts,
            analysis.strongest,
        ),
    ]


def _heat(path: Path, title: str, rows: Any, columns: Any, values: np.ndarray) -> Path:
    """A heat map of shares from 0 to 1, each with its number; cells without one are left white."""
    slanted = max(len(name) for name in columns) > 8
    width = 2.6 + 0.62 * len(columns) + 0.075 * max(len(name) for name in rows)
    figure = _figure(max(width, 5.0), 1.7 + 0.4 * len(rows))
    ax = figure.subplots()
    image = ax.imshow(np.ma.masked_invalid(values), cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns, fontsize=8, rotation=35 if slanted else 0)
    if slanted:
        for label in ax.get_xticklabels():
            label.set_ha("right")
            label.set_rotation_mode("anchor")
    ax.set_yticks(range(len(rows)), rows, fontsize=8)
    ax.tick_params(length=0, colors=INK)
    ax.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "#000000" if value > 0.45 else "#ffffff"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
        else:
            ax.text(column, row, "–", ha="center", va="center", fontsize=8, color=INK)
    ax.set_title(title, loc="left", fontsize=10, color=INK)
    bar = figure.colorbar(image, ax=ax, fraction=0.04, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=0, colors=INK)
    return _save(figure, path)


def _bars(analysis: ExpertAnalysis, path: Path) -> Path:
    """Mean gate and share of the samples led, expert by expert, with the even share and the least one."""
    from .analysis import UNUSED

    count = len(analysis.experts)
    figure = _figure(max(6.5, 4.0 + 0.9 * count), 3.0)
    ax = figure.subplots()
    place = np.arange(count)
    columns = [(-0.2, analysis.utilisation, BLUE, "mean gate")]
    columns += [(0.2, analysis.top1_share, ORANGE, "share with the largest gate")]
    for shift, values, color, label in columns:
        ax.bar(place + shift, values, 0.38, color=color, label=label)
        for x, value in zip(place + shift, values, strict=True):
            text = ax.text(x, value, f"{value:.2f}", ha="center", va="bottom", fontsize=8, color=INK)
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    ax.axhline(1 / count, color=INK, lw=1, label="even share")
    ax.axhline(UNUSED / count, color=INK, lw=1, ls=":", label="unused below")
    ax.set_xticks(place, analysis.experts, fontsize=8)
    ax.set_ylim(0, 1.12 * max(analysis.utilisation.max(), analysis.top1_share.max(), 1.2 / count))
    ax.tick_params(length=0, colors=INK, labelsize=8)
    ax.grid(axis="y", color=GRID, lw=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    state = "collapsed" if analysis.collapsed else "gate undecided" if analysis.undecided else "all in use"
    ax.set_title(
        f"Use of the experts: {state}\neffectively {analysis.effective:.1f} of {count} over all samples, "
        f"{analysis.effective_per_sample:.1f} a sample",
        loc="left",
        fontsize=10,
        color=INK,
    )
    ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _save(figure, path)


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # draws into memory: no window, and no global state to disturb
    return figure


def _save(figure: Any, path: Path) -> Path:
    part = path.with_suffix(".part")
    figure.savefig(part, dpi=110, format="png")
    part.replace(path)
    return path
