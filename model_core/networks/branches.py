"""Branches inside an expert, of which a gate runs a few (HydraNets, Mullapudi et al., CVPR 2018).

A *stem* gives features that gate and branches share. The *gate* says which branches a sample needs, each
branch computes features for one group of similar classes, and the *combiner* turns the features of the
branches that ran into the prediction. The paper leaves gate and combiner open; here the gate is a softmax
over a linear map of the pooled stem, and the combiner is linear over the features of all branches, zeros
where one did not run.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks import ConvUnit
from .gate import Gate, top_k


@dataclass(frozen=True)
class BranchOutput:
    """What `Branches` says of N samples.

    Attributes:
        logits: (N, classes).
        gates: (N, branches), what the gate gave each branch before any was left out.
        chosen: bool (N, branches), the branches that ran for a sample.
        features: (N, branches, width), what each gave, weighted; zeros where it did not run.
    """

    logits: Tensor
    gates: Tensor
    chosen: Tensor
    features: Tensor


class Branch(nn.Module):
    """Convolutions for one group of classes, the first with stride 2, and the mean over the image."""

    def __init__(self, inputs: int, width: int, depth: int, *, deploy: bool = False) -> None:
        super().__init__()
        units = [ConvUnit(inputs, width, 3, 2, rep=True, deploy=deploy)]
        units += [ConvUnit(width, width, 3, 1, rep=True, deploy=deploy) for _ in range(depth - 1)]
        self.units = nn.Sequential(*units)

    def forward(self, stem: Tensor, cover: Tensor | None = None) -> Tensor:
        """(n, inputs, h, w) -> (n, width); `cover` as in `Branches.forward`."""
        y = self.units(stem).float()
        if cover is not None:
            cover = nn.functional.adaptive_avg_pool2d(cover, y.shape[2:])
        return pooled(y, cover)


def pooled(x: Tensor, cover: Tensor | None = None) -> Tensor:
    """Mean of (n, C, h, w) over the image -> (n, C), each cell weighted by its `cover` (n, 1, h, w)."""
    if cover is None:
        return x.mean((2, 3))
    return (x * cover).sum((2, 3)) / cover.sum((2, 3)).clamp_min(1e-6)


class Branches(nn.Module):
    """Gate, branches and combiner over the features of a stem.

    Args:
        inputs: channels of the stem.
        width, depth: channels and convolutions of a branch.
        branches: how many there are.
        classes: of the prediction.
        noise: of the gate in training.
        deploy: build the folded form.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        depth: int,
        branches: int,
        classes: int,
        *,
        noise: float = 0.1,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        self.width = width
        self.gate = Gate(inputs, branches, noise)
        self.branches = nn.ModuleList(Branch(inputs, width, depth, deploy=deploy) for _ in range(branches))
        self.combine = nn.Linear(branches * width, classes)
        self.sparsity = 1.0  # while training: 0 weights all branches by the gate, 1 runs the top k alone

    def forward(
        self, stem: Tensor, k: int, *, cover: Tensor | None = None, gates: Tensor | None = None
    ) -> BranchOutput:
        """Run the `k` strongest branches of each sample; no other is computed.

        While training with a `sparsity` below 1 all branches run, and each is weighted by a mixture of its
        gate and of its gate among the top k.

        Args:
            stem: (N, inputs, h, w).
            k: branches a sample.
            cover: share of valid pixels under each cell, (N, 1, h, w); None = all.
            gates: (N, branches) to use in place of the gate's own, such as an oracle's.
        """
        if gates is None:
            gates = self.gate(pooled(stem.float(), cover))
        chosen, weights = top_k(gates, k)
        if self.training and self.sparsity < 1:
            weights = self.sparsity * weights + (1 - self.sparsity) * gates
            chosen = torch.ones_like(chosen)
        features = torch.zeros(len(stem), len(self.branches), self.width, device=stem.device)
        for number, branch in enumerate(self.branches):
            index = chosen[:, number].nonzero()[:, 0]
            if len(index) == 0:
                continue
            all_of_them = len(index) == len(stem)
            part = stem if all_of_them else stem.index_select(0, index)
            part_cover = cover if all_of_them or cover is None else cover.index_select(0, index)
            value = branch(part, part_cover) * weights[index, number, None]
            features[index, number] = value
        return BranchOutput(self.combine(features.flatten(1)), gates, chosen, features)
