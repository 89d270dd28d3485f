"""`hydranet train expert` and its kin: what they print, and Ctrl-C; and the product's own bundle extended."""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading

import pyogrio
import pytest
import rasterio
from rasterio.windows import Window

from model_core import cli, jobs
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.resources import default_bundle, resource
from model_core.training.framework.history import History
from model_core.training.own import command
from model_core.training.own import train as train_module
from model_core.training.own.command import Lines, Presses, table
from model_core.training.own.request import TrainRequest
from model_core.training.own.train import train_own
from tests.core.test_own_training import never, weights
from tests.core.tiny_bundle import write_bundle, write_tiles


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("base"), tile_size=64)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    return write_tiles(tmp_path_factory.mktemp("tiles") / "t")


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(History, "figure", lambda _self: None)


def test_the_command_trains_prints_a_table_and_can_be_repeated(base, tiles, tmp_path, capsys, undrawn):
    words = ["train", "expert", "reed", f"--tiles={tiles}", f"--out={tmp_path / 'b'}", f"--bundle={base}"]
    words += ["--epochs=1", "--threads=1", "--seed=3"]
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("expert: 1 epochs, the best was 1 (ended by epochs)")
    assert [line.split()[0] for line in lines[2:4]] == ["other", "reed"] and "test IoU" in lines[1]
    assert lines[-1] == f"Bundle: {tmp_path / 'b'} (hydranet-moe-8band+reed)"
    assert "hydranet: Reading tiles" in err and "epoch 1/1" in err and "\r" not in err
    before = weights(tmp_path / "b")
    told = json.loads((tmp_path / "b" / "training" / "summary.json").read_text())["command"]
    repeated = shlex.split(told)[1:]
    assert cli.main(repeated) == cli.FAILED and "holds a training already" in capsys.readouterr().err
    assert cli.main([*repeated, "--overwrite"]) == 0 and weights(tmp_path / "b") == before


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (TrainRequest("switcher", "t", "o"), "train switcher --tiles=t --out=o --seed=0"),
        (TrainRequest("expert", "t", "o", "reed", like="water", resume=True, seconds=9.5),
         "train expert reed --tiles=t --out=o --like=water --seconds=9.5 --seed=0 --resume"),
        (TrainRequest("finetune", "t", "o", "water"), "train finetune water --tiles=t --out=o --seed=0"),
        (TrainRequest("finetune", "-t", "o p", "reed", tune="water", bundle="b", threads=2),
         "train finetune water --as=reed --tiles=-t '--out=o p' --bundle=b --threads=2 --seed=0"),
    ],
)  # fmt: skip
def test_every_command_gives_its_request_back(request_, words, monkeypatch, capsys):
    """What is printed for a request makes the same request."""
    assert request_.command() == f"hydranet {words}"
    asked = []

    def instead(request, emit, cancelled, enough):
        asked.append(request)
        told = {"what": "switcher", "epochs": 0, "best_epoch": 0, "stopped": "time", "seconds": 0}
        return {**told, "figures": {}, "router": {}, "kept": {}, "bundle": "o", "id": "i"}

    monkeypatch.setattr(train_module, "train_own", instead)
    assert cli.main(shlex.split(request_.command())[1:]) == 0
    assert asked == [request_]


def test_options_of_the_whole_training_are_refused(tiles, capsys):
    assert cli.main(["train", "--quick", "switcher", f"--tiles={tiles}", "--out=o"]) == cli.FAILED
    assert "takes no --data, --run, --from, --quick or --install" in capsys.readouterr().err


def test_the_first_ctrl_c_is_enough_the_second_stops_and_the_third_insists(capsys):
    before = signal.getsignal(signal.SIGINT)
    with Presses() as presses:
        os.kill(os.getpid(), signal.SIGINT)
        assert presses.enough.is_set() and not presses.cancelled.is_set()
        assert "press Ctrl-C again to stop" in capsys.readouterr().err
        os.kill(os.getpid(), signal.SIGINT)
        assert presses.cancelled.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    with Presses() as presses:
        os.kill(os.getpid(), signal.SIGTERM)
        assert presses.cancelled.is_set() and not presses.enough.is_set()


def test_ctrl_c_in_a_training_keeps_the_best_and_writes_the_bundle(
    base, tiles, tmp_path, monkeypatch, undrawn
):
    class Pressing(Lines):
        def __call__(self, event):
            if event["event"] == "epoch":
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(command, "Lines", Pressing)
    words = ["train", "expert", "reed", f"--tiles={tiles}", f"--bundle={base}", "--threads=1"]
    assert cli.main([*words, f"--out={tmp_path / 'b'}"]) == 0
    told = json.loads((tmp_path / "b" / "training" / "summary.json").read_text())
    assert told["stopped"] == "enough" and told["epochs"] == 1


def test_a_worker_is_told_that_it_is_enough(base, tiles, tmp_path, undrawn):
    params = TrainRequest(
        "expert", str(tiles), str(tmp_path / "b"), "reed", bundle=str(base), threads=1
    ).to_json()
    heard, enough = [], threading.Event()

    def hear(event):
        heard.append(event)
        if event["event"] == "epoch":
            enough.set()

    assert jobs.run_job(params, hear, never, method="train", enough=enough.is_set)
    assert heard[-1]["event"] == "finished" and heard[-1]["output"] == str(tmp_path / "b")
    assert heard[-1]["summary"]["stopped"] == "enough"


def test_the_table_says_what_is_not_known():
    row = {"value": 1, "name": "reed", "iou": 0.5, "f1": 0.6}
    score = {"precision": None, "recall": 0.5, "average_precision": 1.0, "needed": 2, "not_needed": 0}
    text = table(
        {
            "what": "expert", "epochs": 3, "best_epoch": 2, "stopped": "time", "seconds": 4.0, "bundle": "b",
            "id": "i", "kept": {"a": "b"}, "figures": {"val": {"classes": [row]}, "test": None},
            "router": {"reed": {"val": score, "test": None}},
        }
    )  # fmt: skip
    lines = text.splitlines()
    assert lines[2].split() == ["reed", "0.500", "0.600", "-", "-"]
    assert lines[4].split() == ["reed", "val", "-", "0.500", "1.000", "2", "0"]


@pytest.fixture(scope="module")
def crop(tmp_path_factory):
    """A part of the sample scene with sea and land."""
    path = tmp_path_factory.mktemp("crop") / "crop.tif"
    with rasterio.open(resource("sample", "coast_10m.tif")) as source:
        window = Window(source.width // 2 - 256, source.height // 2 - 256, 512, 384)
        profile = source.profile | {
            "height": 384, "width": 512, "transform": source.window_transform(window), "driver": "GTiff"
        }  # fmt: skip
        with rasterio.open(path, "w", **profile) as target:
            target.write(source.read(window=window))
            target.descriptions, target.scales = source.descriptions, source.scales
            target.offsets = source.offsets
            target.update_tags(**source.tags())
    return path


def test_the_products_own_bundle_is_extended_and_its_experts_give_the_same(crop, tmp_path, undrawn):
    few = write_tiles(tmp_path / "t", counts={"train": 4, "val": 2, "cal": 2, "test": 2}, size=256)
    request = TrainRequest("expert", str(few), str(tmp_path / "b"), "reed", epochs=1, threads=1)
    summary = train_own(request, lambda _event: None, never, never)
    assert len(summary["kept"]) == 3 + 2 * 9, "encoder, hidden layer, scene; decoder and row of each expert"
    assert (tmp_path / "b" / "controls.safetensors").read_bytes() == (
        default_bundle() / "controls.safetensors"
    ).read_bytes()
    runs = {}
    for name, bundle in (("old", None), ("new", str(tmp_path / "b"))):
        # Every expert on every tile: a new one competes for places where k is small.
        asked = PredictRequest(
            str(crop), str(tmp_path / name), bundle=bundle, policy="top-k", top_k=9, threads=1,
            experts=["clouds", "water", "landcover"],
        )  # fmt: skip
        runs[name] = predict(asked, lambda _event: None, never)
    for expert in ("clouds", "water", "landcover"):
        with (
            rasterio.open(tmp_path / "old" / f"{expert}.tif") as old,
            rasterio.open(tmp_path / "new" / f"{expert}.tif") as new,
        ):
            assert old.read().tobytes() == new.read().tobytes() and old.profile == new.profile
            changed = {key for key, value in old.tags().items() if new.tags().get(key) != value}
            assert all("MODEL" in key.upper() or "RUN" in key.upper() for key in changed), changed
    assert runs["old"]["model"]["id"] != runs["new"]["model"]["id"]
    mine, its = (scores(tmp_path / name / "routing.gpkg") for name in ("old", "new"))
    assert set(its) - set(mine) == {"score_reed"} and len(mine) == 9
    assert all(its[name].tobytes() == value.tobytes() for name, value in mine.items())


def scores(path):
    meta, _, _, columns = pyogrio.raw.read(path, layer="tiles", read_geometry=False)
    named = zip(meta["fields"], columns, strict=True)
    return {name: column for name, column in named if name.startswith("score_")}
