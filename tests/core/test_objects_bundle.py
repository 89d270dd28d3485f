"""A bundle with an objects expert loads strictly, finds the same in any company, and leaves all others."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from model_core import bundle as bundles
from model_core.bundle import MODEL_FILE, WEIGHTS_FILE, load_bundle, read_info
from model_core.cli import main
from model_core.errors import BundleError, RequestError
from model_core.networks.hydranet import HydraNet
from model_core.networks.inference import NetworkModel
from model_core.networks.macs import count_macs, counting
from model_core.networks.objects.detect import SLIVER, detections, outlines
from model_core.networks.objects.detector import ObjectsExpert
from model_core.objects.spec import FLOOR, ObjectsSpec
from model_core.tasks import TASKS
from model_core.training.calibration import Calibration
from model_core.training.export import export_bundle
from model_core.training.objects.export import objects_bundle
from model_core.training.objects.router import RouterPlan, RouterRow
from model_core.training.recall import add_needed_scores
from model_core.training.recipe import Recipe
from tests.core.test_bundle import SMALL, former, pixels, plain, rewrite
from tests.core.test_headed_bundle import tiles
from tests.core.test_precision import Peak

SPEC = ObjectsSpec("objects", "full", 40, 16, 16, 2, 4, 8, 2, 2, 24, (0.3, 0.4))
CHANNELS = {task.name: task.expert.channels for task in TASKS}
WITH = {**CHANNELS, "objects": 2}
ROUTINGS = ("full", "instance", "scene", "token", "dense")
PRECISIONS = ("fp32", "bf16")


def detector(spec: ObjectsSpec = SPEC, seed: int = 1) -> ObjectsExpert:
    """One that finds something, and whose routers and BatchNorm are not at their start."""
    torch.manual_seed(seed)
    made = ObjectsExpert.of(spec, 2, SMALL.encoder_widths)
    with torch.no_grad():
        for name, value in made.named_parameters():
            if "router" in name or ".score." in name:
                value.add_(torch.randn_like(value) * 0.4)
            elif ".box.2" in name:
                value.add_(torch.randn_like(value) * 0.05)
        made.dense.out.weight[:2].mul_(40)
        made.dense.out.bias[:2] = -0.5
    for name, module in made.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
        if name.endswith("router"):
            module.temperature = 0.7
    return made.eval()


def row(seed: int = 2, needed: tuple[float, ...] = (0.25, 0.5)) -> RouterRow:
    random = torch.Generator().manual_seed(seed)
    weight = torch.randn(SMALL.switcher_hidden, generator=random)
    fitted = Calibration(1.5, 0.25, 0.45, 9, 9, "val")
    return RouterRow(weight, 0.125, fitted, needed, 2, {"val": {"f1": 0.5}}, RouterPlan(), {})


def without_objects(folder):
    """A small bundle of the pixel experts alone."""
    torch.manual_seed(0)
    network = HydraNet(SMALL, CHANNELS).eval()
    calibration = {task.name: Calibration(2.0, 0.5, 0.4, 9, 9, "cal") for task in TASKS}
    told = {"how": "for a test", "recall": {"split": "cal", "experts": {}}}
    return export_bundle(folder, network, calibration, Recipe(network=SMALL), [], told).folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return without_objects(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def made(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects") / "bundle"
    objects_bundle(base, folder, detector(), SPEC, row(), {"how": "not at all"}, license="none")
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "b")


@pytest.fixture(scope="module")
def models(made):
    return {precision: load_bundle(made, device="cpu", precision=precision) for precision in PRECISIONS}


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def as_bytes(found) -> list[bytes]:
    """All that the detections of each tile hold."""
    return [b"|".join(np.ascontiguousarray(part).tobytes() for part in vars(one).values()) for one in found]


def test_an_objects_expert_round_trips(folder, base):
    info, before = read_info(folder), read_info(base)
    assert info.data["format"] == "hydranet-bundle/4" and info.objects == SPEC
    assert info.experts[:-1] == before.experts
    expert = info.experts[-1]
    assert (expert.name, expert.kind, expert.threshold, expert.temperature, expert.bias) == (
        "objects", "objects", 0.45, 1.5, 0.25,
    )  # fmt: skip
    assert [c.name for c in expert.classes] == ["ship", "building"] and expert.needed_scores == (0.25, 0.5)
    assert info.data["training"]["objects"]["how"] == "not at all"
    assert info.data["training"]["objects"]["from"]["sha256"] == before.sha256
    assert info.data["training"]["calibration"]["objects"]["split"] == "val"
    assert info.data["training"]["recall"]["experts"]["objects"] == {"tiles": 2, "scenes": 2, "split": "val"}
    listed = info.data["mlm"]
    assert listed["mlm:output"][-1]["tasks"] == ["object-detection"]
    assert listed["mlm:tasks"].count("object-detection") == 1
    tensors = load_file(folder / WEIGHTS_FILE)
    added = sum(v.numel() for v in detector().folded().state_dict().values()) + SMALL.switcher_hidden + 1
    assert sum(v.numel() for v in tensors.values()) == added + sum(
        v.numel() for v in load_file(base / WEIGHTS_FILE).values()
    )
    text = (folder / MODEL_FILE).read_bytes()
    bundles.write_description(folder, info.data)
    assert (folder / MODEL_FILE).read_bytes() == text


def test_the_model_tells_of_it(models):
    model = models["fp32"]
    assert model.objects == SPEC and model.experts[-1].kind == "objects"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.update(objects=None), r"kind 'objects' \['objects'\] but describes .* None"),
        (lambda data: data["experts"].pop(), "do not match its costs"),
        (lambda data: (data["experts"].pop(), data["macs"]["experts"].pop("objects")), r"'objects' \[\]"),
        (lambda data: data["objects"].update(expert="ships"), "describes the network of 'ships'"),
        (lambda data: data["objects"].update(thresholds=[0.5]), "1 thresholds for the 2 classes"),
        (lambda data: data["objects"].update(thresholds=[0.5] * 3), "3 thresholds for the 2 classes"),
        (lambda data: data["objects"].update(thresholds=[0.5, 1.5]), "expected 0 to 1"),
        (lambda data: data["objects"].update(thresholds=0.5), "must have the keys"),
        (lambda data: data["objects"].update(queries=0), "queries 0; expected a whole number"),
        (lambda data: data["objects"].update(routing="random"), "routing 'random'"),
        (lambda data: data["objects"].update(surprise=1), "must have the keys"),
        (lambda data: data["objects"].pop("groups"), "must have the keys"),
        (lambda data: data.update(objects=[]), "must have the keys"),
        (lambda data: data.update(objects=7), "must have the keys"),
        (lambda data: data.pop("objects"), r"lacks \['objects'\]"),
        (lambda data: (data.pop("objects"), data.update(format="hydranet-bundle/3")), "describes .* None"),
        (lambda data: data.update(format="hydranet-bundle/3"), r"unknown keys \['objects'\]"),
        (lambda data: data.update(format=["hydranet-bundle/4"]), "is not a 'hydranet-bundle/4'"),
        (lambda data: data["experts"][0].update(kind="objects"), r"\['clouds', 'objects'\]"),
        (lambda data: data["experts"][-1].update(kind="classes"), r"kind 'objects' \[\] but"),
        (lambda data: data["experts"][-1].update(heads=2), "Objects expert 'objects' has 2 heads"),
    ],
)  # fmt: skip
def test_a_description_that_does_not_hold_together_is_refused(folder, change, said):
    rewrite(folder, change)
    with pytest.raises(BundleError, match=said):
        read_info(folder)


@pytest.mark.parametrize(
    "changed",
    [
        {"width": 20}, {"memory_width": 8}, {"layers": 1}, {"experts": 12}, {"hidden": 25}, {"groups": 2},
        {"routing": "dense"},
    ],
    ids=str,
)  # fmt: skip
def test_weights_of_another_shape_are_refused(folder, changed):
    rewrite(folder, lambda data: data["objects"].update(changed))
    with pytest.raises(BundleError, match="does not fit"):
        load_bundle(folder, device="cpu", precision="fp32")


@pytest.mark.parametrize("strip", [pixels, plain, former], ids=lambda strip: strip.__name__)
def test_older_formats_are_read_and_written_as_a_new_bundle_would_be(base, tmp_path, strip):
    folder = shutil.copytree(base, tmp_path / "old")
    new = read_info(folder)
    text = (folder / MODEL_FILE).read_bytes()
    rewrite(folder, strip)
    old = read_info(folder, former=True)
    assert old.objects is None and old.scene is None and old.macs == new.macs
    assert [replace(e, needed_scores=()) for e in old.experts] == [
        replace(e, needed_scores=()) for e in new.experts
    ]
    assert old.sha256 != new.sha256, "a bundle is known by what its file says"
    bundles.write_description(folder, old.data)
    if strip is former:  # only the scores have another place
        assert json.loads((folder / MODEL_FILE).read_bytes()) == json.loads(text)
    else:
        assert (folder / MODEL_FILE).read_bytes() == text


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_scores_of_the_other_experts_are_the_same_bits(base, models, precision):
    before = load_bundle(base, device="cpu", precision=precision)
    given_tiles = tiles(5)
    old = before.scores(before.encode(*given_tiles))
    new = models[precision].scores(models[precision].encode(*given_tiles))
    assert new.shape == (5, len(TASKS) + 1)
    assert np.ascontiguousarray(new[:, :-1]).tobytes() == old.tobytes()
    assert len(np.unique(new[:, -1])) > 1


def test_the_new_score_is_that_of_the_row(models):
    model, its = models["fp32"], row()
    features = model.encode(*tiles(3))
    switcher = model.network.switcher
    pooled = torch.cat([switcher.pool(part) for part in features.parts]).double()
    hidden = torch.nn.functional.gelu(switcher.hidden(pooled)).numpy()
    logits = hidden @ its.weight.double().numpy() + its.bias
    expected = 1 / (1 + np.exp(-(logits / 1.5 + 0.25)))
    np.testing.assert_allclose(model.scores(features)[:, -1], expected, rtol=1e-6)


def test_everything_else_in_the_bundle_is_the_same_bits(base, made):
    before, after = load_file(base / WEIGHTS_FILE), load_file(made / WEIGHTS_FILE)
    for name, value in before.items():
        kept = after[name][: len(value)] if name.startswith("switcher.out.") else after[name]
        assert kept.dtype == value.dtype and kept.numpy().tobytes() == value.numpy().tobytes(), name
    new = {name for name in after if name not in before}
    assert new and all(name.startswith("experts.objects.") for name in new)
    assert len(after["switcher.out.bias"]) == len(before["switcher.out.bias"]) + 1


def test_a_former_objects_expert_is_replaced(base, made, tmp_path):
    spec = replace(SPEC, routing="dense", queries=30)
    given_row = row(7, (0.75,))
    again = objects_bundle(made, tmp_path / "again", detector(spec), spec, given_row, {"how": "anew"})
    once = objects_bundle(base, tmp_path / "once", detector(spec), spec, given_row, {"how": "anew"})
    first, second = load_file(again.folder / WEIGHTS_FILE), load_file(once.folder / WEIGHTS_FILE)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert again.experts == once.experts and again.macs == once.macs and again.objects == spec
    assert again.data["mlm"] == once.data["mlm"]
    assert again.data["training"]["calibration"] == once.data["training"]["calibration"]
    assert again.data["training"]["recall"] == once.data["training"]["recall"]


def test_an_export_that_cannot_be_is_refused_before_anything_is_written(base, tmp_path):
    folder = tmp_path / "new"
    with pytest.raises(RequestError, match="choose another run folder"):
        objects_bundle(base, base, detector(), SPEC, row(), {})
    with pytest.raises(RequestError, match="an expert 'water' of another kind"):
        objects_bundle(base, folder, detector(), replace(SPEC, expert="water"), row(), {})
    with pytest.raises(ValueError, match="not the one that its spec describes"):
        objects_bundle(base, folder, detector(), replace(SPEC, hidden=30), row(), {})
    with pytest.raises(ValueError, match="not the one that its spec describes"):
        objects_bundle(base, folder, detector(), replace(SPEC, thresholds=(0.5,)), row(), {})
    with pytest.raises(ValueError, match="row has shape"):
        objects_bundle(base, folder, detector(), SPEC, replace(row(), weight=torch.zeros(3)), {})
    assert not folder.exists()


def test_calibrating_with_the_pack_keeps_its_scores(folder):
    info = add_needed_scores(folder, [])
    assert info.experts[-1].needed_scores == (0.25, 0.5)
    assert all(expert.needed_scores == () for expert in info.experts[:-1])
    assert info.data["training"]["recall"]["experts"]["objects"] == {"tiles": 2, "scenes": 2, "split": "val"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_nothing_found_in_a_tile_hangs_on_its_company(models, threads, precision):
    """Batches, picks out of order, torch's threads, and workers side by side change no byte."""
    model = models[precision]
    x, available, valid = tiles(5)
    torch.set_num_threads(1)
    alone = [model.encode(x[n : n + 1], available, valid[n : n + 1]) for n in range(5)]
    expected = as_bytes([model.detect("objects", [(one, [0])])[0] for one in alone])
    found = model.detect("objects", [(one, [0]) for one in alone])
    assert min(len(one) for one in found) > 3, "tiles in which nothing is found would show nothing"
    assert len({one.experts.tobytes() for one in found}) > 1

    def check(borders: list[int]) -> None:
        pairs = list(zip(borders, borders[1:], strict=False))
        batches = [model.encode(x[a:b], available, valid[a:b]) for a, b in pairs]
        picks = [(batch, range(b - a)[::-1]) for batch, (a, b) in zip(batches, pairs, strict=True)]
        order = [n for a, b in pairs for n in reversed(range(a, b))]
        assert as_bytes(model.detect("objects", picks)) == [expected[n] for n in order], borders

    check([0, 5])
    torch.set_num_threads(2)
    check([0, 2, 5])
    assert torch.get_num_threads() == 2  # the caller's own setting is as it was
    with ThreadPoolExecutor(3, initializer=model.prepare_thread) as pool:
        list(pool.map(check, [[0, 5], [0, 1, 3, 5], [0, 4, 5]]))


def test_the_encoder_in_bf16_leaves_the_expert_in_float32(models):
    network = models["bf16"].network
    assert next(network.encoder.stages.parameters()).dtype == torch.bfloat16
    assert next(network.experts["water"].parameters()).dtype == torch.bfloat16
    assert {value.dtype for value in network.experts["objects"].parameters()} == {torch.float32}


@pytest.mark.parametrize("routing", ROUTINGS)
def test_folded_finds_what_the_trained_one_finds(routing):
    spec = replace(SPEC, routing=routing)
    torch.manual_seed(0)
    network = HydraNet(SMALL, WITH, objects=spec)
    network.experts["objects"] = detector(spec)
    network.eval()
    folded = network.folded()
    assert not any("norm." in name.replace("norms.", "") for name in folded.experts["objects"].state_dict()
                   if "tower" in name or "memory" in name)  # fmt: skip
    x, available, valid = (torch.from_numpy(part) for part in tiles(2))
    flags = available.float().expand(2, -1)
    with torch.no_grad():
        mine, its = (
            one.detect("objects", one.encode(x.clone(), flags, valid[:, None].float()))
            for one in (network, folded)
        )
    for name in ("logits", "boxes", "rects"):
        torch.testing.assert_close(getattr(mine, name), getattr(its, name), rtol=1e-3, atol=2e-2)
    for a, b in zip(mine.routes, its.routes, strict=True):
        assert torch.equal(a.groups, b.groups) and torch.equal(a.experts, b.experts)
        torch.testing.assert_close(a.weights, b.weights, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_costs_are_what_runs(routing):
    """With the products of the attention, which have no layer of their own."""
    spec = replace(SPEC, routing=routing)
    folded = HydraNet(SMALL, WITH, objects=spec).folded()
    macs = count_macs(folded, 64)
    x = torch.rand(1, 8, 64, 64)
    with counting(folded) as counter, torch.no_grad():
        folded(x, torch.ones(1, 8), torch.ones(1, 1, 64, 64))
    assert counter.total == macs.all_experts  # whatever the pixels
    with torch.no_grad():
        features = folded.encode(x, torch.ones(1, 8), torch.ones(1, 1, 64, 64))
        from torch.utils.flop_counter import FlopCounterMode

        with (
            FlopCounterMode(display=False) as flops,
            torch.no_grad(),
            torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
        ):
            folded.detect("objects", features)
    reads = sum(5 * 3 * 4 * spec.width * spec.queries for _ in range(spec.layers))
    assert macs.experts["objects"] == flops.get_total_flops() // 2 + reads


def test_the_bundle_costs_what_the_network_does(made, models):
    model = models["fp32"]
    x, available, valid = tiles(1)
    with counting(model.network) as counter:
        features = model.encode(x, available, valid)
        model.scores(features)
        model.detect("objects", [(features, [0])])
    assert counter.total == model.macs.encoder + model.macs.switcher + model.macs.experts["objects"]


@pytest.mark.parametrize("part", ["memory.merge.0.0.conv", "layers.1.score", "layers.1.rect.2"])
def test_weights_that_are_no_numbers_are_no_empty_sea(made, part):
    """A query whose score is not a number would be left out like one below the floor."""
    model = load_bundle(made, device="cpu", precision="fp32")
    model.network.experts["objects"].get_submodule(part).weight[0] = torch.nan
    with pytest.raises(BundleError, match="Expert 'objects' gave values that are not finite. The bundle is"):
        model.detect("objects", [(model.encode(*tiles(1)), [0])])


def test_an_expert_does_only_what_its_kind_does(models):
    model = models["fp32"]
    features = model.encode(*tiles(1))
    with pytest.raises(ValueError, match="'objects' finds objects and decodes no pixels"):
        model.decode("objects", [(features, [0])])
    with pytest.raises(ValueError, match="'water' decodes pixels and finds no objects"):
        model.detect("water", [(features, [0])])
    with pytest.raises(ValueError, match="no expert 'objects' to find objects"):
        HydraNet(SMALL, CHANNELS, objects=SPEC)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("changed", [{}, {"memory_width": 96, "width": 128, "queries": 300},
                                     {"routing": "token", "memory_width": 64}], ids=str)  # fmt: skip
def test_memory_of_a_tile_is_bounded(base, tmp_path, changed, precision):
    spec = replace(SPEC, **changed)
    info = objects_bundle(base, tmp_path / "b", detector(spec), spec, row(), {})
    model = load_bundle(info.folder, device="cpu", precision=precision)
    features = model.encode(*tiles(1))
    with Peak() as peak:
        model.detect("objects", [(features, [0])])
    assert peak.most <= model._detecting_bytes() <= 2 * peak.most
    assert model.tile_bytes() >= model.feature_bytes() + peak.most


def test_detections_are_sorted_sound_and_in_the_tile(models):
    model = models["fp32"]
    (found,) = model.detect("objects", [(model.encode(*tiles(1)), [0])])
    assert (np.diff(found.score) <= 0).all() and (found.score >= FLOOR).all()
    assert (found.box >= 0).all() and (found.box <= 256).all()
    assert (found.box[:, 2:] - found.box[:, :2] >= SLIVER).all()
    assert found.groups.shape == (2, 2) and found.experts.shape == found.weights.shape == (len(found), 2, 2)
    np.testing.assert_allclose(found.weights.sum(2), 1, rtol=1e-5)
    of_group = found.experts // (SPEC.experts // SPEC.groups)
    assert np.isin(of_group[:, 0], found.groups[0]).all() and np.isin(of_group[:, 1], found.groups[1]).all()
    again = type(found).from_dict(json.loads(json.dumps(found.as_dict())))
    assert as_bytes([again]) == as_bytes([found])


def told(logits, boxes, rects=None):
    """What the network would say of one tile, without routing."""
    from types import SimpleNamespace

    count = len(boxes)
    rects = [[2.0, 1.0, 1.0, 0.0]] * count if rects is None else rects
    route = SimpleNamespace(
        groups=torch.zeros(1, 0, dtype=torch.long),
        experts=torch.zeros(1, count, 0, dtype=torch.long),
        weights=torch.zeros(1, count, 0),
    )
    parts = [torch.tensor([part], dtype=torch.float32) for part in (logits, boxes, rects)]
    return SimpleNamespace(logits=parts[0], boxes=parts[1], rects=parts[2], routes=(route, route))


def test_the_likeliest_class_ties_and_what_is_left_out():
    logits = [[0, 1], [2, -1], [1, 0], [-9, -9], [5, 5], [3, 3], [float("nan"), 1], [4, 0]]
    boxes = [
        [10, 10, 20, 20], [30, 30, 40, 45], [1, 2, 3, 4], [0, 0, 9, 9],
        [-8, 4, 0.4, 9], [-5, -5, 7, 6], [1, 1, 2, 2], [250, 250, float("nan"), 300],
    ]  # fmt: skip
    (found,) = detections(told(logits, boxes), 64)
    # Query 3 is below the floor, 4 has less than half a pixel in the tile, 6 and 7 are no numbers.
    assert found.label.tolist() == [0, 0, 1, 0]
    assert found.box.tolist() == [[0, 0, 7, 6], [30, 30, 40, 45], [10, 10, 20, 20], [1, 2, 3, 4]]
    assert found.outline[0].min() < -4, "an outline goes on beyond the tile"
    assert found.groups.shape == (2, 0) and found.experts.shape == (4, 2, 0)
    nothing = detections(told([[-9, -9]], [[1, 1, 5, 5]]), 64)[0]
    assert len(nothing) == 0 and nothing.outline.shape == (0, 4, 2) and nothing.experts.shape == (0, 2, 0)


def rectangle(x, y, length, width, angle):
    """Box of a rectangle and what a network that sees it exactly tells of it."""
    cos, sin = abs(np.cos(angle)), abs(np.sin(angle))
    half = np.array([length * cos + width * sin, length * sin + width * cos]) / 2
    return (
        np.array([[x - half[0], y - half[1], x + half[0], y + half[1]]]),
        np.array([[np.log(length), np.log(width), np.cos(2 * angle), np.sin(2 * angle)]]),
    )


@settings(max_examples=200, deadline=None)
@given(
    st.floats(5, 200), st.floats(0.1, 1), st.floats(0, np.pi), st.floats(0.5, 2), st.floats(-0.5, 0.5)
)  # fmt: skip
def test_an_outline_fits_its_box(length, share, angle, scale, other):
    """A network that is right gives the rectangle; one that is wrong about the size still fits the box."""
    width = max(length * share, 0.06 * length)
    box, rect = rectangle(50, 60, length, width, angle)
    exact = outlines(box, rect)[0]
    sides = np.linalg.norm(np.diff(exact[[0, 1, 2]], axis=0), axis=1)
    np.testing.assert_allclose(sides, [length, width], rtol=1e-6)
    np.testing.assert_allclose([*exact.min(0), *exact.max(0)], box[0], atol=1e-6 * length)
    wrong = rect + [np.log(scale) + other, np.log(scale), 0, 0]
    corners = outlines(box, wrong)[0]
    np.testing.assert_allclose(corners.mean(0), [50, 60], atol=1e-9)
    assert np.isclose((corners.max(0) - corners.min(0)).sum(), (box[0, 2:] - box[0, :2]).sum())
    edges = np.diff(corners[[0, 1, 2]], axis=0)
    assert abs(edges[0] @ edges[1]) < 1e-6 * length**2 and (np.linalg.norm(edges, axis=1) > 0).all()


def test_an_outline_across_its_box_is_the_box():
    """The network says along x, the box is high: the box is believed."""
    corners = outlines(np.array([[10.0, 10, 20, 50]]), np.array([[3.0, 1.0, 1.0, 0.0]]))[0]
    size = corners.max(0) - corners.min(0)
    np.testing.assert_allclose(size, [10, 40], atol=2)


def test_info_tells_of_groups_experts_and_thresholds(folder, base, capsys):
    assert main(["info", str(folder)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("objects  Objects:"))
    for part in ("40 queries", "2 of 8 experts for a query", "2 of 4 groups", "ship 0.3, building 0.4"):
        assert part in line
    assert main(["info", str(base)]) == 0
    assert "queries" not in capsys.readouterr().out


def test_a_model_without_one_has_none(base):
    model: NetworkModel = load_bundle(base, device="cpu", precision="fp32")
    assert model.objects is None and model._detecting_bytes() == 0
