"""The report's pictures: a map of agreement as PNG, and two diagrams as SVG. None needs more than GDAL."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from .counting import (
    CONFUSED,
    FALSE,
    INPUT_ONLY,
    MISSED,
    NOTHING,
    REFERENCE_ONLY,
    RIGHT,
    RIGHT_EMPTY,
)

COLORS: Mapping[int, tuple[str, str]] = {
    RIGHT: ("right", "#2e8b57"),
    RIGHT_EMPTY: ("right: background", "#d9e8dd"),
    MISSED: ("missed", "#1f62b8"),
    FALSE: ("false", "#d7301f"),
    CONFUSED: ("wrong class", "#f0a500"),
    REFERENCE_ONLY: ("reference only", "#9e9ac8"),
    INPUT_ONLY: ("input only", "#eceeef"),
    NOTHING: ("", "#ffffff"),
}
"""Name and colour of every outcome; also people who see no red or no green can tell right from wrong."""


def map_png(outcomes: np.ndarray) -> bytes:
    """The map of agreement: the colours of each cell's pixels, mixed.

    Args:
        outcomes: int64 (rows, columns, 8), pixels of each outcome.
    """
    colors = np.zeros((8, 3))
    for number, (_, color) in COLORS.items():
        colors[number] = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    weights = outcomes.astype(np.float64)
    total = np.maximum(weights.sum(-1, keepdims=True), 1.0)
    picture = np.rint(weights @ colors / total).astype(np.uint8)  # (rows, columns, 3)
    height, width, _ = picture.shape
    # A small map is drawn with large pixels, which a browser would blur.
    scale = max(1, 360 // max(height, width))
    picture = picture.repeat(scale, axis=0).repeat(scale, axis=1).transpose(2, 0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.Env(), MemoryFile(ext=".png") as memory:
            with memory.open(
                driver="PNG", width=width * scale, height=height * scale, count=3, dtype="uint8", zlevel=9
            ) as raster:
                raster.write(picture)
            return bytes(memory.getbuffer())


def reliability_svg(bins: Sequence[Mapping[str, Any]], threshold: float | None) -> str:
    """Share of tiles that need the expert against their score, with the number of tiles below."""
    used = [one for one in bins if one["count"]]
    axes = _Axes("score", "share of tiles that need the expert")
    axes.line([(0.0, 0.0), (1.0, 1.0)], "#999", dashed=True)
    if threshold is not None:
        axes.line([(threshold, 0.0), (threshold, 1.0)], "#c98a00", dashed=True)
        axes.text(threshold, 1.0, "threshold", "#8a5f00")
    axes.bars([(one["low"], one["high"], one["count"], str(one["count"])) for one in used])
    axes.line([(one["probability"], one["frequency"]) for one in used], "#1f62b8")
    axes.dots([(one["probability"], one["frequency"]) for one in used], "#1f62b8")
    return axes.svg("Reliability diagram of the scores")


def doubt_svg(bins: Sequence[Mapping[str, Any]]) -> str:
    """Share of wrong pixels against the uncertainty."""
    most = max((one["error"] for one in bins), default=1.0)
    top = next(limit for limit in (0.05, 0.1, 0.2, 0.5, 1.0) if most <= limit)
    wide = max((one["high"] for one in bins), default=1.0)
    right = next(limit for limit in (0.05, 0.1, 0.2, 0.5, 1.0) if wide <= limit)
    axes = _Axes("uncertainty of the pixel", "share of wrong pixels", right, top)
    points = [(one["uncertainty"], one["error"]) for one in bins]
    axes.line(points, "#d7301f")
    axes.dots(points, "#d7301f")
    return axes.svg("Errors by uncertainty")


class _Axes:
    """A small diagram; numbers only, no text of users, goes in."""

    LEFT, TOP, WIDTH, HEIGHT, COUNTS = 52, 14, 330, 250, 46

    def __init__(self, x_title: str, y_title: str, right: float = 1.0, top: float = 1.0) -> None:
        self._titles = x_title, y_title
        self._right, self._up = right, top
        self._parts: list[str] = []
        self._below = 0

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return self.LEFT + self.WIDTH * x / self._right, self.TOP + self.HEIGHT * (1.0 - y / self._up)

    def line(self, points: Sequence[tuple[float, float]], color: str, dashed: bool = False) -> None:
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self._at(*point) for point in points))
        dash = ' stroke-dasharray="5 4" stroke-width="1.2"' if dashed else ' stroke-width="2"'
        self._parts.append(f'<polyline points="{places}" fill="none" stroke="{color}"{dash}/>')

    def dots(self, points: Sequence[tuple[float, float]], color: str) -> None:
        for x, y in (self._at(*point) for point in points):
            self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>')

    def text(self, x: float, y: float, words: str, color: str) -> None:
        left, top = self._at(x, y)
        anchor = "end" if x > self._right / 2 else "start"
        shift = -4 if anchor == "end" else 4
        self._parts.append(
            f'<text x="{left + shift:.1f}" y="{top + 11:.1f}" text-anchor="{anchor}" fill="{color}">'
            f"{words}</text>"
        )

    def bars(self, rows: Sequence[tuple[float, float, int, str]]) -> None:
        """Counts (low, high, count, words) as bars below the diagram."""
        self._below = self.COUNTS
        most = max((count for _, _, count, _ in rows), default=1)
        base = self.TOP + self.HEIGHT + 34 + self.COUNTS
        for low, high, count, words in rows:
            (x0, _), (x1, _) = self._at(low, 0), self._at(high, 0)
            tall = max(1.0, (self.COUNTS - 16) * count / most)
            self._parts.append(
                f'<rect x="{x0 + 1:.1f}" y="{base - tall:.1f}" width="{x1 - x0 - 2:.1f}" height="{tall:.1f}" '
                f'fill="#b8c4d0"/><text x="{(x0 + x1) / 2:.1f}" y="{base - tall - 3:.1f}" font-size="10" '
                f'text-anchor="middle">{words}</text>'
            )

    def svg(self, title: str) -> str:
        """The whole as an element."""
        low, high = self._at(0, 0), self._at(self._right, self._up)
        frame = [
            f'<rect x="{low[0]}" y="{high[1]}" width="{self.WIDTH}" height="{self.HEIGHT}" fill="none" '
            'stroke="#888"/>'
        ]
        for step in range(6):
            share = step / 5
            x, y = self._at(self._right * share, self._up * share)
            frame.append(
                f'<line x1="{low[0]}" x2="{high[0]}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e6e8"/>'
                f'<text x="{x:.1f}" y="{low[1] + 15}" text-anchor="middle">{self._right * share:.3g}</text>'
                f'<text x="{low[0] - 6}" y="{y + 4:.1f}" text-anchor="end">{self._up * share:.3g}</text>'
            )
        x_title, y_title = self._titles
        middle = self.TOP + self.HEIGHT / 2
        frame.append(
            f'<text x="{(low[0] + high[0]) / 2}" y="{low[1] + 30}" text-anchor="middle">{x_title}</text>'
            f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{y_title}</text>'
        )
        height = self.TOP + self.HEIGHT + 38 + self._below
        width = self.LEFT + self.WIDTH + 16
        return (
            f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f'aria-label="{title}" xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" '
            f'font-size="12" fill="#222">{"".join(frame)}{"".join(self._parts)}</svg>'
        )
