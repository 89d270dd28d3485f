"""A task expert whose fine part is branches, of which a gate runs a few for each tile.

HydraNets (Mullapudi et al., CVPR 2018) inside a decoder. The coarse levels are common to all tiles. Below
them stand branches, each for one group of classes: convolutions of their own at the fine resolutions and
their own share of the head. The gate reads the pooled bottleneck of the shared encoder, NoData left out,
and says which branches a tile needs; no other branch is computed for it. The combiner is one 3x3
convolution over the features of all branches side by side, zeros where one did not run. It is kept in a
slice per branch, whose results are added, so that what did not run costs nothing there either.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks import ConvUnit, upsample
from .branches import pooled
from .encoder import Features
from .folding import fold_into
from .gate import Gate, top_k


@dataclass(frozen=True)
class BranchedMap:
    """What a `BranchedExpert` says of n tiles.

    Attributes:
        logits: (n, C, H, W).
        gates: (n, branches), what the gate gave each branch before any was left out.
        chosen: bool (n, branches), the branches that ran for a tile.
    """

    logits: Tensor
    gates: Tensor
    chosen: Tensor


class FineBranch(nn.Module):
    """The fine levels of a decoder for one group of classes, and its slice of the combiner.

    Args:
        skips: encoder channels at the levels of the branch, finest first.
        below: channels of the common part, one level coarser.
        widths: channels of the branch at its levels.
        outputs: channels of the combiner.
        deploy: build the folded form.
    """

    def __init__(
        self,
        skips: tuple[int, ...],
        below: int,
        widths: tuple[int, ...],
        outputs: int,
        *,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            ConvUnit(skip, width, 1, activate=False, deploy=deploy)
            for skip, width in zip(skips, widths, strict=True)
        )
        self.merge = nn.ModuleList(
            ConvUnit(coarse, fine, 3, deploy=deploy)
            for fine, coarse in zip(widths, (*widths[1:], below), strict=True)
        )
        self.refine = ConvUnit(widths[0], widths[0], 3, deploy=deploy)
        self.combine = nn.Conv2d(widths[0], outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor, levels: tuple[Tensor, ...], weight: Tensor | None) -> Tensor:
        """Run the branch.

        Args:
            x: features of the common part, (n, below, h, w) at the size of the branch's coarsest level.
            levels: skips, finest first.
            weight: (n,), scales the branch's features before the combiner; None = 1.

        Returns:
            The branch's part of the outputs, (n, outputs, H / 2, W / 2).
        """
        last = len(self.merge) - 1
        for level in range(last, -1, -1):
            x = x if level == last else upsample(x)
            x = self.merge[level](x, add=self.lateral[level](levels[level]))
        x = self.refine(x)
        if weight is not None:
            x = x * weight.to(x.dtype)[:, None, None, None]
        return self.combine(x)


class BranchedExpert(nn.Module):
    """Common coarse levels, a gate, and branches at the fine levels; a pixel-shuffle doubles the last one.

    Args:
        skips: encoder channels, finest (1/2) first.
        common: decoder channels at the coarse levels, finest first; they are the last of `skips`.
        fine: channels of every branch at the levels before those, finest first.
        channels: output channels of the task, C.
        branches: how many there are.
        noise: standard deviation of the noise on the gate's logits while training.
        deploy: build the folded form.
    """

    def __init__(
        self,
        skips: tuple[int, ...],
        common: tuple[int, ...],
        fine: tuple[int, ...],
        channels: int,
        branches: int,
        *,
        noise: float = 0.1,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        self._shape = (tuple(skips), tuple(common), tuple(fine), channels, branches)
        self.fork = len(fine)
        deep = skips[self.fork :]
        self.lateral = nn.ModuleList(
            ConvUnit(skip, width, 1, activate=i == len(common) - 1, deploy=deploy)
            for i, (skip, width) in enumerate(zip(deep, common, strict=True))
        )
        self.merge = nn.ModuleList(
            ConvUnit(coarse, finer, 3, deploy=deploy)
            for finer, coarse in zip(common[:-1], common[1:], strict=True)
        )
        self.gate = Gate(skips[-1], branches, noise)
        self.branches = nn.ModuleList(
            FineBranch(skips[: self.fork], common[0], fine, 4 * channels, deploy=deploy)
            for _ in range(branches)
        )
        self.bias = nn.Parameter(torch.zeros(4 * channels))
        self.shuffle = nn.PixelShuffle(2)
        self.sparsity = 1.0  # while training: 0 weights all branches by the gate, 1 runs the top k alone

    def forward(self, features: Features, k: int, *, gates: Tensor | None = None) -> BranchedMap:
        """Decode n tiles with the `k` strongest branches of each; no other is computed.

        While training with a `sparsity` below 1 all branches run, and each is weighted by a mixture of its
        gate and of its gate among the top k.

        Args:
            features: of the shared encoder.
            k: branches a tile, 1 to all.
            gates: (n, branches) to use in place of the gate's own, such as an oracle's.
        """
        bottleneck = features.levels[-1]
        if gates is None:
            # In float32 whatever the precision of the decoder: what runs must not hang on a rounding.
            with torch.autocast(bottleneck.device.type, enabled=False):
                gates = self.gate(pooled(bottleneck.float(), features.coverage.float()))
        chosen, weights = top_k(gates, k)
        soft = self.training and self.sparsity < 1
        if soft:
            weights = self.sparsity * weights + (1 - self.sparsity) * gates
            chosen = torch.ones_like(chosen)
        x = self.lateral[-1](bottleneck)
        for level in range(len(self.merge) - 1, -1, -1):
            skip = features.levels[self.fork + level]
            x = self.merge[level](upsample(x), add=self.lateral[level](skip))
        x = upsample(x)  # once, for all branches
        fine, total = features.levels[: self.fork], None
        for number, branch in enumerate(self.branches):
            index = chosen[:, number].nonzero()[:, 0]
            if len(index) == 0:
                continue
            # The only branch of a tile has all the weight.
            weight = None if k == 1 and not soft else weights[index, number]
            if len(index) == len(x):
                part = branch(x, fine, weight)
                total = part if total is None else total + part
                continue
            picked = tuple(level.index_select(0, index) for level in fine)
            part = branch(x.index_select(0, index), picked, weight)
            if total is None:
                total = part.new_zeros(len(x), *part.shape[1:])
            total = total.index_add(0, index, part)
        total = total + self.bias.to(total.dtype)[:, None, None]
        return BranchedMap(self.shuffle(total), gates, chosen)

    def folded(self) -> BranchedExpert:
        """The equivalent expert with every unit folded into one convolution, in eval mode.

        The temperature of the gate becomes part of its weights.
        """
        return fold_into(self, BranchedExpert(*self._shape, noise=self.gate.noise, deploy=True))
