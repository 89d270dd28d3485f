"""The CSV files of a report, numbers with a point and no more digits than mean something."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from .figures import BY_CLASS
from .tilewise import TileRow


def text_of(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV, UTF-8; None and NaN are empty."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value  # a spreadsheet would take a class's name for a formula
    return int(value) if isinstance(value, bool) else value


def confusion_table(matrix: np.ndarray, names: Sequence[str]) -> bytes:
    """Rows = reference, columns = input, pixels."""
    head = ["reference \\ input", *names]
    return text_of([head, *([name, *map(int, row)] for name, row in zip(names, matrix, strict=True))])


def class_table(classes: Sequence[Mapping[str, Any]]) -> bytes:
    """A row for each class, with intervals, areas and what had no partner."""
    head = ["value", "name"]
    for key in BY_CLASS:
        head += [key, f"{key}_low", f"{key}_high"]
    counts = ("pixels", "input_pixels", "reference_unmatched", "input_unmatched", "reference_ha", "input_ha")
    rows = []
    for one in classes:
        row = [one["value"], one["name"]]
        for key in BY_CLASS:
            between = one["intervals"][key] or {}
            row += [one[key], between.get("low"), between.get("high")]
        rows.append([*row, *(one[key] for key in counts)])
    return text_of([[*head, *counts], *rows])


def router_table(router: Mapping[str, Any]) -> bytes:
    """One figure in each row."""
    return text_of([["figure", "value"], *((k, v) for k, v in router.items() if k != "bins")])


def bins_table(bins: Sequence[Mapping[str, Any]]) -> bytes:
    """A row for each bin."""
    head = list(bins[0]) if bins else []
    return text_of([head, *(list(one.values()) for one in bins)])


def tile_table(rows: Sequence[TileRow]) -> bytes:
    """A row for each tile."""
    names = [item.name for item in fields(TileRow)]
    return text_of([names, *([getattr(row, name) for name in names] for row in rows)])
