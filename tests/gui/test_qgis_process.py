"""The plugin in the real qgis_process: what a script or a server calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_bounds

from .qgis_home import Finished, QgisHome

Predict = Callable[..., Finished]
BANDS = ("pan", "blue", "green", "red", "re1", "re2", "re3", "nir")


def sentences(done: Finished, word: str) -> list[str]:
    """The printed lines that hold a word."""
    return [line for line in (done.out + "\n" + done.err).splitlines() if word in line]


def refused(done: Finished, folder: Path, *words: str) -> None:
    """A refusal: an exit code, one sentence with all the words, no traceback, nothing left in the folder."""
    printed = done.out + done.err
    assert done.code != 0, printed
    assert "Traceback" not in printed, printed
    fitting = [line for line in sentences(done, words[0]) if all(word in line for word in words)]
    assert fitting, f"no line holds {words}:\n{printed}"
    assert fitting[-1].rstrip().endswith((".", '"', '",')), fitting[-1]
    assert not folder.is_dir() or not list(folder.iterdir()), list(folder.iterdir())


def test_plugin_can_be_switched_on_and_brings_the_algorithm(plugins: Path) -> None:
    with QgisHome(plugins, enabled=False) as home:
        assert "hydranet" not in home.qgis_process("--json", "list").json["providers"]
        switched = home.qgis_process("plugins", "enable", "hydranet_qgis")
        assert switched.code == 0, switched.out + switched.err
        listing = home.qgis_process("--json", "list").json
    found = listing["providers"]["hydranet"]["algorithms"]
    assert {f"hydranet:{name}" for name in ("predict", "objects", "route", "reroute", "preparebands")} <= set(
        found
    )


Run = Callable[..., Finished]


@pytest.fixture
def algorithm(home: QgisHome) -> Run:
    """Run any algorithm of ours: `algorithm("route", INPUT=…)`; a list is a repeated key."""

    def run(name: str, **parameters: Any) -> Finished:
        pairs = []
        for key, value in parameters.items():
            pairs += [f"{key}={item}" for item in (value if isinstance(value, list) else [value])]
        return home.qgis_process("--json", "run", f"hydranet:{name}", "--", *pairs)

    return run


def _summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_scores_alone_become_a_run_like_any_other(algorithm: Run, sample: Path, tmp_path: Path) -> None:
    folder, whole = tmp_path / "run", tmp_path / "whole"
    done = algorithm("route", INPUT=sample, OUTPUT_FOLDER=folder, THRESHOLDS="water=0.3")
    assert done.code == 0, done.out + done.err
    assert not list(folder.glob("*.tif")) and (folder / "routing.gpkg").is_file()
    run = _summary(folder)
    assert run["decoded"] is False and run["request"]["thresholds"] == {"water": 0.3}
    assert done.json["results"]["ROUTED_TILES"] == run["tiles"]["routed"] > 0
    done = algorithm("reroute", RUN_FOLDER=folder, POLICY="top-k", TOP_K=1)
    assert done.code == 0, done.out + done.err
    results = done.json["results"]
    assert results["OUTPUT_FOLDER"] == str(folder)
    assert results["ADDED"] + results["DROPPED"] > 0
    fresh = algorithm("predict", INPUT=sample, OUTPUT_FOLDER=whole, POLICY="top-k", TOP_K=1)
    assert fresh.code == 0, fresh.out + fresh.err
    made = sorted(Path(path).name for path in results["OUTPUT_LAYERS"])
    assert made == sorted(Path(path).name for path in fresh.json["results"]["OUTPUT_LAYERS"])
    assert made, "no expert was decoded"
    for name in made:
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_a_folder_that_is_no_run_is_refused(algorithm: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = algorithm("reroute", RUN_FOLDER=tmp_path / "empty", POLICY="top-k")
    refused(done, tmp_path / "empty", "is not a HydraNet run")


def test_every_expert_can_have_a_raster_used_or_not(
    predict: Predict, sample: Path, bundle: Path, tmp_path: Path
) -> None:
    experts = json.loads((bundle / "model.json").read_text())["experts"]
    names = [item["name"] for item in experts if item["kind"] != "objects"]  # objects are no raster
    wanted = {f"EXPERT_{name.upper()}": tmp_path / f"{name}.tif" for name in names}
    done = predict(INPUT=sample, OUTPUT_FOLDER=tmp_path / "run", POLICY="top-k", TOP_K=1, **wanted)
    assert done.code == 0, done.out + done.err
    run = _summary(tmp_path / "run")
    used = {item["name"]: item["output"] for item in run["experts"]}
    assert any(used.values()) and not all(used.values()), "the sample shows only one of both"
    with rasterio.open(sample) as scene:
        for name in names:
            assert done.json["results"][f"EXPERT_{name.upper()}"] == str(tmp_path / f"{name}.tif")
            with rasterio.open(tmp_path / f"{name}.tif") as layer:
                assert (layer.shape, layer.crs, layer.count) == (scene.shape, scene.crs, 1)
                assert layer.transform.almost_equals(scene.transform)
                assert layer.read_masks(1).any() == bool(used[name]), name
            if used[name]:
                own = tmp_path / "run" / used[name]
                assert (tmp_path / f"{name}.tif").read_bytes() == own.read_bytes()
    unused = next(name for name in names if not used[name])
    routed = next(name for name in names if used[name])
    kinds = {item["name"]: item["kind"] for item in run["experts"]}
    if kinds[unused] == kinds[routed]:
        with (
            rasterio.open(tmp_path / f"{unused}.tif") as one,
            rasterio.open(tmp_path / f"{routed}.tif") as other,
        ):
            assert (one.dtypes, one.nodata) == (other.dtypes, other.nodata)
            assert one.descriptions == other.descriptions


def test_single_bands_become_what_the_model_reads(
    algorithm: Run, predict: Predict, sample: Path, tmp_path: Path
) -> None:
    files = []
    with rasterio.open(sample) as scene:
        profile = {**scene.profile, "count": 1}
        names = dict(zip(scene.descriptions, range(1, scene.count + 1), strict=True))
        for code, name in (("B02", "blue"), ("B03", "green"), ("B04", "red"), ("B08", "nir")):
            files.append(tmp_path / f"T29UNV_20230801T114351_{code}_10m.tif")
            with rasterio.open(files[-1], "w", **profile) as single:
                single.write(scene.read(names[name]), 1)
    target = tmp_path / "eight.tif"
    done = algorithm("preparebands", INPUT=files, OUTPUT=target, RADIOMETRY="0.0001,0")
    assert done.code != 0 and "lacks the bands re1, re2, re3" in done.out + done.err
    assert not target.exists()
    done = algorithm("preparebands", INPUT=files, OUTPUT=target, RADIOMETRY="0.0001,0", ALLOW_MISSING=True)
    assert done.code == 0, done.out + done.err
    with rasterio.open(target) as made, rasterio.open(sample) as scene:
        assert made.descriptions == BANDS
        assert (made.shape, made.crs) == (scene.shape, scene.crs)
        assert made.read_masks(2).any() and not made.read_masks(6).any()
    done = predict(INPUT=target, OUTPUT_FOLDER=tmp_path / "run", POLICY="top-k", TOP_K=1)
    assert done.code == 0, done.out + done.err


def test_without_a_python_it_is_listed_and_says_what_to_do(
    plugins: Path, sample: Path, tmp_path: Path
) -> None:
    with QgisHome(plugins, python=str(tmp_path / "no-python")) as home:
        assert (
            "hydranet:route"
            in home.qgis_process("--json", "list").json["providers"]["hydranet"]["algorithms"]
        )
        arguments = (f"INPUT={sample}", f"OUTPUT_FOLDER={tmp_path / 'run'}")
        done = home.qgis_process("--json", "run", "hydranet:route", "--", *arguments)
    refused(done, tmp_path / "run", "Settings > Options > HydraNet")


def test_help_names_every_parameter(home: QgisHome) -> None:
    shown = home.qgis_process("help", "hydranet:predict")
    assert shown.code == 0, shown.err
    for name in (
        "INPUT",
        "BANDS",
        "EXPERTS",
        "TOP_K",
        "EXTENT",
        "MASK",
        "MISS_RATE",
        "THRESHOLDS",
        "EXPERT_WATER",
        "RESUME",
        "OUTPUT_FOLDER",
        "OUTPUT_LAYERS",
    ):
        assert name in shown.out


def test_sample_gives_a_run_folder_with_layers(predict: Predict, sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = predict(INPUT=sample, OUTPUT_FOLDER=folder)
    assert done.code == 0, done.out + done.err
    results = done.json["results"]
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    written = sorted(str(folder / e["output"]) for e in run["experts"] if e["output"])
    assert written, "no tile of the sample was routed to an expert"
    assert sorted(results["OUTPUT_LAYERS"]) == written
    assert results["TILES"] == run["tiles"]["total"] > 0
    assert results["ROUTED_TILES"] == run["tiles"]["routed"]
    assert results["ABSTAINED_TILES"] == run["tiles"]["abstained"]
    assert Path(results["RUN_JSON"]) == folder / "run.json"
    assert (folder / "routing.gpkg").is_file()
    values: dict[str, int] = {}
    with rasterio.open(sample) as scene:
        for path in written:
            with rasterio.open(path) as layer:
                assert layer.shape == scene.shape
                assert layer.transform.almost_equals(scene.transform)
                assert layer.crs == scene.crs
                values[path] = np.unique(layer.read(1, masked=True).compressed()).size
    assert min(values.values()) >= 1, "a layer without a single pixel"
    assert max(values.values()) > 1, "every layer is constant"


def test_chosen_experts_and_one_per_tile(predict: Predict, sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = predict(INPUT=sample, OUTPUT_FOLDER=folder, EXPERTS=["water", "clouds"], TOP_K=1, POLICY="top-k")
    assert done.code == 0, done.out + done.err
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    used = {e["name"]: e["tiles"] for e in run["experts"] if e["tiles"]}
    assert set(used) <= {"water", "clouds"}
    assert sum(used.values()) == run["tiles"]["routed"] == run["tiles"]["total"] - run["tiles"]["empty"]


def test_mask_in_degrees_and_recall_guarantee(predict: Predict, sample: Path, tmp_path: Path) -> None:
    with rasterio.open(sample) as scene:
        left, top = scene.transform * (20, 20)
        right, bottom = scene.transform * (scene.width // 2, scene.height // 3)
        west, south, east, north = transform_bounds(scene.crs, "EPSG:4326", left, bottom, right, top)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    mask = tmp_path / "mask.geojson"
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    mask.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    folder = tmp_path / "run"
    done = predict(
        INPUT=sample, OUTPUT_FOLDER=folder, MASK=mask, POLICY="recall", MISS_RATE=20, MEMORY_MB=256
    )
    assert done.code == 0, done.out + done.err
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert (run["request"]["mask"], run["request"]["miss_rate"]) == (str(mask), 0.2)
    assert run["policy"]["miss_rate"] == 0.2
    assert 0 < run["tiles"]["masked"] < run["tiles"]["total"]
    for name in [e["output"] for e in run["experts"] if e["output"]]:
        with rasterio.open(folder / name) as layer:
            assert not layer.read_masks(1)[-1].any(), "the last row lies outside the mask"


def test_three_bands_without_names_are_refused(
    predict: Predict, make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    raster = make_raster("rgb.tif", np.full((3, 64, 64), 900, np.uint16))
    done = predict(INPUT=raster, OUTPUT_FOLDER=tmp_path / "run")
    refused(done, tmp_path / "run", "rgb", "band")


def test_missing_file_is_refused(predict: Predict, tmp_path: Path) -> None:
    done = predict(INPUT=tmp_path / "nowhere.tif", OUTPUT_FOLDER=tmp_path / "run")
    refused(done, tmp_path / "run", "nowhere.tif")


def test_truncated_tiff_is_refused(predict: Predict, sample: Path, tmp_path: Path) -> None:
    raster = tmp_path / "cut.tif"
    whole = sample.read_bytes()
    raster.write_bytes(whole[: len(whole) // 2])
    done = predict(INPUT=raster, OUTPUT_FOLDER=tmp_path / "run")
    refused(done, tmp_path / "run", "cut.tif")


def test_folder_that_cannot_be_written_is_refused(predict: Predict, sample: Path, tmp_path: Path) -> None:
    # A folder below a file: not even root can make it.
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    done = predict(INPUT=sample, OUTPUT_FOLDER=tmp_path / "file" / "run")
    refused(done, tmp_path / "file" / "run", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text(encoding="utf-8") == "in the way"


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
def test_bundle_with_one_byte_changed_is_refused(
    predict: Predict, sample: Path, bundle: Path, tmp_path: Path, name: str
) -> None:
    data = bytearray((bundle / name).read_bytes())
    # Late in the file lie weights, and numbers or brackets of the JSON.
    data[-3] ^= 1
    (bundle / name).write_bytes(data)
    done = predict(INPUT=sample, OUTPUT_FOLDER=tmp_path / "run", BUNDLE=bundle)
    refused(done, tmp_path / "run", name)


def test_raster_without_data_succeeds_with_no_layer(
    predict: Predict, make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    raster = make_raster("empty.tif", np.zeros((8, 300, 280), np.uint16), BANDS, nodata=0)
    done = predict(INPUT=raster, OUTPUT_FOLDER=tmp_path / "run")
    assert done.code == 0, done.out + done.err
    run = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert run["tiles"]["empty"] == run["tiles"]["total"] > 0
    assert done.json["results"]["ROUTED_TILES"] == 0
    assert done.json["results"]["OUTPUT_LAYERS"] == []
    assert run["warnings"]
    assert not list((tmp_path / "run").glob("*.tif"))


def test_raster_smaller_than_a_tile_succeeds(
    predict: Predict, make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    values = np.random.default_rng(1).integers(300, 3000, (8, 10, 10)).astype(np.uint16)
    raster = make_raster("small.tif", values, BANDS)
    done = predict(INPUT=raster, OUTPUT_FOLDER=tmp_path / "run", POLICY="top-k", TOP_K=1)
    assert done.code == 0, done.out + done.err
    assert done.json["results"]["TILES"] == 1
    (layer,) = done.json["results"]["OUTPUT_LAYERS"]
    with rasterio.open(layer) as result:
        assert result.shape == (10, 10)
        assert result.read_masks(1).all()
