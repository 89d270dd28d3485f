"""Where a run lies on the globe: GeoJSON in longitude and latitude, also across the 180th meridian.

RFC 7946, sections 3.1.9 and 5.2: what crosses the meridian is cut there, and its box then begins in the
east (west > east). What holds a pole is given as the whole cap down to its lowest latitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.warp import transform as reproject

# What GDAL raises through rasterio: a CRS of a building site comes as the plain GDAL error.
_TROUBLES = (RasterioError, CPLE_BaseError)
_GLOBE = CRS.from_epsg(4326)
_STEPS = 16  # points along an edge: straight in the CRS is a curve on the globe
_DIGITS = 7  # of degrees, about a centimetre


@dataclass(frozen=True)
class Footprint:
    """A place on the globe.

    Attributes:
        geometry: GeoJSON, a Polygon or a MultiPolygon.
        bbox: west, south, east, north in degrees; west > east where it crosses the 180th meridian.
    """

    geometry: dict[str, Any]
    bbox: list[float]


def footprint(crs: CRS | None, transform: Affine, width: int, height: int) -> Footprint | None:
    """The rectangle of a raster.

    Args:
        crs: of the raster.
        transform: from its pixels to the CRS.
        width: in pixels.
        height: in pixels.

    Returns:
        None without a CRS, or with one that cannot be told on the globe.
    """
    if crs is None:
        return None
    edge = np.arange(_STEPS) / _STEPS
    whole = np.zeros(_STEPS)
    columns = np.concatenate([edge, whole + 1, 1 - edge, whole]) * width
    rows = np.concatenate([whole, edge, whole + 1, 1 - edge]) * height
    try:
        lon, lat = reproject(crs, _GLOBE, *(part.tolist() for part in transform * (columns, rows)))
    except _TROUBLES:
        return None
    ring = np.stack([lon, lat], axis=-1)[::-1]  # (n, 2), turned to run against the clock
    if not np.isfinite(ring).all() or np.abs(ring[:, 1]).max() > 90:
        return None
    return _of_ring(ring)


def _of_ring(ring: np.ndarray) -> Footprint:
    """Of the corners of a rectangle, (n, 2) longitudes and latitudes."""
    steps = np.diff(np.append(ring[:, 0], ring[0, 0]))
    jumps = np.round(steps / 360)  # a step of more than half the globe went round the other way
    if jumps.sum():
        low, high = ring[:, 1].min(), ring[:, 1].max()
        south, north = (low, 90.0) if high > 0 else (-90.0, high)
        return _plain(shapely.box(-180, south, 180, north))
    lon = ring[:, 0] - 360 * np.concatenate([[0], np.cumsum(jumps)[:-1]])
    lon -= 360 * np.floor((lon.min() + 180) / 360)  # it begins within -180 to 180
    shape = shapely.polygons(np.stack([lon, ring[:, 1]], axis=-1))
    if lon.max() <= 180:
        return _plain(shape)
    west = shapely.intersection(shape, shapely.box(-180, -90, 180, 90))
    east = shapely.intersection(shape, shapely.box(180, -90, 540, 90))
    east = shapely.transform(east, lambda points: points - [360, 0])
    begin, south, _east, north = shape.bounds
    box = _rounded([begin, south, east.bounds[2], north])
    return Footprint(_json(shapely.multipolygons([west, east])), box)


def together(boxes: list[list[float]]) -> list[float]:
    """The box around boxes; all longitudes if any of them crosses the 180th meridian."""
    if not boxes:
        return [-180.0, -90.0, 180.0, 90.0]  # nothing is known
    south, north = min(box[1] for box in boxes), max(box[3] for box in boxes)
    if any(box[0] > box[2] for box in boxes):
        return [-180.0, south, 180.0, north]
    return [min(box[0] for box in boxes), south, max(box[2] for box in boxes), north]


def _plain(shape: Any) -> Footprint:
    return Footprint(_json(shape), _rounded(shape.bounds))


def _json(shape: Any) -> dict[str, Any]:
    """GeoJSON; the outer rings run against the clock, as RFC 7946 has them."""

    def ring(part: Any) -> list[list[list[float]]]:
        points = shapely.get_coordinates(shapely.geometry.polygon.orient(part, 1.0))
        return [[_rounded(point) for point in points]]

    if shape.geom_type == "Polygon":
        return {"type": "Polygon", "coordinates": ring(shape)}
    return {"type": "MultiPolygon", "coordinates": [ring(part) for part in shape.geoms]}


def _rounded(values: Any) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]
