"""Footprints on the globe, also where longitudes jump and at the poles."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin

from model_core.mosaic.footprint import footprint, together


def place(code: int | str, transform: Affine, width: int = 100, height: int = 100):
    return footprint(CRS.from_user_input(code), transform, width, height)


def sound(found) -> shapely.Geometry:
    """The geometry, after a look at all that GeoJSON asks for."""
    shape = shapely.from_geojson(json.dumps(found.geometry))
    assert shape.is_valid and not shape.is_empty
    west, south, east, north = shape.bounds
    assert -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    for part in shapely.get_parts(shape):
        assert shapely.is_ccw(part.exterior)
    return shape


def test_a_plain_scene():
    found = place("EPSG:32631", from_origin(500000, 5000000, 100, 100))
    shape = sound(found)
    assert found.bbox == pytest.approx(shape.bounds) and shape.geom_type == "Polygon"
    assert found.bbox[0] == pytest.approx(3.0) and found.bbox[3] == pytest.approx(45.1535, abs=1e-3)


def test_across_the_180th_meridian():
    found = place("EPSG:4326", from_origin(179.0, 10, 0.02, 0.02))
    shape = sound(found)
    assert found.bbox == pytest.approx([179, 8, -179, 10]) and shape.geom_type == "MultiPolygon"
    assert shape.area == pytest.approx(4) and not shape.intersects(shapely.Point(0, 9))
    zone = place("EPSG:32660", from_origin(620000, 6700000, 1000, 1000))  # 60 N, from 179.2 E
    shape = sound(zone)
    assert zone.bbox[0] > zone.bbox[2] and shape.geom_type == "MultiPolygon" and shape.area < 3


def test_beyond_180_and_right_up_to_it():
    found = place("EPSG:4326", from_origin(350, 10, 0.02, 0.02))
    assert found.bbox == pytest.approx([-10, 8, -8, 10]) and sound(found).geom_type == "Polygon"
    found = place("EPSG:4326", from_origin(178, 10, 0.02, 0.02))
    assert found.bbox == pytest.approx([178, 8, 180, 10]) and sound(found).geom_type == "Polygon"


def test_over_a_pole():
    found = place("EPSG:3413", from_origin(-500000, 500000, 10000, 10000))
    shape = sound(found)
    assert found.bbox[0] == -180 and found.bbox[2] == 180 and found.bbox[3] == 90
    assert 80 < found.bbox[1] < 85 and shape.contains(shapely.Point(17, 89))
    south = place("EPSG:3031", from_origin(-500000, 500000, 10000, 10000))
    assert south.bbox[1] == -90 and -85 < south.bbox[3] < -80


def test_no_place():
    assert footprint(None, Affine.identity(), 10, 10) is None
    local = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    assert footprint(local, from_origin(0, 0, 1, 1), 10, 10) is None
    assert place("EPSG:32631", from_origin(9e9, 9e9, 10, 10)) is None


def test_a_box_around_boxes():
    assert together([[1, 2, 3, 4], [-5, 0, 2, 3]]) == [-5, 0, 3, 4]
    assert together([[1, 2, 3, 4], [179, -5, -179, 3]]) == [-180, -5, 180, 4]
    assert np.isfinite(together([])).all()
