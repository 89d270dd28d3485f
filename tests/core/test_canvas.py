"""The canvas gives every pixel the same sum as adding whole rasters, in the same order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.canvas import Canvas
from model_core.grid import TileGrid, blend_weights


def blended(grid: TileGrid, values: dict[int, np.ndarray], pauses: set[int], first_row: int = 0):
    """Sums and weights put together from what a canvas hands out, and how often each pixel came."""
    height, width = grid.height, grid.width
    sums, weight = np.zeros((2, height, width), np.float32), np.zeros((height, width), np.float32)
    times = np.zeros((height, width), int)

    def emit(row: int, left: int, part: np.ndarray, part_weight: np.ndarray) -> None:
        rows, columns = part_weight.shape
        assert grid.top(row) + rows <= grid.top(row + 1), "rows that are not final yet"
        place = np.s_[grid.top(row) : grid.top(row) + rows, left : left + columns]
        sums[:, place[0], place[1]], weight[place] = part, part_weight
        times[place] += 1

    canvas = Canvas(2, grid, emit, first_row)
    weights = blend_weights(grid.size, grid.overlap)
    for tile in grid.tiles:
        if tile.index in values and tile.row >= first_row:
            canvas.add(tile, values[tile.index].copy(), weights[: tile.height, : tile.width])
        if tile.index in pauses and tile.col == grid.cols - 1 and tile.row >= first_row:
            canvas.finish_rows(tile.row + 1)  # as the engine does when a row is done, at any time later
    canvas.finish_rows(grid.rows)
    return sums, weight, times


def whole(grid: TileGrid, values: dict[int, np.ndarray]):
    """The same by adding each tile to the whole raster."""
    sums = np.zeros((2, grid.height, grid.width), np.float32)
    weight = np.zeros((grid.height, grid.width), np.float32)
    weights = blend_weights(grid.size, grid.overlap)
    for tile in grid.tiles:
        if tile.index in values:
            rows, columns = slice(tile.y, tile.y + tile.height), slice(tile.x, tile.x + tile.width)
            sums[:, rows, columns] += values[tile.index] * weights[: tile.height, : tile.width]
            weight[rows, columns] += weights[: tile.height, : tile.width]
    return sums, weight


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 70), height=st.integers(1, 70), size=st.integers(1, 24), share=st.floats(0, 0.5),
    density=st.sampled_from([0.0, 0.15, 0.5, 1.0]), seed=st.integers(0, 99),
)  # fmt: skip
def test_every_pixel_has_the_sum_of_its_tiles(width, height, size, share, density, seed) -> None:
    size = max(size, (width * height) ** 0.5 // 10)
    grid = TileGrid(width, height, int(size), int(share * size))
    random = np.random.default_rng(seed)
    chosen = [tile for tile in grid.tiles if random.random() < density]
    values = {t.index: random.normal(size=(2, t.height, t.width)).astype(np.float32) for t in chosen}
    pauses = {tile.index for tile in grid.tiles if random.random() < 0.5}
    sums, weight, times = blended(grid, values, pauses)
    expected, expected_weight = whole(grid, values)
    assert (times <= 1).all() and (times[expected_weight > 0] == 1).all()
    # To the bit: the order of the additions is that of the tiles.
    np.testing.assert_array_equal(weight, expected_weight)
    np.testing.assert_array_equal(sums, expected)


@settings(max_examples=50, deadline=None)
@given(height=st.integers(30, 90), first=st.integers(0, 4), overlap=st.integers(0, 8), seed=st.integers(0, 9))
def test_rows_below_a_late_start_are_the_same(height: int, first: int, overlap: int, seed: int) -> None:
    """A resumed run begins at a row of tiles; pixel rows that only it and later rows cover are whole."""
    grid = TileGrid(40, height, 16, overlap)
    first = min(first, grid.rows - 1)
    random = np.random.default_rng(seed)
    values = {t.index: random.normal(size=(2, t.height, t.width)).astype(np.float32) for t in grid.tiles}
    sums, weight, _ = blended(grid, values, set(), first)
    expected, expected_weight = whole(grid, values)
    whole_from = 0 if first == 0 else grid.top(first - 1) + grid.tile_height
    np.testing.assert_array_equal(sums[:, whole_from:], expected[:, whole_from:])
    np.testing.assert_array_equal(weight[whole_from:], expected_weight[whole_from:])
