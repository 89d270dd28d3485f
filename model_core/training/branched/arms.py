"""What is compared, and the numbers of it: a plain decoder, and branched ones at no more multiply-adds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from ...errors import RequestError
from ...networks.branched_expert import BranchedExpert
from ...networks.expert import Expert
from ...networks.hydranet import NetworkConfig
from ..framework.options import Options

TASK = "landcover"

FRAMEWORK = Options()
"""Where the numbers of the gate come from."""


@dataclass(frozen=True)
class Arm:
    """One decoder of the comparison.

    Attributes:
        what: told to readers.
        k: branches a tile; 0 = the plain decoder.
        grouping: "features" groups classes by k-means over their mean features, "random" by lot.
    """

    name: str
    what: str
    k: int = 0
    grouping: str = "features"


ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("plain", "the plain decoder"),
        Arm("one-branch", "every branch as wide as the plain decoder, 1 a tile", 1),
        Arm("two-branches", "every branch half as wide, 2 a tile", 2),
        Arm("one-branch-random", "as one-branch, with classes grouped by lot", 1, "random"),
    )
}


@dataclass(frozen=True)
class Plan:
    """The numbers of the comparison, the same for every arm.

    Attributes:
        steps, batch, size: training steps, crops a step, their edge in pixels.
        branches: groups of classes. Three for the five classes of land cover: with five none would be a
            group, and of two a tile that shows more than one class would need both.
        lr, weight_decay, warmup: AdamW with a cosine schedule after `warmup` steps, as in the joint training.
        gate_weight: of KL(target || gate).
        soft_until, sparse_from: shares of the training; before the first all branches run, weighted by the
            gate, after the second the top k alone, and between them it goes from one to the other.
        diversity_weight, balance_weight, temperature_start, temperature_end, noise: see `Options`.
    """

    steps: int = 600
    batch: int = 16
    size: int = 128
    branches: int = 3
    lr: float = 2e-3
    weight_decay: float = 0.02
    warmup: int = 50
    gate_weight: float = 0.5
    soft_until: float = 0.4
    sparse_from: float = 0.6
    diversity_weight: float = FRAMEWORK.diversity_weight
    balance_weight: float = FRAMEWORK.balance_weight
    temperature_start: float = FRAMEWORK.temperature_start
    temperature_end: float = FRAMEWORK.temperature_end
    noise: float = FRAMEWORK.noise

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise RequestError(f"--steps is {self.steps}; give 1 or more.")
        if self.batch < 1:
            raise RequestError(f"--batch-size is {self.batch}; give 1 or more.")
        if not 2 <= self.branches <= 5:
            raise RequestError(f"--branches is {self.branches}; give 2 to 5, the classes of land cover.")

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    def sparsity(self, step: int) -> float:
        """0 while all branches run, 1 once the top k alone do."""
        share = (step / self.steps - self.soft_until) / (self.sparse_from - self.soft_until)
        return min(max(share, 0.0), 1.0)


def chosen_arms(names: list[str]) -> list[Arm]:
    """The arms called so, in the order of `ARMS`.

    Raises:
        RequestError: there is none of that name, or none was named.
    """
    wrong = [name for name in names if name not in ARMS]
    if wrong or not names:
        raise RequestError(
            f"There is no arm '{wrong[0] if wrong else ''}'; choose among {', '.join(ARMS)}, "
            "separated by commas."
        )
    return [arm for arm in ARMS.values() if arm.name in names]


def build(arm: Arm, config: NetworkConfig, channels: int, plan: Plan, *, deploy: bool = False) -> nn.Module:
    """The arm's decoder for the features of an encoder.

    The branches stand at the finest level, where the plain decoder spends 61 % of its multiply-adds. Their
    width is that of the plain decoder over k, so that those that run are together as wide as it is.
    """
    if not arm.k:
        return Expert(config.encoder_widths, config.expert_widths, channels, deploy=deploy)
    width, *common = config.expert_widths
    return BranchedExpert(
        config.encoder_widths,
        tuple(common),
        (max(1, width // arm.k),),
        channels,
        plan.branches,
        noise=plan.noise,
        deploy=deploy,
    )


def logits_of(expert: nn.Module, features, k: int) -> torch.Tensor:
    """Logits (n, C, H, W) of an arm's decoder; `k` counts for a branched one alone."""
    return expert(features, k).logits if isinstance(expert, BranchedExpert) else expert(features)
