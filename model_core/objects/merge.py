"""Objects of a whole raster from the detections of its overlapping tiles: each object once, none lost.

Non-maximum suppression drops what overlaps a better detection, and that fails here in both directions. Of a
ship across a seam each tile reports the piece it sees; the pieces overlap little or not at all, so none is
dropped and none is whole. Boats in a marina do overlap, in their upright boxes most of all, so some are
dropped though each tile told them apart. A tile has no reason to report one object twice, so only detections
of different tiles are joined here, an object takes at most one of each tile, and they must agree on what both
tiles saw (see `agreement`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from ..errors import BundleError
from ..grid import Tile
from .agreement import CUT, Links, Views, compare
from .detections import Detections

SHAPING = 0.5
"""Members with a smaller share of the best member's score do not shape the merged object."""

NEAR = 4.0
"""Pixels: sides of pieces count if they lie this near to the outermost one."""


@dataclass(frozen=True)
class MergedObjects:
    """m objects in canonical order: by the centre of the box, top to bottom, left to right, then by label.

    Attributes:
        box: float64 (m, 4), x0, y0, x1, y1 in pixels of the run's window.
        outline: float64 (m, 4, 2), corners (x, y) in pixels of the run's window; they may lie beyond it.
        label: int16 (m,), number of the class.
        score: float64 (m,), 0 to 1.
        tile: int32 (m,), index of the tile that saw most of it.
        tiles: for each object all tiles that found it, ascending.
        groups: int16 (m, L, g), of the detection of `tile`, as are the next two.
        experts: int16 (m, L, k).
        weights: float32 (m, L, k).
    """

    box: np.ndarray
    outline: np.ndarray
    label: np.ndarray
    score: np.ndarray
    tile: np.ndarray
    tiles: tuple[tuple[int, ...], ...]
    groups: np.ndarray
    experts: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.score)

    def pick(self, index: np.ndarray) -> MergedObjects:
        """Some of them, by their numbers (n,) and in that order."""
        values = {one.name: getattr(self, one.name)[index] for one in fields(self) if one.name != "tiles"}
        return MergedObjects(**values, tiles=tuple(self.tiles[number] for number in index.tolist()))


def merge(
    tiles: Sequence[Tile],
    found: Mapping[int, Detections],
    width: int,
    height: int,
    thresholds: Sequence[float],
) -> MergedObjects:
    """Bring the detections of all tiles together.

    Two detections of one class in different tiles are joined if they agree on what both tiles saw, those that
    agree best first, as long as no object gets two detections of a tile. A cut-off piece that agrees in place
    but not in extent belongs to the better detection it lies in, if that one has none of the piece's tile.

    Members with at least `SHAPING` of the best score shape the object; a piece that agreed in place only does
    not. A side is unseen by a member whose window cuts it off, or whose window ends where, as another member
    saw, the object goes on. The box is the mean, weighted by score, of the members that saw all sides. If
    there are none, each side is the mean of those that saw it and lie within `NEAR` of the outermost, or the
    outermost, if no member saw it. The outline is that of the member with the fewest sides unseen
    (then the highest score, then the first tile); if it has unseen ones, the rectangle in its direction that
    spans the outlines of all. That member also gives `tile`, groups, experts and weights. The score is the
    highest of all members.

    Objects below their class's threshold are left out. Different classes are never joined, but where one tile
    says one class, another tile another class, and both agree on what both saw with an intersection over
    union of at least 0.7, only the one with the higher score stays; a tile that reported both keeps both.

    Args:
        tiles: all tiles of the grid.
        found: detections by index of the tile, of those tiles that were decoded; their order has no effect.
        width: of the raster in pixels.
        height: of the raster in pixels.
        thresholds: for each class the score from which a detection is an object.

    Raises:
        BundleError: values that are not finite, boxes without extent in their tile, a class without
            threshold, or tiles that differ in their numbers of layers, groups or experts.
        ValueError: detections of a tile that is not in the grid.
    """
    limits = np.asarray(thresholds, dtype=np.float64)
    views, groups, experts, weights = _gather(tiles, found, width, height, len(limits))
    links = compare(views)
    cluster, shaping = _join(views, links)
    member = np.argsort(cluster, kind="stable")  # members of each object together, in canonical order
    box, outline, speaker, score = _fuse(views, cluster, shaping, member)
    label = views.label[speaker]
    keeps = score >= limits[label]
    _settle(views, cluster, links.rival, score, keeps)
    owner = [[] for _ in range(len(score))]
    for row in member.tolist():
        owner[cluster[row]].append(int(views.tile[row]))
    merged = MergedObjects(
        box, outline, label, score, views.tile[speaker].astype(np.int32), tuple(map(tuple, owner)),
        groups[speaker], experts[speaker], weights[speaker],
    )  # fmt: skip
    center = (box[:, :2] + box[:, 2:]) / 2
    order = np.lexsort((*box.T, -score, label, center[:, 0], center[:, 1]))
    return merged.pick(order[keeps[order]])


def _gather(
    tiles: Sequence[Tile], found: Mapping[int, Detections], width: int, height: int, classes: int
) -> tuple[Views, np.ndarray, np.ndarray, np.ndarray]:
    """All detections in pixels of the raster, with their groups, experts and weights, in canonical order."""
    place = {tile.index: tile for tile in tiles}
    if strange := sorted(set(found) - set(place)):
        raise ValueError(
            f"detections of tile {strange[0]}, which is none of the {len(place)} tiles of the grid"
        )
    filled = [(place[index], found[index]) for index in sorted(found) if len(found[index])]
    for tile, one in filled:
        _check(tile, one, filled[0][1], filled[0][0], classes)
    counts = [len(one) for _, one in filled]
    windows = np.array([(t.x, t.y, t.x + t.width, t.y + t.height) for t, _ in filled], dtype=np.float64)
    window = np.repeat(windows.reshape(-1, 4), counts, axis=0)
    low, high = np.tile(window[:, :2], 2), np.tile(window[:, 2:], 2)  # (n, 4), as the sides of boxes
    box = np.clip(_stack([one.box for _, one in filled], (4,), np.float64) + low, low, high)
    tile = np.repeat(np.array([tile.index for tile, _ in filled], dtype=np.int64), counts)
    if (flat := (box[:, 2:] <= box[:, :2]).any(axis=1)).any():
        raise _damaged(int(tile[flat][0]), "a box without extent inside the tile")
    label = _stack([one.label for _, one in filled], (), np.int16)
    score = _stack([one.score for _, one in filled], (), np.float64)
    outline = _stack([one.outline for _, one in filled], (4, 2), np.float64) + window[:, None, :2]
    first = next(iter(found.values())) if found else None
    shape = filled[0][1].experts.shape[1:] if filled else (len(first.groups) if first else 0, 0)
    candidates = (filled[0][1] if filled else first).groups.shape if found else (0, 0)
    groups = np.repeat(_stack([one.groups[None] for _, one in filled], candidates, np.int16), counts, axis=0)
    experts = _stack([one.experts for _, one in filled], shape, np.int16)
    weights = _stack([one.weights for _, one in filled], shape, np.float32)
    order = np.lexsort((*box.T[::-1], -score, label, tile))
    inner = (window > 0) & (window < np.array([np.inf, np.inf, width, height]))
    views = Views(*(part[order] for part in (box, outline, label, score, tile, window, inner)))
    return views, groups[order], experts[order], weights[order]


def _check(tile: Tile, one: Detections, other: Detections, its: Tile, classes: int) -> None:
    """Refuse detections that cannot be merged.

    Raises:
        BundleError: see `merge`.
    """
    for name in ("box", "outline", "score", "weights"):
        if not np.isfinite(getattr(one, name)).all():
            raise _damaged(tile.index, f"a value in '{name}' that is no finite number")
    if one.label.min() < 0 or one.label.max() >= classes:
        known = f"where 0 to {classes - 1} are known"
        raise _damaged(tile.index, f"classes {one.label.min()} to {one.label.max()} {known}")
    shapes = [(part.groups.shape, part.experts.shape[1:], part.weights.shape[1:]) for part in (one, other)]
    if shapes[0] != shapes[1] or shapes[0][1] != shapes[0][2]:
        raise _damaged(
            tile.index,
            f"groups, experts and weights of shapes {shapes[0]} where tile {its.index} has {shapes[1]}",
        )


def _damaged(tile: int, what: str) -> BundleError:
    return BundleError(
        f"The objects expert gave {what} (tile {tile}); the model is damaged, install its bundle again."
    )


def _stack(parts: list[np.ndarray], shape: tuple[int, ...], kind: type) -> np.ndarray:
    return np.concatenate([np.empty((0, *shape)), *parts]).astype(kind)


def _join(views: Views, links: Links) -> tuple[np.ndarray, np.ndarray]:
    """Number (n,) of the object of each detection, and bool (n,) which may shape it."""
    parent = list(range(len(views.tile)))
    tiles = [{index} for index in views.tile.tolist()]

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    def unite(row: int, other: int) -> bool:
        a, b = sorted((root(row), root(other)))
        if a == b or not tiles[a].isdisjoint(tiles[b]):
            return False
        parent[b] = a
        tiles[a] |= tiles[b]
        return True

    for row, other in links.same.tolist():
        unite(row, other)
    shaping = np.ones(len(parent), dtype=bool)
    whole = {piece for piece in links.piece[:, 0].tolist() if len(tiles[root(piece)]) == 1}
    # The best of several that hold the piece; a detection that holds pieces itself is an object.
    strength = -views.score[links.piece[:, 1]]
    for piece, holder in links.piece[np.argsort(strength, kind="stable")].tolist():
        if piece in whole and parent[piece] == piece and len(tiles[piece]) == 1 and unite(piece, holder):
            shaping[piece] = False
    roots = np.array([root(row) for row in range(len(parent))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].reshape(-1), shaping


def _fuse(
    views: Views, cluster: np.ndarray, shaping: np.ndarray, member: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (m, 4), outlines (m, 4, 2), row (m,) of the member that says most, scores (m,)."""
    if not len(member):
        return np.empty((0, 4)), np.empty((0, 4, 2)), np.empty(0, dtype=np.int64), np.empty(0)
    of = cluster[member]
    start = np.flatnonzero(np.diff(of, prepend=-1))
    score = np.maximum.reduceat(views.score[member], start)
    own = views.score[member]
    # At least one of each object, as a piece's score is never above that of what holds it.
    shapes = shaping[member] & (own >= SHAPING * score[of])
    outward = np.array([-1, -1, 1, 1])
    side = views.box[member] * outward  # so that the outermost is the largest
    edge = views.window[member] * outward
    seen = ~views.cut[member]
    out = np.maximum.reduceat(np.where(seen & shapes[:, None], side, -np.inf), start)
    # Where a member saw the object go on to this window's edge or beyond, this one cannot have seen its end.
    seen &= ~(views.inner[member] & (out[of] > edge - CUT))
    outermost = np.maximum.reduceat(np.where(shapes[:, None], side, -np.inf), start)
    # The sides of a piece of an oblique ship need not be the ship's, even where no window cut them off.
    unseen = (~seen).sum(axis=1)
    whole = shapes & (unseen == 0)
    known = np.logical_or.reduceat(whole, start)[of]
    counts = np.where(known[:, None], whole[:, None], shapes[:, None] & seen & (side >= out[of] - NEAR))
    weight = np.where(counts, np.maximum(own, 1e-6)[:, None], 0)
    total = np.add.reduceat(weight, start)
    # Means of differences, so that equal sides give just that side.
    base = np.where(total > 0, out, outermost)
    apart = np.where(weight > 0, side - base[of], 0)
    mean = base + np.add.reduceat(weight * apart, start) / np.where(total > 0, total, 1)
    box = mean * outward + 0.0  # which turns -0.0 into 0.0
    best = np.lexsort((np.arange(len(member)), -own, unseen, ~shapes, of))[start]
    speaker = member[best]
    outline = views.outline[speaker].copy()
    spans = unseen[best] > 0
    outline[spans] = _spanning(views.outline[member], shapes, of, start, outline)[spans]
    return box, outline, speaker, score


def _spanning(
    outlines: np.ndarray, shapes: np.ndarray, of: np.ndarray, start: np.ndarray, model: np.ndarray
) -> np.ndarray:
    """Rectangles in the directions of `model` (m, 4, 2) around those of `outlines` (n, 4, 2) that shape."""
    first, second = model[:, 1] - model[:, 0], model[:, 2] - model[:, 1]
    longer = np.hypot(*first.T) >= np.hypot(*second.T)
    along = np.where(longer[:, None], first, second)
    length = np.hypot(*along.T)[:, None]
    along = np.where(length > 0, along / np.where(length > 0, length, 1), np.array([1.0, 0.0]))
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    origin = model[:, 0]
    away = outlines - origin[of][:, None]
    reach = []
    for axis in (along, across):
        far = (away * axis[of][:, None]).sum(axis=2)  # (n, 4)
        reach.append(
            (
                np.minimum.reduceat(np.where(shapes, far.min(axis=1), np.inf), start)[:, None] * axis,
                np.maximum.reduceat(np.where(shapes, far.max(axis=1), -np.inf), start)[:, None] * axis,
            )
        )
    (a0, a1), (b0, b1) = reach
    return origin[:, None] + np.stack([a0 + b0, a1 + b0, a1 + b1, a0 + b1], axis=1)


def _settle(
    views: Views, cluster: np.ndarray, rival: np.ndarray, score: np.ndarray, keeps: np.ndarray
) -> None:
    """Of objects of two classes that claim one place, drop the one with the lower score from `keeps` (m,)."""
    claims: dict[int, set[int]] = {}
    for a, b in np.unique(cluster[rival], axis=0).tolist():
        if keeps[a] and keeps[b]:
            claims.setdefault(a, set()).add(b)
            claims.setdefault(b, set()).add(a)
    rows = np.flatnonzero(np.isin(cluster, list(claims)))
    tiles: dict[int, set[int]] = {one: set() for one in claims}
    for one, tile in zip(cluster[rows].tolist(), views.tile[rows].tolist(), strict=True):
        tiles[one].add(tile)
    # Objects are numbered by their first member in canonical order, so equal scores are settled alike always.
    for one in sorted(claims, key=lambda number: (-score[number], number)):
        if keeps[one]:
            for other in claims[one]:
                keeps[other] &= not tiles[one].isdisjoint(tiles[other])
