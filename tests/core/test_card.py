"""The model card: every figure of it is measured by one call, kept in the bundle, and found in the page."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from model_core.bundle import load_bundle, read_info
from model_core.cli import main
from model_core.evaluation import subset
from model_core.evaluation.card import write_card
from model_core.evaluation.card_experts import expert_section, fire_section
from model_core.evaluation.record import without_nan
from model_core.evaluation.report import measure, write_bundle_card
from model_core.evaluation.subset import sample_figures
from model_core.networks.hydranet import HydraNet, NetworkConfig
from model_core.resources import default_bundle
from model_core.tasks import TASK_NAMES, TASKS
from model_core.training.calibration import Calibration
from model_core.training.controls import add_controls, train_controls
from model_core.training.decision import Fit
from model_core.training.export import export_bundle
from model_core.training.held_out import SUFFIX, fires, held_out
from model_core.training.layout import natural_tiles
from model_core.training.pack import load_pack
from model_core.training.recipe import Recipe
from model_core.training.switcher import pool_tiles

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
RECIPE = Recipe(network=SMALL, switcher_epochs=2)
BUNDLE_BYTES = 12 * 1024 * 1024


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def folder(pack, tmp_path_factory):
    """An untrained bundle with controls and an expert whose line was moved."""
    torch.manual_seed(0)
    network = HydraNet(SMALL, {task.name: task.expert.channels for task in TASKS}).eval().folded()
    fits = {name: Calibration(1.0, 0.0, 0.5, 0, 0, "cal+val") for name in TASK_NAMES}
    train = load_pack(pack, ("train",))
    moved = Fit((0.0, -0.5), 0.25, 0.375, 0.9, 4, "cal+val")
    told = {
        "how": "not at all", "notes": "A note.", "machine": "a machine", "torch": "0",
        "frozen_sha256": "sha256:0", "decision_offsets": {"water": moved.as_dict()},
    }  # fmt: skip
    info = export_bundle(tmp_path_factory.mktemp("run") / "bundle", network, fits, RECIPE, train, told)
    tiles = pool_tiles(network, natural_tiles(train, 256))
    add_controls(info.folder, train_controls(tiles, tiles, tiles, RECIPE, lambda _m: None))
    return info.folder


@pytest.fixture(scope="module")
def written(folder, pack):
    """The bundle with its card, and what was measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subset, "SAMPLE_SCENES", ())  # they have a test of their own
        model = load_bundle(folder, device="cpu", precision="fp32")
        metrics = measure(model, pack, "test", lambda _m: None)
        return write_bundle_card(folder, model, metrics, pack), without_nan(metrics)


def test_the_card_has_a_section_for_every_expert_and_every_control(written):
    info, metrics = written
    card = (info.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == write_card(read_info(info.folder), info.data["metrics"])
    for expert in info.experts:
        assert f"### {expert.title} (`{expert.name}`)" in card
    assert {row["source"] for row in metrics["controls"]["without"]} == {"lakes", "sky"}
    for row in metrics["controls"]["without"]:
        assert f"| {row['source']} | {row['tiles']} | {row['needed']} |" in card
    for policy in ("top-2", "oracle", "oracle, at most 2", "random, 2 a tile", "all experts"):
        assert card.count(f"\n| {policy} |") == 2, policy  # freely, and by pixel size
    value = metrics["experts"]["water"]["value"]
    assert f"IoU water | hand | {value:.3f}" in card
    assert "logits: water -0.50" in card and "from 0.250 to 0.375" in card
    assert "**Simulated**" in card
    assert "![Reliability" in card
    assert "| nan |" not in card
    assert "None" not in card


def test_the_pictures_it_shows_are_in_the_bundle(written):
    info, metrics = written
    shown = info.data["metrics"]["reliability_picture"]
    assert (info.folder / shown).read_bytes()[:4] == b"\x89PNG"
    for rows in info.data["metrics"].get("pictures", {}).values():
        for row in rows:
            assert (info.folder / row["file"]).is_file()
    bins = metrics["router"]["bins"]
    assert sum(row["count"] for row in bins) == sum(
        row["needed"] + row["not_needed"]
        for row in metrics["router"]["experts"].values()
        if not row.get("simulated")
    )


def test_evaluate_prints_the_figures_again_without_touching_the_bundle(
    written, pack, capsys, monkeypatch, tmp_path
):
    info, metrics = written
    monkeypatch.setattr(subset, "SAMPLE_SCENES", ())
    before = {path.name: path.read_bytes() for path in info.folder.iterdir() if path.is_file()}
    told = tmp_path / "figures.json"
    arguments = ["evaluate", "--data", str(pack), "--bundle", str(info.folder), "--json", str(told)]
    assert main(arguments) == 0
    assert {path.name: path.read_bytes() for path in info.folder.iterdir() if path.is_file()} == before
    assert json.loads(told.read_text()) == metrics
    card = (info.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    figures = [line for line in card.splitlines() if line.startswith("|")]
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in figures if line not in printed] == []


def test_the_subset_is_the_first_scenes_of_each_source(pack):
    samples = held_out(pack, "train")
    ids = [sample.id for sample in subset.choose_subset(samples)]
    assert ids == [
        "lake_train_0",
        "lake_train_1",
        "lake_train_2",
        "sky_train_0",
        "sky_train_1",
        "sky_train_2",
    ]


def test_scenes_set_on_fire_stand_beside_the_real_ones_and_carry_no_other_label(pack):
    real = [replace(sample, source="OSCD") for sample in load_pack(pack, ("train",))]
    burning = fires(real)
    assert [sample.id for sample in burning] == [f"{sample.id}{SUFFIX}" for sample in real]
    for sample, fire in zip(real, burning, strict=True):
        assert set(fire.labels) == {"fire"} and fire.label_kind == {"fire": "simulated"} and not fire.needs
        assert (fire.bands != sample.bands).any()
    assert fires(load_pack(pack, ("train",))) == []  # these sources are not among those that may burn
    small = [sample for sample in real if "water" in sample.labels]
    placed = list(natural_tiles(small + fires(small), 256))
    assert [tile.ids for tile in placed[:1]] == [tile.ids for tile in natural_tiles(small, 256)]
    assert len(placed) == 2  # one mosaic of the real ones, one of the burning ones


def test_licences_not_stated_are_told_with_what_the_sources_bring(written):
    info, metrics = written
    training = dict(info.data["training"])
    training["data"] = [{**row, "license": "not stated"} for row in training["data"]]
    bare = replace(info, data={**info.data, "training": training})
    water = next(expert for expert in info.experts if expert.name == "water")
    assert (
        "No licence is stated for lakes. What the expert would be without was not measured."
        in expert_section(bare, water, metrics)
    )
    run = {"what": "", "steps": 600, "samples": 9}
    training["ablations"] = [
        {"name": "plain", **run, "val": {"water": {"metric": "IoU water", "value": 0.7}}},
        {"name": "stated-licences", **run, "val": {"water": {"metric": "IoU water", "value": 0.6}}},
    ]
    text = expert_section(bare, water, metrics)
    assert "IoU water on `val` was 0.700 with such sources" in text
    assert "and 0.600 without" in text


def test_real_smoke_stands_apart_from_simulated_fires():
    row = {"tiles": 4, "smoke": 0.125, "flame": 0.0, "score_mean": 0.5, "score_max": 0.75, "above": 0.25}
    summary = {
        "smoke_scenes": 1, "smoke_scenes_routed": 1, "smoke_scenes_found": 1, "found_from_share": 0.1,
    }  # fmt: skip
    text = fire_section({"smoke": [{"id": "smoke_1", **row}], "fire_free": {"OSCD": row}, "summary": summary})
    assert "**On real scenes.**" in text
    assert "| smoke_1 | 4 | 12.5 % | 0.0 % | 0.500 | 0.750 | 25.0 % |" in text
    assert "1 of 1 such scenes" in text


def test_the_bundle_gives_the_recorded_figures_on_the_sample_scenes():
    """Needs no pack: `predict` makes of the scenes that come with HydraNet what the card was made with."""
    model = load_bundle(default_bundle(), device="cpu", precision="fp32")
    recorded = model.info.data["metrics"].get("sample")
    assert recorded, "the bundle's card is older than its sample figures; run `hydranet evaluate --card`"
    found = sample_figures(model)
    assert found.keys() == recorded.keys()
    for scene, experts in recorded.items():
        assert found[scene].keys() == experts.keys()
        for name, row in experts.items():
            # Another CPU rounds differently, which may turn a pixel here and there, or a tile on the edge.
            assert abs(found[scene][name]["tiles"] - row["tiles"]) <= 1, (scene, name)
            if found[scene][name]["tiles"] == row["tiles"]:
                shares = found[scene][name].get("shares", {})
                assert shares == pytest.approx(row.get("shares", {}), abs=2e-3), (scene, name)


def test_the_bundle_stays_small():
    total = sum(path.stat().st_size for path in default_bundle().rglob("*") if path.is_file())
    assert total <= BUNDLE_BYTES
