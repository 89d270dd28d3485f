"""How large objects are on the ground, in metres, whatever the raster's pixels are.

Pixels may be oblong, rotated, in degrees or in feet, and a projection may stretch them. So each object is
measured by what a step right and a step down mean on the ellipsoid at its own place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from ..geometry import ground_steps


@dataclass(frozen=True)
class Measures:
    """Sizes of n objects on the ground; NaN where they are not known.

    Attributes:
        area_m2: float64 (n,), square metres.
        length_m: float64 (n,), metres along the longer side.
        width_m: float64 (n,), metres across it; length times width is the area.
    """

    area_m2: np.ndarray
    length_m: np.ndarray
    width_m: np.ndarray


def measure(outline: np.ndarray, crs: CRS | None, transform: Affine) -> Measures:
    """Measure outlines.

    A rectangle in oblong pixels is a parallelogram on the ground. Its length is that of its longer side,
    its width the distance of the two longer sides.

    Args:
        outline: float64 (n, 4, 2), corners (x, y) of rectangles in pixels, one after the other around.
        crs: of the raster, or None.
        transform: from the pixels to the CRS.
    """
    steps = _steps(outline.mean(axis=1), crs, transform)
    # (n, 2 sides, 2): from the first corner to the second, from the second to the third; east and north.
    sides = np.einsum("nij,nsj->nsi", steps, np.diff(outline[:, :3], axis=1))
    area = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    length = np.hypot(sides[..., 0], sides[..., 1]).max(axis=1, initial=0.0)
    width = np.divide(area, length, out=np.full_like(area, np.nan), where=length > 0.0)
    return Measures(area, length, width)


def _steps(centres: np.ndarray, crs: CRS | None, transform: Affine) -> np.ndarray:
    """Metres of a step right and a step down at places (n, 2) in pixels, as `geometry.ground_steps`."""
    if crs is None or transform.is_identity or transform.is_degenerate:
        return np.full((len(centres), 2, 2), np.nan)
    steps = ground_steps(crs, transform, centres[:, 0], centres[:, 1])
    if crs.is_geographic or not len(centres):
        return steps
    try:
        metres = float(crs.units_factor[1])
    except (RasterioError, ValueError):
        return np.full((len(centres), 2, 2), np.nan)  # the scene's pixel size is not known either
    # A grid that is no place on Earth, such as a site's own, still has its unit.
    nominal = np.array([[transform.a, transform.b], [transform.d, transform.e]]) * metres
    return np.where(np.isnan(steps), nominal, steps)
