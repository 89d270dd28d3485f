"""The real training pack, where it lies beside the checkout: what the training relies on holds for it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from model_core.bundle import load_bundle
from model_core.evaluation.subset import subset_figures
from model_core.resources import default_bundle
from model_core.tasks import TASK_NAMES, UNKNOWN, VEGETATION, task
from model_core.training.held_out import fires, held_out
from model_core.training.layout import natural_tiles
from model_core.training.pack import load_chips, load_pack
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
    train += fires(train)[::8]
    targets = np.array([relevance(placed.tile).numpy() for placed in natural_tiles(train)])
    for column, name in enumerate(TASK_NAMES):
        assert (targets[:, column] == 1).sum() >= 4, name
        assert (targets[:, column] == 0).sum() >= 4, name


def test_the_bundles_recall_scores_are_those_of_the_calibration_split():
    model = load_bundle(default_bundle(), device="cpu", precision="fp32")
    held = held_out(PACK, "cal")
    found = score_tiles(model, natural_tiles(held, model.tile_size))
    for column, expert in enumerate(model.experts):
        if expert.kind == "objects":  # no scene of the calibration split has any: its scores are of val
            continue
        scores = np.sort(found.score[found.target[:, column] == 1, column])
        # Another CPU rounds differently, and the bundle rounds down.
        np.testing.assert_allclose(expert.needed_scores, scores, atol=1e-4)


def test_the_card_tells_what_evaluation_computes():
    """The first three scenes of each source of the test split again: every expert and the router."""
    model = load_bundle(default_bundle(), device="cpu", precision="fp32")
    recorded = model.info.data["metrics"].get("subset")
    assert recorded, "the bundle's card is older than its subset; run `hydranet evaluate --card`"
    names = {expert.name for expert in model.experts if expert.kind != "objects"}  # those have pixels
    scenes = [sample for sample in held_out(PACK, "test") if "fire" in names or "fire" not in sample.labels]
    found = subset_figures(model, scenes + load_chips(PACK, ("test",)))
    assert found["scenes"] == recorded["scenes"]
    assert found["experts"].keys() == recorded["experts"].keys() == names
    for name, row in recorded["experts"].items():
        assert (found["experts"][name]["scenes"], found["experts"][name]["pixels"]) == (
            row["scenes"],
            row["pixels"],
        )
        # Another CPU rounds differently, which may turn a pixel here and there.
        assert found["experts"][name]["value"] == pytest.approx(row["value"], abs=2e-3), name
    assert found["router"]["tiles"] == recorded["router"]["tiles"]
    # One tile on the edge of a threshold may fall to the other side.
    assert found["router"]["micro_f1"] == pytest.approx(recorded["router"]["micro_f1"], abs=0.02)
    assert found["router"]["ece"] == pytest.approx(recorded["router"]["ece"], abs=5e-3)
