"""Control routers, decision offsets and the price of routing, on data whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model_core.bundle import load_bundle, read_info
from model_core.errors import BundleError
from model_core.evaluation import metrics
from model_core.evaluation.controls import control_figures, within_sources
from model_core.evaluation.regret import (
    ALL,
    ORACLE,
    RANDOM,
    allowed_by_resolution,
    compare_routing,
    random_route,
    route,
)
from model_core.evaluation.tiles import Tiles
from model_core.networks.hydranet import HydraNet, NetworkConfig
from model_core.routing import Policy
from model_core.spec import ClassSpec, ExpertSpec, Macs
from model_core.tasks import TASK_NAMES, TASKS
from model_core.training.calibration import Calibration
from model_core.training.controls import (
    CONTROLS_FILE,
    STATS,
    add_controls,
    packed,
    read_controls,
    train_controls,
    unpacked,
)
from model_core.training.decision import Pixels, apply_offsets, search
from model_core.training.export import export_bundle
from model_core.training.recipe import Recipe
from model_core.training.switcher import PooledTiles, tile_stats

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)
RECIPE = Recipe(network=SMALL, switcher_epochs=120)
E = len(TASK_NAMES)


def test_statistics_count_valid_pixels_and_available_bands_only():
    x = torch.zeros(1, 8, 4, 4)
    x[:, 3, :, :2], x[:, 3, :, 2:] = 0.2, 0.4
    x[:, 5] = 0.7
    valid = torch.ones(1, 1, 4, 4)
    available = torch.ones(1, 8)
    available[0, 5] = 0
    found = tile_stats({"reflectance": x, "valid": valid, "available": available})
    assert found.shape == (1, 16)
    assert float(found[0, 3]) == pytest.approx(0.3)
    assert float(found[0, 8 + 3]) == pytest.approx(0.1)
    assert float(found[0, 5]) == float(found[0, 8 + 5]) == 0.0
    valid[..., 2:] = 0
    found = tile_stats({"reflectance": x * valid, "valid": valid, "available": available})
    assert float(found[0, 3]) == pytest.approx(0.2)
    assert float(found[0, 8 + 3]) == pytest.approx(0.0, abs=1e-6)


def pooled(count: int, seed: int, sources=("a", "b", "c")) -> PooledTiles:
    """Tiles whose first features tell the targets and whose statistics tell nothing; the last is unknown."""
    random = np.random.default_rng(seed)
    target = random.integers(0, 2, (count, E))
    features = random.normal(0, 1, (count, 32))
    features[:, :E] += 4 * target - 2
    target[:, -1] = -1
    return PooledTiles(
        torch.tensor(features, dtype=torch.float32),
        torch.tensor(target, dtype=torch.int8),
        tuple(sources[n % len(sources)] for n in range(count)),
        torch.tensor(random.normal(0, 1, (count, 16)), dtype=torch.float32),
    )


def test_pooled_tiles_are_kept_with_their_sources():
    tiles = pooled(7, 0)
    again = PooledTiles.load(tiles.tensors())
    assert again.source == tiles.source
    for name in ("pooled", "target", "stats"):
        assert torch.equal(getattr(again, name), getattr(tiles, name))
    part = tiles.where(source == "b" for source in tiles.source)
    assert part.source == ("b", "b")
    assert torch.equal(part.pooled, tiles.pooled[[1, 4]])


@pytest.fixture(scope="module")
def controls():
    return train_controls(pooled(600, 1), pooled(60, 2), pooled(60, 3), RECIPE, lambda _m: None)


@pytest.fixture
def bundle(tmp_path):
    torch.manual_seed(0)
    network = HydraNet(SMALL, {task.name: task.expert.channels for task in TASKS}).eval().folded()
    fits = {name: Calibration(1.0, 0.0, 0.5, 0, 0, "cal") for name in TASK_NAMES}
    told = {"how": "not at all", "notes": "", "machine": "-", "torch": "-", "frozen_sha256": "sha256:0"}
    return export_bundle(tmp_path / "bundle", network, fits, RECIPE, [], told)


def as_tiles(tiles: PooledTiles, score: np.ndarray) -> Tiles:
    count = len(tiles.source)
    return Tiles(
        TASK_NAMES, score.astype(np.float32), tiles.target.numpy(), tuple((str(n),) for n in range(count)),
        tiles.source, np.full(count, np.nan), np.zeros(count, bool), tiles.stats, tiles.pooled, {},
    )  # fmt: skip


def test_every_source_is_left_out_once_of_training_and_calibration(controls):
    assert [row.without for row in controls] == [None, "a", "b", "c"]
    assert [row.inputs for row in controls].count(STATS) == 1
    whole, part = controls[0].calibration["water"], controls[1].calibration["water"]
    assert whole.positives + whole.negatives == 60
    assert part.positives + part.negatives == 40


def test_what_tells_nothing_scores_as_chance_and_what_tells_scores_high(controls):
    test = pooled(300, 4)
    perfect = (test.target.numpy() == 1).astype(float)
    found = control_figures(as_tiles(test, perfect), [task.expert for task in TASKS], controls)
    assert found["statistics"]["gap"]["micro_f1"] > 0.2
    assert found["statistics"]["micro_f1"] < 0.75
    assert [row["source"] for row in found["without"]] == ["a", "b", "c"]
    for row in found["without"]:
        assert row["tiles"] == 100
        assert row["seen"] == 1.0
        assert 0.75 < row["unseen"] < 1.0  # the features mean the same in every source
    assert 0.3 < found["random"]["micro_f1"] < 0.7
    assert found["statistics"]["within"]["ours"] == {"auc": 1.0, "pairs": 3 * (E - 1)}
    assert 0.4 < found["statistics"]["within"]["theirs"]["auc"] < 0.6


def test_a_router_that_reads_the_source_alone_tells_nothing_within_it():
    source = ("a",) * 10 + ("b",) * 10
    target = np.array([[1] * 8 + [0] * 2 + [0] * 5 + [1] * 5]).T
    by_source = np.array([[0.9] * 10 + [0.1] * 10]).T
    assert within_sources(by_source, target, source) == {
        "auc": 0.5,
        "pairs": 1,
    }  # "a" has two that need nothing


def test_controls_travel_with_the_bundle_and_predict_needs_none(bundle, controls):
    assert read_controls(bundle) == []
    info = add_controls(bundle.folder, controls)
    again = read_controls(read_info(info.folder))
    tiles = pooled(20, 5)
    for mine, theirs in zip(controls, again, strict=True):
        inputs = tiles.stats if mine.inputs == STATS else tiles.pooled
        np.testing.assert_array_equal(mine.score(inputs), theirs.score(inputs))
        np.testing.assert_array_equal(mine.thresholds, theirs.thresholds)
    path = info.folder / CONTROLS_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(BundleError, match="checksum"):
        read_controls(info)
    path.unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        read_controls(info)
    assert load_bundle(info.folder, device="cpu", precision="fp32").sha256 == info.sha256


def pixels(shift: float, scenes: int = 8) -> list[Pixels]:
    """Binary pixels that are told apart best at a logit difference of `-shift`."""
    random = np.random.default_rng(1)
    found = []
    for number in range(scenes):
        label = random.integers(0, 2, 800).astype(np.uint8)
        logit = np.where(label == 1, 1.5, -1.5) + random.normal(0, 0.5, 800) - shift
        logits = np.stack([np.zeros(800), logit], 1).astype(np.float32)
        found.append(Pixels((str(number),), logits, label, 1.0))
    return found


def test_the_line_moves_where_it_clearly_pays_and_stays_where_it_does_not():
    moved = search("water", pixels(1.5), metrics.iou, 8, "cal")
    assert moved.offsets[0] == 0.0
    assert 0.5 <= moved.offsets[1] <= 0.75
    assert moved.after > moved.before + 0.05
    assert search("water", pixels(0.0), metrics.iou, 8, "cal").offsets == (0.0, 0.0)
    # One scene in nine for which a move would help: the others do not agree.
    one = [*pixels(0.0), *(replace(part, group=("odd",)) for part in pixels(1.5, 1))]
    assert search("water", one, metrics.iou, 9, "cal").offsets[1] <= 0.5
    nothing = [replace(part, label=np.zeros_like(part.label)) for part in pixels(0.0)]
    for part in nothing:
        part.logits[:, 1] = -9
    assert search("water", nothing, metrics.iou, 8, "cal").offsets == (0.0, 0.0)


def test_offsets_are_added_to_every_pixels_logits():
    torch.manual_seed(0)
    network = HydraNet(SMALL, {"clouds": 4, "water": 2}).eval()
    x, flags, valid = torch.rand(1, 8, 64, 64), torch.ones(1, 8), torch.ones(1, 1, 64, 64)
    with torch.no_grad():
        features = network.encode(x, flags, valid)
        before = {name: network.decode(name, features) for name in network.experts}
        apply_offsets(network, {"clouds": (0.0, 0.5, -0.25, 1.0)})
        after = network.decode("clouds", features)
        shift = torch.tensor([0.0, 0.5, -0.25, 1.0])[None, :, None, None]
        torch.testing.assert_close(after, before["clouds"] + shift, atol=1e-5, rtol=0)
        assert torch.equal(network.decode("water", features), before["water"])
    with pytest.raises(ValueError, match="2 classes"):
        apply_offsets(network, {"water": (0.0, 1.0, 0.0)})


def priced() -> tuple[Tiles, list[ExpertSpec], Macs]:
    """Three tiles: the first needs water, the second land cover, the third neither."""
    nothing, some = ClassSpec(0, "none", None), ClassSpec(1, "some", "#112233")
    water = ExpertSpec("water", "", "classes", 2, (nothing, some), threshold=0.5, valid_gsd_m=(5.0, 80.0))
    kinds = tuple(ClassSpec(n, str(n), "#112233") for n in range(5))
    cover = ExpertSpec("landcover", "", "classes", 5, kinds, threshold=0.5, valid_gsd_m=(1.0, 30.0))
    right = np.array([[50, 0], [0, 50]])
    false_alarm = np.array([[60, 40], [0, 0]])
    land = np.diag([10, 90, 0, 0])
    tiles = Tiles(
        ("water", "landcover"),
        np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.2]], np.float32),
        np.array([[1, -1], [0, 1], [0, -1]], np.int8),
        (("one",), ("two",), ("three",)),
        ("s", "s", "s"),
        np.array([10.0, np.nan, 2.0]),
        np.zeros(3, bool),
        torch.zeros(3, 16),
        None,
        {"water": {0: right, 2: false_alarm}, "landcover": {1: land}},
    )
    return tiles, [water, cover], Macs(100, 10, {"water": 30, "landcover": 50})


def test_a_tile_not_served_counts_as_background_or_as_wrong():
    tiles, experts, macs = priced()
    rows = {row["policy"]: row for row in compare_routing(tiles, experts, macs)}
    assert rows[ORACLE]["metric"] == {"water": 1.0, "landcover": 1.0}
    assert (rows[ORACLE]["loss"], rows[ORACLE]["regret"]) == (0.0, 0.0)
    assert rows[ORACLE]["macs_per_tile"] == round(110 + (30 + 50) / 3)
    # Everywhere at work, water pays for its false alarm.
    assert rows[ALL]["metric"]["water"] == pytest.approx(50 / 90)
    assert rows[ALL]["saving"] == 1.0
    assert rows[ALL]["regret"] == pytest.approx(100 * (1 - 50 / 90) / 2)
    # Top-1 sends the second tile to water: its land cover is wrong everywhere.
    assert rows["top-1"]["metric"]["landcover"] == 0.0
    assert rows["top-1"]["macs_per_tile"] == 140
    assert rows["top-1"]["saving"] == pytest.approx(190 / 140)
    assert rows[RANDOM]["metric"] == rows[ALL]["metric"]  # two of two


def test_simulated_tiles_and_experts_do_not_count():
    tiles, experts, macs = priced()
    burning = replace(tiles, simulated=np.array([False, False, True]))
    rows = {row["policy"]: row for row in compare_routing(burning, experts, macs)}
    assert rows[ALL]["metric"]["water"] == 1.0
    made_up = [replace(experts[0], simulated=True), experts[1]]
    rows = {row["policy"]: row for row in compare_routing(tiles, made_up, macs)}
    assert set(rows[ALL]["metric"]) == {"landcover"}


def test_pixel_size_rules_experts_out_as_predict_does():
    tiles, experts, macs = priced()
    allowed = allowed_by_resolution(tiles.gsd_m, experts)
    assert allowed.tolist() == [[True, True], [True, True], [False, True]]
    served = route(tiles.score, experts, Policy("top-k", 1), allowed)
    assert served.tolist() == [[True, False], [True, False], [False, True]]
    rows = {row["policy"]: row for row in compare_routing(tiles, experts, macs, limits=True)}
    assert rows[ALL]["experts_per_tile"] == pytest.approx(5 / 3)
    assert rows[ALL]["metric"]["water"] == 1.0  # the tile with the false alarm is not its own


def test_random_routing_draws_as_many_as_it_is_told_of_those_allowed():
    allowed = np.ones((200, 5), bool)
    allowed[:, 2] = False
    served = random_route(2, 5, allowed, seed=3)
    assert (served.sum(1) == 2).all()
    assert not served[:, 2].any()
    assert (served[:, [0, 1, 3, 4]].mean(0) > 0.35).all()
    np.testing.assert_array_equal(served, random_route(2, 5, allowed, seed=3))


def test_what_is_kept_is_what_is_reckoned_with():
    random = torch.Generator().manual_seed(0)
    tensors = {name: torch.randn(3, generator=random) for name in ("mean", "std", "hidden.bias")}
    tensors["hidden.weight"] = torch.randn(16, 32, generator=random)
    kept = packed(tensors)
    assert kept["hidden.weight"].dtype == torch.int8
    found = unpacked(kept)
    step = tensors["hidden.weight"].abs().amax(1, keepdim=True) / 127
    assert ((found["hidden.weight"] - tensors["hidden.weight"]).abs() <= 0.51 * step).all()
    again = packed(found)
    assert torch.equal(again["hidden.weight"], kept["hidden.weight"])
    assert unpacked(tensors) is tensors  # as files were kept before
