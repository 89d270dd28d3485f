"""The benchmark measures what it says: the same cases, interleaved, against running every expert."""

from __future__ import annotations

from pathlib import Path

import rasterio

from model_core.bands import BAND_NAMES
from tests.bench.bench_predict import cases_for, measure, ratios, results, table
from tests.bench.enlarge import enlarge
from tests.core.fakes import ALL, FakeModel, digital


def test_cases_are_compared_with_all_experts(make_raster) -> None:
    scene = make_raster("scene.tif", digital(100, 100), descriptions=BAND_NAMES, nodata=0)
    model = FakeModel(ALL, tile_size=128)
    cases = cases_for(model)
    assert [(case.k, case.batch) for case in cases] == [(1, 8), (2, 8), (4, 8), (2, 1)]
    said: list[str] = []
    measure(model, Path(scene), "auto", cases, 2, said.append)
    assert said == ["warmed up", "round 1 of 2", "round 2 of 2"]
    assert [len(case.seconds) for case in cases] == [2, 2, 2, 2]
    rows = results(cases)
    # Every score is 1, so k takes the first experts; each costs 100 more than the one before.
    assert [row["mac_ratio"] for row in rows] == [round((1010 + s) / 2010, 4) for s in (100, 300, 1000, 300)]
    assert rows[2]["time_ratio"] == 1.0 and all(row["tiles"] == 1 for row in rows)
    assert all(row["name"] in table(rows) for row in rows)
    found = ratios(rows)
    assert found["k1_over_all"] == rows[0]["time_ratio"] and found["k2_over_all"] == rows[1]["time_ratio"]
    assert (found["k1_over_all_macs"], found["k2_over_all_macs"]) == (
        rows[0]["mac_ratio"],
        rows[1]["mac_ratio"],
    )


def test_the_enlarged_scene_is_the_small_one_again_and_mirrored(make_raster, tmp_path: Path) -> None:
    scene = Path(make_raster("scene.tif", digital(40, 30), descriptions=BAND_NAMES, nodata=0))
    with rasterio.open(scene) as small, rasterio.open(enlarge(scene, 3, tmp_path / "large.tif")) as large:
        data, grown = small.read(), large.read()
        assert large.descriptions == small.descriptions and large.nodata == small.nodata
    height, width = data.shape[1:]
    assert grown.shape == (8, 3 * height, 3 * width)
    assert (grown[:, :height, :width] == data).all()
    assert (grown[:, :height, width : 2 * width] == data[:, :, ::-1]).all()
    assert (grown[:, 2 * height :, 2 * width :] == data).all()
