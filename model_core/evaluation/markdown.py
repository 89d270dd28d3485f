"""Small pieces of the model card: numbers, intervals, tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none (stored metrics hold None for NaN)."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def interval(entry: Mapping[str, Any], digits: int = 3) -> str:
    """`value (low to high)`, without the brackets where there is no interval."""
    value = number(entry["value"], digits)
    if entry.get("low") is None or entry["low"] != entry["low"]:
        return value
    return f"{value} ({number(entry['low'], digits)} to {number(entry['high'], digits)})"


def ranged(value: float | None, ends: Mapping[str, Any] | None, digits: int = 3) -> str:
    """As `interval`, for a value that is kept apart from its ends."""
    return interval({"value": value, **(ends or {})}, digits)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, ending with a line break."""
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def percent(value: float | None) -> str:
    """A share in per cent."""
    return "–" if value is None else f"{100 * value:.1f} %"
