"""Training on a made-up pack: what is drawn, what is learnt from, what stays frozen, what survives a stop."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model_core.bundle import MODEL_FILE, description_digest, load_bundle
from model_core.cli import main
from model_core.errors import RequestError
from model_core.networks.hydranet import NetworkConfig
from model_core.tasks import TASK_NAMES, UNKNOWN, VEGETATION
from model_core.training import joint
from model_core.training.augment import augment
from model_core.training.framework.checkpoint import Checkpoint
from model_core.training.layout import natural_tiles
from model_core.training.losses import masked_bce, segmentation_loss
from model_core.training.pack import load_chips, load_pack
from model_core.training.pipeline import train_bundle
from model_core.training.recall import add_needed_scores, rounded_down, score_tiles
from model_core.training.recipe import Phase, Recipe
from model_core.training.relevance import relevance
from model_core.training.sampling import Tile, TileSampler, TileStream, collate
from model_core.training.switcher import calibrate, frozen_digest, pool_tiles, train_switcher

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
RECIPE = Recipe(
    network=SMALL,
    phases=(Phase(64, 4, 6), Phase(96, 2, 2)),
    warmup=2,
    ema=0.9,
    switcher_tiles=32,
    switcher_epochs=3,
)
ROW = {name: number for number, name in enumerate(TASK_NAMES)}


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return write_pack(tmp_path_factory.mktemp("pack"))


def tile(labels=None, needs=None, size=32):
    grid = torch.full((len(TASK_NAMES), size, size), UNKNOWN, dtype=torch.uint8)
    for name, value in (labels or {}).items():
        grid[ROW[name]] = torch.as_tensor(value, dtype=torch.uint8)
    row = torch.tensor([int((needs or {}).get(name, -1)) for name in TASK_NAMES], dtype=torch.int8)
    return Tile(
        torch.full((8, size, size), 1000.0),
        torch.ones(8, dtype=torch.bool),
        torch.ones(size, size, dtype=torch.bool),
        grid,
        row,
    )


def test_the_pack_is_reflectance_in_the_models_bands(pack):
    sample = next(s for s in load_pack(pack, ("train",)) if s.id == "lake_train_0")
    assert sample.bands.shape == (8, 96, 96)
    assert sample.available.all()  # pan is synthesised
    visible = sample.bands[1:6].astype(float)
    weights = np.array([0.2159, 0.2873, 0.2572, 0.1228, 0.1168])
    np.testing.assert_allclose(sample.bands[0], np.tensordot(weights, visible, 1), atol=0.6)


def test_a_folder_without_a_catalogue_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"catalog\.csv"):
        load_pack(tmp_path)


def test_splits_do_not_mix(pack):
    assert {s.split for s in load_pack(pack, ("val",))} == {"val"}
    assert {s.split for s in load_chips(pack, ("test",))} == {"test"}


def test_a_batch_depends_on_its_number_alone(pack):
    sampler = TileSampler(load_pack(pack, ("train",)), 64, {"water": 1, "clouds": 1})
    first = iter(TileStream(sampler, 2, seed=5))
    third = [next(first) for _ in range(3)][2]
    resumed = next(iter(TileStream(sampler, 2, seed=5, start=2)))
    assert third.pop("source") == resumed.pop("source")
    assert all(torch.equal(third[key], resumed[key]) for key in third)


def test_sampled_labels_stay_with_their_pixels(pack):
    """Water is dark in the infrared: after crops, flips, scaling and mosaics the labels must still fit."""
    sampler = TileSampler(load_pack(pack, ("train",)), 128, {"water": 1})
    random = np.random.default_rng(3)
    for _ in range(20):
        drawn = sampler.draw(random)
        water = drawn.labels[ROW["water"]]
        nir = drawn.bands[7]
        inner = (
            torch.nn.functional.max_pool2d((water != 1)[None].float(), 5, 1, 2)[0] == 0
        )  # off the blurred edge
        if (inner & drawn.valid).any():
            assert float(nir[inner & drawn.valid].max()) < 500
        assert not (water[~drawn.valid] != UNKNOWN).any() or (drawn.bands[:, ~drawn.valid] == 0).all()


def test_augmentation_drops_bands_but_never_all(pack):
    sampler = TileSampler(load_pack(pack, ("train",)), 64, {"water": 1})
    random = np.random.default_rng(0)
    batch = collate([sampler.draw(random) for _ in range(64)])
    x, available, _ = augment(batch, torch.Generator().manual_seed(0))
    assert x.isfinite().all()
    assert float(x.min()) >= 0
    assert (available[:, 1:].sum(1) >= 2).all()
    assert len({tuple(row.int().tolist()) for row in available}) > 5
    assert (x * (1 - available)[:, :, None, None] == 0).all()


def test_unknown_pixels_teach_nothing():
    logits = torch.randn(1, 2, 8, 8, requires_grad=True)
    label = torch.full((1, 8, 8), UNKNOWN, dtype=torch.uint8)
    label[:, :4] = 1
    segmentation_loss(logits, label, torch.ones(2)).backward()
    assert logits.grad[:, :, 4:].abs().sum() == 0
    assert logits.grad[:, :, :4].abs().sum() > 0


def test_vegetation_of_unknown_kind_accepts_both():
    label = torch.full((1, 4, 4), VEGETATION, dtype=torch.uint8)

    def loss(winner: int) -> float:
        logits = torch.zeros(1, 5, 4, 4)
        logits[:, winner] = 9.0
        return float(segmentation_loss(logits, label, torch.ones(5), vegetation=True))

    assert loss(1) == pytest.approx(loss(2))
    assert loss(1) < 0.01 < loss(3)


def test_an_unknown_target_is_no_negative():
    logits = torch.zeros(4, 2, requires_grad=True)
    target = torch.tensor([[1, -1], [0, -1], [1, -1], [0, 1]])
    masked_bce(logits, target, torch.ones(2)).backward()
    assert (logits.grad[:3, 1] == 0).all()
    assert logits.grad[3, 1] < 0


def test_relevance_from_labels():
    half = torch.zeros(32, 32)
    half[:16] = 1
    target = relevance(tile({"water": half}))
    assert target[ROW["water"]] == 1
    assert target[ROW["burned"]] == -1  # nothing is known about fire here
    assert relevance(tile({"water": torch.zeros(32, 32)}))[ROW["water"]] == 0
    mostly_unknown = torch.full((32, 32), UNKNOWN)
    mostly_unknown[:4] = 0
    assert relevance(tile({"water": mostly_unknown}))[ROW["water"]] == -1


def test_other_labels_can_rule_a_task_out():
    sea = relevance(tile({"water": torch.ones(32, 32)}))
    assert sea[ROW["buildings"]] == 0
    assert sea[ROW["landcover"]] == 0
    assert sea[ROW["clouds"]] == -1
    overcast = relevance(tile({"clouds": torch.full((32, 32), 2)}))
    assert overcast[ROW["clouds"]] == 1
    assert overcast[ROW["water"]] == 0
    assert relevance(tile(needs={"roads": 1}))[ROW["roads"]] == 1


def test_natural_tiles_cover_every_labelled_pixel_once(pack):
    samples = load_pack(pack, ("train",))
    tiles = list(natural_tiles(samples, 128))
    labelled = sum(int((p.tile.labels != UNKNOWN).sum()) for p in tiles if p.source == "lakes")
    assert labelled == sum(label.size for s in samples if s.source == "lakes" for label in s.labels.values())
    assert [p.ids for p in tiles] == [p.ids for p in natural_tiles(samples, 128)]


def test_the_switcher_learns_and_everything_else_stays(pack):
    samples = load_pack(pack, ("train",))
    network = joint.new_network(RECIPE).eval().folded()
    tiles = natural_tiles(samples, 64, stride=32)
    pooled = pool_tiles(network, tiles)
    before, switcher = frozen_digest(network), network.switcher.out.weight.clone()
    train_switcher(network, pooled, RECIPE, lambda _m: None)
    assert frozen_digest(network) == before
    assert not torch.equal(network.switcher.out.weight, switcher)
    with torch.no_grad():
        network.encoder.stem.conv.bias[0] += 1e-6
    assert frozen_digest(network) != before  # the digest would have told


def test_calibration_repairs_overconfident_scores():
    random = np.random.default_rng(0)
    truth = (random.random(400) < 0.4).astype(int)
    honest = np.where(truth == 1, 1.0, -1.0) + random.normal(0, 1.4, 400)
    fitted = calibrate(honest * 5, truth, "cal")
    assert fitted.temperature > 2
    few = calibrate(np.array([3.0, -2.0]), np.array([1, 0]), "cal")
    assert (few.temperature, few.bias, few.threshold) == (1.0, 0.0, 0.5)


def test_a_stopped_training_ends_where_an_uninterrupted_one_does(pack, tmp_path, monkeypatch):
    samples = load_pack(pack, ("train",))
    whole = joint.train_joint(samples, RECIPE, tmp_path / "whole" / "weights", lambda _m: None)
    save = Checkpoint.save
    monkeypatch.setattr(joint, "CHECKPOINT_EVERY", 3)

    def save_then_stop(self, step, *rest):
        save(self, step, *rest)
        if step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            joint.train_joint(samples, RECIPE, tmp_path / "parts" / "weights", lambda _m: None)
    resumed = joint.train_joint(samples, RECIPE, tmp_path / "parts" / "weights", lambda _m: None)
    for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_the_pipeline_makes_a_bundle_and_repeats_it(pack, tmp_path):
    info = train_bundle(pack, tmp_path / "run", RECIPE, lambda _m: None)
    model = load_bundle(info.folder, device="cpu", precision="fp32")
    assert [e.name for e in model.experts] == list(TASK_NAMES)
    trained = load_file(tmp_path / "run" / "weights" / "joint.safetensors")
    assert any(key.startswith("encoder.") for key in trained)
    first = info.data["sha256"]["weights.safetensors"]
    again = train_bundle(pack, tmp_path / "run", RECIPE, lambda _m: None)  # continues from what is whole
    assert again.data["sha256"]["weights.safetensors"] == first


@pytest.fixture(scope="module")
def trained(pack, tmp_path_factory):
    return train_bundle(pack, tmp_path_factory.mktemp("run"), RECIPE, lambda _m: None)


def test_the_scores_behind_the_recall_policy_are_those_of_the_calibration_split(pack, trained):
    model = load_bundle(trained.folder, device="cpu", precision="fp32")
    cal = load_pack(pack, ("cal",))
    tiles = list(natural_tiles(cal, 256))
    found = score_tiles(model, tiles)
    assert found.score.dtype == np.float32
    assert found.ids == tuple(placed.ids for placed in tiles)
    targets = np.array([relevance(placed.tile).numpy() for placed in tiles])
    np.testing.assert_array_equal(found.target, targets)  # the bundle's experts are the tasks, in order
    for column, expert in enumerate(model.experts):
        needed = found.score[targets[:, column] == 1, column]
        assert len(expert.needed_scores) == len(needed)
        # As float32, in which the engine compares, no tile that set a threshold falls below it.
        assert (np.array(expert.needed_scores, np.float32) <= np.sort(needed)).all()
        np.testing.assert_allclose(expert.needed_scores, np.sort(needed), atol=2e-6)
    counts = {expert.name: len(expert.needed_scores) for expert in model.experts}
    assert counts["water"] == counts["clouds"] == 1 and counts["buildings"] == 0
    basis = trained.data["training"]["recall"]
    assert basis["split"] == "cal"
    assert {name: row["tiles"] for name, row in basis["experts"].items()} == counts
    assert basis["experts"]["water"] == {"tiles": 1, "scenes": 2}  # a mosaic of two small scenes


def test_scores_are_rounded_down_and_stay_down_in_float32():
    values = np.random.default_rng(0).random(20_000).astype(np.float32)
    values = np.concatenate([values, np.float32([0.0, 1.0, 1e-7, 0.3, 0.7])])
    rounded = [rounded_down(value) for value in values]
    assert (np.array(rounded, np.float32) <= values).all()
    np.testing.assert_allclose(rounded, values, rtol=0, atol=1.1e-6)


def test_calibrate_adds_the_scores_to_a_former_bundle_and_nothing_else(pack, trained, tmp_path, capsys):
    folder = shutil.copytree(trained.folder, tmp_path / "old")
    data = json.loads((folder / MODEL_FILE).read_text())
    data["format"] = "hydranet-bundle/1"
    del data["training"]["recall"], data["scene"], data["objects"]
    for expert in data["experts"]:
        del expert["needed_scores"], expert["heads"]
    data["sha256"][MODEL_FILE] = description_digest(data)
    (folder / MODEL_FILE).write_text(json.dumps(data))
    assert main(["calibrate", "--data", str(pack), "--bundle", str(folder)]) == 0
    for path in trained.folder.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes(), path.name
    out = capsys.readouterr().out
    assert "water               1 tiles that need it, from 2 scenes" in out


def test_tiles_behind_the_guarantee_are_cut_as_new_ones_would_be(pack, trained, tmp_path):
    """Of a scene of 400 x 400: four tiles, where the calibration's half stride would make nine."""
    lake = next(sample for sample in load_pack(pack, ("cal",)) if sample.id == "lake_cal_0")
    rows = np.s_[np.arange(400) % 96]
    large = replace(
        lake,
        bands=lake.bands[:, rows][:, :, rows],
        valid=lake.valid[rows][:, rows],
        labels={name: label[rows][:, rows] for name, label in lake.labels.items()},
    )
    folder = shutil.copytree(trained.folder, tmp_path / "large")
    info = add_needed_scores(folder, [large])
    assert info.data["training"]["recall"]["experts"]["water"] == {"tiles": 4, "scenes": 1}


def test_calibrating_with_no_scene_leaves_no_score(trained, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "none")
    assert all(expert.needed_scores == () for expert in add_needed_scores(folder, []).experts)


def test_a_run_of_another_recipe_is_refused(tmp_path, pack):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RequestError, match="another recipe"):
        train_bundle(pack, tmp_path, RECIPE, lambda _m: None)
