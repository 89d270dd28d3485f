"""From what was found in each tile to the run's layer: merged, cut to where data is, written, counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rasterio.windows import Window

from ..grid import Tile, TileGrid
from ..plan import Plan
from ..spec import ExpertSpec
from ..writer import Counts
from .detections import Detections
from .table import write_objects

if TYPE_CHECKING:
    from .merge import MergedObjects

POINTS = 7
"""Points in each direction of an outline, at which is looked whether the object lies on data."""

_CHUNK = 10_000  # objects whose points are in memory at a time, 49 each


@dataclass(frozen=True)
class ObjectsOutput:
    """What the objects expert leaves in a run; a `summary.Raster` without pixels.

    Attributes:
        spec: the expert.
        used: whether there is a file: any tile went to the expert.
        found: number of objects by the name of their class.
        counts, uncertainty_bands: empty, as of no raster.
    """

    spec: ExpertSpec
    used: bool
    found: dict[str, int]
    counts: Counts = field(default_factory=Counts)
    uncertainty_bands: dict[str, int] = field(default_factory=dict)

    @classmethod
    def none(cls, spec: ExpertSpec) -> ObjectsOutput:
        """Of an expert that no tile went to."""
        return cls(spec, False, {item.name: 0 for item in spec.classes})


def write_layer_of(
    plan: Plan, spec: ExpertSpec, found: Mapping[int, Detections], valid: np.ndarray, path: Path
) -> ObjectsOutput:
    """Merge the tiles and write objects.gpkg.

    Args:
        plan: of the run.
        spec: the expert of kind `objects`.
        found: by the index of each tile that was decoded.
        valid: float64 (N,), share of valid pixels of the tiles' windows.
        path: the GeoPackage.

    Raises:
        OutputError: the disk does not take it.
        SceneError: the scene cannot be read any more.
    """
    from .merge import merge  # only runs that find objects need it

    score = plan.request.object_score
    thresholds = plan.model.objects.thresholds if score is None else (score,) * len(spec.classes)
    objects = merge(plan.grid.tiles, found, plan.grid.width, plan.grid.height, thresholds)
    objects = objects.pick(np.flatnonzero(inside(plan, objects, valid)))
    names = [item.name for item in spec.classes]
    write_objects(path, objects, found, names, plan.transform, plan.scene.crs)
    count = np.bincount(objects.label, minlength=len(names))
    return ObjectsOutput(spec, True, {name: int(n) for name, n in zip(names, count, strict=True)})


def inside(plan: Plan, objects: MergedObjects, valid: np.ndarray) -> np.ndarray:
    """Which objects count: bool (m,), those with their box's centre inside the mask, and mostly on data.

    Whether one does is a matter of the whole object, never of the part that one tile saw of it; nor of one
    pixel, as a single damaged one in the middle of a ship takes no ship away.

    Args:
        plan: of the run.
        objects: m of them.
        valid: float64 (N,), share of valid pixels of the tiles' windows.

    Raises:
        SceneError: the scene cannot be read any more.
    """
    kept = np.ones(len(objects), dtype=bool)
    centres = np.floor((objects.box[:, :2] + objects.box[:, 2:]) / 2).astype(np.int32)
    columns, rows = np.clip(centres, 0, [plan.grid.width - 1, plan.grid.height - 1]).T
    if plan.area is not None:
        for tile, here in _by_tile(plan.grid, columns, rows):
            area = plan.area.inside(tile.x, tile.y, tile.width, tile.height)
            kept[here] = area[rows[here] - tile.y, columns[here] - tile.x]
    if (valid < 1).any():
        counted = np.flatnonzero(kept)
        for part in range(0, len(counted), _CHUNK):  # from the top to the bottom
            some = counted[part : part + _CHUNK]
            kept[some] = _on_data(plan, objects.outline[some], columns[some], rows[some], valid)
    return kept


def _on_data(
    plan: Plan, outline: np.ndarray, columns: np.ndarray, rows: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """Objects of which half or more holds data, bool (m,), as points spread over their outlines tell.

    Only tiles that are not full of data are read again for it.

    Args:
        plan: of the run.
        outline: float64 (m, 4, 2).
        columns: int32 (m,), of the centre's pixel, for an outline wholly beyond the window.
        rows: int32 (m,), likewise.
        valid: see `inside`.
    """
    grid, window = plan.grid, plan.window
    steps = (np.arange(POINTS) + 0.5) / POINTS
    first, second = (part.ravel() for part in np.meshgrid(steps, steps))
    share = np.stack([(1 - first) * (1 - second), first * (1 - second), first * second, (1 - first) * second])
    x, y = (np.floor(outline[..., axis] @ share).astype(np.int32) for axis in (0, 1))  # (m, points)
    within = (x >= 0) & (x < grid.width) & (y >= 0) & (y < grid.height)
    lost = ~within.any(axis=1)
    x[lost], y[lost], within[lost] = columns[lost, None], rows[lost, None], True
    number, points = np.nonzero(within)
    x, y = x[number, points], y[number, points]
    data = np.ones(len(x), dtype=bool)
    for tile, here in _by_tile(grid, x, y):
        if valid[tile.index] < 1:
            at = Window(window.col_off + tile.x, window.row_off + tile.y, tile.width, tile.height)
            data[here] = plan.scene.read(at).valid[y[here] - tile.y, x[here] - tile.x]
    return 2 * np.bincount(number[data], minlength=len(outline)) >= within.sum(axis=1)


def _by_tile(grid: TileGrid, x: np.ndarray, y: np.ndarray) -> Iterator[tuple[Tile, np.ndarray]]:
    """Tiles, and the numbers of the pixels (n,) that lie in the core of each; a pixel lies in just one."""
    right = [tile.core[2] for tile in grid.tiles[: grid.cols]]
    bottom = [tile.core[3] for tile in grid.tiles[:: grid.cols]]
    owner = np.searchsorted(bottom, y, "right") * grid.cols + np.searchsorted(right, x, "right")
    order = np.argsort(owner, kind="stable")
    begins = np.flatnonzero(np.diff(owner[order], prepend=-1))
    for here in np.split(order, begins[1:]) if len(order) else ():
        yield grid.tiles[owner[here[0]]], here
