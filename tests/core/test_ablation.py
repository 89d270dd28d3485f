"""Ablation: arms differ in what they say and in nothing else, are run once, and leave the bundle whole."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from model_core.bundle import MODEL_FILE, WEIGHTS_FILE, read_info, write_description
from model_core.cli import main
from model_core.errors import RequestError
from model_core.evaluation import card
from model_core.networks.hydranet import NetworkConfig
from model_core.tasks import TASKS
from model_core.training import ablation, held_out
from model_core.training.ablation import ARMS, as_table, budget, run_ablation, unlicensed
from model_core.training.export import export_bundle
from model_core.training.joint import new_network
from model_core.training.pack import load_pack
from model_core.training.recipe import FULL, Phase, Recipe

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
PLAIN = budget(4, Recipe(network=SMALL, phases=(Phase(64, 2, 100), Phase(96, 2, 2)), ema=0.9))


def quiet(_message: str) -> None: ...


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """The tiny pack; nobody states a licence for its 'sky'."""
    root = write_pack(tmp_path_factory.mktemp("pack"))
    lines = (root / "catalog.csv").read_text().splitlines()
    lines = [line.removesuffix("none") + "not stated" if ",sky," in line else line for line in lines]
    (root / "catalog.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def trainings(monkeypatch):
    """Stand-ins for the trainings, which note what they were called with."""
    calls = []

    def joint(samples, recipe, folder, _log, *, network):
        calls.append(("joint", {s.source for s in samples}, recipe, folder))
        return network

    def warm(network, samples, recipe, folder, _log):
        calls.append(("warm-up", {s.source for s in samples}, recipe, folder))

    monkeypatch.setattr(ablation, "train_joint", joint)
    monkeypatch.setattr(ablation, "warm_up", warm)
    return calls


def test_the_budget_is_one_short_phase_from_scratch():
    recipe = budget(500, replace(FULL, warm_up=70))
    assert recipe.phases == (Phase(FULL.phases[0].size, FULL.phases[0].batch, 500),)
    assert (recipe.warm_up, recipe.warmup) == (0, 50)
    assert replace(recipe, phases=FULL.phases, warmup=FULL.warmup) == replace(FULL, warm_up=0)
    with pytest.raises(RequestError, match="at least 1"):
        budget(0)


def test_arms_differ_in_what_they_say_and_in_nothing_else(pack):
    train = load_pack(pack, ("train",))
    plain = budget(400)
    recipes = {name: arm.change(plain, train) for name, arm in ARMS.items()}
    assert recipes["plain"] == plain
    warm = recipes["warm-up"]
    assert (warm.warm_up, warm.phases[0].steps) == (100, 300)  # the same number of steps together
    assert replace(warm, warm_up=0, phases=plain.phases) == plain
    assert replace(warm.phases[0], steps=400) == plain.phases[0]
    assert plain.balance != "none"
    assert recipes["equal-weights"] == replace(plain, balance="none")
    assert recipes["stated-licences"] == replace(plain, without_sources=("sky",))
    assert recipes["other-seed"] == replace(plain, seed=plain.seed + 1)


def test_a_licence_is_stated_or_not(pack):
    scene = load_pack(pack, ("train",))[0]
    for license, unstated in (
        ("not stated", True), ("not stated for the data", True), ("", True), ("CC0 1.0", False),
        ("see repository; Copernicus Sentinel data", False),
    ):  # fmt: skip
        assert unlicensed([replace(scene, license=license)]) == (("lakes",) if unstated else ())
    flood = replace(scene, source="Sen1Floods11 sample", license="see repository")
    assert unlicensed([flood]) == ("Sen1Floods11 sample",)  # the pack's README found none in it


def test_every_arm_is_trained_on_what_it_says(pack, tmp_path, trainings):
    names = [name for name in ARMS if name != "other-seed"]
    entries = run_ablation(pack, tmp_path, quiet, arms=names, plain=PLAIN)
    assert [entry["name"] for entry in entries] == names
    assert [entry["steps"] for entry in entries] == [4] * 4
    assert [entry["samples"] for entry in entries] == [8] * 4
    everything, stated = {"lakes", "sky", "EuroSAT"}, {"lakes", "EuroSAT"}
    assert [(call[0], call[3].parent.name, call[1]) for call in trainings] == [
        ("joint", "plain", everything),
        ("warm-up", "warm-up", everything),
        ("joint", "warm-up", everything),
        ("joint", "equal-weights", everything),
        ("joint", "stated-licences", stated),
    ]
    by_name = {entry["name"]: entry for entry in entries}
    assert by_name["stated-licences"]["left_out"] == ["sky"]
    clouds = by_name["stated-licences"]["val"]["clouds"]
    assert (clouds["value"], clouds["note"]) == (None, "no training data")
    for entry in entries:
        assert {"clouds", "water", "landcover"} <= set(entry["val"])
        for row in entry["val"].values():
            assert {"metric", "value", "low", "high"} <= set(row)
    water = by_name["plain"]["val"]["water"]
    assert water["low"] <= water["value"] <= water["high"]
    assert "no training data" in as_table(entries)


def test_the_test_split_is_never_read(pack, tmp_path, trainings, monkeypatch):
    asked, scored = [], []

    def load(root, splits, *rest):
        asked.append(splits)
        return read(root, splits, *rest)

    def score(_model, samples, _log):
        scored.extend(samples)
        return {}

    read = held_out.load_pack
    for module in (ablation, held_out):
        monkeypatch.setattr(module, "load_pack", load)
    monkeypatch.setattr(ablation, "evaluate_experts", score)
    run_ablation(pack, tmp_path, quiet, arms=["plain"], plain=PLAIN)
    assert sorted(asked) == [("train",), ("val",)]
    assert {sample.split for sample in scored} == {"val"}


def test_a_finished_arm_is_not_run_again(pack, tmp_path, trainings):
    first = run_ablation(pack, tmp_path, quiet, arms=["equal-weights"], plain=PLAIN)
    text = (tmp_path / "results" / "ablation.json").read_text()
    assert run_ablation(pack, tmp_path, quiet, arms=["equal-weights"], plain=PLAIN) == first
    assert (tmp_path / "results" / "ablation.json").read_text() == text
    assert len(trainings) == 1
    both = run_ablation(pack, tmp_path, quiet, arms=["equal-weights", "plain"], plain=PLAIN)
    assert [entry["name"] for entry in both] == ["plain", "equal-weights"]
    assert [call[3].parent.name for call in trainings] == ["equal-weights", "plain"]
    assert both[1] == first[0]


def test_another_budget_needs_another_run(pack, tmp_path, trainings):
    run_ablation(pack, tmp_path, quiet, arms=["plain"], plain=PLAIN)
    longer = replace(PLAIN, phases=(Phase(64, 2, 5),))
    with pytest.raises(RequestError, match="holds the arm 'plain' with another recipe"):
        run_ablation(pack, tmp_path, quiet, arms=["plain"], plain=longer)


def test_an_unknown_arm_is_named(pack, tmp_path, trainings):
    with pytest.raises(RequestError, match="no arm 'magic'; choose among plain, warm-up"):
        run_ablation(pack, tmp_path, quiet, arms=["plain", "magic"], plain=PLAIN)
    assert trainings == []


def test_a_stopped_arm_is_continued_and_the_whole_thing_runs(pack, tmp_path, monkeypatch):
    """The only real trainings here: a warm-up of one step, three joint ones, with a stop between."""

    def stop(*_args, **_keywords):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ablation, "evaluate_experts", stop)
        with pytest.raises(KeyboardInterrupt):
            run_ablation(pack, tmp_path, quiet, arms=["warm-up"], plain=PLAIN)
    said = []
    (entry,) = run_ablation(pack, tmp_path, said.append, arms=["warm-up"], plain=PLAIN)
    assert any("warm-up resumed at step 1 of 1" in line for line in said)
    assert any("resumed at step 3 of 3" in line for line in said)
    assert entry["val"]["water"]["value"] is not None


def test_the_card_takes_the_arms_and_keeps_the_rest(pack, tmp_path, trainings, monkeypatch, capsys):
    calibration = {
        task.name: SimpleNamespace(
            temperature=1.0, bias=0.0, threshold=0.5, positives=9, negatives=9, split="cal"
        )
        for task in TASKS
    }
    bundle = tmp_path / "bundle"
    recipe = Recipe(network=SMALL)
    info = export_bundle(bundle, new_network(recipe), calibration, recipe, [], {"how": "for a test"})
    monkeypatch.setattr(ablation, "STEPS", 4)
    monkeypatch.setattr(
        ablation, "budget", lambda steps: PLAIN if steps == 4 else pytest.fail("not the steps asked for")
    )
    told = []

    def write_card(info, metrics):
        told.append((info.data["training"]["ablations"], metrics))
        return "the card\n"

    monkeypatch.setattr(card, "write_card", write_card)
    command = [
        "ablate",
        "--data",
        str(pack),
        "--run",
        str(tmp_path / "run"),
        "--arms",
        "plain, equal-weights",
    ]
    command += ["--bundle", str(bundle), "--card"]

    assert main(command) == 0  # never evaluated: the arms are kept, and no card is made up
    assert told == []
    assert not (bundle / "MODEL_CARD.md").exists()
    assert len(read_info(bundle).data["training"]["ablations"]) == 2

    write_description(bundle, {**info.data, "metrics": {"split": "test", "experts": {}}})
    before, weights = read_info(bundle).data, (bundle / WEIGHTS_FILE).read_bytes()
    capsys.readouterr()
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "equal-weights (4 steps)" in out
    assert str(bundle / "MODEL_CARD.md") in out
    assert (bundle / "MODEL_CARD.md").read_text() == "the card\n"
    after = read_info(bundle).data
    arms = after["training"].pop("ablations")
    assert {**after, "sha256": None} == {**before, "sha256": None}
    assert (bundle / WEIGHTS_FILE).read_bytes() == weights
    kept = json.loads((tmp_path / "run" / "results" / "ablation.json").read_text())
    assert [row["name"] for row in arms] == ["plain", "equal-weights"]
    assert arms == [{key: value for key, value in row.items() if key != "recipe"} for row in kept]
    assert told == [(arms, {"split": "test", "experts": {}})]
    assert MODEL_FILE in {path.name for path in bundle.iterdir()}
