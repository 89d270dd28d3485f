"""The numbers of a training by epochs, their defaults, and the command-line options that set them."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ...errors import RequestError


@dataclass(frozen=True)
class Options:
    """One training by epochs.

    Attributes:
        seed: of everything random; the same seed gives the same weights on the same machine and threads.
        epochs: at most; early stopping may end sooner.
        batch_size: samples a step.
        lr, weight_decay: of AdamW, the rate with a cosine schedule.
        num_experts: gated experts or branches.
        patience: epochs without a better validation figure after which the training ends.
        model_name: what the run is called in tables and figures.
        diversity_weight: of the diversity loss, see `losses.diversity_loss`.
        balance_weight: of the balance loss, see `losses.balance_loss`.
        temperature_start, temperature_end: of the gate's softmax, see `schedules.gate_temperature`.
        noise: standard deviation of the Gaussian noise on the gate's logits, in training only.
    """

    seed: int = 100
    epochs: int = 200
    batch_size: int = 32
    lr: float = 1e-3
    weight_decay: float = 1e-4
    num_experts: int = 4
    patience: int = 50
    model_name: str = "model"
    diversity_weight: float = 0.1
    balance_weight: float = 0.5
    temperature_start: float = 2.0
    temperature_end: float = 0.5
    noise: float = 0.1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "num_experts", "patience"):
            if getattr(self, name) < 1:
                raise RequestError(f"{_flag(name)} is {getattr(self, name)}; give 1 or more.")
        for name in ("lr", "temperature_start", "temperature_end"):
            if not 0 < getattr(self, name) < math.inf:
                raise RequestError(f"{_flag(name)} is {getattr(self, name)}; give a number above 0.")
        for name in ("weight_decay", "diversity_weight", "balance_weight", "noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise RequestError(f"{_flag(name)} is {getattr(self, name)}; give 0 or more.")
        if not 0 <= self.seed < 2**31:
            raise RequestError(f"--seed is {self.seed}; give 0 to {2**31 - 1}.")

    def as_dict(self) -> dict[str, Any]:
        """JSON form, kept beside every checkpoint."""
        return asdict(self)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


HELP = {
    "seed": "seed of everything random",
    "epochs": "epochs at most",
    "batch_size": "samples a step",
    "lr": "learning rate of AdamW",
    "weight_decay": "weight decay of AdamW",
    "num_experts": "gated experts or branches",
    "patience": "epochs without a better validation figure after which to stop",
    "model_name": "what the run is called",
    "diversity_weight": "weight of the diversity loss",
    "balance_weight": "weight of the balance loss",
    "temperature_start": "temperature of the gate at the beginning",
    "temperature_end": "temperature of the gate at the end",
    "noise": "standard deviation of the noise on the gate's logits, in training only",
}


def add_arguments(parser: argparse.ArgumentParser, defaults: Options) -> None:
    """Add one option for each number; what is not given stays what `defaults` says."""
    group = parser.add_argument_group("training")
    for field in fields(Options):
        value = getattr(defaults, field.name)
        group.add_argument(
            _flag(field.name), type=type(value), default=None, help=f"{HELP[field.name]} (default: {value})"
        )


def from_arguments(args: argparse.Namespace, defaults: Options) -> Options:
    """The options that `add_arguments` read.

    Raises:
        RequestError: a number out of its range.
    """
    given = {field.name: getattr(args, field.name, None) for field in fields(Options)}
    return replace(defaults, **{name: value for name, value in given.items() if value is not None})
