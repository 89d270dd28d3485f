"""The switcher's rows of experts that a bundle has, trained further on a user's tiles.

Each row starts where it is, and is pulled back there (L2-SP, Li et al. 2018, arXiv:1802.01483, eq. 3): a
user's few hundred tiles of one region should correct what a row knows, not replace it. Rows do not know of
each other, so each keeps the weights of its own best epoch, and one that gets no better stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ...networks.inference import NetworkModel
from ..framework.options import Options
from ..losses import masked_bce
from ..router_row import Standard, average_precision
from .rows import Scored

ROWS = Options(epochs=60, batch_size=128, lr=3e-3, weight_decay=0.0, patience=15, model_name="switcher")

PULL = 0.02
"""Weight of the squared distance from the row that the training started with."""

DROPOUT = 0.3


class Rows(nn.Module):
    """Rows for standardised features, and the best of each so far.

    Args:
        weight, bias: (E, H) and (E,) to begin with.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
        self.register_buffer("best_weight", weight.clone())
        self.register_buffer("best_bias", bias.clone())
        self.register_buffer("best_loss", torch.full((len(bias),), float("inf"), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, H) -> logits (N, E)."""
        return x @ self.weight.T + self.bias


class RowsTrainee:
    """What the framework's loop trains; see `framework.loop.Trainee`.

    Losses are those of the scores as the bundle calibrates them now, so that old and new rows compare.

    Args:
        model: of the bundle.
        names: of the experts, each a task of the tiles.
        train, val: tiles; both have tiles of either kind for every name.
        options: numbers.
    """

    def __init__(
        self, model: NetworkModel, names: Sequence[str], train: Scored, val: Scored, options: Options
    ) -> None:
        self.names, self.options = list(names), options
        self.standard = Standard.of(train.hidden.float())
        columns = [[one.name for one in model.experts].index(name) for name in names]
        layer = model.network.switcher.out
        started = [
            self.standard.standardised(layer.weight[column], float(layer.bias[column])) for column in columns
        ]
        weight, bias = (torch.stack(part) for part in zip(*started, strict=True))
        self.module = Rows(weight, bias)
        self._start = weight
        specs = [model.experts[column] for column in columns]
        self._scale = torch.tensor([1 / spec.temperature for spec in specs])
        self._shift = torch.tensor([spec.bias for spec in specs])
        self._train = self._given(train)
        self._val = self._given(val)
        before = self._losses()
        self.module.best_loss.copy_(before)
        self.before = before

    def _given(self, part: Scored) -> tuple[Tensor, Tensor]:
        target = np.stack([part.target(name) for name in self.names], 1)
        return self.standard.apply(part.hidden.float()), torch.from_numpy(target)

    def parameters(self) -> Iterable[nn.Parameter]:
        """Those of the rows."""
        return self.module.parameters()

    def steps(self) -> int:
        """Batches of an epoch."""
        return max(4, -(-len(self._train[1]) // self.options.batch_size))

    def batches(self, epoch: int) -> Iterable[Tensor]:
        """The numbers of the tiles of each batch."""
        random = torch.Generator().manual_seed(self.options.seed * 1000 + epoch)
        for _ in range(self.steps()):
            yield torch.randint(len(self._train[1]), (self.options.batch_size,), generator=random)

    def begin(self, epoch: int) -> None:
        """Nothing changes with the epoch."""

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Cross-entropy of the calibrated scores, and the pull to where the rows came from."""
        x, target = (part[batch] for part in self._train)
        logits = self._calibrated(self.module(nn.functional.dropout(x, DROPOUT)))
        away = (self.module.weight - self._start).square().sum(1).mean()
        return {"rows": masked_bce(logits, target, torch.ones(len(self.names))), "pull": PULL * away}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The gain of the best rows so far, which never falls, and each row's average precision now."""
        loss, module = self._losses(), self.module
        better = loss < module.best_loss
        module.best_loss[better] = loss[better]
        module.best_weight[better] = module.weight[better]
        module.best_bias[better] = module.bias[better]
        return {"gain": float((self.before - module.best_loss).mean()), **self.precisions()}

    @torch.no_grad()
    def precisions(self) -> dict[str, float]:
        """Average precision of each row on val."""
        x, target = self._val
        told = self.module(x).numpy()
        found = {}
        for column, name in enumerate(self.names):
            known = target[:, column].numpy() >= 0
            truth = target[known, column].numpy() == 1
            found[name] = average_precision(told[known, column], truth)
        return {name: float("nan") if value is None else value for name, value in found.items()}

    def watch(self) -> dict[str, float]:
        """Nothing but what is validated."""
        return {}

    def better(self) -> dict[str, tuple[Tensor, float]]:
        """The rows that are better than before on val, for features as they are."""
        found = {}
        for number, name in enumerate(self.names):
            if self.module.best_loss[number] < self.before[number]:
                row = self.module.best_weight[number], self.module.best_bias[number]
                found[name] = self.standard.plain(*row)
        return found

    def _calibrated(self, logits: Tensor) -> Tensor:
        return logits * self._scale + self._shift

    @torch.no_grad()
    def _losses(self) -> Tensor:
        """Log loss of each row on val: float64 (E,)."""
        x, target = self._val
        logits = self._calibrated(self.module(x)).double()
        loss = nn.functional.binary_cross_entropy_with_logits(
            logits, target.clamp_min(0).double(), reduction="none"
        )
        known = (target >= 0).double()
        return (loss * known).sum(0) / known.sum(0)
