"""The mean of a band over each tile's core, piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core import tile_means as module
from model_core.errors import OutputError
from model_core.grid import TileGrid
from model_core.tile_means import tile_means
from tests.core.conftest import UTM_10M


def reference(values: np.ndarray, grid: TileGrid) -> np.ndarray:
    """Tile by tile, of one band."""
    found = []
    for tile in grid.tiles:
        x0, y0, x1, y1 = tile.core
        core = values[y0:y1, x0:x1].astype(np.float64)
        known = core[core != 255]
        found.append(known.mean() * 0.004 if known.size else np.nan)
    return np.array(found)


@settings(max_examples=40)
@given(data=st.data())
def test_it_is_the_mean_of_what_is_known(data: st.DataObject, tmp_path_factory) -> None:
    width, height = data.draw(st.integers(3, 90)), data.draw(st.integers(3, 90))
    grid = TileGrid(width, height, 16, data.draw(st.integers(0, 8)))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    values = random.integers(0, 251, (3, height, width), dtype=np.uint8)
    values[:, random.random((height, width)) < random.random()] = 255
    path = tmp_path_factory.mktemp("means") / "a.tif"
    shape = {"width": width, "height": height, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", transform=UTM_10M, **shape) as raster:
        raster.write(values)
    found = []
    for piece in ((7, 11), (512, 4096)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "PIECE", piece)
            found.append(tile_means(path, {"second": 2, "third": 3}, grid))
    for name, band in (("second", 1), ("third", 2)):
        np.testing.assert_allclose(found[0][name], reference(values[band], grid), rtol=1e-12)
        assert found[0][name].tobytes() == found[1][name].tobytes(), "the size of a piece showed"


def test_a_raster_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "water.tif").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"water\.tif' cannot be read"):
        tile_means(tmp_path / "water.tif", {"total": 2}, TileGrid(20, 20, 16, 4))
