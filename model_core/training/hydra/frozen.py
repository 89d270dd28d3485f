"""The bundle that a Hydra training starts from: its encoder encodes, and nothing of it changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ...bundle import check_weights, read_info
from ...errors import BundleError
from ...networks.encoder import Encoder, Features
from ...networks.expert import Expert
from ...networks.hydranet import NetworkConfig
from ..framework.checkpoint import digest, under
from ..framework.precision import mixed_precision


class Frozen:
    """A bundle, read strictly: its encoder for use, its experts to start from and to compare with.

    Args:
        folder: of the bundle.

    Raises:
        BundleError: anything about the bundle that is not as declared.
    """

    def __init__(self, folder: Path) -> None:
        self.info = read_info(folder)
        self.tensors: dict[str, Tensor] = load_file(check_weights(self.info))
        self.config = NetworkConfig.from_dict(self.info.data["network"])
        self.specs = {expert.name: expert for expert in self.info.experts}
        widths, depths = self.config.encoder_widths, self.config.encoder_depths
        self.encoder = Encoder(widths, depths, deploy=True).to(memory_format=torch.channels_last)
        _fill(self.encoder, under(self.tensors, "encoder"), "encoder")
        self.encoder.eval().requires_grad_(False)
        self.sha256 = digest(self.encoder.state_dict())

    def encode(self, batch: Mapping[str, Any]) -> Features:
        """Features of a collated batch, without gradients."""
        with mixed_precision(), torch.no_grad():
            return self.encoder(batch["reflectance"], batch["available"], batch["valid"])

    def expert(self, name: str) -> Expert:
        """A copy of the bundle's decoder, in deploy form."""
        heads = self.specs[name].heads
        expert = self.new_expert(name, heads=heads, deploy=True)
        _fill(expert, under(self.tensors, f"experts.{name}"), f"expert '{name}'")
        return expert.eval()

    def new_expert(self, name: str, *, heads: int = 1, deploy: bool = False) -> Expert:
        """An untrained decoder of the bundle's shape."""
        widths, channels = self.config.expert_widths, self.specs[name].channels
        expert = Expert(self.config.encoder_widths, widths, channels, heads=heads, deploy=deploy)
        return expert.to(memory_format=torch.channels_last)

    def check(self) -> None:
        """Make sure that the encoder is what it was.

        Raises:
            RuntimeError: it is not, which is a defect of the training.
        """
        if digest(self.encoder.state_dict()) != self.sha256:
            raise RuntimeError("The frozen encoder changed during the training; nothing of it is kept.")


def _fill(module: torch.nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise BundleError(
            f"The {what} in the bundle does not fit its description ({error}); restore the bundle."
        ) from error
