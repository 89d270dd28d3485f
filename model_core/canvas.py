"""Where overlapping tiles of one expert are blended, holding only the rows still open.

Neighbouring tiles are routed to different experts, so every expert has its own weight plane: a pixel's
value is sum(w * value) / sum(w) over the tiles *this expert* decoded, and a weight of 0 means that it
was never asked. Only the columns where it was asked are ever touched, so an expert that serves few
tiles costs little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Piece:
    """A finished part of one expert's output, still unnormalised.

    Attributes:
        top: first row, counted in the output raster.
        left: first column.
        sums: float32 (C, h, w), sum of weight times value.
        weight: float32 (h, w), sum of weights; 0 where the expert decoded nothing.
    """

    top: int
    left: int
    sums: np.ndarray
    weight: np.ndarray


class Canvas:
    """The open rows of one expert's output.

    Values are added in the order of the calls; the engine calls in tile order, so the float sums, and
    with them every written byte, do not depend on how tiles were put into batches.
    """

    def __init__(self, channels: int, width: int, rows: int, top: int) -> None:
        """Open `rows` rows (one tile's height) of `width` pixels from output row `top` on."""
        self._top = top
        self._sums = np.zeros((channels, rows, width), dtype=np.float32)
        self._weight = np.zeros((rows, width), dtype=np.float32)
        self._spans: list[tuple[int, int]] = []  # columns that hold anything, apart and in order

    def add(self, x: int, y: int, values: np.ndarray, weights: np.ndarray) -> None:
        """Blend one tile in.

        Args:
            x: the tile's first column in the output raster.
            y: its first row in the output raster; within the open rows.
            values: float (C, h, w).
            weights: float32 (h, w), above 0.
        """
        height, width = weights.shape
        rows = slice(y - self._top, y - self._top + height)
        columns = slice(x, x + width)
        self._sums[:, rows, columns] += values * weights
        self._weight[rows, columns] += weights
        self._spans = _merged([*self._spans, (x, x + width)])

    def take(self, until: int) -> list[Piece]:
        """Hand out what lies above row `until`, from left to right, and open as many rows below.

        The arrays handed out are copies: another thread may write them to disk meanwhile.
        """
        done = until - self._top
        keep = self._weight.shape[0] - done
        pieces, spans = [], []
        for left, right in self._spans:
            sums, weight = self._sums[:, :, left:right], self._weight[:, left:right]  # views
            pieces.append(Piece(self._top, left, sums[:, :done].copy(), weight[:done].copy()))
            # The rows kept may be more than those done, so the two can overlap: numpy minds that.
            sums[:, :keep], weight[:keep] = sums[:, done:], weight[done:]
            sums[:, keep:], weight[keep:] = 0.0, 0.0
            if weight[:keep].any():
                spans.append((left, right))
        self._spans, self._top = spans, until
        return pieces


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same columns as ranges that lie apart."""
    merged: list[tuple[int, int]] = []
    for left, right in sorted(spans):
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged
