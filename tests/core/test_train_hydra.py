"""`hydranet train hydra`: from a bundle to a bundle with Hydra experts, stopped, resumed and refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from model_core.bundle import WEIGHTS_FILE, load_bundle, read_info, write_bundle, write_description
from model_core.cli import main
from model_core.errors import BundleError, RequestError
from model_core.networks.hydranet import NetworkConfig
from model_core.tasks import TASKS
from model_core.training.export import export_bundle
from model_core.training.framework.checkpoint import digest
from model_core.training.hydra import export, learning, pipeline
from model_core.training.hydra.distil import moved
from model_core.training.hydra.folder import load_decoders
from model_core.training.hydra.frozen import Frozen
from model_core.training.hydra.pipeline import train_hydra
from model_core.training.hydra.recipe import HydraRecipe
from model_core.training.joint import new_network
from model_core.training.recipe import Phase, Recipe

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
RECIPE = HydraRecipe(
    members=3,
    member_phases=(Phase(64, 4, 3), Phase(96, 2, 1)),
    first=(Phase(64, 4, 2),),
    second=(Phase(64, 4, 3),),
    warmup=1,
    ema=0.8,
    judged_tiles=2,
)
TRAINED = ("water", "clouds")


def quiet(_message: str) -> None: ...


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    calibration = {
        entry.name: SimpleNamespace(
            temperature=1.0, bias=0.0, threshold=0.5, positives=1, negatives=1, split="cal"
        )
        for entry in TASKS
    }
    recipe = Recipe(network=SMALL)
    folder = tmp_path_factory.mktemp("from") / "bundle"
    return export_bundle(folder, new_network(recipe), calibration, recipe, [], {"how": "for a test"}).folder


@pytest.fixture(scope="module")
def without_pictures():
    """Curves are drawn in seconds, and tested where they belong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning.History, "figure", lambda _self: None)
        yield


@pytest.fixture(scope="module")
def finished(pack, bundle, tmp_path_factory, without_pictures):
    run, lines = tmp_path_factory.mktemp("finished"), []
    info = train_hydra(pack, bundle, run, TRAINED, RECIPE, lines.append)
    return SimpleNamespace(run=run, info=info, lines=lines)


def test_the_bundle_has_the_new_experts_and_nothing_else_changed(bundle, finished):
    before, after = load_file(bundle / WEIGHTS_FILE), load_file(finished.info.folder / WEIGHTS_FILE)
    changed = tuple(f"experts.{name}." for name in TRAINED)
    kept = [key for key in before if not key.startswith(changed)]
    assert kept and set(kept) == {key for key in after if not key.startswith(changed)}
    for key in kept:
        assert torch.equal(before[key], after[key]), key
    assert {expert.name: expert.heads for expert in finished.info.experts} == {
        entry.name: 3 if entry.name in TRAINED else 1 for entry in TASKS
    }
    old = read_info(bundle)
    for name, cost in finished.info.macs.experts.items():
        assert (cost > old.macs.experts[name]) == (name in TRAINED)
    assert finished.info.macs.encoder == old.macs.encoder
    assert finished.info.data["metrics"] == {"split": None}  # those of the former bundle are not its own
    total = "mlm:total_parameters"
    assert finished.info.data["mlm"][total] - old.data["mlm"][total] == sum(
        value.numel() for value in after.values()
    ) - sum(value.numel() for value in before.values())


def test_the_product_loads_the_bundle_and_its_heads_say_what_the_run_has(bundle, finished):
    model = load_bundle(finished.info.folder, device="cpu", precision="fp32")
    record = finished.info.data["training"]["hydra"]
    assert set(record["experts"]) == set(TRAINED)
    assert record["encoder_sha256"] == Frozen(bundle).sha256 == Frozen(finished.info.folder).sha256
    for name, row in record["experts"].items():
        decoders = load_decoders(finished.run, name, SMALL, {"water": 2, "clouds": 4}[name])
        assert len(decoders.members) == decoders.hydra.heads == 3
        offsets = torch.tensor(row["offsets"]["offsets"]).repeat_interleave(4)
        common = model.network.experts[name].head.common
        chosen = decoders.recentred if row.get("recentred", {}).get("used") else decoders.hydra
        torch.testing.assert_close(common.bias, chosen.head.common.bias + offsets)
        assert torch.equal(common.weight, chosen.head.common.weight)


def test_members_differ_and_their_figures_are_written(finished):
    decoders = load_decoders(finished.run, "water", SMALL, 2)
    assert len({digest(member.state_dict()) for member in decoders.members}) == 3
    val = json.loads((finished.run / "results" / "val.json").read_text())
    assert set(val) == set(TRAINED)
    rivals = val["water"]["rivals"]
    alone = [rivals[f"member {number}"]["value"] for number in range(3)]
    assert rivals["mean member"]["value"] == pytest.approx(sum(alone) / 3)
    assert {"shipped", "ensemble", "averaged", "hydra", "hydra with offsets"} <= set(rivals)
    record = json.loads((finished.run / "water" / "results" / "record.json").read_text())
    kept = "recentred" if record.get("recentred", {}).get("used") else "hydra"
    worse = rivals[f"{kept} with offsets"]["value"] < rivals["shipped"]["value"]
    assert worse == any("water: WARNING: on the validation split" in line for line in finished.lines)
    start = json.loads((finished.run / "water" / "phase1" / "results" / "start.json").read_text())
    assert start["kept"] == min(start["divergence"], key=start["divergence"].get)


@pytest.mark.parametrize("better", [True, False])
def test_one_that_falls_behind_is_recentred_and_the_better_is_kept(
    pack, bundle, finished, tmp_path, monkeypatch, better
):
    run = tmp_path / "run"
    shutil.copytree(finished.run, run)
    path = run / "water" / "results" / "record.json"
    record = json.loads(path.read_text())
    record.pop("recentred", None)
    record["val"]["rivals"]["shipped"]["value"] = 2.0
    record["val"]["rivals"]["hydra with offsets"]["value"] = 0.0 if better else 1.0
    path.write_text(json.dumps(record))
    figures = {"metric": "IoU", "rivals": {"recentred with offsets": {"value": 0.5}}}
    monkeypatch.setattr(pipeline, "_figures", lambda *_arguments: figures)
    lines = []
    info = train_hydra(pack, bundle, run, ("water",), RECIPE, lines.append)
    record = json.loads(path.read_text())
    assert record["recentred"]["used"] == better
    decoders = load_decoders(run, "water", SMALL, 2)
    chosen = decoders.recentred if better else decoders.hydra
    weights = load_file(info.folder / WEIGHTS_FILE)
    assert torch.equal(weights["experts.water.head.own.weight"], chosen.head.own.weight)
    assert any("WARNING" in line for line in lines)  # it is still behind the one it replaces
    before = path.read_bytes()
    train_hydra(pack, bundle, run, ("water",), RECIPE, quiet)
    assert path.read_bytes() == before  # once is enough


def test_members_are_moved_around_another_decoder():
    random = torch.Generator().manual_seed(1)
    members = [torch.softmax(torch.randn(2, 3, 4, 5, 5, generator=random), 1) for _ in range(4)]
    centre = torch.softmax(torch.randn(2, 3, 4, 5, 5, generator=random), 1)
    around = moved(members, centre)
    for part in around:
        torch.testing.assert_close(part.sum(1), torch.ones(2, 4, 5, 5))
    mean = sum(part.log() for part in around) / 4  # up to what normalises it, that of the centre
    offset = mean - centre.log()
    torch.testing.assert_close(offset, offset[:, :1].expand_as(offset), atol=1e-4, rtol=0)
    for same in moved([members[0]] * 3, centre):
        torch.testing.assert_close(same, centre)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(pack, bundle, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(learning, "LOG_EVERY", 1)
    points = ["ensemble: step 3/4", "phase1: step 2/2", "phase2: step 2/3"]
    lines = []

    def stopping(message: str) -> None:
        lines.append(message)
        if points and points[0] in message:
            points.pop(0)
            raise KeyboardInterrupt

    for _ in range(len(points)):
        with pytest.raises(KeyboardInterrupt):
            train_hydra(pack, bundle, tmp_path, ["water"], RECIPE, stopping)
    train_hydra(pack, bundle, tmp_path, ["water"], RECIPE, stopping)
    assert not points
    assert sum("resumed at step" in line for line in lines) >= 3
    compared = 0
    for path in (finished.run / "water").rglob("*.safetensors"):
        if path.parent.name == "weights":  # a checkpoint
            continue
        compared += 1
        mine = load_file(tmp_path / path.relative_to(finished.run))
        for key, value in load_file(path).items():
            assert torch.equal(value, mine[key]), f"{path.name} {key}"
    assert compared >= 5  # three members, two students, and one more where these fell behind


def test_a_finished_run_trains_nothing_again_and_takes_no_other_numbers(pack, bundle, finished, monkeypatch):
    def never(*_args):
        raise AssertionError("trained again")

    monkeypatch.setattr(pipeline, "_train_expert", never)
    info = train_hydra(pack, bundle, finished.run, ["clouds"], RECIPE, quiet)
    assert {expert.name for expert in info.experts if expert.heads > 1} == set(TRAINED)
    assert info.data["sha256"][WEIGHTS_FILE] == finished.info.data["sha256"][WEIGHTS_FILE]
    with pytest.raises(RequestError, match="another recipe"):
        train_hydra(pack, bundle, finished.run, ["clouds"], replace(RECIPE, seed=1), quiet)


def test_what_is_finished_goes_into_any_bundle_with_the_same_encoder(pack, bundle, finished, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(bundle, other)
    info = read_info(other)
    write_description(other, {**info.data, "title": "another title"})
    made = train_hydra(pack, other, finished.run, ["clouds"], RECIPE, quiet)
    assert made.data["title"] == "another title"
    row = made.data["training"]["hydra"]
    assert row["experts"]["water"]["started_from"] == info.sha256 != row["from"]["sha256"]
    tensors = load_file(bundle / WEIGHTS_FILE)
    tensors["encoder.availability"] = tensors["encoder.availability"] + 1
    write_bundle(other, {k: v for k, v in info.data.items() if k != "sha256"}, tensors)
    with pytest.raises(RequestError, match="another recipe"):
        train_hydra(pack, other, finished.run, ["clouds"], RECIPE, quiet)


def test_an_encoder_that_changed_is_noticed(bundle):
    frozen = Frozen(bundle)
    frozen.check()
    with torch.no_grad():
        next(frozen.encoder.parameters())[0] += 1e-3
    with pytest.raises(RuntimeError, match="frozen encoder changed"):
        frozen.check()


def test_a_bundle_whose_other_weights_changed_is_refused(bundle, finished):
    experts = {name: Frozen(finished.info.folder).expert(name) for name in TRAINED}
    changed = tuple(f"experts.{name}." for name in TRAINED)
    rest = {k: v for k, v in load_file(bundle / WEIGHTS_FILE).items() if not k.startswith(changed)}
    export.check_kept(finished.info.folder, experts, digest(rest))
    rest["switcher.out.bias"] = rest["switcher.out.bias"] + 1
    with pytest.raises(BundleError, match="outside of its new experts"):
        export.check_kept(finished.info.folder, experts, digest(rest))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["cars"], "no expert 'cars'"),
        (["water", "water"], "each once"),
        ([], "one or more names"),
        (["roads"], "No training scene of the pack has labels for 'roads'"),
    ],
)
def test_what_cannot_be_trained_is_told(pack, bundle, tmp_path, names, sentence):
    with pytest.raises(RequestError, match=sentence):
        train_hydra(pack, bundle, tmp_path, names, RECIPE, quiet)


def test_a_run_without_decoders_is_told(tmp_path):
    with pytest.raises(RequestError, match="holds no finished ensemble"):
        load_decoders(tmp_path, "water", SMALL, 2)


def test_the_command_trains_and_names_the_bundle(pack, bundle, tmp_path, monkeypatch, capsys):
    calls = []

    def train(data, start, run, names, recipe, log):
        calls.append((data, start, run, names, recipe.members, recipe.seed))
        log("at work")
        return SimpleNamespace(folder=run / "bundle")

    monkeypatch.setattr(pipeline, "train_hydra", train)
    command = ["train", "hydra", "--data", str(pack), "--expert", "water, clouds", "--members", "4"]
    command += ["--bundle", str(bundle), "--run", str(tmp_path / "run"), "--seed", "3"]
    assert main(command) == 0
    assert calls == [(pack, bundle, tmp_path / "run", ["water", "clouds"], 4, 3)]
    assert capsys.readouterr().out.strip() == str(tmp_path / "run" / "bundle")
    assert "at work" in (tmp_path / "run" / "train.log").read_text()
    assert main([*command, "--members", "1"]) != 0
    assert "an ensemble has 2 or more" in capsys.readouterr().err
