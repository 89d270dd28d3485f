"""A run with a mask equals the run without one inside the polygons, and reads nothing of other tiles."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyogrio
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyogrio import raw
from rasterio.transform import from_origin

from model_core.area import load_area
from model_core.bands import BAND_NAMES
from model_core.grid import TileGrid
from model_core.scene import Scene
from tests.core.fakes import ALL, FakeModel, by_content, digital, run

UTM = from_origin(500000.0, 5000000.0, 10.0, 10.0)


def write_mask(path: Path, polygons: list) -> str:
    raw.write(
        str(path), shapely.to_wkb(np.array(polygons, dtype=object)), [], np.array([], dtype=object),
        driver="GPKG", geometry_type="Polygon", crs="EPSG:32631",
    )  # fmt: skip
    return str(path)


def write_scene(path: Path, width: int, height: int) -> str:
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=8, dtype="uint16", nodata=0,
        crs="EPSG:32631", transform=UTM, photometric="MINISBLACK",
    ) as raster:  # fmt: skip
        raster.write(digital(width, height))
        raster.descriptions = BAND_NAMES
    return str(path)


@settings(max_examples=12, deadline=None)
@given(
    width=st.integers(40, 160), height=st.integers(40, 160), overlap=st.integers(0, 16),
    centre=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)), radius=st.floats(3.0, 60.0),
)  # fmt: skip
def test_inside_the_mask_nothing_changes(width, height, overlap, centre, radius) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = write_scene(folder / "scene.tif", width, height)
        x, y = 500000 + 10 * centre[0] * width, 5000000 - 10 * centre[1] * height
        hole = shapely.Point(x, y).buffer(radius * 2)
        mask = write_mask(folder / "mask.gpkg", [shapely.Point(x, y).buffer(radius * 10).difference(hole)])
        options = {"overlap": overlap, "radiometry": "0.0001,0"}
        run(scene, folder / "whole", FakeModel(ALL, scores=by_content(4)), **options)
        part = run(scene, folder / "part", FakeModel(ALL, scores=by_content(4)), mask=mask, **options)
        area = load_area(mask, rasterio.CRS.from_epsg(32631), UTM, width, height)
        inside = area.inside(0, 0, width, height)
        tiles = part["tiles"]
        assert tiles["total"] == sum(tiles[key] for key in ("masked", "empty", "abstained", "routed"))
        for spec in ALL:
            with rasterio.open(folder / "whole" / f"{spec.name}.tif") as raster:
                wanted = raster.read()
                nodata = raster.nodata
            wanted[:, ~inside] = nodata
            path = folder / "part" / f"{spec.name}.tif"
            if not path.exists():
                assert (np.isnan(wanted) if np.isnan(nodata) else wanted == nodata).all()
                continue
            with rasterio.open(path) as raster:
                np.testing.assert_array_equal(raster.read(), wanted)


def test_tiles_outside_are_never_read(tmp_path: Path, monkeypatch) -> None:
    scene = write_scene(tmp_path / "scene.tif", 300, 200)
    boxes = [shapely.box(500100, 4999700, 500300, 4999900), shapely.box(502700, 4998100, 502900, 4998200)]
    mask = write_mask(tmp_path / "mask.gpkg", boxes)
    seen = np.zeros((200, 300), dtype=bool)
    read = Scene.read

    def noted(self, window, *args):
        rows, columns = window.toslices()
        seen[rows, columns] = True
        return read(self, window, *args)

    monkeypatch.setattr(Scene, "read", noted)
    model = FakeModel()
    summary = run(scene, tmp_path / "run", model, mask=mask, radiometry="0.0001,0")
    area = load_area(mask, rasterio.CRS.from_epsg(32631), UTM, 300, 200)
    allowed = np.zeros_like(seen)
    touched = [tile for tile in TileGrid(300, 200, 32, 8).tiles if area.touches(tile)]
    for tile in touched:
        allowed[tile.y : tile.y + 32, tile.x : tile.x + 32] = True
    assert seen.any() and not (seen & ~allowed).any()
    assert sum(model.encoded) == len(touched) == summary["tiles"]["routed"] < 20
    table = pyogrio.raw.read(tmp_path / "run" / "routing.gpkg")
    fields = dict(zip(table[0]["fields"], table[3], strict=True))
    outside = fields["reason"] == "outside mask"
    assert outside.sum() == summary["tiles"]["masked"] == summary["tiles"]["total"] - len(touched)
    assert np.isnan(fields["score_identity"][outside].astype(float)).all()
