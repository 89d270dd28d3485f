"""Where pixels lie: how large one is on the ground, which ones an extent touches, which to look at first."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as to_other_crs
from rasterio.windows import Window

from .errors import RequestError

# WGS 84 ellipsoid.
_SEMI_MAJOR_M = 6378137.0
_ECCENTRICITY_2 = 0.0066943799901413165
# A grid's own unit is kept where it is true within 1 %, so that a 10 m UTM grid reads as 10 m and not 10.004.
_SAME = 0.01
# Rounding of coordinates must not push a window one pixel outward.
_SNAP = 1e-6
# Windows (n x n of them, edge in pixels) that are looked at to tell the radiometry; the second, finer
# set is read only where the first meets no valid pixel. Bounded, so a huge raster opens as fast as a small.
_SAMPLE_SETS = ((4, 64), (12, 16))


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
    steps = ground_steps(crs, transform, np.array([width / 2.0]), np.array([height / 2.0]))[0]
    area = abs(float(steps[0, 0] * steps[1, 1] - steps[0, 1] * steps[1, 0]))
    return math.sqrt(area) if area > 0.0 else None  # NaN is not above 0


def ground_steps(crs: CRS, transform: Affine, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How far one pixel to the right and one pixel down lead on the WGS 84 ellipsoid.

    Args:
        crs: of the raster.
        transform: from its pixels to that CRS.
        columns: float64 (n,), places in pixels.
        rows: float64 (n,).

    Returns:
        float64 (n, 2, 2), metres: [:, 0] is east and [:, 1] north, [..., 0] of a step right and [..., 1]
        of a step down. NaN where a place is not on Earth, or the CRS does not lead there.
    """
    unknown = np.full((len(columns), 2, 2), np.nan)
    # (3, n): each place, the pixel on its right, the pixel below.
    xs, ys = transform * (columns + [[0.0], [1.0], [0.0]], rows + [[0.0], [0.0], [1.0]])
    try:
        found = to_other_crs(crs, "EPSG:4326", xs.ravel().tolist(), ys.ravel().tolist())
    except Exception:  # rasterio lets PROJ's own errors through, whose class is private: no way to WGS 84
        return unknown
    lons, lats = (np.array(values, dtype=np.float64).reshape(3, -1) for values in found[:2])
    with np.errstate(invalid="ignore"):
        latitude = np.radians(lats[0])
        curvature = 1.0 - _ECCENTRICITY_2 * np.sin(latitude) ** 2
        east = _SEMI_MAJOR_M / np.sqrt(curvature) * np.cos(latitude)  # metres per radian of longitude
        north = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_2) / curvature**1.5  # metres per radian of latitude
        steps = np.stack(
            [
                np.radians((lons[1:] - lons[0] + 180.0) % 360.0 - 180.0) * east,
                np.radians(lats[1:] - lats[0]) * north,
            ]
        )  # (2 directions, 2 steps, n)
        fine = np.isfinite(steps).all(axis=(0, 1)) & (np.abs(lats) <= 90.0).all(axis=0)
    return np.where(fine[:, None, None], steps.transpose(2, 0, 1), unknown)


def window_of_bounds(
    bounds: tuple[float, float, float, float], transform: Affine, width: int, height: int, name: str
) -> Window:
    """The pixels that bounds (xmin, ymin, xmax, ymax) touch, snapped outward and clipped to the raster.

    Args:
        bounds: in the raster's CRS.
        transform: pixel to coordinates.
        width: of the raster, in pixels.
        height: of the raster, in pixels.
        name: of the raster, for messages.

    Raises:
        RequestError: the bounds are empty or do not meet the raster.
    """
    xmin, ymin, xmax, ymax = bounds
    if not all(map(math.isfinite, bounds)) or xmin >= xmax or ymin >= ymax:
        raise RequestError(f"The extent {bounds} is empty; give xmin, ymin, xmax, ymax with min below max.")
    if transform.is_degenerate:
        raise RequestError(f"The pixels of '{name}' have no size, so no extent can be found in it.")
    to_pixel = ~transform
    corners = [to_pixel * (x, y) for x in (xmin, xmax) for y in (ymin, ymax)]
    left, right = min(c for c, _ in corners), max(c for c, _ in corners)
    top, bottom = min(r for _, r in corners), max(r for _, r in corners)
    x0, x1 = max(0, math.floor(left + _SNAP)), min(width, math.ceil(right - _SNAP))
    y0, y1 = max(0, math.floor(top + _SNAP)), min(height, math.ceil(bottom - _SNAP))
    if x0 >= x1 or y0 >= y1:
        raise RequestError(
            f"The extent {bounds} lies outside '{name}'; give it in the raster's own coordinates."
        )
    return Window(x0, y0, x1 - x0, y1 - y0)


def sample_windows(width: int, height: int) -> Iterator[list[Window]]:
    """Small windows spread evenly over a raster, in sets; a set is of use where those before hold no data."""
    for count, edge in _SAMPLE_SETS:
        yield [_spread(width, height, col, row, count, edge) for row in range(count) for col in range(count)]


def _spread(width: int, height: int, col: int, row: int, count: int, edge: int) -> Window:
    """Window (col, row) of count x count ones, centred in equal parts of the raster."""
    w, h = min(edge, width), min(edge, height)
    x = min(max((2 * col + 1) * width // (2 * count) - w // 2, 0), width - w)
    y = min(max((2 * row + 1) * height // (2 * count) - h // 2, 0), height - h)
    return Window(x, y, w, h)
