"""The objects expert as the epoch loop trains it: what the cells say, alone or with the decoder behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor, nn

from ...networks.gate import Gate
from ...networks.objects.detector import ObjectsExpert
from ..feature_noise import noisy
from ..framework.options import Options
from ..framework.precision import mixed_precision
from ..framework.schedules import gate_temperature
from .frozen import FrozenEncoder
from .judging import average_precision
from .losses import decoder_losses, dense_losses, load_losses
from .sampling import ObjectSampler, collate
from .truth import ObjectScene

STEPS = 100
"""Batches of an epoch: tiles are drawn, so that an epoch has no natural length."""

FEATURE_NOISE = 0.2
"""Standard deviation of the gain on every channel of the features: ninety scenes are soon known by heart."""

SETTLED_FROM = 0.7
"""Share of the epochs after which BatchNorm keeps its statistics, which small batches would keep moving."""


class ObjectsTrainee:
    """See `framework.loop.Trainee`.

    Args:
        module: the objects expert in its trainable form.
        encoder: the bundle's.
        sampler: gives what draws training tiles; called when the first epoch begins, so that a finished
            training is loaded without them.
        scenes: of the validation split, searched whole.
        options: numbers of the training.
        decoder: False trains the maps and the dense head alone; True all of it.
        steps: batches of an epoch.
    """

    def __init__(
        self,
        module: ObjectsExpert,
        encoder: FrozenEncoder,
        sampler: Callable[[], ObjectSampler],
        scenes: Sequence[ObjectScene],
        options: Options,
        *,
        decoder: bool,
        steps: int = STEPS,
    ) -> None:
        self.module, self.encoder, self.options = module, encoder, options
        self._sampler, self.scenes = sampler, scenes
        self.decoder, self._steps = decoder, steps

    @cached_property
    def sampler(self) -> ObjectSampler:
        """Draws training tiles."""
        return self._sampler()

    def parameters(self) -> Iterable[nn.Parameter]:
        """Of the maps and the dense head; of the decoder too if it is trained."""
        parts = [self.module] if self.decoder else [self.module.memory, self.module.dense]
        return [parameter for part in parts for parameter in part.parameters()]

    def steps(self) -> int:
        """Batches of an epoch."""
        return self._steps

    def batches(self, epoch: int) -> Iterator[dict[str, Any]]:
        """Drawn from seed, epoch and number alone."""
        for number in range(self._steps):
            yield drawn(self.sampler, self.options.batch_size, [self.options.seed, epoch, number])

    def begin(self, epoch: int) -> None:
        """Temperature of the routers, and whether BatchNorm still learns its statistics."""
        options = self.options
        set_temperature(
            self.module,
            gate_temperature(epoch, options.epochs, options.temperature_start, options.temperature_end),
        )
        if epoch >= SETTLED_FROM * options.epochs:
            settle(self.module)

    def losses(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Of the cells, and with the decoder of the queries and the routers."""
        features = self.encoder(batch)
        if self.module.training:
            features = noisy(features, FEATURE_NOISE)
        with mixed_precision():
            if not self.decoder:
                maps = self.module.memory(features)
                dense = self.module.dense(maps, features.coverage)
                return dense_losses(dense, batch["targets"], batch["known"])
            output = self.module(features)
        return expert_losses(output, batch, self.options)

    def validate(self) -> dict[str, float]:
        """Average precision on the validation scenes; a new decoder says what the dense head does."""
        return average_precision(self.module, self.encoder.model, self.scenes)

    def watch(self) -> dict[str, float]:
        """Nothing beyond the losses."""
        return {}


def expert_losses(output: Any, batch: dict[str, Any], options: Options) -> dict[str, Tensor]:
    """All parts of the loss of an expert's output for a batch, weighted."""
    size = float(batch["reflectance"].shape[-1])
    return {
        **dense_losses(output.dense, batch["targets"], batch["known"]),
        **decoder_losses(output, batch["targets"], batch["known"], size),
        **load_losses(output, options.balance_weight, options.diversity_weight),
    }


def drawn(sampler: ObjectSampler, count: int, seed: Sequence[int]) -> dict[str, Any]:
    """A batch of tiles; the same seed gives the same ones."""
    random = np.random.default_rng(list(seed))
    return collate([sampler.draw(random) for _ in range(count)])


def set_temperature(module: nn.Module, temperature: float) -> None:
    """Give all routers of a module a temperature."""
    for part in module.modules():
        if isinstance(part, Gate):
            part.temperature = temperature


def settle(module: nn.Module) -> None:
    """Let BatchNorm keep the statistics it has."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
