"""Where tiles lie on the ground: in which square block, and which of them share a pixel.

Blocks are anchored on the globe, not on a raster's corner or in its CRS, so that two dates of one place, or
two UTM zones of one coast, have the same ones: rows of one height from the equator on, each cut into a whole
number of blocks as wide as they are high. A raster without a place on the ground has blocks of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as to_other_crs

_RADIUS_M = 6371008.8  # mean radius of the Earth (IUGG)
_SHARED = 0.5  # pixels, of the smaller ones, that tiles of different rasters share at least to overlap
# Places along a tile's side: straight in the raster, it is bent in longitude and latitude.
_SIDE = 8


@dataclass(frozen=True)
class Place:
    """Where a tile is.

    Attributes:
        source: number of its raster.
        x, y: its upper left pixel there.
        size: its edge in pixels.
        centre: longitude and latitude (degrees); None without a place on the ground.
        outline: longitude and latitude along its border; None likewise.
    """

    source: int
    x: int
    y: int
    size: int
    centre: tuple[float, float] | None
    outline: shapely.Polygon | None


def places(
    source: int, crs: CRS | None, transform: Affine, corners: Sequence[tuple[int, int]], size: int
) -> list[Place]:
    """Where the tiles of one raster lie.

    Args:
        source: number of the raster.
        crs: of the raster, or None.
        transform: from its pixels to that CRS.
        corners: x, y of the tiles' upper left pixels.
        size: their edge in pixels.
    """
    steps = np.linspace(0.0, size, _SIDE + 1)[:-1]
    ring = np.concatenate(
        [
            np.stack([steps, np.zeros(_SIDE)], -1),
            np.stack([np.full(_SIDE, size), steps], -1),
            np.stack([size - steps, np.full(_SIDE, size)], -1),
            np.stack([np.zeros(_SIDE), size - steps], -1),
            [[size / 2.0, size / 2.0]],
        ]
    )
    found = []
    for start in range(0, len(corners), 4096):
        some = np.array(corners[start : start + 4096], dtype=np.float64).reshape(-1, 1, 2)
        lonlat = _lonlat(crs, transform, (some + ring).reshape(-1, 2)).reshape(len(some), -1, 2)
        for (x, y), points in zip(corners[start : start + 4096], lonlat, strict=True):
            centre = outline = None
            if np.isfinite(points).all():
                centre = (float(points[-1, 0]), float(points[-1, 1]))
                # No tile goes half around the Earth: what seems to, crosses the antimeridian.
                points[:, 0] = centre[0] + (points[:, 0] - centre[0] + 180.0) % 360.0 - 180.0
                outline = shapely.Polygon(points[:-1])
            found.append(Place(source, x, y, size, centre, outline))
    return found


def _lonlat(crs: CRS | None, transform: Affine, pixels: np.ndarray) -> np.ndarray:
    """Longitude and latitude (n, 2) of places (n, 2) in pixels; NaN where there are none."""
    nowhere = np.full(pixels.shape, np.nan)
    if crs is None or transform.is_degenerate:
        return nowhere
    xs, ys = transform * (pixels[:, 0], pixels[:, 1])
    try:
        found = to_other_crs(crs, "EPSG:4326", xs.tolist(), ys.tolist())
    except Exception:  # rasterio lets PROJ's own errors through, whose class is private
        return nowhere
    lonlat = np.stack([np.asarray(found[0]), np.asarray(found[1])], axis=-1)
    lonlat[~np.isfinite(lonlat).all(axis=1) | (np.abs(lonlat[:, 1]) > 90.0)] = np.nan
    return lonlat


def block_of(place: Place, block_m: float, block_tiles: float, name: str) -> str:
    """Name of the block that holds the tile's centre.

    Args:
        place: the tile's.
        block_m: edge of a block in metres.
        block_tiles: the same in tiles, for rasters without a place on the ground.
        name: of the raster, likewise.
    """
    if place.centre is None:
        edge = place.size * block_tiles
        row, column = (int((value + place.size / 2.0) // edge) for value in (place.y, place.x))
        return f"{name}_{row}_{column}"
    longitude, latitude = place.centre
    row = math.floor(math.radians(latitude) * _RADIUS_M / block_m)
    middle = math.cos(min((abs(row + 0.5)) * block_m / _RADIUS_M, math.pi / 2.0))
    count = max(1, round(2.0 * math.pi * _RADIUS_M * middle / block_m))
    column = math.floor((longitude % 360.0) / 360.0 * count) % count
    return f"{row}_{column}"


def sharing(tiles: Sequence[Place], splits: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) of tiles of different splits that share a pixel, or as much ground.

    Args:
        tiles: where they lie, all of one size.
        splits: of each.
    """
    yield from _within_rasters(tiles, splits)
    yield from _across_rasters(tiles, splits)


def _within_rasters(tiles: Sequence[Place], splits: Sequence[str]) -> Iterator[tuple[int, int]]:
    """By whole pixels."""
    by_cell: dict[tuple[int, int, int], list[int]] = {}
    for number, tile in enumerate(tiles):
        cell = tile.source, tile.x // tile.size, tile.y // tile.size
        for right in (-1, 0, 1):
            for down in (-1, 0, 1):
                for other in by_cell.get((cell[0], cell[1] + right, cell[2] + down), ()):
                    near = tiles[other]
                    if splits[other] == splits[number]:
                        continue
                    if abs(near.x - tile.x) < tile.size and abs(near.y - tile.y) < tile.size:
                        yield other, number
        by_cell.setdefault(cell, []).append(number)


def _across_rasters(tiles: Sequence[Place], splits: Sequence[str]) -> Iterator[tuple[int, int]]:
    """By the ground they cover."""
    shapes, owners = [], []
    for number, tile in enumerate(tiles):
        if tile.outline is None:
            continue
        west, _, east, _ = tile.outline.bounds
        for shift in (0.0, *((360.0,) if west < -180.0 else ()), *((-360.0,) if east > 180.0 else ())):
            shapes.append(shapely.transform(tile.outline, lambda points, by=shift: points + [by, 0.0]))
            owners.append(number)
    if len({tiles[owner].source for owner in owners}) < 2:
        return
    outlines = np.array(shapes, dtype=object)
    owner = np.array(owners)
    source = np.array([tiles[number].source for number in owners])
    split = np.array([splits[number] for number in owners])
    tree = shapely.STRtree(outlines)
    seen: set[tuple[int, int]] = set()
    for start in range(0, len(outlines), 1024):
        asked, met = tree.query(outlines[start : start + 1024], predicate="intersects")
        asked = asked + start
        new = (owner[asked] < owner[met]) & (source[asked] != source[met]) & (split[asked] != split[met])
        asked, met = asked[new], met[new]
        # Areas are compared where both are measured alike: a degree of longitude is as short for both.
        shared = shapely.area(shapely.intersection(outlines[asked], outlines[met]))
        least = np.minimum(shapely.area(outlines[asked]), shapely.area(outlines[met]))
        enough = shared > _SHARED * least / tiles[0].size ** 2
        for pair in zip(owner[asked[enough]].tolist(), owner[met[enough]].tolist(), strict=True):
            if pair not in seen:
                seen.add(pair)
                yield pair
