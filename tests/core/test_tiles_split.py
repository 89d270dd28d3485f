"""No region and no pixel in two splits, whatever comes in and in whatever order."""

from __future__ import annotations

import math
import random

import shapely
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform as to_other_crs

from model_core.routerset import SPLITS
from model_core.tiles.ground import block_of, places, sharing
from model_core.tiles.request import DEFAULT_SHARES
from model_core.tiles.split import assign, overlapping

UTM31, UTM32 = CRS.from_epsg(32631), CRS.from_epsg(32632)
RELEVANCE = st.dictionaries(st.sampled_from(["reed", "water"]), st.integers(0, 1))
REGIONS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=6),
    st.lists(RELEVANCE, min_size=1, max_size=6),
    min_size=1,
    max_size=30,
)


@given(REGIONS, st.integers(0, 3), st.randoms(use_true_random=False))
def test_each_region_is_in_one_split_whatever_the_order(regions, seed: int, order: random.Random) -> None:
    found = assign(regions, DEFAULT_SHARES, seed)
    assert found.keys() == regions.keys() and set(found.values()) <= set(SPLITS)
    shuffled = list(regions.items())
    order.shuffle(shuffled)
    again = assign({name: list(reversed(tiles)) for name, tiles in shuffled}, DEFAULT_SHARES, seed)
    assert again == found


@given(REGIONS, st.integers(0, 3))
def test_training_comes_first_and_a_share_of_nothing_gets_nothing(regions, seed: int) -> None:
    assert "train" in assign(regions, DEFAULT_SHARES, seed).values()
    without = {"train": 0.8, "val": 0.2, "cal": 0.0, "test": 0.0}
    assert set(assign(regions, without, seed).values()) <= {"train", "val"}


@given(st.lists(st.integers(0, 1), min_size=8, max_size=40), st.integers(0, 5))
@example([1] * 4 + [0] * 4, 0)
@example([1] * 4 + [0] * 36, 1)
def test_every_split_has_positives_and_negatives_where_there_are_enough(values: list[int], seed: int) -> None:
    regions = {f"r{number}": [{"reed": value}] for number, value in enumerate(values)}
    found = assign(regions, DEFAULT_SHARES, seed)
    for value in (0, 1):
        there = [name for name, tiles in regions.items() if tiles[0]["reed"] == value]
        assert len({found[name] for name in there}) == min(len(there), len(SPLITS))


@given(st.integers(60, 200), st.integers(0, 5))
@settings(max_examples=15)
def test_shares_are_kept_where_regions_are_many(count: int, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311
    regions = {
        f"r{n}": [{"reed": draw.randint(0, 1), "water": int(draw.random() < 0.1)} for _ in range(4)]
        for n in range(count)
    }
    found = assign(regions, DEFAULT_SHARES, seed)
    for split, share in DEFAULT_SHARES.items():
        assert abs(sum(found[name] == split for name in regions) / count - share) < 0.03


def test_the_seed_decides_what_nothing_else_does() -> None:
    regions = {f"r{number}": [{}] for number in range(40)}
    assert assign(regions, DEFAULT_SHARES, 0) != assign(regions, DEFAULT_SHARES, 1)


CORNER = st.integers(0, 400)
DRAWN = st.lists(
    st.tuples(st.integers(0, 2), CORNER, CORNER, st.sampled_from(SPLITS)), min_size=1, max_size=40
)  # fmt: skip


@given(DRAWN)
def test_no_two_splits_share_a_pixel(drawn) -> None:
    """Tiles of 64 pixels on three rasters: two on one grid, one half a pixel beside it."""
    size, tiles, splits, boxes = 64, [], [], []
    for source, x, y, split in drawn:
        shift = 5.0 if source == 2 else 0.0
        grid = Affine(10.0, 0.0, 500000.0 + shift, 0.0, -10.0, 5000000.0)
        tiles += places(source, UTM31, grid, [(x, y)], size)
        splits.append(split)
        boxes.append(shapely.box(x + shift / 10, y, x + shift / 10 + size, y + size))
    gone = overlapping(sharing(tiles, splits), splits, [str(n) for n in range(len(tiles))])
    kept = [number for number in range(len(tiles)) if number not in gone]
    for number in kept:
        for other in kept:
            if splits[number] != splits[other]:
                assert shapely.area(shapely.intersection(boxes[number], boxes[other])) < 1.0
    for number in gone:  # and nothing was left out in vain
        assert any(
            splits[number] != splits[other]
            and shapely.area(shapely.intersection(boxes[number], boxes[other])) > 0.4
            for other in range(len(tiles))
        )


@given(st.floats(-179.99, 179.99), st.floats(-80.0, 80.0), st.sampled_from([500.0, 2560.0, 20000.0]))
def test_blocks_are_squares_on_the_ground_everywhere(
    longitude: float, latitude: float, block_m: float
) -> None:
    """One block to the north is another row; in a row, as many blocks as its length on the globe asks for."""
    lonlat = CRS.from_epsg(4326)
    step = math.degrees(block_m / 6371008.8)

    def name(lon: float, lat: float) -> str:
        grid = Affine(1e-6, 0.0, lon - 16e-6, 0.0, -1e-6, lat + 16e-6)
        return block_of(places(0, lonlat, grid, [(0, 0)], 32)[0], block_m, 4.0, "r")

    row, column = map(int, name(longitude, latitude).split("_"))
    assert int(name(longitude, latitude + step).split("_")[0]) == row + 1
    wide = step / math.cos(math.radians(latitude))
    near = {
        int(name(longitude + share * wide, latitude).split("_")[1]) - column for share in (0.0, 0.45, 0.9)
    }
    assert all(
        value in (0, 1) or abs(value) > 100 for value in near
    )  # far: over the antimeridian, or Greenwich


def test_a_place_has_one_block_in_every_crs() -> None:
    xs, ys = [500000.0 + 237.0 * n for n in range(40)], [5000000.0 + 181.0 * n for n in range(40)]
    there = to_other_crs(UTM31, UTM32, xs, ys)
    for x, y, x2, y2 in zip(xs, ys, *there, strict=True):
        names = []
        for crs, east, north in ((UTM31, x, y), (UTM32, x2, y2)):
            grid = Affine(10.0, 0.0, east - 160.0, 0.0, -10.0, north + 160.0)
            names.append(block_of(places(0, crs, grid, [(0, 0)], 32)[0], 2560.0, 4.0, "r"))
        assert names[0] == names[1]


def test_rasters_without_a_place_have_blocks_of_their_own() -> None:
    tiles = places(0, None, Affine.identity(), [(0, 0), (96, 0), (128, 0)], 32)
    assert [block_of(tile, 1.0, 4.0, "chip") for tile in tiles] == ["chip_0_0", "chip_0_0", "chip_0_1"]
    assert list(sharing(tiles, ["train", "val", "cal"])) == []


def test_tiles_share_ground_across_the_antimeridian() -> None:
    lonlat = CRS.from_epsg(4326)
    east = places(0, lonlat, Affine(1e-4, 0, 179.999, 0, -1e-4, 10.0), [(0, 0)], 32)
    west = places(1, lonlat, Affine(1e-4, 0, -180.001, 0, -1e-4, 10.0), [(0, 0)], 32)
    assert list(sharing([*east, *west], ["train", "val"])) == [(0, 1)]
