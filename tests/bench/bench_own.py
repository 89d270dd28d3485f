"""An expert of one's own in minutes: how long it takes, and how good it is beside the bundled one.

On the sample scene from its labels; with the training pack also a water expert made anew from its tiles,
in the pack's own split, beside the bundled water expert on the same tiles. The split val chooses the epoch
of the one, and the decision of the other was fitted on it too.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from model_core.resources import resource
from model_core.routerset import TaskSpec, read_routerset
from model_core.spec import ClassSpec
from model_core.tiles.export import export_tiles
from model_core.tiles.request import LabelLayer, TilesRequest
from model_core.training.own.decoder import encoded_tiles, total_confusion
from model_core.training.own.figures import figures
from model_core.training.own.request import TrainRequest
from model_core.training.own.tiles import load_tiles
from model_core.training.own.train import train_own

from .pack_tiles import write_pack_tiles
from .setting import Setting
from .timing import figure

SECONDS = 300.0  # of a training, at most
TASK = TaskSpec("lake", "Lake", (ClassSpec(0, "no water", None), ClassSpec(1, "water", "#1f78d1")), (1,))


def run(setting: Setting) -> dict[str, Any]:
    """Each once: a training takes minutes, and its seed makes it repeat."""
    folder, few = setting.folder, setting.rounds == 1
    begin = time.perf_counter()
    tiles = _sample_tiles(folder / "sample")
    cut = time.perf_counter() - begin
    told = _train(setting, tiles, "openwater", folder / "sample_bundle", 20.0 if few else SECONDS)
    counts = {split: len(read_routerset(tiles).of(split)) for split in ("train", "val", "cal", "test")}
    what = f"the sample scene's {sum(counts.values())} tiles of 128 pixels"
    found = {
        "own_tiles_seconds": figure(round(cut, 1), f"{what} cut, s"),
        "own_expert_seconds": figure(
            told["seconds"], f"a new expert from {what}, row, bundle and checks included, s", at_most=300
        ),
        "own_expert_val_iou": figure(
            round(told["figures"]["val"]["iou"], 3), f"IoU of that expert on its {counts['val']} tiles of val"
        ),
    }
    details: dict[str, Any] = {"sample": {"tiles": counts, "epochs": told["epochs"]}}
    if setting.data is not None and not few:
        more, details["pack"] = _from_pack(setting, setting.data)
        found |= more
    return {"figures": found, "details": details}


def _sample_tiles(folder: Path) -> Path:
    sample = resource("sample")
    water = LabelLayer("openwater", str(sample / "coast_water.geojson"), field="class")
    request = TilesRequest(
        (str(sample / "coast_10m.tif"),), str(folder), (water,), area=str(sample / "coast_area.geojson"),
        tile_size=128, stride=64, block_m=1280.0,
    )  # fmt: skip
    export_tiles(request, lambda event: None, lambda: False)
    return folder


def _train(setting: Setting, tiles: Path, name: str, out: Path, seconds: float) -> dict[str, Any]:
    request = TrainRequest(
        "expert", str(tiles), str(out), expert=name, bundle=str(setting.bundle), seconds=seconds,
        threads=setting.threads,
    )  # fmt: skip
    return train_own(request, lambda event: None, lambda: False)


def _from_pack(setting: Setting, pack: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    data = read_routerset(write_pack_tiles(pack, TASK, "water", setting.folder / "pack"))
    told = _train(setting, data.folder, TASK.name, setting.folder / "pack_bundle", SECONDS)
    found = {}
    for split in ("val", "test"):
        tiles = [
            tile
            for tile in load_tiles(data, data.of(split), TASK, lambda: False, lambda *_: None)
            if tile.counts(2).any()
        ]
        bundled = total_confusion(
            setting.model.network.experts["water"], TASK, encoded_tiles(setting.model, tiles), lambda: None
        )
        where = f"{len(tiles)} tiles of the pack's {split} split"
        found[f"pack_water_{split}_iou"] = figure(
            round(told["figures"][split]["iou"], 3),
            f"IoU of a water expert made anew from {len(data.of('train'))} tiles in {SECONDS:g} s, {where}",
        )
        found[f"bundled_water_{split}_iou"] = figure(
            round(figures(bundled, TASK, len(tiles))["iou"], 3),
            f"IoU of the bundled water expert, {where}",
        )
    return found, {"epochs": told["epochs"], "best_epoch": told["best_epoch"], "seconds": told["seconds"]}
