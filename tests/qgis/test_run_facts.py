"""What a run says of itself in words, also when it is old or of a newer kind."""

from __future__ import annotations

from typing import Any

import pytest

from hydranet_qgis.run_facts import facts_of

EXPERTS = [
    {"name": "water", "threshold": 0.5, "skipped": None},
    {"name": "roads", "threshold": 0.9, "skipped": "outside resolution"},
]


def _told(**data: Any) -> list[tuple[str, str, str]]:
    return [(fact.title, fact.text, fact.brief) for fact in facts_of(data)]


def test_an_old_run_tells_nothing() -> None:
    assert _told() == []
    assert _told(band_mapping={}, radiometry={}, policy={}, experts=[]) == []


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("explicit", "as chosen"),
        ("wavelengths", "by wavelength"),
        ("sensor:rgb", "in the order of rgb"),
        ("colours", "by colour interpretation"),
        ("telepathy", "telepathy"),
    ],
)
def test_bands_say_where_they_come_from(method: str, words: str) -> None:
    bands = {
        "pan": {"layer_band": None, "status": "missing"},
        "blue": {"layer_band": 3, "status": "given", "description": "B02"},
        "re1": {"layer_band": None, "status": "missing"},
    }
    told = _told(band_mapping={"method": method, "bands": bands})
    assert told == [("Bands", f"blue ← 3 (B02); pan, re1 missing ({words})", "1 band, pan, re1 missing")]


@pytest.mark.parametrize(
    ("scale", "offset", "text", "brief"),
    [
        (0.0001, 0.0, "value × 0.0001", "× 0.0001"),
        (0.0001, -1000.0, "(value − 1000) × 0.0001", "(value − 1000) × 0.0001"),
        (1.0, 0.5, "(value + 0.5) × 1", "(value + 0.5) × 1"),
        ([1.0, 2.0], 0.0, "scale and offset of each band", "scale and offset of each band"),
    ],
)
def test_reflectance_is_a_formula(scale: Any, offset: float, text: str, brief: str) -> None:
    radiometry = {"scale": scale, "offset": offset, "method": "range"}
    assert _told(radiometry=radiometry) == [("Reflectance", f"{text} (guessed from the values)", brief)]


@pytest.mark.parametrize(
    ("policy", "text", "brief"),
    [
        (
            {"kind": "threshold", "k": 2},
            "threshold, at most 2 per tile; thresholds water 0.50",
            "threshold, k ≤ 2",
        ),
        (
            {"kind": "recall", "k": None, "miss_rate": 0.023, "thresholds": {"water": 0.25, "roads": 0.1}},
            "recall, at most 2.3 % missed; thresholds water 0.25",
            "recall, ≤ 2.3 % missed",
        ),
        ({"kind": "top-k", "k": 3}, "top-k, the 3 strongest of every tile", "top-k, k = 3"),
        ({"kind": "top-k", "k": 1}, "top-k, the strongest of every tile", "top-k, k = 1"),
    ],
)
def test_the_policy_with_its_thresholds(policy: dict[str, Any], text: str, brief: str) -> None:
    assert _told(policy=policy, experts=EXPERTS) == [("Policy", text, brief)]
