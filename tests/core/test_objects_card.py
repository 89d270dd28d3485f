"""The ablation of the objects expert, figures and card of a bundle that has one, beside all the others."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from model_core.bundle import load_bundle, read_info
from model_core.cli import main
from model_core.errors import RequestError
from model_core.evaluation import objects as objects_module
from model_core.evaluation import subset
from model_core.evaluation.card_objects import ablation_text, headline, objects_section
from model_core.evaluation.evaluate import evaluate_router
from model_core.evaluation.objects import above, object_figures, object_maps
from model_core.evaluation.objects_ablation import compare_objects, goals_of, read_entries
from model_core.evaluation.objects_scan import find_objects, predictions
from model_core.evaluation.outside import weights_digest
from model_core.evaluation.record import record_ablation, record_metrics, without_nan
from model_core.evaluation.regret import compare_routing
from model_core.evaluation.report import measure, write_bundle_card
from model_core.evaluation.tiles import pixel_experts, scan_tiles
from model_core.networks.hydranet import HydraNet
from model_core.objects.spec import ROUTINGS
from model_core.training.calibration import Calibration
from model_core.training.export import export_bundle
from model_core.training.objects import truth
from model_core.training.objects.export import objects_bundle
from model_core.training.objects.truth import CLASSES
from model_core.training.pack import load_pack
from model_core.training.recipe import Recipe
from tests.core.fakes import FakeFinder

from . import test_objects_bundle as bundles
from . import tiny_pack
from .test_objects_scores import SHIPS, scene

# --- the ablation -----------------------------------------------------------------------------------


def ablation(run, variants=ROUTINGS, seeds=(0, 1)):
    """A run folder in which `full` finds all, `dense` half of the ships, and the others something between."""
    scenes = [
        scene([(*s[:5], s[5]) for s in SHIPS], id=f"{split}{n}", split=split)
        for split in ("val", "test")
        for n in range(4)
    ]
    entries = []
    (run / "predictions").mkdir(parents=True)
    for variant in variants:
        for seed in seeds:
            name = f"predictions/{variant}_{seed}_{{split}}.json"
            for split in ("val", "test"):
                found = predictions(FakeFinder(), [s for s in scenes if s.split == split], size=32, overlap=8)
                for number, row in enumerate(found.values()):
                    if variant == "dense" or (variant != "full" and number == seed):
                        keep = [n for n, label in enumerate(row["label"]) if label or n]
                        row |= {key: [row[key][n] for n in keep] for key in row}
                (run / name.format(split=split)).write_text(json.dumps(found))
            entries.append(
                {
                    "variant": variant, "seed": seed, "macs": 1_000_000 + 10 * seed, "parameters": 5000,
                    "steps": 900, "seconds": 60.5, "predictions": name,
                }
            )  # fmt: skip
    (run / "ablation.json").write_text(json.dumps(entries))
    return scenes


@pytest.fixture(scope="module")
def arms(tmp_path_factory):
    run = tmp_path_factory.mktemp("arms") / "run"
    scenes = ablation(run / "ablation")
    return run, scenes


def test_the_ablation_compares_on_the_same_images(arms):
    run, scenes = arms
    parted = {split: [s for s in scenes if s.split == split] for split in ("test", "val")}
    found = compare_objects(run / "ablation", parted, CLASSES)
    assert list(found["networks"]) == list(ROUTINGS) and found["networks"]["full"]["macs"] == 1_000_005
    ships = found["splits"]["test"]["ship"]
    assert (ships["images"], ships["boxes"], ships["small"]) == (4, 8, 8)
    assert set(ships["figures"]) == {"ap50", "ap", "ap_small"}
    assert set(found["splits"]["val"]["building"]["figures"]) == {"ap50", "ap"}
    full, dense = ships["figures"]["ap"]["full"], ships["figures"]["ap"]["dense"]
    half = 51 / 101  # a precision of 1 up to a recall of one half
    assert (full["value"], dense["value"]) == (pytest.approx(1.0), pytest.approx(half))
    assert full["difference"] is None and full["seeds"] == pytest.approx([1.0, 1.0])
    # All images are alike, so that the same draws leave no doubt about the difference.
    gap = dense["difference"]
    assert [gap[key] for key in ("value", "low", "high")] == pytest.approx([1 - half] * 3)
    between = ships["figures"]["ap50"]["token"]
    assert half < between["value"] < 1 and between["low"] < between["value"] < between["high"]
    assert between["spread"] == pytest.approx(0.0)
    assert found["goals"]["ap50"]["verdict"] == "met" and found["goals"]["gap"]["verdict"] == "met"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.71, 0.9, "met"), (0.1, 0.69, "missed"), (0.6, 0.8, "unclear"), (float("nan"),) * 2 + ("unclear",)],
)
def test_a_goal_is_judged_by_the_whole_interval(low, high, verdict):
    row = {"value": 0.75, "low": low, "high": high}
    test = {"ship": {"figures": {"ap50": {"full": row}, "ap": {"full": row}}}}
    goals = goals_of(test)
    assert goals["ap50"]["verdict"] == verdict and "gap" not in goals
    assert goals_of({}) == {}


def test_the_command_writes_a_table_and_says_what_it_found(arms, monkeypatch, capsys, tmp_path):
    run, scenes = arms
    monkeypatch.setattr(truth, "load_objects", lambda root, splits: scenes)
    assert main(["objects", str(run), "--data", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "| both levels (full) | 2 | 1.00 |" in told and "Ships of `test`: 8 boxes (8 small) in 4" in told
    assert "| dense | 0.505 ± 0.000 (0.505 to 0.505) | +0.495 (+0.495 to +0.495) |" in told
    assert "Goal: AP50 of ships of 0.70 or more" in told and "None" not in told and "nan" not in told
    with (run / "results" / "objects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (3 + 2) * len(ROUTINGS)
    row = next(r for r in rows if (r["split"], r["measure"], r["variant"]) == ("test", "ap50", "dense"))
    assert (row["class"], row["mean"], row["full_less_this"], row["seeds"]) == (
        "ship",
        "0.5050",
        "0.4950",
        "2",
    )
    kept = json.loads((run / "results" / "objects.json").read_text())
    assert ablation_text(kept) in told


def spoiled(run, change):
    path = run / "ablation.json"
    rows = json.loads(path.read_text())
    path.write_text(json.dumps(change(rows)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: [], "lists no trained network"),
        (lambda rows: rows + rows[:1], "once for a seed"),
        (lambda rows: [{**rows[0], "variant": "none"}], "is 'none' with seed 0; expected each of full"),
        (lambda rows: [{k: v for k, v in rows[0].items() if k != "macs"}], "Entry 1 .* must have variant"),
        (lambda rows: [{**rows[0], "predictions": "../{split}.json"}], "lies outside the run folder"),
        (lambda rows: [{**rows[0], "predictions": "gone_{split}.json"}], "cannot be read"),
    ],
)
def test_a_damaged_run_folder_is_refused_in_a_sentence(tmp_path, change, sentence):
    scenes = ablation(tmp_path / "r", ("full",), (0,))
    spoiled(tmp_path / "r", change)
    with pytest.raises(RequestError, match=sentence):
        compare_objects(tmp_path / "r", {"test": scenes[4:]}, CLASSES)


def test_a_folder_without_an_ablation_and_other_scenes_are_refused(tmp_path, capsys):
    assert main(["objects", str(tmp_path)]) == 2
    assert "holds no ablation.json; give the run folder" in capsys.readouterr().err
    scenes = ablation(tmp_path / "r", ("full",), (0,))
    other = [replace(scenes[4], id="another")]
    with pytest.raises(RequestError, match="full, seed 0, .* do not fit the pack's test split"):
        compare_objects(tmp_path / "r", {"test": other}, CLASSES)
    (tmp_path / "r" / "ablation.json").write_text("{")
    with pytest.raises(RequestError, match="cannot be read"):
        read_entries(tmp_path / "r")


# --- a bundle with an objects expert ----------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A bundle without and the same with an objects expert that is called on nearly every tile."""
    base = bundles.without_objects(tmp_path_factory.mktemp("base"))
    folder = tmp_path_factory.mktemp("objects") / "bundle"
    objects_bundle(base, folder, bundles.detector(), bundles.SPEC, bundles.row(), {"how": "not at all"})
    return tuple(load_bundle(one, device="cpu", precision="fp32") for one in (base, folder))


def test_the_figures_of_the_other_experts_stay_as_they_were(pair, tmp_path):
    plain, found = pair
    samples = load_pack(tiny_pack.write_pack(tmp_path / "pack"), ("test",))
    before, after = scan_tiles(plain, samples), scan_tiles(found, samples)
    assert before.objects is None and after.objects.shape == (len(after.group),)
    assert set(after.objects_target.tolist()) <= {0, -1}
    np.testing.assert_array_equal(before.score, after.score)
    assert pixel_experts(found) == plain.experts == pixel_experts(plain)
    assert without_nan(evaluate_router(plain, [], before)) == without_nan(evaluate_router(found, [], after))
    for limits in (False, True):
        one = compare_routing(before, plain.experts, plain.macs, limits=limits)
        other = compare_routing(after, pixel_experts(found), found.macs, limits=limits)
        for mine, theirs in zip(one, other, strict=True):
            assert mine["saving"] == pytest.approx(theirs["saving"], rel=1e-3)  # the switcher has a row more
            same = ("policy", "experts_per_tile", "loss", "metric")
            assert without_nan({key: mine[key] for key in same}) == without_nan(
                {key: theirs[key] for key in same}
            )


@pytest.fixture(scope="module")
def measured(pair, tmp_path_factory):
    """Figures of the bundle on made scenes, and the maps that were drawn."""
    model = pair[1]
    rects = [(17, 14.5, 20, 5, 0.3), (43, 40, 20, 6, 1.5), (np.nan,) * 5]
    scenes = [scene(SHIPS, id=f"s{n}") for n in range(3)]
    pasted = [scene([(*s[:5], 0) for s in SHIPS], id=f"w{n}+0+0+0", rects=rects) for n in range(2)]
    folder = tmp_path_factory.mktemp("maps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects_module, "load_objects", lambda root, splits: scenes)
        patch.setattr(objects_module, "composed_scenes", lambda root, split: pasted)
        samples = load_pack(tiny_pack.write_pack(folder / "pack"), ("test",))
        found = object_figures(model, folder, "test", lambda _m: None, scan_tiles(model, samples))
        maps = object_maps(model, folder, "test", folder)
    return without_nan(found), maps, folder


def test_the_figures_of_a_bundle_are_complete(measured, pair):
    found, maps, folder = measured
    assert list(found["splits"]) == ["test", "val"]
    for classes in found["splits"].values():
        assert classes["ship"]["boxes"] == 6 and classes["building"]["boxes"] == 3
        assert classes["ship"]["threshold"] == bundles.SPEC.thresholds[0]
    assert found["composed"]["grounds"] == 2 and found["composed"]["ship"]["boxes"] == 6
    assert found["composed"]["length"]["ships"] == 4
    assert found["router"]["scenes"]["needed"] == 3 and "all" in found["router"]
    crowd = found["crowding"]
    assert 0 <= crowd["called"] <= crowd["tiles"] and crowd["missed_without"] <= crowd["missed_with"]
    json.dumps(found, allow_nan=False)
    assert len(maps) == 4 and {row["file"] for row in maps} == {f"card/objects_{n}.png" for n in range(1, 5)}
    assert all((folder / row["file"]).read_bytes()[:4] == b"\x89PNG" for row in maps)
    everything = find_objects(pair[1], scene(SHIPS))
    kept = above(everything, bundles.SPEC.thresholds)
    assert len(kept.tiles) == len(kept.score) <= len(everything.score)
    assert (kept.score >= np.array(bundles.SPEC.thresholds)[kept.label]).all()


def test_the_card_tells_what_is_real_and_whether_goals_are_met(measured, pair, arms):
    found, maps, _ = measured
    run, scenes = arms
    parted = {split: [s for s in scenes if s.split == split] for split in ("test", "val")}
    compared = without_nan(compare_objects(run / "ablation", parted, CLASSES))
    usage = {
        "objects": 5,
        "layers": [{"groups": [1.0, 0.5], "experts": [0.75, 0.25, 0.0], "effective": 1.8}],
        "classes": {
            "ship": {"objects": 5, "scenes": 2, "groups": [[1.0, 0.5]], "experts": [[0.75, 0.25, 0.0]]}
        },
        "difference": {"classes": [0, 1], "blocks": 4, "distance": [0.5], "chance": [0.2]},
    }
    info = pair[1].info
    metrics = {"objects": {**found, "usage": usage, "ablation": compared}, "split": "test"}
    text = objects_section(info, info.experts[-1], metrics)
    for line in (
        "| ship | real | boxes drawn by people",
        "| building | derived | connected parts of building masks",
        "| ship, composed | composed | real ships cut out of chips",
        "| test | ship | real | 3 (3) | 6 (6) |",
        "| test | ship | composed | 2 (2) | 6 (6) |",
        "| 1 | ship | 5 | 100.0 % | 50.0 % | 1: 75.0 %, 2: 25.0 % |",
        "Not that these images could tell",
        "Goal: full routing 1.5 points of AP above dense for ships on `test`. Measured +0.495",
        "met, as the whole interval lies above it",
        "Limits: the boxes of the test split are few",
    ):
        assert line in text, line
    assert "None" not in text and "nan" not in text
    assert objects_section(info, info.experts[-1], {"split": "test"}) == ""
    shown = headline(found, "test")
    assert shown.startswith("AP50 ship: ") and "AP50 building: " in shown and headline({}, "test") == "–"


def test_the_ablation_is_kept_in_the_bundle(pair, arms, tmp_path, monkeypatch, capsys):
    run, scenes = arms
    folder = shutil.copytree(pair[1].info.folder, tmp_path / "bundle")
    monkeypatch.setattr(truth, "load_objects", lambda root, splits: scenes)
    before = (folder / "model.safetensors").read_bytes() if (folder / "model.safetensors").exists() else b""
    assert main(["objects", str(run), "--data", str(tmp_path), "--bundle", str(folder), "--card"]) == 0
    assert "was not evaluated yet" in "".join(capsys.readouterr())
    kept = read_info(folder).data["metrics"]["objects"]["ablation"]
    assert kept == json.loads((run / "results" / "objects.json").read_text())
    if before:
        assert (folder / "model.safetensors").read_bytes() == before
    assert record_ablation(folder, {"other": 1}) is False
    assert read_info(folder).data["metrics"]["objects"] == {"ablation": {"other": 1}}


@pytest.fixture(scope="module")
def evaluated(arms, tmp_path_factory):
    """A bundle with an objects expert and a card, and what was measured without the expert and with it."""
    root = tmp_path_factory.mktemp("evaluated")
    data = tiny_pack.write_pack(root / "pack")
    torch.manual_seed(0)
    network = HydraNet(bundles.SMALL, bundles.CHANNELS).eval()
    fits = {name: Calibration(1.0, 0.0, 0.5, 0, 0, "cal") for name in bundles.CHANNELS}
    told = {"how": "not at all", "notes": "-", "machine": "-", "torch": "0", "frozen_sha256": "sha256:0"}
    told["recall"] = {"split": "cal", "experts": {}}
    train = load_pack(data, ("train",))
    base = export_bundle(root / "base", network, fits, Recipe(network=bundles.SMALL), train, told).folder
    scenes = [scene(SHIPS, id=f"s{n}") for n in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subset, "SAMPLE_SCENES", ())
        patch.setattr(objects_module, "load_objects", lambda root, splits: scenes)
        patch.setattr(objects_module, "composed_scenes", lambda root, split: [])
        plain = load_bundle(base, device="cpu", precision="fp32")
        before = measure(plain, data, "test", lambda _m: None)
        before |= {"outside": [], "outside_weights_sha256": weights_digest(plain.info)}
        record_metrics(base, before)
        objects_bundle(
            base, root / "b", bundles.detector(), bundles.SPEC, bundles.row(), {"how": "not at all"}
        )
        record_ablation(
            root / "b", without_nan(compare_objects(arms[0] / "ablation", {"test": arms[1][4:]}, CLASSES))
        )
        model = load_bundle(root / "b", device="cpu", precision="fp32")
        after = measure(model, data, "test", lambda _m: None)
        write_bundle_card(root / "b", model, after, data)
    return root / "b", without_nan(before), without_nan(after)


def test_a_bundle_with_an_objects_expert_is_evaluated_as_before_and_more(evaluated):
    folder, before, after = evaluated
    assert set(after) == {*before, "objects"} and "ablation" in after["objects"]
    for name in ("router", "controls", "experts", "risk"):
        assert before[name] == after[name], name
    assert before["subset"] == after["subset"]
    kept = read_info(folder).data["metrics"]
    assert kept["outside_weights_sha256"] == weights_digest(read_info(folder))
    rows = kept["pictures"]["objects"]
    assert rows and all((folder / row["file"]).is_file() for row in rows)


def test_its_card_has_a_section_on_objects(evaluated):
    folder, _, after = evaluated
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    for line in (
        "### Objects (`objects`)",
        "| Objects (`objects`) | ship, building | 0.5 to 6 m |",
        "AP50 ship: ",
        "**Do both levels of routing pay?**",
        "| test | ship | real | 2 (2) | 4 (4) |",
        "Where it fails most (maps only",
    ):
        assert line in card, line
    assert "None" not in card and "| nan" not in card
    section = card[card.index("## Router") : card.index("## Routing policies")]
    assert "| objects |" not in section
