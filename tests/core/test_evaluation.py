"""Metrics against values worked out by hand, and the evaluation against a model whose answers are known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from model_core.evaluation import metrics
from model_core.evaluation.evaluate import evaluate_experts, evaluate_router
from model_core.evaluation.policies import compare_policies
from model_core.evaluation.record import without_nan
from model_core.evaluation.router import by_scene, summarise_router
from model_core.evaluation.segment import segment
from model_core.spec import ExpertSpec, Macs
from model_core.tasks import TASKS, UNKNOWN
from model_core.training.layout import natural_tiles
from model_core.training.pack import load_pack

from .tiny_pack import write_pack


def test_confusion_leaves_unknown_out():
    label = np.array([0, 1, 1, UNKNOWN])
    predicted = np.array([0, 1, 0, 1])
    counts = metrics.confusion(label, predicted, 2)
    assert counts.tolist() == [[1, 0], [1, 1]]
    assert metrics.iou(counts) == 0.5
    assert metrics.f1(counts) == pytest.approx(2 / 3)
    assert metrics.mean_iou(counts) == pytest.approx((0.5 + 0.5) / 2)


def test_a_metric_of_nothing_is_nan():
    assert math.isnan(metrics.iou(np.zeros((2, 2))))
    assert without_nan({"a": [float("nan"), 0.5]}) == {"a": [None, 0.5]}
    json.dumps(without_nan({"a": float("nan")}), allow_nan=False)


def test_vegetation_is_merged():
    label = np.array([0, 1, 2, 6, 3, 4, UNKNOWN])
    assert metrics.merge_vegetation(label).tolist() == [0, 1, 1, 1, 2, 3, UNKNOWN]


def test_bootstrap_is_wide_with_few_scenes_and_repeats():
    good, bad = np.array([[50, 0], [0, 50]]), np.array([[50, 25], [25, 0]])
    low, high = metrics.bootstrap([good, bad], metrics.iou)
    assert (low, high) == (0.0, 1.0)
    assert metrics.bootstrap([good, bad], metrics.iou) == (low, high)
    assert metrics.bootstrap([good] * 5, metrics.iou) == (1.0, 1.0)
    assert all(math.isnan(end) for end in metrics.bootstrap([good], metrics.iou))


def test_calibration_error():
    assert metrics.calibration_error(np.full(10, 0.3), np.array([1] * 3 + [0] * 7)) == pytest.approx(0.0)
    assert metrics.calibration_error(np.full(10, 0.95), np.zeros(10)) == pytest.approx(0.95)


def test_reliability_bins_hold_every_tile_once():
    probability = np.array([0.0, 0.05, 0.15, 0.95, 1.0])
    bins = metrics.reliability(probability, np.array([0, 1, 1, 1, 1]))
    assert [row["count"] for row in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert bins[0]["frequency"] == 0.5
    assert bins[0]["probability"] == pytest.approx(0.025)
    assert math.isnan(bins[4]["frequency"])


def test_router_figures_leave_unknown_targets_out():
    score = np.array([[0.9, 0.8], [0.2, 0.7], [0.6, 0.1]])
    target = np.array([[1, -1], [0, 1], [0, 1]])
    row = summarise_router(score, target, np.array([0.5, 0.5]), ["a", "b"])
    assert row["experts"]["a"]["precision"] == 0.5  # tile 3 was sent there in vain
    assert row["experts"]["a"]["recall"] == 1.0
    assert row["experts"]["b"]["recall"] == 0.5  # tile 1 is unknown, tile 3 missed
    assert row["micro_f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert row["recall_at"]["1"] == pytest.approx(2 / 3)
    assert row["recall_at"]["2"] == 1.0
    assert row["worst"] == {"expert": "b", "recall": 0.5}


def test_covered_means_all_of_a_tiles_needs():
    score = np.array([[0.9, 0.8, 0.1], [0.9, 0.2, 0.8], [0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])
    target = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, -1, 0]])  # the last needs nothing it is known to
    row = summarise_router(score, target, np.full(3, 0.5), ["a", "b", "c"])
    assert row["covered_at"] == {"1": pytest.approx(1 / 3), "2": pytest.approx(2 / 3), "3": 1.0}
    assert row["recall_at"] == {"1": 0.6, "2": 0.8, "3": 1.0}
    assert row["recall_at_most"] == {"1": 0.6, "2": 1.0, "3": 1.0}


def test_intervals_of_the_router_draw_whole_scenes():
    score, target = np.array([[0.9], [0.9], [0.1], [0.1]]), np.array([[1], [1], [1], [1]])
    scenes = [("good",), ("good",), ("bad",), ("bad",)]
    row = summarise_router(score, target, np.array([0.5]), ["a"], scenes)
    assert row["intervals"]["micro_f1"] == {"low": 0.0, "high": 1.0}  # either scene may be drawn twice
    assert row["intervals"]["recall_at_1"] == {"low": 1.0, "high": 1.0}
    sums = by_scene(np.array([[1], [2], [3], [4]]), scenes)
    assert [part.tolist() for part in sums] == [[3], [7]]


def test_policies_are_compared_by_what_they_miss_and_run():
    ladder = tuple(number / 20 for number in range(1, 20))
    experts = [
        ExpertSpec("a", "", "density", 1, threshold=0.5, needed_scores=ladder),
        ExpertSpec("b", "", "density", 1, threshold=0.5),
        ExpertSpec("c", "", "density", 1, threshold=0.5),
    ]
    score = np.array([[0.60, 0.9, 0.8], [0.07, 0.7, 0.1], [0.40, 0.2, 0.3], [0.04, 0.1, 0.2]], np.float32)
    target = np.array([[1, 1, -1], [1, 0, 0], [1, 1, -1], [1, 0, 0]])
    cut, whole, ten, five = compare_policies(score, target, experts)
    assert [(row["policy"], row["k"], row["miss_rate"]) for row in (cut, whole, ten, five)] == [
        ("threshold", 2, None), ("threshold", 3, None), ("recall", None, 0.1), ("recall", None, 0.05)
    ]  # fmt: skip
    assert [row["needed"] for row in (cut, whole, ten, five)] == [6] * 4
    # Tile 1 goes to b and c, though it needs a; nobody is at 0.5 for tiles 3 and 4.
    assert (cut["experts_per_tile"], cut["missed"]) == (3 / 4, 5)
    assert (whole["experts_per_tile"], whole["missed"]) == (4 / 4, 4)
    # b and c serve every tile; a from 0.10 on (the second lowest of 19), and from 0.05 on (the lowest).
    assert (ten["experts_per_tile"], ten["missed"]) == (10 / 4, 2)
    assert (five["experts_per_tile"], five["missed"]) == (11 / 4, 1)
    assert ten["experts"]["a"] == {"threshold": 0.1, "needed": 4, "missed": 2, "served": 2}
    assert five["experts"]["b"] == {"threshold": 0.0, "needed": 2, "missed": 0, "served": 4}


class Oracle:
    """A model that reads the class off the near infrared: dark is water, very bright is cloud."""

    id, version, sha256, tile_size = "oracle", "1", "0", 64
    experts = tuple(task.expert for task in TASKS)
    macs = Macs(0, 0, {task.name: 0 for task in TASKS})

    def encode(self, reflectance, available, valid):
        return reflectance

    def scores(self, features):
        found = {"clouds": (features[:, 7] > 0.5).mean((1, 2)), "water": (features[:, 7] < 0.1).mean((1, 2))}
        nothing = np.zeros(len(features))
        return np.stack([found.get(e.name, nothing) for e in self.experts], 1).astype(np.float32)

    def decode(self, name, picks):
        nir = np.concatenate([features[list(index), 7] for features, index in picks])
        found = nir > 0.5 if name == "clouds" else nir < 0.1
        channels = next(e.channels for e in self.experts if e.name == name)
        out = np.zeros((len(nir), channels, *nir.shape[1:]), np.float32)
        value = {"clouds": (0, 2), "landcover": (2, 0)}.get(name, (0, 1))
        for cls, mask in zip(value, (~found, found), strict=True):
            out[:, cls] = mask
        return out


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return load_pack(write_pack(tmp_path_factory.mktemp("pack")), ("test",))


def test_segment_puts_every_tile_back_where_it_was(samples):
    for sample in samples:
        name = "clouds" if "clouds" in sample.labels else "water"
        found = segment(Oracle(), sample, [name], overlap=16)[name]
        np.testing.assert_array_equal(found, sample.labels[name])


def test_a_perfect_model_scores_one(samples):
    result = evaluate_experts(Oracle(), samples, lambda _m: None)
    assert result["water"]["value"] == 1.0
    assert result["clouds"]["value"] == 1.0
    assert result["landcover"]["value"] == 1.0
    assert result["water"]["by_source"]["lakes"]["label_kinds"] == ["hand"]
    assert "burned" not in result


def test_the_router_is_scored_on_the_splits_tiles(samples):
    router = evaluate_router(Oracle(), samples)
    assert router["tiles"] == len(list(natural_tiles(samples, Oracle.tile_size)))
    assert router["experts"]["clouds"]["precision"] == 1.0
    assert sum(row["tiles"] for row in router["by_source"].values()) == router["tiles"]
    assert router["by_source"]["sky"]["in_vain"] == 0
    row = router["policies"][-1]
    assert row["needed"] == sum(entry["needed"] for entry in router["experts"].values())
    assert (row["missed"], row["experts_per_tile"]) == (0, len(TASKS))  # it has no calibration tile at all
