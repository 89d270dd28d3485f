"""The made-up training pack with ships and buildings in it, in the real pack's layout."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image

from . import tiny_pack

SIDE = 160
SHIPS = ((20, 30, 60, 42), (100, 90, 112, 130), (120, 20, 150, 30))
HOUSES = ((15, 15, 45, 40), (80, 20, 120, 44), (30, 90, 60, 130), (100, 100, 130, 130))


def write_pack(root: Path) -> Path:
    """As `tiny_pack.write_pack`, with two boxed and two built-up scenes in each split and some ship chips."""
    tiny_pack.write_pack(root)
    random = np.random.default_rng(5)
    rows, images, boxes = [], [], []
    for split in ("train", "val", "test"):
        for number in range(2):
            name = f"ship_{split}_{number}"
            rows.append(_scene(root, name, "HRSC-like ships", split, SHIPS, random))
            images.append({"id": len(images) + 1, "scene": name, "split": split})
            boxes += [
                {"image_id": len(images), "bbox": [x0, y0, x1 - x0, y1 - y0]} for x0, y0, x1, y1 in SHIPS
            ]
            rows.append(_scene(root, f"town_{split}_{number}", "Dubai aerial (HITL)", split, HOUSES, random))
    with (root / "catalog.csv").open("a", newline="") as file:
        csv.DictWriter(file, tiny_pack.FIELDS).writerows(rows)
    (root / "objects.json").write_text(json.dumps({"images": images, "annotations": boxes}))
    with zipfile.ZipFile(root / "ships.zip", "w") as archive:
        lines = ["file,class,split"]
        for split in ("train", "train", "val", "test"):
            name = f"ship/ship_{len(lines)}.png"
            picture = random.integers(20, 26, (80, 80, 3)).astype(np.uint8)
            picture[35:45, 22:58] = 190
            data = io.BytesIO()
            Image.fromarray(picture).save(data, "png")
            archive.writestr(name, data.getvalue())
            lines.append(f"{name},ship,{split}")
        archive.writestr("splits.csv", "\n".join(lines) + "\n")
    return root


def _scene(root: Path, name: str, source: str, split: str, objects, random) -> dict[str, str]:
    """Bright rectangles, as ships on dark water or as buildings on land."""
    town = source.startswith("Dubai")
    image = random.integers(*((90, 110) if town else (18, 24)), (3, SIDE, SIDE)).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for x0, y0, x1, y1 in objects:
        image[:, y0:y1, x0:x1] = 220
        mask[y0:y1, x0:x1] = 1
    profile = {"driver": "GTiff", "height": SIDE, "width": SIDE, "dtype": "uint8"}
    with rasterio.open(root / "scenes" / f"{name}.tif", "w", count=3, **profile) as file:
        file.write(image)
        file.descriptions = ("blue", "green", "red")
    labels = {"buildings": mask, "landcover": np.where(mask, 4, 3), "water": mask * 0} if town else {}
    for task, label in labels.items():
        with rasterio.open(root / "labels" / f"{name}__{task}.tif", "w", count=1, **profile) as file:
            file.write(label.astype(np.uint8), 1)
    tasks = list(labels) or ["ships"]
    return {
        "id": name,
        "file": f"scenes/{name}.tif",
        "source": source,
        "sensor": "made up",
        "gsd_m": "",
        "bands": "blue;green;red",
        "radiometry": "display",
        "tasks": ";".join(tasks),
        "label_kind": ";".join(f"{task}:hand" for task in tasks),
        "region": name,
        "split": split,
        "licence": "none",
    }
