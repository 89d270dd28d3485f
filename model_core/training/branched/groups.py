"""Groups of classes for the branches, and which of them a tile needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...networks.encoder import Features
from ...tasks import UNKNOWN, VEGETATION
from ..classify.partition import Groups, random_partition
from ..losses import LANDCOVER_LOW, LANDCOVER_TREES

STRIDE = 4
"""A gate's target is counted on every fourth pixel of every fourth row: a thousand of a crop's pixels."""


@torch.no_grad()
def class_features(
    teacher: nn.Module, batches: Iterable[tuple[Features, Tensor]], classes: int
) -> np.ndarray:
    """Mean of the last features of a plain decoder over the labelled pixels of each class.

    Args:
        teacher: an `Expert`; what its `refine` gives at half resolution is averaged.
        batches: features, and labels uint8 (n, H, W) with 255 where unknown.
        classes: C.

    Returns:
        float64 (C, D); zeros for a class without a pixel. Pixels labelled only as "vegetation" are left out.
    """
    seen: list[Tensor] = []
    hook = teacher.refine.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    sums, counts = None, torch.zeros(classes, dtype=torch.float64)
    try:
        for features, label in batches:
            teacher(features)
            values = seen.pop().double().permute(0, 2, 3, 1)  # (n, H / 2, W / 2, D)
            half = label[:, ::2, ::2].long()
            if sums is None:
                sums = torch.zeros(classes, values.shape[-1], dtype=torch.float64)
            for value in range(classes):
                inside = half == value
                sums[value] += values[inside].sum(0)
                counts[value] += inside.sum()
    finally:
        hook.remove()
    if sums is None:
        raise ValueError("no batch to average over")
    return (sums / counts.clamp_min(1)[:, None]).numpy()


def random_groups(classes: int, branches: int, other_than: Groups) -> Groups:
    """Groups by lot, another partition than the given one; of five classes there are fifteen."""
    draws = (random_partition(classes, branches, seed) for seed in range(1000))
    return next(groups for groups in draws if set(groups) != set(other_than))


def class_shares(label: Tensor, valid: Tensor, teacher: Tensor) -> Tensor:
    """Share of each class among the valid pixels of a tile, float32 (n, C).

    Labelled pixels count as their class, those labelled as vegetation are split between trees and low
    vegetation as the teacher would, and unlabelled ones count as what the teacher takes them for.

    Args:
        label: uint8 (n, H, W), 255 unknown.
        valid: bool (n, H, W).
        teacher: its logits (n, C, H, W).
    """
    label, valid = label[:, ::STRIDE, ::STRIDE], valid[:, ::STRIDE, ::STRIDE]
    p = torch.softmax(teacher[:, :, ::STRIDE, ::STRIDE].float(), 1)
    classes = p.shape[1]
    green = torch.zeros(classes)
    green[[LANDCOVER_TREES, LANDCOVER_LOW]] = 1
    either = p * green[:, None, None]
    either = either / either.sum(1, keepdim=True).clamp_min(1e-6)
    known = (label < classes)[:, None]
    one_hot = nn.functional.one_hot(torch.where(label < classes, label, 0).long(), classes)
    said = torch.where(known, one_hot.permute(0, 3, 1, 2).float(), p)
    said = torch.where((label == VEGETATION)[:, None], either, said)
    said = said * valid[:, None]
    total = said.sum((2, 3))
    total[~valid.flatten(1).any(1)] = 1.0  # without data no branch is needed more than another
    return total / total.sum(1, keepdim=True)


def group_shares(shares: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Shares of the classes (n, C) -> of the groups (n, branches), the gate's target."""
    return torch.stack([shares[:, list(group)].sum(1) for group in groups], 1)


def known_labels(batch: dict[str, Any], row: int) -> Tensor:
    """A task's labels uint8 (n, H, W) of a collated batch, unknown where there is no data."""
    return torch.where(batch["valid"][:, 0].bool(), batch["labels"][:, row], UNKNOWN)
