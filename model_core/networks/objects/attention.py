"""How queries look at each other and at the feature maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .memory import STRIDES


class SelfAttention(nn.Module):
    """Queries among each other, so that two of them do not tell of one object.

    Args:
        width: channels of a query.
        heads: attention heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.look = nn.Linear(width, 2 * width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, place: Tensor) -> Tensor:
        """(B, N, width) each; `place` tells where a query is, and what is exchanged is free of it."""
        tiles, count, width = x.shape
        query, key = self.look(x + place).chunk(2, 2)
        parts = [
            part.view(tiles, count, self.heads, -1).transpose(1, 2) for part in (query, key, self.value(x))
        ]
        mixed = nn.functional.scaled_dot_product_attention(*parts)  # (B, heads, N, width / heads)
        return self.out(mixed.transpose(1, 2).reshape(tiles, count, width))


class BoxAttention(nn.Module):
    """Queries read the maps at a few points each, placed relative to their box.

    Deformable attention (Zhu et al. 2021, eq. 3) with reference boxes: a head reads `points` points of every
    map, bilinearly, and sums them with weights that the query gives.

    Args:
        width: channels of a query.
        memory_width: channels of the maps.
        heads: attention heads.
        points: points for each head and map.
    """

    def __init__(self, width: int, memory_width: int, heads: int, points: int = 4) -> None:
        super().__init__()
        self.heads, self.points = heads, points
        count = heads * len(STRIDES) * points
        self.value = nn.Linear(memory_width, width)
        self.offset = nn.Linear(width, 2 * count)
        self.weight = nn.Linear(width, count)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.weight.weight)
        nn.init.zeros_(self.weight.bias)
        # To begin with, head h looks along its own direction, the points one behind the other to the edge.
        angle = torch.arange(heads) * (2 * math.pi / heads)
        direction = torch.stack([angle.cos(), angle.sin()], 1)
        direction = direction / direction.abs().amax(1, keepdim=True)
        steps = torch.arange(1, points + 1) / points
        start = direction[:, None, None] * steps[None, None, :, None]  # (heads, 1, points, 2)
        with torch.no_grad():
            self.offset.bias.copy_(start.expand(-1, len(STRIDES), -1, -1).reshape(-1))

    def forward(self, x: Tensor, boxes: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Read the maps.

        Args:
            x: queries, (B, N, width).
            boxes: (B, N, 4), x0, y0, x1, y1 in pixels of the tile.
            maps: (B, memory_width, S / stride, S / stride) for each of `STRIDES`.

        Returns:
            (B, N, width).
        """
        tiles, count, width = x.shape
        shape = (tiles, count, self.heads, len(STRIDES), self.points)
        weight = torch.softmax(self.weight(x).view(*shape[:3], -1), 3).view(shape)
        center, half = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) / 2
        at = center[:, :, None, None, None] + self.offset(x).view(*shape, 2) * half[:, :, None, None, None]
        total = x.new_zeros(tiles * self.heads, width // self.heads, count)
        for number, (plane, stride) in enumerate(zip(maps, STRIDES, strict=True)):
            height, columns = plane.shape[2:]
            value = self.value(plane.permute(0, 2, 3, 1))  # (B, h, w, width)
            value = value.view(tiles, height, columns, self.heads, -1).permute(0, 3, 4, 1, 2).flatten(0, 1)
            size = at.new_tensor([columns * stride, height * stride])
            grid = (2 * at[:, :, :, number] / size - 1).transpose(1, 2).flatten(0, 1)  # (B * heads, N, P, 2)
            read = nn.functional.grid_sample(value, grid, mode="bilinear", align_corners=False)
            share = weight[:, :, :, number].transpose(1, 2).flatten(0, 1)  # (B * heads, N, P)
            total = total + (read * share[:, None]).sum(3)
        mixed = total.view(tiles, self.heads, -1, count).permute(0, 3, 1, 2)
        return self.out(mixed.reshape(tiles, count, width))


class BoxPlace(nn.Module):
    """Where a query is, as channels: sines of its box's centre and of the logarithm of its size."""

    FREQUENCIES = 8

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = nn.Linear(8 * self.FREQUENCIES, width)

    def forward(self, boxes: Tensor, size: float) -> Tensor:
        """(B, N, 4) pixels of tiles with an edge of `size` -> (B, N, width)."""
        center = (boxes[..., :2] + boxes[..., 2:]) / (2 * size)
        extent = ((boxes[..., 2:] - boxes[..., :2]).clamp_min(1.0) / size).log2() / 8
        rate = math.pi * 2.0 ** torch.arange(self.FREQUENCIES, device=boxes.device)
        phase = torch.cat([center, extent], 2)[..., None] * rate  # (B, N, 4, F)
        return self.out(torch.cat([phase.sin(), phase.cos()], 3).flatten(2))
