"""Pictures of the comparison of classifiers, drawn from the recorded figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..training.framework.analysis import ExpertAnalysis
from .card_classifiers import LOSSES

FIGURES = ("macs_accuracy.png", "accuracy_k.png", "collapse.png")
INK, GRID = "#333333", "#dddddd"
PLAIN, MIXTURE = "#333333", "#e69f00"
BRANCHED = ("#0072b2", "#009e73", "#cc79a7", "#d55e00")
"""Of the palette of Okabe and Ito, told apart with every kind of colour vision."""


def draw_all(found: dict[str, Any], ablation: Mapping[str, ExpertAnalysis], folder: Path) -> list[Path]:
    """Draw `FIGURES` into a folder, which is made.

    Args:
        found: of `classifiers.measure`.
        ablation: experts of the reference mixture with and without the losses of its gate, by name.
        folder: of the pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _macs_accuracy(found, folder / FIGURES[0]),
        _accuracy_k(found, folder / FIGURES[1]),
        _collapse(ablation, folder / FIGURES[2]),
    ]


def _macs_accuracy(found: dict[str, Any], path: Path) -> Path:
    """Test accuracy against multiply-accumulates, with intervals."""
    figure, (ax,) = _figure(9.0, 4.2)
    curves = [("plain, by width", PLAIN, [row for row in found["rows"] if row["kind"] == "plain"])]
    curves.append(("mixture, all experts", MIXTURE, [row for row in found["rows"] if _whole(row)]))
    for color, entry in zip(BRANCHED, found["branches"], strict=False):
        rows = [row for row in found["rows"] if row["name"] == entry["name"]]
        curves.append((f"{entry['name']}, by k", color, rows))
    for label, color, rows in curves:
        x = [row["macs"] / 1e6 for row in rows]
        _with_intervals(ax, x, [row["accuracy"] for row in rows], color, label)
        for at, row in zip(x, rows, strict=True):
            text = str(row["k"] or row["width"])
            place = (at, row["accuracy"]["value"])
            ax.annotate(text, place, (4, 4), textcoords="offset points", fontsize=7, color=color)
    best = next(row for row in found["rows"] if row["name"] == found["best_plain"])
    ax.axhline(best["accuracy"]["value"], color=INK, lw=0.8, ls=":")
    ax.axvline(0.5 * best["macs"] / 1e6, color=INK, lw=0.8, ls=":")
    ax.set_xscale("log")
    ax.set_xticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    ax.minorticks_off()
    ax.set_xlabel("million multiply-adds an image", color=INK)
    ax.set_ylabel("test accuracy", color=INK)
    ax.set_title(
        "Accuracy against cost, 95 % intervals\ndotted: the best plain accuracy, and half its cost",
        loc="left",
        fontsize=10,
        color=INK,
    )
    return _save(figure, path)


def _accuracy_k(found: dict[str, Any], path: Path) -> Path:
    """Test accuracy against the number of branches that run, by the gate and by an oracle."""
    figure, (ax,) = _figure(9.0, 4.0)
    for number, (color, entry) in enumerate(zip(BRANCHED, found["branches"], strict=False)):
        k = [row["k"] + 0.06 * (number - 1) for row in entry["curve"]]
        _with_intervals(
            ax, k, [row["accuracy"] for row in entry["curve"]], color, f"{entry['name']}, its gate"
        )
        oracle = [row["oracle"]["value"] for row in entry["curve"]]
        label = f"{entry['name']}, oracle first"
        ax.plot(k, oracle, color=color, ls="--", marker="^", ms=4, lw=1.1, label=label)
    best = next(row for row in found["rows"] if row["name"] == found["best_plain"])
    ax.axhline(best["accuracy"]["value"], color=INK, lw=0.8, ls=":", label="best plain")
    ax.set_xticks([row["k"] for row in found["branches"][0]["curve"]])
    ax.set_xlabel("branches that run for a chip", color=INK)
    ax.set_ylabel("test accuracy", color=INK)
    ax.set_title("Accuracy against the number of branches", loc="left", fontsize=10, color=INK)
    return _save(figure, path)


def _collapse(ablation: Mapping[str, ExpertAnalysis], path: Path) -> Path:
    """Mean gate by class and over all chips, and the chips led, one panel for every pair of losses."""
    import numpy as np

    names = [name for name in LOSSES if name in ablation]
    figure, panels = _figure(2.0 + 2.3 * max(1, len(names)), 4.8, max(1, len(names)))
    for ax, name in zip(panels, names, strict=False):
        one = ablation[name]
        values = np.vstack([one.patterns, one.utilisation, one.top1_share])
        ax.imshow(values, cmap="cividis", vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            ink = "#000000" if value > 0.45 else "#ffffff"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=ink)
        ax.axhline(len(one.classes) - 0.5, color="white", lw=3)
        rows = [*one.classes, "all chips", "chips it leads"] if name == names[0] else []
        ax.set_yticks(range(len(rows)), rows, fontsize=8)
        ax.set_xticks(range(len(one.experts)), [str(n + 1) for n in range(len(one.experts))], fontsize=8)
        ax.tick_params(length=0, colors=INK)
        ax.grid(False)
        ax.spines[:].set_visible(False)
        ax.set_xlabel("expert", fontsize=8, color=INK)
        state = "collapsed" if one.collapsed else "undecided" if one.undecided else "all in use"
        ax.set_title(
            f"{LOSSES[name]}: {state}\n{one.effective:.1f} in use, {one.effective_per_sample:.1f} a chip",
            loc="left",
            fontsize=9,
            color=INK,
        )
    return _save(figure, path)


def _whole(row: dict[str, Any]) -> bool:
    """Whether a row is of the reference mixture as it was trained, with all its experts."""
    return row["name"] == "moe" and row["trained_for"]


def _with_intervals(ax: Any, x: list[float], rows: list[dict[str, float]], color: str, label: str) -> None:
    value = [row["value"] for row in rows]
    down = [row["value"] - row["low"] for row in rows]
    up = [row["high"] - row["value"] for row in rows]
    ax.errorbar(
        x,
        value,
        yerr=[down, up],
        color=color,
        marker="o",
        ms=4,
        lw=1.3,
        elinewidth=0.7,
        capsize=2,
        label=label,
    )


def _figure(width: float, height: float, panels: int = 1) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # draws into memory: no window, and no global state to disturb
    axes = list(figure.subplots(1, panels, squeeze=False)[0])
    for ax in axes:
        ax.grid(color=GRID, lw=0.6)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=INK, labelsize=8)
    return figure, axes


def _save(figure: Any, path: Path) -> Path:
    for ax in figure.axes:
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    part = path.with_suffix(".part")
    figure.savefig(part, dpi=110, format="png", metadata={"Software": None})
    part.replace(path)
    return path
