"""What a comparison found, in a few lines of text for a terminal or a log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def summary_text(summary: Mapping[str, Any], folder: str) -> str:
    """A line for each class, then the figures over all, the routing, and where the report is.

    Args:
        summary: of `evaluate.evaluate_reference`.
        folder: of the report.
    """
    figures, pixels = summary["figures"], summary["pixels"]
    names = [one["name"] for one in figures["classes"]]
    wide = max([5, *map(len, names)])
    lines = [f"{'class':{wide}}    IoU     F1  precision  recall      pixels"]
    for one in figures["classes"]:
        numbers = [_number(one[key]) for key in ("iou", "f1", "precision", "recall")]
        lines.append(
            f"{one['name']:{wide}}  {numbers[0]:>5}  {numbers[1]:>5}  {numbers[2]:>9}  {numbers[3]:>6}  "
            f"{one['pixels']:>10}"
        )
    accuracy = _with_interval(figures, "overall_accuracy")
    lines.append(
        f"Overall accuracy {accuracy}, kappa {_with_interval(figures, 'kappa')}, mean IoU "
        f"{_with_interval(figures, 'mean_iou')}, mean F1 {_with_interval(figures, 'mean_f1')}."
    )
    lines.append(
        f"{pixels['compared']} pixels compared; without a partner: {pixels['reference_only']} of the "
        f"reference, {pixels['input_only']} of the input. {summary['seconds']:.1f} s."
    )
    router = summary["router"]
    if router is not None:
        lines.append(
            f"Routing to {router['expert']}: {router['needed']} tiles need it and {router['not_needed']} do "
            f"not, by the reference; precision {_number(router['precision'])}, recall "
            f"{_number(router['recall'])}, F1 {_number(router['f1'])}, calibration error "
            f"{_number(router['ece'])}."
        )
    lines.append(f"Report: {Path(folder) / summary['report']}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _with_interval(figures: Mapping[str, Any], key: str) -> str:
    between = figures["intervals"][key]
    told = f" ({_number(between['low'])} to {_number(between['high'])})" if between else ""
    return f"{_number(figures[key])}{told}"
