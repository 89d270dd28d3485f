"""The documents say what the bundle says: figures in README and model card are the recorded ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

from model_core.bundle import read_info
from model_core.evaluation.card import write_card
from model_core.resources import default_bundle

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_quotes_the_recorded_figures():
    metrics = json.loads((default_bundle() / "model.json").read_text(encoding="utf-8"))["metrics"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, entry in metrics["experts"].items():
        row = re.search(
            rf"^\| {name} \| (.+) \| ([\d.]+) \(([\d.]+) to ([\d.]+)\) \| (\d+) \|$", text, re.MULTILINE
        )
        assert row, f"README has no row for {name}"
        found = (row[1], *(float(row[i]) for i in (2, 3, 4)), int(row[5]))
        wanted = (
            entry["metric"],
            *(round(entry[key], 3) for key in ("value", "low", "high")),
            entry["scenes"],
        )
        assert found == wanted


def test_the_model_card_is_the_one_evaluate_writes():
    info = read_info(default_bundle())
    card = (default_bundle() / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == write_card(info, info.data["metrics"])


def test_every_link_of_the_readme_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(links) >= 4
    for link in links:
        assert (ROOT / link).exists(), link
