"""A task of the training pack as a routerset, in the pack's own split."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

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

SIZE = 256


def write_pack_tiles(pack: Path, task: TaskSpec, label: str, folder: Path) -> Path:
    """Cut every scene of the pack that has labels of `label` into tiles; what is left over is padded.

    Args:
        pack: folder of the training pack.
        task: what the tiles are labelled for.
        label: the pack's name for it.
        folder: of the routerset.
    """
    for name in (SCENES, LABELS):
        (folder / name).mkdir(parents=True)
    entries = []
    with (pack / "catalog.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if label in row["tasks"].split(";"):
                entries += _tiles_of(pack, row, task, label, folder)
    (folder / CATALOG_FILE).write_text(catalog_text(entries), encoding="utf-8")
    (folder / RELEVANCE_FILE).write_text(relevance_text(entries, [task]), encoding="utf-8")
    (folder / SET_FILE).write_text(set_text([task], SIZE, {}), encoding="utf-8")
    return folder


def _tiles_of(pack: Path, row: dict[str, str], task: TaskSpec, label: str, folder: Path) -> list[Entry]:
    with rasterio.open(pack / row["file"]) as source:
        image, names = source.read(), source.descriptions
    with rasterio.open(pack / "labels" / f"{row['id']}__{label}.tif") as source:
        known = source.read(1)
    if row["radiometry"] == "display":
        image = np.maximum(image, 1)  # black is a colour there, and no lack of data
    kinds = dict(part.split(":") for part in row["label_kind"].split(";") if part.count(":") == 1)
    rows, columns = known.shape
    found = []
    for top in range(0, rows, SIZE):
        for left in range(0, columns, SIZE):
            window = np.s_[top : top + SIZE, left : left + SIZE]
            height, width = known[window].shape
            tile = np.zeros((len(image), SIZE, SIZE), image.dtype)
            truth = np.full((SIZE, SIZE), UNKNOWN, np.uint8)
            tile[:, :height, :width], truth[:height, :width] = image[(slice(None), *window)], known[window]
            valid = (tile != 0).all(0)
            if min(height, width) < SIZE // 2 or not (valid & (truth != UNKNOWN)).any():
                continue
            needs = relevance_of(truth, valid, task)
            entry = Entry(
                f"{row['id']}_{top}_{left}", row["source"], row["sensor"],
                float(row["gsd_m"]) if row["gsd_m"] else None, tuple(names), row["radiometry"], (task.name,),
                {task.name: kinds.get(label, "undocumented")}, row["region"], row["split"], row["licence"],
                {} if needs is None else {task.name: needs},
            )  # fmt: skip
            _write(folder / entry.file, tile, names)
            _write(folder / entry.label_file(task.name), truth[None])
            found.append(entry)
    return found


def _write(path: Path, values: np.ndarray, names: Any = None) -> None:
    nodata = {} if names is None else {"nodata": 0}
    with rasterio.open(
        path, "w", driver="GTiff", width=SIZE, height=SIZE, count=len(values), dtype=values.dtype, **nodata
    ) as raster:
        raster.write(values)
        if names is not None:
            raster.descriptions = names
