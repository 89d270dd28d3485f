"""A made-up `eurosat.zip` of a few chips that colour and texture tell apart, for tests of the classifiers."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("Crop", "Forest", "Lake", "Meadow", "River", "Town")
COLORS = ((170, 150, 90), (30, 80, 40), (20, 40, 120), (110, 170, 80), (50, 80, 150), (160, 120, 120))
SPLITS = (("train", 8), ("val", 2), ("test", 2))


def chip(kind: int, random: np.random.Generator) -> np.ndarray:
    """uint8 (64, 64, 3): the colour of the class, with stripes for every other class, and noise."""
    image = np.broadcast_to(np.array(COLORS[kind], np.float64), (64, 64, 3)).copy()
    if kind % 2:
        image[::8] += 50
    return np.clip(image + random.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, form: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def contents() -> dict[str, bytes]:
    """Files of the zip by name, splits.csv among them."""
    random = np.random.default_rng(0)
    files, rows = {}, []
    for kind, name in enumerate(CLASSES):
        number = 0
        for split, count in SPLITS:
            for _ in range(count):
                number += 1
                file = f"{name}/{name}_{number}.jpg"
                files[file] = encoded(chip(kind, random))
                rows.append((file, name, split))
    files["splits.csv"] = table(rows)
    return files


def table(rows, head=("file", "class", "split")) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue().encode()


def write_zip(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """Write `eurosat.zip` into a folder, which is made; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "eurosat.zip", "w") as archive:
        for name, data in (contents() if files is None else files).items():
            archive.writestr(name, data)
    return folder
