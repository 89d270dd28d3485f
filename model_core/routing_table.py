"""routing.gpkg: one polygon per tile with its scores, the experts it went to, and why.

The polygon is the tile's core, so the layer covers the raster without overlaps. The file's bytes
depend on its content alone, never on the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from pyogrio import raw
from rasterio.crs import CRS
from rasterio.transform import Affine

from .errors import OutputError
from .geopackage import READ_FAILURES, texts, write_layer
from .grid import Tile
from .routing import OUTSIDE, OUTSIDE_MASK, TEXTS, UNREQUESTED, Routing
from .scene_expert import SceneExpertSpec
from .scene_tiles import SCENE_COLUMNS, SceneTiles

LAYER = "tiles"


def write_table(
    path: Path,
    tiles: Sequence[Tile],
    transform: Affine,
    crs: CRS | None,
    names: Sequence[str],
    valid: np.ndarray,
    scores: np.ndarray,
    routing: Routing,
    more: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write the layer `tiles`.

    Args:
        path: the GeoPackage.
        tiles: the N tiles.
        transform: from pixels of the tiles' raster to the CRS.
        crs: of the scene, or None.
        names: the E experts.
        valid: (N,) share of valid pixels, 0 to 1.
        scores: float (N, E); NaN (written as NULL) for tiles without data.
        routing: the decisions.
        more: columns that follow: numbers (NaN is written as NULL) or texts, (N,) each.

    Raises:
        OutputError: the file cannot be written.
    """
    # (N, 4, 2): the corners of each core in the scene's CRS, also where the raster is rotated.
    cores = np.array([tile.core for tile in tiles], dtype=np.float64)
    columns, rows = cores[:, [0, 2, 2, 0]], cores[:, [1, 1, 3, 3]]
    corners = np.stack(transform * (columns, rows), axis=-1)
    polygons = shapely.to_wkb(shapely.polygons(shapely.linearrings(corners)))

    data: dict[str, np.ndarray] = {
        "tile": _ints(tile.index for tile in tiles),
        "row": _ints(tile.row for tile in tiles),
        "col": _ints(tile.col for tile in tiles),
        "x": _ints(tile.x for tile in tiles),
        "y": _ints(tile.y for tile in tiles),
        "width": _ints(tile.width for tile in tiles),
        "height": _ints(tile.height for tile in tiles),
        "valid": np.asarray(valid, dtype=np.float64),
    }
    for expert, name in enumerate(names):
        data[f"score_{name}"] = scores[:, expert].astype(np.float64)
    numbers = range(len(tiles))
    chosen = [routing.chosen(n) for n in numbers]
    data["chosen"] = texts(",".join(names[expert] for expert in row) for row in chosen)
    data["k"] = _ints(len(row) for row in chosen)
    # The strongest of the experts that could have served: a high score of one that could not explains
    # nothing beside an abstention.
    could = ~np.isnan(scores) & ~np.isin(routing.reason, (OUTSIDE, UNREQUESTED))
    best = np.where(could.any(axis=1), np.argmax(np.where(could, scores, -1.0), axis=1), -1)
    data["top_expert"] = texts(names[b] if b >= 0 else None for b in best)
    data["top_score"] = np.array(
        [scores[n, b] if b >= 0 else np.nan for n, b in enumerate(best)], dtype=np.float64
    )
    data["reason"] = texts(routing.tile_text(n) for n in numbers)
    for expert, name in enumerate(names):
        data[f"reason_{name}"] = texts(routing.reason_text(n, expert) for n in numbers)
    data |= more or {}

    write_layer(path, LAYER, data, polygons=np.asarray(polygons, dtype=object), crs=crs)


@dataclass(frozen=True)
class StoredTiles:
    """What a routing table tells of its N tiles, in their order.

    Attributes:
        valid: float64 (N,), share of valid pixels.
        scores: float32 (N, E), NaN for tiles without data or left out.
        chosen: bool (N, E), the experts that each tile went to.
        masked: bool (N,), tiles that the mask left out.
        scenes: what the scene expert said; None = the model has none.
    """

    valid: np.ndarray
    scores: np.ndarray
    chosen: np.ndarray
    masked: np.ndarray
    scenes: SceneTiles | None = None


def read_table(
    path: Path, tiles: Sequence[Tile], names: Sequence[str], scene: SceneExpertSpec | None = None
) -> StoredTiles:
    """Read what `write_table` wrote for these tiles and experts.

    Args:
        path: the GeoPackage.
        tiles: of the run.
        names: of the model's experts.
        scene: the model's scene expert, or None.

    Raises:
        OutputError: it cannot be read, is of other tiles or experts, or lacks the scenes.
    """
    try:
        meta, _, _, columns = raw.read(str(path), layer=LAYER, read_geometry=False)
    except READ_FAILURES as error:
        raise OutputError(f"'{path}' cannot be read ({error}); run the prediction again.") from error
    fields = dict(zip(meta["fields"], columns, strict=True))
    where = ["tile", "x", "y", "width", "height"]
    texts = ["chosen", "reason"]
    wanted = [*where, "valid", *texts, *(f"score_{name}" for name in names)]
    extra = SCENE_COLUMNS if scene is not None and set(SCENE_COLUMNS) <= set(fields) else ()
    same = set(wanted) <= set(fields) and len(fields["tile"]) == len(tiles)
    same = same and all((fields[name].dtype == object) == (name in texts) for name in wanted)
    if same:
        order = np.argsort(fields["tile"], kind="stable")
        fields = {name: fields[name][order] for name in (*wanted, *extra)}
        places = np.array([[tile.index, tile.x, tile.y, tile.width, tile.height] for tile in tiles])
        same = np.array_equal(np.stack([fields[name] for name in where], axis=1), places)
    if not same:
        raise OutputError(f"'{path}' holds other tiles or experts than the run; run the prediction again.")
    scenes = None if scene is None else _scenes(path, fields, scene)
    served = [set((text or "").split(",")) for text in fields["chosen"]]
    return StoredTiles(
        valid=fields["valid"].astype(np.float64),
        # As wide as they were before they were written: nothing is lost either way.
        scores=np.stack([fields[f"score_{name}"] for name in names], axis=1).astype(np.float32),
        chosen=np.array([[name in row for name in names] for row in served], dtype=bool),
        masked=fields["reason"] == TEXTS[OUTSIDE_MASK],
        scenes=scenes,
    )


def _scenes(path: Path, fields: Mapping[str, np.ndarray], scene: SceneExpertSpec) -> SceneTiles:
    try:
        return SceneTiles.from_columns(fields, scene)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise OutputError(
            f"'{path}' does not hold what the model's scene expert said of each tile ({error!r}), as it was "
            "edited or is of an older HydraNet; run the prediction again."
        ) from error


def _ints(values) -> np.ndarray:
    return np.fromiter(values, dtype=np.int32)
