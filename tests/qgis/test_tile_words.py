"""Why an expert was or was not chosen, in plain words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hydranet_qgis.dock.tile_words import apart, outcome, told, trained_for, why
from hydranet_qgis.run_folder import Run
from hydranet_qgis.tile_records import TileRecord


def _tile(run: Run, chosen: tuple[str, ...] = (), **experts: tuple[float | None, str]) -> TileRecord:
    """A tile with the scores and reasons given; the other experts score 0.1, below threshold."""
    both = [experts.get(expert.name, (0.1, "below threshold")) for expert in run.experts]
    return TileRecord(
        index=0,
        row=0,
        col=0,
        valid=1.0,
        scores=tuple(score for score, _ in both),
        chosen=chosen,
        reason="routed" if chosen else "abstained: all below threshold",
        reasons=tuple(reason for _, reason in both),
        wkb=b"",
    )


def _why(run: Run, tile: TileRecord, name: str) -> str:
    return why(run, tile, [expert.name for expert in run.experts].index(name))


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (0.34, "below its threshold 0.42"),
        (0.4187, "0.419 is below its threshold 0.420"),
        (0.41996, "0.41996 is below its threshold 0.42000"),
    ],
)
def test_a_score_below_its_threshold_is_seen_to_be_lower(run: Run, score: float, text: str) -> None:
    assert _why(run, _tile(run, water=(score, "below threshold")), "water") == text


@pytest.mark.parametrize(
    ("chosen", "decoded", "text"),
    [
        (("clouds",), True, "but a stronger expert was taken (k\u00a0=\u00a01)"),
        (("clouds", "burned"), True, "but 2 stronger experts were taken (k\u00a0=\u00a02)"),
        (("clouds",), False, "but a stronger expert would be taken (k\u00a0=\u00a01)"),
        (("clouds", "burned"), False, "but 2 stronger experts would be taken (k\u00a0=\u00a02)"),
    ],
)
def test_an_expert_cut_by_k_names_how_many_were_stronger(
    run: Run, chosen: tuple[str, ...], decoded: bool, text: str
) -> None:
    run = replace(run, top_k=len(chosen), decoded=decoded)
    tile = _tile(run, chosen, water=(0.6, "cut by k"))
    assert _why(run, tile, "water") == f"reaches its threshold 0.42, {text}"


def test_top_k_speaks_of_no_threshold(run: Run) -> None:
    run = replace(run, policy="top-k", top_k=2)
    tile = _tile(
        run, ("clouds", "water"), clouds=(0.9, "top-1"), water=(0.3, "top-2"), burned=(0.2, "cut by k")
    )
    assert _why(run, tile, "clouds") == "the strongest"
    assert _why(run, tile, "water") == "number 2 of the strongest"
    assert _why(run, tile, "burned") == "not among the 2 strongest"
    assert _why(replace(run, top_k=1), tile, "burned") == "not the strongest"
    assert _why(replace(run, decoded=False), tile, "clouds") == "would be decoded: the strongest"


def test_a_run_of_scores_only_speaks_conditionally(run: Run) -> None:
    tile = _tile(run, ("water",), water=(0.8, "above threshold"))
    assert _why(run, tile, "water") == "reaches its threshold 0.42"
    assert told(run, tile) == "decoded by Water"
    scores_only = replace(run, decoded=False)
    assert _why(scores_only, tile, "water") == "would be decoded: reaches its threshold 0.42"
    assert told(scores_only, tile) == "would be decoded by Water"


def test_a_simulated_expert_that_was_chosen_says_so(run: Run) -> None:
    tile = _tile(run, ("biomass",), biomass=(0.8, "above threshold"))
    assert _why(run, tile, "biomass").endswith("; trained on simulated data only")


def test_an_unsuited_expert_says_what_it_was_trained_for(run: Run) -> None:
    tile = _tile(run, roads=(0.9, "outside resolution"))
    assert trained_for(run, run.experts[-1]) == ("0.3", "5")
    assert trained_for(run, run.experts[0]) is None
    assert _why(run, tile, "roads") == "trained for pixels of 0.3 to 5 m"
    assert _why(replace(run, warnings=()), tile, "roads") == "not trained for pixels of this size"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("not requested", "left out when the run was asked for"),
        ("no data", "the tile has no data"),
        ("outside mask", "the tile lies outside the mask"),
        ("", "no reason given"),
        ("a reason of a later version", "a reason of a later version"),
    ],
)
def test_other_reasons(run: Run, reason: str, text: str) -> None:
    assert _why(run, _tile(run, water=(None, reason)), "water") == text


def test_an_outcome_this_version_does_not_know_is_told_as_it_is() -> None:
    assert outcome("outside mask") == "outside the mask"
    assert outcome("eaten by a fish") == "eaten by a fish"


def test_numbers_that_are_the_same_stay_so() -> None:
    assert apart(0.5, 0.5) == ("0.500000", "0.500000")
