"""Whether two tiles saw the same object: what each of them saw of the part that both of them see.

What a tile shows of an object ends at the tile's window. So the boxes of a whole ship and of its cut-off bow
have little in common, while the parts of both that lie in the windows' common area are the same. Only these
are compared, axis by axis, with `SLACK` for boxes that are not exact. A ship that lies obliquely is compared
by its outline, as its box holds mostly water and perhaps another ship.

Where tiles share less than `THIN` pixels across a seam, or none, that axis tells nothing: both detections
must reach the seam, and their extents along it are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

CUT = 2.0
"""Pixels: a side this near to an edge of the window that is not the raster's is taken to be cut off there."""

THIN = 8.0
"""Pixels: common areas narrower than this are a seam, along which extents are compared."""

STRIP = 4.0
"""Pixels on each side of a seam within which the extents along it are taken."""

SLACK = 3.0
"""Pixels by which the two ends of an extent may differ together and still agree in full; at most a quarter
of the extent, so that touching boats of any size never agree."""

SAME = 0.5
"""Least agreement of two detections of one object."""

CROSSED = 0.3
"""Outlines with a lower intersection over union in the common area are two objects, even if boxes agree."""

RIVALS = 0.7
"""Intersection over union in the common area from which two classes claim the same object."""

WITHIN = 0.7
"""Share of a cut-off piece that must lie in the object whose piece it is."""

_CHUNK = 50_000  # pairs whose clipping is in memory at a time: 24 points each


@dataclass(frozen=True)
class Views:
    """n detections of all tiles in pixels of the run's window, in canonical order.

    Attributes:
        box: float64 (n, 4), x0, y0, x1, y1, within the tile's window.
        outline: float64 (n, 4, 2).
        label: int16 (n,).
        score: float64 (n,).
        tile: int64 (n,), index of the tile.
        window: float64 (n, 4), the tile's x0, y0, x1, y1.
        inner: bool (n, 4), sides of the window that are not the raster's.
    """

    box: np.ndarray
    outline: np.ndarray
    label: np.ndarray
    score: np.ndarray
    tile: np.ndarray
    window: np.ndarray
    inner: np.ndarray

    @property
    def cut(self) -> np.ndarray:
        """Sides of boxes at an inner edge of their window, bool (n, 4)."""
        return self.inner & (np.abs(self.box - self.window) <= CUT)


@dataclass(frozen=True)
class Links:
    """Pairs of detections of different tiles, each array over its own pairs.

    Attributes:
        same: int64 (p, 2), rows that are the same object of the same class, first row < second row, those
            with the best evidence first: pairs that share an area before those that meet at a seam, then by
            agreement, then by the sum of scores, then by row.
        piece: int64 (q, 2), a cut-off piece and what it is a piece of, though they do not agree in extent;
            ordered by row.
        rival: int64 (r, 2), rows of different classes that claim the same object; ordered by row.
    """

    same: np.ndarray
    piece: np.ndarray
    rival: np.ndarray


def compare(views: Views) -> Links:
    """Find which detections are the same object, pieces of one, or rivals for one."""
    cut, shape, oblique = views.cut, *_shapes(views)
    same, order, piece, rival = [], [], [], []
    for i, j in _candidates(views):
        first, second, reach, thin = _common(views, shape, oblique, i, j)
        agree, overlap, inside = _measures(first, second)
        agree[~reach] = 0.0
        alike = views.label[i] == views.label[j]
        shared = reach & ~thin
        looked = shared & (oblique[i] | oblique[j]) & (np.minimum(*_hull(first, second)) >= THIN)
        looked &= (agree >= SAME) | (inside.max(axis=0) >= WITHIN) | (overlap >= RIVALS)
        if looked.any():
            area = _area(views.window[i[looked]], views.window[j[looked]])
            crossing, share = _crossing(shape[i[looked]], shape[j[looked]], area)
            agree[looked] *= crossing >= CROSSED
            overlap[looked], inside[:, looked] = crossing, share
        linked = alike & (agree >= SAME)
        same.append(np.stack([i, j], 1)[linked])
        sums = views.score[i] + views.score[j]
        order.append(np.stack([thin[linked].astype(np.float64), -agree[linked], -sums[linked]], 1))
        claim = ~alike & shared & (overlap >= RIVALS)
        rival.append(np.stack([i, j], 1)[claim])
        for small, large, share in ((i, j, inside[0]), (j, i, inside[1])):
            # The larger goes on where the smaller one's window ends: of that, its tile saw but a piece.
            on = cut[small] & (_outward(views.box[large] - views.window[small]) > CUT)
            held = alike & shared & (agree < SAME) & (share >= WITHIN) & on.any(axis=1)
            held &= views.score[small] <= views.score[large]
            piece.append(np.stack([small, large], 1)[held])
    pairs, keys = _rows(same), np.concatenate([np.empty((0, 3)), *order])
    return Links(
        pairs[np.lexsort((pairs[:, 1], pairs[:, 0], keys[:, 2], keys[:, 1], keys[:, 0]))],
        _sorted(_rows(piece)),
        _sorted(_rows(rival)),
    )


def _candidates(views: Views) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows i < j of different tiles whose boxes meet, a chunk at a time."""
    boxes = shapely.box(*(views.box + CUT * np.array([-1, -1, 1, 1])).T)
    tree, step = shapely.STRtree(boxes), 20_000
    for start in range(0, len(boxes), step):
        i, j = tree.query(boxes[start : start + step])
        i = i + start
        kept = (i < j) & (views.tile[i] != views.tile[j])
        i, j = i[kept], j[kept]
        for part in range(0, len(i), _CHUNK):
            yield i[part : part + _CHUNK], j[part : part + _CHUNK]


def _shapes(views: Views) -> tuple[np.ndarray, np.ndarray]:
    """What to compare of each detection: (n, 4, 2) corners, and bool (n,) where they lie obliquely.

    The outline, if it is oblique and fits the box as far as the window shows it; otherwise the box.
    """
    x0, y0, x1, y1 = views.box.T
    corners = np.stack([np.stack(c, 1) for c in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], 1)
    edges = np.abs(np.roll(views.outline, -1, axis=1) - views.outline)  # (n, 4, 2)
    slope = edges.min(axis=2).max(axis=1) / np.maximum(edges.max(axis=(1, 2)), 1e-9)
    oblique = slope > 0.05
    rows = np.flatnonzero(oblique)
    for part in range(0, len(rows), _CHUNK):
        some = rows[part : part + _CHUNK]
        bounds = clipped_bounds(views.outline[some], views.window[some])
        fits = np.nan_to_num(_measures(bounds, views.box[some])[0]) >= 0.6
        oblique[some[~fits]] = False
    corners[oblique] = views.outline[oblique]
    return corners, oblique


def _common(
    views: Views, shape: np.ndarray, oblique: np.ndarray, i: np.ndarray, j: np.ndarray
) -> tuple[np.ndarray, ...]:
    """What both tiles of each pair saw of either detection.

    Returns:
        Extents of the first and of the second detection in the common area, float64 (p, 4) each; bool (p,)
        where both reach it and it says something; bool (p,) where it is a seam.
    """
    area = _area(views.window[i], views.window[j])
    span = area[:, 2:] - area[:, :2]  # (p, 2), negative where the windows do not meet
    apart = views.window[i, :2] != views.window[j, :2]
    seam = (span < THIN) & apart
    # Tiles that meet at a corner only have no seam along which to compare.
    reach = (span >= 0).all(axis=1) & ~seam.all(axis=1)
    widened = area + np.concatenate([seam * -STRIP, seam * STRIP], axis=1)
    sides = []
    for row in (i, j):
        window, inner, box = views.window[row], views.inner[row], views.box[row]
        region = _area(widened, window)
        bounds = _area(box, region)
        bounds[oblique[row]] = clipped_bounds(shape[row[oblique[row]]], region[oblique[row]])
        # An outline may end a little before a seam that its box reaches.
        missed = np.isnan(bounds[:, 0]) & seam.any(axis=1)
        bounds[missed] = _area(box, region)[missed]
        bounds = np.where(np.concatenate([seam, seam], axis=1), box, bounds)
        bounds = np.where(inner & (np.abs(bounds - window) <= CUT), window, bounds)
        reach &= (bounds[:, :2] <= area[:, 2:]).all(axis=1) & (bounds[:, 2:] >= area[:, :2]).all(axis=1)
        sides.append(_area(bounds, area))
    return sides[0], sides[1], reach, seam.any(axis=1)


def clipped_bounds(quad: np.ndarray, rect: np.ndarray) -> np.ndarray:
    """Bounds of the common part of convex quadrilaterals and rectangles, pair by pair.

    The corners of such a part are corners of the one within the other and crossings of their edges.

    Args:
        quad: float64 (p, 4, 2), corners in order around each.
        rect: float64 (p, 4), x0, y0, x1, y1.

    Returns:
        float64 (p, 4), x0, y0, x1, y1; NaN where nothing is common.
    """
    low, high = rect[:, None, :2], rect[:, None, 2:]  # (p, 1, 2)
    after = np.roll(quad, -1, axis=1)
    step = after - quad
    points, valid = [quad], [((quad >= low) & (quad <= high)).all(axis=2)]
    x0, y0, x1, y1 = rect.T
    corners = np.stack([np.stack(c, 1) for c in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], 1)
    away = corners[:, :, None] - quad[:, None]  # (p, corner, edge, 2)
    turn = step[:, None, :, 0] * away[..., 1] - step[:, None, :, 1] * away[..., 0]
    points.append(corners)
    valid.append((turn >= 0).all(axis=2) | (turn <= 0).all(axis=2))
    with np.errstate(divide="ignore", invalid="ignore"):
        for axis in (0, 1):
            for line in (rect[:, axis], rect[:, axis + 2]):
                along = (line[:, None] - quad[..., axis]) / step[..., axis]  # (p, 4), where the edge crosses
                point = quad + along[..., None] * step
                point[..., axis] = line[:, None]
                other = point[..., 1 - axis]
                within = (other >= low[..., 1 - axis]) & (other <= high[..., 1 - axis])
                points.append(point)
                valid.append((along >= 0) & (along <= 1) & within)
    points, valid = np.concatenate(points, axis=1), np.concatenate(valid, axis=1)[..., None]
    least = np.where(valid, points, np.inf).min(axis=1)
    most = np.where(valid, points, -np.inf).max(axis=1)
    bounds = np.concatenate([least, most], axis=1)
    bounds[~valid.any(axis=(1, 2)) | (rect[:, :2] > rect[:, 2:]).any(axis=1)] = np.nan
    return bounds


def _measures(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Agreement (p,), intersection over union (p,), and share of each that lies in the other (2, p)."""
    ends = np.abs(a - b)
    apart = ends[:, :2] + ends[:, 2:]
    hull = np.maximum(a[:, 2:], b[:, 2:]) - np.minimum(a[:, :2], b[:, :2])
    slack = np.minimum(SLACK, hull / 4)
    along = 1 - np.maximum(apart - slack, 0) / np.where(hull > 0, hull, 1)
    common = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None).prod(axis=1)
    areas = [(one[:, 2:] - one[:, :2]).prod(axis=1) for one in (a, b)]
    union = areas[0] + areas[1] - common
    inside = np.stack([common / np.where(area > 0, area, np.inf) for area in areas])
    return np.clip(along, 0, None).prod(axis=1), common / np.where(union > 0, union, np.inf), inside


def _crossing(a: np.ndarray, b: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intersection over union and shares as `_measures`, of shapes (p, 4, 2) within the areas (p, 4)."""
    one, two = _polygons(a), _polygons(b)
    for shape, corners in ((one, a), (two, b)):
        # Most lie within the area as they are.
        beyond = ((corners < area[:, None, :2]) | (corners > area[:, None, 2:])).any(axis=(1, 2))
        shape[beyond] = shapely.intersection(shape[beyond], shapely.box(*area[beyond].T))
    common = shapely.area(shapely.intersection(one, two))
    sizes = np.stack([shapely.area(one), shapely.area(two)])
    return common / np.maximum(sizes.sum(axis=0) - common, 1e-9), common / np.maximum(sizes, 1e-9)


def _polygons(quad: np.ndarray) -> np.ndarray:
    """Polygons of corners (p, 4, 2), valid also where the corners are out of order."""
    return shapely.convex_hull(shapely.polygons(quad))


def _area(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Common part of rectangles (p, 4); x1 < x0 or y1 < y0 where there is none."""
    return np.concatenate([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])], axis=1)


def _hull(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Width and height (2, p) of what holds both rectangles."""
    return (np.maximum(a[:, 2:], b[:, 2:]) - np.minimum(a[:, :2], b[:, :2])).T


def _outward(difference: np.ndarray) -> np.ndarray:
    """Differences (p, 4) of sides, positive outward."""
    return difference * np.array([-1, -1, 1, 1])


def _rows(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *parts])


def _sorted(pairs: np.ndarray) -> np.ndarray:
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
