"""The reference mixture-of-experts classifier: shared features, four small experts, a soft gate.

Convolutions with residual blocks and squeeze-and-excitation (Hu et al. 2018) give 512 features of a chip; a
gate over them says how much each expert, a perceptron of two layers, has to say. Training runs all experts;
evaluation may run the k strongest of each sample alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks import ConvUnit
from .gate import Gate, top_k


@dataclass(frozen=True)
class MixtureOutput:
    """What a mixture says of N samples.

    Attributes:
        logits: (N, classes), of the experts that ran, weighted by their gates.
        gates: (N, E), what the gate gave each expert before any was left out.
        chosen: bool (N, E), the experts that ran for a sample.
    """

    logits: Tensor
    gates: Tensor
    chosen: Tensor


class Excitation(nn.Module):
    """Squeeze-and-excitation: each channel scaled by a factor that the mean over the image decides."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(4, channels // reduction)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape."""
        scale = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


class ExcitedResidual(nn.Module):
    """A residual block whose branch ends in squeeze-and-excitation."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, deploy: bool = False) -> None:
        super().__init__()
        self.first = ConvUnit(inputs, outputs, 3, stride, deploy=deploy)
        self.second = ConvUnit(outputs, outputs, 3, activate=False, deploy=deploy)
        self.excitation = Excitation(outputs)
        self.skip = (
            ConvUnit(inputs, outputs, 1, stride, activate=False, deploy=deploy)
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) -> (N, outputs, h / stride, w / stride)."""
        skip = x if self.skip is None else self.skip(x)
        return torch.relu(self.excitation(self.second(self.first(x))) + skip)


class LinearUnit(nn.Module):
    """A linear layer, BatchNorm and ReLU; the folded form needs no BatchNorm."""

    def __init__(self, inputs: int, outputs: int, *, deploy: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = None if deploy else nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        y = self.linear(x)
        return torch.relu(y if self.norm is None else self.norm(y))

    @torch.no_grad()
    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight (outputs, inputs) and bias (outputs,) of the one equivalent layer."""
        weight, bias, norm = self.linear.weight.double(), self.linear.bias.double(), self.norm
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        shift = norm.bias.double() - norm.running_mean.double() * scale
        return (weight * scale[:, None]).float(), (bias * scale + shift).float()


class MixtureClassifier(nn.Module):
    """The reference classifier.

    Args:
        width: channels of the first residual block; the next ones have two and four times as many.
        experts: E.
        classes: of the prediction.
        features: of a chip, what gate and experts read.
        hidden: of an expert.
        dropout: share of an expert's hidden values left out in training.
        noise: on the gate's logits in training.
        deploy: build the folded form.
    """

    def __init__(
        self,
        width: int,
        experts: int,
        classes: int,
        *,
        features: int = 512,
        hidden: int = 256,
        dropout: float = 0.3,
        noise: float = 0.1,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.body = nn.Sequential(
            ConvUnit(3, width, 3, 2, deploy=deploy),
            ExcitedResidual(width, width, deploy=deploy),
            ExcitedResidual(width, 2 * width, 2, deploy=deploy),
            ExcitedResidual(2 * width, 4 * width, 2, deploy=deploy),
            ConvUnit(4 * width, features, 1, deploy=deploy),
        )
        self.gate = Gate(features, experts, noise)
        self.experts = nn.ModuleList(
            nn.Sequential(
                LinearUnit(features, hidden, deploy=deploy), nn.Dropout(dropout), nn.Linear(hidden, classes)
            )
            for _ in range(experts)
        )

    def features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> float32 (N, features)."""
        return self.body(x).float().mean((2, 3))

    def decide(self, features: Tensor, k: int, gates: Tensor | None = None) -> MixtureOutput:
        """Run the `k` strongest experts of each sample; no other is computed.

        Args:
            features: (N, features).
            k: experts a sample; all of them run in training, whatever it is.
            gates: (N, E) to use in place of the gate's own; one-hot rows ask one expert alone.
        """
        if gates is None:
            gates = self.gate(features)
        chosen, weights = top_k(gates, len(self.experts) if self.training else k)
        logits = torch.zeros(len(features), self.classes, device=features.device)
        for number, expert in enumerate(self.experts):
            index = chosen[:, number].nonzero()[:, 0]
            if len(index) == 0:
                continue
            part = features if len(index) == len(features) else features.index_select(0, index)
            said = expert(part).float() * weights[index, number, None]
            logits = logits.index_add(0, index, said)
        return MixtureOutput(logits, gates, chosen)

    def forward(self, x: Tensor, k: int | None = None) -> MixtureOutput:
        """(N, 3, H, W) -> what the mixture says; all experts run if no `k` is given."""
        return self.decide(self.features(x), len(self.experts) if k is None else k)
