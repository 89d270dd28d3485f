"""The bundled model on the sample scenes, end to end: what run.json says is what the network really did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rasterio

from model_core.bundle import load_bundle
from model_core.networks.macs import counting
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.reroute import RerouteRequest, reroute
from model_core.resources import default_bundle, resource

COAST, LOUGH = (resource("sample", name) for name in ("coast_10m.tif", "lough_60m.tif"))


@pytest.fixture(scope="module")
def model():
    return load_bundle(default_bundle(), device="cpu", precision="fp32")


def run(model, scene: Path, folder: Path, **options):
    return predict(PredictRequest(str(scene), str(folder), **options), load_model=lambda _path, **_: model)


@pytest.mark.parametrize("k", [1, 2])
def test_each_expert_decodes_its_own_tiles_and_no_others(model, tmp_path, k):
    decoded = Counter()
    hooks = [
        expert.register_forward_pre_hook(
            lambda _module, inputs, name=name: decoded.update({name: len(inputs[0].coverage)})
        )
        for name, expert in model.network.experts.items()
    ]
    try:
        with counting(model.network) as counter:
            summary = run(model, COAST, tmp_path / "run", top_k=k)
    finally:
        for hook in hooks:
            hook.remove()
    assert decoded == Counter({e["name"]: e["tiles"] for e in summary["experts"] if e["tiles"]})
    assert 0 < sum(decoded.values()) <= k * summary["tiles"]["total"]
    assert counter.total == summary["macs"]["spent"]  # counted from what ran, not worked out
    assert counter.total < summary["macs"]["all_experts"]


def test_the_samples_show_routing(model, tmp_path):
    """Several experts serve, each only a part of the tiles, and the rasters keep the place of their scene."""
    served, partly = set(), 0
    for scene in (COAST, LOUGH):
        summary = run(model, scene, tmp_path / scene.stem)
        with rasterio.open(scene) as source:
            place = (source.crs, source.transform, source.shape)
        for expert in summary["experts"]:
            if expert["output"]:
                served.add(expert["name"])
                partly += expert["tiles"] < summary["tiles"]["total"]
                with rasterio.open(tmp_path / scene.stem / expert["output"]) as raster:
                    assert (raster.crs, raster.transform, raster.shape) == place
                    assert len(np.unique(raster.read(1))) > 2
    assert {"clouds", "water", "landcover"} <= served
    assert partly >= 2


def test_the_batch_size_changes_no_byte(model, tmp_path):
    for size in (1, 3):
        request = PredictRequest(str(LOUGH), str(tmp_path / str(size)))
        predict(request, load_model=lambda _path, **_: model, batch_size=size)
    one, three = (sorted((tmp_path / name).iterdir()) for name in ("1", "3"))
    assert [p.name for p in one] == [p.name for p in three]
    for a, b in zip(one, three, strict=True):
        if a.name != "run.json":  # it holds times and its own folder
            assert a.read_bytes() == b.read_bytes(), a.name


def test_a_reroute_changes_no_byte_of_what_a_new_run_would_be(model, tmp_path):
    """Scores only, then top-1, top-2 and a threshold moved; the last of them against a run of its own."""
    load = {"load_model": lambda _path, **_: model}
    run(model, COAST, tmp_path / "run", decode=False)
    last = {"policy": "threshold", "top_k": 3, "thresholds": {"water": 0.9}}
    for policy in ({"policy": "top-k", "top_k": 1}, {"policy": "top-k", "top_k": 2}, last):
        with counting(model.network) as counter:
            told = reroute(RerouteRequest(str(tmp_path / "run"), **policy), **load)["reroutes"][-1]
        assert counter.total == told["macs"]
    run(model, COAST, tmp_path / "fresh", **last)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir() if path.name != "run.json"}
        for name in ("run", "fresh")
    ]
    assert files[0] == files[1]
