"""Interleaved rounds, medians and quartiles: what makes figures of a machine that drifts comparable."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Case = Callable[[], object]
Say = Callable[[str], None]


def interleaved(
    cases: Mapping[str, Case], rounds: int, say: Say, before: Mapping[str, Case] | None = None
) -> dict[str, list[float]]:
    """Run every case once to warm up, then all of them in turn `rounds` times.

    Every second round goes backwards, so that no case always follows the same other one.

    Args:
        cases: what is timed, by name.
        rounds: how often each is.
        say: hears about progress.
        before: by the same names, what to do each time before a case; it is not timed.

    Returns:
        Seconds of each round by case.
    """
    found: dict[str, list[float]] = {name: [] for name in cases}
    before = before or {}
    for turn in range(rounds + 1):
        order = list(cases) if turn % 2 else list(reversed(cases))
        for name in order:
            if name in before:
                before[name]()
            begin = time.perf_counter()
            cases[name]()
            if turn:
                found[name].append(time.perf_counter() - begin)
        say(f"round {turn} of {rounds}" if turn else "warmed up")
    return found


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    )
    return {"value": round(middle, 4), "low": round(low, 4), "high": round(high, 4)}


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """Median and quartiles of the ratios round by round: what slows a whole round drops out."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def figure(
    measured: dict[str, float] | float,
    what: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> dict[str, Any]:
    """One result as JSON: value, quartiles (where it was measured in rounds), what it is, goal, reached?"""
    result: dict[str, Any] = dict(measured) if isinstance(measured, dict) else {"value": measured}
    result["what"] = what
    if at_most is not None:
        result["goal"], result["reached"] = f"<= {at_most:g}", result["value"] <= at_most
    if at_least is not None:
        result["goal"], result["reached"] = f">= {at_least:g}", result["value"] >= at_least
    return result
