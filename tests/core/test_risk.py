"""Risk and coverage: the area's closed form, what perfect and random orders give, the bytes it is from."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.evaluation import metrics
from model_core.evaluation.card_risk import risk_section
from model_core.evaluation.evaluate import HEADLINE, evaluate_experts
from model_core.evaluation.record import without_nan
from model_core.evaluation.risk import (
    STEPS,
    RiskCounts,
    aurc,
    kept_table,
    oracle_aurc,
    oracle_risk,
    risk_at,
    risk_figures,
    step_counts,
)
from model_core.evaluation.risk_picture import draw_risk
from model_core.evaluation.segment import file_bands, segment
from model_core.tasks import TASKS, UNKNOWN, VEGETATION, task
from model_core.training.pack import load_pack

from .test_evaluation import Oracle
from .tiny_pack import write_pack


def of(*steps: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and errors from (pixels, errors) of each step."""
    return np.array([n for n, _ in steps], float), np.array([e for _, e in steps], float)


def test_the_area_of_perfect_and_of_useless_uncertainty():
    perfect = of((90, 0), (10, 10))
    assert aurc(*perfect) == pytest.approx(oracle_aurc(*perfect))
    assert aurc(*perfect) == pytest.approx(sum((i - 90) / i for i in range(91, 101)) / 100)
    useless = of((100, 10))
    assert aurc(*useless) == pytest.approx(0.1)
    assert aurc(*of((50, 5), (50, 5))) == pytest.approx(0.1)
    backwards = of((10, 10), (90, 0))
    assert aurc(*backwards) > 0.1 > aurc(*perfect)
    assert math.isnan(aurc(*of((0, 0))))
    assert aurc(*of((0, 0), (100, 0))) == 0


STEP_LIST = st.lists(
    st.integers(0, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1, max_size=6
)


@given(STEP_LIST)
def test_the_closed_form_is_the_mean_risk_with_equal_pixels_in_expected_order(steps):
    pixels, errors = of(*steps)
    if not pixels.sum():
        return
    kept = wrong = total = 0.0
    for n, e in steps:
        for _ in range(n):
            kept, wrong = kept + 1, wrong + e / n
            total += wrong / kept
    assert aurc(pixels, errors) == pytest.approx(total / pixels.sum(), abs=1e-9)
    assert oracle_aurc(pixels, errors) <= aurc(pixels, errors) + 1e-9


@given(STEP_LIST, st.lists(st.floats(0.01, 1), min_size=2, max_size=6))
def test_the_risk_lies_above_that_of_the_oracle_which_never_falls_with_coverage(steps, coverages):
    pixels, errors = of(*steps)
    if not pixels.sum():
        return
    coverages = sorted(coverages)
    rate = errors.sum() / pixels.sum()
    best = [oracle_risk(rate, coverage) for coverage in coverages]
    assert best == sorted(best) and oracle_risk(rate, 1.0) == pytest.approx(rate)
    assert (risk_at(pixels, errors, coverages) >= np.array(best) - 1e-9).all()
    assert risk_at(pixels, errors, [1.0])[0] == pytest.approx(rate)


def test_the_risk_is_a_straight_line_within_a_step():
    pixels, errors = of((60, 0), (0, 0), (40, 20))
    assert risk_at(pixels, errors, [0.5, 0.6, 0.8, 1.0]).tolist() == pytest.approx([0, 0, 10 / 80, 0.2])
    assert math.isnan(risk_at(*of((0, 0)), [0.5])[0])


def test_counts_tell_pixels_apart_by_byte_label_and_prediction():
    label = np.array([0, 1, 1, UNKNOWN, 1], np.uint8)
    predicted = np.array([0, 1, 0, 1, 1], np.uint8)
    steps = np.array([0, 250, 7, 3, 255], np.uint8)
    counts = step_counts("water", label, predicted, steps, 2)
    assert counts.shape == (STEPS, 2, 2) and counts.sum() == 3
    assert counts[0, 0, 0] == counts[250, 1, 1] == counts[7, 1, 0] == 1
    grown = step_counts("landcover", np.array([VEGETATION], np.uint8), np.array([2], np.uint8), steps[:1], 5)
    assert grown.shape == (STEPS, 4, 4) and grown[0, 1, 1] == 1


def test_what_is_kept_is_cut_in_proportion():
    counts = np.zeros((STEPS, 2, 2), np.int64)
    counts[0] = [[40, 0], [0, 20]]
    counts[9] = [[10, 10], [10, 10]]
    assert kept_table(counts, 1.0).tolist() == counts.sum(0).tolist()
    assert kept_table(counts, 0.6).tolist() == counts[0].tolist()
    assert kept_table(counts, 0.8).tolist() == [[45, 5], [5, 25]]


def scene(good: bool, seed: int) -> np.ndarray:
    """Counts of a scene of 1000 pixels, a tenth of them wrong: all at the unsure end, or anywhere."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, 1000).astype(np.uint8)
    wrong = np.arange(1000) < 100
    steps = np.where(wrong, 200, 20) if good else random.integers(0, 251, 1000)
    return step_counts("water", label, np.where(wrong, 1 - label, label).astype(np.uint8), steps, 2)


def test_figures_of_good_and_of_useless_uncertainty():
    good = risk_figures("water", [scene(True, n) for n in range(6)], metrics.iou)
    assert good["falls"] == "yes" and good["gain"]["value"] == pytest.approx(1)
    assert good["risk"]["0.8"]["value"] == 0 and good["risk"]["1"]["value"] == pytest.approx(0.1)
    assert good["at_zero"] == 0
    assert good["excess"]["value"] == pytest.approx(0, abs=1e-9)
    assert good["figure"]["0.8"] == 1 > good["figure"]["1"]
    assert good["scenes_falling"] == good["scenes_with_errors"] == 6
    assert 0.4 < good["content"]["0.5"] < 0.6 and good["content"]["1"] == 1
    useless = risk_figures("water", [scene(False, n) for n in range(30)], metrics.iou)
    assert abs(useless["gain"]["value"]) < 0.1
    assert useless["aurc"]["value"] == pytest.approx(0.1, abs=0.01)
    one = risk_figures("water", [scene(True, 0)], metrics.iou)
    assert one["falls"] == "unclear" and math.isnan(
        one["change"]["low"]
    )  # one scene: no interval, no verdict


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Scenes, and the figures of a model that reads the near infrared and has its doubts."""
    samples = load_pack(write_pack(tmp_path_factory.mktemp("pack")), ("test",))
    risk = RiskCounts()
    experts = evaluate_experts(Doubtful(), samples, lambda _message: None, risk)
    return samples, experts, risk.figures(HEADLINE)


class Doubtful(Oracle):
    """`Oracle` with soft answers, and with two heads for water."""

    experts = tuple(replace(task.expert, heads=2 if task.name == "water" else 1) for task in TASKS)

    def decode(self, name, picks, *, uncertainty=False):
        pixels = np.concatenate([features[list(index)] for features, index in picks])
        doubt = 0.4 * pixels[:, 2:3] / max(float(pixels.max()), 1e-6)
        out = super().decode(name, picks)
        out = out * (1 - doubt) + doubt / out.shape[1]
        if not uncertainty:
            return out
        assert name == "water", "asked an expert without heads for what its heads say"
        return np.concatenate([out, np.full_like(doubt, 0.01)], 1).astype(np.float32)


def test_the_figures_are_from_the_same_decoding_as_the_experts(measured):
    samples, experts, risk = measured
    plain = evaluate_experts(Doubtful(), samples, lambda _message: None)
    for name, row in risk.items():
        assert experts[name]["value"] == plain[name]["value"]
        assert row["orders"]["total"]["figure"]["1"] == pytest.approx(experts[name]["value"])
        assert row["pixels"] == experts[name]["pixels"] and row["scenes"] == experts[name]["scenes"]
    assert set(risk["water"]["orders"]) == {"total", "model"} and set(risk["clouds"]["orders"]) == {"total"}


def test_the_bands_are_those_of_the_file(measured):
    samples, _, _ = measured
    sample = next(sample for sample in samples if "water" in sample.labels)
    bands = file_bands(Doubtful(), sample, ["water", "clouds"])
    assert bands["water"].shape[0] == 4 and bands["clouds"].shape[0] == 2
    for name, values in segment(Doubtful(), sample, ["water", "clouds"]).items():
        np.testing.assert_array_equal(bands[name][0], values)
    total, aleatoric, model = bands["water"][1:].astype(int)
    assert (np.abs(total - aleatoric - model) <= 1).all() and (model[total != 255] >= 0).all()


def test_the_section_and_the_picture(measured, tmp_path: Path):
    _, _, risk = measured
    info = SimpleNamespace(experts=[task(name).expert for name in ("clouds", "water", "burned")])
    stored = {"split": "test", "risk": without_nan(risk), "risk_picture": "card/risk_coverage.png"}
    text = "\n".join(risk_section(info, stored))
    assert "| Clouds, total |" in text and "| Water, model |" in text and "Burned" not in text
    assert "card/risk_coverage.png" in text and "nan" not in text and "None" not in text
    bars = [line.count("|") for line in text.splitlines() if line.startswith("| ")]
    heads = [line.count("|") for line in text.splitlines() if line.startswith("| expert, order")]
    assert bars == [heads[0]] * (len(bars) // 2) + [heads[1]] * (len(bars) // 2)
    path = draw_risk(stored["risk"], info.experts, tmp_path / "new" / "risk.png")
    assert path.read_bytes()[:4] == b"\x89PNG"
    again = draw_risk(copy.deepcopy(stored["risk"]), info.experts, tmp_path / "again.png")
    assert again.read_bytes() == path.read_bytes()


def test_a_card_without_the_figures_has_no_section():
    assert risk_section(SimpleNamespace(experts=[]), {"split": "test"}) == []
    assert risk_section(SimpleNamespace(experts=[]), {"split": "test", "risk": {}}) == []
