"""A small bundle, and a made-up routerset whose content can be learnt, for tests of training on one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin

from model_core.networks.hydranet import HydraNet
from model_core.routerset import (
    CATALOG_FILE,
    LABELS,
    RELEVANCE_FILE,
    SCENES,
    SET_FILE,
    UNKNOWN,
    Entry,
    TaskSpec,
    catalog_text,
    relevance_of,
    relevance_text,
    set_text,
)
from model_core.spec import ClassSpec
from model_core.tasks import TASKS
from model_core.training.calibration import Calibration
from model_core.training.export import export_bundle
from model_core.training.recipe import Recipe
from tests.core.test_bundle import SMALL, rewrite
from tests.core.tiny_pack import BANDS, LAND, WATER

REED = TaskSpec("reed", "Reed", (ClassSpec(0, "other", None), ClassSpec(1, "reed", "#8a6f2a")), (1,))
COUNTS = {"train": 6, "val": 4, "cal": 4, "test": 4}


def write_bundle(folder: Path, heads: dict[str, int] | None = None, tile_size: int | None = None) -> Path:
    """A bundle of all tasks of the product, untrained; of smaller tiles than the product's, if told so."""
    torch.manual_seed(0)
    channels = {task.name: task.expert.channels for task in TASKS}
    network = HydraNet(SMALL, channels, heads=heads or {}).eval()
    calibration = {task.name: Calibration(2.0, 0.5, 0.4, 9, 9, "cal") for task in TASKS}
    told = {"how": "for a test", "recall": {"split": "cal", "experts": {}}}
    export_bundle(folder, network, calibration, Recipe(network=SMALL), [], told)
    if tile_size:
        rewrite(folder, lambda data: data["input"].update(tile_size=tile_size))
    return folder


def write_tiles(
    folder: Path,
    task: TaskSpec = REED,
    counts: dict[str, int] = COUNTS,
    *,
    size: int = 64,
    bands: tuple[str, ...] = BANDS,
) -> Path:
    """Tiles of land; every second one holds a dark rectangle, which is the task's class 1."""
    random = np.random.default_rng(0)
    (folder / SCENES).mkdir(parents=True)
    (folder / LABELS).mkdir()
    entries = []
    for split, count in counts.items():
        for number in range(count):
            label = np.zeros((size, size), np.uint8)
            if number % 2 == 0:
                top, left = random.integers(0, size // 2, 2)
                label[top : top + size // 2, left : left + size // 3] = 1
            image = np.where(label == 1, WATER[:, None, None], LAND[:, None, None])
            image = (image * random.uniform(0.9, 1.1, image.shape)).astype(np.uint16)
            if number == 1:
                label[:20] = UNKNOWN
            needed = relevance_of(label, np.ones(label.shape, bool), task)
            entry = Entry(
                f"{split}_{number}", "shore.tif", "made up", 10.0, bands, "boa", (task.name,),
                {task.name: task.label_kind}, f"{split}-{number}", split, "my own",
                {} if needed is None else {task.name: needed},
            )  # fmt: skip
            chosen = image[[BANDS.index(name) for name in bands]]
            _write(folder / entry.file, chosen, bands, nodata=0)
            _write(folder / entry.label_file(task.name), label[None], None)
            entries.append(entry)
    (folder / CATALOG_FILE).write_text(catalog_text(entries))
    (folder / RELEVANCE_FILE).write_text(relevance_text(entries, [task]))
    (folder / SET_FILE).write_text(set_text([task], size, {}))
    return folder


def _write(path: Path, array: np.ndarray, names: tuple[str, ...] | None, **more: int) -> None:
    count, height, width = array.shape
    place = {"crs": "EPSG:32632", "transform": from_origin(5e5, 5e6, 10, 10)}
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width, dtype=array.dtype, **place, **more
    ) as target:
        target.write(array)
        if names:
            target.descriptions = names
