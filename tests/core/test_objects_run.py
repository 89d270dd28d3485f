"""Objects in a run: where they lie, how large they are, that each is found once, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.transform import from_origin

from model_core import cli
from model_core.bands import BAND_NAMES
from model_core.errors import BundleError, OutputError, RequestError
from model_core.objects.spec import FLOOR
from model_core.objects.table import FIELDS, read_detections
from model_core.report import run_table
from model_core.request import PredictRequest
from model_core.rundir import files_of, read_run
from tests.core.conftest import UTM_10M
from tests.core.fakes import BRIGHT, OBJECTS, WITH_OBJECTS, FakeFinder, digital, run, sea
from tests.core.test_mask_run import write_mask
from tests.core.test_resume import results

SHIP, BUILDING = 0, 1
# (column, row, width, height, score, class); the raster is 150 x 120, tiles are 32 wide.
FLEET = [
    (5, 5, 10, 4, 0.95, SHIP),
    (25, 8, 14, 3, 0.9, SHIP),  # over the first seam
    (50, 40, 6, 6, 0.99, BUILDING),
    (22, 50, 12, 12, 0.85, BUILDING),  # where four tiles meet
    (70, 60, 70, 5, 0.92, SHIP),  # longer than two tiles
    (140, 110, 10, 10, 0.97, SHIP),  # in the corner of the raster
    (100, 20, 3, 7, 0.81, SHIP),
]


def find(source: str, output: Path, model: FakeFinder | None = None, **options: Any) -> dict[str, Any]:
    """Run all experts of a finder everywhere."""
    options.setdefault("top_k", 3)
    return run(source, output, model or FakeFinder(), **options)


def layer(folder: Path) -> dict[str, np.ndarray]:
    """Columns of the layer `objects`, with its polygons as `polygon`."""
    meta, _, geometry, columns = pyogrio.raw.read(folder / "objects.gpkg", layer="objects")
    return {"polygon": shapely.from_wkb(geometry), **dict(zip(meta["fields"], columns, strict=True))}


def seen(folder: Path, transform: Affine = UTM_10M) -> set[tuple]:
    """Objects in pixels, as `FLEET` has them."""
    found = layer(folder)
    boxes = []
    for polygon, name, score in zip(found["polygon"], found["class"], found["score"], strict=True):
        x, y = ~transform * shapely.get_coordinates(polygon).T
        left, top = round(x.min(), 3), round(y.min(), 3)
        label = [item.name for item in OBJECTS.classes].index(name)
        boxes.append((left, top, round(x.max() - left, 3), round(y.max() - top, 3), round(score, 3), label))
    assert len(set(boxes)) == len(boxes), "an object is there twice"
    return set(boxes)


def told(summary: dict[str, Any]) -> dict[str, Any]:
    return next(expert for expert in summary["experts"] if expert["name"] == "objects")


@pytest.fixture
def fleet(make_raster) -> str:
    return make_raster("fleet.tif", sea(150, 120, FLEET), descriptions=BAND_NAMES)


@pytest.mark.parametrize("overlap", [0, 3, 8, 16])
def test_each_object_is_found_once_whatever_the_overlap(fleet: str, tmp_path: Path, overlap: int) -> None:
    summary = find(fleet, tmp_path / "run", overlap=overlap)
    assert seen(tmp_path / "run") == set(FLEET)
    assert told(summary)["objects"] == {"count": 7, "by_class": {"ship": 5, "building": 2}}


def test_threads_batches_and_memory_change_no_byte(fleet: str, tmp_path: Path) -> None:
    find(fleet, tmp_path / "one", threads=1, batch_size=1)
    first = results(tmp_path / "one")
    for number, ways in enumerate([{"threads": 3, "batch_size": 5}, {"threads": 2, "memory_mb": 64}, {}]):
        find(fleet, tmp_path / f"other{number}", **ways)
        assert results(tmp_path / f"other{number}") == first


def test_what_the_layer_says(fleet: str, tmp_path: Path) -> None:
    summary = find(fleet, tmp_path / "run")
    found = layer(tmp_path / "run")
    assert tuple(found)[1:] == FIELDS and found["id"].tolist() == list(range(1, 8))
    assert shapely.is_valid(found["polygon"]).all()
    centres = shapely.get_coordinates(shapely.centroid(found["polygon"]))
    assert (np.diff(centres[:, 1]) <= 0).all(), "from top to bottom"
    ship = int(np.flatnonzero(found["score"].round(3) == 0.95)[0])
    assert found["class"][ship] == "ship" and (found["tile"][ship], found["tiles"][ship]) == (0, "0")
    assert found["experts"][ship] == "1:0.70,2:0.30 | 2:0.70,3:0.30" and found["top_expert"][ship] == 2
    house = int(np.flatnonzero(found["score"].round(3) == 0.99)[0])
    assert found["experts"][house] == "5:0.70,6:0.30 | 6:0.70,7:0.30" and found["top_expert"][house] == 6
    for groups in found["groups"]:
        layers = [[int(number) for number in part.split(",")] for part in groups.split(" | ")]
        assert len(layers) == 2 and all(1 <= n <= 4 for part in layers for n in part)
    long = int(np.flatnonzero(found["score"].round(3) == 0.92)[0])
    tiles = [int(tile) for tile in found["tiles"][long].split(",")]
    assert len(tiles) >= 3 and tiles == sorted(tiles) and found["tile"][long] in tiles
    expert = told(summary)
    assert (expert["output"], expert["style"], expert["kind"]) == ("objects.gpkg", "objects.qml", "objects")
    assert (expert["pixels"], expert["class_pixels"], expert["uncertainty_bands"]) == (0, {}, {})
    assert expert["tiles"] == summary["tiles"]["routed"] == len(read_detections(
        tmp_path / "run" / "objects.gpkg"
    ))  # fmt: skip
    assert all("objects" not in expert for expert in summary["experts"] if expert["name"] != "objects")
    assert sorted(files_of(summary)) == sorted(path.name for path in (tmp_path / "run").iterdir())
    assert pyogrio.read_info(tmp_path / "run" / "objects.gpkg", layer="objects")["crs"] == "EPSG:32631"


TRANSFORMS = {
    "turned": (Affine.translation(5e5, 5e6) * Affine.rotation(30) * Affine.scale(10, -10), "EPSG:32631"),
    "oblong": (Affine(10, 0, 5e5, 0, -5, 5e6), "EPSG:32631"),
    "south up": (Affine(10, 0, 5e5, 0, 10, 5e6), "EPSG:32631"),
    "degrees": (from_origin(5.0, 60.0, 2e-4, 1e-4), "EPSG:4326"),
    "feet": (from_origin(1e6, 2e5, 20.0, 20.0), "EPSG:2263"),
    "mercator": (from_origin(5e5, 6446275.8, 10.0, 10.0), "EPSG:3857"),
}
# Metres of a step right and a step down: WGS 84 at 60 degrees (a degree is 55.80 km by 111.41 km), the US
# survey foot, and web Mercator at 50 degrees (1 / cos of the latitude, less the flattening).
STEPS = {
    "turned": (10.0, 10.0), "oblong": (10.0, 5.0), "south up": (10.0, 10.0), "degrees": (11.160, 11.141),
    "feet": (6.0960, 6.0960), "mercator": (6.4405, 6.4223),
}  # fmt: skip


@pytest.mark.parametrize("which", TRANSFORMS)
def test_place_and_metres(make_raster, tmp_path: Path, which: str) -> None:
    transform, crs = TRANSFORMS[which]
    array = sea(150, 120, FLEET)
    source = make_raster("scene.tif", array, transform=transform, crs=crs, descriptions=BAND_NAMES)
    find(source, tmp_path / "run")
    assert seen(tmp_path / "run", transform) == set(FLEET)
    found, (right, down) = layer(tmp_path / "run"), STEPS[which]
    for x, y, w, h, score, _ in FLEET:
        n = int(np.flatnonzero(found["score"].round(3) == score)[0])
        corners = [transform * at for at in ((x, y), (x + w, y), (x + w, y + h), (x, y + h))]
        assert shapely.Polygon(corners).symmetric_difference(found["polygon"][n]).area < 1e-6 * w * h * abs(
            transform.determinant
        )
        across, along = w * right, h * down
        assert found["length_m"][n] == pytest.approx(max(across, along), rel=0.01)
        assert found["width_m"][n] == pytest.approx(min(across, along), rel=0.01)
        assert found["area_m2"][n] == pytest.approx(across * along, rel=0.01)


def test_without_a_georeference_no_metres(make_raster, tmp_path: Path) -> None:
    source = make_raster("plain.tif", sea(150, 120, FLEET), transform=None, crs=None)
    bands = ",".join(f"{name}={number}" for number, name in enumerate(BAND_NAMES, start=1))
    find(source, tmp_path / "run", bands=bands)
    found = layer(tmp_path / "run")
    assert len(found["id"]) == 7 and all(np.isnan(found[f]).all() for f in ("area_m2", "length_m", "width_m"))


def test_an_extent_moves_nothing(fleet: str, tmp_path: Path) -> None:
    west, north = 5e5 + 400, 5e6 - 300  # from column 40, row 30 on
    find(fleet, tmp_path / "run", extent=(west, north - 900, west + 1100, north))
    assert seen(tmp_path / "run") == {one for one in FLEET if one[0] >= 40 and one[1] >= 30}


def test_a_raster_smaller_than_a_tile(make_raster, tmp_path: Path) -> None:
    source = make_raster("small.tif", sea(20, 25, [(12, 20, 8, 5, 0.9, SHIP)]), descriptions=BAND_NAMES)
    find(source, tmp_path / "run")
    assert seen(tmp_path / "run") == {(12, 20, 8, 5, 0.9, SHIP)}


def test_boxes_are_cut_at_the_raster_where_a_tile_is_larger(make_raster, tmp_path: Path) -> None:
    """What a network finds in the empty part of a tile beyond a small raster is no object."""
    source = make_raster("small.tif", sea(20, 25, [(12, 20, 8, 5, 0.9, SHIP)]), descriptions=BAND_NAMES)
    model = FakeFinder()

    def wider(found):
        (one,) = found
        one.box[0] = 12, 20, 30, 31
        more = {name: np.repeat(getattr(one, name), 2, axis=0) for name in vars(one) if name != "groups"}
        more["box"][1] = 21, 26, 30, 31
        return [replace(one, **more)]

    model.spoil = wider
    find(source, tmp_path / "run", model)
    (one,) = read_detections(tmp_path / "run" / "objects.gpkg").values()
    assert one.box.tolist() == [[12, 20, 20, 25]]


def test_tiles_that_abstain_are_not_searched(make_raster, tmp_path: Path) -> None:
    array = sea(150, 120, FLEET)
    array[6, :, 80:] = 9000  # the experts are wanted only where this band is dark: windows end at column 79
    source = make_raster("half.tif", array, descriptions=BAND_NAMES)

    def scores(pixels, valid):
        return np.repeat((pixels[:, 6].max(axis=(1, 2)) < 0.5)[:, None], 3, axis=1) * 0.99

    summary = find(source, tmp_path / "run", model := FakeFinder(scores=scores))
    # Of the long ship the part is told that was looked at.
    whole = {one for one in FLEET if one[0] + one[2] <= 79}
    assert seen(tmp_path / "run") == whole | {(70, 60, 9, 5, 0.92, SHIP)}
    assert len(model.searched) == summary["tiles"]["routed"] < summary["tiles"]["total"]
    assert summary["tiles"]["abstained"] > 0


@pytest.mark.parametrize("why", ["not requested", "outside its resolution", "nothing to search"])
def test_without_the_expert_there_is_no_layer(fleet: str, tmp_path: Path, why: str) -> None:
    experts, options = WITH_OBJECTS, {}
    model = FakeFinder()
    if why == "not requested":
        options["experts"] = ("bright", "green")
    elif why == "outside its resolution":
        experts = (*WITH_OBJECTS[:2], replace(OBJECTS, valid_gsd_m=(0.5, 6.0)))
        model = FakeFinder(experts)
    else:
        options["thresholds"] = {"objects": 1.0}
        model = FakeFinder(scores=lambda pixels, valid: np.full((len(pixels), 3), 0.9))
    summary = find(fleet, tmp_path / "run", model, **options)
    expert = told(summary)
    assert expert["output"] is expert["style"] is None and expert["tiles"] == 0
    assert expert["objects"] == {"count": 0, "by_class": {"ship": 0, "building": 0}}
    assert bool(expert["skipped"]) == (why != "nothing to search")
    assert not list((tmp_path / "run").glob("objects.*")) and not model.searched
    assert (tmp_path / "run" / "bright.tif").exists()


def test_nothing_found_is_an_empty_layer_with_all_fields(make_raster, tmp_path: Path) -> None:
    source = make_raster("sea.tif", sea(150, 120, []), descriptions=BAND_NAMES)
    summary = find(source, tmp_path / "run")
    info = pyogrio.read_info(tmp_path / "run" / "objects.gpkg", layer="objects")
    assert info["features"] == 0 and tuple(info["fields"]) == FIELDS
    assert (info["geometry_type"], info["crs"]) == ("Polygon", "EPSG:32631")
    assert info["dtypes"].tolist() == [
        "int32", "object", "float64", "float64", "float64", "float64", "int32", *["object"] * 3, "int32",
    ]  # fmt: skip
    assert told(summary)["objects"]["count"] == 0 and (tmp_path / "run" / "objects.qml").exists()
    row = next(line for line in run_table(summary).splitlines() if line.startswith("objects"))
    assert row.endswith("no objects  objects.gpkg")


def test_the_table_counts_objects(fleet: str, tmp_path: Path) -> None:
    rows = run_table(find(fleet, tmp_path / "run")).splitlines()
    assert [row for row in rows if row.startswith("objects")][0].endswith(
        "5 ships, 2 buildings  objects.gpkg"
    )


def test_two_runs_give_the_same_bytes_with_uncertainty_or_not(fleet: str, tmp_path: Path) -> None:
    for name, options in (("a", {}), ("b", {}), ("c", {"uncertainty": True})):
        summary = find(fleet, tmp_path / name, **options)
        assert told(summary)["uncertainty_bands"] == {}
    content = {name: (tmp_path / name / "objects.gpkg").read_bytes() for name in "abc"}
    assert content["a"] == content["b"] == content["c"]


def test_what_lies_outside_the_mask_or_on_nodata_is_left_out(make_raster, tmp_path: Path) -> None:
    """A matter of the whole object: parts that a tile sees beyond the edge are no objects."""
    fleet = [(10, 10, 20, 6, 0.9, SHIP), (40, 10, 20, 6, 0.95, SHIP), (60, 60, 9, 9, 0.85, BUILDING)]
    array = sea(150, 120, [*fleet, (100, 60, 9, 9, 0.99, BUILDING)]).astype(np.int32)
    array[:, 61:68, 101:108] = -1  # 49 of the last one's 81 pixels
    array[:, 65:, 60:64] = -1  # a corner of the one before
    source = make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=-1)
    find(source, tmp_path / "whole", radiometry="0.0001,0")
    assert seen(tmp_path / "whole") == set(fleet)
    # An edge at column 24: the first ship's centre, column 20, lies outside, its last 6 columns inside.
    mask = write_mask(tmp_path / "mask.gpkg", [shapely.box(5e5 + 240, 4.99e6, 5.1e5, 5e6)])
    for overlap in (0, 8):
        find(source, tmp_path / f"masked{overlap}", mask=mask, overlap=overlap, radiometry="0.0001,0")
        assert seen(tmp_path / f"masked{overlap}") == set(fleet[1:])


@pytest.mark.parametrize("overlap", [0, 8])
def test_a_damaged_pixel_in_the_middle_takes_no_ship_away(make_raster, tmp_path: Path, overlap: int) -> None:
    array = sea(150, 120, FLEET).astype(np.float32)
    for x, y, w, h, _, _ in FLEET:
        array[5, y + h // 2, x + w // 2] = np.nan  # a pixel that lacks one band is without data
    source = make_raster("scene.tif", array, descriptions=BAND_NAMES)
    summary = find(source, tmp_path / "run", overlap=overlap, radiometry="0.0001,0")
    assert summary["pixel_counts"]["not_finite"] == len(FLEET)
    assert seen(tmp_path / "run") == set(FLEET)


@pytest.mark.parametrize(("score", "left"), [(None, 7), (0.0, 7), (FLOOR, 7), (0.91, 4), (1.0, 0)])
def test_object_score(fleet: str, tmp_path: Path, score: float | None, left: int) -> None:
    summary = find(fleet, tmp_path / "run", object_score=score)
    assert {one[4] for one in seen(tmp_path / "run")} == {
        one[4] for one in FLEET if score is None or one[4] >= score
    }
    assert told(summary)["objects"]["count"] == left and summary["request"]["object_score"] == score
    assert len(read_detections(tmp_path / "run" / "objects.gpkg")) == told(summary)["tiles"]


def test_thresholds_of_the_bundle_are_by_class(fleet: str, tmp_path: Path) -> None:
    model = FakeFinder(finds=replace(FakeFinder().objects, thresholds=(0.93, 0.0)))
    find(fleet, tmp_path / "run", model)
    assert seen(tmp_path / "run") == {one for one in FLEET if one[5] == BUILDING or one[4] >= 0.93}


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5", True, [0.5]])
def test_object_score_is_a_share(value: Any) -> None:
    with pytest.raises(RequestError, match="'object_score' is .*; expected a number from 0 to 1, or null"):
        PredictRequest("in.tif", "out", object_score=value)


def test_object_score_on_the_command_line(monkeypatch, capsys) -> None:
    asked = []
    monkeypatch.setattr("model_core.predict.predict", lambda request, *_, **__: asked.append(request) or {})
    monkeypatch.setattr("model_core.report.run_table", lambda summary: "")
    wanted = PredictRequest("in.tif", "out", object_score=0.25)
    words = wanted.command().split()
    assert "--object-score=0.25" in words and words[:2] == ["hydranet", "predict"]
    assert cli.main(words[1:]) == 0 and asked == [wanted]
    assert "--object-score" not in PredictRequest("in.tif", "out").command()
    assert PredictRequest.from_json(wanted.to_json()) == wanted


def spoiled(**changes: Any):
    """Detections of each tile with these parts made by a function of the old ones."""
    return lambda found: [
        replace(one, **{name: change(getattr(one, name)) for name, change in changes.items()})
        for one in found
    ]


def put(place: Any, value: float):
    def change(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        if values.size:
            values[place] = value
        return values

    return change


SPOILS = {
    "too few tiles": (lambda found: found[:-1], "gave . tiles of detections for . tiles"),
    "arrays": (lambda found: [np.zeros((3, 4))] * len(found), "gave what is no detections"),
    "nothing": (lambda found: [None] * len(found), "gave what is no detections"),
    "a box of three": (spoiled(box=lambda box: box[:, :3]), "gave box of shape"),
    "fewer labels": (spoiled(label=lambda label: label[1:]), "gave label of shape"),
    "one layer": (spoiled(groups=lambda groups: groups[:1]), "gave groups of shape"),
    "one group": (spoiled(groups=lambda groups: groups[:, :1]), "gave groups of shape"),
    "one expert": (
        spoiled(experts=lambda experts: experts[..., :1], weights=lambda weights: weights[..., :1]),
        "gave experts of shape",
    ),
    "other weights": (spoiled(weights=lambda weights: weights[..., :1]), "gave weights of shape"),
    "no place": (spoiled(box=put((0, 0), np.nan)), "gave box that is not finite"),
    "no corner": (spoiled(outline=put((0, 0, 0), np.inf)), "gave outline that is not finite"),
    "no score": (spoiled(score=put(0, np.nan)), "gave score that is not finite"),
    "a score above 1": (spoiled(score=put(0, 1.5)), "gave score of .* to 1.5 where 0 to 1 was"),
    "a third class": (spoiled(label=put(0, 2)), "gave label of .* to 2 where 0 to 1 was"),
    "a fifth group": (spoiled(groups=put((0, 0), 4)), "gave groups of .* to 4 where 0 to 3 was"),
    "expert -1": (spoiled(experts=put((0, 0, 0), -1)), "gave experts of -1 to"),
    "beyond the tile": (spoiled(box=put((0, 2), 33)), "gave a box beyond its tile of 32 pixels"),
    "left of the tile": (spoiled(box=put((0, 0), -1)), "gave a box beyond its tile of 32 pixels"),
    "no width": (spoiled(box=lambda box: box[:, [0, 1, 0, 3]]), "gave a box without area"),
}


@pytest.mark.parametrize("which", SPOILS)
def test_what_is_no_detection_is_refused(fleet: str, tmp_path: Path, which: str) -> None:
    model = FakeFinder()
    model.spoil, words = SPOILS[which]
    with pytest.raises(BundleError, match=f"Expert 'objects' {words}.* The bundle is damaged, use another"):
        find(fleet, tmp_path / "run", model)
    assert not (tmp_path / "run").exists()


def test_a_damaged_entry_is_no_finished_run(fleet: str, tmp_path: Path) -> None:
    find(fleet, tmp_path / "run")
    assert find(fleet, tmp_path / "run", resume=True) == read_run(tmp_path / "run")
    stored = read_run(tmp_path / "run")
    del told(stored)["objects"]["by_class"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(stored))
    with pytest.raises(OutputError, match="lacks some of its files or numbers"):
        find(fleet, tmp_path / "run", resume=True)


def test_a_run_of_objects_alone_and_of_none_decoded(fleet: str, tmp_path: Path) -> None:
    summary = find(fleet, tmp_path / "alone", experts=("objects",))
    assert seen(tmp_path / "alone") == set(FLEET)
    assert {path.name for path in (tmp_path / "alone").iterdir()} == {
        "objects.gpkg", "objects.qml", "routing.gpkg", "routing.qml", "run.json",
    }  # fmt: skip
    assert summary["warnings"] == [] or all("no raster" not in note for note in summary["warnings"])
    scored = find(fleet, tmp_path / "scored", decode=False)
    assert told(scored)["objects"]["count"] == 0 and told(scored)["output"] is None


def test_other_outputs_are_those_of_a_model_without_objects(fleet: str, tmp_path: Path) -> None:
    find(fleet, tmp_path / "with", uncertainty=True)
    find(fleet, tmp_path / "without", FakeFinder(WITH_OBJECTS[:2]), top_k=2, uncertainty=True)
    assert (tmp_path / "with" / "bright.tif").read_bytes() == (
        tmp_path / "without" / "bright.tif"
    ).read_bytes()
    assert BRIGHT in WITH_OBJECTS


def test_objects_in_a_busy_scene(make_raster, tmp_path: Path) -> None:
    """Water as bright as ships in other bands misleads nobody, and a large sea is searched in order."""
    array = digital(400, 300, seed=3)
    array[2] = np.minimum(array[2], 5000)
    rng, ships = np.random.default_rng(1), []
    for row in range(6, 280, 22):
        for column in range(5, 370, 31):
            w, h = (int(v) for v in rng.integers(2, 14, 2))
            ships.append((column, row, w, h, round(float(rng.uniform(0.8, 1.0)), 3), int(rng.integers(2))))
            array[2, row : row + h, column : column + w] = round(ships[-1][4] * 10000)
            array[1, row : row + h, column : column + w] = 9000 if ships[-1][5] else 1000
    source = make_raster("busy.tif", array, descriptions=BAND_NAMES)
    for overlap in (0, 5, 16):
        find(source, tmp_path / f"run{overlap}", overlap=overlap)
        assert seen(tmp_path / f"run{overlap}") == set(ships)
    with rasterio.open(source) as raster:
        assert raster.width == 400
