"""Rows of the switcher's output layer, trained with everything else frozen.

The switcher has hidden features, and a row of weights for each expert: a logistic regression on them. Rows do
not know of each other, so one of them can be trained, added or replaced while no other score changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor, nn

from ..networks.inference import NetworkModel
from .losses import masked_bce

DROPOUT = 0.3
LEARNING_RATE, WEIGHT_DECAY = 1e-2, 0.3
POSITIVE = (0.25, 4.0)
"""Least and largest weight of a tile that needs the expert, against one that does not."""


class Plan(Protocol):
    """How long a row is trained."""

    @property
    def steps(self) -> int:
        """Batches of 128 tiles."""

    @property
    def seed(self) -> int:
        """Of the batches."""


@dataclass(frozen=True)
class Standard:
    """Features brought to mean 0 and deviation 1, and rows between the two forms.

    Attributes:
        mean, std: float32 (H,).
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, hidden: Tensor) -> Standard:
        """That of features float32 (N, H)."""
        return cls(hidden.mean(0), hidden.std(0).clamp_min(1e-4))

    def apply(self, hidden: Tensor) -> Tensor:
        """Features (N, H) as rows are trained on them."""
        return (hidden - self.mean) / self.std

    def plain(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, float]:
        """A row (H,) for features as they are, from one for standardised features."""
        final = weight.double() / self.std.double()
        shift = bias.double() - (final * self.mean.double()).sum()
        return final.float(), float(shift.float())

    def standardised(self, weight: Tensor, bias: float) -> tuple[Tensor, Tensor]:
        """A row (H,) for standardised features, from one for features as they are."""
        shift = bias + (weight.double() * self.mean.double()).sum()
        return (weight.double() * self.std.double()).float(), shift.float()


@torch.inference_mode()
def hidden_features(model: NetworkModel, batch: Mapping[str, Tensor]) -> Tensor:
    """The switcher's hidden features float64 (B, H) of reflectance, available and valid."""
    switcher = model.network.switcher
    features = model.network.encode(batch["reflectance"], batch["available"], batch["valid"])
    return nn.functional.gelu(switcher.hidden(switcher.pool(features).double())).clone()


def positive_weight(target: Tensor) -> Tensor:
    """How much tiles that need an expert count, so that both kinds count alike: () of targets (N,) 1, 0."""
    positive, negative = float((target == 1).sum()), float((target == 0).sum())
    return torch.tensor(negative / max(1.0, positive)).clamp(*POSITIVE)


def fit_row(hidden: Tensor, target: Tensor, plan: Plan) -> tuple[Tensor, float]:
    """Train one row of weights on fixed features: weight float32 (H,), and its bias.

    The features are standardised for the training; the row that comes back takes them as they are.

    Args:
        hidden: float32 (N, H).
        target: (N,) of 1 and 0.
        plan: seed and steps.
    """
    torch.manual_seed(plan.seed)
    standard = Standard.of(hidden)
    x = standard.apply(hidden)
    row = nn.Linear(x.shape[1], 1)
    nn.init.zeros_(row.weight)
    nn.init.zeros_(row.bias)
    weight = positive_weight(target)[None]
    optimizer = torch.optim.AdamW(row.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, plan.steps)
    random = torch.Generator().manual_seed(plan.seed)
    for _ in range(plan.steps):
        index = torch.randint(len(x), (128,), generator=random)
        told = row(nn.functional.dropout(x[index], DROPOUT))
        loss = masked_bce(told, target[index, None], weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return standard.plain(row.weight[0], row.bias[0])


def row_logits(hidden: Tensor, weight: Tensor, bias: float) -> np.ndarray:
    """Uncalibrated logits float64 (N,), as `NetworkModel.logits` gives them once the row is in a bundle."""
    return (hidden.double() @ weight.double() + bias).numpy()


def row_figures(score: np.ndarray, target: np.ndarray, threshold: float) -> dict[str, Any]:
    """Precision, recall and F1 at the threshold, and average precision; None where there are no tiles for it.

    Args:
        score: (N,) calibrated.
        target: (N,) of 1, 0, and -1 = unknown, which takes no part.
        threshold: from which a tile is routed.
    """
    known = target >= 0
    truth, told = target[known] == 1, score[known]
    chosen = told >= threshold
    right = int((truth & chosen).sum())

    def share(part: int, whole: int) -> float | None:
        return round(part / whole, 4) if whole else None

    average = average_precision(told, truth)
    return {
        "precision": share(right, int(chosen.sum())),
        "recall": share(right, int(truth.sum())),
        "f1": share(2 * right, int(chosen.sum()) + int(truth.sum())),
        "average_precision": None if average is None else round(average, 4),
        "threshold": threshold,
    }


def average_precision(score: np.ndarray, truth: np.ndarray) -> float | None:
    """Mean precision at the tiles that need the expert, best score first; ties count as one step."""
    return float(average_precision_score(truth, score)) if truth.any() else None
