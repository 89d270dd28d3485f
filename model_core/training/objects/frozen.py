"""The bundle's encoder, which the objects expert reads and never changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ...bundle import load_bundle
from ...networks.encoder import Features
from ...networks.inference import NetworkModel


class FrozenEncoder:
    """Encodes batches of tiles as the product does, without a gradient.

    Args:
        bundle: folder of the bundle.
    """

    def __init__(self, bundle: Path) -> None:
        self.model: NetworkModel = load_bundle(bundle, device="cpu")
        self.widths = tuple(self.model.network.config.encoder_widths)

    @torch.no_grad()
    def __call__(self, batch: dict[str, Any]) -> Features:
        """Features of a batch as `sampling.collate` makes it."""
        return self.model.network.encode(batch["reflectance"], batch["available"], batch["valid"])
