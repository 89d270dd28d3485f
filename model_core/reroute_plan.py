"""What another policy changes in a finished run, and the least work that makes it so.

A pixel is blended from all tiles of its expert that cover it. So where a tile comes or goes, the pixels of
its window (together: the region) have to be blended anew, from every tile that reaches into the region:
those that come, and those that stay and share a seam. No other tile is decoded, and only tiles that some
expert decodes are read and encoded. Objects are not blended, and what was found in each tile is kept: there
only tiles that come are decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import SceneError
from .grid import Tile, TileGrid

# Scores may differ by so much without telling of another scene: low precisions round by batch and device.
_TOLERANCE = {"fp32": 1e-3}
_LOW_PRECISION = 3e-2


@dataclass(frozen=True)
class Change:
    """From the decoded pairs of tile and expert of a run to those of another policy.

    Attributes:
        grid: the N tiles.
        old: bool (N, E), pairs that the run decoded.
        new: bool (N, E), pairs that it should have decoded.
        kept: numbers of experts of which each tile's result is kept by itself, so that no seam changes.
    """

    grid: TileGrid
    old: np.ndarray
    new: np.ndarray
    kept: tuple[int, ...] = ()

    @cached_property
    def changed(self) -> np.ndarray:
        """bool (N, E): pairs that come or go."""
        return self.old ^ self.new

    @cached_property
    def decode(self) -> np.ndarray:
        """bool (N, E): pairs to decode, those that come and those whose seams change."""
        shape = (self.grid.rows, self.grid.cols)
        tiles = self.grid.tiles
        xs, ys = (tile.x for tile in tiles[: shape[1]]), (tile.y for tile in tiles[:: shape[1]])
        beside, above = _sharing(list(xs), tiles[0].width), _sharing(list(ys), tiles[0].height)
        pairs = np.zeros_like(self.new)
        for expert in np.flatnonzero(self.changed.any(axis=0)):
            if expert in self.kept:
                pairs[:, expert] = self.new[:, expert] & ~self.old[:, expert]
                continue
            # Windows meet where their columns do and their rows do.
            changed = self.changed[:, expert].reshape(shape).astype(np.float32)
            near = (above @ changed @ beside) > 0
            pairs[:, expert] = self.new[:, expert] & near.ravel()
        return pairs

    @property
    def encode(self) -> np.ndarray:
        """bool (N,): tiles to read and encode."""
        return self.decode.any(axis=1)


def _sharing(starts: list[int], length: int) -> np.ndarray:
    """float32 (n, n): 1 where stretches of one length that start there share a pixel."""
    at = np.array(starts)
    return (np.abs(at[:, None] - at[None, :]) < length).astype(np.float32)


class MissingWork:
    """The work of a reroute for the engine (see `engine.Work`), which looks that each tile is as it was.

    Attributes:
        wanted: bool (N,), tiles to read and encode.
        scene_expert: None: no policy changes what it said, which is in the routing table.
    """

    scene_expert = None

    def __init__(self, pairs: np.ndarray, scores: np.ndarray, precision: str, scene: str) -> None:
        """Take what to do.

        Args:
            pairs: bool (N, E), to decode.
            scores: float32 (N, E), as the run had them.
            precision: of the model.
            scene: its path, for messages.
        """
        self.wanted = pairs.any(axis=1)
        self._pairs, self._scores, self._scene = pairs, scores, scene
        self._tolerance = _TOLERANCE.get(precision, _LOW_PRECISION)

    def serves(self, tiles: Sequence[Tile], scores: np.ndarray) -> list[list[int]]:
        """See `plan.Plan.serves`.

        Raises:
            SceneError: a tile has not the score that it had in the run.
        """
        index = [tile.index for tile in tiles]
        # Written so that a NaN, of a tile that had no data, is a difference too.
        if not (np.abs(scores - self._scores[index]) <= self._tolerance).all():
            raise self.other()
        return [np.flatnonzero(column).tolist() for column in self._pairs[index].T]

    def check_valid(self, valid: np.ndarray, known: np.ndarray) -> None:
        """Make sure that the tiles read had as many valid pixels (N,) as they have now.

        Raises:
            SceneError: they had not.
        """
        if not np.array_equal(valid[self.wanted], known[self.wanted]):
            raise self.other()

    def other(self) -> SceneError:
        """The scene is not what it was."""
        return SceneError(
            f"'{self._scene}' gives other scores than when the run was made, as the raster, the mask or the "
            "device has changed; run the prediction again."
        )
