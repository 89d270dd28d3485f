"""A made-up training pack of a few small scenes in the real pack's layout, for tests of the training."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.transform import from_origin

BANDS = ("blue", "green", "red", "re1", "re2", "re3", "nir")
LAND = np.array([400, 600, 500, 900, 1800, 2200, 2600])
WATER = np.array([500, 400, 200, 150, 100, 80, 50])
FIELDS = (
    "id",
    "file",
    "source",
    "sensor",
    "gsd_m",
    "bands",
    "radiometry",
    "tasks",
    "label_kind",
    "region",
    "split",
    "licence",
)


def write_pack(root: Path) -> Path:
    """Two sources: 'lakes' labels water and landcover, 'sky' labels clouds; every split is there."""
    random = np.random.default_rng(0)
    (root / "scenes").mkdir(parents=True)
    (root / "labels").mkdir()
    rows = []
    for split, count in (("train", 3), ("val", 2), ("cal", 2), ("test", 2)):
        for number in range(count):
            water = np.zeros((96, 96), np.uint8)
            if number % 2 == 0:
                water[20:70, 30 : 60 + number] = 1
            rows.append(
                _scene(
                    root,
                    f"lake_{split}_{number}",
                    "lakes",
                    split,
                    water,
                    random,
                    {"water": water, "landcover": np.where(water == 1, 0, 6).astype(np.uint8)},
                )
            )
            cloud = np.zeros((160, 140), np.uint8)
            if number % 2 == 0:
                cloud[:90] = 2
            rows.append(
                _scene(
                    root,
                    f"sky_{split}_{number}",
                    "sky",
                    split,
                    np.zeros_like(cloud),
                    random,
                    {"clouds": cloud},
                )
            )
    with (root / "catalog.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    with zipfile.ZipFile(root / "eurosat.zip", "w") as archive:
        lines = ["file,class,split"]
        for kind, color in (("SeaLake", (10, 40, 80)), ("Forest", (20, 60, 20))):
            for split in ("train", "train", "train", "val", "test"):
                name = f"{kind}/{kind}_{len(lines)}.jpg"
                lines.append(f"{name},{kind},{split}")
                picture = io.BytesIO()
                Image.new("RGB", (64, 64), color).save(picture, "JPEG")
                archive.writestr(name, picture.getvalue())
        archive.writestr("splits.csv", "\n".join(lines) + "\n")
    return root


def _scene(root, name, source, split, water, random, labels) -> dict[str, str]:
    image = np.where(water == 1, WATER[:, None, None], LAND[:, None, None]).astype(float)
    if "clouds" in labels:
        image = np.where(labels["clouds"] == 2, 7000.0, image)
    image = (image * random.uniform(0.9, 1.1, image.shape)).astype(np.uint16)
    profile = {
        "driver": "GTiff",
        "height": water.shape[0],
        "width": water.shape[1],
        "crs": "EPSG:32632",
        "transform": from_origin(5e5, 5e6, 10, 10),
    }
    with rasterio.open(
        root / "scenes" / f"{name}.tif", "w", count=7, dtype="uint16", nodata=0, **profile
    ) as target:
        target.write(image)
        target.descriptions = BANDS
    for task, label in labels.items():
        with rasterio.open(
            root / "labels" / f"{name}__{task}.tif", "w", count=1, dtype="uint8", **profile
        ) as target:
            target.write(label, 1)
    return {
        "id": name,
        "file": f"scenes/{name}.tif",
        "source": source,
        "sensor": "made up",
        "gsd_m": "10",
        "bands": ";".join(BANDS),
        "radiometry": "boa",
        "tasks": ";".join(labels),
        "label_kind": ";".join(f"{task}:hand" for task in labels),
        "region": name,
        "split": split,
        "licence": "none",
    }
