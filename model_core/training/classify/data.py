"""EuroSAT chips from the pack: read once, checked, and altered anew in every epoch.

`eurosat.zip` holds 64 x 64 RGB chips of Sentinel-2, 8-bit as displayed (Helber et al. 2019), and `splits.csv`
with the columns file, class, split.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ...errors import RequestError

FILE, SPLITS_FILE = "eurosat.zip", "splits.csv"
SPLITS = ("train", "val", "test")
SIZE = 64
LARGEST = 1 << 20
"""Bytes that one file in the zip may have unpacked, apart from the table; a chip has some thousand."""

LARGEST_TABLE = 64 << 20

MEAN, SPREAD = 96.0, 40.0
"""About the mean and the deviation of the chips' values; the first BatchNorm does the rest."""

SHIFT = 4
"""Pixels that a chip may be moved by, its edge mirrored."""

BRIGHTNESS, CONTRAST = 0.1, 0.15
"""Largest change of all values, as a share of half their range, and of their spread, as a share of it."""


@dataclass(frozen=True)
class Chips:
    """One split.

    Attributes:
        images: uint8 (N, 64, 64, 3), RGB.
        labels: int64 (N,), numbers of classes.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class EuroSat:
    """All splits and the names of the classes, in alphabetical order."""

    classes: tuple[str, ...]
    train: Chips
    val: Chips
    test: Chips


def load_eurosat(pack: Path) -> EuroSat:
    """Read every chip of the pack into memory, 120 MB.

    Raises:
        RequestError: no zip, a damaged one, or one that is not what its own table says.
    """
    path = pack / FILE
    if not path.is_file():
        raise RequestError(f"{pack} has no {FILE}; give the folder of the data pack with --data.")
    try:
        with zipfile.ZipFile(path) as archive:
            rows = _rows(archive)
            classes = tuple(sorted({kind for _, kind, _ in rows}))
            numbers = {name: number for number, name in enumerate(classes)}
            splits = {}
            for split in SPLITS:
                mine = [(file, numbers[kind]) for file, kind, of in rows if of == split]
                missing = set(classes) - {classes[number] for _, number in mine}
                if missing:
                    raise RequestError(
                        f"{SPLITS_FILE} has no chip of {', '.join(sorted(missing))} in its {split} split; "
                        "every class needs some in train, val and test. Use a complete pack."
                    )
                images = np.stack([_chip(archive, file) for file, _ in mine])
                splits[split] = Chips(images, np.array([number for _, number in mine], np.int64))
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise RequestError(f"{path} cannot be read ({error}); copy the pack anew.") from error
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error
    return EuroSat(classes, **splits)


def _rows(archive: zipfile.ZipFile) -> list[tuple[str, str, str]]:
    """File, class and split of every chip, checked against the zip."""
    names = set(archive.namelist())
    if SPLITS_FILE not in names:
        raise RequestError(
            f"It holds no {SPLITS_FILE}, which says what each chip is for; copy the pack anew."
        )
    try:
        text = _read(archive, SPLITS_FILE, LARGEST_TABLE).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"{SPLITS_FILE} is not UTF-8 text ({error}); copy the pack anew.") from error
    reader = csv.DictReader(io.StringIO(text))
    found = tuple(reader.fieldnames or ())
    if not {"file", "class", "split"} <= set(found):
        raise RequestError(
            f"{SPLITS_FILE} has the columns {', '.join(found) or 'none'}; expected file, class, split."
        )
    rows, seen = [], set()
    for number, row in enumerate(reader, 2):
        file, kind, split = (row[key] or "" for key in ("file", "class", "split"))
        if not kind or split not in SPLITS or file not in names or file in seen:
            raise RequestError(
                f"Line {number} of {SPLITS_FILE} says file '{file}', class '{kind}', split '{split}'; "
                "expected a file of the zip once, a class, and train, val or test."
            )
        seen.add(file)
        rows.append((file, kind, split))
    if not rows:
        raise RequestError(f"{SPLITS_FILE} names no chips; copy the pack anew.")
    return rows


def _read(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    size = archive.getinfo(name).file_size
    if size > largest:
        raise RequestError(f"{name} would unpack to {size:,} bytes; expected at most {largest:,}.")
    return archive.read(name)


def _chip(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """uint8 (64, 64, 3)."""
    try:
        with Image.open(io.BytesIO(_read(archive, name, LARGEST))) as image:
            if image.size != (SIZE, SIZE) or image.mode != "RGB":
                raise RequestError(
                    f"{name} has {image.size[0]} x {image.size[1]} pixels of mode {image.mode}; expected "
                    f"{SIZE} x {SIZE} of RGB."
                )
            return np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise RequestError(
            f"{name} is not an image that can be read ({error}); copy the pack anew."
        ) from error


def as_input(images: np.ndarray) -> Tensor:
    """uint8 (N, 64, 64, 3) -> what the networks take, float32 (N, 3, 64, 64) with channels last."""
    return (torch.from_numpy(np.ascontiguousarray(images)).float().sub_(MEAN).div_(SPREAD)).permute(
        0, 3, 1, 2
    )


def training_batches(
    chips: Chips, size: int, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Shuffled and altered batches of one epoch: images, labels, numbers of the chips.

    The same for the same seed and epoch, whatever came before, so that a resumed training sees what an
    uninterrupted one would have. An incomplete last batch is left out, except where it is the only one.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(chips))
    for start in range(0, steps_of(chips, size) * size, size):
        index = order[start : start + size]
        images = as_input(moved(chips.images[index], random))
        n = len(index)
        contrast = 1 + random.uniform(-CONTRAST, CONTRAST, (n, 1, 1, 1))
        shift = random.uniform(-BRIGHTNESS, BRIGHTNESS, (n, 1, 1, 1)) * 128 / SPREAD
        images = images * torch.from_numpy(contrast).float() + torch.from_numpy(shift).float()
        yield images, torch.from_numpy(chips.labels[index]), torch.from_numpy(index)


def steps_of(chips: Chips, size: int) -> int:
    """Batches of an epoch."""
    return max(1, len(chips) // size)


def moved(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Turn, mirror and shift each chip by its own draw: uint8 (n, 64, 64, 3) -> the same shape."""
    turns = random.integers(0, 8, len(images))
    offsets = random.integers(0, 2 * SHIFT + 1, (len(images), 2))
    out = np.empty_like(images)
    for number, (image, turn, (down, right)) in enumerate(zip(images, turns, offsets, strict=True)):
        turned = np.rot90(image, turn % 4)
        if turn >= 4:
            turned = turned[:, ::-1]
        padded = np.pad(turned, ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), "reflect")
        out[number] = padded[down : down + image.shape[0], right : right + image.shape[1]]
    return out
