"""Where the windows of a run's tiles lie, and which of them share pixels.

Placed as `model_core.grid` places them: spread evenly from edge to edge, sharing `overlap` pixels at least.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .run_folder import RUN_FILE


@dataclass(frozen=True)
class Grid:
    """Tiles over a raster of width x height pixels.

    Attributes:
        width, height: of the part of the raster that was read.
        size: edge of a tile.
        overlap: pixels that neighbours share at least.
    """

    width: int
    height: int
    size: int
    overlap: int

    def holds(self, row: Any, col: Any) -> bool:
        """Whether all tiles in these rows and columns, int (N,), are among the grid's."""
        rows = len(positions(self.height, self.size, self.overlap))
        cols = len(positions(self.width, self.size, self.overlap))
        return bool(((row >= 0) & (row < rows) & (col >= 0) & (col < cols)).all())

    def touched(self, pairs: Any, row: Any, col: Any) -> Any:
        """Where a tile's window shares a pixel with the window of a marked tile; marked ones do too.

        Args:
            pairs: bool (N, E), marked tiles of each of E experts.
            row: int (N,), row of each tile in the grid.
            col: int (N,), its column.

        Returns:
            bool (N, E).
        """
        import numpy as np

        tops = positions(self.height, self.size, self.overlap)
        lefts = positions(self.width, self.size, self.overlap)
        # Windows that meet a given one are neighbours in both directions, so counting the marks in a
        # block of tiles will do; sums from the corner make that four look-ups.
        sums = np.zeros((len(tops) + 1, len(lefts) + 1, pairs.shape[1]), dtype=np.int32)
        sums[row + 1, col + 1] = pairs
        sums = sums.cumsum(axis=0).cumsum(axis=1)
        above, below = (ends[row] for ends in meeting(tops, min(self.size, self.height)))
        left, right = (ends[col] for ends in meeting(lefts, min(self.size, self.width)))
        marks = sums[below, right] - sums[above, right] - sums[below, left] + sums[above, left]
        return marks > 0


def grid_of(folder: Path) -> Grid | None:
    """The grid that `run.json` tells of, None if it does not."""
    try:
        data = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        area = data.get("window") or data["scene"]
        grid = data["grid"]
        found = Grid(int(area["width"]), int(area["height"]), int(grid["tile"]), int(grid["overlap"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    sound = found.width > 0 and found.height > 0 and found.size > 0
    return found if sound and 0 <= found.overlap <= found.size // 2 else None


def positions(extent: int, size: int, overlap: int) -> list[int]:
    """First pixel of each tile along one axis."""
    if extent <= size:
        return [0]
    steps = -(-(extent - size) // (size - overlap))  # rounded up: the fewest that cover the axis
    return [number * (extent - size) // steps for number in range(steps + 1)]


def meeting(starts: list[int], length: int) -> tuple[Any, Any]:
    """For each window along one axis: the first window that shares a pixel with it, and past the last."""
    import numpy as np

    first = np.asarray(starts, dtype=np.int64)
    return (
        np.searchsorted(first, first - length, side="right"),
        np.searchsorted(first, first + length, side="left"),
    )
