"""The worker's request, and the same request as a command line to be repeated outside QGIS."""

from __future__ import annotations

import os
import shlex

# Only for list2cmdline, which quotes; nothing is started here.
import subprocess  # nosec B404
from typing import Any


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
    overlap: int,
    extent: list[float] | None,
    mask: str | None,
    force_gsd: bool,
    skip_damaged: bool,
    overwrite: bool,
    resume: bool,
    threads: int | None,
    memory_mb: int | None,
) -> dict[str, Any]:
    """Parameters of the worker's method "predict", all of them, in the engine's own order.

    `experts` are names, empty for all. `extent` is xmin, ymin, xmax, ymax in the scene's CRS, None for
    the whole scene. `bundle` is a folder, None for the model that comes with the plugin. `mask` is a
    vector file. `miss_rate` is a share, 0 to 1.
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
        "overlap": int(overlap),
        "extent": list(extent) if extent is not None else None,
        "mask": os.path.abspath(mask) if mask else None,
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


def command_line(request: dict[str, Any]) -> str:
    """The request as `hydranet predict …`, quoted for this system's shell, as run.json has it too."""
    words = ["hydranet", "predict", request["input"], request["output"]]
    # --name=value in one word: a value may begin with a minus sign.
    if request["bundle"] is not None:
        words.append(f"--bundle={request['bundle']}")
    words += [f"--bands={request['bands']}", f"--radiometry={request['radiometry']}"]
    if request["experts"]:
        words.append(f"--experts={','.join(request['experts'])}")
    words.append(f"--policy={request['policy']}")
    recall = request["policy"] == "recall"
    words.append(f"--miss-rate={request['miss_rate']!r}" if recall else f"--top-k={request['top_k']}")
    words.append(f"--overlap={request['overlap']}")
    if request["extent"] is not None:
        words.append("--extent=" + ",".join(repr(float(value)) for value in request["extent"]))
    for key in ("mask", "threads", "memory_mb"):
        if request[key] is not None:
            words.append(f"--{key.replace('_', '-')}={request[key]}")
    flags = ("force_gsd", "skip_damaged", "overwrite", "resume")
    words += [f"--{key.replace('_', '-')}" for key in flags if request[key]]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
