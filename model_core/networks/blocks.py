"""Convolution units that train with several branches and run as one convolution.

RepVGG (Ding et al. 2021, section 3.3): a 3x3, a 1x1 and an identity branch, each with its own
BatchNorm, are one linear map once training ends, so they fold into a single 3x3 with a bias.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvUnit(nn.Module):
    """Convolution (+ BatchNorm, + parallel branches while training) and an optional ReLU.

    Args:
        inputs, outputs: channels.
        kernel: odd size, or 6 for the stride-2 stem.
        rep: train with the RepVGG branches (needs kernel 3).
        activate: end with a ReLU.
        deploy: build the folded form, one convolution with a bias.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        *,
        rep: bool = False,
        activate: bool = True,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        padding = (kernel - 1) // 2
        self.activate = activate
        self.deploy = deploy
        if deploy:
            self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)
            return
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.point = nn.Conv2d(inputs, outputs, 1, stride, 0, bias=False) if rep else None
        self.point_norm = nn.BatchNorm2d(outputs) if rep else None
        self.skip_norm = nn.BatchNorm2d(outputs) if rep and inputs == outputs and stride == 1 else None

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride); `add` joins before the ReLU."""
        y = self.conv(x)
        if not self.deploy:
            y = self.norm(y)
            if self.point is not None:
                y = y + self.point_norm(self.point(x))
            if self.skip_norm is not None:
                y = y + self.skip_norm(x)
        if self.deploy:  # nothing else needs the result of the convolution
            y = y if add is None else y.add_(add)
            return y.relu_() if self.activate else y
        if add is not None:
            y = y + add
        return torch.relu(y) if self.activate else y

    @torch.no_grad()
    def folded(self) -> tuple[Tensor, Tensor]:
        """Kernel (outputs, inputs, k, k) and bias (outputs,) of the one equivalent convolution."""
        if self.deploy:
            return self.conv.weight.detach().clone(), self.conv.bias.detach().clone()
        kernel, bias = _fold(self.conv.weight, self.norm)
        if self.point is not None:
            point, point_bias = _fold(self.point.weight, self.point_norm)
            kernel += nn.functional.pad(point, [1, 1, 1, 1])
            bias += point_bias
        if self.skip_norm is not None:
            channels = kernel.shape[0]
            identity = torch.zeros_like(kernel)
            identity[range(channels), range(channels), 1, 1] = 1.0
            skip, skip_bias = _fold(identity, self.skip_norm)
            kernel += skip
            bias += skip_bias
        return kernel, bias


def _fold(kernel: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Fold an inference-time BatchNorm into the kernel before it; in float64 to lose nothing."""
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.double() - norm.running_mean.double() * scale
    return (kernel.double() * scale[:, None, None, None]).float(), bias.float()


def upsample(x: Tensor) -> Tensor:
    """Double height and width, bilinear: (B, C, H, W) -> (B, C, 2H, 2W)."""
    return nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
