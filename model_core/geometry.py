"""How large a pixel is on the ground."""

from __future__ import annotations

import math

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as to_other_crs

# WGS 84 ellipsoid.
_SEMI_MAJOR_M = 6378137.0
_ECCENTRICITY_2 = 0.0066943799901413165
# A grid's own unit is kept where it is true within 1 %, so that a 10 m UTM grid reads as 10 m and not 10.004.
_SAME = 0.01


def ground_sampling_distance(crs: CRS | None, transform: Affine, width: int, height: int) -> float | None:
    """Edge (m) of a square pixel as large as the scene's centre pixel.

    Pixels of geographic coordinates are measured on the ellipsoid. So are those of projections that do
    not keep distances: a "10 m" pixel of web Mercator is 6.4 m at 50 degrees.

    Returns:
        None without a georeference, or where the CRS tells no unit.
    """
    if crs is None or transform.is_identity or transform.is_degenerate:
        return None
    nominal = None
    if crs.is_projected or not crs.is_geographic:
        try:
            factor = float(crs.units_factor[1])
        except (RasterioError, ValueError):
            return None
        nominal = math.sqrt(abs(transform.determinant)) * factor
    true = _on_ellipsoid(crs, transform, width, height)
    if true is None or (nominal is not None and abs(true / nominal - 1.0) <= _SAME):
        return nominal
    return true


def _on_ellipsoid(crs: CRS, transform: Affine, width: int, height: int) -> float | None:
    """Root of the area of the centre pixel on the WGS 84 ellipsoid, or None if it has no place on Earth."""
    column, row = width / 2.0, height / 2.0
    points = [transform * at for at in ((column, row), (column + 1.0, row), (column, row + 1.0))]
    try:
        lons, lats = to_other_crs(crs, "EPSG:4326", [x for x, _ in points], [y for _, y in points])
    except Exception:  # rasterio lets PROJ's own errors through, whose class is private: no way to WGS 84
        return None
    if not all(map(math.isfinite, (*lons, *lats))) or max(map(abs, lats)) > 90.0:
        return None
    latitude = math.radians(lats[0])
    curvature = 1.0 - _ECCENTRICITY_2 * math.sin(latitude) ** 2
    east = _SEMI_MAJOR_M / math.sqrt(curvature) * math.cos(latitude)  # metres per radian of longitude
    north = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_2) / curvature**1.5  # metres per radian of latitude
    steps = [
        (math.radians((lon - lons[0] + 180.0) % 360.0 - 180.0) * east, math.radians(lat - lats[0]) * north)
        for lon, lat in zip(lons[1:], lats[1:], strict=True)
    ]
    area = abs(steps[0][0] * steps[1][1] - steps[0][1] * steps[1][0])
    return math.sqrt(area) if area > 0.0 else None
