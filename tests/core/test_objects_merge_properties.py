"""What holds of merging for any objects, tiles and scores, tried on many."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.grid import TileGrid
from model_core.objects.agreement import clipped_bounds
from tests.core.object_views import THRESHOLDS, detect, run, same, seen, turned


@st.composite
def scenes(draw):
    """A grid, and objects at least 5 pixels apart from each other; some larger than a tile."""
    size = draw(st.sampled_from([64, 96]))
    overlap = draw(st.sampled_from([0, 3, 8, 16, 32]))
    grid = TileGrid(draw(st.integers(50, 260)), draw(st.integers(50, 260)), size, overlap)
    boxes = []
    for _ in range(draw(st.integers(1, 12))):
        # Sizes from boats to what reaches over three tiles.
        w, h = (draw(st.one_of(st.integers(8, 24), st.integers(18, 200))) for _ in "wh")
        w, h = min(w, grid.width), min(h, grid.height)
        x, y = draw(st.integers(0, grid.width - w)), draw(st.integers(0, grid.height - h))
        apart = [max(x - b[2], b[0] - x - w, y - b[3], b[1] - y - h) >= 5 for b in boxes]
        if all(apart):
            boxes.append((x, y, x + w, y + h))
    return grid, boxes


@given(scenes(), st.randoms(use_true_random=False))
@settings(max_examples=400)
def test_an_exact_detector_gives_exactly_the_objects(scene, random):
    grid, boxes = scene
    labels = [random.randrange(2) for _ in boxes]
    found = detect(grid, boxes, labels=labels, score=lambda tile, n: [random.uniform(0.5, 1) for _ in n])
    merged = run(grid, found)
    # Without overlap a tile may see too little of an object for it to be reported there.
    parts = [[] for _ in boxes]
    for numbers, part in seen(grid, boxes).values():
        for number, box in zip(numbers, part, strict=True):
            parts[number].append(box)
    reported = [(*np.min(p, axis=0)[:2], *np.max(p, axis=0)[2:]) for p in parts]
    if grid.overlap >= 8:
        assert reported == [tuple(map(float, box)) for box in boxes]
    order = sorted(range(len(boxes)), key=lambda i: _place(reported[i], labels[i]))
    np.testing.assert_array_equal(merged.box, [reported[i] for i in order])
    assert merged.label.tolist() == [labels[i] for i in order]
    np.testing.assert_allclose(merged.outline.min(axis=1), merged.box[:, :2], atol=1e-4)
    np.testing.assert_allclose(merged.outline.max(axis=1), merged.box[:, 2:], atol=1e-4)
    assert all(tile in tiles for tile, tiles in zip(merged.tile.tolist(), merged.tiles, strict=True))
    shuffled = list(found)
    random.shuffle(shuffled)
    same(merged, run(grid, {index: found[index] for index in shuffled}))


def _place(box, label):
    return ((box[1] + box[3]) / 2, (box[0] + box[2]) / 2, label)


@given(scenes(), st.integers(0, 2**32 - 1))
@settings(max_examples=300)
def test_a_detector_that_errs_by_two_pixels_still_gives_each_object_once(scene, seed):
    grid, boxes = scene
    random = np.random.default_rng(seed)
    boxes = [b for b in boxes if min(b[2] - b[0], b[3] - b[1]) >= 18]
    if grid.overlap < 8 or not boxes:
        return
    found = detect(grid, boxes, least=8, noise=lambda shape: random.uniform(-2, 2, shape))
    merged = run(grid, found)
    assert len(merged) == len(boxes)
    for box in boxes:
        near = np.abs(merged.box - box).max(axis=1) <= 4.0
        assert near.sum() == 1


@given(scenes(), st.integers(0, 2**32 - 1))
@settings(max_examples=300)
def test_nothing_above_its_threshold_is_lost(scene, seed):
    """Also if tiles miss objects at random and score them anyhow."""
    grid, boxes = scene
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, len(boxes))
    found = detect(grid, boxes, labels=labels, score=lambda tile, n: random.uniform(0.05, 1, len(n)))
    found = {i: one.pick(random.random(len(one)) < 0.7) for i, one in found.items() if random.random() < 0.8}
    merged = run(grid, found)
    expected = {}
    for index, one in found.items():
        for k in range(len(one)):
            box = one.box[k] + [grid.tiles[index].x, grid.tiles[index].y] * 2
            number = next(
                n for n, b in enumerate(boxes)
                if b[0] <= box[0] and b[1] <= box[1] and b[2] >= box[2] and b[3] >= box[3]
            )  # fmt: skip
            expected.setdefault(number, []).append((float(one.score[k]), index))
    for number, members in expected.items():
        score, tile = max(members)
        if score >= THRESHOLDS[labels[number]]:
            held = [n for n in range(len(merged)) if tile in merged.tiles[n] and merged.score[n] == score]
            assert len(held) == 1
            one = merged.box[held[0]]
            assert merged.label[held[0]] == labels[number]
            inside = (one[:2] >= boxes[number][:2]).all() and (one[2:] <= boxes[number][2:]).all()
            assert inside


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_bounds_of_clipped_outlines_are_those_of_the_common_polygon(seed):
    random = np.random.default_rng(seed)
    quads = np.stack([turned(*random.uniform(0, 40, 2), *random.uniform(1, 50, 2), random.uniform(0, 180))
                      for _ in range(30)])  # fmt: skip
    quads[::2] = quads[::2, ::-1]  # either way around
    corner = random.uniform(-10, 40, (30, 2))
    rects = np.concatenate([corner, corner + random.uniform(0.5, 40, (30, 2))], axis=1)
    expected = shapely.bounds(shapely.intersection(shapely.polygons(quads), shapely.box(*rects.T)))
    np.testing.assert_allclose(clipped_bounds(quads, rects), expected, atol=1e-6)
