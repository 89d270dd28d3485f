"""The request the plugin sends is the engine's own, key by key, and its command line the same text."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from hydranet_qgis.algorithms.request import command_line, predict_request
from model_core.request import PredictRequest

PLAIN: dict[str, Any] = {
    "source": "/data/a scene.tif", "output": "/data/run", "bundle": None, "bands": "auto",
    "radiometry": "auto", "experts": [], "policy": "threshold", "top_k": 2, "miss_rate": 0.05,
    "overlap": 64, "extent": None, "mask": None, "force_gsd": False, "skip_damaged": False,
    "overwrite": False, "resume": False, "threads": None, "memory_mb": None,
}  # fmt: skip
OTHER: dict[str, Any] = {
    "source": "SENTINEL2_L1C:/vsizip//data/S2 A.zip/MTD_MSIL1C.xml:10m:EPSG_32632",
    "bundle": "/data/my bundle", "bands": "blue=2,green=3", "radiometry": "0.0001,-1000",
    "experts": ["water", "clouds"], "policy": "recall", "top_k": 1, "miss_rate": 0.023, "overlap": 0,
    "extent": [-1.5, 2.0, 3.25, 1e6], "mask": "/data/the mask.gpkg", "force_gsd": True,
    "skip_damaged": True, "threads": 3, "memory_mb": 512,
}  # fmt: skip
WAYS = [{}, {"overwrite": True}, {"resume": True}]
CHOICES = [*({key: value} for key, value in OTHER.items()), OTHER, {"policy": "top-k"}]


@pytest.mark.parametrize("changes", [{**a, **b} for a, b in itertools.product(CHOICES, WAYS)])
def test_it_is_the_engines_request_and_command(changes: dict[str, Any]) -> None:
    request = predict_request(**{**PLAIN, **changes})
    engine = PredictRequest.from_json(request)
    assert list(request.items()) == list(engine.to_json().items())
    assert command_line(request) == engine.command()


def test_paths_hold_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.tif").write_bytes(b"")
    request = predict_request(
        **{**PLAIN, "source": "x.tif", "output": "run", "mask": "m.gpkg", "bundle": "b"}
    )
    for key, name in {"input": "x.tif", "output": "run", "mask": "m.gpkg", "bundle": "b"}.items():
        assert request[key] == str(tmp_path / name)
