"""Plain residual classifiers of any width: what branched and gated ones are measured against.

ResNet (He et al. 2016) for small images: a stride-2 stem, then stages of basic blocks at 1/2, 1/4 and 1/8 of
the image with w, 2w and 4w channels, the mean over the image and a linear layer.
"""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import ConvUnit


class Residual(nn.Module):
    """Two 3x3 convolutions and a skip, which is a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, deploy: bool = False) -> None:
        super().__init__()
        self.first = ConvUnit(inputs, outputs, 3, stride, deploy=deploy)
        self.second = ConvUnit(outputs, outputs, 3, deploy=deploy)
        self.skip = (
            ConvUnit(inputs, outputs, 1, stride, activate=False, deploy=deploy)
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) -> (N, outputs, h / stride, w / stride)."""
        return self.second(self.first(x), add=x if self.skip is None else self.skip(x))


def residual_stages(width: int, stages: int, *, blocks: int = 2, deploy: bool = False) -> nn.Sequential:
    """Stem and the first stages: (N, 3, H, W) -> (N, width * 2 ** (stages - 1), H / 2 ** stages, ...).

    Args:
        width: channels of stem and first stage; each further stage has twice as many.
        stages: 1 or more.
        blocks: residual blocks of a stage.
        deploy: build the folded form.
    """
    parts: list[nn.Module] = [ConvUnit(3, width, 3, 2, deploy=deploy)]
    inputs = width
    for stage in range(stages):
        outputs = width * 2**stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            parts.append(Residual(inputs, outputs, stride, deploy=deploy))
            inputs = outputs
    return nn.Sequential(*parts)


class ResNet(nn.Module):
    """A plain classifier of RGB chips.

    Args:
        width: w, channels of the first stage.
        classes: of the prediction.
        deploy: build the folded form.
    """

    STAGES = 3

    def __init__(self, width: int, classes: int, *, deploy: bool = False) -> None:
        super().__init__()
        self.stages = residual_stages(width, self.STAGES, deploy=deploy)
        self.classify = nn.Linear(width * 2 ** (self.STAGES - 1), classes)

    def final_features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> what the last layer reads, float32 (N, 4 * width)."""
        return self.stages(x).float().mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> logits (N, classes)."""
        return self.classify(self.final_features(x))
