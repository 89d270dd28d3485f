"""The requests the plugin sends are the engine's own, key by key, and their command lines the same text."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from hydranet_qgis.algorithms.request import (
    predict_command,
    predict_request,
    prepare_request,
    reroute_command,
    reroute_request,
)
from model_core.prepare_request import PrepareRequest
from model_core.request import PredictRequest, RerouteRequest

PLAIN: dict[str, Any] = {
    "source": "/data/a scene.tif", "output": "/data/run", "bundle": None, "bands": "auto",
    "radiometry": "auto", "experts": [], "policy": "threshold", "top_k": 2, "miss_rate": 0.05,
    "thresholds": None, "overlap": 64, "extent": None, "mask": None, "uncertainty": False,
    "object_score": None, "decode": True,
    "force_gsd": False, "skip_damaged": False, "overwrite": False, "resume": False, "threads": None,
    "memory_mb": None,
}  # fmt: skip
OTHER: dict[str, Any] = {
    "source": "SENTINEL2_L1C:/vsizip//data/S2 A.zip/MTD_MSIL1C.xml:10m:EPSG_32632",
    "bundle": "/data/my bundle", "bands": "blue=2,green=3", "radiometry": "0.0001,-1000",
    "experts": ["water", "clouds"], "policy": "recall", "top_k": 1, "miss_rate": 0.023, "overlap": 0,
    "extent": [-1.5, 2.0, 3.25, 1e6], "mask": "/data/the mask.gpkg", "uncertainty": True,
    "object_score": 0.4,
    "force_gsd": True, "skip_damaged": True, "threads": 3, "memory_mb": 512,
}  # fmt: skip
CHOSEN = {"thresholds": {"water": 0.4, "roads": 1}}
WAYS = [{}, {"overwrite": True}, {"resume": True}, {"decode": False, "uncertainty": False}]
CHOICES = [*({key: value} for key, value in OTHER.items()), OTHER, CHOSEN, {"policy": "top-k"}]


@pytest.mark.parametrize("changes", [{**a, **b} for a, b in itertools.product(CHOICES, WAYS)])
def test_it_is_the_engines_request_and_command(changes: dict[str, Any]) -> None:
    request = predict_request(**{**PLAIN, **changes})
    engine = PredictRequest.from_json(request)
    assert list(request.items()) == list(engine.to_json().items())
    assert predict_command(request) == engine.command()


@pytest.mark.parametrize(
    "changes", [{}, CHOSEN, {"policy": "recall", "miss_rate": 0.1}, {"threads": 2, "memory_mb": 99}]
)
def test_rerouting_is_the_engines_request_and_command(changes: dict[str, Any]) -> None:
    keys = ("policy", "top_k", "miss_rate", "thresholds", "threads", "memory_mb")
    request = reroute_request(run="/data/the run", **{**{key: PLAIN[key] for key in keys}, **changes})
    engine = RerouteRequest.from_json(request)
    assert set(request) == set(vars(engine))
    assert reroute_command(request) == engine.command()


@pytest.mark.parametrize("extent", [None, [1.0, 2.0, 3.0, 4.0]])
def test_preparing_is_the_engines_request(extent: list[float] | None) -> None:
    request = prepare_request(
        source="/data/a scene.tif", output="/data/out.tif", bands="auto ", radiometry="0.0001,0",
        extent=extent, allow_missing=True, skip_damaged=False, threads=None,
    )  # fmt: skip
    engine = PrepareRequest.from_json(request)
    assert set(request) == set(vars(engine))
    assert (engine.bands, engine.overwrite) == ("auto", True)


def test_paths_hold_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.tif").write_bytes(b"")
    request = predict_request(
        **{**PLAIN, "source": "x.tif", "output": "run", "mask": "m.gpkg", "bundle": "b"}
    )
    for key, name in {"input": "x.tif", "output": "run", "mask": "m.gpkg", "bundle": "b"}.items():
        assert request[key] == str(tmp_path / name)
