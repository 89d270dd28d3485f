"""From what was found in each tile to the run's layer: merged, cut to where data is, written, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rasterio.windows import Window

from ..plan import Plan
from ..spec import ExpertSpec
from ..writer import Counts
from .detections import Detections
from .table import write_objects

if TYPE_CHECKING:
    from .merge import MergedObjects


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
    """Which objects count: bool (m,), those whose box has its centre on a pixel with data, inside the mask.

    Whether one does is a matter of the whole object, never of the part that one tile saw of it. Only tiles
    that are not full of data are read again for it.

    Args:
        plan: of the run.
        objects: m of them.
        valid: float64 (N,), share of valid pixels of the tiles' windows.

    Raises:
        SceneError: the scene cannot be read any more.
    """
    grid, window, area = plan.grid, plan.window, plan.area
    centres = np.floor((objects.box[:, :2] + objects.box[:, 2:]) / 2).astype(np.int64)
    columns, rows = np.clip(centres, 0, [grid.width - 1, grid.height - 1]).T
    # Each pixel lies in the core of one tile.
    right = [tile.core[2] for tile in grid.tiles[: grid.cols]]
    bottom = [tile.core[3] for tile in grid.tiles[:: grid.cols]]
    owner = np.searchsorted(bottom, rows, "right") * grid.cols + np.searchsorted(right, columns, "right")
    kept = np.ones(len(owner), dtype=bool)
    for index in np.unique(owner):
        tile, here = grid.tiles[index], owner == index
        place = rows[here] - tile.y, columns[here] - tile.x
        if area is not None:
            kept[here] = area.inside(tile.x, tile.y, tile.width, tile.height)[place]
        if valid[index] < 1 and kept[here].any():
            at = Window(window.col_off + tile.x, window.row_off + tile.y, tile.width, tile.height)
            kept[here] &= plan.scene.read(at).valid[place]
    return kept
