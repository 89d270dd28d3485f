"""Training on one's own tiles in trouble: full disks, two at once, changed tiles, tiles of one kind."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest
from safetensors import SafetensorError

from model_core import cli, jobs
from model_core import whole_folder as whole_folder_module
from model_core.bundle import MODEL_FILE, load_bundle, read_info
from model_core.errors import CancelledError, OutputError, RequestError
from model_core.routerset import RELEVANCE_FILE
from model_core.training.framework import checkpoint
from model_core.training.own import folder as folder_module
from tests.core.test_own_training import asked, never, run, undrawn, weights  # noqa: F401
from tests.core.tiny_bundle import REED, write_bundle, write_tiles

pytestmark = pytest.mark.usefixtures("undrawn")
FULL = OSError(28, "No space left on device")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("base"), tile_size=64)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    return write_tiles(tmp_path_factory.mktemp("tiles") / "t", counts={"train": 4, "val": 2, "cal": 2})


def fails(error: Exception):
    def failing(*_arguments, **_more):
        raise error

    return failing


# What safetensors says of a full disk is no OSError.
WRITES = {
    "request": (folder_module, "write_json", FULL),
    "checkpoint": (checkpoint, "save_file", SafetensorError("I/O error: No space left on device")),
    "bundle": ("safetensors.torch", "save_file", SafetensorError("I/O error: No space left on device")),
    "rename": (os, "replace", FULL),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_full_disk_is_said_in_a_sentence_and_the_training_goes_on_later(
    base, tiles, tmp_path, monkeypatch, name
):
    where, what, error = WRITES[name]
    request = asked(base, tiles, tmp_path / "new" / "b", epochs=1)
    with monkeypatch.context() as patch:
        target = f"{where}.{what}" if isinstance(where, str) else where
        patch.setattr(target, *(() if isinstance(where, str) else (what,)), fails(error))
        with pytest.raises(OutputError, match="No space left on device.*; check the free space") as caught:
            run(request)
    assert "\n" not in str(caught.value) and not (tmp_path / "new" / "b" / MODEL_FILE).exists()
    begun = (tmp_path / "new" / "b" / "training" / "request.json").exists()
    assert begun == (name in ("checkpoint", "bundle"))
    run(replace(request, resume=begun))
    load_bundle(tmp_path / "new" / "b", device="cpu", precision="fp32")
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob("*.hydranet-*"))


def test_two_trainings_into_one_folder_do_not_mix(base, tiles, tmp_path):
    request = asked(base, tiles, tmp_path / "b", epochs=1)
    said = "Another process is writing the bundle '.*b'; wait for its end or choose another folder"
    with whole_folder_module.locked(tmp_path / "b", "bundle"), pytest.raises(OutputError, match=said):
        run(request)
    assert not (tmp_path / "b").exists()
    second = []

    def at_once() -> bool:
        if (tmp_path / "b" / "training").exists() and not second:
            second.append(True)
            for again in (replace(request, resume=True), replace(request, overwrite=True)):
                with pytest.raises(OutputError, match=said):
                    run(again)
        return False

    run(request, cancelled=at_once)
    assert second and read_info(tmp_path / "b").experts[-1].name == "reed"


def test_a_refused_training_leaves_no_folder(base, tiles, tmp_path):
    empty = tmp_path / "empty"
    (empty / "notes").mkdir(parents=True)
    with pytest.raises(OutputError, match="holds 'notes', which no training wrote"):
        run(asked(base, tiles, empty))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="'.*file' is no folder"):
        run(asked(base, tiles, tmp_path / "file", overwrite=True))
    assert {path.name for path in tmp_path.rglob("*")} == {"empty", "notes", "file"}


def test_tiles_that_changed_are_not_continued_with(base, tiles, tmp_path):
    """The tables may be the same although an image or a label is another."""
    copy = shutil.copytree(tiles, tmp_path / "t")
    request = asked(base, copy, tmp_path / "b")
    heard: list = []
    with pytest.raises(CancelledError):
        from model_core.training.own.train import train_own

        train_own(request, heard.append, lambda: any(event["event"] == "epoch" for event in heard), never)
    label, other = (copy / "labels" / f"train_{number}__reed.tif" for number in (0, 2))
    kept = label.read_bytes()
    shutil.copyfile(other, label)
    with pytest.raises(RequestError, match="holds a training of another request, of other tiles"):
        run(replace(request, resume=True))
    other.unlink()
    with pytest.raises(RequestError, match="Tile 'train_2' of the routerset cannot be read"):
        run(replace(request, resume=True))
    other.write_bytes((tiles / "labels" / other.name).read_bytes())
    label.write_bytes(kept)
    run(replace(request, resume=True))
    os.rename(tmp_path / "b", tmp_path / "moved")
    _, summary = run(replace(request, output=str(tmp_path / "moved"), resume=True))
    assert (
        summary["bundle"] == str(tmp_path / "moved")
        and summary["sha256"] == read_info(tmp_path / "moved").sha256
    )


def test_enough_at_once_still_learns_for_an_epoch(base, tiles, tmp_path):
    heard, summary = run(asked(base, tiles, tmp_path / "b", epochs=9), enough=lambda: True)
    assert (summary["stopped"], summary["epochs"], summary["best_epoch"]) == ("enough", 1, 1)
    (row,) = [event["figures"] for event in heard if event["event"] == "epoch"]
    assert row["loss/total"] > 0 and row["lr"] > 0


def test_no_time_at_all_still_takes_a_step(base, tiles, tmp_path):
    heard, summary = run(asked(base, tiles, tmp_path / "b", epochs=9, seconds=1e-6))
    assert (summary["stopped"], summary["epochs"]) == ("time", 1)
    (row,) = [event["figures"] for event in heard if event["event"] == "epoch"]
    assert row["loss/total"] > 0 and row["lr"] > 0


@pytest.mark.parametrize("what", ["expert", "switcher"])
def test_smaller_tiles_than_the_bundles_are_taken_with_a_warning(base, tmp_path, what):
    task = REED if what == "expert" else replace(REED, name="water")
    small = write_tiles(tmp_path / "t", task, size=32)
    named = "reed" if what == "expert" else None
    _, summary = run(asked(base, small, tmp_path / "b", what, named, epochs=1))
    assert summary["warnings"][0].startswith("The tiles have 32 pixels along an edge, and the switcher")
    model = load_bundle(tmp_path / "b", device="cpu", precision="fp32")
    assert model.info.tile_size == 64 and summary["router"][named or "water"]["val"]["needed"] == 2


@pytest.mark.parametrize(
    ("told", "score"), [("1", lambda s: s > 0.5), ("0", lambda s: s < 0.5), ("", lambda s: s == 0.5)]
)
def test_tiles_of_one_kind_only_give_a_row_that_says_so(base, tiles, tmp_path, told, score):
    """All need the expert, none does, or nobody knows."""
    copy = shutil.copytree(tiles, tmp_path / "t")
    lines = (copy / RELEVANCE_FILE).read_text().splitlines()
    lines[1:] = [f"{line.partition(',')[0]},{told}" for line in lines[1:]]
    (copy / RELEVANCE_FILE).write_text("\n".join(lines) + "\n")
    _, summary = run(asked(base, copy, tmp_path / "b", epochs=1))
    count = {"1": "4 need 'reed' and 0 do not", "0": "0 need 'reed' and 4 do not"}.get(
        told, "0 need 'reed' and"
    )
    assert any(count in line for line in summary["warnings"])
    model = load_bundle(tmp_path / "b", device="cpu", precision="fp32")
    from tests.core.test_headed_bundle import tiles as made_up

    values, available, valid = made_up(1)
    seen = model.encode(values[..., :64, :64], available, valid[..., :64, :64])
    assert score(float(model.scores(seen)[0, -1]))
    reed = model.experts[-1]
    assert (reed.temperature, reed.bias, reed.threshold) == (1.0, 0.0, 0.5)
    assert len(reed.needed_scores) == (2 if told == "1" else 0)


def test_a_training_with_a_tile_in_each_split(base, tmp_path):
    one = write_tiles(tmp_path / "t", counts={"train": 1, "val": 1, "cal": 1, "test": 1})
    _, summary = run(asked(base, one, tmp_path / "b", epochs=1))
    assert summary["figures"]["test"]["tiles"] == 1
    assert weights(tmp_path / "b")["switcher.out.bias"]


@pytest.mark.parametrize(
    ("name", "package"),
    [("sklearn.metrics", "scikit-learn"), ("PIL", "pillow"), ("scipy.optimize", "scipy"), ("torch", "torch")],
)
def test_a_library_that_is_missing_is_named_as_pip_knows_it(name, package, monkeypatch, capsys):
    error = ModuleNotFoundError(f"No module named '{name}'", name=name)
    kind, text = jobs.explain(error)
    asked_for = text.split("pip install ")[1].split("'")[0].split()
    assert kind == "ModuleNotFoundError" and package in asked_for and "Set up" in text and "\n" not in text
    assert (asked_for == [package]) == (package != "torch"), "who lacks torch lacks more"
    monkeypatch.setattr("model_core.commands.tiles.run", fails(error))
    capsys.readouterr()
    assert cli.main(["tiles", "a.tif", "--labels=a=b", "--out=o"]) == cli.FAILED
    assert capsys.readouterr().err == f"hydranet: {text}\n"
