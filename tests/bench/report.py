"""Measurements as JSON, as a table for people and as a table for README."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import torch

from model_core import events

FORMAT = "hydranet-bench/1"
_FLAGS = ("avx2", "avx512_f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def machine(cores: int) -> dict[str, Any]:
    """What the figures depend on; nothing that tells whose machine it is."""
    told = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cpu": told.get("cpu_name"),
        "cores": cores,
        "flags": {name: bool(told.get(name, False)) for name in _FLAGS},
        "memory_gb": round(pages / 2**30, 1) or None,
    }


def merged(report: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """The report with the cases of an older one of the same model and machine that were not run anew."""
    same = all(old.get(key) == report[key] for key in ("format", "model", "machine", "versions", "precision"))
    cases = {**old["cases"], **report["cases"]} if same else report["cases"]
    return {**report, "cases": cases}


def new_report(model: Any, threads: int, cores: int, cases: dict[str, Any]) -> dict[str, Any]:
    """Everything in one object; `cases` holds what each module's `run` gave, by name."""
    return {
        "format": FORMAT,
        "model": {"id": model.id, "version": model.version, "sha256": model.sha256},
        "precision": model.precision,
        "threads": threads,
        "machine": machine(cores),
        "versions": events.versions(),
        "cases": cases,
    }


def write(report: dict[str, Any], path: Path) -> None:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """A report written before, or None."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def figures(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All figures of all cases, by name."""
    return {name: one for case in report["cases"].values() for name, one in case["figures"].items()}


def table(report: dict[str, Any]) -> str:
    """For a terminal: figure, median, quartiles, goal."""
    lines = [f"{'':<40}{'median':>9}   {'quartiles':<16}{'goal':<11}"]
    for name, one in figures(report).items():
        verdict = "" if "reached" not in one else ("yes" if one["reached"] else "NO")
        row = (
            f"{name:<40}{_number(one['value']):>9}   {_quartiles(one):<16}{one.get('goal', ''):<11}{verdict}"
        )
        lines.append(row.rstrip())
    return "\n".join(lines)


def markdown(report: dict[str, Any]) -> str:
    """For README: what, median (quartiles), goal; below it the machine."""
    lines = ["| figure | what it is | median (quartiles) | goal |", "|---|---|---|---|"]
    for name, one in figures(report).items():
        spread = _quartiles(one)
        value = _number(one["value"]) + (f" ({spread})" if spread else "")
        goal = one.get("goal", "").replace("<=", "≤").replace(">=", "≥")
        if not one.get("reached", True):
            goal += ", missed"
        lines.append(f"| `{name}` | {one['what']} | {value} | {goal} |")
    told, versions = report["machine"], report["versions"]
    lines.append("")
    lines.append(
        f"{told['cpu'] or told['processor']}, {told['cores']} cores, {told['memory_gb']} GB, "
        f"{report['precision']}, {report['threads']} inference threads, torch {versions['torch']}, "
        f"HydraNet {versions['hydranet']}."
    )
    return "\n".join(lines)


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if value >= 100:
        return f"{value:.0f}"
    # A share close to 1 must not be rounded to it.
    return f"{value:.4f}" if 0.99 < value < 1 else f"{value:.2f}"


def _quartiles(one: dict[str, Any]) -> str:
    return f"{_number(one['low'])} to {_number(one['high'])}" if "low" in one else ""
