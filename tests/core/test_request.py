"""A request survives JSON and the command line, and refuses what can never work."""

from __future__ import annotations

import json
import os
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.cli import parser
from model_core.commands import predict as command
from model_core.errors import RequestError
from model_core.request import PredictRequest

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
NUMBER = st.floats(-1e7, 1e7, allow_nan=False)


@st.composite
def requests(draw: st.DrawFn) -> PredictRequest:
    x, y = draw(NUMBER), draw(NUMBER)
    extent = (x, y, x + 1 + abs(x), y + 1 + abs(y))
    return PredictRequest(
        input="/in/" + draw(TEXT),
        output="/out/" + draw(TEXT),
        bundle=draw(st.none() | TEXT.map(lambda text: "/b/" + text)),
        bands=draw(st.sampled_from(["auto", "sentinel2-l2a", "blue=2,green=3,red=4,nir=8"])),
        radiometry=draw(st.sampled_from(["auto", "0.0001,-1000"])),
        experts=draw(st.none() | st.lists(NAME, min_size=1, max_size=3).map(tuple)),
        policy=draw(st.sampled_from(["threshold", "top-k"])),
        top_k=draw(st.integers(1, 9)),
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
    assert PredictRequest.from_json(command.params(parser().parse_args(words[1:]))) == request


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
        ({"extent": [0, 0, float("nan"), 1]}, "'extent'"),
        ({"force_gsd": 1}, "'force_gsd'"),
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
