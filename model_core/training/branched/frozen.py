"""The frozen side of the comparison: the bundle's encoder, and its land-cover expert as the teacher."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ...bundle import check_weights, read_info
from ...errors import RequestError
from ...networks.encoder import Encoder, Features
from ...networks.hydranet import NetworkConfig
from ...networks.inference import NetworkModel
from ..framework.checkpoint import digest
from .arms import TASK


@dataclass(frozen=True)
class Frozen:
    """What every arm shares.

    Attributes:
        config: shape of the bundle's network.
        channels: classes of the task.
        encoder, teacher: folded, in eval mode, in the precision the bundle runs in on this machine.
        tile_size: of the bundle, in pixels.
        identity: hash of the encoder's weights as the bundle holds them. The rest of the bundle may change
            without making a comparison another one.
    """

    config: NetworkConfig
    channels: int
    encoder: Encoder
    teacher: nn.Module
    tile_size: int
    identity: str

    @torch.no_grad()
    def encode(self, reflectance: Tensor, available: Tensor, valid: Tensor) -> Features:
        """See `Encoder.forward`."""
        return self.encoder(reflectance, available, valid)

    @torch.no_grad()
    def teach(self, features: Features) -> Tensor:
        """Logits (n, C, H, W) of the bundle's expert; of several heads those of their mean probability."""
        heads = self.teacher(features).float().unflatten(1, (-1, self.channels))  # (n, M, C, H, W)
        if heads.shape[1] == 1:
            return heads[:, 0]
        return torch.softmax(heads, 2).mean(1).clamp_min(1e-12).log()

    def digest(self) -> str:
        """Hash of the encoder's weights in memory, to show that they stay as they are."""
        return digest(self.encoder.state_dict())


def load_frozen(bundle: Path) -> Frozen:
    """Encoder and land-cover expert of a bundle, on the CPU.

    Raises:
        BundleError: the bundle is not sound.
        RequestError: it has no land-cover expert.
    """
    info = read_info(bundle)
    experts = {expert.name: expert for expert in info.experts}
    if TASK not in experts:
        raise RequestError(
            f"The bundle in {bundle} has no expert '{TASK}' but {', '.join(experts)}; give one that has."
        )
    weights = check_weights(info)
    network = NetworkModel.load(info, weights, device="cpu", precision="auto").network
    stored = {name: value for name, value in load_file(weights).items() if name.startswith("encoder.")}
    return Frozen(
        network.config,
        experts[TASK].channels,
        network.encoder,
        network.experts[TASK],
        info.tile_size,
        digest(stored).removeprefix("sha256:"),
    )
