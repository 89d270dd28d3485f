"""The real training pack, where it lies beside the checkout: what the training relies on holds for it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from model_core.bundle import load_bundle
from model_core.evaluation.evaluate import evaluate_experts
from model_core.resources import default_bundle
from model_core.tasks import TASK_NAMES, UNKNOWN, VEGETATION, task
from model_core.training.layout import natural_tiles
from model_core.training.pack import load_pack
from model_core.training.recall import score_tiles
from model_core.training.relevance import relevance
from tests.conftest import PACK

pytestmark = pytest.mark.needs_pack


@pytest.fixture(scope="module")
def samples():
    return load_pack(PACK)


def test_labels_hold_the_classes_of_their_task_and_nothing_else(samples):
    for sample in samples:
        for name, label in sample.labels.items():
            allowed = {*range(task(name).expert.channels), UNKNOWN}
            if name == "landcover":
                allowed.add(VEGETATION)
            assert set(np.unique(label)) <= allowed, (sample.id, name)
            assert label.shape == sample.valid.shape == sample.bands.shape[1:]


def test_no_known_region_lies_in_two_splits(samples):
    splits = defaultdict(set)
    for sample in samples:
        if "unknown" not in sample.region:  # two sources do not tell their places
            splits[sample.source, sample.region].add(sample.split)
    assert len(splits) > 300
    assert all(len(found) == 1 for found in splits.values())


def test_every_task_has_tiles_that_need_it_and_tiles_that_do_not(samples):
    train = [sample for sample in samples if sample.split == "train"]
    targets = np.array([relevance(placed.tile).numpy() for placed in natural_tiles(train)])
    for column, name in enumerate(TASK_NAMES):
        assert (targets[:, column] == 1).sum() >= 4, name
        assert (targets[:, column] == 0).sum() >= 4, name


def test_the_bundles_recall_scores_are_those_of_the_calibration_split(samples):
    model = load_bundle(default_bundle(), device="cpu", precision="fp32")
    held = [sample for sample in samples if sample.split == "cal"]
    found = score_tiles(model, natural_tiles(held, model.tile_size))
    for column, expert in enumerate(model.experts):
        scores = np.sort(found.score[found.target[:, column] == 1, column])
        # Another CPU rounds differently, and the bundle rounds down.
        np.testing.assert_allclose(expert.needed_scores, scores, atol=1e-4)


def test_the_card_tells_what_evaluation_computes(samples):
    """A small fixed part of the test split again: burned areas and forest damage."""
    model = load_bundle(default_bundle(), device="cpu", precision="fp32")
    part = [s for s in samples if s.split == "test" and set(s.labels) & {"burned", "forest_damage"}]
    found = evaluate_experts(model, part, lambda _message: None)
    recorded = model.info.data["metrics"]["experts"]
    for name in ("burned", "forest_damage"):
        assert found[name]["scenes"] == recorded[name]["scenes"]
        # Another CPU rounds differently, which may turn a pixel here and there.
        assert found[name]["value"] == pytest.approx(recorded[name]["value"], abs=2e-3)
