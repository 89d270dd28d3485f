"""`hydranet train objects` from the pack to a bundle that finds objects, and its comparison of routings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model_core.bundle import load_bundle
from model_core.cli import main
from model_core.errors import RequestError
from model_core.networks.hydranet import HydraNet, NetworkConfig
from model_core.objects.spec import ROUTINGS
from model_core.tasks import TASK_NAMES, TASKS
from model_core.training.calibration import Calibration
from model_core.training.commands.objects import DEFAULTS
from model_core.training.export import export_bundle
from model_core.training.objects import pipeline
from model_core.training.objects.pipeline import ObjectsTraining, Recipe
from model_core.training.objects.router import RouterPlan
from model_core.training.recipe import Recipe as JointRecipe

from .tiny_objects import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
OPTIONS = replace(DEFAULTS, epochs=1, batch_size=2)
ROUTER = RouterPlan(drawn=24, ordinary=24, steps=10)
RECIPE = Recipe(base_epochs=1, size=96, steps=2)


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Path:
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    network = HydraNet(SMALL, {task.name: task.expert.channels for task in TASKS}).eval().folded()
    fits = {name: Calibration(1.0, 0.0, 0.5, 0, 0, "cal") for name in TASK_NAMES}
    told = {"how": "not at all", "notes": "", "machine": "-", "torch": "-", "frozen_sha256": "sha256:0"}
    folder = tmp_path_factory.mktemp("bundle")
    return export_bundle(folder, network, fits, JointRecipe(network=SMALL), [], told).folder


@pytest.fixture(scope="module")
def run(pack, bundle, tmp_path_factory) -> Path:
    """The folder of a whole small training."""
    folder = tmp_path_factory.mktemp("run")
    training = ObjectsTraining(pack, bundle, folder, OPTIONS, RECIPE, lambda line: None)
    made = training.bundle_with(ROUTER)
    assert made == folder / "bundle"
    return folder


def test_the_bundle_has_the_expert_as_its_last_and_finds_what_it_finds_alone(run, bundle):
    model, former = load_bundle(run / "bundle", precision="fp32"), load_bundle(bundle, precision="fp32")
    assert [expert.name for expert in model.experts] == [*TASK_NAMES, "objects"]
    assert model.objects.routing == "full" and len(model.objects.thresholds) == 2
    random = np.random.default_rng(0)
    tile = random.uniform(0, 0.5, (2, 8, 256, 256)).astype(np.float32)
    seen = np.ones(8, bool), np.ones((2, 256, 256), bool)
    features, before = model.encode(tile, *seen), former.encode(tile, *seen)
    assert np.array_equal(model.scores(features)[:, :-1], former.scores(before))
    together = model.detect("objects", [(features, [0, 1])])
    alone = model.detect("objects", [(features, [1])])
    assert len(together) == 2 and np.array_equal(together[1].box, alone[0].box)
    assert together[0].experts.shape[1:] == (2, 2)


def test_the_bundle_says_how_it_was_trained_and_what_is_real(run):
    told = json.loads((run / "bundle" / "model.json").read_text())["training"]["objects"]
    assert set(told["real"]) == {"ship", "building"} and "pasted" in told["real"]["ship"]
    assert told["recipe"]["steps"] == 2 and told["options"]["seed"] == OPTIONS.seed
    assert "val" in told["router"]["calibrated_on"]


def test_a_finished_training_is_exported_again_without_tiles(run, pack, bundle):
    before = (run / "expert" / "weights" / "best.safetensors").read_bytes()
    training = ObjectsTraining(pack, bundle, run, OPTIONS, RECIPE, lambda line: None)
    training.expert()
    assert "sampler" not in vars(training)  # nothing was drawn
    assert (run / "expert" / "weights" / "best.safetensors").read_bytes() == before


def test_the_switchers_row_is_trained_once(run, pack, bundle, monkeypatch):
    training = ObjectsTraining(pack, bundle, run, OPTIONS, RECIPE, lambda line: None)
    monkeypatch.setattr(pipeline, "train_router", None)
    row = training.router_row(ROUTER)
    written = load_file(run / "bundle" / "weights.safetensors")["switcher.out.weight"][-1]
    assert torch.equal(row.weight, written)
    with pytest.raises(RequestError, match="another recipe"):
        training.router_row(replace(ROUTER, steps=11))
    (run / "router" / "results" / "row.json").write_text("{}")
    with pytest.raises(RequestError, match="no row of a switcher"):
        training.router_row(ROUTER)


def test_other_numbers_are_refused(run, pack, bundle):
    other = ObjectsTraining(pack, bundle, run, OPTIONS, replace(RECIPE, steps=3), lambda line: None)
    with pytest.raises(RequestError, match="another recipe"):
        other.expert()


def test_the_comparison_lists_every_routing_with_what_it_found(run, pack, bundle, capsys):
    training = ObjectsTraining(pack, bundle, run, OPTIONS, RECIPE, lambda line: None)
    path = training.ablation((0, 1), 2)
    rows = json.loads(path.read_text())
    assert {(row["variant"], row["seed"]) for row in rows} == {(v, s) for v in ROUTINGS for s in (0, 1)}
    macs = {row["variant"]: row["macs"] for row in rows}
    assert max(macs.values()) < 1.06 * min(macs.values())
    for row in rows:
        for split in ("val", "test"):
            found = json.loads((path.parent / row["predictions"].format(split=split)).read_text())
            assert len(found) == 4 and all({"box", "label", "score"} <= set(one) for one in found.values())
    assert main(["objects", str(path.parent), "--data", str(pack)]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ROUTINGS)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--tile", "100"], "--tile is 100"),
        (["--steps", "0"], "--steps"),
        (["--arm-steps", "0", "--ablation"], "--arm-steps"),
        (["--seeds", "1", "1", "--ablation"], "--seeds"),
        (["--epochs", "0"], "--epochs is 0"),
    ],
)
def test_numbers_out_of_range_are_refused(words, told, pack, capsys):
    assert main(["train", "objects", "--data", str(pack), *words]) != 0
    assert told in capsys.readouterr().err


def test_a_pack_without_objects_is_refused(bundle, tmp_path, capsys):
    words = [
        "train",
        "objects",
        "--data",
        str(tmp_path),
        "--bundle",
        str(bundle),
        "--run",
        str(tmp_path / "r"),
    ]
    assert main(words) != 0
    assert "catalog.csv" in capsys.readouterr().err
