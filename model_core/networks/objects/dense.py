"""A score and a box for every cell: what the queries begin with, and what makes a short training converge.

Many cells of an object are right here (FCOS, Tian et al. 2019, eq. 1: distances to the four sides), so that
even a handful of boxes gives many targets. The decoder behind it, which finds each object once, then only has
to choose and to refine; a detection transformer alone needs hundreds of epochs to get that far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..blocks import ConvUnit
from .memory import STRIDES

PRIOR = 0.01
"""Score that every cell begins with (Lin et al. 2017, section 4.1)."""

_NOTHING = -20.0  # logit of cells without data
_LONGEST = 5.0  # of the exponent: 148 strides


@dataclass(frozen=True)
class DenseOutput:
    """All cells of all maps, the finest map first, row by row: M of them.

    Attributes:
        logits: float32 (B, M, C).
        boxes: float32 (B, M, 4), x0, y0, x1, y1 in pixels of the tile.
        centers: float32 (M, 2), of the cells, in pixels.
        stride: float32 (M,), pixels.
        sizes: (height, width) of each map.
    """

    logits: Tensor
    boxes: Tensor
    centers: Tensor
    stride: Tensor
    sizes: tuple[tuple[int, int], ...]


class DenseHead(nn.Module):
    """A convolution for each map, and one readout for all.

    The maps have statistics of their own, which a BatchNorm in common would mix.

    Args:
        width: channels of the maps.
        classes: C.
        deploy: build the folded form.
    """

    def __init__(self, width: int, classes: int, *, deploy: bool = False) -> None:
        super().__init__()
        self.classes = classes
        self.towers = nn.ModuleList(ConvUnit(width, width, 3, rep=True, deploy=deploy) for _ in STRIDES)
        self.out = nn.Conv2d(width, classes + 4, 1)
        self.scale = nn.Parameter(torch.ones(len(STRIDES)))
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.out.bias[:classes] = -math.log((1 - PRIOR) / PRIOR)

    def forward(self, maps: list[Tensor], coverage: Tensor) -> DenseOutput:
        """Read maps (B, width, h, w); `coverage` (B, 1, ., .) is the share of pixels with data."""
        logits, boxes, centers, strides, sizes = [], [], [], [], []
        for number, (x, stride) in enumerate(zip(maps, STRIDES, strict=True)):
            told = self.out(self.towers[number](x)).float()
            height, width = told.shape[2:]
            sizes.append((height, width))
            empty = nn.functional.interpolate(coverage.float(), (height, width), mode="nearest") == 0
            score = told[:, : self.classes].masked_fill(empty, _NOTHING)
            center = _centers(height, width, stride, told.device)  # (h * w, 2)
            reach = (told[:, self.classes :] * self.scale[number]).clamp(max=_LONGEST).exp() * stride
            reach = reach.flatten(2).transpose(1, 2)  # (B, h * w, 4): left, above, right, below
            boxes.append(torch.cat([center - reach[..., :2], center + reach[..., 2:]], 2))
            logits.append(score.flatten(2).transpose(1, 2))
            centers.append(center)
            strides.append(center.new_full((len(center),), float(stride)))
        return DenseOutput(
            torch.cat(logits, 1), torch.cat(boxes, 1), torch.cat(centers), torch.cat(strides), tuple(sizes)
        )


def _centers(height: int, width: int, stride: int, device: torch.device) -> Tensor:
    rows = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) * stride
    columns = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) * stride
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], 2).view(-1, 2)


def peaks(dense: DenseOutput, count: int) -> Tensor:
    """The `count` cells to begin with, int64 (B, count): local maxima of the score first, the highest first.

    Without it the many right cells of one object would take the places of its neighbours in a crowd.
    """
    best = dense.logits.amax(2)  # (B, M)
    parts, start = [], 0
    for height, width in dense.sizes:
        plane = best[:, start : start + height * width].view(-1, 1, height, width)
        top = nn.functional.max_pool2d(plane, 3, 1, 1)
        # A cell beside a higher one comes after all that are not, in the order of its score.
        parts.append(torch.where(plane == top, plane, plane - 1000.0).flatten(1))
        start += height * width
    ordered = torch.sort(torch.cat(parts, 1), dim=1, descending=True, stable=True)
    return ordered.indices[:, :count]
