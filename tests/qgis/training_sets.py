"""Small routersets and bundles of own experts, and trainings without a worker, for the tests of training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hydranet_qgis.training.state import Training
from tests.qgis.fake_worker.fake_training import REED, figures


def make_tiles(folder: Path, *names: str) -> Path:
    """A routerset as far as QGIS reads it."""
    folder.mkdir(parents=True)
    tasks = [{"name": name, "title": name.title(), "classes": REED} for name in names]
    text = json.dumps({"format": "hydranet-routerset/1", "tile_size": 128, "tasks": tasks})
    (folder / "routerset.json").write_text(text)
    return folder


def make_bundle(folder: Path, *names: str, **more: Any) -> Path:
    """A bundle as far as QGIS reads it."""
    folder.mkdir(parents=True)
    experts = [{"name": name, "title": name.title(), "kind": "classes"} for name in names]
    experts += [{"name": name, "title": name, "kind": "objects"} for name in more.pop("objects", ())]
    data = {"id": folder.name, "version": "2", "experts": experts, "input": {"tile_size": 128}, **more}
    (folder / "model.json").write_text(json.dumps(data))
    return folder


def event(number: int, epochs: int = 40, **more: Any) -> dict[str, Any]:
    """What the worker says after an epoch."""
    told = {
        "event": "epoch", "number": number, "epochs": epochs, "figures": figures(number),
        "best": min(number, 4), "seconds": 3.0 * number,
    }  # fmt: skip
    return {**told, **more}


def learnt(count: int, title: str = "marsh: reed, new", **more: Any) -> Training:
    """A training after so many epochs."""
    training = Training(title, "expert", 300.0, **more)
    for number in range(1, count + 1):
        training.hear(event(number))
    return training
