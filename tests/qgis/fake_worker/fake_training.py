"""What the scripted worker does when it trains: epochs of a fixed formula, and a bundle with one more expert.

By the name of the output folder: slow… learns until it is told to stop or that it is enough, error… fails,
nan… has figures that could not be measured.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EPOCHS = 6
REED = [{"value": 0, "name": "other", "color": None}, {"value": 1, "name": "reed", "color": "#7a9a01"}]


def figures(number: int) -> dict[str, float | None]:
    """Of an epoch: the loss falls, the figure rises and falls a little after the fourth."""
    iou = 0.8 - 0.5 * 0.6**number - (0.02 * (number - 4) if number > 4 else 0.0)
    parts = {"loss/cross": 0.8 * 0.6**number, "loss/total": 2.0 * 0.6**number}
    return {**parts, "val/iou": round(iou, 6), "val/f1": round(iou + 0.1, 6), "lr": 0.001}


def job(
    number: int,
    params: dict[str, Any],
    stop: threading.Event,
    enough: threading.Event,
    emit: Callable[..., None],
) -> None:
    """Train; the last event is as the real worker's."""
    output = Path(params["output"])
    name = output.name
    emit(event="started", id=number, total_tiles=20, folder=str(output))
    if name.startswith("error"):
        emit(event="error", id=number, kind="RequestError", message="No tile of val shows reed; label more.")
        return
    for done in (250, 500):
        emit(event="progress", id=number, done=done, total=1000, message="Encoding tiles")
    epoch, best = 0, 0
    while epoch < EPOCHS or (name.startswith("slow") and not enough.is_set()):
        epoch += 1
        best = min(epoch, 4)
        told = figures(epoch)
        if name.startswith("nan"):
            told = {**told, "val/f1": None}
        spent = 0.5 * epoch
        emit(event="epoch", id=number, number=epoch, epochs=1000, figures=told, best=best, seconds=spent)
        emit(event="progress", id=number, done=500 + min(epoch, 400), total=1000, message="Learning {reed}")
        if stop.is_set():
            (output / "training").mkdir(parents=True, exist_ok=True)
            (output / "training" / "request.json").write_text("{}")
            emit(event="cancelled", id=number)
            return
        if name.startswith("slow"):
            time.sleep(0.02)
    summary = finish(params, epoch, best, "enough" if enough.is_set() else "patience")
    emit(event="finished", id=number, output=str(output), summary=summary)


def finish(params: dict[str, Any], epochs: int, best: int, stopped: str) -> dict[str, Any]:
    """Write the bundle's description, which is all that QGIS reads of it, and say what was done."""
    output = Path(params["output"])
    (output / "training" / "analysis").mkdir(parents=True, exist_ok=True)
    (output / "training" / "request.json").write_text(json.dumps(params))
    (output / "training" / "analysis" / "curves.png").write_bytes(b"picture")
    base = json.loads((Path(params["bundle"]) / "model.json").read_text()) if params["bundle"] else {}
    experts = base.get("experts") or [{"name": "water", "title": "Water"}]
    if params["expert"] and params["expert"] not in [item["name"] for item in experts]:
        new = {
            "name": params["expert"],
            "title": params["expert"].title(),
            "kind": "classes",
            "classes": REED,
        }
        experts = [*experts, new]
    model = {"id": f"{output.name}-id", "version": "1", "experts": experts, "input": {"tile_size": 128}}
    (output / "model.json").write_text(json.dumps(model))
    known = figures(best)
    split = {
        "iou": known["val/iou"], "f1": known["val/f1"], "tiles": 4,
        "classes": [{"value": 1, "name": "reed", "iou": 0.7, "f1": 0.8, "pixels": 900}],
    }  # fmt: skip
    return {
        "bundle": str(output), "id": model["id"], "version": "1", "sha256": "0" * 64, "what": params["what"],
        "expert": params["expert"], "experts": [item["name"] for item in experts], "epochs": epochs,
        "best_epoch": best, "stopped": stopped, "figures": {"val": split, "test": {**split, "iou": 0.61}},
        "router": {"reed": {"val": {"precision": 0.9, "recall": 0.8}, "test": None}},
        "kept": {"encoder": "a" * 64, "water": "b" * 64}, "curves": "training/analysis/curves.png",
        "warnings": ["Few tiles of test show reed."], "seconds": 3.0, "command": "hydranet train",
        "request": params,
    }  # fmt: skip
