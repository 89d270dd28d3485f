"""The worker's requests, and the same as command lines to be repeated outside QGIS."""

from __future__ import annotations

import os
import shlex

# Only for list2cmdline, which quotes; nothing is started here.
import subprocess  # nosec B404
from collections.abc import Mapping
from typing import Any

from .values import Box


def predict_request(
    source: str,
    output: str,
    bundle: str | None,
    bands: str,
    radiometry: str,
    experts: list[str],
    policy: str,
    top_k: int,
    miss_rate: float,
    thresholds: Mapping[str, float] | None,
    overlap: int,
    extent: Box | None,
    mask: str | None,
    uncertainty: bool,
    object_score: float | None,
    decode: bool,
    force_gsd: bool,
    skip_damaged: bool,
    overwrite: bool,
    resume: bool,
    threads: int | None,
    memory_mb: int | None,
) -> dict[str, Any]:
    """Parameters of the worker's method "predict", all of them, in the engine's own order.

    `experts` are names, empty for all. `extent` is in the scene's CRS, None for the whole scene. `bundle`
    is a folder, None for the model that comes with the plugin. `mask` is a vector file. `miss_rate` is a
    share, 0 to 1. `object_score` is the least one of objects, None for the model's own. Without `decode` no
    expert is run.
    """
    return {
        # Absolute, because the worker does not start in this process's folder.
        "input": os.path.abspath(source) if os.path.exists(source) else source,
        "output": os.path.abspath(output),
        "bundle": os.path.abspath(bundle) if bundle else None,
        "bands": bands.strip(),
        "radiometry": radiometry.strip(),
        "experts": list(experts) or None,
        "policy": policy,
        "top_k": int(top_k),
        "miss_rate": float(miss_rate),
        "thresholds": dict(thresholds) if thresholds else None,
        "overlap": int(overlap),
        "extent": list(extent) if extent is not None else None,
        "mask": os.path.abspath(mask) if mask else None,
        "uncertainty": bool(uncertainty),
        "object_score": None if object_score is None else float(object_score),
        "decode": bool(decode),
        "force_gsd": bool(force_gsd),
        "skip_damaged": bool(skip_damaged),
        "overwrite": bool(overwrite),
        "resume": bool(resume),
        "threads": threads,
        "memory_mb": memory_mb,
        # The worker's environment decides these.
        "device": "auto",
        "precision": "auto",
    }


def reroute_request(
    run: str,
    policy: str,
    top_k: int,
    miss_rate: float,
    thresholds: Mapping[str, float] | None,
    threads: int | None,
    memory_mb: int | None,
) -> dict[str, Any]:
    """Parameters of the worker's method "reroute", all of them; see `predict_request`."""
    return {
        "run": os.path.abspath(run),
        "policy": policy,
        "top_k": int(top_k),
        "miss_rate": float(miss_rate),
        "thresholds": dict(thresholds) if thresholds else None,
        "threads": threads,
        "memory_mb": memory_mb,
    }


def prepare_request(
    source: str,
    output: str,
    bands: str,
    radiometry: str,
    extent: Box | None,
    allow_missing: bool,
    skip_damaged: bool,
    threads: int | None,
) -> dict[str, Any]:
    """Parameters of the worker's method "prepare", all of them; see `predict_request`."""
    return {
        "input": os.path.abspath(source) if os.path.exists(source) else source,
        "output": os.path.abspath(output),
        "bands": bands.strip(),
        "radiometry": radiometry.strip(),
        "extent": list(extent) if extent is not None else None,
        "allow_missing": bool(allow_missing),
        "skip_damaged": bool(skip_damaged),
        "overwrite": True,  # Processing has asked
        "threads": threads,
    }


def predict_command(request: dict[str, Any]) -> str:
    """The request as `hydranet predict …` or `hydranet route …`, as run.json has it too."""
    words = ["hydranet", "predict" if request["decode"] else "route", request["input"], request["output"]]
    # --name=value in one word: a value may begin with a minus sign.
    if request["bundle"] is not None:
        words.append(f"--bundle={request['bundle']}")
    words += [f"--bands={request['bands']}", f"--radiometry={request['radiometry']}"]
    if request["experts"]:
        words.append(f"--experts={','.join(request['experts'])}")
    words += _policy(request)
    words.append(f"--overlap={request['overlap']}")
    if request["extent"] is not None:
        words.append("--extent=" + ",".join(repr(float(value)) for value in request["extent"]))
    words += _values(request, "mask", "object_score", "threads", "memory_mb")
    words += _flags(request, "uncertainty", "force_gsd", "skip_damaged", "overwrite", "resume")
    return _quoted(words)


def reroute_command(request: dict[str, Any]) -> str:
    """The request as `hydranet reroute …`."""
    words = ["hydranet", "reroute", request["run"], *_policy(request)]
    return _quoted([*words, *_values(request, "threads", "memory_mb")])


def _policy(request: dict[str, Any]) -> list[str]:
    recall = request["policy"] == "recall"
    words = [f"--policy={request['policy']}"]
    words.append(f"--miss-rate={request['miss_rate']!r}" if recall else f"--top-k={request['top_k']}")
    if request["thresholds"]:
        told = (f"{name}={float(value)!r}" for name, value in request["thresholds"].items())
        words.append(f"--thresholds={','.join(told)}")
    return words


def _values(request: dict[str, Any], *keys: str) -> list[str]:
    given = (key for key in keys if request[key] is not None)
    return [f"--{key.replace('_', '-')}={request[key]}" for key in given]


def _flags(request: dict[str, Any], *keys: str) -> list[str]:
    return [f"--{key.replace('_', '-')}" for key in keys if request[key]]


def _quoted(words: list[str]) -> str:
    """One line for this system's shell."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
