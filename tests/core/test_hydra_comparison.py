"""The Hydra comparison on a made-up pack and run: what runs, what is counted, what the card says."""

from __future__ import annotations

import copy
import csv
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from model_core.bundle import load_bundle, read_info
from model_core.cli import main
from model_core.errors import RequestError
from model_core.evaluation import hydra as comparison
from model_core.evaluation.card_hydra import KEY, comparison_text, hydra_section
from model_core.evaluation.hydra import compare_hydra, trained_sources
from model_core.evaluation.hydra_cost import answer, method_costs
from model_core.evaluation.hydra_methods import Contest, shipped_decoder
from model_core.evaluation.hydra_run import run_facts, same_encoder
from model_core.evaluation.hydra_scan import cut, scan
from model_core.evaluation.metrics import iou
from model_core.evaluation.record import without_nan
from model_core.networks.expert import Expert
from model_core.networks.hydranet import HydraNet, NetworkConfig
from model_core.tasks import TASK_NAMES, TASKS, UNKNOWN
from model_core.training.calibration import Calibration
from model_core.training.decision import Fit, apply_offsets
from model_core.training.export import export_bundle
from model_core.training.framework.checkpoint import digest
from model_core.training.hydra.folder import HydraDecoders, save_decoders
from model_core.training.pack import load_pack
from model_core.training.recipe import Recipe

from .tiny_pack import write_pack

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
MEMBERS = 3
OFFSETS = (0.0, -0.5)
REGION, SURFACE = "wildfire (Runan)", "ETH/EPFL road tiles"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Layers this small are done before threads have been woken."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """The tiny pack with val scenes moved to test, and one test scene each of the unseen sources."""
    root = write_pack(tmp_path_factory.mktemp("pack"))
    with (root / "catalog.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["split"] = row["split"].replace("val", "test")
        row["source"] = {"lake_test_1": REGION, "sky_test_1": SURFACE}.get(row["id"], row["source"])
    with (root / "catalog.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


@pytest.fixture(scope="module")
def bundle(pack, tmp_path_factory):
    """An untrained bundle; the line of its water expert was moved."""
    torch.manual_seed(0)
    network = HydraNet(SMALL, {task.name: task.expert.channels for task in TASKS}).eval().folded()
    apply_offsets(network, {"water": OFFSETS})
    fits = {name: Calibration(1.0, 0.0, 0.5, 0, 0, "cal+val") for name in TASK_NAMES}
    told = {
        "how": "not at all", "notes": "", "machine": "a machine", "torch": "0", "frozen_sha256": "sha256:0",
        "decision_offsets": {"water": Fit(OFFSETS, 0.25, 0.375, 0.9, 4, "cal").as_dict()},
    }  # fmt: skip
    train = load_pack(pack, ("train",))
    folder = tmp_path_factory.mktemp("made") / "bundle"
    return export_bundle(folder, network, fits, Recipe(network=SMALL), train, told).folder


def expert(channels: int, heads: int, seed: int) -> Expert:
    """A decoder that says something else for every seed and, with heads, by every head."""
    torch.manual_seed(seed)
    made = Expert(SMALL.encoder_widths, SMALL.expert_widths, channels, heads=heads, deploy=True).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made.to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with random decoders of water and clouds."""
    folder = tmp_path_factory.mktemp("run")
    for name, channels in (("water", 2), ("clouds", 4)):
        members = [expert(channels, 1, seed) for seed in range(MEMBERS)]
        decoders = HydraDecoders(members, expert(channels, 1, 10), expert(channels, MEMBERS, 11))
        save_decoders(folder / name, decoders)
    (folder / "config.json").write_text(json.dumps({"recipe": {"members": MEMBERS, "seed": 5}}))
    return folder


@pytest.fixture(scope="module")
def model(bundle):
    return load_bundle(bundle, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def found(model, run, pack):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "load_smoke", lambda _root: [])
        return compare_hydra(model, run, pack, ["water", "clouds"], lambda _message: None, rounds=2)


def test_every_method_is_scored_on_the_same_scenes(found):
    water = found["water"]
    assert list(water["methods"]) == ["ensemble", "hydra", "averaged", "single", "shipped"]
    # Three lakes of the pack's own source; the fourth is of an unseen one and is not scored.
    assert (water["scenes"], water["members"], water["pixels"]) == (3, MEMBERS, 3 * 96 * 96)
    for row in water["methods"].values():
        assert row["nll"]["low"] <= row["nll"]["value"] <= row["nll"]["high"]
        assert 0 <= row["brier"]["value"] <= 2 and 0 <= row["ece"]["value"] <= 1
    better = water["methods"]["ensemble"]["nll"]["value"] <= water["methods"]["single"]["nll"]["value"]
    assert better, "the mean of the members is at least as likely as they are on average (Jensen)"
    difference = water["differences"]["single"]["nll"]["value"]
    values = {name: row["nll"]["value"] for name, row in water["methods"].items()}
    assert difference == pytest.approx(values["hydra"] - values["single"])


def test_only_methods_with_several_opinions_have_model_uncertainty(found):
    for row in found.values():
        for method, entry in row["methods"].items():
            for source in (REGION, SURFACE):
                area = entry["ood"][source]
                assert (area["model"] is not None) == (method in ("ensemble", "hydra"))
                assert 0 <= area["total"]["value"] <= 1
        assert row["model_uncertainty"]["hydra"] > 0
    assert found["water"]["unseen"][REGION]["scenes"] == found["water"]["unseen"][SURFACE]["scenes"] == 1
    assert found["water"]["ordinary"]["sources"] == ["lakes"] and found["clouds"]["ordinary"]["sources"] == [
        "sky"
    ]


def test_what_is_ordinary_comes_from_the_training_scenes(pack, tmp_path):
    assert trained_sources(pack, "water") == {"lakes"} and trained_sources(pack, "clouds") == {"sky"}
    assert REGION not in trained_sources(pack, "fire")
    with pytest.raises(RequestError, match=r"No catalog\.csv"):
        trained_sources(tmp_path, "water")


def test_a_student_that_is_the_ensemble_has_its_model_uncertainty(model, run, pack):
    """A contest in which Hydra says what the members say: all scores equal, correlation 1."""
    contest = comparison._contest(model, model, run, "water")
    twin = Twin(contest)
    records = scan(model, [twin], load_pack(pack, ("test",)), {"water": lambda s: "water" in s.labels})[
        "water"
    ]
    costs = {"methods": {method: {} for method in twin.methods}, "encoder": {}}
    row = comparison.expert_figures(twin.methods, "water", records, {"lakes"}, costs)
    for key in ("nll", "brier", "ece", "figure"):
        assert row["differences"]["ensemble"][key] == {"value": 0, "low": 0, "high": 0}
    for where in ("pixels", "tiles"):
        assert row["correlation"]["hydra.model"][where]["spearman"]["value"] == pytest.approx(1)
    assert row["correlation"]["averaged.total"]["pixels"]["spearman"]["value"] < 0.99
    # By hand, for the members' own figure: the mean over the members.
    scored = [record for record in records if record.source == "lakes"]
    alone = [iou(sum(record.tables[f"single-{number}"] for record in scored)) for number in range(MEMBERS)]
    assert row["methods"]["single"]["figure"]["value"] == pytest.approx(np.mean(alone))


class Twin:
    """A contest whose Hydra repeats the ensemble."""

    def __init__(self, contest: Contest) -> None:
        self.spec, self.methods, self._contest = contest.spec, contest.methods, contest

    def heads(self, features):
        found = self._contest.heads(features)
        return {**found, "hydra": found["ensemble"]}


def test_each_tile_is_encoded_once_and_each_pixel_counted_once(model, run, pack, monkeypatch):
    sample = next(s for s in load_pack(pack, ("test",)) if s.id == "sky_test_0")
    large = SimpleNamespace(bands=np.pad(sample.bands, ((0, 0), (0, 150), (0, 180)), "wrap"), valid=None)
    large.valid = np.ones(large.bands.shape[1:], bool)
    large.valid[:40] = False
    seen = np.zeros(large.valid.shape, int)
    for tile in cut(large, 256):
        seen[tile.window] += tile.fresh
        assert tile.reflectance.shape == (1, 8, 256, 256)
    np.testing.assert_array_equal(seen, large.valid)
    calls = []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda *given: calls.append(1) or encode(*given))
    contests = [comparison._contest(model, model, run, name) for name in ("water", "clouds")]
    everything = {"water": lambda s: True, "clouds": lambda s: True}
    records = scan(model, contests, load_pack(pack, ("test",)), everything)
    assert len(calls) == len(records["water"]) == len(records["clouds"]) == 8


def test_an_unlabelled_scene_is_measured_but_not_scored(model, run, pack):
    contest = comparison._contest(model, model, run, "water")
    skies = [s for s in load_pack(pack, ("test",)) if "clouds" in s.labels]
    records = scan(model, [contest], skies, {"water": lambda s: True})["water"]
    assert all(not record.scored and record.tiles["hydra.model"] for record in records)
    unknown = [
        SimpleNamespace(**{**vars(s), "labels": {"water": np.full(s.valid.shape, UNKNOWN)}}) for s in skies
    ]
    assert not scan(model, [contest], unknown, {"water": lambda s: True})["water"][0].scored


def test_the_shipped_decoder_says_what_it_said_before_its_line_was_moved(model):
    spec = next(e for e in model.experts if e.name == "water")
    raw, kept = shipped_decoder(model, spec), model.network.experts["water"]
    moved = (kept.head.bias - raw.head.bias).reshape(2, 4)
    np.testing.assert_allclose(moved, np.repeat(np.array(OFFSETS)[:, None], 4, 1), atol=1e-6)
    clouds = next(e for e in model.experts if e.name == "clouds")
    assert torch.equal(shipped_decoder(model, clouds).head.bias, model.network.experts["clouds"].head.bias)
    assert shipped_decoder(model, SimpleNamespace(name="water", heads=3)) is None


def test_costs_are_counted_from_what_runs(model, run):
    contest = comparison._contest(model, model, run, "water")
    costs = method_costs(model, contest, rounds=1)
    rows = costs["methods"]
    assert rows["single"]["macs"] == model.macs.experts["water"] == rows["averaged"]["macs"]
    assert rows["ensemble"]["macs"] == MEMBERS * rows["single"]["macs"]
    assert rows["single"]["macs"] < rows["hydra"]["macs"] < rows["ensemble"]["macs"]
    assert rows["ensemble"]["parameters"] == MEMBERS * rows["single"]["parameters"]
    assert costs["encoder"]["macs"] == model.macs.encoder
    assert all(row["seconds"] > 0 for row in rows.values())
    features = model.encode(
        np.full((1, 8, 256, 256), 0.2, np.float32), np.ones(8, bool), np.ones((1, 256, 256), bool)
    ).parts[0]
    heads = contest.heads(features)
    np.testing.assert_allclose(answer(contest.members, features)[0, :2], heads["ensemble"].mean(0), atol=1e-6)
    np.testing.assert_allclose(answer([contest.averaged], features)[0], heads["averaged"][0], atol=1e-6)


def test_the_section_tells_all_of_it_and_old_bundles_have_none(found):
    facts = {"members": MEMBERS, "seed": 5, "starts": {"water": "bundle", "clouds": "fresh"}}
    record = without_nan({"run": facts, "experts": found})
    info = SimpleNamespace(data={"training": {KEY: record}})
    text = "\n".join(hydra_section(info, {}))
    for words in ("ensemble of 3", "Hydra, 3 heads", "former single decoder", REGION, SURFACE, "seed 5"):
        assert words in text
    assert "saw training scenes of both in the joint training" in text
    assert "Both students of water began as the bundle's single decoder" in text
    assert " nan" not in text and "None" not in text
    for block in text.split("\n\n"):
        bars = [line.count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(bars)) <= 1
    fewer = copy.deepcopy(record)
    for entry in fewer["experts"].values():
        del entry["methods"]["shipped"], entry["differences"]["shipped"]
    assert "former" not in "\n".join(comparison_text(fewer)).replace("the former", "")
    assert hydra_section(SimpleNamespace(data={"training": {}}), {}) == []


def test_the_command_prints_and_records(bundle, run, pack, tmp_path, capsys):
    told = tmp_path / "figures.json"
    arguments = ["hydra", "--data", str(pack), "--run", str(run), "--bundle", str(bundle)]
    before = read_info(bundle).sha256
    assert main([*arguments, "--experts", "water", "--json", str(told)]) == 0
    assert "| water | Hydra, 3 heads |" in capsys.readouterr().out
    assert read_info(bundle).sha256 == before
    figures = json.loads(told.read_text())
    assert figures["run"]["members"] == MEMBERS and list(figures["experts"]) == ["water"]
    assert main([*arguments, "--experts", "water", "--card", "--former", str(bundle)]) == 0
    recorded = read_info(bundle).data["training"][KEY]
    again, first = (row["experts"]["water"]["methods"]["hydra"]["nll"] for row in (recorded, figures))
    assert again == first
    assert "was not evaluated yet" in capsys.readouterr().err


def test_a_run_on_another_encoder_is_refused(model, bundle, run, pack, tmp_path):
    for name in ("water", "clouds"):
        shutil.copytree(run / name, tmp_path / name)
    mine = digest(model.network.encoder.state_dict())
    for encoder, refused in ((mine, False), ("sha256:0", True)):
        (tmp_path / "config.json").write_text(json.dumps({"encoder": encoder}))
        with pytest.raises(
            RequestError, match="another encoder than that of" if refused else "no expert 'x'"
        ):
            compare_hydra(model, tmp_path, pack, ["x"], lambda _message: None)


def test_bad_input_is_a_sentence(bundle, run, pack, tmp_path, capsys, model):
    arguments = ["hydra", "--data", str(pack), "--bundle", str(bundle)]
    assert main([*arguments, "--run", str(run), "--experts", "ships"]) == 2
    assert "no expert 'ships'" in capsys.readouterr().err
    assert main([*arguments, "--run", str(run), "--experts", " , "]) == 2
    assert main([*arguments, "--run", str(run), "--experts", "landcover"]) == 2
    assert "holds no finished ensemble" in capsys.readouterr().err
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RequestError, match="cannot be read"):
        run_facts(tmp_path, [])
    assert run_facts(tmp_path / "none", ["water"]) == {"seconds": {}, "starts": {}}
    other = SimpleNamespace(network=copy.deepcopy(model.network))
    assert same_encoder(model, other)
    other.network.encoder.availability.data.add_(1)
    assert not same_encoder(model, other)
