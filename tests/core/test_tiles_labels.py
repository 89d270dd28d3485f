"""What a pixel's label is: classes, overlaps, other CRS, label rasters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import from_origin
from rasterio.warp import transform as to_other_crs

from model_core.errors import RequestError
from model_core.tiles.classes import task_of, texts_of
from model_core.tiles.labels import open_labels
from model_core.tiles.request import LabelLayer

from .tile_inputs import NORTH, WEST, box, polygons

UTM = CRS.from_epsg(32631)
GRID = from_origin(WEST, NORTH, 10.0, 10.0)


def burnt(layer: LabelLayer, x: int = 0, y: int = 0, width: int = 64, height: int = 48) -> np.ndarray:
    """Labels of a window of a raster of 64 x 48 pixels."""
    placed = open_labels(layer).on(UTM, GRID, 64, 48)
    assert placed is not None
    try:
        return placed.burn(x, y, width, height)
    finally:
        placed.close()


def raster(path: Path, values: np.ndarray, pixel: float = 10.0, crs: object = UTM, **more: object) -> str:
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype=values.dtype,
        crs=crs, **{"transform": from_origin(WEST, NORTH, pixel, pixel), **more},
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return str(path)


def test_the_later_feature_wins_where_polygons_overlap(tmp_path: Path) -> None:
    shapes = [box(0, 0, 30, 30), box(10, 10, 40, 40), box(20, 0, 25, 48)]
    path = polygons(tmp_path / "l.gpkg", shapes, kind=["reed", "water", "reed"])
    found = burnt(LabelLayer("wet", path, field="kind"))
    expected = np.zeros((48, 64), np.uint8)
    expected[:30, :30] = 1  # none, reed, water
    expected[10:40, 10:40] = 2
    expected[:, 20:25] = 1
    np.testing.assert_array_equal(found, expected)


def test_polygons_of_another_crs_with_holes_and_curves_between_corners(tmp_path: Path) -> None:
    shape = shapely.difference(box(5, 5, 40, 40), box(10, 10, 20, 20))
    fine = shapely.segmentize(shape, 5.0)
    lonlat = shapely.transform(
        fine, lambda p: np.stack(to_other_crs(UTM, "EPSG:4326", *p.T.tolist()), axis=-1)
    )
    found = burnt(LabelLayer("wet", polygons(tmp_path / "l.gpkg", [lonlat], crs="EPSG:4326")))
    expected = np.zeros((48, 64), np.uint8)
    expected[5:40, 5:40] = 1
    expected[10:20, 10:20] = 0
    np.testing.assert_array_equal(found, expected)


def test_a_window_shows_what_the_whole_shows(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 40)[:-1]
    star = shapely.Polygon(
        [
            (WEST + 320 + 290 * np.cos(5 * a) * np.cos(a), NORTH - 240 - 230 * np.cos(3 * a) * np.sin(a))
            for a in angle
        ]
    )
    layer = LabelLayer("star", polygons(tmp_path / "l.gpkg", [star, box(3, 3, 9, 9)]))
    whole = burnt(layer)
    assert 50 < whole.sum() < whole.size
    for x, y, width, height in ((0, 0, 16, 16), (7, 5, 33, 21), (40, 30, 24, 18)):
        np.testing.assert_array_equal(burnt(layer, x, y, width, height), whole[y : y + height, x : x + width])


def test_a_chosen_layer_and_polygons_without_a_class(tmp_path: Path) -> None:
    path = polygons(tmp_path / "l.gpkg", [box(0, 0, 64, 48)], layer="other")
    polygons(tmp_path / "l.gpkg", [box(0, 0, 9, 9), box(9, 0, 18, 9)], kind=["a", None], append=True)
    labels = open_labels(LabelLayer("wet", path, layer="labels", field="kind"))
    found = labels.on(UTM, GRID, 64, 48).burn(0, 0, 64, 48)
    assert (found[:9, :9] == 1).all() and (found[:9, 9:18] == 255).all() and (found[9:] == 0).all()
    assert labels.notes == [
        f"1 polygons of '{path}' have nothing in the field 'kind'; what lies in them is unknown."
    ]


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32"])
@pytest.mark.parametrize("nodata", [None, 9])
def test_a_coarser_label_raster_of_another_crs(tmp_path: Path, nodata: int | None, kind: str) -> None:
    """Nearest pixel; NoData, and what the raster does not cover, is unknown."""
    values = np.array([[0, 1, 1], [2, 9, 2]], kind)
    path = raster(tmp_path / "l.tif", values, 80.0, nodata=nodata)
    classes = {"0": "dry", "1": "reed", "2": "reed", "9": "unknown"}
    found = burnt(LabelLayer("wet", path, classes=classes))
    expected = np.full((48, 64), 255, np.uint8)
    for row, column in np.ndindex(2, 3):
        expected[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = {0: 0, 1: 1, 2: 1, 9: 255}[
            values[row, column]
        ]
    np.testing.assert_array_equal(found, expected)
    west = raster(
        tmp_path / "other.tif", np.kron(values, np.ones((40, 40), kind)), crs="EPSG:3857", nodata=nodata,
        transform=from_origin(333800.0, 5640000.0, 60.0, 60.0),
    )  # fmt: skip
    moved = burnt(LabelLayer("wet", west, classes=classes))
    xs, ys = np.meshgrid(WEST + 5 + 10.0 * np.arange(64), NORTH - 5 - 10.0 * np.arange(48))
    there = np.array(to_other_crs(UTM, "EPSG:3857", xs.ravel().tolist(), ys.ravel().tolist()))
    columns, rows = (there[0] - 333800.0) / 60.0, (5640000.0 - there[1]) / 60.0
    inside = (columns >= 0) & (columns < 120) & (rows >= 0) & (rows < 80)
    assert moved.shape == (48, 64) and ((moved.ravel() != 255) <= inside).all()


def test_an_outline_that_is_not_closed_is_said_in_a_sentence(tmp_path: Path) -> None:
    ring = [[0, 0], [0, 1], [1, 1], [1, 0]]
    features = [
        {
            "type": "Feature",
            "properties": {},
            "geometry": shape and {"type": "Polygon", "coordinates": [shape]},
        }
        for shape in ([*ring, ring[0]], None, ring, ring[:2])
    ]
    path = tmp_path / "l.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with pytest.raises(RequestError) as caught:
        open_labels(LabelLayer("wet", str(path)))
    assert str(caught.value) == (
        f"2 of the 4 features of the label layer '{path}' have an outline that does not end where it "
        "begins, or has too few corners (the first is number 3); repair them (in QGIS: Fix geometries), or "
        "delete them."
    )


def test_label_rasters_that_cannot_be_used(tmp_path: Path) -> None:
    cases = {
        "half": (np.full((4, 4), 0.5, np.float32), {}, "holds 0.5, which is no whole number"),
        "codes": (np.full((4, 4), 311, np.uint16), {}, "312 classes"),
        "unlisted": (np.full((48, 64), 7, np.uint8), {"classes": {"1": "reed", "0": "dry"}}, "hold '7'"),
    }
    for name, (values, more, said) in cases.items():
        path = raster(tmp_path / f"{name}.tif", values)
        with pytest.raises(RequestError, match=said) as caught:
            burnt(LabelLayer("wet", path, **more))
        assert "\n" not in str(caught.value)
    path = raster(tmp_path / "plain.tif", np.zeros((4, 4), np.uint8), crs=None)
    with pytest.raises(RequestError, match="4 x 4 pixels has no CRS and the raster of 64 x 48 has one"):
        burnt(LabelLayer("wet", path))


def test_numbers_texts_and_what_the_user_says_of_them() -> None:
    layer = LabelLayer("wet", "w.gpkg", field="kind")
    task, codes = task_of(layer, ["3", "1", "255"], True)
    assert [c.name for c in task.classes] == ["none", "class 1", "class 2", "class 3"]
    assert codes == {"1": 1, "3": 3, "255": 255} and task.present == (1, 2, 3)
    task, codes = task_of(layer, ["water", "unknown", "reed"], True)
    assert [c.name for c in task.classes] == ["none", "reed", "water"]
    assert codes == {"none": 0, "reed": 1, "water": 2, "unknown": 255}
    assert [c.color is None for c in task.classes] == [True, False, False]
    given_ = {"a": "reed", "b": "dry", "c": "reed", "d": "unknown", "e": "water"}
    layer = LabelLayer(
        "wet", "w.gpkg", field="kind", classes=given_, background="dry", present=("water",),
        colors={"water": "#0000ff"},
    )  # fmt: skip
    task, codes = task_of(layer, ["a", "d"], True)
    assert [c.name for c in task.classes] == ["dry", "reed", "water"] and task.present == (2,)
    assert codes == {"a": 1, "b": 0, "c": 1, "d": 255, "e": 2} and task.classes[2].color == "#0000ff"
    task, _ = task_of(LabelLayer("wet", "w.tif", classes={"4": "land", "5": "sea"}), [], False)
    assert [c.name for c in task.classes] == ["land", "sea"]  # a raster has no outside to be class 0
    assert texts_of([3.0, 2.5, np.nan, " a ", None, "", True, np.int64(4)]) == [
        "3",
        "2.5",
        None,
        "a",
        None,
        None,
        "1",
        "4",
    ]


CLASSES = st.dictionaries(
    st.text("abc123", min_size=1), st.sampled_from(["x", "y", "z", "unknown"]), min_size=1
)  # fmt: skip


@given(CLASSES, st.sampled_from(["none", "x", ""]), st.booleans())
def test_classes_are_numbered_without_gaps_and_the_background_first(classes, background, polygons_) -> None:
    layer = LabelLayer("wet", "w", field="f", classes=classes, background=background)
    try:
        task, codes = task_of(layer, list(classes), polygons_)
    except RequestError as error:
        assert "expected 2 or more" in str(error)
        return
    names = [c.name for c in task.classes]
    assert len(set(names)) == len(names) and [c.value for c in task.classes] == list(range(len(names)))
    assert {codes[text] for text, name in classes.items() if name == "unknown"} <= {255}
    assert all(names[codes[text]] == name for text, name in classes.items() if name != "unknown")
    if background and (polygons_ or background in classes.values()):
        assert names[0] == background
