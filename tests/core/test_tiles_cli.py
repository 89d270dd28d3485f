"""`hydranet tiles` on the sample scene; the command it tells of does the same."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core import cli
from model_core.resources import resource
from model_core.routerset import read_routerset
from model_core.tiles.request import LabelLayer, TilesRequest
from model_core.tiles.told import command
from model_core.training.pack import load_pack
from model_core.worker import JOBS

from .tile_inputs import digest, polygons

NAME = st.text("abc ,:={}\"'äß", min_size=1, max_size=8)
LAYERS = st.builds(
    LabelLayer,
    task=st.sampled_from(["reed", "water"]),
    path=st.sampled_from(["l.gpkg", "my labels=1.tif"]),
    layer=st.none() | NAME,
    field=st.none() | NAME,
    classes=st.none() | st.dictionaries(NAME, NAME, min_size=1, max_size=3),
    background=st.just("none") | st.just("") | NAME,
    colors=st.none() | st.just({"a": "#000000"}),
    present=st.none() | st.lists(NAME, min_size=1, max_size=2).map(tuple),
    share=st.sampled_from([0.01, 0.2, 1]),
    title=st.none() | NAME,
    label_kind=st.sampled_from(["hand", "derived"]),
)
REQUESTS = st.builds(
    TilesRequest,
    inputs=st.lists(st.sampled_from(["a.tif", "my b.tif"]), min_size=1).map(tuple),
    output=st.just("out put"),
    labels=LAYERS.map(lambda layer: (layer,)),
    area=st.none() | st.just("area.gpkg"),
    bands=st.just("auto") | st.just("blue=1,nir=2"),
    radiometry=st.just("auto") | st.just("0.0001,-1000"),
    tile_size=st.sampled_from([64, 256]),
    stride=st.none() | st.just(32),
    block_m=st.none() | st.sampled_from([500, 0.1]),
    splits=st.none() | st.just({"train": 0.5, "val": 0.1, "cal": 0.1, "test": 0.3}),
    seed=st.integers(0, 2),
    keep_unlabelled=st.booleans(),
    least_valid=st.sampled_from([0.2, 1.0]),
    licence=st.just("not stated") | NAME,
    overwrite=st.booleans(),
    threads=st.none() | st.just(2),
)


@given(REQUESTS)
def test_the_command_that_is_told_asks_for_the_same(asked: TilesRequest) -> None:
    from model_core.commands.tiles import params

    args = cli.parser().parse_args(shlex.split(command(asked))[1:])
    assert TilesRequest.from_json(params(args)) == asked
    assert TilesRequest.from_json(json.loads(json.dumps(asked.to_json()))) == asked


def test_a_raster_that_looks_like_an_option_is_none_in_the_command() -> None:
    from model_core.commands.tiles import params

    asked = TilesRequest(("-a b.tif", "c.tif"), "o", (LabelLayer("water", "-w.gpkg"),))
    args = cli.parser().parse_args(shlex.split(command(asked))[1:])
    assert params(args)["inputs"] == ["./-a b.tif", "c.tif"]
    assert params(args)["labels"][0]["path"] == "-w.gpkg"


@pytest.fixture(scope="module")
def water(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the sample scene is water, as polygons: what reflects less in the near infrared than in green."""
    import numpy as np
    import rasterio
    import shapely
    from rasterio.features import shapes, sieve

    with rasterio.open(resource("sample", "coast_10m.tif")) as raster:
        green, nir = raster.read(3).astype(np.float32), raster.read(8).astype(np.float32)
        wet = sieve((green > nir).astype(np.uint8), 60)
        found = [shapely.geometry.shape(one) for one, _ in shapes(wet, wet == 1, transform=raster.transform)]
        return polygons(tmp_path_factory.mktemp("labels") / "water.gpkg", found, crs=raster.crs.to_wkt())


def test_the_sample_scene(water: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = str(resource("sample", "coast_10m.tif"))
    words = ["tiles", sample, "--labels", f"water={water}", "--tile-size=128", "--label-kind=water=derived"]
    assert cli.main([*words, f"--out={tmp_path / 'one'}", "--threads=1"]) == 0
    out, err = capsys.readouterr()
    assert "needed" in out and "Routerset: " in out and "warning: No area was given" in err
    assert cli.main([*words, f"--out={tmp_path / 'two'}", "--threads=2"]) == 0
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    found = read_routerset(tmp_path / "one")
    assert len(found.entries) == 28 and {e.radiometry for e in found.entries} == {"toa"}
    assert found.entries[0].bands == ("blue", "green", "red", "re1", "re2", "re3", "nir")  # its PAN was made
    for split in ("train", "val", "test"):
        assert {entry.relevance["water"] for entry in found.of(split)} == {0, 1}, split
    regions: dict[str, set[str]] = {}
    for entry in found.entries:
        regions.setdefault(entry.region, set()).add(entry.split)
    assert all(len(splits) == 1 for splits in regions.values())
    samples = load_pack(tmp_path / "one", ("train",))
    assert len(samples) == len(found.of("train")) and all(sample.available.all() for sample in samples)


def test_the_worker_does_it_too(water: str, tmp_path: Path) -> None:
    params = {
        "inputs": [str(resource("sample", "coast_10m.tif"))], "output": str(tmp_path / "out"),
        "labels": [{"task": "water", "path": water}],
    }  # fmt: skip
    told: list[dict] = []
    JOBS["tiles"](params, told.append, lambda: False, None)
    assert told[0]["event"] == "started" and told[0]["total_tiles"] == 6
    assert told[-1]["event"] == "finished" and told[-1]["summary"]["folder"] == told[-1]["output"]
    json.dumps(told, allow_nan=False)


def test_what_is_typed_wrong_is_one_sentence(
    water: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.json").write_text(json.dumps([{"task": "water", "path": water, "colour": "blue"}]))
    cases = {
        "are no labels": ["--labels=water"],
        "unknown keys ['colour']": [f"--labels={tmp_path / 'list.json'}"],
        "begins with no task": [f"--labels=water={water}", "--field=reed=kind"],
        "are no classes": [f"--labels=water={water}", "--classes=water=1"],
        "is no share": [f"--labels=water={water}", "--share=water=much"],
        "are no shares": [f"--labels=water={water}", "--splits=train"],
        "together 1": [f"--labels=water={water}", "--splits=train=0.9,val=0.9,cal=0,test=0"],
        "a multiple of 32": [f"--labels=water={water}", "--tile-size=50"],
        "each task once": [f"--labels=water={water}", f"--labels=water={water}"],
    }
    for said, words in cases.items():
        assert cli.main(["tiles", "x.tif", f"--out={tmp_path / 'out'}", *words]) == cli.FAILED, said
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1, err


def test_help_tells_of_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["tiles", "--help"])
    out = capsys.readouterr().out
    actions = cli.parser()._subparsers._group_actions[0]
    assert isinstance(actions, argparse._SubParsersAction)
    for action in actions.choices["tiles"]._actions:
        assert action.help and all(option in out for option in action.option_strings)
