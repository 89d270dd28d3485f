"""What is trained by the framework: a plain classifier, a reference mixture, HydraNets -- by one recipe."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..framework.losses import balance_loss, diversity_loss
from ..framework.options import Options
from ..framework.precision import mixed_precision
from ..framework.schedules import gate_temperature
from .data import EuroSat, steps_of, training_batches
from .spec import ClassifierSpec, accuracy, logits_of, predict

Batch = tuple[Tensor, Tensor, Tensor]

ANNEALED = 0.5
"""Share of the epochs over which the branches go from all, weighted by the gate, to the top k alone."""

GATE_WEIGHT = 0.5
"""Weight of KL(t || g), what the gate should say against what it says."""

WATCHED = 2000
"""Training chips whose accuracy is drawn in the curves."""


class Plain:
    """A plain classifier: cross-entropy alone. The others differ in `begin` and `losses`."""

    def __init__(self, spec: ClassifierSpec, data: EuroSat, options: Options) -> None:
        self.spec, self.data, self.options = spec, data, options
        torch.manual_seed(options.seed)
        self.module = spec.build(len(data.classes), options.noise)

    def parameters(self) -> Iterable[nn.Parameter]:
        """Everything is trained."""
        return self.module.parameters()

    def steps(self) -> int:
        """Batches of an epoch."""
        return steps_of(self.data.train, self.options.batch_size)

    def batches(self, epoch: int) -> Iterable[Batch]:
        """Images, labels, numbers of the chips."""
        return training_batches(self.data.train, self.options.batch_size, self.options.seed, epoch)

    def begin(self, epoch: int) -> None:
        """Nothing changes over the epochs."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy."""
        images, labels, _ = batch
        with mixed_precision():
            logits = logits_of(self.module, images)
        return {"classes": cross_entropy(logits.float(), labels)}

    def validate(self) -> dict[str, float]:
        """Accuracy on the validation split, as it will run."""
        return {"accuracy": self._accuracy(self.data.val.images, self.data.val.labels)}

    def watch(self) -> dict[str, float]:
        """Accuracy on training chips as they are; the test split is not looked at before the end."""
        train = self.data.train
        step = max(1, len(train) // WATCHED)
        return {"train/accuracy": self._accuracy(train.images[::step], train.labels[::step])}

    def _accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        with mixed_precision():
            return accuracy(predict(self.module, images, self.spec.runs if self.spec.gated else 0), labels)


class Mixture(Plain):
    """The reference mixture: all experts weighted by a gate that grows sharper, kept apart and in use."""

    def begin(self, epoch: int) -> None:
        """Set the gate's temperature."""
        set_temperature(self.module, epoch, self.options)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy, and diversity and balance of the gates where they have a weight."""
        images, labels, _ = batch
        with mixed_precision():
            said = self.module(images)
        parts = {"classes": cross_entropy(said.logits.float(), labels)}
        if self.options.diversity_weight:
            parts["diversity"] = self.options.diversity_weight * diversity_loss(said.gates)
        if self.options.balance_weight:
            parts["balance"] = self.options.balance_weight * balance_loss(said.gates)
        return parts


class Branched(Plain):
    """HydraNets: the gate learns which group of classes a chip belongs to, the branches to tell them apart.

    Diversity and balance losses may join; with classes of equal size in groups of equal size the targets of
    the gate ask for both already, so that the default recipe of this class gives them no weight.

    Args:
        spec: with `k` the number of branches that will run.
        data: chips.
        options: every number of the training.
        targets: float32 (training chips, branches), see `partition.gate_targets`.
    """

    def __init__(self, spec: ClassifierSpec, data: EuroSat, options: Options, targets: np.ndarray) -> None:
        super().__init__(spec, data, options)
        self.targets = torch.from_numpy(targets)

    def begin(self, epoch: int) -> None:
        """Set the gate's temperature, and how much of the way from soft to sparse is done."""
        set_temperature(self.module, epoch, self.options)
        self.module.head.sparsity = sparsity(epoch, self.options.epochs)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy and KL(t || g), and the losses of the gates where they have a weight.

        Every other batch runs another number of branches, 1 to all, so that the combiner knows each of them
        and one network serves every k.
        """
        images, labels, index = batch
        k = self.spec.runs
        if torch.rand(()) < 0.5:
            k = int(torch.randint(1, self.spec.experts + 1, ()))
        with mixed_precision():
            said = self.module(images, k)
        target = self.targets[index]
        divergence = (torch.xlogy(target, target) - target * said.gates.clamp_min(1e-8).log()).sum(1).mean()
        parts = {"classes": cross_entropy(said.logits.float(), labels), "gate": GATE_WEIGHT * divergence}
        if self.options.diversity_weight:
            parts["diversity"] = self.options.diversity_weight * diversity_loss(said.gates)
        if self.options.balance_weight:
            parts["balance"] = self.options.balance_weight * balance_loss(said.gates)
        return parts


def sparsity(epoch: int, epochs: int) -> float:
    """0 in the first epoch, rising to 1 over the first `ANNEALED` of them, 1 from there on."""
    return min(1.0, epoch / max(1.0, ANNEALED * epochs))


def set_temperature(module: nn.Module, epoch: int, options: Options) -> None:
    """Give the gate the temperature of an epoch, counted from 0."""
    module.gate.temperature = gate_temperature(
        epoch, options.epochs, options.temperature_start, options.temperature_end
    )
