"""The objects expert: dense proposals, object queries, and decoder layers with two-level routed experts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...objects.spec import HEADS, ObjectsSpec
from ..encoder import Features
from ..folding import fold_into
from .attention import BoxAttention, BoxPlace, SelfAttention
from .dense import DenseHead, DenseOutput, peaks
from .memory import STRIDES, Memory
from .routed_ffn import Load, Route, RoutedFeedForward, TokenExperts

TILE = 256
"""Edge of the tiles that the size of token experts is reckoned for, pixels."""

_GROWTH = 2.0  # largest logarithm by which a layer may change a box's size


@dataclass(frozen=True)
class Guess:
    """What one decoder layer says of B tiles with N queries.

    Attributes:
        logits: float32 (B, N, C), a sigmoid for each class.
        boxes: float32 (B, N, 4), x0, y0, x1, y1 in pixels of the tile.
        rects: float32 (B, N, 4), log length, log width (pixels), cos 2a, sin 2a, with a the angle of the long
            side, from +x towards +y; the centre is the box's.
    """

    logits: Tensor
    boxes: Tensor
    rects: Tensor


@dataclass(frozen=True)
class ObjectsOutput:
    """What the objects expert says of B tiles.

    Attributes:
        logits, boxes, rects: of the last layer, see `Guess`.
        routes: who served the queries, by layer.
        guesses: of all layers.
        dense: what every cell says; the queries begin with its peaks.
        token_loads: of the cells' routers, where cells are routed.
    """

    logits: Tensor
    boxes: Tensor
    rects: Tensor
    routes: tuple[Route, ...]
    guesses: tuple[Guess, ...]
    dense: DenseOutput
    token_loads: tuple[Load, ...] = ()


class DecoderLayer(nn.Module):
    """Queries look at each other, at the maps, and pass their routed feed-forward part."""

    def __init__(self, spec: ObjectsSpec, classes: int, noise: float) -> None:
        super().__init__()
        width = spec.width
        self.among = SelfAttention(width, HEADS)
        self.at_maps = BoxAttention(width, spec.memory_width, HEADS)
        self.feed_forward = RoutedFeedForward(spec, noise)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.score = nn.Linear(width, classes)
        self.box = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4))
        self.rect = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4))
        for last in (self.score, self.box[-1]):  # a new layer changes nothing
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(
        self, x: Tensor, place: Tensor, logits: Tensor, boxes: Tensor, maps: Sequence[Tensor]
    ) -> tuple[Tensor, Guess, Route]:
        """One layer over queries (B, N, width) with the scores and boxes they have so far."""
        x = self.norms[0](x + self.among(x, place))
        x = self.norms[1](x + self.at_maps(x + place, boxes, maps))
        x, route = self.feed_forward(x)
        x = self.norms[2](x)
        refined = moved(boxes, self.box(x))
        size = (refined[..., 2:] - refined[..., :2]).clamp_min(1.0)
        told = self.rect(x)
        # Length and width relative to the diagonal, so that one number suits all sizes.
        scale = size.square().sum(2, keepdim=True).sqrt().log()
        rects = torch.cat([told[..., :2] + scale, told[..., 2:]], 2)
        return x, Guess(logits + self.score(x), refined, rects), route


class ObjectsExpert(nn.Module):
    """A detection transformer on the shared encoder's features (DETR, Carion et al. 2020).

    The queries begin as peaks of a dense head (two stages, as in Deformable DETR, Zhu et al. 2021) and each
    decoder layer refines what the one before says; `routed_ffn` has the routing.

    Args:
        spec: sizes.
        classes: C.
        skips: channels of the encoder's levels, finest first.
        noise: of the routers in training.
        deploy: build the folded form.
    """

    def __init__(
        self,
        spec: ObjectsSpec,
        classes: int,
        skips: Sequence[int],
        *,
        noise: float = 0.1,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        self.spec, self.classes, self.skips = spec, classes, tuple(skips)
        self.memory = Memory(skips, spec.memory_width, deploy=deploy)
        self.dense = DenseHead(spec.memory_width, classes, deploy=deploy)
        self.start = nn.Linear(spec.memory_width, spec.width)
        self.level = nn.Embedding(len(STRIDES), spec.width)
        self.place = BoxPlace(spec.width)
        self.layers = nn.ModuleList(DecoderLayer(spec, classes, noise) for _ in range(spec.layers))
        if spec.routing == "token":
            cells = (TILE // STRIDES[-1]) ** 2
            self.token_experts = nn.ModuleList(TokenExperts(spec, cells, noise) for _ in range(spec.layers))

    @classmethod
    def of(
        cls, spec: ObjectsSpec, classes: int, encoder_widths: Sequence[int], *, deploy: bool = False
    ) -> ObjectsExpert:
        """The network that a bundle's objects expert describes, on an encoder of these widths."""
        return cls(spec, classes, encoder_widths, deploy=deploy)

    def forward(self, features: Features) -> ObjectsOutput:
        """Features of B tiles -> the guesses of all queries."""
        maps = self.memory(features)
        dense = self.dense(maps, features.coverage)
        # Attention and routing in float32 whatever the maps are in: who serves a query must not hang on a
        # rounding, and boxes need more than the eight bits of bfloat16.
        with torch.autocast(maps[0].device.type, enabled=False):
            return self.decode([plane.float() for plane in maps], dense)

    def decode(self, maps: list[Tensor], dense: DenseOutput) -> ObjectsOutput:
        """The decoder over maps (B, memory_width, h, w) and what every cell of them says."""
        index = peaks(dense, min(self.spec.queries, dense.logits.shape[1]))  # (B, N)
        cells = torch.cat([plane.flatten(2) for plane in maps], 2).transpose(1, 2)  # (B, M, memory_width)
        content = cells.gather(1, index[..., None].expand(-1, -1, cells.shape[2]))
        level = torch.cat(
            [
                torch.full((height * width,), number, device=index.device)
                for number, (height, width) in enumerate(dense.sizes)
            ]
        )
        x = self.start(content) + self.level(level[index])
        logits = dense.logits.gather(1, index[..., None].expand(-1, -1, self.classes)).detach()
        boxes = dense.boxes.gather(1, index[..., None].expand(-1, -1, 4)).detach()
        edge = float(dense.sizes[0][1] * STRIDES[0])
        boxes = _sound(boxes)
        guesses, routes, loads = [], [], []
        for number, layer in enumerate(self.layers):
            if self.spec.routing == "token":
                coarse, load = self.token_experts[number](maps[-1])
                maps = [*maps[:-1], coarse]
                loads.append(load)
            x, guess, route = layer(x, self.place(boxes, edge), logits, boxes, maps)
            guesses.append(guess)
            routes.append(route)
            logits, boxes = guess.logits.detach(), guess.boxes.detach()
        last = guesses[-1]
        return ObjectsOutput(
            last.logits, last.boxes, last.rects, tuple(routes), tuple(guesses), dense, tuple(loads)
        )

    def folded(self) -> ObjectsExpert:
        """The equivalent expert with every unit folded into one convolution, in eval mode.

        The temperatures of the routers become part of their weights.
        """
        return fold_into(self, ObjectsExpert(self.spec, self.classes, self.skips, deploy=True))


def moved(boxes: Tensor, change: Tensor) -> Tensor:
    """Boxes (B, N, 4), moved by `change`[..., :2] of their size, which grows by e to the power of the rest.

    A step of 0 changes nothing (Ren et al. 2015, eq. 2).
    """
    size = boxes[..., 2:] - boxes[..., :2]
    center = boxes[..., :2] + size / 2 + change[..., :2] * size
    size = size * change[..., 2:].clamp(-_GROWTH, _GROWTH).exp()
    return _sound(torch.cat([center - size / 2, center + size / 2], 2))


def _sound(boxes: Tensor) -> Tensor:
    """Boxes with sides of one pixel or more."""
    center = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = ((boxes[..., 2:] - boxes[..., :2]) / 2).clamp_min(0.5)
    return torch.cat([center - half, center + half], 2)
