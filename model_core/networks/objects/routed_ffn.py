"""Feed-forward parts that are routed in two levels: HI-MoE (Vashkelis & Trukhina, arXiv:2604.04908).

A scene router looks at the mean of a tile's queries and names the groups of experts that are candidates in
this tile; an instance router then gives each query its own experts among those:

    s = softmax(W_s mean_n(x_n) / T)            the top g of G groups are the candidates
    p = softmax(W_i [x_n; s] / T), -inf outside the candidates; the top k are taken, their weights w sum to 1
    y = sum_k w_k E_k(x) + shared(x) + x

Dispatch is sparse: an expert is called with the queries that chose it, and not at all if none did. Both
routers are reached by the gradient: the instance router through w, the scene router through s, which the
instance router reads, and both through the losses of `training.objects.losses`, which see the probabilities.

The other routings of `objects.spec.ROUTINGS` are what the two levels are measured against, at the same
number of multiply-accumulates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...objects.spec import ObjectsSpec
from ..gate import Gate


@dataclass(frozen=True)
class Load:
    """What one router did, for the losses and figures of its use.

    Attributes:
        probability: float (M, E), over the candidates, 0 elsewhere; with gradient.
        chosen: bool (M, E).
        candidates: bool (M, E), what could have been chosen.
    """

    probability: Tensor
    chosen: Tensor
    candidates: Tensor


@dataclass(frozen=True)
class Route:
    """Which experts served B tiles of N queries in one layer.

    Attributes:
        groups: int64 (B, g), the candidate groups, strongest first; g = 0 without a scene router.
        experts: int64 (B, N, k), strongest first; k = 0 where queries are not routed.
        weights: float (B, N, k), summing to 1.
        loads: of each router that ran.
    """

    groups: Tensor
    experts: Tensor
    weights: Tensor
    loads: tuple[Load, ...] = ()


class FeedForward(nn.Module):
    """Linear -> GELU -> Linear: (M, width) -> (M, width)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Each row for itself."""
        return self.outer(nn.functional.gelu(self.inner(x)))


class Experts(nn.ModuleList):
    """Interchangeable feed-forward experts; each is called with the rows that chose it, or not at all."""

    def __init__(self, width: int, hidden: int, count: int) -> None:
        super().__init__(FeedForward(width, hidden) for _ in range(count))

    def forward(self, x: Tensor, experts: Tensor, weights: Tensor) -> Tensor:
        """Weighted sum over the chosen experts.

        Args:
            x: (M, width).
            experts: int64 (M, k), all of a row different.
            weights: (M, k).
        """
        out = torch.zeros_like(x)
        for number, expert in enumerate(self):
            row, place = (experts == number).nonzero(as_tuple=True)
            if len(row):
                out = out.index_add(0, row, expert(x[row]) * weights[row, place, None])
        return out


def strongest(logits: Tensor, k: int, candidates: Tensor) -> tuple[Tensor, Tensor, Load]:
    """The `k` largest logits of each row among its candidates; of equals the first.

    Args:
        logits: (M, E).
        k: how many.
        candidates: bool (M, E), `k` or more in each row.

    Returns:
        int64 (M, k), strongest first; their weights (M, k), a softmax over them alone; and the load.
    """
    masked = logits.float().masked_fill(~candidates, -torch.inf)
    # Stable, so that equal logits are chosen in the same order on every machine.
    ordered, number = torch.sort(masked, dim=1, descending=True, stable=True)
    chosen = torch.zeros_like(candidates).scatter_(1, number[:, :k], True)
    load = Load(torch.softmax(masked, 1), chosen, candidates)
    return number[:, :k], torch.softmax(ordered[:, :k], 1), load


class RoutedFeedForward(nn.Module):
    """The feed-forward part of a decoder layer; what is routed in it says `ObjectsSpec.routing`.

    Args:
        spec: sizes.
        noise: standard deviation of the noise on the routers' logits in training.
    """

    def __init__(self, spec: ObjectsSpec, noise: float = 0.1) -> None:
        super().__init__()
        self.spec = spec
        width, routing = spec.width, spec.routing
        self.shared = FeedForward(width, dense_hidden(spec) if routing == "dense" else spec.hidden)
        if routing in ("full", "instance", "scene"):
            self.experts = Experts(width, spec.hidden, spec.experts)
        if routing in ("full", "scene"):
            self.scene_router = Gate(width, spec.groups, noise)
        if routing in ("full", "instance", "scene"):
            reads = width if routing == "instance" else width + spec.groups
            self.instance_router = Gate(reads, spec.experts, noise)

    def forward(self, x: Tensor) -> tuple[Tensor, Route]:
        """Queries (B, N, width) of B tiles -> the same shape, x included; and who served them."""
        tiles, count, width = x.shape
        route = self.route(x)
        rows = x.reshape(-1, width)
        out = x + self.shared(rows).view_as(x)
        if route.experts.shape[2]:
            k = route.experts.shape[2]
            served = self.experts(rows, route.experts.reshape(-1, k), route.weights.reshape(-1, k))
            out = out + served.view_as(x)
        return out, route

    def route(self, x: Tensor) -> Route:
        """Choose the experts of each query; x is (B, N, width)."""
        spec, (tiles, count, _) = self.spec, x.shape
        nobody = x.new_zeros(tiles, 0, dtype=torch.long)
        if spec.routing in ("dense", "token"):
            return Route(nobody, nobody[:, None].expand(tiles, count, 0), x.new_zeros(tiles, count, 0))
        if spec.routing == "instance":
            everyone = torch.ones(tiles * count, spec.experts, dtype=torch.bool, device=x.device)
            logits = self.instance_router.logits(x.flatten(0, 1))
            experts, weights, load = strongest(logits, spec.top_experts, everyone)
            return Route(nobody, experts.view(tiles, count, -1), weights.view(tiles, count, -1), (load,))
        mean = x.mean(1)  # (B, width): what the tile is about
        scene = self.scene_router.logits(mean)
        every_group = torch.ones_like(scene, dtype=torch.bool)
        groups, _, scene_load = strongest(scene, spec.top_groups, every_group)
        # Experts of group 0 come first, then those of group 1 ...
        candidates = scene_load.chosen.repeat_interleave(spec.experts // spec.groups, 1)  # (B, E)
        shares = scene_load.probability
        if spec.routing == "scene":  # the tile chooses once for all its queries
            logits = self.instance_router.logits(torch.cat([mean, shares], 1))
            experts, weights, load = strongest(logits, spec.top_experts, candidates)
            experts = experts[:, None].expand(-1, count, -1)
            return Route(groups, experts, weights[:, None].expand(-1, count, -1), (scene_load, load))
        told = torch.cat([x, shares[:, None].expand(-1, count, -1)], 2).flatten(0, 1)
        logits = self.instance_router.logits(told)
        experts, weights, load = strongest(logits, spec.top_experts, candidates.repeat_interleave(count, 0))
        return Route(
            groups, experts.view(tiles, count, -1), weights.view(tiles, count, -1), (scene_load, load)
        )


class TokenExperts(nn.Module):
    """Routing by cell: every cell of a feature map chooses its experts, no query does (routing `token`)."""

    def __init__(self, spec: ObjectsSpec, cells: int, noise: float = 0.1) -> None:
        """For maps of about `cells` cells, which sets the experts' size, see `token_hidden`."""
        super().__init__()
        self.k = spec.top_experts
        self.norm = nn.LayerNorm(spec.memory_width)
        self.router = Gate(spec.memory_width, spec.experts, noise)
        self.experts = Experts(spec.memory_width, token_hidden(spec, cells), spec.experts)

    def forward(self, memory: Tensor) -> tuple[Tensor, Load]:
        """(B, memory_width, h, w) -> the same shape, with what the experts add; and the router's load."""
        tiles, width, height, columns = memory.shape
        rows = memory.permute(0, 2, 3, 1).reshape(-1, width)
        x = self.norm(rows)
        logits = self.router.logits(x)
        experts, weights, load = strongest(logits, self.k, torch.ones_like(logits, dtype=torch.bool))
        rows = rows + self.experts(x, experts, weights)
        return rows.view(tiles, height, columns, width).permute(0, 3, 1, 2), load


def routed_macs(spec: ObjectsSpec) -> int:
    """Multiply-accumulates that two-level routing spends on one query beyond the shared part."""
    return 2 * spec.width * spec.hidden * spec.top_experts + (spec.width + spec.groups) * spec.experts


def dense_hidden(spec: ObjectsSpec) -> int:
    """Hidden channels with which a part that is not routed costs what the routed one does."""
    return spec.hidden + round(routed_macs(spec) / (2 * spec.width))


def token_hidden(spec: ObjectsSpec, cells: int) -> int:
    """Hidden channels with which routing `cells` cells costs what routing the queries does."""
    each = spec.queries * routed_macs(spec) / cells - spec.memory_width * spec.experts
    return max(1, round(each / (2 * spec.memory_width * spec.top_experts)))
