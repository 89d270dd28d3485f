"""The tiles of a routerset in memory, as a training of the pack has its scenes; every file is read once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rasterio.errors import RasterioError
from torch import Tensor

from ...bundle import file_digest
from ...errors import CancelledError, RequestError
from ...routerset import CATALOG_FILE, RELEVANCE_FILE, SET_FILE, UNKNOWN, Entry, RouterSet, TaskSpec
from ..pack import load_scene

GSD_MARGIN = 1.5
"""An expert may be used for pixels so many times smaller and larger than those of its tiles."""


@dataclass(frozen=True)
class OwnTile:
    """One tile.

    Attributes:
        entry: its row of the catalogue.
        bands: uint16 (8, S, S), reflectance x 10000, 0 where invalid or missing.
        available: bool (8,).
        valid: bool (S, S).
        label: uint8 (S, S), 255 unknown, of the one task that pixels are asked of; None without a label.
    """

    entry: Entry
    bands: np.ndarray
    available: np.ndarray
    valid: np.ndarray
    label: np.ndarray | None

    def counts(self, classes: int) -> np.ndarray:
        """Labelled pixels with data of each class: int64 (classes,)."""
        if self.label is None:
            return np.zeros(classes, np.int64)
        return np.bincount(self.label[self.valid & (self.label != UNKNOWN)], minlength=classes)[:classes]


def load_tiles(
    data: RouterSet,
    entries: Sequence[Entry],
    task: TaskSpec | None,
    cancelled: Callable[[], bool],
    step: Callable[[int, int], None],
) -> list[OwnTile]:
    """Read tiles.

    Args:
        data: the routerset.
        entries: tiles of it.
        task: whose labels are read; None = none.
        cancelled: asked before each tile.
        step: hears how many of how many are read.

    Raises:
        RequestError: a file is missing, or is not what the catalogue says.
        CancelledError: the user stopped.
    """
    found = []
    for number, entry in enumerate(entries):
        if cancelled():
            raise CancelledError("The training was stopped; resume it to continue.")
        found.append(_load(data, entry, task))
        step(number + 1, len(entries))
    return found


def _load(data: RouterSet, entry: Entry, task: TaskSpec | None) -> OwnTile:
    names = [task.name] if task is not None and task.name in entry.tasks else []
    try:
        sample = load_scene(data.folder, entry.row(), names)
    except (OSError, RasterioError, ValueError, TypeError, KeyError) as error:
        raise RequestError(
            f"Tile '{entry.id}' of the routerset cannot be read ({error}); make the tiles again."
        ) from error
    label = sample.labels.get(task.name) if task is not None else None
    shape = (data.tile_size, data.tile_size)
    if sample.valid.shape != shape or (label is not None and label.shape != shape):
        raise RequestError(
            f"Tile '{entry.id}' of the routerset has {sample.valid.shape[0]} x {sample.valid.shape[1]} "
            f"pixels or a label of another size; expected {shape[0]} x {shape[1]}; make the tiles again."
        )
    if label is not None and task is not None:
        values = set(np.unique(label).tolist()) - {UNKNOWN}
        if beyond := sorted(values - {item.value for item in task.classes}):
            raise RequestError(
                f"The label of tile '{entry.id}' has values {beyond}, which are no classes of task "
                f"'{task.name}'; make the tiles again."
            )
    return OwnTile(entry, sample.bands, sample.available, sample.valid, label)


def collated(tiles: Sequence[OwnTile]) -> dict[str, Tensor]:
    """reflectance float32 (B, 8, S, S), available (B, 8), valid (B, 1, S, S), label uint8 (B, S, S)."""
    unknown = np.full(tiles[0].valid.shape, UNKNOWN, np.uint8)
    labels = [
        np.where(tile.valid, unknown if tile.label is None else tile.label, np.uint8(UNKNOWN))
        for tile in tiles
    ]
    bands = np.stack([tile.bands for tile in tiles]).astype(np.float32)
    return {
        "reflectance": torch.from_numpy(bands).mul_(1e-4),
        "available": torch.from_numpy(np.stack([tile.available for tile in tiles])).float(),
        "valid": torch.from_numpy(np.stack([tile.valid for tile in tiles]))[:, None].float(),
        "label": torch.from_numpy(np.stack(labels)),
    }


def in_batches(tiles: Sequence[OwnTile], size: int) -> Iterator[dict[str, Tensor]]:
    """All tiles in their order, collated."""
    for first in range(0, len(tiles), size):
        yield collated(tiles[first : first + size])


def facts(data: RouterSet) -> dict[str, object]:
    """What a bundle tells of the tiles that it was trained on."""
    return {
        "folder": data.folder.name,
        "tiles": {
            split: len(data.of(split)) for split in ("train", "val", "cal", "test")
        },
        "tasks": [task.as_dict() for task in data.tasks],
        "sources": sorted({entry.source for entry in data.entries}),
        "licences": licences(data.entries),
        "sha256": {
            name: file_digest(data.folder / name) for name in (SET_FILE, CATALOG_FILE, RELEVANCE_FILE)
        },
    }  # fmt: skip


def licences(entries: Iterable[Entry]) -> list[str]:
    """As stated for the tiles; "not stated" where nothing was."""
    return sorted({entry.licence or "not stated" for entry in entries})


def resolution(entries: Iterable[Entry]) -> tuple[float, float] | None:
    """Ground sampling distances (m) that an expert may be used at, None = the tiles do not tell."""
    known = [entry.gsd_m for entry in entries if entry.gsd_m]
    if not known:
        return None
    return _nice(min(known) / GSD_MARGIN), _nice(max(known) * GSD_MARGIN)


def _nice(value: float) -> float:
    """Two digits: a limit of 6.666 m would promise what nobody measured."""
    return round(value, 1 - math.floor(math.log10(value)))
