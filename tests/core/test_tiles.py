"""Rasters and labels become tiles whose pixels, labels and tables say what the inputs say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.windows import Window

from model_core.errors import CancelledError, HydraNetError
from model_core.routerset import read_routerset
from model_core.scene import Scene
from model_core.tiles.export import export_tiles
from model_core.tiles.request import LabelLayer
from model_core.training.pack import load_pack

from .tile_inputs import BANDS, box, digest, export, label_of, polygons, request, scene


@pytest.fixture
def raster(tmp_path: Path) -> str:
    return scene(tmp_path / "lake.tif")


@pytest.fixture
def water(tmp_path: Path) -> LabelLayer:
    return LabelLayer("water", polygons(tmp_path / "w.gpkg", [box(0, 0, 40, 20), box(70, 40, 80, 60)]))


def test_tiles_hold_what_the_raster_and_the_labels_say(
    raster: str, water: LabelLayer, tmp_path: Path
) -> None:
    told = export(request(tmp_path, water, raster, licence="mine"))
    folder = tmp_path / "out"
    found = read_routerset(folder)
    assert len(found.entries) == sum(told["tiles"].values()) == 12 and found.tile_size == 32
    with rasterio.open(raster) as source, Scene.open(raster) as opened:
        for entry in found.entries:
            y, x = (int(part[1:]) for part in entry.id.split("_")[1:])
            window = Window(x, y, 32, 32)
            with rasterio.open(folder / entry.file) as tile, Scene.open(folder / entry.file) as again:
                np.testing.assert_array_equal(tile.read(), source.read(window=window))
                assert tile.descriptions == BANDS == entry.bands and tile.nodata == 0
                assert tile.tags()["RADIOMETRY"] == entry.radiometry == "boa"
                assert tile.crs == source.crs and tile.transform == source.window_transform(window)
                whole = again.read(Window(0, 0, 32, 32))
                np.testing.assert_array_equal(whole.reflectance, opened.read(window).reflectance)
            label = label_of(folder, entry.id, "water")
            rows, columns = np.mgrid[y : y + 32, x : x + 32]
            wet = ((columns < 40) & (rows < 20)) | (
                (columns >= 70) & (columns < 80) & (rows >= 40) & (rows < 60)
            )
            expected = np.where(columns >= 120, 255, wet)
            np.testing.assert_array_equal(label, expected)
            assert entry.relevance == {"water": int(wet.any())} and entry.licence == "mine"
    task = told["tasks"][0]
    assert task["classes"] == ["none", "water"] and task["pixels"] == {"none": 120 * 96 - 1000, "water": 1000}
    assert task["needed"] == {s: sum(e.relevance["water"] for e in found.of(s)) for s in task["needed"]}
    assert task["unknown"] == dict.fromkeys(("train", "val", "cal", "test"), 0)
    assert any("No area was given" in note for note in told["warnings"])
    assert not (tmp_path / "out.part").exists()


def test_only_where_the_area_is_and_unknown_outside_it(
    raster: str, water: LabelLayer, tmp_path: Path
) -> None:
    area = polygons(tmp_path / "area.gpkg", [box(0, 0, 50, 30)])
    told = export(request(tmp_path, water, raster, area=area))
    assert told["left_out"]["outside"] == 10 and sum(told["tiles"].values()) == 2
    label = label_of(tmp_path / "out", "lake_y00000_x00032", "water")
    assert (label[:20, :8] == 1).all() and (label[20:30, :18] == 0).all() and (label[:20, 8:18] == 0).all()
    assert (label[30:] == 255).all() and (label[:, 18:] == 255).all()
    entries = {entry.id: entry for entry in read_routerset(tmp_path / "out").entries}
    assert entries["lake_y00000_x00032"].relevance == {"water": 1}
    assert not any("No area" in note for note in told["warnings"])


def test_what_no_label_says_anything_about_is_left_out_unless_it_is_wanted(
    raster: str, tmp_path: Path
) -> None:
    path = polygons(tmp_path / "w.gpkg", [box(0, 0, 5, 5)])
    layer = LabelLayer("water", path, background="", classes={"1": "water", "0": "dry"})
    told = export(request(tmp_path, layer, raster))
    assert sum(told["tiles"].values()) == 1 and told["left_out"]["unlabelled"] == 11
    kept = export(request(tmp_path, layer, raster, keep_unlabelled=True, overwrite=True))
    assert sum(kept["tiles"].values()) == 12
    entries = read_routerset(tmp_path / "out").entries
    assert sorted(len(entry.tasks) for entry in entries) == [0] * 11 + [1]
    assert sum(not entry.relevance for entry in entries) == 12  # 25 of 1024 pixels tell nothing of a tile
    assert len(list((tmp_path / "out" / "labels").iterdir())) == 1


def test_a_raster_smaller_than_a_tile_is_filled_up(tmp_path: Path, water: LabelLayer) -> None:
    path = scene(tmp_path / "chip.tif", 28, 20)
    export(request(tmp_path, water, path))
    with rasterio.open(tmp_path / "out" / "scenes" / "chip_y00000_x00000.tif") as tile:
        values = tile.read()
    assert values.shape == (4, 32, 32) and (values[:, 20:] == 0).all() and (values[:, :, 20:] == 0).all()
    label = label_of(tmp_path / "out", "chip_y00000_x00000", "water")
    assert (label[:20, :20] == 1).all() and (label[20:] == 255).all() and (label[:, 20:] == 255).all()


def test_tiles_with_little_data_are_left_out(raster: str, water: LabelLayer, tmp_path: Path) -> None:
    told = export(request(tmp_path, water, raster, least_valid=0.9))
    assert told["left_out"]["no data"] == 3 and sum(told["tiles"].values()) == 9


def test_neither_threads_nor_the_order_of_the_rasters_matter(
    raster: str, water: LabelLayer, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    second = scene(tmp_path / "other" / "lake.tif", seed=1)  # another date, of the same name
    for number, (inputs, threads) in enumerate((((raster, second), 1), ((second, raster), 5))):
        export(request(tmp_path, water, *inputs, output=str(tmp_path / f"o{number}"), threads=threads))
    assert digest(tmp_path / "o0") == digest(tmp_path / "o1")
    entries = read_routerset(tmp_path / "o0").entries
    assert len(entries) == 24
    there: dict[str, set[str]] = {}
    for entry in entries:  # the two dates of one place are never in different splits
        there.setdefault(entry.id.partition("_y")[2], set()).add(entry.region + entry.split)
    assert all(len(those) == 1 for those in there.values()) and len(there) == 12


def test_the_training_reads_it_as_a_pack(raster: str, water: LabelLayer, tmp_path: Path) -> None:
    reed = LabelLayer("reed", polygons(tmp_path / "r.gpkg", [box(0, 0, 9, 9)]), label_kind="derived")
    rgb = scene(tmp_path / "photo.tif", west=600000.0, RADIOMETRY="display")
    export(request(tmp_path, [reed, water], raster, rgb))
    samples = {sample.id: sample for sample in load_pack(tmp_path / "out")}
    entries = {entry.id: entry for entry in read_routerset(tmp_path / "out").entries}
    assert samples.keys() == entries.keys() and len(samples) == 24
    for name, sample in samples.items():
        assert (
            set(sample.labels) == {"water"} and sample.split == entries[name].split and sample.gsd_m == 10.0
        )
        np.testing.assert_array_equal(sample.labels["water"], label_of(tmp_path / "out", name, "water"))
        assert sample.available.tolist() == [True, True, True, True, False, False, False, True]
        with rasterio.open(
            tmp_path / "out" / entries[name].file
        ) as tile:  # reflectance, also of a display image
            np.testing.assert_array_equal(sample.bands[[1, 2, 3, 7]], tile.read())
    assert samples["lake_y00000_x00000"].label_kind == {"reed": "derived", "water": "hand"}


def test_places_that_nobody_knows_are_told_of(tmp_path: Path) -> None:
    """Two dates of one place without a CRS may be in different splits; of one nothing is said."""
    first, second = (scene(tmp_path / f"{name}.tif", crs=None) for name in ("a", "b"))
    layer = LabelLayer("water", polygons(tmp_path / "w.gpkg", [shapely.box(0, 0, 30, 30)], crs=None))
    said = "2 rasters have no CRS, so tiles of one place"
    assert not any(said in note for note in export(request(tmp_path, layer, first))["warnings"])
    told = export(request(tmp_path, layer, first, second, overwrite=True))
    assert any(said in note for note in told["warnings"])


def test_a_stop_is_quick_and_can_be_continued(raster: str, water: LabelLayer, tmp_path: Path) -> None:
    asked = request(tmp_path, water, raster, threads=1)
    told: list[dict] = []

    def stop() -> bool:
        return (tmp_path / "out.part" / "done.jsonl").exists()

    with pytest.raises(CancelledError, match=r"of 12 tiles; repeat the request with --resume"):
        export_tiles(asked, told.append, stop)
    assert told[0] == {"event": "started", "total_tiles": 12, "folder": str(tmp_path / "out")}
    assert not (tmp_path / "out").exists() and (tmp_path / "out.part").is_dir()
    export(request(tmp_path, water, raster, resume=True))
    export(request(tmp_path, water, raster, output=str(tmp_path / "whole")))
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_the_tables_say_how_it_was_made(raster: str, water: LabelLayer, tmp_path: Path) -> None:
    told = export(request(tmp_path, water, raster, seed=3))
    data = json.loads((tmp_path / "out" / "routerset.json").read_text())
    assert data["made"]["request"]["seed"] == 3 and data["left_out"] == told["left_out"]
    assert data["tiles"] == told["tiles"] and data["regions"] == told["regions"] >= 8
    assert data["made"]["sources"][0]["reflectance"]["scale"] == 1e-4
    assert any("blocks of 1280 m, so 1" in note for note in told["warnings"])
    picture = (tmp_path / "out" / told["contact_sheet"]).read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 5000


def one(folder: Path, *shapes, **fields) -> str:
    """A file of one polygon, or those given."""
    return polygons(folder / "w.gpkg", shapes or [box(0, 0, 9, 9)], **fields)


NAMES = [f"n{number}" for number in range(70)]
BAD = {
    "no CRS": (one, {"crs": None}, {}, "has a CRS but the raster has none"),
    "far away": (lambda t: one(t, box(900, 900, 999, 999)), {}, {}, "No polygon of the labels"),
    "no file": (lambda t: str(t / "no.gpkg"), {}, {}, "does not exist"),
    "no layer": (one, {}, {"layer": "x"}, "no layer 'x' .* are labels"),
    "no field": (
        lambda t: one(t, kind=["a"], id=[3]), {}, {"field": "class"},
        "no field 'class'; its fields are kind, id",
    ),
    "a class": (
        lambda t: one(t, kind=["reed"]), {}, {"field": "kind", "classes": {"rush": "rush"}},
        "hold 'reed', which its classes do not list",
    ),
    "a name": (one, {}, {"task": "My reed"}, "'My reed' is not usable"),
    "names": (
        lambda t: one(t, *[box(0, 0, 9, 9)] * 70, kind=NAMES), {}, {"field": "kind"},
        "71 classes by the field 'kind'",
    ),
    "code": (lambda t: one(t, kind=[311]), {}, {"field": "kind"}, "312 classes"),
    "negative": (lambda t: one(t, kind=[-3]), {}, {"field": "kind"}, "hold -3"),
    "colour": (one, {}, {"colors": {"sand": "#ffffff"}}, "'colors' of the labels of 'water' names 'sand'"),
    "present": (one, {}, {"present": ("sand",)}, "'present' of the labels of 'water' names 'sand'"),
    "text": (lambda t: str((t / "w.gpkg").write_text("x") and t / "w.gpkg"), {}, {}, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_work_is_one_sentence(name: str, tmp_path: Path) -> None:
    make, of_scene, of_layer, said = BAD[name]
    raster = scene(tmp_path / "lake.tif", **of_scene)
    layer = LabelLayer(**{"task": "water", "path": make(tmp_path), **of_layer})
    with pytest.raises(HydraNetError, match=said) as caught:
        export(request(tmp_path, layer, raster))
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.part").exists()


def test_an_area_elsewhere_and_rasters_without_data(raster: str, water: LabelLayer, tmp_path: Path) -> None:
    area = polygons(tmp_path / "area.gpkg", [box(900, 900, 999, 999)])
    with pytest.raises(HydraNetError, match="The area .* has no pixel in the raster"):
        export(request(tmp_path, water, raster, area=area))
    with pytest.raises(HydraNetError, match="None of the 12 tiles can be used"):
        export(request(tmp_path, LabelLayer("water", raster_of_nothing(tmp_path)), raster))
    assert not (tmp_path / "out.part").exists()


def raster_of_nothing(folder: Path) -> str:
    path = folder / "nothing.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8", nodata=0, crs="EPSG:32631",
        transform=rasterio.transform.from_origin(500000.0, 5000000.0, 400.0, 400.0),
    ) as dataset:  # fmt: skip
        dataset.write(np.zeros((1, 4, 4), np.uint8))
    return str(path)
