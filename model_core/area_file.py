"""Polygons from any vector file, valid and in the coordinate reference system of a raster."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyogrio
import shapely
from affine import Affine
from pyogrio import raw
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as to_other_crs

from .errors import RequestError

# The raster's window is known in the mask's CRS at so many places per side: enough to find what can
# matter there (with a margin, as a share of its size), and how long an edge may be before it must bend.
_PLACES = 33
_MARGIN = 0.1
_STEPS = 4


@dataclass(frozen=True)
class Shapes:
    """The polygons of one layer, valid, in their own CRS and in the order of their features.

    Attributes:
        path: the file.
        what: what the file is to the user, such as "mask".
        polygons: single polygons (n,).
        values: of the field that was asked for, one for each polygon; None without a field.
        crs: as declared, or None.
        notes: sentences for the user about what was met in the file.
    """

    path: str
    what: str
    polygons: np.ndarray
    values: np.ndarray | None
    crs: CRS | None
    notes: tuple[str, ...]
    _near: list[Callable[..., Any]] = field(default_factory=list, repr=False)

    def near(self, frame: shapely.Polygon) -> np.ndarray:
        """Indices, ascending, of the polygons that a rectangle touches."""
        if not self._near:  # made once, for many rasters
            self._near.append(shapely.STRtree(self.polygons).query)
        return np.sort(self._near[0](frame, predicate="intersects"))


def read_shapes(path: str, what: str = "mask", layer: str | None = None, column: str | None = None) -> Shapes:
    """Read the polygons of a vector file.

    Args:
        path: a vector file.
        what: what it is to the user.
        layer: its layer; None = the first that has polygons.
        column: field whose values are wanted, or None.

    Raises:
        RequestError: the file cannot be read, lacks the layer or the field, or holds no polygons.
    """
    polygons, index, values, source, notes = _first_polygons(path, what, layer, column)
    if not np.isfinite(shapely.get_coordinates(polygons)).all():
        raise RequestError(f"The {what} '{path}' holds coordinates that are no numbers; repair its polygons.")
    polygons, part = repaired_parts(polygons)
    values = None if values is None else values[index][part]
    return Shapes(path, what, polygons, values, source, tuple(notes))


def place(
    shapes: Shapes, crs: CRS | None, transform: Affine, width: int, height: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Bring the polygons that can matter for a raster to its CRS.

    Edges are split before they are brought to another CRS, because what is straight in one is bent in
    the other; polygons far from the raster, where its CRS may have no coordinates, are left out.

    Args:
        shapes: what was read.
        crs: of the raster, or None.
        transform: from the raster's pixels to that CRS.
        width: of the raster in pixels.
        height: of the raster in pixels.

    Returns:
        Polygons (n,) in the raster's CRS; for each the index, ascending, of the one of `shapes` that it is
        of; and sentences for the user.

    Raises:
        RequestError: they cannot be brought to that CRS.
    """
    path, what, source = shapes.path, shapes.what, shapes.crs
    notes = list(shapes.notes)
    if source is None and crs is not None:
        notes.append(f"The {what} '{path}' declares no CRS; its coordinates were taken as the raster's.")
    if source is None or source == crs:
        return shapes.polygons, np.arange(len(shapes.polygons)), notes
    if crs is None:
        raise RequestError(
            f"The {what} '{path}' has a CRS but the raster has none, so they cannot be laid over each other; "
            f"give the raster a CRS, or a {what} without one in the raster's coordinates."
        )
    try:
        frame, step = _window_in(source, crs, transform, width, height)
        near = shapes.near(frame)
        clipped, index = _clipped(shapes.polygons[near], frame)
        split = shapely.segmentize(clipped, step)
        moved = shapely.transform(split, lambda points: _moved(points, source, crs))
    except Exception as error:  # rasterio lets PROJ's own errors through, whose class is private
        raise _no_way(path, what, " ".join(str(error).split()).rstrip(".")) from error
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise _no_way(path, what, "some lie where it is not defined")
    polygons, part = repaired_parts(moved)
    return polygons, near[index][part], notes


def read_polygons(
    path: str, crs: CRS | None, transform: Affine, width: int, height: int
) -> tuple[np.ndarray, list[str]]:
    """Read the polygons of a mask that can matter for a raster, see `place`.

    Args:
        path: a vector file; all polygons of its first layer that has any count.
        crs: of the raster, or None.
        transform: from the raster's pixels to that CRS.
        width: of the raster in pixels.
        height: of the raster in pixels.

    Returns:
        Polygons (n,) in the raster's CRS, and sentences for the user.

    Raises:
        RequestError: the file cannot be read, holds no polygons, or cannot be brought to that CRS.
    """
    polygons, _, notes = place(read_shapes(path), crs, transform, width, height)
    return polygons, notes


def polygon_parts(geometries: np.ndarray) -> np.ndarray:
    """The single polygons (n,) in geometries of any kind; lines, points and empty ones are left out."""
    return _parts(geometries)[0]


def repaired(polygons: np.ndarray) -> np.ndarray:
    """The same polygons, invalid ones made valid; what has no surface is left out."""
    return repaired_parts(polygons)[0]


def clip(polygons: np.ndarray, frame: shapely.Polygon) -> np.ndarray:
    """What of the polygons lies in a rectangle; those wholly inside stay as they are."""
    return _clipped(polygons, frame)[0]


def _parts(geometries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Single polygons (n,), and of which geometry each is, ascending."""
    parts, index = shapely.get_parts(geometries, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)  # a collection may hold multipolygons
    fine = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    return parts[fine], index[inner[fine]]


def repaired_parts(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same polygons (n,), valid, and of which one each is, ascending."""
    bad = ~shapely.is_valid(polygons)
    if not bad.any():
        return polygons, np.arange(len(polygons))
    mended = polygons.copy()
    mended[bad] = shapely.make_valid(polygons[bad])
    return _parts(mended)


def _clipped(polygons: np.ndarray, frame: shapely.Polygon) -> tuple[np.ndarray, np.ndarray]:
    """What of the polygons lies in a rectangle (n,), and of which one each is, ascending."""
    near = np.flatnonzero(shapely.intersects(polygons, frame))
    found = polygons[near]
    across = ~shapely.within(found, frame)
    found[across] = shapely.intersection(found[across], frame)
    parts, index = _parts(found)
    return parts, near[index]


def _first_polygons(
    path: str, what: str, layer: str | None, column: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, CRS | None, list[str]]:
    """Polygons of the layer, or of the first layer that has any.

    Returns:
        Polygons (n,), the feature that each is of, the features' values, the CRS, and what else was met.
    """
    if not path.startswith("/vsi") and not os.path.exists(path):
        raise RequestError(f"The {what} '{path}' does not exist; check the path.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a file lacks; what matters is said below
            layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
            if layer is not None and layer not in layers:
                raise RequestError(
                    f"The {what} '{path}' has no layer '{layer}' with geometries; its layers are "
                    f"{', '.join(layers) or 'none'}."
                )
            for name in layers if layer is None else [layer]:
                columns = [] if column is None else [column]
                meta, _, wkb, data = raw.read(path, layer=name, columns=columns, force_2d=True)
                there = np.array([one is not None for one in wkb], dtype=bool)
                geometries = _geometries(path, what, np.asarray(wkb, dtype=object))[there]
                polygons, index = _parts(geometries)
                if polygons.size:
                    values = None if column is None else _values(path, what, name, meta, data, column)[there]
                    others = _without_surface(geometries)
                    notes = [f"Features of the {what} '{path}' that are no polygons were left out: {others}."]
                    return polygons, index, values, _crs_of(path, what, meta), notes if others else []
    except (DataSourceError, DataLayerError, OSError, ValueError) as error:
        why = " ".join(str(error).split()).partition("; It might help")[0].rstrip(".")  # GDAL's own advice
        raise RequestError(
            f"The {what} '{path}' cannot be read ({why}); give a vector file such as GeoPackage or GeoJSON."
        ) from error
    raise RequestError(f"The {what} '{path}' holds no polygons; give a vector file with polygons.")


def _geometries(path: str, what: str, wkb: np.ndarray) -> np.ndarray:
    """Geometries (n,) of well-known binary (n,), None where there is none."""
    found = shapely.from_wkb(wkb, on_invalid="ignore")
    bad = np.flatnonzero(shapely.is_missing(found) & np.array([one is not None for one in wkb], dtype=bool))
    if bad.size:
        raise RequestError(
            f"{bad.size} of the {len(wkb)} features of the {what} '{path}' have an outline that does not end "
            f"where it begins, or has too few corners (the first is number {bad[0] + 1}); repair them (in "
            "QGIS: Fix geometries), or delete them."
        )
    return found


def _values(
    path: str, what: str, layer: str, meta: dict[str, Any], data: list[np.ndarray], column: str
) -> np.ndarray:
    if column in list(meta["fields"]):
        return np.asarray(data[list(meta["fields"]).index(column)])
    fields = [str(name) for name in pyogrio.read_info(path, layer=layer)["fields"]]
    raise RequestError(
        f"The {what} '{path}' has no field '{column}'; its fields are {', '.join(fields) or 'none'}."
    )


def _without_surface(geometries: np.ndarray) -> int:
    return int(np.count_nonzero(shapely.get_dimensions(geometries) < 2))


def _crs_of(path: str, what: str, meta: dict[str, Any]) -> CRS | None:
    if not meta.get("crs"):
        return None
    try:
        return CRS.from_user_input(meta["crs"])
    except (RasterioError, ValueError) as error:
        raise RequestError(
            f"The CRS of the {what} '{path}' cannot be understood; save the {what} in the raster's CRS."
        ) from error


def _window_in(
    source: CRS, crs: CRS, transform: Affine, width: int, height: int
) -> tuple[shapely.Polygon, float]:
    """Box around the raster in the CRS `source`, and how long an edge may be there."""
    columns, rows = np.meshgrid(np.linspace(0, width, _PLACES), np.linspace(0, height, _PLACES))
    xs, ys = transform * (columns.ravel(), rows.ravel())
    grid = _moved(np.stack([xs, ys], axis=-1), crs, source).reshape(_PLACES, _PLACES, 2)
    steps = np.concatenate(
        [np.hypot(*np.diff(grid, axis=axis).reshape(-1, 2).T) for axis in (0, 1)]
    )  # at the antimeridian some are as long as the Earth: the median is not
    steps = steps[np.isfinite(steps) & (steps > 0)]
    places = grid.reshape(-1, 2)
    places = places[np.isfinite(places).all(axis=1)]
    if not places.size or not steps.size:
        raise ValueError("the raster has no place in the mask's CRS")
    low, high = places.min(axis=0), places.max(axis=0)
    margin = (high - low) * _MARGIN
    return shapely.box(*(low - margin), *(high + margin)), float(np.median(steps)) / _STEPS


def _moved(points: np.ndarray, source: CRS, target: CRS) -> np.ndarray:
    """Points (n, 2) in another CRS."""
    if not len(points):
        return points
    xs, ys = to_other_crs(source, target, points[:, 0].tolist(), points[:, 1].tolist())
    return np.stack([np.asarray(xs), np.asarray(ys)], axis=-1)


def _no_way(path: str, what: str, why: str) -> RequestError:
    return RequestError(
        f"The polygons of the {what} '{path}' cannot be brought to the raster's CRS ({why}); save the {what} "
        "in the raster's CRS."
    )
