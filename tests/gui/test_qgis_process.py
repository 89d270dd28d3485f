"""The plugin in the real qgis_process: what a script or a server calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

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
    assert "hydranet:predict" in listing["providers"]["hydranet"]["algorithms"]


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
