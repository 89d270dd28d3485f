"""The epoch loop: repeatable, stopped and continued without a trace, and chosen by validation alone."""

from __future__ import annotations

import csv
import doctest
import json
import math
import os
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from model_core.errors import RequestError
from model_core.networks.gate import Gate
from model_core.training import framework
from model_core.training.framework import loop
from model_core.training.framework.history import History
from model_core.training.framework.loop import fit
from model_core.training.framework.losses import balance_loss, diversity_loss
from model_core.training.framework.options import Options
from model_core.training.framework.schedules import gate_temperature

OPTIONS = Options(seed=7, epochs=5, batch_size=8, lr=0.01, num_experts=3, patience=9, model_name="tiny")
SAMPLES = 40


class Tiny(nn.Module):
    """Everything that could make a resumed training differ: batch statistics, dropout, noise, strides."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.2))
        self.gate = Gate(6, options.num_experts, options.noise)
        self.experts = nn.ModuleList(nn.Linear(6, 2) for _ in range(options.num_experts))
        self.unused = nn.Parameter(torch.ones(2))  # given to the optimiser, never reached by a gradient
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        pooled = self.features(x).mean((2, 3))
        gates = self.gate(pooled)
        return (gates[..., None] * torch.stack([e(pooled) for e in self.experts], 1)).sum(1), gates


class Trainee:
    """Tells apart images by the sign of their mean."""

    def __init__(self, options: Options = OPTIONS, figures: list[float] | None = None) -> None:
        torch.manual_seed(options.seed)
        self.options, self.figures = options, figures
        self.module = Tiny(options)
        random = torch.Generator().manual_seed(1)
        self.x = torch.randn(SAMPLES, 2, 6, 6, generator=random)
        self.y = (self.x.mean((1, 2, 3)) > 0).long()
        self.begun: list[int] = []
        self.watched: list[int] = []
        self.kept: dict[int, dict] = {}
        self.stepped = 0

    def parameters(self):
        return [p for name, p in self.module.named_parameters() if not name.startswith("experts.0")]

    def steps(self):
        return SAMPLES // self.options.batch_size

    def batches(self, epoch):
        order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(epoch))
        return order.split(self.options.batch_size)

    def begin(self, epoch):
        assert self.module.training
        self.begun.append(epoch)
        self.module.gate.temperature = gate_temperature(epoch, self.options.epochs)

    def losses(self, batch):
        self.stepped += 1
        logits, gates = self.module(self.x[batch])
        return {
            "classes": nn.functional.cross_entropy(logits, self.y[batch]),
            "diversity": 0.1 * diversity_loss(gates),
            "balance": 0.5 * balance_loss(gates),
        }

    @torch.no_grad()
    def validate(self):
        assert not self.module.training
        epoch = self.begun[-1] + 1
        self.kept[epoch] = {k: v.clone() for k, v in self.module.state_dict().items()}
        if self.figures is not None:
            return {"figure": self.figures[epoch - 1]}
        logits, _ = self.module(self.x)
        return {"score": -float(nn.functional.cross_entropy(logits, self.y)), "nothing": float("nan")}

    def watch(self):
        assert not self.module.training
        self.watched.append(self.begun[-1] + 1)
        return {"train/accuracy": 0.5, "test/accuracy": 0.25}


def quiet(_line: str) -> None: ...


def train(run, options=OPTIONS, log=quiet, **more):
    trainee = Trainee(options, **more)
    return trainee, fit(trainee, options, run, log)


def left(run) -> dict:
    """What a training leaves, but for the time it took."""
    summary = json.loads((run / "results" / "training.json").read_text(encoding="utf-8"))
    del summary["seconds"]
    return {
        "weights": (run / "weights" / "best.safetensors").read_bytes(),
        "history": (run / "results" / "history.csv").read_text(encoding="utf-8"),
        "summary": summary,
        "files": sorted(str(path.relative_to(run)) for path in run.rglob("*")),
    }


def table(run) -> list[dict[str, str]]:
    with (run / "results" / "history.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take longer than these trainings, and are looked at elsewhere."""
    monkeypatch.setattr(History, "figure", lambda _self: None)


@pytest.fixture
def every_epoch(monkeypatch):
    """A checkpoint after each epoch."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)


def test_the_example_of_the_framework_works_as_it_stands(tmp_path):
    found = doctest.testmod(framework, extraglobs={"runs": tmp_path}, optionflags=doctest.FAIL_FAST)
    assert found.attempted > 10 and found.failed == 0
    (run,) = tmp_path.iterdir()
    assert (run / "config.json").is_file()
    assert (run / "weights" / "best.safetensors").is_file()
    assert (run / "results" / "history.csv").is_file()
    assert (run / "analysis" / "expert_accuracy.csv").is_file()


def test_a_training_leaves_its_run_folder_and_its_module_at_the_best(tmp_path):
    pytest.importorskip("matplotlib")
    trainee, summary = train(tmp_path)
    assert left(tmp_path)["files"] == [
        "analysis", "analysis/curves.png", "config.json", "results", "results/history.csv",
        "results/training.json", "weights", "weights/best.safetensors",
    ]  # fmt: skip
    rows = table(tmp_path)
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5]
    scores = [float(row["val/score"]) for row in rows]
    assert summary["best_epoch"] == 1 + scores.index(max(scores)) and scores[-1] > scores[0]
    assert summary["best"] == {"score": pytest.approx(max(scores), rel=1e-4), "nothing": None}
    assert summary["epochs"] == 5 and summary["stopped_early"] is False
    for row in rows:
        parts = [float(row[f"loss/{name}"]) for name in ("classes", "diversity", "balance")]
        assert float(row["loss/total"]) == pytest.approx(sum(parts), rel=1e-4)
    best = trainee.kept[summary["best_epoch"]]
    stored = load_file(tmp_path / "weights" / "best.safetensors")
    for name, value in trainee.module.state_dict().items():
        assert torch.equal(value, best[name]) and torch.equal(value, stored[name])
    assert not trainee.module.training


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path, undrawn):
    for name, seed in (("one", 7), ("same", 7), ("other", 8)):
        train(tmp_path / name, Options(**{**OPTIONS.as_dict(), "seed": seed}))
    assert left(tmp_path / "one") == left(tmp_path / "same")
    assert left(tmp_path / "one")["weights"] != left(tmp_path / "other")["weights"]


def test_what_is_not_trained_stays_as_it_was(tmp_path, undrawn):
    before = Trainee().module.state_dict()
    after = train(tmp_path)[0].module.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {"experts.0.weight", "experts.0.bias", "unused"}


@pytest.mark.parametrize("stop", range(1, OPTIONS.epochs))
def test_a_stopped_training_ends_where_an_uninterrupted_one_does(tmp_path, undrawn, every_epoch, stop):
    def stopping(line: str) -> None:
        if f"epoch {stop + 1}/" in line:  # before the checkpoint of that epoch: its work is lost
            raise KeyboardInterrupt

    train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", log=stopping)
    said = []
    trainee, _ = train(tmp_path / "parts", log=said.append)
    assert said[0] == f"tiny: resumed after epoch {stop} of 5"
    assert trainee.begun[0] == stop
    assert left(tmp_path / "parts") == left(tmp_path / "whole")


class Killed(BaseException):
    """A kill: nothing may catch it."""


def killed_before(last: int, monkeypatch, work) -> bool:
    """Do `work` until it would change the file system for the `last` time; whether it was killed."""
    count = 0

    def counted(real):
        def change(*arguments, **more):
            nonlocal count
            count += 1
            if count > last:
                raise Killed
            return real(*arguments, **more)

        return change

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink", "mkdir"):
            patch.setattr(os, name, counted(getattr(os, name)))
        try:
            work()
        except Killed:
            return True
    return False


def test_a_kill_before_any_change_of_a_file_loses_nothing(tmp_path, undrawn, every_epoch, monkeypatch):
    options = Options(**{**OPTIONS.as_dict(), "epochs": 2, "batch_size": 20})
    train(tmp_path / "whole", options)
    whole, last = left(tmp_path / "whole"), 0
    while True:
        run = tmp_path / f"killed-{last}"
        if not killed_before(last, monkeypatch, lambda run=run: train(run, options)):
            break
        train(run, options)
        assert left(run) == whole, f"killed before change {last + 1}"
        last += 1
    assert last > 10  # folders, configuration, a table and a checkpoint each epoch, weights, summary


def test_a_finished_training_is_only_loaded(tmp_path, undrawn):
    first, summary = train(tmp_path)
    again = Trainee()
    nn.init.zeros_(again.module.experts[1].weight)
    assert fit(again, OPTIONS, tmp_path, quiet) == summary
    assert again.stepped == 0 and not again.module.training
    for name, value in first.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[name])


FIGURES = [0.5, 0.7, 0.6, 0.7, 0.1, 0.2, 0.9, 0.9]


def scripted(patience: int, epochs: int = 8) -> Options:
    return Options(**{**OPTIONS.as_dict(), "patience": patience, "epochs": epochs})


@pytest.mark.parametrize(
    ("patience", "epochs", "best", "early"),
    [
        (1, 3, 2, True),  # 0.6 is no better than 0.7
        (2, 4, 2, True),  # nor is another 0.7: of equals the first is kept
        (4, 6, 2, True),
        (5, 8, 7, False),  # the seventh is better just in time
        (50, 8, 7, False),
    ],
)
def test_it_stops_when_validation_has_not_got_better_for_so_long(
    tmp_path, undrawn, patience, epochs, best, early
):
    trainee, summary = train(tmp_path, scripted(patience), figures=FIGURES)
    assert (summary["epochs"], summary["best_epoch"]) == (epochs, best)
    assert summary["stopped_early"] is early
    assert summary["best"] == {"figure": FIGURES[best - 1]}
    for name, value in trainee.module.state_dict().items():
        assert torch.equal(value, trainee.kept[best][name]), name


def test_patience_that_ends_with_the_last_epoch_is_no_early_stop(tmp_path, undrawn):
    assert train(tmp_path, scripted(2, epochs=4), figures=FIGURES)[1]["stopped_early"] is False


@pytest.mark.parametrize("stop", range(1, 6))
def test_a_resumed_training_remembers_how_long_it_waited(tmp_path, undrawn, every_epoch, stop):
    def stopping(line: str) -> None:
        if f"epoch {stop + 1}/" in line:
            raise KeyboardInterrupt

    _, whole = train(tmp_path / "whole", scripted(4), figures=FIGURES)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", scripted(4), log=stopping, figures=FIGURES)
    train(tmp_path / "parts", scripted(4), figures=FIGURES)
    assert left(tmp_path / "parts") == left(tmp_path / "whole")
    assert whole["epochs"] == 6


def test_curves_are_drawn_every_ten_epochs_and_at_the_end(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(History, "figure", lambda self: drawn.append(max(self.rows)))
    options = Options(**{**OPTIONS.as_dict(), "epochs": 23, "patience": 50})
    trainee, _ = train(tmp_path / "whole", options)
    assert drawn == trainee.watched == [10, 20, 23]
    rows = table(tmp_path / "whole")
    assert [row["step"] for row in rows if row["test/accuracy"]] == ["10", "20", "23"]
    assert len(rows) == 23 and all(row["loss/total"] and row["val/score"] for row in rows)
    drawn.clear()
    trainee, _ = train(tmp_path / "early", scripted(2), figures=FIGURES)
    assert drawn == trainee.watched == [4]


def test_the_gate_gets_back_the_temperature_of_the_best_epoch(tmp_path, undrawn):
    """Weights measured at one temperature are another network at another one."""
    trainee, summary = train(tmp_path, scripted(4), figures=FIGURES)
    assert summary["best_epoch"] == 2 and summary["epochs"] == 6
    assert trainee.module.gate.temperature == gate_temperature(1, 8)
    again, _ = train(tmp_path, scripted(4), figures=FIGURES)
    assert again.module.gate.temperature == gate_temperature(1, 8)


def test_the_rate_rises_for_an_epoch_and_falls_to_a_hundredth(tmp_path, undrawn):
    options = Options(**{**OPTIONS.as_dict(), "epochs": 20})
    train(tmp_path, options)
    rates = [float(row["lr"]) for row in table(tmp_path)]
    assert rates[0] == pytest.approx(options.lr, rel=1e-3)  # of the last step of the epoch
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(options.lr / 100, rel=0.05)


class Spoilt(Trainee):
    """One thing wrong, in the third epoch where there are epochs."""

    def __init__(self, how: str) -> None:
        self.how = how
        super().__init__()

    def parameters(self):
        return [] if self.how == "no parameters" else super().parameters()

    def steps(self):
        return 0 if self.how == "no samples" else super().steps()

    def batches(self, epoch):
        return super().batches(epoch)[: 3 if self.how == "few batches" else None]

    def losses(self, batch):
        found = super().losses(batch)
        if self.begun[-1] == 2 and self.how == "loss":
            found["balance"] = found["balance"] * math.nan
        if self.begun[-1] == 2 and self.how == "gradient":  # of 1 / sqrt at 0 with a finite value
            found["balance"] = found["balance"] + 0 * (self.module.unused - 1).abs().sqrt().sum()
        return found

    def validate(self):
        found = super().validate()
        if self.begun[-1] == 2 and self.how in ("nan", "inf"):
            found["score"] = float(self.how)
        return {} if self.how == "none" else found


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("loss", r"tiny: in epoch 3 \(classes 0\.\d+, .*balance nan\) the loss is nan .*lower learning rate"),
        ("gradient", "tiny: in epoch 3 .* its gradient nan, from which nothing can be learnt"),
        ("nan", "tiny: after epoch 3 the validation figures are score nan, .*no epoch can be told"),
        ("inf", "tiny: after epoch 3 the validation figures are score inf"),
        ("none", "tiny: after epoch 1 the validation figures are none at all"),
        ("no samples", "tiny: 0 batches an epoch for .* give training samples"),
        ("no parameters", "tiny: 5 batches an epoch for 0 parameters"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_said_in_a_sentence(tmp_path, undrawn, every_epoch, how, said):
    with pytest.raises(RequestError, match=said):
        fit(Spoilt(how), OPTIONS, tmp_path, quiet)
    assert not (tmp_path / "results" / "training.json").exists()
    for path in tmp_path.rglob("*.safetensors"):  # nothing spoilt is kept
        assert all(bool(value.isfinite().all()) for value in load_file(path).values())


def test_a_schedule_that_does_not_fit_the_batches_is_an_error(tmp_path, undrawn):
    with pytest.raises(RuntimeError, match=r"Epoch 1 had 3 batches where steps\(\) says 5"):
        fit(Spoilt("few batches"), OPTIONS, tmp_path, quiet)


def test_other_numbers_are_refused_by_their_name(tmp_path, undrawn):
    train(tmp_path)
    other = Options(**{**OPTIONS.as_dict(), "balance_weight": 0.0})
    with pytest.raises(RequestError, match=r"another recipe \(options.balance_weight is 0.5 there, 0.0 here"):
        train(tmp_path, other)
    with pytest.raises(RequestError, match=r"another recipe \(data is only in this one"):
        fit(Trainee(), OPTIONS, tmp_path, quiet, {"data": "EuroSAT"})


@pytest.mark.parametrize("finished", [True, False])
def test_weights_of_another_network_are_refused_in_a_sentence(tmp_path, undrawn, every_epoch, finished):
    def stopping(line: str) -> None:
        if not finished and "epoch 2/" in line:
            raise KeyboardInterrupt

    if finished:
        train(tmp_path)
    else:
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, log=stopping)
    other = Trainee()
    other.module.experts = nn.ModuleList(nn.Linear(6, 3) for _ in range(3))
    with pytest.raises(RequestError, match="6 tensors differ, such as 'experts.0.bias'; train in a new run"):
        fit(other, OPTIONS, tmp_path, quiet)


def test_without_matplotlib_a_training_lacks_nothing_but_its_picture(tmp_path, monkeypatch):
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    train(tmp_path)
    assert not (tmp_path / "analysis" / "curves.png").exists()
    assert len(table(tmp_path)) == 5
