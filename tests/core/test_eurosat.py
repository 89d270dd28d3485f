"""`hydranet eurosat` on a made-up pack: trained, measured in one pass, told in tables and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from model_core.cli import main
from model_core.evaluation import classifier_times, classifiers
from model_core.evaluation.card_classifiers import classifiers_section
from model_core.evaluation.classifier_figures import FIGURES
from model_core.evaluation.classifier_scores import difference_interval, share_interval
from model_core.training.classify import study
from model_core.training.classify.spec import ClassifierSpec

from .tiny_eurosat import write_zip

BRANCHED = ClassifierSpec("hydranets", 4, 3, k=1, branch_width=8, branch_depth=2)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The whole comparison on a small pack with small networks."""
    before, patch = torch.get_num_threads(), pytest.MonkeyPatch()
    pack = write_zip(tmp_path_factory.mktemp("pack"))
    patch.setattr(study, "PLAIN_WIDTHS", (4, 12))
    patch.setattr(study, "BRANCHES", 3)
    patch.setattr(study, "HYDRANETS", {"hydranets-4": BRANCHED})
    patch.setattr(study, "RANDOM", "hydranets-4")
    patch.setattr(study, "MIXTURE", ClassifierSpec("moe", 4, 3))
    patch.setattr(study, "ABLATIONS", {"moe": (1.0, 1.0), "moe-neither": (0.0, 0.0)})
    patch.setattr(classifiers, "ABLATIONS", study.ABLATIONS)
    patch.setattr(classifier_times, "ROUNDS", 2)
    patch.setattr(classifier_times, "BATCH", 4)
    run = tmp_path_factory.mktemp("run")
    try:
        code = main(["eurosat", "--data", str(pack), "--run", str(run), "--epochs", "1", "--threads", "1"])
    finally:
        patch.undo()
        torch.set_num_threads(before)
    assert code == 0
    return run


def found_in(run: Path) -> dict:
    return json.loads((run / "results" / "classifiers.json").read_text(encoding="utf-8"))


def test_the_comparison_measures_everything_in_one_pass(compared):
    found = found_in(compared)
    rows = {(row["name"], row["k"]): row for row in found["rows"]}
    assert {name for name, _ in rows} == {
        "plain-4", "plain-12", "hydranets-4", "hydranets-4-random", "moe", "moe-neither",
    }  # fmt: skip
    for row in rows.values():
        assert row["accuracy"]["low"] <= row["accuracy"]["value"] <= row["accuracy"]["high"]
        assert row["calls"] == row["k"]  # hooks counted it: as many branches a chip as were to run
    curve = [rows["hydranets-4", k] for k in (1, 2, 3)]
    steps = {b["macs"] - a["macs"] for a, b in zip(curve, curve[1:], strict=False)}
    assert len(steps) == 1
    assert all(row["ms"]["single"] > 0 for row in curve)
    assert rows[found["best_plain"], 0]["ms"]["single_ratio"] == 1
    for entry in found["branches"]:
        assert [row["true_branch_runs"] for row in entry["curve"]][-1] == 1
        # With all branches running an oracle can still put weight where it belongs, never call more.
        assert sum(entry["curve"][0]["calls"]) == found["chips"]["test"]
    assert set(found["experts"]) == {name for name, k in rows if k}
    for name in FIGURES:
        assert (compared / "analysis" / name).stat().st_size > 1000
    assert (compared / "moe-neither" / "analysis" / "experts" / "gate_patterns.png").is_file()


def test_the_goal_compares_with_the_best_plain_one(compared):
    found = found_in(compared)
    goal = found["goal"]
    assert goal["plain"] == found["best_plain"]
    if goal["name"] is None:  # the narrow plain one was best: no branches at half its cost
        assert found["best_plain"] == "plain-4"
        return
    row = next(row for row in goal["against"] if row["name"] == goal["plain"])
    assert row["macs_ratio"] <= 0.5
    assert goal["met"] == (row["difference"]["value"] >= 0)


def test_the_card_tells_what_was_recorded_and_nothing_else(compared):
    assert classifiers_section(SimpleNamespace(data={"training": {}}), {}) == []
    found = found_in(compared)
    text = "\n".join(classifiers_section(SimpleNamespace(data={"training": {"classifiers": found}}), {}))
    for name in FIGURES:
        assert f"card/classifiers_{name}" in text
    assert "## Classifiers with experts and branches" in text
    for row in found["rows"]:
        if row["name"] == "hydranets-4":
            assert f"{row['macs'] / 1e6:.1f}" in text
    assert "None" not in text
    assert "nan" not in text


def test_intervals():
    right = np.arange(2000) < 1900
    entry = share_interval(right)
    assert entry["value"] == 0.95
    assert entry["low"] == pytest.approx(0.9396, abs=1e-4)  # by the formula of Wilson, worked by hand
    assert entry["high"] == pytest.approx(0.9587, abs=1e-4)
    assert share_interval(np.ones(10, bool))["high"] == pytest.approx(1)
    same = difference_interval(right, right)
    assert same == {"value": 0, "low": 0, "high": 0}
    better = difference_interval(right, np.arange(2000) < 1800)
    assert better["low"] < better["value"] == 0.05 < better["high"]
    assert better["low"] > 0.03
