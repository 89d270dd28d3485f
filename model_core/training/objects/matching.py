"""Which cell, and which query, is to tell of which object."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ...networks.objects.dense import DenseOutput
from ...networks.objects.detector import Guess
from ...networks.objects.memory import STRIDES

Target = Mapping[str, Tensor]
"""Objects of one tile: boxes float32 (n, 4), labels int64 (n,), rects float32 (n, 5); see `sampling`."""

LONGEST = (40.0, 112.0, float("inf"))
"""Longest side (pixels) of the objects that each map tells of; the first that is long enough does."""

REACH = 1.5
"""Cells so many strides from the middle of an object tell of it (centre sampling, Tian et al. 2019)."""

CLASS_COST, SIDE_COST, OVERLAP_COST = 2.0, 5.0, 2.0  # as in Deformable DETR (Zhu et al. 2021)


@torch.no_grad()
def cells_of(dense: DenseOutput, target: Target) -> Tensor:
    """The object that each cell is to tell of, int64 (M,), -1 = none; of several the smallest."""
    boxes = target["boxes"].to(dense.centers.device)
    if not len(boxes):
        return torch.full((len(dense.stride),), -1, device=dense.centers.device)
    side = (boxes[:, 2:] - boxes[:, :2]).amax(1)  # (n,)
    level = torch.bucketize(side, torch.tensor(LONGEST[:-1], device=side.device))
    own = dense.stride[None] == torch.tensor(STRIDES, device=side.device)[level][:, None]  # (n, M)
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = (dense.centers[None] - center[:, None]).abs().amax(2) / dense.stride[None]
    within = (dense.centers[None] > boxes[:, None, :2]) & (dense.centers[None] < boxes[:, None, 2:])
    near = own & within.all(2) & (away < REACH)
    # An object between cells, smaller than they are, is told of by the nearest.
    nearest = torch.where(own, away, torch.inf).argmin(1)
    near[torch.arange(len(boxes), device=near.device), nearest] = True
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    cost = torch.where(near, area[:, None], torch.inf)
    least, number = cost.min(0)
    return torch.where(least.isfinite(), number, -1)


@torch.no_grad()
def queries_of(guess: Guess, tile: int, target: Target, size: float) -> tuple[Tensor, Tensor]:
    """The query that is to tell of each object: the assignment of least cost (Hungarian algorithm).

    Args:
        guess: of a batch.
        tile: number of the tile in it.
        target: its n objects.
        size: edge of the tile, pixels.

    Returns:
        Numbers of queries and of objects, int64, as many as there are objects (or queries, if fewer).
    """
    boxes, labels = target["boxes"].to(guess.boxes.device), target["labels"].to(guess.boxes.device)
    none = labels.new_zeros(0)
    if not len(boxes):
        return none, none
    score = guess.logits[tile].sigmoid()[:, labels]  # (N, n)
    # What calling this query an object would gain, in the focal loss (Lin et al. 2017, alpha 0.25, gamma 2).
    positive = 0.25 * (1 - score).square() * -(score + 1e-8).log()
    negative = 0.75 * score.square() * -(1 - score + 1e-8).log()
    sides = torch.cdist(guess.boxes[tile], boxes, p=1) / size
    overlap = generalised_iou(guess.boxes[tile][:, None], boxes[None])
    cost = CLASS_COST * (positive - negative) + SIDE_COST * sides - OVERLAP_COST * overlap
    rows, columns = linear_sum_assignment(np.nan_to_num(cost.cpu().numpy(), nan=1e6, posinf=1e6, neginf=-1e6))
    return torch.from_numpy(rows).to(labels), torch.from_numpy(columns).to(labels)


def iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union of boxes (..., 4), broadcast, and the area of their union."""
    left, right = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    inner = (right - left).clamp_min(0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - inner
    return inner / union.clamp_min(1e-6), union


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of boxes (..., 4), broadcast: -1 to 1 (Rezatofighi et al. 2019, algorithm 1)."""
    shared, union = iou(a, b)
    left, right = torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])
    around = (right - left).clamp_min(0).prod(-1).clamp_min(1e-6)
    return shared - (around - union) / around
