"""Which classifier: its kind and its sizes, and how it is built and run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import RequestError
from ...networks.folding import fold_into
from ...networks.hydranets import HydraNets
from ...networks.moe_classifier import MixtureClassifier
from ...networks.resnet import ResNet
from .data import SIZE, as_input

KINDS = ("plain", "moe", "hydranets")


@dataclass(frozen=True)
class ClassifierSpec:
    """One classifier.

    Attributes:
        kind: one of `KINDS`.
        width: channels of the first stage.
        experts: experts or branches; of no meaning for a plain one.
        k: experts or branches that run for a chip; all of them if 0.
        branch_width, branch_depth: channels and convolutions of a branch of HydraNets.
    """

    kind: str
    width: int
    experts: int = 4
    k: int = 0
    branch_width: int = 56
    branch_depth: int = 3

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise RequestError(f"--kind is {self.kind}; expected one of {', '.join(KINDS)}.")
        for name in ("width", "experts", "branch_width", "branch_depth"):
            if getattr(self, name) < 1:
                raise RequestError(f"--{name.replace('_', '-')} is {getattr(self, name)}; give 1 or more.")
        if not 0 <= self.k <= self.experts:
            raise RequestError(
                f"--k is {self.k}; give 1 to {self.experts}, the number of branches, or 0 for all."
            )

    @property
    def gated(self) -> bool:
        """Whether a gate chooses among experts or branches."""
        return self.kind != "plain"

    @property
    def runs(self) -> int:
        """Experts or branches that run for a chip."""
        return self.k or self.experts

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    def build(self, classes: int, noise: float = 0.1, *, deploy: bool = False) -> nn.Module:
        """The network, its weights drawn from torch's generator."""
        if self.kind == "plain":
            net: nn.Module = ResNet(self.width, classes, deploy=deploy)
        elif self.kind == "moe":
            net = MixtureClassifier(self.width, self.experts, classes, noise=noise, deploy=deploy)
        else:
            net = HydraNets(
                self.width,
                self.experts,
                classes,
                branch_width=self.branch_width,
                branch_depth=self.branch_depth,
                noise=noise,
                deploy=deploy,
            )
        return net.to(memory_format=torch.channels_last)

    def folded(self, module: nn.Module, classes: int) -> nn.Module:
        """The form that is deployed, timed and counted: the same function in fewer operations."""
        return fold_into(module, self.build(classes, deploy=True))


def logits_of(module: nn.Module, x: Tensor, k: int = 0) -> Tensor:
    """Logits (N, classes) of any kind of classifier, float32; `k` experts of a gated one, all if 0."""
    said = module(x) if isinstance(module, ResNet) else module(x, k or None)
    return (said if isinstance(said, Tensor) else said.logits).float()


def inputs(images: np.ndarray, size: int = 250) -> Iterator[Tensor]:
    """All chips in order, in batches: uint8 (N, 64, 64, 3) -> float32 (n, 3, 64, 64)."""
    for start in range(0, len(images), size):
        yield as_input(images[start : start + size])


def predict(module: nn.Module, images: np.ndarray, k: int = 0) -> Tensor:
    """Logits (N, classes) in evaluation mode, float32."""
    module.eval()
    with torch.inference_mode():
        return torch.cat([logits_of(module, x, k) for x in inputs(images)])


def accuracy(logits: Tensor, labels: np.ndarray) -> float:
    """Share of chips whose largest logit is their class."""
    return float((logits.argmax(1).numpy() == labels).mean())


def blank_chip() -> Tensor:
    """A chip to count multiply-accumulates with, whose number does not hang on the values."""
    return torch.zeros(1, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
