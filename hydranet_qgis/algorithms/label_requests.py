"""The worker's requests about labels: tiles to be cut, and results to be compared with a reference."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

LABEL_KINDS = ["hand", "derived", "algorithm", "perimeter", "undocumented"]
SPLITS = ("train", "val", "cal", "test")


def label_layer(
    task: str,
    path: str,
    layer: str | None,
    field: str | None,
    classes: Mapping[str, str],
    background: str,
    colors: Mapping[str, str],
    present: Sequence[str],
    share: float,
    title: str,
    label_kind: str,
) -> dict[str, Any]:
    """One task of `tiles_request`, in the engine's own order; empty classes, colours and so on are none."""
    return {
        "task": task,
        "path": whole(path),
        "layer": layer,
        "field": field,
        "classes": dict(classes) or None,
        "background": background,
        "colors": dict(colors) or None,
        "present": list(present) or None,
        "share": float(share),
        "title": title or None,
        "label_kind": label_kind,
    }


def tiles_request(
    inputs: Sequence[str],
    output: str,
    labels: Sequence[Mapping[str, Any]],
    area: str | None,
    bands: str,
    radiometry: str,
    tile_size: int,
    stride: int | None,
    block_m: float | None,
    splits: Mapping[str, float],
    seed: int,
    keep_unlabelled: bool,
    least_valid: float,
    licence: str,
    overwrite: bool,
    resume: bool,
    threads: int | None,
) -> dict[str, Any]:
    """Parameters of the worker's method "tiles", all of them, in the engine's own order."""
    return {
        "inputs": [whole(path) for path in inputs],
        "output": os.path.abspath(output),
        "labels": [dict(one) for one in labels],
        "area": whole(area) if area else None,
        "bands": bands.strip(),
        "radiometry": radiometry.strip(),
        "tile_size": int(tile_size),
        "stride": stride,
        "block_m": block_m,
        "splits": {name: float(splits[name]) for name in SPLITS},
        "seed": int(seed),
        "keep_unlabelled": bool(keep_unlabelled),
        "least_valid": float(least_valid),
        "licence": licence.strip() or "not stated",
        "overwrite": bool(overwrite),
        "resume": bool(resume),
        "threads": threads,
    }


def evaluate_request(
    source: str,
    output: str,
    reference: str,
    expert: str | None,
    layer: str | None,
    field: str | None,
    classes: Mapping[str, str],
    background: str,
    area: str | None,
    share: float,
    overwrite: bool,
    threads: int | None,
) -> dict[str, Any]:
    """Parameters of the worker's method "evaluate", all of them, in the engine's own order."""
    return {
        "input": whole(source),
        "output": os.path.abspath(output),
        "reference": whole(reference),
        "expert": expert,
        "layer": layer,
        "field": field,
        "classes": dict(classes) or None,
        "background": background.strip() or None,
        "area": whole(area) if area else None,
        "share": float(share),
        "overwrite": bool(overwrite),
        "threads": threads,
    }


def whole(path: str) -> str:
    """A path that holds from any current folder, for the worker does not start in this process's one."""
    return os.path.abspath(path) if os.path.exists(path) else path
