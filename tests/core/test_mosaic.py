"""A mosaic shows every pixel and every row of its runs, is told whole or not at all, and touches no run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio

from model_core import cli
from model_core.errors import OutputError, RequestError
from model_core.mosaic import build
from model_core.mosaic.build import make_mosaic
from tests.core.mosaic_runs import (
    EARLY,
    EXPERTS,
    LATE,
    SOUTH,
    change_run,
    contents,
    laid,
    predict_scene,
    three_runs,
    write_scene,
)

RASTERS = sorted(spec.name for spec in EXPERTS if spec.kind != "objects")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The folder of three runs; a test that changes anything takes a copy."""
    return three_runs(tmp_path_factory.mktemp("mosaic"))


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "runs"))


@pytest.fixture
def pair(runs: Path) -> Path:
    """Only the two in one CRS."""
    shutil.rmtree(runs / SOUTH)
    return runs


def test_every_pixel_is_that_of_the_uppermost_run(pair):
    done = make_mosaic([pair], stac=False)
    assert done["rasters"] == [f"{name}.vrt" for name in RASTERS] and done["warnings"] == []
    for name in RASTERS:
        with rasterio.open(pair / "mosaic" / f"{name}.vrt") as raster:
            pixels = raster.read()
            assert raster.crs == "EPSG:32631" and raster.bounds == (500000, 4999200, 500900, 5000000)
            expected = laid(
                [pair / EARLY / f"{name}.tif", pair / LATE / f"{name}.tif"], raster.transform, pixels.shape
            )
            assert raster.files[0].endswith(f"{name}.vrt")
        np.testing.assert_array_equal(pixels, expected)
        assert len(np.unique(expected)) > 2


def test_bands_are_what_they_are_in_the_runs(pair):
    make_mosaic([pair], stac=False)
    with rasterio.open(pair / "mosaic" / "hydra.vrt") as raster:
        assert raster.descriptions == (
            "class", "total uncertainty", "aleatoric uncertainty", "model uncertainty",
        )  # fmt: skip
        assert raster.dtypes == ("uint8",) * 4 and set(raster.nodatavals) == {255}
        assert raster.scales == (1.0, 0.004, 0.004, 0.004)
        assert raster.tags(1) == {"CLASS_0": "dark", "CLASS_1": "grey", "CLASS_2": "bright"}
        colors = raster.colormap(1)
        assert colors[0][3] == 0 and colors[1] == (0x88, 0x88, 0x88, 255) and colors[2] == (255, 0xEE, 0, 255)
        assert raster.tags()["HYDRANET_RUNS"] == "2" and raster.tags()["HYDRANET_EXPERT"] == "hydra"
        # Only one of the two was run with uncertainty; where the other lies alone nothing is known.
        band, value = raster.read(2), raster.read(1)
        assert (band[:18] == 255).all() and (value[:18] != 255).any() and (band[55:] != 255).any()
    with rasterio.open(pair / "mosaic" / "metres.vrt") as raster:
        assert raster.units == ("m",) and np.isnan(raster.nodata) and raster.descriptions == ("metres",)
    with rasterio.open(pair / "mosaic" / "green.vrt") as raster:
        assert raster.descriptions == ("probability", "uncertainty") and raster.scales == (0.004, 0.004)


def test_styles_lie_beside(pair):
    make_mosaic([pair], stac=False)
    mosaic = pair / "mosaic"
    for name in ("bright", "green", "objects", "routing"):
        assert (mosaic / f"{name}.qml").read_bytes() == (pair / LATE / f"{name}.qml").read_bytes()
    found, *ends = (
        dict(build._RANGE.findall((folder / "metres.qml").read_text()))
        for folder in (mosaic, pair / LATE, pair / EARLY)
    )
    assert ends[0] != ends[1]
    assert float(found["Min"]) == min(float(one["Min"]) for one in ends)
    assert float(found["Max"]) == max(float(one["Max"]) for one in ends)


def test_tables_hold_every_row_and_say_which_run_it_is_of(pair):
    make_mosaic([pair], stac=False)
    for layer, source in (("objects", "objects"), ("routing", "tiles")):
        path = pair / "mosaic" / f"{layer}.vrt"
        info = pyogrio.read_info(path)
        meta, _fids, shapes, columns = pyogrio.raw.read(path)
        fields = dict(zip(meta["fields"], columns, strict=True))
        rows = 0
        for run in (EARLY, LATE):
            told, _f, own, values = pyogrio.raw.read(pair / run / f"{layer}.gpkg", layer=source)
            here = fields["run"] == run
            assert list(shapes[here]) == list(own)
            for name, column in zip(told["fields"], values, strict=True):
                np.testing.assert_array_equal(fields[name][here], column, err_msg=name)
            rows += len(own)
        assert len(shapes) == rows > 0 and info["crs"] == "EPSG:32631"
        assert list(info["total_bounds"]) == [500000, 4999200, 500900, 5000000]
    # Columns that only the run with uncertainty has are there for all.
    assert "uncertainty_bright" in fields and fields["valid"].dtype == np.float64


def test_each_crs_has_its_own_layers(runs):
    done = make_mosaic([runs], stac=False)
    ends = ("_epsg32631", "_epsg32632")
    assert set(done["rasters"]) == {f"{name}{end}.vrt" for name in RASTERS for end in ends}
    assert set(done["tables"]) == {f"{name}{end}.vrt" for name in ("objects", "routing") for end in ends}
    assert len(done["warnings"]) == 1 and "2 CRSs (epsg32631, epsg32632)" in done["warnings"][0]
    with rasterio.open(runs / "mosaic" / "bright_epsg32632.vrt") as raster:
        assert raster.crs == "EPSG:32632"
        with rasterio.open(runs / SOUTH / "bright.tif") as alone:
            np.testing.assert_array_equal(raster.read(), alone.read())
            assert raster.transform == alone.transform


def test_models_are_not_mixed(runs):
    model = json.loads((runs / SOUTH / "run.json").read_text())["model"]
    change_run(runs / LATE, model={**model, "sha256": "sha256:" + "0a" * 32})
    done = make_mosaic([runs], stac=False)
    assert "bright_epsg32631_0a0a0a0a.vrt" in done["rasters"]
    assert "bright_epsg32631_ffffffff.vrt" in done["rasters"]
    assert any("2 models" in warning for warning in done["warnings"])


def test_a_changed_class_is_left_out_and_named(pair):
    experts = json.loads((pair / LATE / "run.json").read_text())["experts"]
    next(e for e in experts if e["name"] == "bright")["classes"][1]["name"] = "gray"
    change_run(pair / LATE, experts=experts)
    done = make_mosaic([pair], stac=False)
    assert [w for w in done["warnings"] if "bright.tif" in w and "classes" in w] == done["warnings"]
    with (
        rasterio.open(pair / "mosaic" / "bright.vrt") as raster,
        rasterio.open(pair / EARLY / "bright.tif") as one,
    ):
        np.testing.assert_array_equal(raster.read(), one.read())


def test_the_finest_scene_gives_the_grid(tmp_path):
    """A scene of 30 m and one whose pixels lie between those of the first: nearest and bilinear."""
    fine = write_scene(tmp_path / "b.tif", (40, 40), (500000, 5000000), "EPSG:32631", 1)
    coarse = write_scene(
        tmp_path / "a.tif", (40, 40), rasterio.Affine(30, 0, 500205, 0, -30, 4999995), "EPSG:32631", 2
    )
    for scene in (fine, coarse):
        predict_scene(scene, tmp_path / "runs" / scene.stem, force_gsd=True)
    make_mosaic([tmp_path / "runs"], stac=False)
    with rasterio.open(tmp_path / "runs" / "mosaic" / "bright.vrt") as raster:
        assert raster.transform == rasterio.Affine(10, 0, 500000, 0, -10, 5000000)
        assert raster.bounds.right == 501410 and raster.bounds.bottom == 4998790
        found = raster.read(1)
    with rasterio.open(tmp_path / "runs" / "a" / "bright.tif") as raster:
        source = raster.read(1)
    # Far from the edges every pixel is one of the source's pixels that its square touches.
    for row, column in ((60, 60), (77, 93), (101, 50)):
        x, y = 500005 + 10 * column, 4999995 - 10 * row
        near = {
            int(source[int((4999995 - y - e) // 30), int((x + d - 500205) // 30)])
            for d in (-5, 4.9) for e in (-5, 4.9)
        }  # fmt: skip
        assert int(found[row, column]) in near
    assert set(np.unique(found)) <= {0, 1, 2, 255}
    with rasterio.open(tmp_path / "runs" / "b" / "bright.tif") as raster:
        top = raster.read(1)
        np.testing.assert_array_equal(found[:40, :40][top != 255], top[top != 255])
    with rasterio.open(tmp_path / "runs" / "mosaic" / "metres.vrt") as raster:
        smooth = raster.read(1)[60:70, 60:70]
    assert len(np.unique(smooth)) > 20  # more values than the 16 pixels under it have


def test_the_whole_folder_can_be_moved(runs, tmp_path):
    make_mosaic([runs])
    before = rasterio.open(runs / "mosaic" / "bright_epsg32631.vrt").read()
    moved = tmp_path / "else where" / "é"
    moved.parent.mkdir()
    os.replace(runs, moved)
    with rasterio.open(moved / "mosaic" / "bright_epsg32631.vrt") as raster:
        np.testing.assert_array_equal(raster.read(), before)
    assert len(pyogrio.raw.read(moved / "mosaic" / "routing_epsg32631.vrt")[2]) == 15


def test_again_gives_the_same_bytes_and_no_run_is_touched(runs, tmp_path):
    before = contents(runs)
    make_mosaic([runs])
    first = contents(runs / "mosaic")
    make_mosaic([runs])
    assert contents(runs / "mosaic") == first and contents(runs, without="mosaic") == before
    shutil.rmtree(runs / "mosaic")
    make_mosaic([runs / SOUTH, runs, runs / LATE], runs / "mosaic", stac=True)  # each run once, however told
    assert contents(runs / "mosaic") == first
    assert sorted(path.name for path in runs.iterdir()) == sorted([EARLY, LATE, SOUTH, "mosaic"])


def test_more_scenes_bring_it_up_to_date_and_keep_what_is_the_users(runs):
    aside = runs.with_name("aside")
    os.replace(runs / SOUTH, aside)
    make_mosaic([runs])
    mosaic = runs / "mosaic"
    (mosaic / "map.qgz").write_bytes(b"mine")
    (mosaic / "bright.vrt.aux.xml").write_text("<statistics of the former/>")
    os.replace(aside, runs / SOUTH)
    make_mosaic([runs])
    names = {path.name for path in mosaic.iterdir()}
    assert "bright_epsg32632.vrt" in names and (mosaic / "map.qgz").read_bytes() == b"mine"
    assert not names & {"bright.vrt", "bright.vrt.aux.xml"}
    assert (mosaic / "runs" / SOUTH / f"{SOUTH}.json").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"scene": {}}, {"model": {"id": "x"}}, {"window": None}, {"created": "yesterday"}, {"policy": []},
        {"grid": {}}, {"experts": [{"name": "bright"}]}, {"experts": [{"name": "b", "output": "../b.tif"}]},
    ],
)  # fmt: skip
def test_a_damaged_run_json_is_one_sentence(pair, changes):
    change_run(pair / LATE, **changes)
    done = make_mosaic([pair])
    assert done["runs"] == 1 and len(done["warnings"]) == 1
    assert done["warnings"][0].startswith("Left out: '") and "run.json' is damaged" in done["warnings"][0]


def test_damaged_and_unfinished_runs_are_named(runs):
    (runs / LATE / "run.json").write_text('{"format": "hydranet-run/1", "experts": []}')
    (runs / EARLY / "green.tif").write_bytes(b"no raster")
    begun = runs / "begun" / "journal"
    begun.mkdir(parents=True)
    (begun / "plan.json").write_text("{}")
    gone = Path(shutil.copytree(runs / SOUTH, runs / "gone"))
    (gone / "routing.gpkg").unlink()
    done = make_mosaic([runs], stac=False)
    assert done["runs"] == 1 and "bright.vrt" in done["rasters"]
    said = "\n".join(done["warnings"])
    for text in (LATE, "green.tif", "not finished", "lacks routing.gpkg"):
        assert text in said
    assert len(done["warnings"]) == 4


@pytest.mark.parametrize("trouble", ["nothing", "no folder", "foreign folder"])
def test_refusals_are_one_sentence_and_leave_all_as_it_was(pair, tmp_path, trouble, capsys):
    folder, out = pair, tmp_path / "out"
    if trouble == "nothing":
        folder = tmp_path / "empty"
        folder.mkdir()
    elif trouble == "no folder":
        folder = tmp_path / "nowhere"
    else:
        out.mkdir()
        (out / "thesis.odt").write_text("years of work")
    before = contents(tmp_path)
    assert cli.main(["mosaic", str(folder), "--out", str(out)]) == cli.FAILED
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(out if trouble == "foreign folder" else folder) in said
    assert contents(tmp_path) == before and not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_failure_leaves_the_former_mosaic(pair, monkeypatch):
    make_mosaic([pair])
    before = contents(pair)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        make_mosaic([pair])
    assert contents(pair) == before


@pytest.mark.parametrize("moment", [0, 1])
def test_killed_between_the_moves(pair, monkeypatch, moment):
    """The next call finds the former folder, the user's file in it included, and goes on."""
    make_mosaic([pair])
    mosaic, old = pair / "mosaic", pair / ".mosaic.hydranet-old"
    (mosaic / "mine.txt").write_text("mine")
    expected = contents(mosaic)
    if moment:
        shutil.copytree(mosaic, old)
        (mosaic / "mine.txt").unlink()  # it was to be brought over next
    else:
        os.replace(mosaic, old)
    make_mosaic([pair])
    assert contents(mosaic) == expected and not old.exists()


def test_a_scene_without_crs_and_a_rotated_one_are_in_no_layer(pair, tmp_path):
    plain = write_scene(tmp_path / "plain.tif", (40, 40), (0, 0), None, 3)
    turned = write_scene(
        tmp_path / "turned.tif", (40, 40), rasterio.Affine(8, 6, 5e5, 6, -8, 5e6), "EPSG:32631", 4
    )
    for scene in (plain, turned):
        predict_scene(scene, pair / scene.stem, force_gsd=True)
    done = make_mosaic([pair])
    assert done["runs"] == 4
    with rasterio.open(pair / "mosaic" / "bright.vrt") as raster:
        assert raster.tags()["HYDRANET_RUNS"] == "2"
    said = "\n".join(done["warnings"])
    assert "no CRS" in said and "rotated" in said and "no geometry" in said


def test_scenes_too_far_apart_are_refused(tmp_path):
    for name, x in (("a", 5e5), ("b", 5e11)):
        scene = write_scene(tmp_path / f"{name}.tif", (40, 40), (x, 5e6), "EPSG:32631", 1)
        predict_scene(scene, tmp_path / "runs" / name)
    with pytest.raises(OutputError, match="far apart"):
        make_mosaic([tmp_path / "runs"], stac=False)
    assert not (tmp_path / "runs" / "mosaic").exists()


def test_the_command_tells_what_it_made(runs, capsys):
    assert cli.main(["mosaic", str(runs), "--no-stac"]) == 0
    told = capsys.readouterr()
    assert f"{runs / 'mosaic'}: 3 runs" in told.out and "catalog  none" in told.out
    assert "bright_epsg32631.vrt" in told.out and told.err.startswith("hydranet: warning: The scenes have 2")
    with pytest.raises(RequestError):
        make_mosaic([runs / "mosaic"])  # below a mosaic there are no runs
