"""Training of the scene expert: its tiles, a whole small training, and what it may not touch."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from model_core.bundle import WEIGHTS_FILE, load_bundle, read_info, write_bundle
from model_core.cli import main
from model_core.errors import RequestError
from model_core.evaluation.card_scene import scene_section
from model_core.evaluation.record import without_nan
from model_core.evaluation.scene import scene_figures
from model_core.networks.hydranet import HydraNet, NetworkConfig
from model_core.tasks import TASK_NAMES, TASKS, UNKNOWN
from model_core.training.calibration import Calibration
from model_core.training.commands.scene import DEFAULTS
from model_core.training.export import export_bundle
from model_core.training.pack import load_chips, load_pack
from model_core.training.recipe import Recipe
from model_core.training.scene.bank import BankPlan, Part
from model_core.training.scene.covers import completed
from model_core.training.scene.export import check_kept, others, scene_bundle
from model_core.training.scene.labels import CLASSES, CLOUD, LAND, chip_class, cover_codes
from model_core.training.scene.mosaics import ChipTiles, reflectance
from model_core.training.scene.pipeline import fewest, train_scene
from model_core.training.scene.trainee import Checks, SceneTrainee

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
PLAN = BankPlan(2, ((128, 8),), ((128, 8),), ((128, 6),), 1)
OPTIONS = replace(DEFAULTS, epochs=3, batch_size=8, num_experts=3)


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Path:
    """The made-up pack, with chips of all ten classes in colours of their own."""
    root = write_pack(tmp_path_factory.mktemp("pack"))
    random = np.random.default_rng(1)
    with zipfile.ZipFile(root / "eurosat.zip", "w") as archive:
        lines = ["file,class,split"]
        for number, kind in enumerate(CLASSES):
            for split, count in (("train", 4), ("val", 4), ("test", 2)):
                for _ in range(count):
                    name = f"{kind}/{kind}_{len(lines)}.jpg"
                    lines.append(f"{name},{kind},{split}")
                    color = np.array([20 + 22 * number, 30 + 40 * (number % 4), 220 - 20 * number])
                    noise = random.integers(-12, 13, (64, 64, 3))
                    picture = io.BytesIO()
                    Image.fromarray((color + noise).clip(0, 255).astype(np.uint8)).save(picture, "JPEG")
                    archive.writestr(name, picture.getvalue())
        archive.writestr("splits.csv", "\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    network = HydraNet(SMALL, {task.name: task.expert.channels for task in TASKS}).eval().folded()
    fits = {name: Calibration(1.0, 0.0, 0.5, 0, 0, "cal") for name in TASK_NAMES}
    told = {"how": "not at all", "notes": "", "machine": "-", "torch": "-", "frozen_sha256": "sha256:0"}
    folder = tmp_path_factory.mktemp("bundle")
    return export_bundle(folder, network, fits, Recipe(network=SMALL), [], told).folder


@pytest.fixture(scope="module")
def made(pack, bundle, tmp_path_factory):
    """A whole small training: its run folder and the bundle it wrote."""
    run = tmp_path_factory.mktemp("run")
    return run, train_scene(pack, bundle, run, OPTIONS, lambda _m: None, plan=PLAN)


def test_mosaics_tell_the_area_of_every_class(pack):
    tiles = ChipTiles(load_chips(pack, ("train",)))
    tile, target = tiles.mosaic(128, 1.0, [2, 7], [0.5, 0.5], np.random.default_rng(0))
    assert tile.valid.all() and tile.bands.shape == (8, 128, 128)
    assert target[2] == target[7] == 0.5
    _, target = tiles.mosaic(128, 0.7, [1, 5, 6], [0.2, 0.3, 0.5], np.random.default_rng(0))
    assert float(target.sum()) == pytest.approx(1) and set(target.nonzero()[:, 0].tolist()) == {1, 5, 6}


def test_a_lone_chip_leaves_the_rest_without_data(pack):
    chips = load_chips(pack, ("train",))
    tile = ChipTiles(chips).alone(chips[0], 128, 0.5, np.random.default_rng(4))
    assert int(tile.valid.sum()) == 32 * 32
    assert (tile.bands[:, ~tile.valid] == 0).all()


def test_chips_as_reflectance():
    """255 of a EuroSAT picture is 0.275, 1 is 0; the pack reads 255 as 0.36."""
    shown = torch.tensor([0.0, 3600 / 255, 3600.0])
    assert torch.allclose(reflectance(shown), torch.tensor([0.0, 0.0, 2750.0]), atol=0.01)


def test_labels_stand_where_experts_guess(pack, bundle):
    """What a label tells stays; "land" may become more exact, but never water."""
    scenes = load_pack(pack, ("train",))
    network = load_bundle(bundle, device="cpu", precision="fp32").network
    for before, after in zip(scenes, completed(scenes, network), strict=True):
        told, found = cover_codes(before), after.labels["landcover"]
        sure = ~np.isin(told, (UNKNOWN, LAND))
        if "clouds" in before.labels:
            assert (found[sure] == told[sure]).all()
        else:  # the clouds expert may take pixels away
            assert np.isin(found[sure & (found != told)], CLOUD).all()
        assert not (found[told == LAND] == 0).any()


@pytest.mark.parametrize("rounds", [1, 3, 4])
def test_every_tile_is_seen_once_in_a_round_of_epochs(rounds: int):
    count = 24
    features = type("Rows", (), {"select": staticmethod(lambda index: index)})
    part = Part("rows", features, torch.arange(count)[:, None].float(), rounds, 0.5)
    trainee = SceneTrainee(
        torch.nn.Identity(), ((0,),), 1, OPTIONS, lambda: [part], lambda: Checks(part, part, [part])
    )
    for turn in range(2):
        batches = [list(trainee.batches(epoch)) for epoch in range(turn * rounds, (turn + 1) * rounds)]
        assert {len(found) for found in batches} == {trainee.steps()}
        assert max(len(rows) for found in batches for rows, _ in found) == OPTIONS.batch_size // 2
        seen = torch.cat([rows for found in batches for rows, _ in found]).tolist()
        assert sorted(seen) == list(range(count))


def test_the_fewest_branches_that_lose_nothing_are_run():
    curve = [{"k": k, "score": score} for k, score in ((1, 0.80), (2, 0.8995), (3, 0.90), (4, 0.90))]
    assert fewest(curve) == 2


def test_a_training_writes_a_bundle_that_answers(made, bundle):
    run, info = made
    model = load_bundle(info.folder, device="cpu", precision="fp32")
    scene = model.scene
    assert scene.classes == CLASSES and len(scene.branches) == 3
    assert info.data["training"]["scene"]["options"]["epochs"] == 3
    said = model.scene_scores(
        model.encode(
            np.full((2, 8, 256, 256), 0.2, np.float32), np.ones(8, bool), np.ones((2, 256, 256), bool)
        )
    )
    assert said.probability.shape == (2, 10)
    assert np.allclose(said.probability.sum(1), 1, atol=1e-5)
    assert (said.branches.sum(1) == scene.k).all()
    assert (run / "results" / "scene.json").is_file() and (run / "analysis" / "curves.png").is_file()


def test_everything_else_in_the_bundle_is_the_same(made, bundle):
    _, info = made
    before, after = load_file(bundle / WEIGHTS_FILE), load_file(info.folder / WEIGHTS_FILE)
    kept = others(after)
    assert set(kept) == set(before) and len(after) > len(kept)
    for name, value in before.items():
        assert value.numpy().tobytes() == kept[name].numpy().tobytes()
    changed = dict(kept)
    changed["switcher.out.bias"] = changed["switcher.out.bias"] + 1e-7
    with pytest.raises(RuntimeError, match=r"switcher\.out\.bias"):
        check_kept(before, changed)


def test_a_finished_training_is_exported_again_without_its_tiles(made, pack, bundle, monkeypatch):
    run, info = made
    monkeypatch.setattr("model_core.training.scene.bank.Bank.training", None)
    again = train_scene(pack, bundle, run, OPTIONS, lambda _m: None, plan=PLAN)
    assert again.scene == info.scene
    assert again.data["sha256"][WEIGHTS_FILE] == info.data["sha256"][WEIGHTS_FILE]


def test_a_run_of_other_numbers_is_refused(made, pack, bundle):
    with pytest.raises(RequestError, match="another recipe"):
        train_scene(pack, bundle, made[0], replace(OPTIONS, epochs=4), lambda _m: None, plan=PLAN)


def test_another_bundle_with_the_same_encoder_takes_it(made, pack, bundle, tmp_path):
    """Its other parts may have changed since: the training depends on the encoder alone."""
    run, info = made
    other = read_info(bundle)
    data = {key: value for key, value in other.data.items() if key not in ("format", "sha256")}
    tensors = load_file(bundle / WEIGHTS_FILE)
    tensors["switcher.out.bias"] = tensors["switcher.out.bias"] + 1
    write_bundle(tmp_path, {**data, "title": "Another"}, tensors)
    again = train_scene(pack, tmp_path, run, OPTIONS, lambda _m: None, plan=PLAN)
    assert again.scene == info.scene and again.data["title"] == "Another"
    train_scene(pack, bundle, run, OPTIONS, lambda _m: None, plan=PLAN)  # for the tests that follow


def test_the_bundle_is_not_written_onto_itself(made, bundle):
    _, info = made
    head = load_bundle(info.folder, device="cpu", precision="fp32").network.scene
    with pytest.raises(RequestError, match="choose another"):
        scene_bundle(bundle, bundle, head, info.scene, {})


def test_a_pack_without_a_class_is_refused(pack, bundle, tmp_path):
    root = write_pack(tmp_path / "pack")
    with pytest.raises(RequestError, match="lack AnnualCrop"):
        train_scene(root, bundle, tmp_path / "run", OPTIONS, lambda _m: None, plan=PLAN)


def test_numbers_out_of_range_are_refused(pack, capsys):
    assert main(["train", "scene", "--data", str(pack), "--branches-run", "0"]) == 2
    assert "--branches-run is 0" in capsys.readouterr().err


def test_figures_and_card(made, pack):
    """Figures of every number of branches, hooks that agree with the gate, and a section for the card."""
    _, info = made
    model = load_bundle(info.folder, device="cpu", precision="fp32")
    found = without_nan(scene_figures(model, pack, "test", lambda _m: None))
    json.dumps(found)
    assert found["chips"]["tiles"] == 20 and found["covers"]["tiles"] == found["covers"]["scenes"] == 2
    assert set(found["covers"]["by_source"]) == {"lakes"} and 0 <= found["covers"]["distance"]["value"] <= 1
    assert found["tiled"]["tiles"] == found["measured"]["tiles"] == 20
    assert sum(map(sum, found["chips"]["confusion"])) == 20
    assert len(found["chips"]["by_k"]) == len(found["macs"]) == 3
    scene = info.scene
    assert found["macs"] == [scene.macs_common + k * scene.macs_branch for k in (1, 2, 3)]
    assert found["calls"]["ran"] == found["calls"]["chosen"]
    text = "\n".join(scene_section(info, {"scene": found}))
    assert "## Scene expert" in text and all(f"\n| {name} |" in text for name in CLASSES)
    assert scene_section(info, {}) == []


def test_accuracy_is_that_of_the_products_own_answers(made, pack):
    """What the figures count as right is what `scene_scores` says of the same tiles."""
    _, info = made
    model = load_bundle(info.folder, device="cpu", precision="fp32")
    chips = load_chips(pack, ("test",))
    right = 0
    for chip in chips:
        tile = np.zeros((1, 8, 256, 256), np.float32)
        tile[0, :, :64, :64] = chip.bands * np.float32(1e-4)
        valid = np.zeros((1, 256, 256), bool)
        valid[0, :64, :64] = True
        said = model.scene_scores(model.encode(tile, chip.available, valid))
        right += int(said.probability[0].argmax() == chip_class(chip))
    found = scene_figures(model, pack, "test", lambda _m: None)["tiled"]["by_k"][info.scene.k - 1]
    assert found["value"] == pytest.approx(right / len(chips))


def test_the_history_has_every_epoch(made):
    with (made[0] / "results" / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3]
    assert {"loss/class", "loss/gate", "val/score", "val/chips"} <= set(rows[0])
