"""Plain against branched land cover: targets of the gate, training side by side, the verdict, the card."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from model_core.bundle import WEIGHTS_FILE, file_digest, read_info
from model_core.cli import main
from model_core.errors import RequestError
from model_core.evaluation.card_branches import branches_section
from model_core.networks.encoder import Features
from model_core.networks.hydranet import NetworkConfig
from model_core.tasks import TASKS, UNKNOWN, VEGETATION
from model_core.training.branched import compare, train
from model_core.training.branched.arms import ARMS, Plan, chosen_arms
from model_core.training.branched.compare import MAC_SLACK, verdict
from model_core.training.branched.frozen import Frozen, load_frozen
from model_core.training.branched.groups import (
    class_features,
    class_shares,
    group_shares,
    random_groups,
)
from model_core.training.branched.train import arm_folder, train_arms, weights_of
from model_core.training.export import export_bundle
from model_core.training.joint import new_network
from model_core.training.recipe import Recipe

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
PLAN = Plan(steps=5, batch=2, size=64, warmup=1)
GROUPS = ((0,), (1, 2), (3, 4))


def quiet(_message: str) -> None: ...


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    calibration = {
        task.name: SimpleNamespace(
            temperature=1.0, bias=0.0, threshold=0.5, positives=9, negatives=9, split="cal"
        )
        for task in TASKS
    }
    folder, recipe = tmp_path_factory.mktemp("bundle"), Recipe(network=SMALL)
    export_bundle(folder, new_network(recipe), calibration, recipe, [], {"how": "for a test"})
    return folder


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(train, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(train, "LOG_EVERY", 1)
    monkeypatch.setattr(train, "GROUPING_BATCHES", 2)


@given(st.integers(0, 1000))
def test_a_gates_target_are_shares(seed):
    random = np.random.default_rng(seed)
    label = random.choice([0, 1, 2, 3, 4, VEGETATION, UNKNOWN], (3, 16, 16)).astype(np.uint8)
    valid = random.random((3, 16, 16)) < 0.7
    teacher = torch.from_numpy(random.normal(size=(3, 5, 16, 16)).astype(np.float32))
    shares = class_shares(torch.from_numpy(label), torch.from_numpy(valid), teacher)
    assert (shares >= 0).all()
    torch.testing.assert_close(shares.sum(1), torch.ones(3))
    torch.testing.assert_close(group_shares(shares, GROUPS).sum(1), torch.ones(3))


def test_labels_come_first_and_the_teacher_fills_what_they_leave_open():
    logits = torch.zeros(1, 5, 8, 8)
    logits[:, 4] = 50.0  # built-up, it says
    logits[:, 2] = 20.0  # and if it is green, low
    valid = torch.ones(1, 8, 8, dtype=torch.bool)

    def shares(value: int, **kept) -> list[float]:
        label = torch.full((1, 8, 8), value, dtype=torch.uint8)
        return class_shares(label, kept.get("valid", valid), logits)[0].tolist()

    assert shares(3) == pytest.approx([0, 0, 0, 1, 0])
    assert shares(UNKNOWN) == pytest.approx([0, 0, 0, 0, 1])
    assert shares(VEGETATION) == pytest.approx([0, 0, 1, 0, 0], abs=1e-5)
    assert shares(3, valid=torch.zeros_like(valid)) == pytest.approx([0.2] * 5)
    label = torch.zeros(1, 8, 8, dtype=torch.uint8)
    label[:, 4:] = 3
    half = valid.clone()
    half[:, :4] = False  # the water lies under no data
    assert class_shares(label, half, logits)[0].tolist() == pytest.approx([0, 0, 0, 1, 0])


def test_features_of_a_class_are_means_over_its_pixels():
    class Teacher(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.refine = torch.nn.Identity()

        def forward(self, features):
            return self.refine(features.levels[0])

    values = torch.arange(8.0).reshape(1, 2, 2, 2)
    label = torch.tensor([[0, 0, 1, 1]] * 2 + [[1, 1, 6, 6]] * 2, dtype=torch.uint8)[None]
    teacher = Teacher()
    means = class_features(teacher, [(Features((values,), torch.ones(1, 1, 1, 1)), label)], 3)
    assert means.tolist() == [[0.0, 4.0], [1.5, 5.5], [0.0, 0.0]]
    assert not teacher.refine._forward_hooks  # nothing is left behind


def test_groups_by_lot_are_other_groups():
    for branches in (2, 3, 4):
        first = random_groups(5, branches, ())
        other = random_groups(5, branches, first)
        assert set(other) != set(first)
        assert sorted(value for group in other for value in group) == list(range(5))
        assert max(map(len, other)) - min(map(len, other)) <= 1


def test_the_training_goes_from_soft_to_sparse():
    plan = Plan(steps=100)
    values = [plan.sparsity(step) for step in range(100)]
    assert values == sorted(values)
    assert (values[0], values[39], values[-1]) == (0.0, 0.0, 1.0)
    assert values[50] == pytest.approx(0.5)


def test_a_stopped_training_ends_as_one_that_was_not(pack, bundle, tmp_path, often):
    """And an arm is the same beside others and alone."""
    frozen, arms = load_frozen(bundle), chosen_arms(["plain", "one-branch", "two-branches"])
    before, file = frozen.digest(), file_digest(bundle / WEIGHTS_FILE)
    train_arms(pack, tmp_path / "whole", frozen, arms, [7], PLAN, quiet)

    def stop(message: str) -> None:
        if "step 3/5" in message:
            raise KeyboardInterrupt

    said = []
    with pytest.raises(KeyboardInterrupt):
        train_arms(pack, tmp_path / "stopped", frozen, arms[:2], [7], PLAN, stop)
    train_arms(pack, tmp_path / "stopped", frozen, arms[:2], [7], PLAN, said.append)
    assert any("resumed at step 2 of 5" in line for line in said)
    train_arms(pack, tmp_path / "stopped", frozen, arms, [7], PLAN, quiet)
    for arm in arms:
        whole, parts = (
            load_file(weights_of(arm_folder(tmp_path / run, arm, 7))) for run in ("whole", "stopped")
        )
        assert whole.keys() == parts.keys()
        for name, value in whole.items():
            assert torch.equal(value, parts[name]), (arm.name, name)
    assert frozen.digest() == before
    assert file_digest(bundle / WEIGHTS_FILE) == file
    history = (arm_folder(tmp_path / "stopped", arms[1], 7) / "results" / "history.csv").read_text()
    assert [line.split(",")[0] for line in history.splitlines()] == ["step", "1", "2", "3", "4", "5"]
    assert {"loss/map", "loss/gate", "loss/diversity", "loss/balance"} <= set(
        history.split("\n")[0].split(",")
    )
    with pytest.raises(RequestError, match="another recipe"):
        train_arms(pack, tmp_path / "whole", frozen, arms, [7], replace(PLAN, steps=6), quiet)


def row(name: str, values: list[float], macs: int = 1000, grouping: str | None = "features") -> dict:
    by_seed = {str(seed): value for seed, value in enumerate(values)}
    val = {"value": sum(values) / len(values), "by_seed": by_seed}
    return {"name": name, "k": int(name != "plain"), "macs": macs, "grouping": grouping, "val": val}


def test_branches_win_only_by_more_than_chance_at_no_more_cost():
    plain = row("plain", [0.50, 0.52])
    assert verdict([plain, row("b", [0.55, 0.56])])["winner"] == "b"
    assert verdict([plain, row("b", [0.52, 0.53])])["winner"] == "plain"  # 0.015 < 0.02
    assert verdict([plain, row("b", [0.50, 0.60])])["winner"] == "plain"  # its own seeds lie too far apart
    assert verdict([plain, row("b", [0.40, 0.41])])["winner"] == "plain"
    dear = row("b", [0.60, 0.61], macs=int(1000 * MAC_SLACK) + 1)
    assert verdict([plain, dear])["winner"] == "plain"
    lot = row("b", [0.60, 0.61], grouping="random")
    assert verdict([plain, lot])["winner"] == "plain"
    one = verdict([row("plain", [0.5]), row("b", [0.9])])
    assert one["winner"] == "plain"
    assert "One seed" in one["text"]
    assert "was not trained" in verdict([row("b", [0.9, 0.9])])["text"]
    both = verdict([plain, row("b", [0.55, 0.56]), row("c", [0.57, 0.58])])
    assert (both["winner"], both["best"]) == ("c", "c")
    assert both["gain"] == pytest.approx(0.065)
    assert both["spread"] == pytest.approx(0.02)


def test_one_command_trains_and_the_other_measures_and_tells(
    pack, bundle, tmp_path, often, capsys, monkeypatch
):
    monkeypatch.setattr(compare, "TIMED_TILES", 1)
    options = ["--data", str(pack), "--run", str(tmp_path / "run"), "--bundle", str(bundle)]
    options += ["--steps", "2", "--batch-size", "2", "--seeds", "1,2", "--arms", "plain,one-branch"]
    weights = (bundle / WEIGHTS_FILE).read_bytes()
    assert main(["train", "branched", *options]) == 0
    command = ["branches", *options]
    monkeypatch.setattr(train, "ArmInTraining", None)  # nothing is trained again
    assert main([*command, "--card"]) == 0
    out = capsys.readouterr().out
    found = json.loads((tmp_path / "run" / "results" / "branches.json").read_text())
    assert found["verdict"]["text"] in out
    assert [r["name"] for r in found["rows"]] == ["plain", "one-branch"]
    plain, branched = found["rows"]
    assert branched["macs"] == plain["macs"] + 16 * 3
    assert [r["k"] for r in found["sweep"]] == [1, 2, 3]
    assert found["sweep"][0]["val"] == branched["val"]
    for split in ("val", "test"):
        entry = branched[split]
        assert entry["value"] == pytest.approx(sum(entry["by_seed"].values()) / 2, abs=1e-5)
        gain = entry["value"] - plain[split]["value"]
        assert branched["versus_plain"][split]["value"] == pytest.approx(gain, abs=1e-5)
        gate = branched["gate"][split]
        assert sum(gate["utilisation"]) == pytest.approx(1.0, abs=1e-4)  # one branch a tile
        assert sum(gate["mean_gate"]) == pytest.approx(1.0, abs=1e-4)
    assert sorted(name for group in found["groups"]["features"] for name in group) == sorted(
        spec.name for spec in next(t.expert for t in TASKS if t.name == "landcover").classes
    )
    info = read_info(bundle)
    assert info.data["training"]["branched_landcover"] == found
    assert (bundle / WEIGHTS_FILE).read_bytes() == weights
    text = "\n".join(branches_section(info, {}))
    assert found["verdict"]["text"] in text
    assert "one-branch" in text
    assert max(map(len, text.split("\n"))) < 400

    # The card changed the bundle's description, which makes it no other comparison.
    assert main(command) == 0
    again = json.loads((tmp_path / "run" / "results" / "branches.json").read_text())
    for old, new in zip(found["rows"], again["rows"], strict=True):
        assert (old["val"], old["test"], old["macs"]) == (new["val"], new["test"], new["macs"])
    capsys.readouterr()
    assert main([*command, "--branches", "2"]) == 2
    assert "another recipe" in capsys.readouterr().err


def test_the_card_says_nothing_of_what_was_not_measured():
    info = SimpleNamespace(data={"training": {}})
    assert branches_section(info, {}) == []


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--arms", "magic"], "no arm 'magic'; choose among plain, one-branch"),
        (["--arms", ","], "choose among plain"),
        (["--seeds", "one"], "--seeds is 'one'"),
        (["--seeds", "-3"], "--seeds is '-3'"),
        (["--steps", "0"], "--steps is 0"),
        (["--batch-size", "0"], "--batch-size is 0"),
        (["--branches", "6"], "--branches is 6; give 2 to 5"),
        (["--threads", "-1"], "--threads is -1"),
        (["--data", "nowhere"], "No catalog.csv"),
    ],
)
def test_bad_arguments_are_told_in_a_sentence(pack, bundle, tmp_path, capsys, extra, said):
    for start in (["branches"], ["train", "branched"]):
        command = [*start, "--data", str(pack), "--bundle", str(bundle), "--run", str(tmp_path / "run")]
        assert main([*command, *extra]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert "Traceback" not in err


def test_a_bundle_without_land_cover_is_named(tmp_path, monkeypatch):
    other = SimpleNamespace(experts=[SimpleNamespace(name="water")])
    monkeypatch.setattr("model_core.training.branched.frozen.read_info", lambda _folder: other)
    with pytest.raises(RequestError, match="no expert 'landcover' but water"):
        load_frozen(tmp_path)


def test_the_arms_are_in_one_order():
    assert [arm.name for arm in chosen_arms(["two-branches", "plain"])] == ["plain", "two-branches"]
    assert list(ARMS)[0] == "plain"


def test_a_teacher_of_several_heads_says_their_mean_probability():
    logits = torch.randn(2, 3 * 5, 4, 4, generator=torch.Generator().manual_seed(1)) * 4
    for heads in (3, 1):
        said = logits[:, : heads * 5]
        frozen = Frozen(SMALL, 5, None, lambda _features, said=said: said, 256, "")
        mean = torch.softmax(said.unflatten(1, (heads, 5)), 2).mean(1)
        torch.testing.assert_close(torch.softmax(frozen.teach(None), 1), mean)
