"""What a training measured on its way: a table of losses and validation figures, and a picture of it."""

from __future__ import annotations

import csv
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

LOSS, TRAINING, VALIDATION, TEST, WEIGHT, RATE = "loss/", "train/", "val/", "test/", "weight/", "lr"
"""How columns begin, or are called: part of a loss, figure of a split, weight of a loss, learning rate."""

INK, GRID = "#333333", "#dddddd"


class History:
    """Rows of figures by training step, in `results/history.csv` of a run.

    The file is read once and rewritten whole under another name at every row: it has some hundred lines, a
    new column may come at any time, and a kill leaves the former file or the new one.

    Args:
        folder: the run folder; `results` and `analysis` in it are made when needed.
        unit: what is counted, for the axis of the picture.
    """

    def __init__(self, folder: Path, unit: str = "steps") -> None:
        self.unit = unit
        self.path = folder / "results" / "history.csv"
        self.picture = folder / "analysis" / "curves.png"
        self.columns: list[str] = []
        self.rows: dict[int, dict[str, float]] = {}
        self._told = False
        if self.path.is_file():
            self._read()

    def append(self, step: int, row: Mapping[str, float]) -> None:
        """Add figures of a step.

        Figures of a step that has a row already join it. A step before the last one is that of a training
        that went back: the rows beyond it are dropped.

        Args:
            step: number of training steps done.
            row: "loss/<task>", "val/<expert>", "test/<figure>", "weight/<task>", "lr" -> value; NaN is kept
                as an empty cell.
        """
        self.rows = {number: old for number, old in self.rows.items() if number <= step}
        self.columns += [name for name in row if name not in self.columns]
        kept = {name: float(value) for name, value in row.items() if not math.isnan(value)}
        self.rows[step] = {**self.rows.get(step, {}), **kept}
        self._write()

    def rewind(self, step: int) -> None:
        """Forget what a resumed training will measure again: every row beyond `step` steps done.

        The row of `step` itself tells of steps that are in the checkpoint, so it stays.
        """
        kept = {number: row for number, row in self.rows.items() if number <= step}
        if len(kept) < len(self.rows):
            self.rows = kept
            self._write()

    def series(self, prefix: str) -> dict[str, tuple[list[int], list[float]]]:
        """Curves of the columns that begin with `prefix`: name without it -> (steps, values)."""
        found = {}
        for column in self.columns:
            points = [(step, row[column]) for step, row in self.rows.items() if column in row]
            if column.startswith(prefix) and points:
                steps, values = zip(*points, strict=True)
                found[column[len(prefix) :]] = (list(steps), list(values))
        return found

    def figure(self) -> Path | None:
        """Draw `analysis/curves.png`; None if there is nothing to draw, or no matplotlib to draw it with."""
        panels = [
            ("training loss", self.series(LOSS), True),
            ("training figure", self.series(TRAINING), False),
            ("validation figure", self.series(VALIDATION), False),
            ("test figure, which chooses nothing", self.series(TEST), False),
            ("weight of the loss", self.series(WEIGHT), True),
        ]
        panels = [panel for panel in panels if panel[1]]
        if not panels:
            return None
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError:
            if not self._told:
                logger.warning("No curves were drawn: matplotlib is not installed; see %s.", self.path)
                self._told = True
            return None
        figure = Figure(figsize=(9, 3.2 * len(panels)), layout="constrained")
        FigureCanvasAgg(figure)  # draws into memory: no window, and no global state to disturb
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        colors = _colors([name for _, curves, _ in panels for name in curves])
        for ax, (title, curves, logarithmic) in zip(axes, panels, strict=True):
            for name, (steps, values) in curves.items():
                few = "o" if len(steps) < 40 else None
                ax.plot(steps, values, color=colors[name], label=name, lw=1.4, marker=few, ms=3)
            positive = all(value > 0 for _, values in curves.values() for value in values)
            ax.set_yscale("log" if logarithmic and positive else "linear")
            ax.set_title(title, loc="left", fontsize=10, color=INK)
            ax.grid(color=GRID, lw=0.6)
            ax.spines[["top", "right"]].set_visible(False)
            ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        axes[-1].set_xlabel(self.unit, color=INK)
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
        self.picture.parent.mkdir(parents=True, exist_ok=True)
        part = self.picture.with_suffix(".part")
        figure.savefig(part, dpi=110, format="png")
        os.replace(part, self.picture)
        return self.picture

    def _read(self) -> None:
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            self.columns = [name for name in reader.fieldnames or [] if name != "step"]
            for row in reader:
                values = {name: float(row[name]) for name in self.columns if row[name]}
                self.rows[int(row["step"])] = values

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["step", *self.columns])
            for step, row in self.rows.items():
                cells = [f"{row[name]:.6g}" if name in row else "" for name in self.columns]
                writer.writerow([step, *cells])
        os.replace(part, self.path)


def _colors(names: list[str]) -> dict[str, str]:
    """The same color for a task in every panel."""
    palette = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd")
    palette += ("#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
    return {name: palette[number % len(palette)] for number, name in enumerate(dict.fromkeys(names))}
