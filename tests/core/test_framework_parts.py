"""Options, schedules, losses of gates, run folders, checkpoints: what the epoch loop is put together from."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from model_core.errors import RequestError
from model_core.training.framework.checkpoint import (
    INDEX,
    Checkpoint,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from model_core.training.framework.losses import balance_loss, diversity_loss
from model_core.training.framework.options import Options, add_arguments, from_arguments
from model_core.training.framework.run_folder import logged, new_run, remember
from model_core.training.framework.schedules import cosine_rate, gate_temperature
from model_core.training.framework.stopping import EarlyStopping


def parsed(*words: str, defaults: Options | None = None) -> Options:
    parser = argparse.ArgumentParser()
    add_arguments(parser, defaults or Options())
    return from_arguments(parser.parse_args(words), defaults or Options())


def test_the_defaults_are_those_of_the_framework():
    assert parsed() == Options()
    found = Options().as_dict()
    assert (found["seed"], found["epochs"], found["batch_size"], found["patience"]) == (100, 200, 32, 50)
    assert (found["lr"], found["weight_decay"], found["num_experts"]) == (1e-3, 1e-4, 4)
    assert (found["diversity_weight"], found["balance_weight"]) == (0.1, 0.5)
    assert (found["temperature_start"], found["temperature_end"], found["noise"]) == (2.0, 0.5, 0.1)


def test_every_number_can_be_set_on_the_command_line():
    words = {
        "seed": 3, "epochs": 4, "batch_size": 5, "lr": 0.5, "weight_decay": 0.25, "num_experts": 6,
        "patience": 7, "model_name": "moe", "diversity_weight": 0.0, "balance_weight": 0.0,
        "temperature_start": 3.0, "temperature_end": 1.0, "noise": 0.0,
    }  # fmt: skip
    assert set(words) == {field.name for field in fields(Options)}
    line = [part for name, value in words.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    assert parsed(*line) == Options(**words)


def test_what_is_not_given_stays_what_the_trainer_says():
    assert parsed("--epochs", "2", defaults=Options(lr=0.5, epochs=9)) == Options(lr=0.5, epochs=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--epochs", "0"), "--epochs is 0; give 1 or more"),
        (("--batch-size", "-1"), "--batch-size is -1"),
        (("--lr", "0"), "--lr is 0.0; give a number above 0"),
        (("--lr", "nan"), "--lr is nan"),
        (("--temperature-end", "inf"), "--temperature-end is inf"),
        (("--balance-weight", "-0.5"), "--balance-weight is -0.5; give 0 or more"),
        (("--noise", "nan"), "--noise is nan"),
        (("--seed", "-1"), "--seed is -1; give 0 to"),
        (("--num-experts", "0"), "--num-experts is 0"),
    ],
)
def test_numbers_out_of_range_are_refused(words, said):
    with pytest.raises(RequestError, match=said):
        parsed(*words)


def test_the_temperature_is_a_cosine_from_two_to_a_half():
    assert gate_temperature(0, 200) == 2.0
    assert gate_temperature(100, 200) == pytest.approx(1.25)
    assert gate_temperature(50, 200) == pytest.approx(0.5 + 0.75 * (1 + math.cos(math.pi / 4)))
    assert gate_temperature(200, 200) == gate_temperature(300, 200) == 0.5
    assert gate_temperature(0, 1) == 2.0
    falling = [gate_temperature(epoch, 200) for epoch in range(201)]
    assert all(a > b for a, b in zip(falling, falling[1:], strict=False))


def test_the_learning_rate_rises_in_a_line_and_falls_in_a_cosine():
    rates = [cosine_rate(step, 110, 2.0, warmup=10) for step in range(111)]
    assert rates[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
    assert rates[10] == 2.0
    assert rates[60] == pytest.approx(2.0 * (0.01 + 0.99 / 2))
    assert rates[110] == pytest.approx(0.02)
    assert cosine_rate(0, 10, 2.0) == 2.0
    assert cosine_rate(500, 10, 2.0) == pytest.approx(0.02)  # never up again


gates_of = st.integers(0, 10**6).flatmap(
    lambda seed: st.tuples(st.just(seed), st.integers(1, 20), st.integers(1, 6))
)


def random_gates(seed: int, samples: int, experts: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.softmax(2 * torch.randn(samples, experts, generator=generator, dtype=torch.float64), 1)


@settings(max_examples=40, deadline=None)
@given(gates_of)
def test_the_losses_of_a_gate_are_what_their_formulas_say(case):
    gates = random_gates(*case)
    count = gates.shape[1]
    pairs = sum(
        (gates[:, j] * gates[:, k]).mean() for j in range(count) for k in range(count) if j != k
    )  # mean over the samples of the sum over j and k != j
    assert float(diversity_loss(gates)) == pytest.approx(float(pairs), abs=1e-12)
    assert -1e-12 <= float(diversity_loss(gates)) <= 1 - 1 / count + 1e-12
    load = sum((1 / count - gates[:, j].mean()) ** 2 for j in range(count))
    assert float(balance_loss(gates)) == pytest.approx(float(load), abs=1e-12)


def test_the_losses_of_a_gate_at_their_ends():
    even, own, one = torch.full((8, 4), 0.25), torch.eye(4).repeat(2, 1), torch.eye(4)[[0] * 8]
    assert float(diversity_loss(even)) == pytest.approx(0.75)  # 1 - 1 / E
    assert float(diversity_loss(own)) == float(diversity_loss(one)) == 0.0
    assert float(balance_loss(even)) == float(balance_loss(own)) == 0.0
    assert float(balance_loss(one)) == pytest.approx(0.75**2 + 3 * 0.25**2)


@settings(max_examples=20, deadline=None)
@given(gates_of)
def test_the_gradients_of_the_losses_are_those_of_their_formulas(case):
    gates = random_gates(*case).requires_grad_()
    samples, count = gates.shape
    (found,) = torch.autograd.grad(diversity_loss(gates), gates)
    torch.testing.assert_close(found, 2 * (gates.sum(1, keepdim=True) - gates).detach() / samples)
    (found,) = torch.autograd.grad(balance_loss(gates), gates)
    expected = -2 * (1 / count - gates.detach().mean(0)) / samples
    torch.testing.assert_close(found, expected.expand(samples, count))
    assert torch.autograd.gradcheck(diversity_loss, gates) and torch.autograd.gradcheck(balance_loss, gates)


def test_each_loss_moves_a_gate_where_it_should():
    """Down the diversity loss gates get decided; down the balance loss the load gets even."""
    torch.manual_seed(0)
    start = torch.randn(16, 4)

    def descended(loss) -> torch.Tensor:
        logits = start.clone().requires_grad_()
        for _ in range(300):
            (gradient,) = torch.autograd.grad(loss(torch.softmax(logits, 1)), logits)
            logits = (logits - 10 * gradient).detach().requires_grad_()
        return torch.softmax(logits, 1).detach()

    before = torch.softmax(start, 1)
    assert descended(diversity_loss).max(1).values.mean() > 0.95 > before.max(1).values.mean()
    load = descended(balance_loss).mean(0)
    assert (load - 0.25).abs().max() < 0.005 < (before.mean(0) - 0.25).abs().max()


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.integers(1, 6), st.integers(0, 29))
def test_stopping_waits_for_the_first_best_and_survives_a_restart(figures, patience, restart):
    stopping, seen = EarlyStopping(patience), []
    for epoch, figure in enumerate(figures, 1):
        if stopping.done:
            break
        if epoch == restart:
            state, stopping = json.loads(json.dumps(stopping.state())), EarlyStopping(patience)
            stopping.restore(state)
        assert stopping.better(epoch, figure) == (not seen or figure > max(seen))
        seen.append(figure)
    assert stopping.best == max(seen)
    assert stopping.best_epoch == 1 + seen.index(max(seen))
    assert stopping.done == (len(seen) - stopping.best_epoch >= patience)


def test_a_new_run_has_its_parts_and_a_name_of_its_own(tmp_path):
    runs = [new_run(tmp_path / "runs") for _ in range(3)]
    assert len(set(runs)) == 3
    for run in runs:
        assert {path.name for path in run.iterdir()} == {"weights", "results", "analysis"}
        assert run.name[:15].replace("_", "").isdigit() and run.name[8] == "_"


def test_a_place_that_takes_no_run_is_said(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RequestError, match="choose another folder with --runs"):
        new_run(tmp_path / "file")


def test_a_run_remembers_its_numbers_and_names_the_one_that_differs(tmp_path):
    config = {"options": {"lr": 0.1, "phases": (1, 2)}, "data": "pack"}
    remember(tmp_path, config)
    written = (tmp_path / "config.json").read_bytes()
    remember(tmp_path, {"data": "pack", "options": {"phases": [1, 2], "lr": 0.1}})  # the same, said otherwise
    assert (tmp_path / "config.json").read_bytes() == written
    for other, said in (
        ({**config, "options": {"lr": 0.2, "phases": (1, 2)}}, "options.lr is 0.1 there, 0.2 here"),
        ({**config, "seed": 1}, "seed is only in this one"),
        ({"options": config["options"]}, "data is only in that one"),
        ({**config, "options": None}, "options is {'lr': 0.1, 'phases': .*} there, None here"),
    ):
        with pytest.raises(RequestError, match=said):
            remember(tmp_path, other)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(RequestError, match="another recipe"):
        remember(tmp_path, config)


def test_lines_go_to_the_user_and_into_the_log(tmp_path):
    heard = []
    for word in ("begun", "resumed"):
        with logged(tmp_path / "run", heard.append) as log:
            log(word)
    assert [line.split()[-1] for line in heard] == ["begun", "resumed"]
    assert (tmp_path / "run" / "train.log").read_text(encoding="utf-8").splitlines() == heard


def tiny() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    return module, torch.optim.AdamW(module.parameters(), lr=0.1)


def steps(module: nn.Module, optimizer: torch.optim.Optimizer, numbers: range) -> None:
    for number in numbers:
        x = torch.randn(6, 3, generator=torch.Generator().manual_seed(number))
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()


def save(folder, step, module, optimizer) -> None:
    tensors = module_tensors("module", module) | optimizer_tensors("optimizer", optimizer)
    Checkpoint(folder).save(step, tensors, {"best": 0.5})


def test_a_checkpoint_brings_back_module_and_moments(tmp_path):
    whole, whole_optimizer = tiny()
    steps(whole, whole_optimizer, range(6))
    module, optimizer = tiny()
    steps(module, optimizer, range(4))
    save(tmp_path, 4, module, optimizer)
    module, optimizer = tiny()
    step, tensors, state = Checkpoint(tmp_path).load("best")
    assert (step, state) == (4, {"best": 0.5})
    restore_module("module", module, tensors)
    restore_optimizer("optimizer", optimizer, tensors)
    steps(module, optimizer, range(4, 6))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, module.state_dict()[name]), name


def test_a_folder_holds_one_checkpoint_and_nothing_of_a_killed_one(tmp_path):
    module, optimizer = tiny()
    (tmp_path / "step-000003.safetensors.part").write_bytes(b"half")
    (tmp_path / "best.safetensors").write_bytes(b"of somebody else")
    for step in (1, 2):
        save(tmp_path, step, module, optimizer)
    names = ["best.safetensors", INDEX, "step-000002.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    Checkpoint(tmp_path).remove()
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]
    assert Checkpoint(tmp_path).load("best") == (0, {}, {})
    Checkpoint(tmp_path / "never").remove()


@pytest.mark.parametrize("how", ["no tensors", "half the tensors", "half the index", "no state", "a list"])
def test_a_checkpoint_that_cannot_be_continued_from_is_said_in_a_sentence(tmp_path, how):
    save(tmp_path, 1, *tiny())
    index, tensors = tmp_path / INDEX, tmp_path / "step-000001.safetensors"
    if how == "no tensors":
        tensors.unlink()
    elif how == "half the tensors":
        tensors.write_bytes(tensors.read_bytes()[:300])
    elif how == "half the index":
        index.write_text(index.read_text(encoding="utf-8")[:10], encoding="utf-8")
    elif how == "no state":  # as an older version wrote them
        index.write_text(json.dumps({"step": 1, "file": tensors.name}), encoding="utf-8")
    else:
        index.write_text("[]", encoding="utf-8")
    with pytest.raises(
        RequestError, match="no checkpoint that this version can continue from .* new run folder"
    ):
        Checkpoint(tmp_path).load("best")


def test_a_checkpoint_of_another_network_is_refused():
    module, _ = tiny()
    tensors = module_tensors("module", module)
    with pytest.raises(RequestError, match="1 tensors differ, such as 'bias'"):
        restore_module("module", nn.Linear(3, 4), {"module.weight": torch.zeros(4, 3)})
    with pytest.raises(RequestError, match="another network"):
        restore_module("average", module, tensors)


def test_options_and_schedules_need_no_torch():
    """The command line must answer --help at once."""
    code = (
        "import sys; import model_core.training.framework.options, model_core.training.framework.schedules, "
        "model_core.training.framework.run_folder; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
