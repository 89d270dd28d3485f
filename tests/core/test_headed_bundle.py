"""A bundle with Hydra experts and a scene expert loads strictly, decodes the mean of its heads, and runs."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model_core import bundle as bundles
from model_core.bands import BAND_NAMES
from model_core.bundle import MODEL_FILE, WEIGHTS_FILE, load_bundle, read_info
from model_core.errors import BundleError
from model_core.networks.hydranet import HydraNet
from model_core.networks.macs import count_macs, counting
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.scene_expert import SceneExpertSpec
from model_core.tasks import TASKS
from model_core.training.export import export_bundle
from model_core.training.recipe import Recipe
from model_core.training.switcher import Calibration
from model_core.training.warm import unfold
from tests.core.fakes import digital
from tests.core.test_bundle import SMALL, plain, rewrite
from tests.core.test_hydra_run import table
from tests.core.test_precision import Peak

HEADS = {"clouds": 3, "water": 2}
SCENE = SceneExpertSpec(
    "Scene", ("sea", "field", "wood", "town"), ((0,), (1, 2), (3,)), k=1, temperature=1.7,
    valid_gsd_m=(5.0, 60.0), level=2, width=8, depth=1, macs_common=0, macs_branch=0,
)  # fmt: skip
CHANNELS = {task.name: task.expert.channels for task in TASKS}
PRECISIONS = ("fp32", "bf16")


def counted(network: HydraNet) -> tuple[int, int]:
    """Multiply-accumulates of a tile's scene without any branch, and of one branch."""
    features = network.encode(torch.rand(1, 8, 256, 256), torch.ones(1, 8), torch.ones(1, 1, 256, 256))
    found = []
    for k in (1, 2):
        with counting(network.scene) as counter, torch.no_grad():
            network.scene(features, k)
        found.append(counter.total)
    branch = found[1] - found[0]
    return found[0] - branch, branch


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A bundle whose gate tells tiles apart, as one that was trained does."""
    folder = tmp_path_factory.mktemp("headed")
    torch.manual_seed(0)
    common, branch = counted(HydraNet(SMALL, CHANNELS, heads=HEADS, scene=SCENE, deploy=True))
    scene = replace(SCENE, macs_common=common, macs_branch=branch)
    network = HydraNet(SMALL, CHANNELS, heads=HEADS, scene=scene).eval()
    torch.nn.init.normal_(network.scene.body.gate.linear.weight, std=30.0)
    calibration = {task.name: Calibration(2.0, 0.5, 0.4, 9, 9, "cal") for task in TASKS}
    export_bundle(folder, network, calibration, Recipe(network=SMALL), [], {"how": "for a test"})
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "b")


@pytest.fixture(scope="module")
def models(made):
    return {precision: load_bundle(made, device="cpu", precision=precision) for precision in PRECISIONS}


def tiles(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tiles of falling brightness, one with a part without data."""
    random = np.random.default_rng(3)
    x = random.random((count, 8, 256, 256), np.float32) * np.linspace(1, 0.05, count)[:, None, None, None]
    valid = np.ones((count, 256, 256), bool)
    valid[0, :100] = False
    return (x * valid[:, None]).astype(np.float32), np.ones(8, bool), valid


def test_heads_and_scene_round_trip(folder):
    info = read_info(folder)
    assert {e.name: e.heads for e in info.experts} == {name: HEADS.get(name, 1) for name in CHANNELS}
    assert info.scene.classes == SCENE.classes and info.scene.branches == SCENE.branches
    assert info.data["format"] == "hydranet-bundle/4"
    assert info.macs.scene == info.scene.macs_common + info.scene.macs_branch > info.scene.macs_branch > 0
    before = (folder / MODEL_FILE).read_bytes()
    bundles.write_description(folder, info.data)
    assert (folder / MODEL_FILE).read_bytes() == before


def test_the_format_without_heads_is_read_as_what_it_is(folder, tmp_path):
    def strip(data):
        data["scene"] = None
        for expert in data["experts"]:
            expert["heads"] = 1

    rewrite(folder, strip)
    new = read_info(folder)
    rewrite(folder, plain)
    old = read_info(folder)
    assert json.loads((folder / MODEL_FILE).read_text())["format"] == "hydranet-bundle/2"
    assert old.experts == new.experts and old.scene is None and old.macs == new.macs
    assert {k: v for k, v in old.data.items() if k != "sha256"} == {
        k: v for k, v in new.data.items() if k != "sha256"
    }
    assert old.sha256 != new.sha256, "a bundle is known by what its file says"
    bundles.write_description(folder, old.data)
    assert json.loads((folder / MODEL_FILE).read_text()) == new.data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.update(format="hydranet-bundle/3"), r"unknown keys \['objects'\]"),
        (lambda data: data.update(format="hydranet-bundle/2"), r"unknown keys \['objects', 'scene'\]"),
        (
            lambda data: (data.pop("scene"), data.pop("objects"), data.update(format="hydranet-bundle/2")),
            r"keys \['heads'\]",
        ),
        (lambda data: data.pop("objects"), r"lacks \['objects'\]"),
        (lambda data: data.pop("scene"), r"lacks \['scene'\]"),
        (lambda data: data["experts"][0].pop("heads"), r"lacks \['heads'\]"),
        (lambda data: data["scene"].pop("k"), "scene expert in model.json must have the keys"),
        (lambda data: data["scene"].update(k=4), "runs 4 of 3 branches"),
        (lambda data: data["scene"].update(temperature="warm"), "temperature 'warm'; expected a number"),
        (lambda data: data.update(scene=[]), "scene expert"),
        (lambda data: data.update(scene=7), "scene expert"),
    ],
)  # fmt: skip
def test_a_description_that_does_not_fit_its_format_is_refused(folder, change, said):
    rewrite(folder, change)
    with pytest.raises(BundleError, match=said):
        read_info(folder)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"k": 1.0}, "runs 1.0 of 3 branches"),
        ({"k": float("inf")}, "runs inf of 3 branches"),
        ({"k": True}, "runs True of 3 branches"),
        ({"temperature": float("nan")}, "temperature nan; expected a number"),
        ({"temperature": float("inf")}, "temperature inf; expected a number"),
        ({"temperature": True}, "temperature True; expected a number"),
        ({"classes": "abcd"}, "no lists"),
        ({"classes": ["sea", "field", "wood", "sea"]}, "must be different names"),
        ({"classes": ["sea", "field", "wood", 4]}, "must be text"),
        ({"branches": [[0], [1, 2.4], [3]]}, "do not part its 4 classes"),
        ({"branches": ["0", "12", "3"]}, "no lists"),
        ({"branches": [0, 1, 2, 3]}, "no lists"),
        ({"branches": [[0], [1, 2, 3], []]}, "do not part its 4 classes"),
        ({"valid_gsd_m": [60, 5]}, r"valid_gsd_m \[60, 5\]; expected two numbers"),
        ({"valid_gsd_m": [float("nan"), 5]}, "expected two numbers"),
        ({"valid_gsd_m": [5, 6, 7]}, "expected two numbers"),
        ({"valid_gsd_m": "5 to 60"}, "no lists"),
        ({"title": None}, "must be text"),
        ({"level": 2.5}, "level 2.5; expected a whole number"),
        ({"depth": 10**9}, "depth 1000000000; expected a whole number, 1 to 8"),
        ({"width": 0}, "width 0; expected a whole number"),
        ({"macs_branch": -1}, "macs_branch -1; expected a whole number"),
        ({"macs_common": 10**400}, "macs_common"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_scene_expert_that_cannot_be_is_refused(folder, changed, said):
    rewrite(folder, lambda data: data["scene"].update(changed))
    with pytest.raises(BundleError, match=said):
        read_info(folder)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bias": float("nan")}, "'clouds' has bias nan; expected a number"),
        ({"temperature": float("inf")}, "'clouds' has temperature inf"),
        ({"valid_gsd_m": [80, 8]}, "'clouds' has valid_gsd_m"),
        ({"valid_gsd_m": []}, "'clouds' has valid_gsd_m"),
        ({"title": 5}, "'clouds' has a title"),
        ({"simulated": "no"}, "'clouds' has simulated 'no'"),
    ],
    ids=str,
)
def test_an_expert_that_cannot_be_is_refused(folder, changed, said):
    rewrite(folder, lambda data: data["experts"][0].update(changed))
    with pytest.raises(BundleError, match=said):
        read_info(folder)


@pytest.mark.parametrize("changed", [{"encoder": -1}, {"switcher": "5"}, {"scene": 7}], ids=str)
def test_costs_that_cannot_be_are_refused(folder, changed):
    rewrite(folder, lambda data: data["macs"].update(changed))
    with pytest.raises(BundleError, match="has costs that are unknown or no whole numbers"):
        read_info(folder)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.int32], ids=str)
def test_weights_of_another_type_are_refused(folder, kind):
    """A number read as another would be changed without a word."""
    tensors = load_file(folder / WEIGHTS_FILE)
    name = "experts.clouds.head.own.weight"
    save_file({**tensors, name: tensors[name].to(kind)}, folder / WEIGHTS_FILE)
    digest = bundles.file_digest(folder / WEIGHTS_FILE)
    rewrite(folder, lambda data: data["sha256"].update({WEIGHTS_FILE: digest}))
    with pytest.raises(BundleError, match="1 tensors are .* first 'experts.clouds.head.own.weight'"):
        load_bundle(folder, device="cpu", precision="fp32")


@pytest.mark.parametrize("heads", [0, 33, -1, 2.0, "3", None, True, [3]], ids=repr)
def test_heads_that_cannot_be_are_refused(folder, heads):
    rewrite(folder, lambda data: data["experts"][0].update(heads=heads))
    with pytest.raises(BundleError, match="'clouds' has heads .* 1 to 32"):
        read_info(folder)


def test_a_density_has_no_heads(folder):
    rewrite(folder, lambda data: data["experts"][0].update(kind="density", classes=[], heads=2))
    with pytest.raises(BundleError, match="Density expert 'clouds' has 2 heads; expected 1"):
        read_info(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["experts"][0].update(heads=4),
        lambda data: data["experts"][0].update(heads=1),
        lambda data: data["experts"][3].update(heads=3),
        lambda data: data["scene"].update(level=4),
        lambda data: data["scene"].update(level=9),
        lambda data: data["scene"].update(width=9),
        lambda data: data.update(scene=None),
    ],
)
def test_weights_of_other_heads_or_another_scene_are_refused(folder, change):
    rewrite(folder, change)
    with pytest.raises(BundleError, match="does not fit|no network that can be built"):
        load_bundle(folder, device="cpu", precision="fp32")


@pytest.mark.parametrize("name", ["clouds", "water", "burned"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_expert_gives_the_mean_of_its_heads(models, name, precision):
    model = models[precision]
    features = model.encode(*tiles(2))
    plain_values = model.decode(name, [(features, [0, 1])])
    both = model.decode(name, [(features, [0, 1])], uncertainty=True)
    heads, channels = HEADS.get(name, 1), CHANNELS[name]
    assert plain_values.shape == (2, channels, 256, 256) and plain_values.dtype == np.float32
    assert both[:, :channels].tobytes() == plain_values.tobytes()
    assert both.shape[1] == channels + (heads > 1)
    if heads == 1:
        return
    with torch.inference_mode():
        logits = torch.cat([model.network.decode(name, part) for part in features.parts]).double()
        p = torch.softmax(logits.view(2, heads, channels, 256, 256), 2)
    assert (p[:, 0] - p[:, 1]).abs().max() > 1e-3, "heads that say the same would show nothing"
    entropy = torch.special.entr(p).sum(2).mean(1) / np.log(channels)
    np.testing.assert_allclose(plain_values, p.mean(1), atol=2e-6)
    np.testing.assert_allclose(both[:, -1], entropy, atol=2e-6)


def test_heads_that_say_the_same_leave_no_model_uncertainty(made):
    model = load_bundle(made, device="cpu", precision="fp32")
    for name in HEADS:
        own = model.network.experts[name].head.own
        own.weight.zero_(), own.bias.zero_()
        p = model.decode(name, [(model.encode(*tiles(1)), [0])], uncertainty=True)[0].astype(np.float64)
        total = -(p[:-1] * np.log(p[:-1])).sum(0) / np.log(len(p) - 1)
        assert np.abs(total - p[-1]).max() < 1e-6


@pytest.mark.parametrize("precision", PRECISIONS)
def test_nothing_hangs_on_batch_mates(models, precision):
    model = models[precision]
    torch.set_num_threads(1)
    x, available, valid = tiles(5)
    whole = model.encode(x, available, valid)
    alone = [model.encode(x[n : n + 1], available, valid[n : n + 1]) for n in range(5)]
    scenes, each = model.scene_scores(whole), [model.scene_scores(one) for one in alone]
    assert scenes.probability.tobytes() == np.concatenate([one.probability for one in each]).tobytes()
    np.testing.assert_array_equal(scenes.branches, np.concatenate([one.branches for one in each]))
    for name in HEADS:
        together = model.decode(name, [(whole, [4, 1]), (alone[0], [0])], uncertainty=True)
        apart = [model.decode(name, [(alone[n], [0])], uncertainty=True) for n in (4, 1, 0)]
        assert together.tobytes() == np.concatenate(apart).tobytes()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_scene_expert_gives_calibrated_probabilities(models, precision):
    model = models[precision]
    features = model.encode(*tiles(4))
    found = model.scene_scores(features)
    assert found.probability.shape == (4, 4) and found.probability.dtype == np.float32
    np.testing.assert_allclose(found.probability.sum(1), 1, rtol=1e-6)
    assert found.branches.sum(1).tolist() == [1] * 4 and found.branches.any(0).sum() > 1
    one = model.encode(*(a[:1] if a.ndim > 1 else a for a in tiles(4)))
    with torch.inference_mode():
        logits = model.network.scene(one.parts[0], 1).logits
    assert next(model.network.scene.parameters()).dtype == torch.float32
    np.testing.assert_allclose(found.probability[0], torch.softmax(logits / 1.7, 1)[0], rtol=1e-5)


def test_only_what_is_chosen_runs_and_all_that_runs_is_counted(models, make_raster, tmp_path):
    """A run over real tiles: calls of each branch and expert against the table and run.json."""
    model = models["fp32"]
    array = (digital(600, 300) * np.linspace(1.5, 0.02, 600)[None, None] + 1).astype(np.uint16)
    scene = make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)
    calls: Counter = Counter()
    watched = {f"branch {n}": part for n, part in enumerate(model.network.scene.body.branches, start=1)}
    watched |= {f"expert {name}": part for name, part in model.network.experts.items()}
    hooks = [
        part.register_forward_pre_hook(lambda _m, args, name=name: calls.update([name]))
        for name, part in watched.items()
    ]
    try:
        with counting(model.network) as counter:
            summary = predict(
                PredictRequest(
                    scene, str(tmp_path / "run"), policy="top-k", top_k=1, uncertainty=True, threads=1
                ),
                load_model=lambda path, **options: model,
            )
    finally:
        for hook in hooks:
            hook.remove()
    served = table(tmp_path / "run")["scene_branches"]
    ran = Counter(f"branch {number}" for text in served for number in text.split(","))
    assert len(ran) > 1, "the tiles must not all go to one branch"
    ran.update({f"expert {e['name']}": e["tiles"] for e in summary["experts"] if e["tiles"]})
    assert calls == ran
    assert sum(count for name, count in calls.items() if "branch" in name) == summary["tiles"]["total"]
    assert counter.total == summary["macs"]["spent"]


def test_costs_of_heads_are_counted(models):
    headed = count_macs(HydraNet(SMALL, CHANNELS, heads=HEADS, deploy=True), 256).experts
    assert headed == models["fp32"].macs.experts
    single = count_macs(HydraNet(SMALL, CHANNELS, deploy=True), 256).experts
    assert all((headed[name] > single[name]) == (name in HEADS) for name in CHANNELS)


@torch.no_grad()
def test_folding_keeps_heads_and_scene():
    torch.manual_seed(1)
    network = HydraNet(SMALL, {"water": 2, "clouds": 4}, heads={"water": 3}, scene=SCENE)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    network.eval()
    folded = network.folded()
    assert (folded.heads, folded.scene_spec) == ({"water": 3, "clouds": 1}, SCENE)
    batch = torch.rand(2, 8, 64, 64), torch.ones(2, 8), torch.ones(2, 1, 64, 64)
    for one, other in zip(network(*batch)[1].values(), folded(*batch)[1].values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert folded.decode("water", folded.encode(*batch)).shape == (2, 6, 64, 64)
    scenes = [net.scene(net.encode(*batch), 2).logits for net in (network, folded)]
    torch.testing.assert_close(*scenes, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_memory_of_heads_is_known(models, precision):
    model = models[precision]
    x, available, valid = tiles(1)
    with Peak() as peak:
        features = model.encode(x, available, valid)
        model.scene_scores(features)
        decoded = model.decode("clouds", [(features, [0])], uncertainty=True)
    needed = x.nbytes + valid.nbytes + peak.most + (0 if decoded.base is not None else decoded.nbytes)
    assert needed <= model.tile_bytes()
    assert needed >= 0.6 * model.tile_bytes()


def test_a_training_starts_from_what_heads_have_in_common(made):
    """The joint training has neither heads nor a scene expert."""
    info = read_info(made)
    folded = HydraNet(SMALL, CHANNELS, heads=HEADS, scene=info.scene, deploy=True)
    folded.load_state_dict(load_file(made / WEIGHTS_FILE))
    target = HydraNet(SMALL, CHANNELS)
    batch = {"reflectance": torch.rand(4, 8, 64, 64), "available": torch.ones(4, 8)}
    batch["valid"] = torch.ones(4, 1, 64, 64)
    assert unfold(folded.eval(), target, [batch]) == []
    with torch.no_grad():
        for name in HEADS:
            head = folded.experts[name].head
            head.own.weight.zero_(), head.own.bias.zero_()
        arguments = batch["reflectance"], batch["available"], batch["valid"]
        old, new = folded(*arguments)[1], target.eval()(*arguments)[1]
    for name, channels in CHANNELS.items():
        torch.testing.assert_close(new[name], old[name][:, :channels], rtol=1e-3, atol=1e-3)


def test_info_shows_heads_and_scene(folder, capsys):
    from model_core.cli import main

    assert main(["info", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "heads  classes\n" in said
    assert "      3  clear, thin cloud" in said and "      2  no water, water" in said
    assert "      1  not burned" in said
    assert "Scene: one of 4 classes for each tile, at 5 to 60 m" in said
    assert "1 of 3 branches run for a tile" in said and "branch 2: field, wood" in said
