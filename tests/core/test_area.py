"""A mask is the pixels whose centre lies in a polygon, however it is asked for and wherever it comes from."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyogrio import raw
from rasterio.crs import CRS
from rasterio.transform import from_origin
from rasterio.warp import transform as to_other_crs

from model_core.area import Area, load_area
from model_core.area_file import polygon_parts, repaired
from model_core.errors import RequestError
from model_core.grid import TileGrid

UTM = CRS.from_epsg(32631)
LONLAT = CRS.from_epsg(4326)
NORTH_UP = from_origin(500000.0, 5000000.0, 10.0, 10.0)
SOUTH_UP = Affine(10.0, 0.0, 500000.0, 0.0, 10.0, 4999000.0)
ROTATED = Affine.translation(500000.0, 5000000.0) * Affine.rotation(30.0) * Affine.scale(10.0, -12.0)


@dataclass(frozen=True)
class Window:
    x: int
    y: int
    width: int
    height: int


def valid(*polygons: shapely.Geometry) -> np.ndarray:
    return repaired(polygon_parts(np.array(polygons, dtype=object)))


def centres(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)


def write(
    path: Path, *geometries: shapely.Geometry | None, crs: CRS | None = UTM, layer: str = "mask",
    kind: str = "Unknown", append: bool = False,
) -> str:  # fmt: skip
    """Write geometries, in coordinates, as a GeoPackage layer."""
    wkb = np.array([None if one is None else shapely.to_wkb(one) for one in geometries], dtype=object)
    text = None if crs is None else crs.to_wkt()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no CRS is what some tests want
        raw.write(
            str(path), geometry=wkb, field_data=[], fields=np.array([], dtype=object), driver="GPKG",
            layer=layer, geometry_type=kind, crs=text, append=append,
        )  # fmt: skip
    return str(path)


def to_map(geometry: shapely.Geometry, transform: Affine) -> shapely.Geometry:
    return shapely.transform(geometry, lambda p: np.stack(transform * tuple(p.T), axis=-1))


@st.composite
def polygons(draw, width: int, height: int):
    """Rings of any kind, self-crossing ones too, partly outside, some with corners on pixel centres."""
    number = st.one_of(
        st.floats(-10, width + 10, allow_nan=False),
        st.integers(-4, 2 * width).map(lambda n: n / 2),
    )
    other = st.one_of(
        st.floats(-10, height + 10, allow_nan=False), st.integers(-4, 2 * height).map(lambda n: n / 2)
    )
    rings = st.lists(st.tuples(number, other), min_size=3, max_size=9)
    found = [shapely.Polygon(ring) for ring in draw(st.lists(rings, min_size=1, max_size=4))]
    found = valid(*found)
    if draw(st.booleans()) and len(found) > 1:  # holes and parts
        found = polygon_parts(np.array([shapely.difference(found[0], found[1]), *found[2:]], dtype=object))
    return found


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_inside_is_what_a_look_at_every_pixel_says(data) -> None:
    width, height = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    shapes = data.draw(polygons(width, height))
    found = Area(shapes, width, height).inside(0, 0, width, height)
    union = shapely.union_all(shapes)
    xs, ys = centres(width, height)
    expected = shapely.contains_xy(union, xs, ys)
    # On an edge both answers are right.
    sure = ~(shapely.distance(shapely.boundary(union), shapely.points(xs, ys)) <= 1e-7)
    np.testing.assert_array_equal(found[sure], expected[sure])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_window_shows_the_same_pixels_and_touches_agrees(data) -> None:
    width, height = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 600))
    area = Area(data.draw(polygons(width, height)), width, height)
    whole = area.inside(0, 0, width, height)
    assert area.is_empty() == (not whole.any())
    size = data.draw(st.integers(1, 70))
    grid = TileGrid(width, height, size, data.draw(st.integers(0, size // 2)))
    for tile in grid.tiles:
        part = whole[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        np.testing.assert_array_equal(area.inside(tile.x, tile.y, tile.width, tile.height), part)
        assert area.touches(tile) == part.any()


@given(st.integers(0, 22), st.integers(0, 22), st.integers(-3, 3))
@settings(deadline=None)
@example(5, 11, 0)
def test_neighbours_share_every_pixel_out_also_where_the_border_runs_through_centres(a, b, slope) -> None:
    """No pixel is in both of two polygons with a common border, and none in neither."""
    top, bottom = (a / 2, -5.0), (a / 2 + slope * 4, 20.0)
    left = shapely.Polygon([(-90, -5), top, bottom, (-90, 20)])
    right = shapely.Polygon([top, (90, -5), (90, 20), bottom])
    one, two = (Area(valid(side), 12, 12).inside(0, 0, 12, 12) for side in (left, right))
    np.testing.assert_array_equal(one, ~two)
    above = Area(valid(shapely.box(-9, -9, 20, b / 2)), 12, 12).inside(0, 0, 12, 12)
    below = Area(valid(shapely.box(-9, b / 2, 20, 30)), 12, 12).inside(0, 0, 12, 12)
    np.testing.assert_array_equal(above, ~below)


def test_a_polygon_between_the_centres_touches_nothing() -> None:
    area = Area(valid(shapely.box(3.6, 3.6, 4.4, 4.4), shapely.box(20.4, 7.4, 20.6, 7.6)), 40, 40)
    assert not area.touches(Window(0, 0, 16, 16))
    assert area.touches(Window(16, 0, 16, 16)) and not area.touches(Window(21, 0, 10, 16))
    assert area.inside(0, 0, 40, 40).sum() == 1


@pytest.mark.parametrize("transform", [NORTH_UP, SOUTH_UP, ROTATED], ids=["north", "south", "rotated"])
def test_a_mask_in_the_rasters_own_crs(tmp_path: Path, transform: Affine) -> None:
    shape = shapely.difference(shapely.box(10.2, 20.3, 60.7, 70.1), shapely.box(30, 30, 40.2, 41.4))
    shape = shapely.union(shape, shapely.Point(80, 20).buffer(9))
    path = write(tmp_path / "m.gpkg", to_map(shape, transform))
    area = load_area(path, UTM, transform, 100, 90)
    np.testing.assert_array_equal(area.inside(0, 0, 100, 90), shapely.contains_xy(shape, *centres(100, 90)))
    assert area.notes == ()


@pytest.mark.parametrize("transform", [NORTH_UP, SOUTH_UP, ROTATED], ids=["north", "south", "rotated"])
def test_a_mask_in_degrees(tmp_path: Path, transform: Affine) -> None:
    """A box of two corners far apart: its upper edge is a parallel, which is bent in UTM by many pixels."""
    transform = transform * Affine.scale(10.0)  # 100 m pixels: 100 km
    width, height = 1000, 800
    xs, ys = centres(width, height)
    east, north = transform * (xs.ravel(), ys.ravel())
    lon, lat = map(np.asarray, to_other_crs(UTM, LONLAT, east.tolist(), north.tolist()))
    west, middle = np.percentile(lon, 20), np.percentile(lat, 50)
    shape = shapely.box(west, -60.0, 170.0, middle)  # reaches far beyond the raster and its UTM zone
    path = write(tmp_path / "m.gpkg", shape, crs=LONLAT)
    found = load_area(path, UTM, transform, width, height).inside(0, 0, width, height)
    expected = shapely.contains_xy(shape, lon, lat).reshape(height, width)
    wrong = found != expected
    # Wrong at most where the border passes within a twentieth of a pixel (in degrees: 100 m * 0.05).
    near = (np.abs(lat - middle) < 5e-5) | (np.abs(lon - west) < 7e-5)
    assert not wrong[~near.reshape(wrong.shape)].any()
    assert 0.2 < expected.mean() < 0.8
    straight = shapely.transform(
        shape, lambda p: np.stack(to_other_crs(LONLAT, UTM, p[:, 0].tolist(), p[:, 1].tolist()), axis=-1)
    )
    naive = shapely.contains_xy(straight, east, north).reshape(wrong.shape)
    assert (naive != expected).sum() > 10 * width, "the test must be able to see edges left straight"


def test_a_scene_across_the_antimeridian(tmp_path: Path) -> None:
    zone = CRS.from_epsg(32601)  # UTM 1 north begins at 180 degrees
    (x,), (y,) = to_other_crs(LONLAT, zone, [-180.0], [10.0])
    transform = from_origin(x - 5000.0, y, 100.0, 100.0)
    shapes = shapely.box(-180, 9, -179.98, 11), shapely.box(179.98, 9, 180, 11)
    path = write(tmp_path / "m.gpkg", *shapes, crs=LONLAT)
    found = load_area(path, zone, transform, 100, 50).inside(0, 0, 100, 50)
    columns = np.flatnonzero(found.all(axis=0))
    assert (columns[0], columns[-1]) == pytest.approx((28, 71), abs=1) and found.sum() == found.all(
        0
    ).sum() * 50


def test_a_scene_around_the_pole(tmp_path: Path) -> None:
    polar = CRS.from_epsg(3995)
    transform = from_origin(-50000.0, 50000.0, 1000.0, 1000.0)
    path = write(tmp_path / "m.gpkg", shapely.box(-180, 89.8, 180, 90), crs=LONLAT)
    found = load_area(path, polar, transform, 100, 100).inside(0, 0, 100, 100)
    xs, ys = centres(100, 100)
    _, lat = to_other_crs(polar, LONLAT, *(v.ravel().tolist() for v in transform * (xs, ys)))
    assert (found.ravel() != (np.asarray(lat) > 89.8)).sum() <= 60  # along the seam at 180 degrees


def test_other_geometry_and_invalid_rings_in_the_first_layer_that_has_polygons(tmp_path: Path) -> None:
    path = tmp_path / "m.gpkg"
    write(path, shapely.Point(500100, 4999900), layer="points", kind="Point")
    bowtie = shapely.Polygon([(0, 0), (20, 20), (20, 0), (0, 20)])
    many = shapely.MultiPolygon([shapely.box(30, 30, 40, 40), shapely.box(35, 35, 50, 50)])  # overlapping
    collection = shapely.GeometryCollection([shapely.box(60, 60, 70, 70), shapely.Point(1, 1)])
    line = shapely.LineString([(0, 0), (99, 99)])
    shapes = [to_map(one, NORTH_UP) for one in (bowtie, many, collection, line)]
    write(path, *shapes, None, layer="mixed", append=True)
    write(path, to_map(shapely.box(0, 0, 99, 99), NORTH_UP), layer="later", append=True)
    area = load_area(str(path), UTM, NORTH_UP, 100, 100)
    expected = np.zeros((100, 100), dtype=bool)
    xs, ys = centres(100, 100)
    expected[(np.abs(ys - 10) <= np.abs(xs - 10)) & (np.abs(xs - 10) < 10)] = True
    expected[30:40, 30:40] = expected[35:50, 35:50] = expected[60:70, 60:70] = True
    found = area.inside(0, 0, 100, 100)
    diagonal = (np.abs(np.abs(ys - 10) - np.abs(xs - 10)) < 1e-9) & (xs < 20) & (ys < 20)
    np.testing.assert_array_equal(found[~diagonal], expected[~diagonal])
    assert len(area.notes) == 1 and area.notes[0].endswith("no polygons were left out: 1.")


def test_a_mask_without_crs_is_taken_as_the_rasters_and_said_so(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gpkg", to_map(shapely.box(10, 10, 20, 20), NORTH_UP), crs=None)
    area = load_area(path, UTM, NORTH_UP, 50, 50)
    assert area.inside(0, 0, 50, 50).sum() == 100
    assert len(area.notes) == 1 and "declares no CRS" in area.notes[0]
    assert load_area(path, None, NORTH_UP, 50, 50).notes == ()


@pytest.mark.parametrize("ending", ["geojson", "shp", "fgb"])
def test_other_formats(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"m.{ending}"
    box = to_map(shapely.box(10.2, 10.2, 20.2, 20.2), NORTH_UP)
    lonlat = shapely.transform(
        box, lambda p: np.stack(to_other_crs(UTM, LONLAT, p[:, 0].tolist(), p[:, 1].tolist()), axis=-1)
    )
    raw.write(
        str(path), geometry=np.array([shapely.to_wkb(lonlat)], dtype=object),
        field_data=[np.array([1])], fields=np.array(["n"], dtype=object), geometry_type="Polygon",
        crs="EPSG:4326",
    )  # fmt: skip
    found = load_area(str(path), UTM, NORTH_UP, 50, 50).inside(0, 0, 50, 50)
    assert found[10:20, 10:20].all() and found.sum() == 100


def test_what_cannot_work_is_one_sentence(tmp_path: Path) -> None:
    box = to_map(shapely.box(10, 10, 20, 20), NORTH_UP)
    (tmp_path / "text.gpkg").write_text("not a vector file")
    (tmp_path / "folder").mkdir()
    cases = {
        "nowhere.gpkg": "does not exist",
        "text.gpkg": "cannot be read",
        "folder": "cannot be read",
        Path(write(tmp_path / "points.gpkg", shapely.Point(1, 1))).name: "holds no polygons",
        Path(write(tmp_path / "empty.gpkg", kind="Polygon")).name: "holds no polygons",
        Path(write(tmp_path / "elsewhere.gpkg", to_map(shapely.box(90, 0, 99, 9), NORTH_UP))).name:
            "No pixel of the part to cover",
        Path(write(tmp_path / "tiny.gpkg", to_map(shapely.box(3.6, 3.6, 4.4, 4.4), NORTH_UP))).name:
            "No pixel of the part to cover",
        Path(write(tmp_path / "flat.gpkg", to_map(shapely.Polygon([(1, 1), (9, 9), (1, 1)]), NORTH_UP))).name:
            "No pixel of the part to cover",
        Path(write(tmp_path / "nan.gpkg", shapely.Polygon([(0, 0), (np.inf, 0), (5, 5)]))).name:
            "no numbers",
    }  # fmt: skip
    for name, said in cases.items():
        with pytest.raises(RequestError, match=said) as caught:
            load_area(str(tmp_path / name), UTM, NORTH_UP, 50, 50)
        text = str(caught.value)
        assert "\n" not in text and text.endswith(".") and name in text
    path = write(tmp_path / "fine.gpkg", box)
    with pytest.raises(RequestError, match="the raster has none"):
        load_area(path, None, NORTH_UP, 50, 50)
    with pytest.raises(RequestError, match="no size"):
        load_area(path, UTM, Affine(0, 0, 0, 0, 0, 0), 50, 50)


def test_a_curved_polygon(tmp_path: Path) -> None:
    """A circle as GIS programs store it: arcs, not points."""
    path = tmp_path / "m.csv"
    ring = "500100 4999900, 500200 4999800, 500300 4999900, 500200 5000000, 500100 4999900"
    arcs = f"CURVEPOLYGON(CIRCULARSTRING({ring}))"
    path.write_text(f'WKT,n\n"{arcs}",1\n')
    assert pyogrio.read_info(path)["features"] == 1
    found = load_area(str(path), UTM, NORTH_UP, 50, 50).inside(0, 0, 50, 50)
    assert found.sum() == pytest.approx(np.pi * 100, rel=0.02)
