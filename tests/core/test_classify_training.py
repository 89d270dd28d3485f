"""Training the classifiers on a made-up pack: what the losses hold, resuming, the command."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from model_core.cli import main
from model_core.errors import RequestError
from model_core.training.classify.data import load_eurosat
from model_core.training.classify.partition import gate_targets
from model_core.training.classify.spec import ClassifierSpec
from model_core.training.classify.train import train_classifier
from model_core.training.classify.trainees import Branched, Mixture, sparsity
from model_core.training.framework import loop
from model_core.training.framework.options import Options

from .tiny_eurosat import CLASSES, write_zip

GROUPS = ((0, 3), (1, 5), (2, 4))
SMALL = Options(epochs=4, batch_size=12, patience=4, num_experts=3, seed=5)
SPECS = {
    "plain": ClassifierSpec("plain", 4),
    "moe": ClassifierSpec("moe", 4, 3),
    "hydranets": ClassifierSpec("hydranets", 4, 3, k=1, branch_width=8, branch_depth=2),
}


def quiet(_message: str) -> None: ...


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return write_zip(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def data(pack):
    return load_eurosat(pack)


def trained(kind, data, run, options=SMALL):
    groups = GROUPS if kind == "hydranets" else None
    return train_classifier(SPECS[kind], data, options, run, quiet, groups=groups)


@pytest.mark.parametrize("kind", SPECS)
def test_a_stopped_training_goes_on_to_the_same_weights(kind, data, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole, summary = trained(kind, data, tmp_path / "whole")

    class Stopped(Exception): ...

    def stop(message: str) -> None:
        if "epoch 2/" in message:
            raise Stopped

    groups = GROUPS if kind == "hydranets" else None
    with pytest.raises(Stopped):
        # The third epoch is computed, and lost: the log speaks before the checkpoint is written.
        train_classifier(SPECS[kind], data, SMALL, tmp_path / "parts", stop, groups=groups)
    resumed, again = trained(kind, data, tmp_path / "parts")
    assert {**again, "seconds": 0} == {**summary, "seconds": 0}
    assert all(torch.equal(a, resumed.state_dict()[n]) for n, a in whole.state_dict().items())
    # A finished one is read, temperature of the gate included.
    read, _ = trained(kind, data, tmp_path / "whole")
    assert all(torch.equal(a, read.state_dict()[n]) for n, a in whole.state_dict().items())
    if kind != "plain":
        assert read.gate.temperature == whole.gate.temperature != 1.0
    with pytest.raises(RequestError, match="another recipe"):
        trained(kind, data, tmp_path / "whole", replace(SMALL, lr=2e-3))


def test_it_learns(data, tmp_path):
    options = replace(SMALL, epochs=14, patience=14, lr=5e-3)
    _, summary = trained("plain", data, tmp_path, options)
    assert summary["best"]["accuracy"] > 0.6  # one in six by chance


def test_losses_of_the_gate_appear_with_their_weight_only(data):
    images = torch.zeros(4, 3, 64, 64)
    batch = (images, torch.arange(4), torch.arange(4))
    for diversity, balance in ((0.1, 0.5), (0.0, 0.5), (0.1, 0.0), (0.0, 0.0)):
        options = replace(SMALL, diversity_weight=diversity, balance_weight=balance)
        trainee = Mixture(SPECS["moe"], data, options)
        trainee.module.train()
        trainee.begin(0)
        parts = trainee.losses(batch)
        assert ("diversity" in parts, "balance" in parts) == (diversity > 0, balance > 0)
        if diversity:  # even gates at the beginning, but for their noise
            assert float(parts["diversity"].detach()) == pytest.approx(0.1 * 2 / 3, rel=0.05)


def test_the_gate_of_branches_is_told_the_group(data):
    truth = np.eye(len(CLASSES), dtype=np.float32)[data.train.labels]
    options = replace(SMALL, diversity_weight=0.0, balance_weight=0.0, noise=0.0)
    trainee = Branched(SPECS["hydranets"], data, options, gate_targets(truth, GROUPS))
    trainee.module.train()
    trainee.begin(0)
    batch = next(iter(trainee.batches(0)))
    parts = trainee.losses(batch)
    assert set(parts) == {"classes", "gate"}
    assert float(parts["gate"].detach()) == pytest.approx(0.5 * np.log(3), rel=0.02)
    # A gate that says what it should costs nothing.
    trainee.module.gate.forward = lambda _features: trainee.targets[batch[2]]
    assert float(trainee.losses(batch)["gate"]) == pytest.approx(0, abs=1e-5)


def test_branches_go_from_soft_to_sparse():
    assert sparsity(0, 20) == 0
    assert 0 < sparsity(5, 20) < 1
    assert sparsity(10, 20) == sparsity(19, 20) == 1
    assert sparsity(0, 1) == 0


def test_train_classifier_trains_each_kind(pack, tmp_path, capsys):
    common = ["train", "classifier", "--data", str(pack), "--threads", "1", "--width", "4"]
    common += ["--epochs", "1", "--batch-size", "12"]
    plain = tmp_path / "plain"
    assert main([*common, "--kind", "plain", "--run", str(plain)]) == 0
    assert main([*common, "--kind", "moe", "--run", str(tmp_path / "moe"), "--k", "2"]) == 0
    hydra = [*common, "--kind", "hydranets", "--run", str(tmp_path / "hydra"), "--branches", "3"]
    assert main([*hydra, "--teacher", str(plain)]) == 0
    shown = capsys.readouterr().out
    assert "plain, width 4" in shown
    assert "HydraNets, stem 4, 1 of 3 branches" in shown
    for name in ("config.json", "weights/best.safetensors", "results/test.json", "analysis/curves.png"):
        assert (tmp_path / "hydra" / name).is_file()
    assert (tmp_path / "hydra" / "analysis" / "experts" / "expert_accuracy.csv").is_file()
    groups = json.loads((tmp_path / "hydra" / "results" / "groups.json").read_text())
    assert sorted(name for group in groups for name in group) == list(CLASSES)
    config = json.loads((tmp_path / "moe" / "config.json").read_text())
    assert config["options"] == {
        **Options(model_name="classifier").as_dict(), "epochs": 1, "batch_size": 12,
    }  # fmt: skip
    # What cannot be a teacher is refused before anything is trained.
    for run, told in ((tmp_path / "moe", "is a run of kind moe"), (tmp_path / "no", "cannot be read")):
        assert main([*hydra[:-2], "--run", str(tmp_path / "new"), "--teacher", str(run)]) == 2
        assert told in capsys.readouterr().err
    assert main(hydra) == 2
    assert "HydraNets need a plain classifier" in capsys.readouterr().err
    weights = plain / "weights" / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    assert main([*hydra, "--teacher", str(plain)]) == 2
    assert "cannot be read" in capsys.readouterr().err
