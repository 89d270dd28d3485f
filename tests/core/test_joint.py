"""Joint training: where it starts from, how its losses are balanced, what a simulated fire changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model_core.bundle import load_bundle
from model_core.errors import RequestError
from model_core.networks.hydranet import HydraNet, NetworkConfig
from model_core.tasks import TASK_NAMES, UNKNOWN
from model_core.training import joint
from model_core.training.balance import LIMITS, GradientBalance
from model_core.training.pack import Sample, load_pack
from model_core.training.pipeline import train_bundle
from model_core.training.recipe import Phase, Recipe
from model_core.training.sampling import TileSampler, TileStream
from model_core.training.validate import NetworkInTraining, validation
from model_core.training.warm import start_from, unfold

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (2, 1, 1, 1), (8, 8, 8, 8, 8), 16)
RECIPE = Recipe(
    network=SMALL, phases=(Phase(64, 4, 4),), warmup=2, ema=0.9, switcher_tiles=16, switcher_epochs=1
)
FIRE = TASK_NAMES.index("fire")


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def samples(pack):
    return load_pack(pack, ("train",))


@pytest.fixture(scope="module")
def bundle(pack, tmp_path_factory):
    return train_bundle(pack, tmp_path_factory.mktemp("run"), RECIPE, lambda _m: None)


def batches(samples, count, seed=1):
    stream = iter(TileStream(TileSampler(samples, 64, RECIPE.task_weights), 4, seed))
    return [next(stream) for _ in range(count)]


def outputs(network, batch):
    with torch.no_grad():
        scores, maps = network(batch["reflectance"].clone(), batch["available"], batch["valid"])
    return {"switcher": scores, **maps}


def test_a_training_starts_with_the_function_its_bundle_computes(samples, bundle):
    folded = load_bundle(bundle.folder, device="cpu", precision="fp32").network
    folded.switcher.float()
    network = joint.new_network(replace(RECIPE, seed=7))
    assert start_from(bundle.folder, network, samples, RECIPE) == []
    batch = batches(samples, 1)[0]
    before, after = outputs(folded, batch), outputs(network.eval(), batch)
    for name in before:
        torch.testing.assert_close(after[name], before[name], atol=2e-4, rtol=1e-3)
    for name, value in outputs(network.folded(), batch).items():
        torch.testing.assert_close(value, before[name], atol=2e-4, rtol=1e-3)


def test_an_expert_that_a_bundle_lacks_starts_anew_and_the_others_do_not(samples):
    names = {"clouds": 4, "water": 2}
    old = HydraNet(SMALL, names).eval().folded()
    new = HydraNet(SMALL, {"water": 2, "burned": 2, "clouds": 4})
    fresh = new.state_dict()["experts.burned.head.weight"].clone()
    assert unfold(old, new, batches(samples, 2)) == ["burned"]
    batch = batches(samples, 1, seed=9)[0]
    before, after = outputs(old, batch), outputs(new.eval(), batch)
    for name in names:
        torch.testing.assert_close(after[name], before[name], atol=2e-4, rtol=1e-3)
    torch.testing.assert_close(after["switcher"][:, [2, 0]], before["switcher"], atol=2e-4, rtol=1e-3)
    assert torch.equal(new.state_dict()["experts.burned.head.weight"], fresh)


def test_batch_statistics_agree_with_those_measured(samples, bundle):
    """The first training step, which normalises by its batch, must not see another network."""
    network = joint.new_network(RECIPE)
    start_from(bundle.folder, network, samples, RECIPE)
    batch = batches(samples, 1, seed=3)[0]
    steady = outputs(network.eval(), batch)["water"]
    training = outputs(network.train(), batch)["water"]
    fresh = outputs(joint.new_network(RECIPE).train(), batch)["water"]
    assert (training - steady).abs().mean() < 0.5 * (fresh - steady).abs().mean()


def test_another_shape_of_network_is_refused(samples, bundle):
    other = replace(RECIPE, network=replace(SMALL, switcher_hidden=24))
    with pytest.raises(RequestError, match="another shape"):
        start_from(bundle.folder, joint.new_network(other), samples, other)


def test_balance_evens_out_how_hard_tasks_pull():
    balance = GradientBalance(3)
    steep, flat = [torch.full((4,), 3.0)], [torch.full((4,), 1.0)]
    for _ in range(200):
        factors = balance.factor(0, steep), balance.factor(1, flat)
    assert factors[0] * 3.0 == pytest.approx(factors[1] * 1.0, rel=0.02)
    assert float(balance.norm[2]) == 0.0  # never seen, never counted


def test_balance_stays_within_its_limits():
    balance = GradientBalance(2)
    for _ in range(20):
        factors = balance.factor(0, [torch.full((4,), 1e6)]), balance.factor(1, [torch.full((4,), 1e-6)])
    assert factors == LIMITS
    assert balance.factor(1, [torch.zeros(4)]) == LIMITS[1]


def test_without_balance_the_gradients_are_those_of_the_summed_losses(samples, monkeypatch):
    """The detour over the shared features must give what one backward pass over the sum gives."""
    monkeypatch.setattr("model_core.training.framework.precision.native_bf16", lambda _device: False)
    batch = batches(samples, 1)[0]
    recipe = replace(RECIPE, balance="none")
    network = joint.new_network(recipe).train()
    joint.backward(network, batch, recipe, GradientBalance(len(TASK_NAMES)))
    split = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}

    network = joint.new_network(recipe).train()
    features = network.encode(batch["reflectance"], batch["available"], batch["valid"])
    labels = torch.where(batch["valid"].bool(), batch["labels"], UNKNOWN)
    total = torch.zeros(())
    for number, name in enumerate(TASK_NAMES):
        index = (labels[:, number] != UNKNOWN).flatten(1).any(1).nonzero()[:, 0]
        if len(index):
            weights = torch.tensor(recipe.class_weights[name])
            loss = joint.segmentation_loss(
                network.decode(name, features, index),
                labels[index, number],
                weights,
                vegetation=name == "landcover",
                focal=recipe.focal.get(name, 0.0),
            )
            total = total + loss * (len(index) / len(labels)) ** 0.5
    total.backward()
    whole = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    assert split.keys() == whole.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(split[name], gradient, atol=1e-5, rtol=1e-3)


def test_the_focal_loss_leaves_out_what_is_right_already():
    label = torch.zeros(1, 4, 4, dtype=torch.uint8)
    sure = torch.stack([torch.full((4, 4), 8.0), torch.full((4, 4), -8.0)])[None]
    torn = torch.zeros(1, 2, 4, 4)
    weights = torch.ones(2)

    def cross_entropy(logits, focal):
        with_dice = joint.segmentation_loss(logits, label, weights, focal=focal)
        dice = joint.segmentation_loss(logits, label, torch.zeros(2), focal=focal)
        return float(with_dice - dice)

    assert cross_entropy(torn, 1.0) == pytest.approx(0.5 * np.log(2), rel=1e-5)
    assert cross_entropy(torn, 0.0) == pytest.approx(np.log(2), rel=1e-5)
    assert cross_entropy(sure, 1.0) < 1e-6


def grassland(source):
    bands = np.full((8, 200, 200), 1500, np.uint16)
    bands[7] = 3500
    return Sample(
        id="grass", source=source, region="r", split="train", gsd_m=10.0, radiometry="toa", license="none",
        bands=bands, available=np.ones(8, bool), valid=np.ones((200, 200), bool),
        labels={"burned": np.zeros((200, 200), np.uint8)}, label_kind={"burned": "hand"},
        needs={"burned": False, "fire": False},
    )  # fmt: skip


def test_fires_are_lit_where_nothing_is_known_to_burn_and_nowhere_else():
    sampler = TileSampler([grassland("OSCD"), grassland("wildfire (Runan)")], 64, {"fire": 1.0})
    assert {s.source for pool in sampler.pools["fire"].values() for s in pool} == {"OSCD"}
    random = np.random.default_rng(0)
    tiles = [sampler.draw(random) for _ in range(40)]
    assert all((tile.labels[FIRE] != UNKNOWN).all() for tile in tiles)
    burning = [tile for tile in tiles if (tile.labels[FIRE] > 0).any()]
    assert 15 <= len(burning) <= 36
    for tile in burning:
        changed = tile.labels[FIRE] > 0
        # What nobody labelled is unknown, pixel by pixel and as a whole; the rest keeps its label.
        assert (tile.labels[TASK_NAMES.index("burned")][changed] == UNKNOWN).all()
        assert int(tile.needs[TASK_NAMES.index("burned")]) == -1
    quiet = next(tile for tile in tiles if not (tile.labels[FIRE] > 0).any() and int(tile.needs[2]) == 0)
    assert (quiet.labels[TASK_NAMES.index("burned")] == 0).all()


def test_a_network_in_training_is_scored_like_a_bundle(pack, bundle):
    val = load_pack(pack, ("val",))
    network = joint.new_network(RECIPE).eval()
    scores = validation(val)(network)
    assert {"water", "clouds", "landcover"} <= scores.keys()
    assert all(np.isnan(value) or 0 <= value <= 1 for value in scores.values())
    features = NetworkInTraining(network).encode(
        np.full((1, 8, 64, 64), 0.2, np.float32), np.ones(8, bool), np.ones((1, 64, 64), bool)
    )
    decoded = NetworkInTraining(network).decode("clouds", [(features, [0])])
    np.testing.assert_allclose(decoded.sum(1), 1.0, atol=1e-5)


def test_a_loss_that_is_no_number_ends_the_training_in_a_sentence(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(joint, "segmentation_loss", lambda logits, *_, **__: logits.float().mean() * np.nan)
    with pytest.raises(RequestError, match="In step 1 the loss is nan .* nothing can be learnt"):
        joint.train_joint(samples, RECIPE, tmp_path / "run" / "weights", lambda _m: None)
    assert not (tmp_path / "run" / "weights").exists()  # nothing spoilt is kept
