"""Figures of single decoders, ensembles and students on held-out scenes, all from one encoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ...evaluation import metrics
from ...evaluation.evaluate import HEADLINE
from ...evaluation.segment import segment
from ...evaluation.tiles import tile_table
from ...networks.encoder import Features
from ...networks.expert import Expert
from ...tasks import UNKNOWN
from ..pack import Sample
from .distil import speak
from .frozen import Frozen


def mean_probability(experts: Sequence[Expert], features: Features) -> torch.Tensor:
    """Mean over all heads of all decoders, float32 (n, C, H, W)."""
    with torch.no_grad():
        parts = [torch.softmax(part.float(), 1) for expert in experts for part in speak(expert, features)]
        return torch.nn.functional.pixel_shuffle((sum(parts) / len(parts)).flatten(1, 2), 2)


class Variants:
    """As much of `model_core.model.Model` as `segment` needs, over rivals for the place of one expert.

    Args:
        frozen: the bundle with the encoder.
        channels: C of the expert.
        rivals: by name, the decoders that speak together.
    """

    tile_size = 256

    def __init__(self, frozen: Frozen, channels: int, rivals: Mapping[str, Sequence[Expert]]) -> None:
        self.frozen, self.rivals = frozen, rivals
        self.experts = tuple(SimpleNamespace(name=name, channels=channels, heads=1) for name in rivals)

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> Features:
        """float32 (B, 8, H, W), bool (8,), bool (B, H, W) -> features."""
        flags = torch.from_numpy(available.astype(np.float32)).expand(len(reflectance), -1)
        mask = torch.from_numpy(valid.astype(np.float32))[:, None]
        return self.frozen.encode(
            {"reflectance": torch.from_numpy(reflectance), "available": flags, "valid": mask}
        )

    def decode(self, name: str, picks: Sequence[tuple[Features, Sequence[int]]]) -> np.ndarray:
        """Class probabilities float32 (n, C, H, W) of the chosen tiles."""
        parts = [
            mean_probability(self.rivals[name], features.select(torch.tensor(list(index))))
            for features, index in picks
        ]
        return torch.cat(parts).numpy()


def judge(
    frozen: Frozen, name: str, rivals: Mapping[str, Sequence[Expert]], samples: list[Sample]
) -> dict[str, dict[str, Any]]:
    """The expert's headline figure of each rival on scenes with its labels, with its 95 % interval.

    Returns:
        By rival {"value", "low", "high", "scenes"}; nothing where no scene has labels.
    """
    channels = frozen.specs[name].channels
    model = Variants(frozen, channels, rivals)
    tables: dict[str, list[np.ndarray]] = {rival: [] for rival in rivals}
    for sample in sorted(samples, key=lambda s: s.id):
        if name not in sample.labels:
            continue
        label = np.where(sample.valid, sample.labels[name], UNKNOWN)
        for rival, predicted in segment(model, sample, list(rivals)).items():
            table = tile_table(name, label, predicted, channels)
            if table.sum():
                tables[rival].append(table)
    score = HEADLINE[name][1]
    found = {}
    for rival, rows in tables.items():
        if rows:
            low, high = metrics.bootstrap(rows, score)
            found[rival] = {"value": float(score(sum(rows))), "low": low, "high": high, "scenes": len(rows)}
    return found
