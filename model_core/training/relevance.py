"""What the switcher learns: does this tile hold the expert's content, says its *labels*.

Never "which data set is the tile from" and never the experts' own outputs. A task the labels say
nothing about is unknown (-1), is masked out of the loss, and is never taken as a negative -- unless the
labels of *other* tasks rule it out: open water holds no buildings, under a thick cloud nothing is seen.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..tasks import TASK_NAMES, TASKS, UNKNOWN
from .sampling import Tile

RULED_OUT_SHARE = 0.97
"""Share of the valid pixels that other tasks' labels must rule out to call a task absent."""

_ROW = {name: number for number, name in enumerate(TASK_NAMES)}
_LAND_ONLY = ("burned", "roads", "landcover", "forest_damage", "buildings")


def relevance(tile: Tile) -> Tensor:
    """Needed (1), not needed (0) or unknown (-1) for each task: int8 (tasks,)."""
    valid = tile.valid
    count = int(valid.sum())
    target = torch.full((len(TASKS),), -1, dtype=torch.int8)
    if count == 0:
        return target
    labels = tile.labels[:, valid]  # (tasks, pixels)
    for row, task in enumerate(TASKS):
        label = labels[row]
        content = int(torch.isin(label, torch.tensor(task.present, dtype=torch.uint8)).sum())
        if content >= task.share * count:
            target[row] = 1
        elif int((label != UNKNOWN).sum()) >= task.known * count:
            target[row] = 0
        elif tile.needs[row] >= 0:
            target[row] = tile.needs[row]
    for row, name in enumerate(TASK_NAMES):
        if target[row] < 0 and float(_ruled_out(name, labels).float().mean()) >= RULED_OUT_SHARE:
            target[row] = 0
    return target


def _ruled_out(name: str, labels: Tensor) -> Tensor:
    """Pixels that cannot hold the task's content, by the labels of other tasks: bool (pixels,)."""
    landcover, forest = labels[_ROW["landcover"]], labels[_ROW["forest_damage"]]
    out = (labels[_ROW["clouds"]] == 2) & (name != "clouds")
    if name in _LAND_ONLY:
        out = out | (labels[_ROW["water"]] == 1) | (landcover == 0)
    if name == "forest_damage":
        out = out | (landcover == 2) | (landcover == 3) | (landcover == 4)
    if name in ("water", "roads", "buildings"):
        out = out | (forest != UNKNOWN)  # labelled forest, healthy or damaged
    return out
