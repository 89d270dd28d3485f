"""The run folder: what is in it, that it can be run again, and the routing table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from rasterio.transform import Affine, from_origin

from model_core.bands import BAND_NAMES
from model_core.errors import RequestError
from model_core.request import PredictRequest
from model_core.rundir import files_of, read_run
from tests.core.fakes import ALL, BRIGHT, GREEN, FakeModel, by_content, digital, run

UTM = from_origin(500000.0, 5000000.0, 10.0, 10.0)


@pytest.fixture
def scene_file(make_raster) -> str:
    array = digital(100, 90)
    array[:, :40, :40] = 0
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)


def read_tiles(folder: Path) -> tuple[dict[str, np.ndarray], np.ndarray, dict]:
    meta, _, geometry, values = pyogrio.raw.read(folder / "routing.gpkg", layer="tiles")
    return dict(zip(meta["fields"], values, strict=True)), shapely.from_wkb(geometry), meta


def test_run_json_says_everything(scene_file: str, tmp_path: Path) -> None:
    model = FakeModel(ALL, scores=by_content(4))
    summary = run(scene_file, tmp_path / "run", model)
    stored = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert stored == summary
    assert set(stored) == {
        "format", "status", "created", "request", "command", "scene", "window", "band_mapping", "radiometry",
        "model", "versions", "policy", "grid", "tiles", "experts", "macs", "seconds", "warnings", "decoded",
        "uncertainty", "pixel_counts", "reroutes", "scene_expert",
    }  # fmt: skip
    assert stored["format"] == "hydranet-run/1" and stored["status"] == "complete"
    assert stored["scene"]["transform"] == list(UTM)[:6]
    assert stored["scene"]["crs"] == rasterio.crs.CRS.from_epsg(32631).to_wkt()
    assert stored["scene"]["gsd_m"] == pytest.approx(10, rel=0.01)
    assert stored["band_mapping"]["bands"]["nir"] == {
        "layer_band": 8, "status": "given", "description": "nir",
    }  # fmt: skip
    assert stored["model"] == {
        "id": "fake", "version": "1.0", "sha256": "f" * 64, "device": "cpu", "precision": "fp32",
    }  # fmt: skip
    assert stored["grid"] == {"tile": 32, "overlap": 8, "rows": 4, "cols": 4}
    tiles = stored["tiles"]
    assert tiles["total"] == 16 == tiles["empty"] + tiles["abstained"] + tiles["routed"]
    assert set(stored["seconds"]) == {"total", "read", "encode", "decode", "blend", "write"}
    assert set(stored["versions"]) >= {"hydranet", "python", "torch", "numpy", "rasterio", "gdal"}
    assert sorted(files_of(stored)) == sorted(path.name for path in (tmp_path / "run").iterdir())
    for expert in stored["experts"]:
        assert set(expert) == {
            "name", "title", "kind", "unit", "classes", "threshold", "simulated", "tiles", "pixels",
            "class_pixels", "seconds", "output", "style", "macs_per_tile", "skipped", "description",
            "license", "bundle_threshold", "needed_scores", "uncertainty_band", "uncertainty_bands", "heads",
        }  # fmt: skip


def test_multiply_accumulates_are_counted_from_the_routing(scene_file: str, tmp_path: Path) -> None:
    summary = run(scene_file, tmp_path / "run", FakeModel(ALL, scores=by_content(4)))
    encoded = summary["tiles"]["total"] - summary["tiles"]["empty"]
    spent = encoded * 1010 + sum(e["tiles"] * e["macs_per_tile"] for e in summary["experts"])
    dense = encoded * (1010 + 100 + 200 + 300 + 400)
    macs = summary["macs"]
    assert (macs["spent"], macs["all_experts"]) == (spent, dense)
    assert macs["saved_fraction"] == pytest.approx(1 - spent / dense, abs=1e-4)
    assert 0 < macs["saved_fraction"] < 1


def test_pixels_are_those_of_the_raster(scene_file: str, tmp_path: Path) -> None:
    summary = run(scene_file, tmp_path / "run", FakeModel((BRIGHT, GREEN)))
    bright, green = summary["experts"]
    with rasterio.open(tmp_path / "run" / "bright.tif") as raster:
        values = raster.read(1)
    assert bright["class_pixels"] == {str(v): int((values == v).sum()) for v in (0, 1, 2)}
    assert bright["pixels"] == sum(bright["class_pixels"].values()) == 100 * 90 - 40 * 40 == green["pixels"]
    assert green["class_pixels"] == {}


def test_run_json_is_enough_to_run_it_again(scene_file: str, tmp_path: Path) -> None:
    extent = [500100.0, 4999300.0, 500900.0, 4999900.0]
    options = {"policy": "top-k", "top_k": 2, "overlap": 4, "extent": extent, "experts": ["bright", "green"]}
    first = run(scene_file, tmp_path / "run", FakeModel(ALL, scores=by_content(4)), **options)
    request = PredictRequest.from_json(read_run(tmp_path / "run")["request"]).to_json()
    request["output"] = str(tmp_path / "again")
    second = run(request.pop("input"), request.pop("output"), FakeModel(ALL, scores=by_content(4)), **request)
    for name in files_of(first):
        if name != "run.json":
            assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "run" / name).read_bytes(), name
    ignore = ("created", "request", "command", "seconds", "experts")
    assert {k: v for k, v in first.items() if k not in ignore} == {
        k: v for k, v in second.items() if k not in ignore
    }


def test_routing_table(scene_file: str, tmp_path: Path) -> None:
    model = FakeModel(ALL, scores=by_content(4))
    summary = run(scene_file, tmp_path / "run", model, experts=["bright", "green"])
    fields, cores, meta = read_tiles(tmp_path / "run")
    assert meta["crs"] == "EPSG:32631" and meta["geometry_type"] == "Polygon"
    version = (tmp_path / "run" / "routing.gpkg").read_bytes()[60:64]  # SQLite's user_version
    assert int.from_bytes(version, "big") == 10200, "QGIS 3.22 warns at newer GeoPackages"
    names = [spec.name for spec in ALL]
    assert list(fields) == [
        "tile", "row", "col", "x", "y", "width", "height", "valid", *(f"score_{n}" for n in names),
        "chosen", "k", "top_expert", "top_score", "reason", *(f"reason_{n}" for n in names),
    ]  # fmt: skip
    # The cores tile the raster: as much area as the raster, and no overlap.
    assert shapely.union_all(cores).equals(shapely.box(500000, 4999100, 501000, 5000000))
    assert shapely.area(cores).sum() == pytest.approx(1000 * 900)
    empty = fields["valid"] == 0
    assert empty.sum() == summary["tiles"]["empty"] == 1
    assert (np.isnan(fields["score_bright"]) == empty).all()
    assert set(fields["reason"][empty]) == {"no data"} == set(fields["reason_green"][empty])
    assert set(fields["reason_identity"][~empty]) == {"not requested"}
    for n in range(len(cores)):
        chosen = fields["chosen"][n].split(",") if fields["chosen"][n] else []
        assert len(chosen) == fields["k"][n]
        strengths = [fields[f"score_{name}"][n] for name in chosen]
        assert strengths == sorted(strengths, reverse=True)
        assert all(fields[f"reason_{name}"][n] == "above threshold" for name in chosen)
        assert (fields["reason"][n] == "routed") == bool(chosen)
        if not empty[n]:
            # Of those that were asked for: the others could not serve.
            scores = {name: fields[f"score_{name}"][n] for name in ("bright", "green")}
            assert fields["top_expert"][n] == max(scores, key=scores.get)
            assert fields["top_score"][n] == max(scores.values())
    routed = {name: sum(name in row.split(",") for row in fields["chosen"]) for name in names}
    assert routed == {expert["name"]: expert["tiles"] for expert in summary["experts"]}


def test_routing_table_of_a_rotated_raster_has_rotated_tiles(make_raster, tmp_path: Path) -> None:
    transform = UTM * Affine.rotation(30)
    path = make_raster("r.tif", digital(20, 20), descriptions=BAND_NAMES, transform=transform)
    run(path, tmp_path / "run", FakeModel())
    _, cores, _ = read_tiles(tmp_path / "run")
    corners = [transform * corner for corner in ((0, 0), (20, 0), (20, 20), (0, 20))]
    assert cores[0].normalize().equals_exact(shapely.Polygon(corners).normalize(), tolerance=1e-6)


def test_an_expert_outside_its_pixel_size_is_skipped_unless_forced(scene_file: str, tmp_path: Path) -> None:
    fine = replace(GREEN, name="fine", valid_gsd_m=(0.5, 3.0))
    summary = run(scene_file, tmp_path / "a", FakeModel((BRIGHT, fine)))
    assert [expert["skipped"] for expert in summary["experts"]] == [None, "outside resolution"]
    assert summary["experts"][1]["output"] is None
    said = "'fine' was trained for pixels of 0.5 to 3 m, the scene has 10"
    assert any(said in warning for warning in summary["warnings"])
    forced = run(scene_file, tmp_path / "b", FakeModel((BRIGHT, fine)), force_gsd=True)
    assert [expert["skipped"] for expert in forced["experts"]] == [None, None]
    assert forced["experts"][1]["output"] == "fine.tif"
    assert any("force_gsd" in warning for warning in forced["warnings"])


def test_an_unknown_pixel_size_leaves_no_expert_out(make_raster, tmp_path: Path) -> None:
    fine = replace(GREEN, name="fine", valid_gsd_m=(0.5, 3.0))
    path = make_raster("n.tif", digital(40, 40), descriptions=BAND_NAMES, crs=None)
    summary = run(path, tmp_path / "run", FakeModel((fine,)))
    assert summary["experts"][0]["tiles"] > 0 and summary["scene"]["gsd_m"] is None
    assert any("pixel size in metres is not known" in warning for warning in summary["warnings"])


def test_events_tell_the_story(scene_file: str, tmp_path: Path) -> None:
    heard: list[dict] = []
    summary = run(scene_file, tmp_path / "run", FakeModel(ALL), heard, batch_size=2)
    names = [event["event"] for event in heard if event["event"] != "log"]
    assert names[0] == "started" and names[-1] == "finished" and set(names[1:-1]) == {"progress"}
    assert heard[-1]["summary"] == summary and heard[-1]["folder"] == str(tmp_path / "run")
    done = [event["done"] for event in heard if event["event"] == "progress"]
    assert done == sorted(done) and done[-1] == 16 and len(set(done)) >= 8  # smooth: at least one per batch
    logged = [event["message"] for event in heard if event["event"] == "log"]
    assert sorted(logged) == sorted(summary["warnings"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"experts": ["water"]}, "Expert 'water' is not in the model; it has identity, bright"),
        ({"top_k": 5}, "top_k is 5, but the model has 4 experts; use 1 to 4"),
        ({"overlap": 17}, "overlap is 17 pixels"),
        ({"extent": [0, 0, 10, 10]}, "lies outside"),
    ],
)
def test_requests_that_do_not_fit_are_refused_and_leave_nothing(
    scene_file: str, tmp_path: Path, options: dict, said: str
) -> None:
    with pytest.raises(RequestError, match=said):
        run(scene_file, tmp_path / "run", FakeModel(ALL), **options)
    assert not (tmp_path / "run").exists()


def test_a_raster_without_data_succeeds_and_says_so(make_raster, tmp_path: Path) -> None:
    path = make_raster("empty.tif", np.zeros((8, 50, 60), np.uint16), descriptions=BAND_NAMES, nodata=0)
    model = FakeModel(ALL)
    heard: list[dict] = []
    summary = run(path, tmp_path / "run", model, heard)
    assert model.encoded == [] and model.decoded == []
    assert {"event": "log", "level": "warning", "message": summary["warnings"][-1]} in heard
    assert summary["tiles"] == {"total": 6, "masked": 0, "empty": 6, "abstained": 0, "routed": 0}
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["routing.gpkg", "routing.qml", "run.json"]
    assert any("no valid pixel" in warning for warning in summary["warnings"])
    assert summary["macs"] == {
        "encoder": 1000, "switcher": 10, "scene": 0, "spent": 0, "all_experts": 0, "saved_fraction": 0.0,
    }  # fmt: skip
    fields, _, _ = read_tiles(tmp_path / "run")
    assert set(fields["reason"]) == {"no data"} and set(fields["chosen"]) == {""}
    assert set(fields["top_expert"]) == {None}


def test_tiles_that_no_expert_wants_abstain(scene_file: str, tmp_path: Path) -> None:
    model = FakeModel(ALL, scores=lambda pixels, valid: np.zeros((len(pixels), 4)))
    summary = run(scene_file, tmp_path / "run", model)
    assert model.decoded == [] and summary["tiles"]["abstained"] == 15
    assert any("No tile was routed" in warning for warning in summary["warnings"])
    assert set(read_tiles(tmp_path / "run")[0]["reason"]) == {"no data", "abstained: all below threshold"}


def test_simulated_training_is_said(scene_file: str, tmp_path: Path) -> None:
    summary = run(scene_file, tmp_path / "run", FakeModel((replace(BRIGHT, simulated=True),)))
    assert any("simulated data only" in warning for warning in summary["warnings"])
    with rasterio.open(tmp_path / "run" / "bright.tif") as raster:
        assert raster.tags()["HYDRANET_SIMULATED_TRAINING"] == "yes"


def test_the_mapping_and_radiometry_asked_for_are_used(make_raster, tmp_path: Path) -> None:
    path = make_raster("plain.tif", digital(40, 40, bands=3))
    choice = {"bands": "blue=3,green=2,red=1", "radiometry": "0.0001,0"}
    summary = run(path, tmp_path / "run", FakeModel((GREEN,)), **choice)
    bands = summary["band_mapping"]["bands"]
    assert bands["blue"]["layer_band"] == 3 and bands["nir"]["status"] == "missing"
    assert summary["radiometry"]["method"] == "explicit"
