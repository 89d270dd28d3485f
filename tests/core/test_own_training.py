"""Training on a user's tiles: what comes of it, and that a stop, a kill and a wish to end leave it sound."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model_core.bundle import MODEL_FILE, WEIGHTS_FILE, load_bundle, read_info
from model_core.errors import CancelledError, OutputError, RequestError
from model_core.routerset import read_routerset
from model_core.spec import ClassSpec
from model_core.training.framework.history import History
from model_core.training.own import decoder, experts, rerouting, train
from model_core.training.own.request import TrainRequest
from model_core.training.own.tiles import load_tiles
from model_core.training.own.train import train_own
from tests.core.test_framework_loop import Killed, killed_before
from tests.core.tiny_bundle import REED, write_bundle, write_tiles


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("base"), {"water": 2}, tile_size=64)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    return write_tiles(
        tmp_path_factory.mktemp("tiles") / "t", counts={"train": 12, "val": 6, "cal": 18, "test": 4}
    )


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """As few as show everything, for trainings of which only the course matters."""
    return write_tiles(tmp_path_factory.mktemp("few") / "t", counts={"train": 4, "val": 2, "cal": 2})


@pytest.fixture(scope="module")
def water_tiles(tmp_path_factory):
    return write_tiles(tmp_path_factory.mktemp("water") / "t", replace(REED, name="water", title="Water"))


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take longer than these trainings."""
    monkeypatch.setattr(History, "figure", lambda _self: None)


def asked(base, tiles, output, what="expert", expert: str | None = "reed", **more) -> TrainRequest:
    told = {"epochs": 3, "threads": 1, "bundle": str(base), **more}
    return TrainRequest(what, str(tiles), str(output), expert, **told)


def run(request, cancelled=never, enough=never):
    heard = []
    return heard, train_own(request, heard.append, cancelled, enough)


def weights(folder) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in load_file(folder / WEIGHTS_FILE).items()}


@pytest.fixture(scope="module")
def made(base, tiles, tmp_path_factory):
    """A new expert, trained long enough to be useful."""
    folder = tmp_path_factory.mktemp("made") / "bundle"
    return folder, *run(asked(base, tiles, folder, epochs=12))


def test_a_new_expert_finds_what_was_labelled(base, made):
    folder, _, summary = made
    assert summary["figures"]["val"]["iou"] > 0.8 and summary["figures"]["test"]["iou"] > 0.8
    assert [row["name"] for row in summary["figures"]["test"]["classes"]] == ["other", "reed"]
    model = load_bundle(folder, device="cpu", precision="fp32")
    reed = model.experts[-1]
    assert (reed.name, reed.title, reed.classes, reed.kind) == ("reed", "Reed", REED.classes, "classes")
    assert reed.valid_gsd_m == (6.7, 15.0) and "12 tiles of a user's own" in reed.description
    assert reed.license == "training data: my own" and len(reed.needed_scores) == 9
    assert summary["experts"] == [one.name for one in model.experts] and summary["expert"] == "reed"
    assert summary["id"] == model.id == "hydranet-moe-8band+reed" and summary["sha256"] == model.sha256
    assert model.info.data["title"].endswith(" + Reed")
    assert (
        summary["router"]["reed"]["val"]["needed"] == 3
        and summary["router"]["reed"]["test"]["not_needed"] == 2
    )
    assert summary["warnings"] == []


def test_the_old_experts_are_the_same_bits_and_that_is_told(base, made):
    folder, _, summary = made
    old, new = weights(base), weights(folder)
    assert all(new[name].startswith(value) for name, value in old.items())
    assert all(new[name] == value for name, value in old.items() if not name.startswith("switcher.out"))
    names = [one.name for one in read_info(base).experts]
    wanted = {f"{kind}.{name}" for kind in ("experts", "switcher.out") for name in names}
    assert set(summary["kept"]) == {"encoder", "switcher.hidden"} | wanted


def test_events_tell_of_every_epoch_and_a_bar_can_move(made):
    _, heard, summary = made
    kinds = [event["event"] for event in heard]
    assert kinds[0] == "started" and heard[0]["total_tiles"] == 1000
    done = [event["done"] for event in heard if event["event"] == "progress"]
    assert done == sorted(done) and done[-1] == 1000 and len(set(done)) > 5
    epochs = [event for event in heard if event["event"] == "epoch"]
    assert [event["number"] for event in epochs] == list(range(1, summary["epochs"] + 1))
    assert {"loss/total", "val/iou", "val/f1", "lr"} <= set(epochs[-1]["figures"])
    assert epochs[-1]["best"] == summary["best_epoch"] and epochs[-1]["epochs"] == 12
    json.dumps(heard, allow_nan=False)


def test_the_bundle_and_the_summary_say_the_same(tiles, made):
    folder, _, summary = made
    stored = json.loads((folder / "training" / "summary.json").read_text())
    assert stored == json.loads(json.dumps(summary))
    (own,) = read_info(folder).data["training"]["own"]
    assert own["figures"] == stored["figures"] and own["router"] == stored["router"]
    assert own["tiles"]["tiles"] == {"train": 12, "val": 6, "cal": 18, "test": 4}
    assert own["tiles"]["sha256"].keys() == {"routerset.json", "catalog.csv", "relevance.csv"}
    assert (folder / summary["curves"]).is_file()
    assert summary["stopped"] == "epochs" or summary["stopped"] == "patience"
    assert str(tiles) not in (folder / MODEL_FILE).read_text(), "no path of this machine"


def test_figures_are_those_of_the_bundle_on_its_tiles(tiles, made):
    folder, _, summary = made
    model = load_bundle(folder, device="cpu")
    data = read_routerset(tiles)
    counts = np.zeros((2, 2), int)
    for tile in load_tiles(data, data.of("test"), REED, never, lambda *_: None):
        seen = model.encode(tile.bands[None] * np.float32(1e-4), tile.available, tile.valid[None])
        found = model.decode("reed", [(seen, [0])])[0].argmax(0)
        for label in (0, 1):
            counts[label] += np.bincount(found[tile.label == label], minlength=2)
    told = np.array(summary["figures"]["test"]["confusion"])
    assert np.abs(counts - told).sum() < 0.005 * told.sum()


def test_the_same_request_gives_the_same_weights(base, few, tmp_path, undrawn):
    for name in ("one", "two"):
        run(asked(base, few, tmp_path / name, epochs=2))
    run(asked(base, few, tmp_path / "other", epochs=2, seed=1))
    one, two, other = (weights(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert {name for name in one if one[name] != other[name]} >= {
        "experts.reed.head.weight",
        "switcher.out.weight",
    }


def test_a_cancelled_training_is_resumed_to_the_same_end(base, few, tmp_path, undrawn):
    run(asked(base, few, tmp_path / "whole"))
    request = asked(base, few, tmp_path / "parts")
    seen = []

    def in_the_second_epoch() -> bool:
        seen.append(any(event["event"] == "epoch" for event in heard))
        return seen[-8:] == [True] * 8

    heard: list = []
    with pytest.raises(CancelledError, match="resume it to continue"):
        train_own(request, heard.append, in_the_second_epoch, never)
    assert not (tmp_path / "parts" / MODEL_FILE).exists() and not (tmp_path / "parts" / WEIGHTS_FILE).exists()
    with pytest.raises(OutputError, match="holds a training already; resume it"):
        run(request)
    heard, summary = run(replace(request, resume=True))
    assert [event["number"] for event in heard if event["event"] == "epoch"] == [2, 3]
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole") and summary["epochs"] == 3
    again, told = run(replace(request, resume=True))
    assert told == json.loads(json.dumps(summary)), "a finished one is not trained again"
    assert not [event for event in again if event["event"] in ("epoch", "progress")]


def test_a_kill_before_any_change_of_a_file_leaves_no_half_bundle(base, few, tmp_path, undrawn, monkeypatch):
    """Before every seventh one, in a training of one epoch."""
    run(asked(base, few, tmp_path / "whole", epochs=1))
    wanted, last, kills = weights(tmp_path / "whole"), 0, 0
    while True:
        request = asked(base, few, tmp_path / f"k{last}", epochs=1)
        if not killed_before(last, monkeypatch, lambda request=request: run(request)):
            break
        folder, kills = tmp_path / f"k{last}", kills + 1
        if (folder / MODEL_FILE).exists():
            load_bundle(folder, device="cpu", precision="fp32")
        started = (folder / "training" / "request.json").exists()
        run(replace(request, resume=True) if started else request)
        assert weights(folder) == wanted, f"killed before change {last + 1}"
        assert not list(folder.rglob("*.part"))
        last += 7
    assert kills >= 3 and issubclass(Killed, BaseException)


def test_enough_ends_in_an_epoch_with_the_best_so_far(base, few, tmp_path, undrawn):
    heard: list = []

    def after_two() -> bool:
        return sum(event["event"] == "epoch" for event in heard) >= 2

    summary = train_own(asked(base, few, tmp_path / "b", epochs=30), heard.append, never, after_two)
    assert summary["stopped"] == "enough" and summary["epochs"] == 2
    assert load_bundle(tmp_path / "b", device="cpu").experts[-1].name == "reed"


def test_the_time_ends_it_too(base, few, tmp_path, undrawn):
    _, summary = run(asked(base, few, tmp_path / "b", epochs=2000, seconds=1.0))
    assert summary["stopped"] == "time" and 1 <= summary["epochs"] < 2000
    rates = (tmp_path / "b" / "training" / "results" / "history.csv").read_text().splitlines()
    assert float(rates[-1].split(",")[rates[0].split(",").index("lr")]) < decoder.NEW.lr / 2, "the rate fell"


def test_an_expert_like_another_one(base, few, tmp_path, undrawn):
    _, summary = run(asked(base, few, tmp_path / "b", like="water", epochs=1))
    told = read_info(tmp_path / "b")
    assert told.experts[-1].heads == 1 and told.data["training"]["own"][0]["request"]["like"] == "water"
    assert "--like=water" in summary["command"]


def test_finetuning_replaces_the_expert_and_nothing_else(base, water_tiles, tmp_path, undrawn):
    request = asked(base, water_tiles, tmp_path / "b", "finetune", "water", epochs=6)
    heard, summary = run(request)
    first = next(event for event in heard if event["event"] == "epoch")
    assert first["number"] == 0 and first["figures"]["val/iou"] == pytest.approx(
        summary["figures"]["before"]["val"]["iou"], abs=1e-5
    )
    assert summary["figures"]["val"]["iou"] > summary["figures"]["before"]["val"]["iou"]
    old, new = weights(base), weights(tmp_path / "b")
    changed = {name for name in old if old[name] != new[name]}
    assert changed and all(name.startswith("experts.water.") for name in changed) and old.keys() == new.keys()
    assert any("head.own" in name for name in changed), "every head is trained"
    info, before = read_info(tmp_path / "b"), read_info(base)
    assert [one.needed_scores for one in info.experts] == [one.needed_scores for one in before.experts]
    assert info.experts[1].heads == 2 and summary["router"] == {} and "experts.water" not in summary["kept"]


def test_weights_that_did_not_get_better_are_not_taken(base, water_tiles, tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr(experts, "TUNED", replace(experts.TUNED, lr=1e-12))
    heard, summary = run(asked(base, water_tiles, tmp_path / "b", "finetune", "water", epochs=1))
    assert weights(tmp_path / "b") == weights(base)
    assert "No epoch was better on val than expert 'water' as it was" in summary["warnings"][0]
    assert any(event.get("level") == "warning" for event in heard) and "experts.water" in summary["kept"]


def test_finetuning_for_another_task_adds_an_expert(base, few, tmp_path, undrawn):
    _, summary = run(asked(base, few, tmp_path / "b", "finetune", "reed", tune="water", epochs=2))
    info = read_info(tmp_path / "b")
    assert summary["experts"][-1] == "reed" and info.experts[-1].heads == 2
    assert set(summary["router"]) == {"reed"} and "experts.water" in summary["kept"]
    assert "train finetune water --as=reed" in summary["command"]


def test_the_switcher_learns_its_rows_and_nothing_else(base, water_tiles, tmp_path, undrawn):
    heard, summary = run(asked(base, water_tiles, tmp_path / "b", "switcher", None, epochs=30))
    row = summary["router"]["water"]
    assert not row["kept"] and row["val"]["average_precision"] >= row["before"]["val"]["average_precision"]
    assert next(event for event in heard if event["event"] == "epoch")["number"] == 0
    old, new = load_file(base / WEIGHTS_FILE), load_file(tmp_path / "b" / WEIGHTS_FILE)
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"switcher.out.weight", "switcher.out.bias"}
    rows = (old["switcher.out.weight"] != new["switcher.out.weight"]).any(1)
    names = [one.name for one in read_info(base).experts]
    assert [name for name, other in zip(names, rows, strict=True) if other] == ["water"]
    water = read_info(tmp_path / "b").experts[names.index("water")]
    assert len(water.needed_scores) == 2 and summary["id"].endswith("+switcher")
    assert set(summary["figures"]["test"]["average_precision"]) == {"water"}


def test_rows_that_did_not_get_better_stay(base, water_tiles, tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr(rerouting, "ROWS", replace(rerouting.ROWS, lr=1e-30))
    _, summary = run(asked(base, water_tiles, tmp_path / "b", "switcher", None, epochs=2))
    assert weights(tmp_path / "b") == weights(base)
    assert "row of 'water' did not get better on val" in summary["warnings"][0]
    assert read_info(tmp_path / "b").experts == read_info(base).experts


def test_missing_splits_are_told_of(base, tmp_path, undrawn):
    few = write_tiles(tmp_path / "t", counts={"train": 4, "val": 4})
    _, summary = run(asked(base, few, tmp_path / "b", epochs=1))
    assert summary["figures"]["test"] is None and summary["router"]["reed"]["test"] is None
    text = " ".join(summary["warnings"])
    assert "no tiles in the split cal" in text and "no tiles in the split test" in text
    assert "recall policy" in text and read_info(tmp_path / "b").experts[-1].needed_scores == ()


def without(tiles, folder, change):
    """A copy of the tiles with another catalogue."""
    copy = shutil.copytree(tiles, folder)
    path = copy / "catalog.csv"
    path.write_text(change(path.read_text()))
    return copy


def test_requests_that_cannot_be_are_refused_before_anything_is_written(base, tiles, water_tiles, tmp_path):
    out = tmp_path / "b"
    three = replace(REED, name="water", classes=(*REED.classes, ClassSpec(2, "x", None)))
    more = write_tiles(tmp_path / "three", three, {"train": 2, "val": 2})
    word = write_tiles(tmp_path / "word", replace(REED, name="values"), {"train": 2, "val": 2})
    large = write_tiles(tmp_path / "large", counts={"train": 2, "val": 2}, size=128)
    refused = [
        (asked(base, tiles, out, expert="sedge"), "has no task 'sedge'; its tasks are reed"),
        (asked(base, water_tiles, out, expert="water"), "has an expert 'water' already"),
        (asked(base, word, out, expert="values"), "No expert can be called 'values'"),
        (asked(base, tiles, out, like="lawn"), "has no expert 'lawn' to start from"),
        (asked(base, tiles, out, "finetune"), "has no expert 'reed' to train further"),
        (asked(base, more, out, "finetune", "water"), "has 2 classes and task 'water' 3"),
        (asked(base, large, out), "have 128 pixels along an edge and the bundle's 64"),
        (asked(base, tiles, base), "is the bundle that is extended"),
        (asked(base, tiles, tiles), "holds the tiles"),
    ]
    for request, said in refused:
        with pytest.raises(RequestError, match=said):
            run(request)
    assert not out.exists() and sorted(p.name for p in base.iterdir()) == [MODEL_FILE, WEIGHTS_FILE]


def test_tiles_that_teach_nothing_are_refused(base, tiles, water_tiles, tmp_path):
    no_val = without(tiles, tmp_path / "no_val", lambda text: text.replace(",val,", ",cal,"))
    with pytest.raises(RequestError, match="No tile of the split val holds content of task 'reed'"):
        run(asked(base, no_val, tmp_path / "a"))
    no_train = without(tiles, tmp_path / "no_train", lambda text: text.replace(",train,", ",test,"))
    with pytest.raises(RequestError, match="No training tile holds content of task 'reed'"):
        run(asked(base, no_train, tmp_path / "b"))
    with pytest.raises(RequestError, match="cannot learn from these tiles: the bundle has no expert 'reed'"):
        run(asked(base, tiles, tmp_path / "c", "switcher", None))
    one_kind = without(water_tiles, tmp_path / "kind", lambda text: text.replace(",val,", ",cal,"))
    with pytest.raises(RequestError, match="of the tiles of val 0 need 'water' and 0 do not"):
        run(asked(base, one_kind, tmp_path / "d", "switcher", None))


def test_what_lies_in_the_output_folder_is_not_lost(base, tiles, made, tmp_path, undrawn):
    folder = shutil.copytree(made[0], tmp_path / "b")
    request = asked(base, tiles, folder, epochs=1)
    with pytest.raises(OutputError, match="holds a training already"):
        run(request)
    with pytest.raises(RequestError, match="holds a training of another request"):
        run(replace(request, resume=True))
    _, summary = run(replace(request, overwrite=True))
    assert summary["epochs"] == 1 and read_info(folder).sha256 == summary["sha256"]
    shutil.rmtree(folder / "training")
    with pytest.raises(OutputError, match="holds a bundle already"):
        run(request)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds 'notes.txt', which no training wrote"):
        run(replace(request, overwrite=True))
    assert (folder / "notes.txt").read_text() == "mine"


def test_torch_has_its_threads_back(base, tiles, tmp_path, monkeypatch):
    before = torch.get_num_threads()
    seen = []
    monkeypatch.setattr(train, "open_folder", lambda *_: seen.append(torch.get_num_threads()) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(asked(base, tiles, tmp_path / "b", threads=before + 1))
    assert seen == [before + 1] and torch.get_num_threads() == before
