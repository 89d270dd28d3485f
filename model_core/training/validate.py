"""Figures of a network in training on held-out scenes, for its learning curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..evaluation.evaluate import evaluate_experts
from ..networks.encoder import Features
from ..networks.hydranet import HydraNet
from ..tasks import TASKS
from .framework.precision import mixed_precision
from .pack import Sample


class NetworkInTraining:
    """As much of `model_core.model.Model` as scoring needs, over a network without a bundle."""

    tile_size = 256
    experts = tuple(task.expert for task in TASKS)

    def __init__(self, network: HydraNet) -> None:
        self.network = network.folded().to(memory_format=torch.channels_last)

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> Features:
        """float32 (B, 8, H, W), bool (8,), bool (B, H, W) -> features."""
        flags = torch.from_numpy(available.astype(np.float32)).expand(len(reflectance), -1)
        mask = torch.from_numpy(valid.astype(np.float32))[:, None]
        with mixed_precision(), torch.no_grad():
            return self.network.encode(torch.from_numpy(reflectance), flags, mask)

    def decode(self, name: str, picks: Sequence[tuple[Any, Sequence[int]]]) -> np.ndarray:
        """Class probabilities float32 (n, C, H, W) of the chosen tiles."""
        with mixed_precision(), torch.no_grad():
            logits = [self.network.decode(name, features, torch.tensor(index)) for features, index in picks]
        return torch.softmax(torch.cat(logits).float(), 1).numpy()


def validation(samples: list[Sample]) -> Callable[[HydraNet], dict[str, float]]:
    """A function that scores a network on these scenes: headline figure by expert."""

    def score(network: HydraNet) -> dict[str, float]:
        found = evaluate_experts(NetworkInTraining(network), samples, lambda _: None)
        return {name: entry["value"] for name, entry in found.items()}

    return score
