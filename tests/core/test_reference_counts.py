"""Every pixel that has a partner is counted once, and figures are as scikit-learn has them."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin
from rasterio.warp import transform as to_other_crs
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from model_core.evaluation.reference import counting
from model_core.evaluation.reference.doubt import doubt_figures
from model_core.evaluation.reference.figures import figures_of, from_margins
from tests.core.references import UTM, box, compare, matrix_of, write_classes, write_polygons


@pytest.fixture
def halves(tmp_path) -> str:
    """16 x 20 pixels: 1 on the left, 2 on the right, NoData in the last row."""
    values = np.ones((16, 20), np.uint8)
    values[:, 10:] = 2
    values[15] = 255
    return write_classes(tmp_path / "input.tif", values, nodata=255)


def test_polygons_are_counted_pixel_by_pixel(tmp_path, halves) -> None:
    reference = write_polygons(tmp_path / "r.gpkg", [box(0, 0, 12, 8), box(12, 8, 8, 8)], kind=[1, 2])
    found = compare(halves, reference, tmp_path / "out", field="kind")
    # The first covers 10 x 8 pixels of 1 and 2 x 8 of 2; the second 8 x 7 of 2, and 8 without data.
    assert matrix_of(tmp_path / "out") == [[80, 16], [0, 56]]
    assert found["pixels"] == {
        "compared": 152, "compared_ha": 1.52, "reference_only": 8, "input_only": 300 - 152,
    }  # fmt: skip
    one, two = found["figures"]["classes"]
    assert (one["precision"], one["recall"], one["iou"]) == (1.0, round(80 / 96, 6), round(80 / 96, 6))
    assert (two["precision"], two["pixels"], two["input_pixels"]) == (round(56 / 72, 6), 56, 72)
    assert (two["reference_unmatched"], one["input_unmatched"]) == (8, 70)
    assert (two["reference_ha"], two["input_ha"]) == (0.56, 0.72)


def test_later_polygons_hide_earlier_ones_as_in_qgis(tmp_path, halves) -> None:
    reference = write_polygons(tmp_path / "r.gpkg", [box(0, 0, 20, 15), box(0, 0, 5, 15)], kind=[2, 1])
    compare(halves, reference, tmp_path / "out", field="kind")
    assert matrix_of(tmp_path / "out") == [[75, 0], [75, 150]]


def test_a_background_and_an_area_tell_what_lies_outside_the_polygons(tmp_path, halves) -> None:
    reference = write_polygons(tmp_path / "r.gpkg", [box(0, 0, 5, 15)])
    area = write_polygons(tmp_path / "a.gpkg", [box(0, 0, 12, 10)])
    found = compare(halves, reference, tmp_path / "out", background="2", area=area)
    assert matrix_of(tmp_path / "out") == [[50, 0], [50, 20]]
    assert found["pixels"]["reference_only"] == 0 and found["pixels"]["input_only"] == 300 - 120


def test_texts_are_names_and_may_be_given_meanings(tmp_path) -> None:
    values = np.zeros((8, 8), np.uint8)
    values[:, 4:] = 1
    source = write_classes(tmp_path / "input.tif", values)
    Path(f"{source}.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><CategoryNames><Category>Dry &amp; bare</Category>'
        "<Category>Water</Category></CategoryNames></PAMRasterBand></PAMDataset>"
    )
    polygons = [box(0, 0, 4, 8), box(4, 0, 3, 8), box(7, 0, 1, 8)]
    reference = write_polygons(tmp_path / "r.gpkg", polygons, kind=["dry & bare", "WATER", "unknown"])
    found = compare(source, reference, tmp_path / "names", field="kind")
    assert [one["name"] for one in found["figures"]["classes"]] == ["Dry & bare", "Water"]
    assert matrix_of(tmp_path / "names") == [[32, 0], [0, 24]]
    meanings = {"dry & bare": "1", "WATER": "unknown"}
    found = compare(source, reference, tmp_path / "given", field="kind", classes=meanings)
    assert matrix_of(tmp_path / "given") == [[0, 0], [32, 0]]
    assert any("do not name were not compared: unknown." in note for note in found["warnings"])


def test_an_attribute_table_names_the_classes(tmp_path, halves) -> None:
    rows = "".join(
        f'<Row index="{i}"><F>{i + 1}</F><F>{name}</F></Row>' for i, name in enumerate(("a&lt;b", "c"))
    )
    Path(f"{halves}.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable tableType="thematic">'
        '<FieldDefn index="0"><Name>Value</Name><Type>0</Type><Usage>5</Usage></FieldDefn>'
        '<FieldDefn index="1"><Name>Class</Name><Type>2</Type><Usage>2</Usage></FieldDefn>'
        f"{rows}</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>"
    )
    reference = write_polygons(tmp_path / "r.gpkg", [box(0, 0, 20, 16)], kind=["a<b"])
    found = compare(halves, reference, tmp_path / "out", field="kind")
    assert [one["name"] for one in found["figures"]["classes"]] == ["a<b", "c"]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
@pytest.mark.parametrize("nodata", [None, 0])
def test_a_raster_of_another_pixel_size_counts_by_its_nearest_pixel(tmp_path, halves, dtype, nodata) -> None:
    # 25 m pixels from 20 m further west and north on; those of 0 are NoData, if they are called so.
    values = np.array([[1, 1, 2, 2, 1], [1, 1, 2, 0, 0], [2, 1, 1, 1, 1]], dtype)
    transform = from_origin(499980.0, 5000020.0, 25.0, 25.0)
    reference = write_classes(tmp_path / "r.tif", values, nodata=nodata, transform=transform)
    found = compare(halves, reference, tmp_path / "out")
    expected: dict[tuple[int, int], int] = {}
    with rasterio.open(halves) as raster:
        ours = raster.read(1)
    for row in range(15):
        for column in range(20):
            x, y = UTM * (column + 0.5, row + 0.5)
            there, down = int((x - 499980) // 25), int((5000020 - y) // 25)
            if there < 5 and down < 3 and (nodata is None or values[down, there] != nodata):
                pair = int(values[down, there]), int(ours[row, column])
                expected[pair] = expected.get(pair, 0) + 1
    kinds = sorted({kind for pair in expected for kind in pair})
    assert matrix_of(tmp_path / "out") == [[expected.get((a, b), 0) for b in kinds] for a in kinds]
    assert found["pixels"]["compared"] == sum(expected.values())


def test_references_of_another_crs_are_brought_to_the_input(tmp_path) -> None:
    values = np.ones((60, 60), np.uint8)
    values[20:40, 10:50] = 2
    source = write_classes(tmp_path / "input.tif", values)
    outline = shapely.segmentize(box(10, 20, 40, 20), 50.0)
    xs, ys = np.array(outline.exterior.coords).T
    lonlat = np.stack(to_other_crs("EPSG:32631", "EPSG:4326", xs.tolist(), ys.tolist()), -1)
    reference = write_polygons(tmp_path / "r.gpkg", [shapely.Polygon(lonlat)], "EPSG:4326", kind=[2])
    compare(source, reference, tmp_path / "polygons", field="kind", background="1")
    assert matrix_of(tmp_path / "polygons") == [[2800, 0], [0, 800]]
    # The same classes as a fine raster in degrees: only pixels at the edge of the object may differ.
    west, south, east, north = lonlat[:, 0].min(), lonlat[:, 1].min(), lonlat[:, 0].max(), lonlat[:, 1].max()
    step = 2e-5
    transform = from_origin(west - 0.004, north + 0.004, step, step)
    width, height = int((east - west + 0.008) / step), int((north - south + 0.008) / step)
    burnt = rasterio.features.rasterize(
        [(shapely.Polygon(lonlat), 2)], (height, width), fill=1, transform=transform, dtype="uint8"
    )
    reference = write_classes(tmp_path / "r.tif", burnt, crs="EPSG:4326", transform=transform)
    compare(source, reference, tmp_path / "raster")
    (right, lost), (vain, found) = matrix_of(tmp_path / "raster")
    assert right + lost + vain + found == 3600 and lost + vain <= 40 and found > 760


def test_areas_of_degrees_are_measured_on_the_ellipsoid(tmp_path) -> None:
    values = np.ones((300, 300), np.uint8)
    transform = from_origin(10.0, 60.0, 1e-4, 1e-4)
    source = write_classes(tmp_path / "i.tif", values, crs="EPSG:4326", transform=transform)
    found = compare(source, source, tmp_path / "out")
    # A degree at 60 N is 111.4 km from south to north and 55.8 km from west to east.
    assert found["pixels"]["compared_ha"] == pytest.approx(0.03**2 * 111.4e3 * 55.8e3 / 1e4, rel=2e-3)
    plain = write_classes(tmp_path / "p.tif", values, crs=None)
    assert compare(plain, plain, tmp_path / "none")["pixels"]["compared_ha"] is None


def arrays(seed: int, height: int, width: int, kinds: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    mine = random.integers(0, kinds + 1, (height, width))
    theirs = np.where(random.random((height, width)) < 0.6, mine, random.integers(0, kinds + 1, mine.shape))
    values = np.append(random.choice(np.arange(0, 250), kinds, replace=False), 255).astype(np.uint8)
    return values[mine], values[theirs]


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 999), height=st.integers(1, 90), width=st.integers(1, 90), kinds=st.integers(1, 6),
    rows=st.integers(6, 40), columns=st.integers(6, 40), threads=st.integers(1, 3),
)  # fmt: skip
def test_windows_and_blocks_sum_to_the_whole(seed, height, width, kinds, rows, columns, threads) -> None:
    mine, theirs = arrays(seed, height, width, kinds)
    both = (mine != 255) & (theirs != 255)
    if not both.any():
        return
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_ROWS", rows)
        patch.setattr(counting, "_COLUMNS", columns)
        patch.setattr(counting, "BLOCK", 16)
        patch.setattr(counting, "_MAP_EDGE", 30)
        folder = Path(name)
        source = write_classes(folder / "i.tif", mine, nodata=255)
        reference = write_classes(folder / "r.tif", theirs, nodata=255)
        found = compare(source, reference, folder / "out", threads=threads)
        labels = sorted(set(theirs[theirs != 255].tolist()) | set(mine[both].tolist()))
        assert [one["value"] for one in found["figures"]["classes"]] == labels
        expected = confusion_matrix(theirs[both], mine[both], labels=labels)
        assert matrix_of(folder / "out") == expected.tolist()
        assert found["pixels"]["reference_only"] == int(((theirs != 255) & (mine == 255)).sum())
        assert found["pixels"]["input_only"] == int(((mine != 255) & (theirs == 255)).sum())


def test_figures_are_those_of_scikit_learn() -> None:
    mine, theirs = arrays(3, 60, 50, 4)
    both = (mine != 255) & (theirs != 255)
    truth, given_ = theirs[both], mine[both]
    labels = sorted(set(truth.tolist()))
    matrix = confusion_matrix(truth, given_, labels=labels)
    found = figures_of(matrix, np.zeros((1, 3, len(labels)), np.int64), labels, [str(v) for v in labels])
    assert found["overall_accuracy"] == pytest.approx(accuracy_score(truth, given_))
    assert found["kappa"] == pytest.approx(cohen_kappa_score(truth, given_))
    assert found["mean_iou"] == pytest.approx(jaccard_score(truth, given_, average="macro"))
    assert found["mean_f1"] == pytest.approx(f1_score(truth, given_, average="macro"))
    for key, score in (
        ("iou", jaccard_score), ("f1", f1_score), ("precision", precision_score), ("recall", recall_score),
    ):  # fmt: skip
        expected = score(truth, given_, labels=labels, average=None)
        assert [one[key] for one in found["classes"]] == pytest.approx(expected.tolist())


def test_a_class_that_only_the_input_has_counts_as_an_error_but_not_in_the_means() -> None:
    found = from_margins(np.array([[40, 0, 0], [50, 10, 0], [45, 0, 15]]))
    assert found["overall_accuracy"] == pytest.approx(40 / 60)
    assert found["mean_iou"] == pytest.approx((40 / 55 + 0) / 2)
    assert np.isnan(found["precision"][1]) and np.isnan(found["recall"][2])
    empty = from_margins(np.zeros((3, 2)))
    assert np.isnan(empty["kappa"]) and np.isnan(empty["mean_f1"])


def test_intervals_need_blocks_and_hold_the_figure() -> None:
    random = np.random.default_rng(1)
    right = random.integers(50, 100, (40, 2))
    margins = np.stack([right, right + random.integers(0, 30, (40, 2))], 1)
    wrong = margins[:, 1] - margins[:, 0]
    margins = np.concatenate([margins, (margins[:, 0] + wrong[:, ::-1])[:, None]], 1)
    total = margins.sum(0)
    miss = total[1] - total[0]
    matrix = np.array([[total[0, 0], miss[0]], [miss[1], total[0, 1]]])
    many = figures_of(matrix, margins, (0, 1), ("a", "b"))
    for key in ("overall_accuracy", "kappa", "mean_iou"):
        assert many["intervals"][key]["low"] < many[key] < many["intervals"][key]["high"]
    few = figures_of(matrix, np.concatenate([margins[:9], np.zeros((50, 3, 2), int)]), (0, 1), ("a", "b"))
    assert few["blocks"] == 9 and few["intervals"]["kappa"] is None


def test_blocks_grow_with_the_raster_and_never_are_too_many() -> None:
    assert counting.block_edge(1000, 1000) == 256
    edge = counting.block_edge(60000, 50000)
    assert edge == 1024 and -(-60000 // edge) * -(-50000 // edge) <= counting.MOST_BLOCKS


def test_uncertainty_is_judged_by_how_it_ranks_the_errors() -> None:
    random = np.random.default_rng(0)
    step = random.integers(0, 251, 4000)
    wrong = random.random(4000) < step / 400
    counts = np.zeros((251, 2), np.int64)
    np.add.at(counts, (step, wrong.astype(int)), 1)
    found = doubt_figures(counts)
    assert found["auroc"] == pytest.approx(roc_auc_score(wrong, step))
    assert sum(one["count"] for one in found["bins"]) == 4000 and len(found["bins"]) == 10
    assert found["bins"][0]["error"] < found["bins"][-1]["error"]
    assert doubt_figures(np.zeros((251, 2), np.int64)) is None


def test_wide_numbers_are_classes_too(tmp_path) -> None:
    values = np.array([[1000000, -7, 70000], [1000000, -7, 3]], np.int32).repeat(4, 0).repeat(4, 1)
    source = write_classes(tmp_path / "i.tif", values)
    other = np.where(values == 70000, 3, values)
    compare(source, write_classes(tmp_path / "r.tif", other), tmp_path / "out")
    with (tmp_path / "out" / "classes.csv").open(encoding="utf-8") as file:
        assert [row["value"] for row in csv.DictReader(file)] == ["-7", "3", "70000", "1000000"]
    assert matrix_of(tmp_path / "out") == [[32, 0, 0, 0], [0, 16, 16, 0], [0, 0, 0, 0], [0, 0, 0, 32]]
