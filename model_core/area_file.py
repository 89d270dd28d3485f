"""Polygons from any vector file, valid and in the coordinate reference system of a raster."""

from __future__ import annotations

import os
import warnings
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


def read_polygons(
    path: str, crs: CRS | None, transform: Affine, width: int, height: int
) -> tuple[np.ndarray, list[str]]:
    """Read the polygons that can matter for a raster.

    Edges are split before they are brought to another CRS, because what is straight in one is bent in
    the other; polygons far from the raster, where its CRS may have no coordinates, are left out.

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
    polygons, source, notes = _first_polygons(path)
    if not np.isfinite(shapely.get_coordinates(polygons)).all():
        raise RequestError(f"The mask '{path}' holds coordinates that are no numbers; repair its polygons.")
    polygons = repaired(polygons)
    if source is None and crs is not None:
        notes.append(f"The mask '{path}' declares no CRS; its coordinates were taken as the raster's.")
    if source is None or source == crs:
        return polygons, notes
    if crs is None:
        raise RequestError(
            f"The mask '{path}' has a CRS but the raster has none, so they cannot be laid over each other; "
            "give the raster a CRS, or a mask without one in the raster's coordinates."
        )
    try:
        frame, step = _window_in(source, crs, transform, width, height)
        split = shapely.segmentize(clip(polygons, frame), step)
        moved = shapely.transform(split, lambda points: _moved(points, source, crs))
    except Exception as error:  # rasterio lets PROJ's own errors through, whose class is private
        raise _no_way(path, " ".join(str(error).split()).rstrip(".")) from error
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise _no_way(path, "some lie where it is not defined")
    return repaired(moved), notes


def polygon_parts(geometries: np.ndarray) -> np.ndarray:
    """The single polygons (n,) in geometries of any kind; lines, points and empty ones are left out."""
    parts = shapely.get_parts(shapely.get_parts(geometries))  # a collection may hold multipolygons
    return parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)]


def repaired(polygons: np.ndarray) -> np.ndarray:
    """The same polygons, invalid ones made valid; what has no surface is left out."""
    bad = ~shapely.is_valid(polygons)
    if not bad.any():
        return polygons
    return np.concatenate([polygons[~bad], polygon_parts(shapely.make_valid(polygons[bad]))])


def clip(polygons: np.ndarray, frame: shapely.Polygon) -> np.ndarray:
    """What of the polygons lies in a rectangle; those wholly inside stay as they are."""
    near = polygons[shapely.intersects(polygons, frame)]
    whole = shapely.within(near, frame)
    return np.concatenate([near[whole], polygon_parts(shapely.intersection(near[~whole], frame))])


def _first_polygons(path: str) -> tuple[np.ndarray, CRS | None, list[str]]:
    """Polygons of the first layer that has any, its CRS, and what else was met."""
    if not path.startswith("/vsi") and not os.path.exists(path):
        raise RequestError(f"The mask '{path}' does not exist; check the path.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a file lacks; what matters is said below
            layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
            for layer in layers:
                meta, _, wkb, _ = raw.read(path, layer=layer, columns=[], force_2d=True)
                there = np.array([one is not None for one in wkb], dtype=bool)
                geometries = shapely.from_wkb(np.asarray(wkb, dtype=object)[there])
                polygons = polygon_parts(geometries)
                if polygons.size:
                    others = _without_surface(geometries)
                    notes = [f"Features of the mask '{path}' that are no polygons were left out: {others}."]
                    return polygons, _crs_of(path, meta), notes if others else []
    except (DataSourceError, DataLayerError, shapely.errors.ShapelyError, OSError, ValueError) as error:
        why = " ".join(str(error).split()).partition("; It might help")[0].rstrip(".")  # GDAL's own advice
        raise RequestError(
            f"The mask '{path}' cannot be read ({why}); give a vector file such as GeoPackage or GeoJSON."
        ) from error
    raise RequestError(f"The mask '{path}' holds no polygons; give a vector file with polygons.")


def _without_surface(geometries: np.ndarray) -> int:
    return int(np.count_nonzero(shapely.get_dimensions(geometries) < 2))


def _crs_of(path: str, meta: dict[str, Any]) -> CRS | None:
    if not meta.get("crs"):
        return None
    try:
        return CRS.from_user_input(meta["crs"])
    except (RasterioError, ValueError) as error:
        raise RequestError(
            f"The CRS of the mask '{path}' cannot be understood; save the mask in the raster's CRS."
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


def _no_way(path: str, why: str) -> RequestError:
    return RequestError(
        f"The polygons of the mask '{path}' cannot be brought to the raster's CRS ({why}); save the mask in "
        "the raster's CRS."
    )
