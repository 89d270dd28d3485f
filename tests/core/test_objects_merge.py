"""Objects across tiles: each once, none lost, whatever the overlap and the order of the tiles."""

from __future__ import annotations

import re
from dataclasses import fields

import numpy as np
import pytest
import shapely

from model_core.errors import BundleError
from model_core.grid import TileGrid
from model_core.objects.detections import Detections
from tests.core.object_views import (
    BUILDING,
    OVERLAPS,
    SHIP,
    THRESHOLDS,
    canonical,
    detect,
    detections,
    run,
    same,
    seams,
    seen,
    turned,
    upright,
)

PLACES = {
    "vertical seam": lambda x, y: [x - 40, 30, x + 35, 48],
    "horizontal seam": lambda x, y: [30, y - 33, 52, y + 41],
    "corner of four": lambda x, y: [x - 40, y - 30, x + 35, y + 38],
    "far over a seam": lambda x, y: [x - 100, 30, x + 12, 52],
    "longer than a tile": lambda x, y: [x - 80, 40, x + 380, 90],
    "longer than a tile, down": lambda x, y: [40, y - 80, 90, y + 380],
    "larger than a tile both ways": lambda x, y: [x - 90, y - 70, x + 380, y + 390],
    "at the last column and row": lambda x, y: [780, 730, 830, 799],
    "within one core": lambda x, y: [40, 50, 60, 61],
}


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("place", PLACES)
def test_an_object_is_found_once_and_whole(place, overlap):
    grid = TileGrid(830, 800, 256, overlap)
    box = PLACES[place](*seams(grid))
    merged = run(grid, detect(grid, [box]))
    np.testing.assert_array_equal(merged.box, [box])
    np.testing.assert_allclose(shapely.area(shapely.polygons(merged.outline)), shapely.box(*box).area)
    np.testing.assert_array_equal(merged.outline.min(axis=1), [box[:2]])
    np.testing.assert_array_equal(merged.outline.max(axis=1), [box[2:]])
    assert merged.tiles == (tuple(i for i, (numbers, _) in seen(grid, [box]).items() if len(numbers)),)


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("degrees", [20, 45, 100, 150])
def test_an_oblique_ship_over_a_seam_is_found_once(overlap, degrees):
    grid = TileGrid(800, 800, 256, overlap)
    x, y = seams(grid)
    ship = turned(x + 6, 128, 120, 24, degrees)
    found = {}
    for tile in grid.tiles:
        window = shapely.box(tile.x, tile.y, tile.x + tile.width, tile.y + tile.height)
        part = shapely.intersection(shapely.polygons(ship), window)
        if part.area < 60:
            continue
        # The whole outline where the ship is whole, else its direction around what is visible.
        angle = np.radians(degrees)
        frame = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        local = shapely.get_coordinates(part) @ frame
        rectangle = upright([*local.min(axis=0), *local.max(axis=0)]) @ frame.T
        found[tile.index] = detections(tile, [part.bounds], rectangle)
    merged = run(grid, found)
    assert len(found) > 1
    assert len(merged) == 1 and merged.tiles == (tuple(found),)
    # A piece may end within a few pixels of the ship's own extent, and both then count for the mean.
    bounds = shapely.polygons(ship).bounds
    offsets = {i: np.tile([grid.tiles[i].x, grid.tiles[i].y], 2) for i in found}
    whole = any(np.allclose(one.box[0] + offsets[i], bounds) for i, one in found.items())
    np.testing.assert_allclose(merged.box[0], bounds, atol=1e-3 if whole else 2.0)
    whole = shapely.polygons(merged.outline[0])
    both = whole.intersection(shapely.polygons(ship)).area
    assert both / whole.union(shapely.polygons(ship)).area > 0.99


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_a_whole_ship_and_a_fragment_of_it_are_one(overlap):
    grid = TileGrid(700, 256, 256, overlap)
    second = grid.tiles[1].x
    ship = [second - 50, 100, second + 8 + overlap / 2, 120]
    found = detect(grid, [ship], score=lambda tile, numbers: 0.95 if tile == 0 else 0.4)
    merged = run(grid, found)
    assert {0, 1} <= set(merged.tiles[0])
    assert len(merged) == 1
    assert merged.score[0] == pytest.approx(0.95)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_two_ships_side_by_side_over_one_seam_stay_two(overlap):
    grid = TileGrid(700, 700, 256, overlap)
    x, y = seams(grid)
    across = [[x - 50, 60, x + 45, 72], [x - 48, 72, x + 50, 85]]  # they touch
    down = [[60, y + 20, 72, y + 190], [74, y + 22, 86, y + 200]]
    merged = run(grid, detect(grid, across + down))
    np.testing.assert_array_equal(merged.box, canonical(across + down))


def test_two_oblique_ships_side_by_side_stay_two_though_each_tile_missed_one():
    """Their upright boxes have most in common; only the outlines tell them apart."""
    grid = TileGrid(448, 256, 256, 64)
    ships = [turned(220, 100, 50, 9, 45), turned(220 + 7.5, 100 - 7.5, 50, 9, 45)]
    boxes = [shapely.polygons(ship).bounds for ship in ships]
    found = {i: detections(grid.tiles[i], [boxes[i]], [ships[i]]) for i in (0, 1)}
    assert (
        shapely.box(*boxes[0]).intersection(shapely.box(*boxes[1])).area / shapely.box(*boxes[0]).area > 0.6
    )
    merged = run(grid, found)
    assert len(merged) == 2
    found = {i: detections(grid.tiles[i], boxes, ships) for i in (0, 1)}
    assert run(grid, found).tiles == ((0, 1), (0, 1))


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_a_marina_of_touching_boats_stays_a_marina(overlap, noise):
    grid = TileGrid(600, 300, 256, overlap)
    boats = [
        [5 + 10 * (i % 40), 100 + 40 * (i // 40), 15 + 10 * (i % 40), 130 + 40 * (i // 40)] for i in range(80)
    ]
    random = np.random.default_rng(4)
    # A seam of no width may split a boat into slivers; it runs between two boats here.
    boats = np.array(boats) + [(grid.tiles[1].x + 256 - 5) % 10 if overlap == 0 else 0, 0] * 2
    found = detect(grid, boats, least=6.0, noise=lambda shape: random.uniform(-noise, noise, shape))
    merged = run(grid, found)
    if overlap or not noise:
        assert len(merged) == 80
        near = np.abs(merged.box[:, None] - boats).max(axis=2) <= noise  # (found, boats)
        assert (near.sum(axis=0) == 1).all()
    if overlap >= 32:
        assert max(map(len, merged.tiles)) >= 2


@pytest.mark.parametrize("overlap", [8, 32, 64, 128])
def test_noise_in_the_boxes_makes_no_doubles(overlap):
    grid = TileGrid(830, 800, 256, overlap)
    boxes = np.array(
        [make(*seams(grid)) for name, make in PLACES.items() if "larger" not in name], dtype=float
    )
    for seed in range(20):
        random = np.random.default_rng(seed)
        for box in boxes:
            found = detect(grid, [box], least=6, noise=lambda shape, r=random: r.uniform(-2, 2, shape))
            merged = run(grid, found)
            assert len(merged) == 1
            np.testing.assert_allclose(merged.box, [box], atol=2.0)


def test_a_poor_detection_does_not_pull_the_box_but_is_listed():
    grid = TileGrid(448, 256, 256, 64)
    good, poor = [200, 100, 250, 120], [194, 96, 256, 124]
    found = {
        0: detections(grid.tiles[0], [good], scores=0.9),
        1: detections(grid.tiles[1], [poor], scores=0.44),
    }
    merged = run(grid, found)
    np.testing.assert_allclose(merged.box, [good])
    assert merged.tiles == ((0, 1),) and merged.tile.tolist() == [0]
    found[1] = detections(grid.tiles[1], [[198, 98, 250, 120]], scores=0.45)
    merged = run(grid, found)
    np.testing.assert_allclose(merged.box, [[200 - 2 / 3, 100 - 2 / 3, 250, 120]], atol=1e-5)


def test_a_cut_off_piece_with_a_wrong_end_makes_no_double():
    grid = TileGrid(448, 256, 256, 64)
    ship, piece = [140, 100, 230, 120], [192, 101, 206, 119]
    found = {0: detections(grid.tiles[0], [ship]), 1: detections(grid.tiles[1], [piece], scores=0.8)}
    merged = run(grid, found)
    assert merged.tiles == ((0, 1),)
    np.testing.assert_array_equal(merged.box, [ship])
    # With a ship of that tile already there, the piece is something else.
    both = [[192, 100, 230, 120], piece]
    found[1] = detections(grid.tiles[1], both, scores=[0.8, 0.7])
    assert len(run(grid, found)) == 2
    # Something whole before the larger object is no piece of it.
    found[1] = detections(grid.tiles[1], [[200, 101, 214, 119]], scores=0.8)
    assert len(run(grid, found)) == 2


def test_what_one_tile_alone_found_is_kept():
    grid = TileGrid(448, 448, 256, 64)
    ship = [210, 210, 240, 230]  # all four tiles see it whole
    merged = run(grid, {2: detections(grid.tiles[2], [ship]), 0: detections(grid.tiles[0], [])})
    np.testing.assert_array_equal(merged.box, [ship])
    assert merged.tiles == ((2,),)
    # A ship cut off by its tile, whose neighbour was not decoded, ends where the tile ends.
    merged = run(grid, {0: detections(grid.tiles[0], [[230, 30, 256, 50]])})
    np.testing.assert_array_equal(merged.box, [[230, 30, 256, 50]])


def test_detections_of_one_tile_are_never_joined():
    grid = TileGrid(448, 256, 256, 64)
    twice = [[20, 20, 60, 40], [20, 20, 60, 40]]
    assert len(run(grid, {0: detections(grid.tiles[0], twice)})) == 2
    shared = [[200, 20, 240, 40], [200, 20, 240, 40]]
    merged = run(grid, {i: detections(grid.tiles[i], shared) for i in (0, 1)})
    assert merged.tiles == ((0, 1), (0, 1))


def test_two_classes_at_one_place_are_two_objects():
    grid = TileGrid(448, 256, 256, 64)
    box = [200, 20, 240, 40]
    both = {i: detections(grid.tiles[i], [box, box], labels=[SHIP, BUILDING]) for i in (0, 1)}
    merged = run(grid, both)
    assert merged.label.tolist() == [SHIP, BUILDING]
    assert merged.tiles == ((0, 1), (0, 1))


def test_an_object_that_two_tiles_call_differently_is_the_surer_one():
    grid = TileGrid(448, 256, 256, 64)

    def named(ship, building, second=(200, 20, 240, 40), thresholds=THRESHOLDS):
        found = {
            0: detections(grid.tiles[0], [[200, 20, 240, 40]], labels=SHIP, scores=ship),
            1: detections(grid.tiles[1], [second], labels=BUILDING, scores=building),
        }
        return run(grid, found, thresholds).label.tolist()

    assert named(0.8, 0.7) == [SHIP]
    assert named(0.7, 0.8) == [BUILDING]
    assert named(0.45, 0.45, thresholds=(0.4, 0.4)) == [SHIP]
    # What is below its threshold takes nothing away.
    assert named(0.35, 0.49) == [SHIP]
    # 27 of 40 pixels in common: too little to be the same.
    assert sorted(named(0.8, 0.7, second=(204, 22, 236, 40))) == [SHIP]
    assert sorted(named(0.8, 0.7, second=(213, 20, 253, 40))) == [SHIP, BUILDING]


@pytest.mark.parametrize(("overlap", "labels"), [(4, [SHIP, BUILDING]), (7, [SHIP, BUILDING]), (16, [SHIP])])
def test_a_thin_common_area_does_not_tell_who_claims_one_object(overlap, labels):
    """A quay begins where a ship ends: in a few pixels of both they look the same."""
    grid = TileGrid(512 - overlap, 256, 256, overlap)
    found = {
        0: detections(grid.tiles[0], [[200, 20, 256, 40]], labels=SHIP, scores=0.8),
        1: detections(grid.tiles[1], [[256 - overlap, 20, 300, 40]], labels=BUILDING, scores=0.7),
    }
    assert run(grid, found).label.tolist() == labels


@pytest.mark.parametrize(("second", "top"), [(22, 21), (26, 20)])
def test_sides_of_pieces_are_the_mean_of_those_near_the_outermost(second, top):
    grid = TileGrid(448, 256, 256, 64)
    found = {
        0: detections(grid.tiles[0], [[120, 20, 256, 40]]),
        1: detections(grid.tiles[1], [[192, second, 330, 40]]),
    }
    np.testing.assert_allclose(run(grid, found).box, [[120, top, 330, 40]], atol=1e-5)


def test_the_tile_that_saw_most_speaks_for_the_object():
    grid = TileGrid(448, 256, 256, 64)
    ship = [150, 20, 230, 40]  # whole in tile 0, cut off in tile 1
    found = detect(grid, [ship], score=lambda tile, numbers: (0.8, 0.9)[tile])
    merged = run(grid, found)
    assert merged.tile.tolist() == [0] and merged.score[0] == pytest.approx(0.9)
    assert (merged.groups == found[0].groups).all() and merged.groups.shape == (1, 2, 2)
    np.testing.assert_array_equal(merged.experts, found[0].experts)
    np.testing.assert_array_equal(merged.weights, found[0].weights)
    ship = [200, 20, 230, 40]  # whole in both
    found = detect(grid, [ship], score=lambda tile, numbers: (0.8, 0.9)[tile])
    assert run(grid, found).tile.tolist() == [1]


def test_a_side_that_another_saw_further_out_counts_for_nothing():
    """A fragment may seem to end a little before its window's edge; if the ship goes on, it does not."""
    grid = TileGrid(448, 256, 256, 64)
    found = {
        0: detections(grid.tiles[0], [[120, 20, 251, 40]]),
        1: detections(grid.tiles[1], [[192, 20, 300, 40]]),
    }
    merged = run(grid, found)
    np.testing.assert_array_equal(merged.box, [[120, 20, 300, 40]])
    np.testing.assert_array_equal(merged.outline, upright([120, 20, 300, 40]))


@pytest.mark.parametrize(("short", "count"), [(1.5, 1), (3.0, 2)])
def test_pieces_that_end_just_before_a_seam_without_overlap_are_one(short, count):
    grid = TileGrid(512, 256, 256, 0)
    pieces = [[200, 20, 256 - short, 40], [256 + short, 20, 300, 40]]
    merged = run(grid, {i: detections(grid.tiles[i], [pieces[i]]) for i in (0, 1)})
    assert len(merged) == count
    assert (merged.box[0, 0], merged.box[-1, 2]) == (200, 300)


@pytest.mark.parametrize("extent", [(100, 80), (5, 700), (700, 5), (256, 256), (257, 256)])
def test_small_and_narrow_rasters(extent):
    width, height = extent
    grid = TileGrid(width, height, 256, 0)
    box = [width * 0.2, 0, width * 0.8, height]
    merged = run(grid, detect(grid, [box], least=1.0))
    np.testing.assert_allclose(merged.box, [box], atol=1e-4)


def test_tiles_of_the_last_column_that_share_more_than_the_rest():
    grid = TileGrid(260, 600, 256, 32)  # two columns that share 252 pixels
    assert grid.cols == 2
    boats = [[20 * i + 2, 230, 20 * i + 14, 260] for i in range(12)]
    merged = run(grid, detect(grid, boats))
    np.testing.assert_array_equal(merged.box, canonical(boats))
    assert min(map(len, merged.tiles)) >= 2


def test_nothing_found():
    grid = TileGrid(448, 256, 256, 64)
    merged = run(grid, {})
    assert len(merged) == 0 and merged.tiles == ()
    shapes = {one.name: getattr(merged, one.name).shape for one in fields(merged) if one.name != "tiles"}
    assert shapes == {
        "box": (0, 4), "outline": (0, 4, 2), "label": (0,), "score": (0,), "tile": (0,),
        "groups": (0, 0, 0), "experts": (0, 0, 0), "weights": (0, 0, 0),
    }  # fmt: skip
    full = run(grid, {0: detections(grid.tiles[0], [[1, 1, 20, 20]])})
    for empty in (
        merged,
        run(grid, {1: detections(grid.tiles[1], [])}),
        run(grid, {0: detections(grid.tiles[0], [[1, 1, 20, 20]], scores=0.29)}),
    ):
        assert len(empty) == 0
        for one in fields(full):
            if one.name != "tiles":
                assert getattr(empty, one.name).dtype == getattr(full, one.name).dtype
    # A tile without detections says nothing about the experts of the others.
    empty = detections(grid.tiles[1], [])
    empty = Detections.from_dict(empty.as_dict())
    same(full, run(grid, {1: empty, 0: detections(grid.tiles[0], [[1, 1, 20, 20]])}))


def broken(**values) -> dict[int, Detections]:
    grid = TileGrid(448, 256, 256, 64)
    good = detections(grid.tiles[0], [[1, 1, 20, 20]])
    return {
        0: good,
        1: Detections(**{**{one.name: getattr(good, one.name) for one in fields(good)}, **values}),
    }


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"box": np.array([[1, np.nan, 20, 20]])}, "'box' that is no finite number (tile 1)"),
        ({"outline": np.full((1, 4, 2), np.inf)}, "'outline' that is no finite number"),
        ({"score": np.array([np.nan])}, "'score' that is no finite number"),
        ({"weights": np.full((1, 2, 2), np.nan)}, "'weights' that is no finite number"),
        ({"box": np.array([[20, 1, 20, 20]])}, "a box without extent"),
        ({"box": np.array([[300, 1, 320, 20]])}, "a box without extent"),
        ({"label": np.array([2], dtype=np.int16)}, "classes 2 to 2 where 0 to 1 are known"),
        ({"label": np.array([-1], dtype=np.int16)}, "classes -1 to -1"),
        ({"groups": np.zeros((2, 3), dtype=np.int16)}, "((2, 3), (2, 2), (2, 2)) where tile 0 has"),
        ({"experts": np.zeros((1, 3, 2), dtype=np.int16)}, "((2, 2), (3, 2), (2, 2)) where tile 0 has"),
    ],
)
def test_a_damaged_model_is_named(values, text):
    grid = TileGrid(448, 256, 256, 64)
    with pytest.raises(BundleError, match=re.escape(text)):
        run(grid, broken(**values))


def test_detections_of_an_unknown_tile_are_refused():
    grid = TileGrid(448, 256, 256, 64)
    with pytest.raises(ValueError, match="tile 7, which is none of the 2 tiles"):
        run(grid, {7: detections(grid.tiles[1], [])})
