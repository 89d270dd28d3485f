"""objects.gpkg: the layer `objects`, a polygon for each object, and the table `detections` behind it.

The table keeps what was found in each tile, unmerged, so that another policy decodes only tiles that come.
The file's bytes depend on its content alone, never on the clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyogrio import raw
from rasterio.crs import CRS
from rasterio.transform import Affine

from ..errors import OutputError
from ..geopackage import READ_FAILURES, texts, write_layer
from .detections import Detections
from .measures import measure

if TYPE_CHECKING:
    from .merge import MergedObjects

LAYER, DETECTIONS = "objects", "detections"
FIELDS = (
    "id", "class", "score", "area_m2", "length_m", "width_m", "tile", "tiles", "groups", "experts",
    "top_expert",
)  # fmt: skip


def write_objects(
    path: Path,
    objects: MergedObjects,
    found: Mapping[int, Detections],
    names: Sequence[str],
    transform: Affine,
    crs: CRS | None,
) -> None:
    """Write layer and table.

    Args:
        path: the GeoPackage, which is not there yet.
        objects: m of them.
        found: what was found in each tile that was decoded, by the tile's index.
        names: of the classes.
        transform: from pixels of the run's window to the CRS.
        crs: of the scene, or None.

    Raises:
        OutputError: the file cannot be written.
    """
    tiles = sorted(found)
    rows = {
        "tile": np.array(tiles, dtype=np.int32),
        "found": texts([json.dumps(found[tile].as_dict(), separators=(",", ":")) for tile in tiles]),
    }
    fields = _fields(objects, names, transform, crs)
    unrouted = {"top_expert": fields["top_expert"] < 0}
    write_layer(path, LAYER, fields, polygons=_polygons(objects, transform), crs=crs, nulls=unrouted)
    write_layer(path, DETECTIONS, rows, append=True)


def read_detections(path: Path) -> dict[int, Detections]:
    """What was found in each tile that was decoded, by the tile's index, as `write_objects` was given it.

    Raises:
        OutputError: the file cannot be read, or holds something else.
    """
    try:
        meta, _, _, columns = raw.read(str(path), layer=DETECTIONS, read_geometry=False)
        fields = dict(zip(meta["fields"], columns, strict=True))
        tiles = [int(tile) for tile in fields["tile"]]
        found = {
            tile: Detections.from_dict(json.loads(text))
            for tile, text in zip(tiles, fields["found"], strict=True)
        }
        if len(found) != len(tiles):
            raise ValueError("a tile stands there twice")
    # Numbers may be too large in a file that somebody edited, or of another kind.
    except (*READ_FAILURES, KeyError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise OutputError(
            f"'{path}' does not tell what was found in each tile ({error}), as it was edited or is damaged; "
            "run the prediction again."
        ) from error
    return found


def _fields(
    objects: MergedObjects, names: Sequence[str], transform: Affine, crs: CRS | None
) -> dict[str, np.ndarray]:
    """The layer's columns, (m,) each; -1 stands for NULL in `top_expert`."""
    sizes = measure(objects.outline, crs, transform)
    count = len(objects.score)
    values = (
        np.arange(1, count + 1, dtype=np.int32),
        texts([names[label] for label in objects.label]),
        objects.score.astype(np.float64),
        sizes.area_m2,
        sizes.length_m,
        sizes.width_m,
        objects.tile.astype(np.int32),
        texts([",".join(map(str, tiles)) for tiles in objects.tiles]),
        texts([groups_text(groups) for groups in objects.groups]),
        texts([experts_text(*pair) for pair in zip(objects.experts, objects.weights, strict=True)]),
        _top(objects),
    )
    return dict(zip(FIELDS, values, strict=True))


def groups_text(groups: np.ndarray) -> str | None:
    """Scene groups (L, g) as a reader sees them, numbered from 1: `2,4 | 1,4`; None without any."""
    if not groups.size:
        return None
    return " | ".join(",".join(str(int(group) + 1) for group in layer) for layer in groups)


def experts_text(experts: np.ndarray, weights: np.ndarray) -> str | None:
    """Experts and their weights (L, k), numbered from 1: `6:0.71,8:0.29 | 2:0.55,13:0.45`; None without."""
    if not experts.size:
        return None
    return " | ".join(
        ",".join(f"{int(expert) + 1}:{weight:.2f}" for expert, weight in zip(*layer, strict=True))
        for layer in zip(experts, weights.tolist(), strict=True)
    )


def _top(objects: MergedObjects) -> np.ndarray:
    """Number, from 1, of the expert with the largest weight in the last layer; -1 without routing."""
    if not objects.experts.size:
        return np.full(len(objects.score), -1, dtype=np.int32)
    best = np.argmax(objects.weights[:, -1], axis=1)  # of equal ones the first, which is the strongest
    return np.take_along_axis(objects.experts[:, -1], best[:, None], axis=1)[:, 0].astype(np.int32) + 1


def _polygons(objects: MergedObjects, transform: Affine) -> np.ndarray:
    """Outlines as WKB in the scene's CRS, (m,); an outline that is none gives way to its box."""
    left, top, right, bottom = objects.box.T
    boxes = np.stack([left, top, right, top, right, bottom, left, bottom], axis=-1).reshape(-1, 4, 2)
    drawn = _on_map(objects.outline, transform)
    sound = shapely.is_valid(drawn) & (shapely.area(drawn) > 0)
    return np.asarray(shapely.to_wkb(np.where(sound, drawn, _on_map(boxes, transform))), dtype=object)


def _on_map(corners: np.ndarray, transform: Affine) -> np.ndarray:
    places = np.stack(transform * (corners[..., 0], corners[..., 1]), axis=-1)
    return np.asarray(shapely.polygons(shapely.linearrings(places)), dtype=object)
