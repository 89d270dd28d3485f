"""Pieces of a page: numbers, tables and cards as HTML, texts of users escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any


def text(value: Any) -> str:
    """A text of whoever, escaped."""
    return escape(str(value), quote=True)


def section(title: str, content: str) -> str:
    """A heading and what belongs to it."""
    return f"<h2>{title}</h2>\n{content}"


def number(value: float | None, digits: int = 3) -> str:
    """A figure; a dash where it is not defined."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def count(value: int) -> str:
    """Pixels or tiles, by thousands."""
    return f"{value:,}".replace(",", "&#8239;")  # a thin space: a comma is a point to some


def share(part: int, whole: int) -> str:
    """A part in per cent."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def between(between: Mapping[str, float] | None) -> str:
    """An interval; empty where there is none."""
    if not between:
        return ""
    return f'<span class="between">{number(between["low"])} to {number(between["high"])}</span>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """A table that scrolls by itself; its cells are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        f'<div class="scroll"><table class="{kind}">\n'
        + (f"<tr>{top}</tr>\n" if top else "")
        + f"{body}</table></div>"
    )


def card(name: str, value: float | None, below: str = "") -> str:
    """A figure to be seen at once."""
    return f'<div class="figure">{name}<b>{number(value)}</b>{below}</div>'


def hectares(value: float | None) -> str:
    """Hectares behind something else."""
    return "" if value is None else f", {area(value)} ha"


def area(value: float | None) -> str:
    """Hectares."""
    if value is None:
        return "–"
    return count(round(value)) if value >= 100 else f"{value:.3g}"
