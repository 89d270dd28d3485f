"""A request of tiles as a command line, and what came of it as a table."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ..routerset import SPLITS
from .request import DEFAULT_SHARES, LabelLayer, TilesRequest

_PLAIN = re.compile(r"[^,:=]+\Z")  # what stands in a list of the command line without being mistaken


def command(request: TilesRequest) -> str:
    """The command line that does the same, for a shell of this system."""
    inputs = [f"./{path}" if path.startswith("-") else path for path in request.inputs]  # no option
    words = ["hydranet", "tiles", *inputs, f"--out={request.output}"]
    for layer in request.labels:
        words += _label_words(layer)
    defaults = {item.name: item.default for item in fields(request)}
    for name in (
        "area",
        "bands",
        "radiometry",
        "tile_size",
        "stride",
        "block_m",
        "seed",
        "least_valid",
        "licence",
    ):
        value = getattr(request, name)
        if value != defaults[name]:
            words.append(
                f"--{name.replace('_', '-')}={value!r}"
                if type(value) is float
                else f"--{name.replace('_', '-')}={value}"
            )
    if request.splits != DEFAULT_SHARES:
        shares = request.splits or {}
        words.append("--splits=" + ",".join(f"{name}={shares[name]!r}" for name in SPLITS))
    if request.threads is not None:
        words.append(f"--threads={request.threads}")
    words += [
        f"--{name.replace('_', '-')}"
        for name in ("keep_unlabelled", "overwrite", "resume")
        if getattr(request, name)
    ]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _label_words(layer: LabelLayer) -> list[str]:
    """One layer; as JSON where options could be misread."""
    listed = [*(layer.classes or {}).keys(), *(layer.classes or {}).values(), *(layer.present or ())]
    fine = layer.colors is None and "=" not in layer.task and not layer.task.startswith("{")
    if not fine or not all(_PLAIN.match(text) and text == text.strip() for text in listed):
        data = {key: value for key, value in asdict(layer).items() if value is not None}
        return [f"--labels={json.dumps(data, ensure_ascii=False)}"]
    words = [f"--labels={layer.task}={layer.path}"]
    defaults = {item.name: item.default for item in fields(layer)}
    told = {
        "field": layer.field,
        "layer": layer.layer,
        "classes": layer.classes and ",".join(f"{key}:{name}" for key, name in layer.classes.items()),
        "background": layer.background if layer.background != defaults["background"] else None,
        "present": layer.present and ",".join(layer.present),
        "share": repr(layer.share) if layer.share != defaults["share"] else None,
        "title": layer.title,
        "label-kind": layer.label_kind if layer.label_kind != defaults["label_kind"] else None,
    }
    return words + [f"--{name}={layer.task}={value}" for name, value in told.items() if value is not None]


def table(summary: Mapping[str, Any]) -> str:
    """What came of a request, in a few lines.

    Args:
        summary: what `export.export_tiles` returns.
    """
    rows = [("", *SPLITS), ("tiles", *(str(summary["tiles"][split]) for split in SPLITS))]
    for task in summary["tasks"]:
        for key, word in (("needed", "needed"), ("not_needed", "not needed"), ("unknown", "unknown")):
            rows.append((f"{task['name']} {word}", *(str(task[key][split]) for split in SPLITS)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [name.ljust(widths[0]), *(n.rjust(width) for n, width in zip(those, widths[1:], strict=True))]
        )
        for name, *those in rows
    ]
    for task in summary["tasks"]:
        total = max(sum(task["pixels"].values()), 1)
        shares = ", ".join(f"{name} {count / total:.1%}" for name, count in task["pixels"].items())
        lines.append(f"{task['name']}: {sum(task['pixels'].values())} labelled pixels: {shares}.")
    left = ", ".join(f"{count} {reason}" for reason, count in summary["left_out"].items() if count)
    lines.append(
        f"{sum(summary['tiles'].values())} tiles in {summary['regions']} regions"
        f"{f'; left out: {left}' if left else ''}. {summary['seconds']:.1f} s."
    )
    sheet = f", to look at: {summary['contact_sheet']}" if summary["contact_sheet"] else ""
    return "\n".join([*lines, f"Routerset: {summary['folder']}{sheet}"])
