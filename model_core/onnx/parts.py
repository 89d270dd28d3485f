"""The parts of a network as modules of tensors alone, in a form that a graph without branches can hold.

A graph of ONNX cannot leave out a sample's computation. So what the network computes only for the samples or
queries that chose it -- a branch of the scene expert, an expert within the objects expert -- is computed for
all here, and weighted with 0 where it was not chosen.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..networks.branches import Branches, BranchOutput, pooled
from ..networks.encoder import Encoder, Features
from ..networks.expert import Expert
from ..networks.gate import top_k
from ..networks.objects.detect import SLIVER, THINNEST, TOLD
from ..networks.objects.detector import ObjectsExpert
from ..networks.objects.routed_ffn import Experts
from ..networks.scene_head import SceneHead
from ..networks.switcher import Switcher
from ..objects.spec import ObjectsSpec
from ..scene_expert import SceneExpertSpec
from ..spec import ExpertSpec
from .names import object_outputs

_TINY = 1e-30  # log(0) times 0 is to be 0


class EncodeAndScore(nn.Module):
    """Encoder and switcher, its calibration included.

    Args:
        encoder: folded.
        switcher: as the bundle holds it; here it computes in float32.
        experts: in the order of the scores.
    """

    def __init__(self, encoder: Encoder, switcher: Switcher, experts: Sequence[ExpertSpec]) -> None:
        super().__init__()
        self.encoder = _plain(encoder)
        self.switcher = _plain(switcher).float()
        self.register_buffer("temperature", torch.tensor([expert.temperature for expert in experts]))
        self.register_buffer("bias", torch.tensor([expert.bias for expert in experts]))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Reflectance (B, 8, S, S), available (B, 8), valid (B, 1, S, S), all float32.

        Returns:
            The five levels of features, their coverage, logits and scores (B, E).
        """
        reflectance, available, valid = inputs
        features = self.encoder(reflectance, available, valid)
        logits = self.switcher(features)
        scores = torch.sigmoid(logits / self.temperature + self.bias)
        return (*features.levels, features.coverage, logits, scores)


class DecodePixels(nn.Module):
    """An expert that decodes pixels, up to what `NetworkModel.decode` gives.

    Args:
        expert: folded.
        spec: its description.
    """

    def __init__(self, expert: Expert, spec: ExpertSpec) -> None:
        super().__init__()
        self.expert = _plain(expert)
        self.kind, self.heads, self.channels = spec.kind, spec.heads, spec.channels

    def forward(self, *levels: Tensor) -> tuple[Tensor, ...]:
        """The features, finest first -> (B, C, S, S); of several heads their mean, and (B, 1, S, S).

        The second one is the mean of the heads' entropies in parts of the largest there can be.
        """
        parts = self.expert(Features(levels, levels[-1]), apart=True)
        if self.heads == 1:
            return (self._values(self.expert.shuffle(parts[0]))[0],)
        # Brought together at half resolution, so that one pixel shuffle does for all.
        told = [
            self._values(part.unflatten(1, (self.channels, 4))) for part in parts
        ]  # (B, C, 4, h, w), (B, 1, 4, h, w)
        mean, entropy = (sum(one) / self.heads for one in zip(*told, strict=True))
        entropy = entropy / math.log(max(self.channels, 2))
        return tuple(self.expert.shuffle(one.flatten(1, 2)) for one in (mean, entropy))

    def _values(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Values (B, C, ...) of logits, and of probabilities the entropy (B, 1, ...) in nats."""
        if self.kind == "density":
            return logits, logits
        if self.kind == "classes":
            # A softmax by hand: onnxruntime turns the channels last and back for its own, which took half of
            # the expert's time; and with its sum the entropy is log(sum) + sum_c p_c * (z_max - z_c).
            gap = logits.amax(1, keepdim=True) - logits
            share = torch.exp(-gap)
            total = share.sum(1, keepdim=True)
            p = share / total
            return p, (p * gap).sum(1, keepdim=True) + total.log()
        p = torch.sigmoid(logits)
        q = 1.0 - p
        return p, -(p * p.clamp_min(_TINY).log() + q * q.clamp_min(_TINY).log())


class LookAtScene(nn.Module):
    """The scene expert, its calibration included.

    Args:
        head: folded.
        spec: its description.
    """

    def __init__(self, head: SceneHead, spec: SceneExpertSpec) -> None:
        super().__init__()
        self.head = _plain(head)
        self.head.body = _AllBranches(self.head.body)
        self.k, self.temperature, self.skipped = spec.k, spec.temperature, spec.level

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The features from the level that is read on, their coverage -> (B, classes), bool (B, branches)."""
        *levels, coverage = inputs
        told = self.head(Features((levels[0],) * self.skipped + tuple(levels), coverage), self.k)
        return torch.softmax(told.logits / self.temperature, 1), told.chosen


class FindObjects(nn.Module):
    """The objects expert, from features to one box, class and score for each of N queries.

    Args:
        expert: folded.
        spec: its description.
        size: edge of the tiles in pixels.
    """

    def __init__(self, expert: ObjectsExpert, spec: ObjectsSpec, size: int) -> None:
        super().__init__()
        self.expert = _plain(expert)
        self.outputs, self.size = object_outputs(spec), size
        for module in self.expert.modules():
            if isinstance(getattr(module, "experts", None), Experts):
                module.experts = _AllExperts(module.experts)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The features and their coverage.

        Returns:
            boxes (B, N, 4), clipped to the tile; scores (B, N), 0 for a box of which next to nothing lies in
            the tile; labels int64 (B, N); rectangles (B, N, 4, 2). Where queries are routed also experts
            int64 and weights (B, N, L, k), and where groups are chosen groups int64 (B, L, g).
        """
        *levels, coverage = inputs
        features = Features(tuple(levels), coverage)
        maps = self.expert.memory(features)
        output = self.expert.decode(maps, self.expert.dense(maps, coverage))
        boxes = output.boxes.clamp(0.0, float(self.size))
        inside = ((boxes[..., 2:] - boxes[..., :2]) >= SLIVER).all(2)
        best, labels = output.logits.max(2)
        told = [boxes, torch.sigmoid(best) * inside, labels, rectangles(output.boxes, output.rects)]
        if "experts" in self.outputs:
            told.append(torch.stack([route.experts for route in output.routes], 2))
            told.append(torch.stack([route.weights for route in output.routes], 2))
        if "groups" in self.outputs:
            told.append(torch.stack([route.groups for route in output.routes], 1))
        return tuple(told)


def rectangles(boxes: Tensor, rects: Tensor) -> Tensor:
    """As `networks.objects.detect.outlines`, which has the reasons, in operators that ONNX has.

    Args:
        boxes: (B, N, 4), not clipped.
        rects: (B, N, 4), log length, log width, cos 2a, sin 2a.

    Returns:
        (B, N, 4, 2), corners (x, y).
    """
    twice = rects[..., 2:]
    cos, sin = (twice / twice.square().sum(2, keepdim=True).sqrt().clamp_min(_TINY)).unbind(2)
    # Half the angle without its arc tangent: (1 + cos, sin) and (|sin|, +-(1 - cos)) point along it, and of
    # the two the one that is not cut short by rounding is taken.
    sign = torch.where(sin < 0, -1.0, 1.0)
    right = cos >= 0
    x, y = torch.where(right, 1.0 + cos, sin.abs()), torch.where(right, sin, sign * (1.0 - cos))
    along = torch.stack([x, y], 2)
    along = along / along.square().sum(2, keepdim=True).sqrt()  # (B, N, 2)
    cos, sin = along.abs().unbind(2)
    width, height = (boxes[..., 2:] - boxes[..., :2]).unbind(2)
    total = (width + height) / (cos + sin)
    told = torch.tanh((rects[..., 0] - rects[..., 1]) / 2) * total
    turn = cos - sin
    apart = (turn * (width - height) + TOLD * told) / (turn.square() + TOLD)
    most = (1 - 2 * THINNEST) * total
    apart = torch.minimum(torch.maximum(apart, -most), most)
    across = torch.stack([-along[..., 1], along[..., 0]], 2)
    half_length = ((total + apart) / 4)[..., None] * along
    half_width = ((total - apart) / 4)[..., None] * across
    center = (boxes[..., :2] + boxes[..., 2:]) / 2
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return torch.stack([center + a * half_length + b * half_width for a, b in signs], 2)


class _AllBranches(nn.Module):
    """`Branches`, each run on every sample and weighted with 0 where it was not chosen."""

    def __init__(self, body: Branches) -> None:
        super().__init__()
        self.body = body

    def forward(self, stem: Tensor, k: int, *, cover: Tensor, gates: None = None) -> BranchOutput:
        """As `Branches.forward`."""
        gates = self.body.gate(pooled(stem, cover))
        chosen, weights = top_k(gates, k)
        told = torch.stack([branch(stem, cover) for branch in self.body.branches], 1)  # (N, branches, width)
        features = told * weights[..., None]
        return BranchOutput(self.body.combine(features.flatten(1)), gates, chosen, features)


class _AllExperts(nn.Module):
    """`Experts` as two wide products: all side by side, each part weighted by who chose it."""

    def __init__(self, experts: Experts) -> None:
        super().__init__()
        self.count = len(experts)
        inner, outer = [one.inner for one in experts], [one.outer for one in experts]
        for name, value in (
            ("into", torch.cat([one.weight for one in inner]).T),  # (width, E * hidden)
            ("into_bias", torch.cat([one.bias for one in inner])),
            ("out_of", torch.cat([one.weight for one in outer], 1).T),  # (E * hidden, width)
            ("out_of_bias", torch.stack([one.bias for one in outer])),  # (E, width)
        ):
            self.register_buffer(name, value.detach().clone().contiguous())

    def forward(self, x: Tensor, experts: Tensor, weights: Tensor) -> Tensor:
        """As `Experts.forward`."""
        share = torch.zeros(x.shape[0], self.count).scatter(1, experts, weights)  # (M, E)
        hidden = nn.functional.gelu(x @ self.into + self.into_bias)
        hidden = hidden.unflatten(1, (self.count, -1)) * share[..., None]
        return hidden.flatten(1) @ self.out_of + share @ self.out_of_bias


def _plain(module: nn.Module) -> nn.Module:
    """A copy in eval mode, its tensors in the common order of memory."""
    return copy.deepcopy(module).to(memory_format=torch.contiguous_format).eval().requires_grad_(False)
