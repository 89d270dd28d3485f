"""The self-supervised warm-up: what it may see, what it may change, and that it learns and can be stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model_core.bands import BAND_NAMES, PAN_WEIGHTS
from model_core.errors import RequestError
from model_core.networks.hydranet import NetworkConfig
from model_core.training import pretrain
from model_core.training.framework.checkpoint import Checkpoint, restore_module
from model_core.training.joint import new_network
from model_core.training.pack import load_chips, load_pack
from model_core.training.pretrain import Reconstructor, hide, multiband, warm_up
from model_core.training.recipe import Phase, Recipe
from model_core.training.sampling import TileSampler, TileStream

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
RECIPE = Recipe(network=SMALL, phases=(Phase(64, 4, 6),), warmup=2, warm_up=6)


def quiet(_message: str) -> None: ...


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return load_pack(write_pack(tmp_path_factory.mktemp("pack")), ("train",))


def batch_of(samples, count=8, size=64, seed=4):
    sampler = TileSampler(multiband(samples), size, {"": 1.0})
    return next(iter(TileStream(sampler, count, seed)))


def state(module) -> dict:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_labels_are_taken_off_and_display_images_left_out(samples):
    kept = multiband(samples)
    assert len(kept) == len(samples)
    assert all(not sample.labels and not sample.needs for sample in kept)
    assert all(sample.labels for sample in samples)  # the given ones stay as they were
    narrow = replace(samples[0], available=np.array([True] * 4 + [False] * 4))  # pan is made, not measured
    shown = replace(samples[0], radiometry="display")
    assert multiband([narrow, shown, samples[0]])[0].id == samples[0].id
    with pytest.raises(RequestError, match="None of 2 training scenes has 4 or more bands"):
        multiband([narrow, shown])


def test_what_is_hidden_is_hidden(samples):
    batch = batch_of(samples)
    masked = hide(batch, np.random.default_rng(7))
    other = {**batch, "reflectance": torch.where(masked.hidden, 0.9, batch["reflectance"])}
    model = Reconstructor(new_network(RECIPE).encoder, RECIPE).eval()
    again = hide(other, np.random.default_rng(7))
    with torch.no_grad():
        assert torch.equal(model(masked), model(again))
        assert model.loss(masked, batch["reflectance"]) != model.loss(again, other["reflectance"])
        seen = {**batch, "reflectance": torch.where(masked.hidden, batch["reflectance"], 0.9)}
        assert not torch.equal(model(masked), model(hide(seen, np.random.default_rng(7))))


def test_only_measured_values_are_asked_for_and_all_that_are_hidden(samples):
    batch = batch_of(samples, count=48)
    masked = hide(batch, np.random.default_rng(1))
    measured = batch["available"][:, :, None, None] * batch["valid"] > 0
    shown = masked.available[:, :, None, None] * masked.valid > 0
    assert not masked.hidden[~measured].any()
    assert not masked.hidden[:, 0].any()
    assert torch.equal(masked.hidden[:, 1:], (measured & ~shown)[:, 1:])
    assert (masked.reflectance[~shown] == 0).all()
    torch.testing.assert_close(masked.reflectance[shown], batch["reflectance"][shown])
    share = 1 - masked.valid.sum() / batch["valid"].sum()
    assert 0.4 < share < 0.6


def test_whole_bands_go_and_a_pan_made_of_them_with_them(samples):
    batch = batch_of(samples, count=96)
    masked = hide(batch, np.random.default_rng(2))
    gone = (batch["available"] > 0) & (masked.available == 0)
    assert 0.2 < gone[:, 1:].any(1).float().mean() < 0.7
    assert (masked.available[:, 1:].sum(1) >= 2).all()
    makers = torch.tensor([name in PAN_WEIGHTS for name in BAND_NAMES])
    betrayed = (gone & makers)[:, 1:].any(1)
    assert betrayed.any()
    assert (masked.available[betrayed, 0] == 0).all()
    assert not gone[~betrayed, 0].any()


def test_the_patches_are_large(samples):
    masked = hide(batch_of(samples, count=16), np.random.default_rng(3))
    batch = batch_of(samples, count=16)
    for valid, left in zip(batch["valid"][:, 0] > 0, masked.valid[:, 0] > 0, strict=True):
        cells = valid.reshape(4, 16, 4, 16).permute(0, 2, 1, 3).flatten(2)
        kept = left.reshape(4, 16, 4, 16).permute(0, 2, 1, 3).flatten(2)
        assert ((kept == cells).all(2) | ~kept.any(2)).all()  # a cell is left as it is, or hidden whole


def test_the_warm_up_changes_the_encoder_and_nothing_else(samples, tmp_path):
    network = new_network(RECIPE)
    before, random = state(network), torch.get_rng_state()
    warm_up(network, samples, RECIPE, tmp_path, quiet)
    after = state(network)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name for name in changed if not name.startswith("encoder.")} == set()
    weights = {name for name, _ in network.named_parameters() if name.startswith("encoder.")}
    assert weights <= changed
    assert torch.equal(random, torch.get_rng_state())


def test_without_steps_nothing_happens(samples, tmp_path):
    network = new_network(RECIPE)
    before = state(network)
    warm_up(network, samples, replace(RECIPE, warm_up=0), tmp_path, quiet)
    assert same(before, state(network))
    assert list(tmp_path.iterdir()) == []


def test_labels_play_no_part(samples, tmp_path):
    bare = [replace(sample, labels={}, needs={}) for sample in samples]
    one, other = new_network(RECIPE), new_network(RECIPE)
    warm_up(one, samples, RECIPE, tmp_path / "one", quiet)
    warm_up(other, bare, RECIPE, tmp_path / "other", quiet)
    assert same(state(one), state(other))


def test_the_hidden_values_are_found_better_than_before(samples, tmp_path):
    recipe = replace(RECIPE, warm_up=40, lr=5e-3)
    network = new_network(recipe)
    batch = batch_of(samples, count=16, seed=99)  # none of the tiles trained on
    masked = hide(batch, np.random.default_rng(5))

    def loss() -> float:
        model = Reconstructor(network.encoder, recipe)
        if (tmp_path / "warm_up").exists():
            restore_module("network", model, Checkpoint(tmp_path / "warm_up").load()[1])
        with torch.no_grad():
            return float(model.train().loss(masked, batch["reflectance"]))

    before = loss()
    warm_up(network, samples, recipe, tmp_path, quiet)
    assert loss() < 0.8 * before


def test_a_stopped_warm_up_ends_where_an_uninterrupted_one_does(samples, tmp_path, monkeypatch):
    whole = new_network(RECIPE)
    warm_up(whole, samples, RECIPE, tmp_path / "whole", quiet)
    monkeypatch.setattr(pretrain, "CHECKPOINT_EVERY", 4)
    save = Checkpoint.save

    def save_then_stop(self, step, *rest):
        save(self, step, *rest)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            warm_up(new_network(RECIPE), samples, RECIPE, tmp_path / "parts", quiet)
    resumed, said = new_network(RECIPE), []
    warm_up(resumed, samples, RECIPE, tmp_path / "parts", said.append)
    assert "resumed at step 4 of 6" in said[0]
    assert same(state(whole), state(resumed))
    files = [next((tmp_path / name / "warm_up").glob("*.safetensors")) for name in ("whole", "parts")]
    assert same(*(load_file(path) for path in files))  # the moments and the decoder too
    done, said = new_network(RECIPE), []
    warm_up(done, [], RECIPE, tmp_path / "parts", said.append)  # all steps are done: no scene is needed
    assert same(state(whole), state(done))


def test_chips_for_display_are_no_imagery_to_warm_up_on(tmp_path):
    chips = load_chips(write_pack(tmp_path / "pack"), ("train",))
    with pytest.raises(RequestError, match="set warm_up to 0"):
        warm_up(new_network(RECIPE), chips, RECIPE, tmp_path / "run", quiet)
