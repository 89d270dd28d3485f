"""A request survives JSON and the command line, and refuses what can never work."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.cli import parser
from model_core.commands import predict as command
from model_core.commands import reroute as reroute_command
from model_core.errors import RequestError
from model_core.request import PredictRequest, RerouteRequest, read_thresholds

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
NUMBER = st.floats(-1e7, 1e7, allow_nan=False)


@st.composite
def policies(draw: st.DrawFn) -> dict:
    kind = draw(st.sampled_from(["threshold", "top-k", "recall"]))
    if kind == "recall":
        return {"policy": kind, "miss_rate": draw(st.floats(0.001, 0.999))}
    chosen = st.none() | st.dictionaries(NAME, st.floats(0, 1), max_size=3)
    thresholds = draw(chosen) if kind == "threshold" else None
    return {"policy": kind, "top_k": draw(st.integers(1, 9)), "thresholds": thresholds}


@st.composite
def requests(draw: st.DrawFn) -> PredictRequest:
    x, y = draw(NUMBER), draw(NUMBER)
    extent = (x, y, x + 1 + abs(x), y + 1 + abs(y))
    decode = draw(st.booleans())
    return PredictRequest(
        input="/in/" + draw(TEXT),
        output="/out/" + draw(TEXT),
        bundle=draw(st.none() | TEXT.map(lambda text: "/b/" + text)),
        bands=draw(st.sampled_from(["auto", "sentinel2-l2a", "blue=2,green=3,red=4,nir=8"])),
        radiometry=draw(st.sampled_from(["auto", "0.0001,-1000"])),
        experts=draw(st.none() | st.lists(NAME, min_size=1, max_size=3).map(tuple)),
        **draw(policies()),
        uncertainty=decode and draw(st.booleans()),
        object_score=draw(st.none() | st.floats(0, 1)),
        decode=decode,
        overlap=draw(st.integers(0, 128)),
        extent=draw(st.none() | st.just(extent)),
        force_gsd=draw(st.booleans()),
        overwrite=draw(st.booleans()),
    )


@given(requests())
def test_json_gives_the_same_request(request: PredictRequest) -> None:
    assert PredictRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@given(requests())
@pytest.mark.skipif(os.name == "nt", reason="quoted for a POSIX shell elsewhere")
def test_the_command_line_gives_the_same_request(request: PredictRequest) -> None:
    words = shlex.split(request.command())
    assert words[0] == "hydranet"
    assert words[1] == ("predict" if request.decode else "route")
    assert PredictRequest.from_json(command.params(parser().parse_args(words[1:]))) == request


@given(policies(), st.none() | st.integers(1, 8), st.none() | st.integers(64, 999))
@pytest.mark.skipif(os.name == "nt", reason="quoted for a POSIX shell elsewhere")
def test_a_reroute_survives_json_and_the_command_line(policy: dict, threads, memory_mb) -> None:
    request = RerouteRequest("/out/my run", **policy, threads=threads, memory_mb=memory_mb)
    assert RerouteRequest.from_json(json.loads(json.dumps(vars(request)))) == request
    words = shlex.split(request.command())
    assert words[:3] == ["hydranet", "reroute", "/out/my run"]
    assert RerouteRequest.from_json(reroute_command.params(parser().parse_args(words[1:]))) == request


def test_a_reroute_changes_the_policy_of_a_request_and_nothing_else(tmp_path) -> None:
    old = PredictRequest(
        "a.tif", "/elsewhere", experts=("x",), thresholds={"x": 0.5}, overlap=3, decode=False, threads=5
    )
    new = RerouteRequest(str(tmp_path), "recall", miss_rate=0.2, threads=1).of(old)
    assert new == replace(
        old, output=str(tmp_path), policy="recall", miss_rate=0.2, thresholds=None, decode=True
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input": ""}, "'input'"),
        ({"output": 3}, "'output'"),
        ({"bundle": 3}, "'bundle'"),
        ({"policy": "best"}, "Policy 'best'"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_k": "2"}, "top_k is 2"),
        ({"overlap": -1}, "'overlap' is -1"),
        ({"overlap": True}, "'overlap'"),
        ({"overlap": 1.5}, "'overlap'"),
        ({"experts": "water"}, "'experts'"),
        ({"extent": [0, 0, 1]}, "'extent'"),
        ({"extent": [0, 0, 0, 1]}, "'extent'"),
        ({"extent": [0, 0, "x", 1]}, "'extent'"),
        ({"extent": [0, 0, 10**400, 1]}, "'extent'"),
        ({"extent": [0, 0, float("nan"), 1]}, "'extent'"),
        ({"force_gsd": 1}, "'force_gsd'"),
        ({"uncertainty": "yes"}, "'uncertainty'"),
        ({"decode": None}, "'decode'"),
        ({"decode": False, "uncertainty": True}, "'uncertainty' is True; expected false where nothing is"),
        *(
            ({"thresholds": bad}, "'thresholds' is .*numbers from 0 to 1")
            for bad in ([], "a=1", {"a": 1.5}, {"a": -0.1}, {"a": True}, {"a": None}, {1: 0.5})
        ),
        ({"thresholds": {"a": float("nan")}}, "'thresholds'"),
        ({"thresholds": {"a": 0.5}, "policy": "top-k"}, "given with policy 'top-k', which does not use"),
        ({"thresholds": {"a": 0.5}, "policy": "recall"}, "given with policy 'recall'"),
        ({"overwite": True}, "unknown keys \\['overwite'\\]"),
    ],
)
def test_a_bad_value_is_refused(change: dict, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        PredictRequest.from_json({"input": "a.tif", "output": "out", **change})


@pytest.mark.parametrize("data", [None, [], "x", {"input": "a.tif"}, {"output": "x"}])
def test_no_request_at_all(data: object) -> None:
    with pytest.raises(RequestError):
        PredictRequest.from_json(data)
    with pytest.raises(RequestError):
        RerouteRequest.from_json(data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"run": ""}, "'run'"),
        ({"policy": "best"}, "Policy 'best'"),
        ({"thresholds": {"a": 2}}, "'thresholds'"),
        ({"thresholds": {"a": 0.5}, "policy": "recall"}, "given with policy 'recall'"),
        ({"threads": 0}, "'threads' is 0"),
        ({"memory_mb": 1}, "'memory_mb' is 1"),
        ({"overlap": 8}, "unknown keys \\['overlap'\\]"),
    ],
)
def test_a_bad_reroute_is_refused(change: dict, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        RerouteRequest.from_json({"run": "out", **change})


@pytest.mark.parametrize("text", ["", "water", "water=", "water=x", "water=0.1,water=0.2", "=0.1", "a=1=2"])
def test_thresholds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="write each expert once"):
        read_thresholds(text)


def test_no_choice_of_thresholds_means_those_of_the_bundle() -> None:
    assert PredictRequest("a", "b", thresholds={}, policy="recall").thresholds is None
    assert PredictRequest("a", "b", thresholds={"x": 1}).to_json()["thresholds"] == {"x": 1.0}


def test_no_choice_of_experts_means_all() -> None:
    assert PredictRequest.from_json({"input": "a", "output": "b", "experts": []}).experts is None
    assert PredictRequest("a", "b", experts=("x", "y", "x")).experts == ("x", "y")


def test_paths_become_absolute_but_names_that_only_gdal_knows_stay(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.tif").touch()
    request = PredictRequest("a.tif", "out", bundle="b").absolute()
    assert request.input == str(tmp_path / "a.tif")
    assert request.output == str(tmp_path / "out") and request.bundle == str(tmp_path / "b")
    assert PredictRequest('NETCDF:"x.nc":band', "out").absolute().input == 'NETCDF:"x.nc":band'
