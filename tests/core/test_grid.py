"""Tiles cover the raster, cores partition it, blending weights add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from model_core.errors import RequestError
from model_core.grid import TileGrid, blend_weights


@st.composite
def grids(draw):
    size = draw(st.integers(1, 40))
    overlap = draw(st.integers(0, size // 2))
    extent = st.integers(1, 130)
    return TileGrid(draw(extent), draw(extent), size, overlap)


@given(grids())
@settings(max_examples=150)
def test_every_pixel_is_covered_and_cores_partition_the_raster(grid):
    covered = np.zeros((grid.height, grid.width), dtype=np.int32)
    owned = np.zeros_like(covered)
    for tile in grid.tiles:
        assert min(tile.x, tile.y) >= 0
        assert tile.x + tile.width <= grid.width and tile.y + tile.height <= grid.height
        assert tile.width == min(grid.size, grid.width) and tile.height == min(grid.size, grid.height)
        x0, y0, x1, y1 = tile.core
        assert tile.x <= x0 < x1 <= tile.x + tile.width
        assert tile.y <= y0 < y1 <= tile.y + tile.height
        covered[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
        owned[y0:y1, x0:x1] += 1
    assert covered.min() >= 1
    assert (owned == 1).all()


@given(grids())
def test_rows_are_the_tiles_in_order(grid):
    assert len(grid.tiles) == grid.rows * grid.cols
    assert [tile.index for tile in grid.tiles] == list(range(len(grid.tiles)))
    assert tuple(t for row in range(grid.rows) for t in grid.row_tiles(row)) == grid.tiles
    assert all((tile.row, tile.col) == divmod(tile.index, grid.cols) for tile in grid.tiles)
    assert TileGrid(grid.width, grid.height, grid.size, grid.overlap).tiles == grid.tiles


@given(grids())
def test_neighbours_share_the_overlap_and_no_tile_is_superfluous(grid):
    xs = [tile.x for tile in grid.row_tiles(0)]
    assert all(left + grid.size - right >= grid.overlap for left, right in zip(xs, xs[1:], strict=False))
    stride = grid.size - grid.overlap
    steps = [right - left for left, right in zip(xs, xs[1:], strict=False)]
    assert not steps or (max(steps) <= stride and max(steps) - min(steps) <= 1), "not evenly spread"
    assert (len(xs) - 2) * stride + grid.size < grid.width or len(xs) == 1, "one column less would do"


@given(grids())
@settings(max_examples=50)
def test_blending_a_picture_with_itself_gives_the_picture(grid):
    picture = np.arange(grid.width * grid.height, dtype=np.float64).reshape(grid.height, grid.width)
    weights = blend_weights(grid.size, grid.overlap).astype(np.float64)
    total, plane = np.zeros_like(picture), np.zeros_like(picture)
    for tile in grid.tiles:
        part = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        w = weights[: tile.height, : tile.width]
        total[part] += w * picture[part]
        plane[part] += w
    assert plane.min() > 0
    np.testing.assert_allclose(total / plane, picture, rtol=1e-9)


@given(st.integers(1, 300), st.data())
@settings(max_examples=60)
def test_weights_are_positive_symmetric_and_sum_to_one_at_the_stride(size, data):
    overlap = data.draw(st.integers(0, size // 2))
    weights = blend_weights(size, overlap)
    assert weights.shape == (size, size) and weights.dtype == np.float32
    assert weights.min() > 0
    np.testing.assert_array_equal(weights, weights.T)
    np.testing.assert_array_equal(weights, weights[::-1, ::-1])
    assume(overlap)
    ramp = np.sqrt(np.diag(weights))
    np.testing.assert_allclose(ramp[-overlap:] + ramp[:overlap], 1.0, rtol=1e-5)
    np.testing.assert_array_equal(weights[overlap : size - overlap, overlap : size - overlap], 1.0)


def test_the_default_grid_of_a_sentinel2_tile():
    grid = TileGrid(10980, 10980)
    assert (grid.rows, grid.cols) == (57, 57)
    assert (grid.tiles[1].x, grid.tiles[-1].x, grid.tiles[-1].y) == (191, 10724, 10724)
    assert grid.tiles[0].core == (0, 0, 223, 223)


@pytest.mark.parametrize("extent", [(10, 10), (256, 256), (1, 256)])
def test_a_raster_no_larger_than_a_tile_is_one_tile(extent):
    (tile,) = TileGrid(*extent).tiles
    assert (tile.x, tile.y, tile.width, tile.height) == (0, 0, *extent)
    assert tile.core == (0, 0, *extent)


def test_one_pixel_more_makes_a_second_tile_shifted_inside():
    first, second = TileGrid(257, 256).tiles
    assert (first.x, second.x) == (0, 1)
    assert first.core[2] == second.core[0] == 128


@pytest.mark.parametrize(
    ("size", "overlap", "says"),
    [
        (256, -1, "between 0 and 128"),
        (256, 129, "between 0 and 128"),
        (0, 0, "at least 1"),
        (3, 2, "0 and 1"),
    ],
)
def test_bad_overlap(size, overlap, says):
    with pytest.raises(RequestError, match=says):
        TileGrid(1000, 1000, size, overlap)
    with pytest.raises(RequestError, match=says):
        blend_weights(size, overlap)


def test_empty_raster_and_row_outside_are_refused():
    with pytest.raises(RequestError, match="nothing to process"):
        TileGrid(0, 5)
    with pytest.raises(RequestError, match="rows 0 to 0"):
        TileGrid(5, 5).row_tiles(1)
