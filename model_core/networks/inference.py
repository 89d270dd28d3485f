"""A bundle's network behind the plain-array interface of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..bundle import MODEL_FILE, BundleInfo
from ..errors import BundleError, RequestError
from .encoder import Features
from .hydranet import HydraNet, NetworkConfig


def native_bf16(device: str) -> bool:
    """True where bf16 runs in hardware.

    Emulated bf16 is several times slower than float32, and `torch.backends.mkldnn` reports support
    there too, so the CPU's own flags decide.
    """
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device != "cpu":
        return False
    flags = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(flags.get("avx512_bf16") or flags.get("amx_bf16"))


def pick_device(choice: str) -> str:
    """Resolve "auto".

    Raises:
        RequestError: an accelerator was asked for that is not there.
    """
    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if choice == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if found[name])
    if choice not in found:
        raise RequestError(f"Unknown device '{choice}'; use auto, cpu, cuda or mps.")
    if not found[choice]:
        raise RequestError(f"Device '{choice}' was asked for but torch finds none here; use --device cpu.")
    return choice


class NetworkModel:
    """`Model` over a folded `HydraNet`; see `model_core.model.Model` for the methods' contract."""

    def __init__(self, info: BundleInfo, network: HydraNet, device: str, precision: str) -> None:
        self.info = info
        self.id: str = info.data["id"]
        self.version: str = info.data["version"]
        self.sha256 = info.sha256
        self.tile_size = info.tile_size
        self.experts = info.experts
        self.macs = info.macs
        self.device = device
        self.precision = precision
        self.network = network
        self._kind = {expert.name: expert.kind for expert in info.experts}
        self._temperature = torch.tensor([expert.temperature for expert in info.experts], dtype=torch.float64)
        self._bias = torch.tensor([expert.bias for expert in info.experts], dtype=torch.float64)

    @classmethod
    def load(cls, info: BundleInfo, weights: Path, *, device: str, precision: str) -> NetworkModel:
        """Build the network model.json describes and fill it strictly.

        Raises:
            BundleError: tensors missing, unknown, or of another shape.
        """
        device = pick_device(device)
        if precision == "auto":
            precision = "bf16" if native_bf16(device) else "fp32"
        if precision not in ("fp32", "bf16"):
            raise RequestError(f"Unknown precision '{precision}'; use auto, fp32 or bf16.")
        try:
            config = NetworkConfig.from_dict(info.data["network"])
            network = HydraNet(config, {expert.name: expert.channels for expert in info.experts}, deploy=True)
        except (TypeError, ValueError, RuntimeError) as error:
            raise BundleError(
                f"The network section of {info.folder / MODEL_FILE} describes no network that can be built "
                f"({error}); restore the bundle."
            ) from error
        try:
            tensors = load_file(weights)
        except (SafetensorError, OSError) as error:
            raise BundleError(
                f"{weights} is not a readable safetensors file ({error}); restore the bundle."
            ) from error
        wanted = network.state_dict()
        wrong = sorted(
            name
            for name in wanted.keys() | tensors.keys()
            if name not in wanted or name not in tensors or wanted[name].shape != tensors[name].shape
        )
        if wrong:
            raise BundleError(
                f"{weights} does not fit the network in model.json: {len(wrong)} tensors are missing, "
                f"unknown or of another shape, first '{wrong[0]}'; restore the bundle."
            )
        network.load_state_dict(tensors)
        network.eval().requires_grad_(False)
        if precision == "bf16":
            for part in (network.encoder, network.experts):
                for module in part.modules():
                    if isinstance(module, nn.Conv2d | nn.Linear):
                        module.to(torch.bfloat16)
        network.to(device, memory_format=torch.channels_last)
        # A matrix product rounds differently in batches of another size. In float64 on the CPU that
        # vanishes in the float32 result, so that no tile's routing hangs on its batch mates.
        network.switcher.cpu().double()
        return cls(info, network, device, precision)

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> Features:
        """float32 (B, 8, H, W), bool (8,), bool (B, H, W) -> features."""
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(reflectance, np.float32)).to(self.device)
            flags = torch.from_numpy(np.asarray(available, np.float32)).to(self.device).expand(len(x), -1)
            mask = torch.from_numpy(np.asarray(valid, np.float32)).to(self.device)[:, None]
            return self.network.encode(x, flags, mask)

    def logits(self, features: Features) -> Tensor:
        """Uncalibrated switcher logits (B, E), float64 on the CPU."""
        with torch.inference_mode():
            switcher = self.network.switcher
            return switcher.classify(switcher.pool(features).cpu().double())

    def scores(self, features: Features) -> np.ndarray:
        """Calibrated probabilities (B, E): sigmoid(logit / temperature + bias) per expert."""
        return torch.sigmoid(self.logits(features) / self._temperature + self._bias).float().numpy()

    def decode(self, name: str, picks: Sequence[tuple[Features, Sequence[int]]]) -> np.ndarray:
        """Decode chosen tiles of one or more batches with one expert: float32 (n, C, H, W)."""
        with torch.inference_mode():
            logits = self.network.decode(name, self._gather(picks)).float()
            if self._kind[name] == "classes":
                logits = torch.softmax(logits, 1)
            elif self._kind[name] == "probability":
                logits = torch.sigmoid(logits)
            return logits.contiguous().cpu().numpy()

    def _gather(self, picks: Sequence[tuple[Features, Sequence[int]]]) -> Features:
        """The picked tiles as one batch; a batch picked whole and in order is not copied."""
        parts = []
        for features, index in picks:
            if list(index) == list(range(len(features.coverage))):
                parts.append(features)
            else:
                parts.append(features.select(torch.as_tensor(list(index), device=self.device)))
        return parts[0] if len(parts) == 1 else Features.join(parts)
