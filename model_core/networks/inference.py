"""A bundle's network behind the plain-array interface of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..bands import BAND_NAMES
from ..bundle import MODEL_FILE, BundleInfo
from ..errors import BundleError, RequestError
from ..objects.detections import Detections
from ..scene_expert import SceneScores
from .encoder import Features
from .head_mean import mean_of_heads
from .heads import HIDDEN
from .hydranet import HydraNet, NetworkConfig
from .objects.detect import detections, detector_bytes


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


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread of torch's own: in float32 a head's small convolution sums in another order on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class EncodedTiles:
    """What `NetworkModel.encode` hands out: features of all tiles in one part, or of one tile in each."""

    parts: tuple[Features, ...]
    single: bool

    def pick(self, index: Sequence[int], device: str) -> list[Features]:
        """Features of the chosen tiles; what is picked whole and in order is not copied."""
        if self.single:
            return [self.parts[number] for number in index]
        whole = self.parts[0]
        if list(index) == list(range(len(whole.coverage))):
            return [whole]
        # Views that `Features.join` copies once: selecting by index took ten times as long.
        return [whole.one(number) for number in index]

    def one(self, number: int) -> Features:
        """Features of one tile, not copied."""
        return self.parts[number] if self.single else self.parts[0].one(number)


class NetworkModel:
    """`Model` over a folded `HydraNet`; see `model_core.model.Model` for the methods' contract.

    On a CPU no byte of a tile's result depends on its batch mates, on the batch it came in, or on the
    number of inference threads, as long as each of them called `prepare_thread`. Accelerators choose
    their kernels by the size of a batch and promise no such thing.
    """

    def __init__(self, info: BundleInfo, network: HydraNet, device: str, precision: str) -> None:
        self.info = info
        self.id: str = info.data["id"]
        self.version: str = info.data["version"]
        self.sha256 = info.sha256
        self.tile_size = info.tile_size
        self.experts = info.experts
        self.scene = info.scene
        self.objects = info.objects
        self.macs = info.macs
        self.device = device
        self.precision = precision
        self.network = network
        # In float32 torch takes a small convolution to another library by the number of its values, and a
        # matrix product sums in another order by its size: one tile then rounds differently in batches of
        # 1, 2 and 16. Tile by tile it always sees the same sizes, and is no slower (measured on AVX-512
        # and on AVX2 instructions). The bf16 kernels do not differ, and gain 8 to 10 % from batches of 4.
        self._single = device == "cpu" and precision == "fp32"
        self._channels = {expert.name: expert.channels for expert in info.experts}
        self._kind = {expert.name: expert.kind for expert in info.experts}
        self._heads = {expert.name: expert.heads for expert in info.experts}
        self._temperature = torch.tensor([expert.temperature for expert in info.experts], dtype=torch.float64)
        self._bias = torch.tensor([expert.bias for expert in info.experts], dtype=torch.float64)

    @classmethod
    def load(cls, info: BundleInfo, weights: Path, *, device: str, precision: str) -> NetworkModel:
        """Build the network model.json describes and fill it strictly.

        Raises:
            BundleError: tensors missing, unknown, or of another shape or type.
        """
        device = pick_device(device)
        if precision == "auto":
            precision = "bf16" if native_bf16(device) else "fp32"
        if precision not in ("fp32", "bf16"):
            raise RequestError(f"Unknown precision '{precision}'; use auto, fp32 or bf16.")
        try:
            config = NetworkConfig.from_dict(info.data["network"])
            network = HydraNet(
                config,
                {expert.name: expert.channels for expert in info.experts},
                heads={expert.name: expert.heads for expert in info.experts},
                scene=info.scene,
                objects=info.objects,
                deploy=True,
            )
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
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
        if info.objects is not None:
            tensors = _widened(tensors, f"experts.{info.objects.expert}.")
        wanted = network.state_dict()
        wrong = sorted(
            name
            for name in wanted.keys() | tensors.keys()
            if name not in wanted or name not in tensors or _form(wanted[name]) != _form(tensors[name])
        )
        if wrong:
            raise BundleError(
                f"{weights} does not fit the network in model.json: {len(wrong)} tensors are missing, "
                f"unknown or of another shape or type, first '{wrong[0]}'; restore the bundle."
            )
        network.load_state_dict(tensors)
        network.eval().requires_grad_(False)
        if precision == "bf16":
            decoders = [part for name, part in network.experts.items() if not network.finds_objects(name)]
            for part in (network.encoder, *decoders):  # scene and objects stay in float32
                for module in part.modules():
                    if isinstance(module, nn.Conv2d | nn.Linear):
                        module.to(torch.bfloat16)
        network.to(device, memory_format=torch.channels_last)
        # A matrix product rounds differently in batches of another size. In float64 on the CPU that
        # vanishes in the float32 result, so that no tile's routing hangs on its batch mates.
        network.switcher.cpu().double()
        return cls(info, network, device, precision)

    @property
    def default_batch(self) -> int:
        """Tiles to encode at once where nobody says otherwise.

        On a CPU more than a few fall out of its caches: two single-thread workers did 123 tiles/s with
        batches of 4 and 78 with 8 (encoder and 2 experts, bf16, two cores of an EPYC). An accelerator
        wants enough work per call; 32 tiles take under 1 GB and were not tuned on any.
        """
        return 4 if self.device == "cpu" else 32

    @property
    def max_workers(self) -> int | None:
        """Most threads that should call this model at the same time; None = as many as there are cores."""
        return None if self.device == "cpu" else 1

    def prepare_thread(self) -> None:
        """Call once in every inference thread.

        One single-thread worker per core is faster and steadier than one worker with a thread per core,
        and the way a sum is split must not change with the number of cores. OpenMP keeps this setting
        for the calling thread alone.
        """
        if self.device == "cpu":
            torch.set_num_threads(1)

    def feature_bytes(self) -> int:
        """Bytes of one tile's features, which live until its last expert is done."""
        return sum(self._level_bytes()) + self._pixels // 32**2 * 4

    def tile_bytes(self) -> int:
        """Bytes one tile of a batch needs at most from its pixels to the output of one expert."""
        value, config = self._value_bytes, self.network.config
        pixels = self._pixels
        plane = 4 * pixels  # float32
        given = len(BAND_NAMES) * plane + plane + pixels  # reflectance, valid as float32 and as bool
        scaling = len(BAND_NAMES) * (plane + pixels * value)  # in place, on one copy; then in `value`
        convolving = len(BAND_NAMES) * pixels * value + 2 * max(self._level_bytes())
        merging = [
            # The upsampled level below; of this one the skip and the convolution, which takes all else in.
            (below + 2 * width) * pixels // 4 ** (level + 1) * value
            for level, (width, below) in enumerate(
                zip(config.expert_widths[:-1], config.expert_widths[1:], strict=True)
            )
        ]
        decoders = [name for name in self._channels if not self.network.finds_objects(name)]
        finishing = max((self._finishing_bytes(name) for name in decoders), default=0)
        planes = max((self._channels[name] + (self._heads[name] > 1) for name in decoders), default=0)
        # Tiles picked from a batch are copied out of it.
        picking = 0 if self._single else self.feature_bytes()
        working = self.feature_bytes() + max(
            convolving, picking + max(*merging, finishing), self._detecting_bytes()
        )
        return given + max(scaling, working) + planes * plane

    def _finishing_bytes(self, name: str) -> int:
        """Bytes one tile needs at most from an expert's last features to its output."""
        value, pixels = self._value_bytes, self._pixels
        channels, heads = self._channels[name], self._heads[name]
        if heads == 1:
            return 2 * channels * pixels * value + channels * 4 * pixels
        logits = heads * channels * pixels * value
        # At half resolution, one head at a time: its hidden channels from two resolutions and their sum; or
        # its own part, what heads have in common, and the sum, which is then brought to full resolution.
        adding = (3 * HIDDEN * pixels // 4 + 2 * channels * pixels) * value
        # One head at a time: its planes, their probabilities, what the entropy takes, and the mean.
        averaging = channels * pixels * value + (3 * channels + 4) * 4 * pixels
        return logits + max(adding, averaging)

    def _detecting_bytes(self) -> int:
        """Bytes one tile needs at most from its features to its objects; 0 = nothing finds any."""
        if self.objects is None:
            return 0
        widths = self.network.config.encoder_widths
        copies = 0 if self.precision == "fp32" else 4 * sum(self._level_bytes()) // self._value_bytes
        return copies + detector_bytes(
            self.objects, self._channels[self.objects.expert], widths, self.tile_size
        )

    @property
    def _value_bytes(self) -> int:
        return 2 if self.precision == "bf16" else 4

    @property
    def _pixels(self) -> int:
        return self.tile_size**2

    def _level_bytes(self) -> list[int]:
        """Bytes of one tile's features at 1/2, 1/4 …"""
        widths = self.network.config.encoder_widths
        return [n * self._pixels // 4 ** (i + 1) * self._value_bytes for i, n in enumerate(widths)]

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> EncodedTiles:
        """float32 (B, 8, H, W), bool (8,), bool (B, H, W) -> features."""
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(reflectance, np.float32)).to(self.device)
            flags = torch.from_numpy(np.asarray(available, np.float32)).to(self.device).expand(len(x), -1)
            mask = torch.from_numpy(np.asarray(valid, np.float32)).to(self.device)[:, None]
            if not self._single:
                return EncodedTiles((self.network.encode(x, flags, mask),), False)
            tiles = zip(x.split(1), flags.split(1), mask.split(1), strict=True)
            return EncodedTiles(tuple(self.network.encode(*tile) for tile in tiles), True)

    def logits(self, features: EncodedTiles) -> Tensor:
        """Uncalibrated switcher logits (B, E), float64 on the CPU."""
        with torch.inference_mode():
            switcher = self.network.switcher
            return torch.cat(
                [switcher.classify(switcher.pool(part).cpu().double()) for part in features.parts]
            )

    def scores(self, features: EncodedTiles) -> np.ndarray:
        """Calibrated probabilities (B, E): sigmoid(logit / temperature + bias) per expert."""
        return torch.sigmoid(self.logits(features) / self._temperature + self._bias).float().numpy()

    def scene_scores(self, features: EncodedTiles) -> SceneScores:
        """Class probabilities (B, classes), softmax(logits / temperature), and the branches that ran.

        Tile by tile and in float32, whatever the encoder runs in: no tile's scene hangs on its batch mates.
        """
        scene = self.scene
        with torch.inference_mode():
            tiles = (part.one(number) for part in features.parts for number in range(len(part.coverage)))
            told = [self.network.scene(tile, scene.k) for tile in tiles]
            logits = torch.cat([one.logits for one in told]).cpu().double()
            return SceneScores(
                torch.softmax(logits / scene.temperature, 1).float().numpy(),
                torch.cat([one.chosen for one in told]).cpu().numpy(),
            )

    def decode(
        self, name: str, picks: Sequence[tuple[EncodedTiles, Sequence[int]]], *, uncertainty: bool = False
    ) -> np.ndarray:
        """Decode chosen tiles of one or more batches with one expert: float32 (n, C, H, W).

        With `uncertainty` a Hydra expert gives one plane more, see `model.Model.decode`.
        """
        uncertainty = uncertainty and self._heads[name] > 1
        with torch.inference_mode():
            parts = [part for features, index in picks for part in features.pick(index, self.device)]
            if not self._single:
                whole = parts[0] if len(parts) == 1 else Features.join(parts)
                return self._values(name, whole, uncertainty).cpu().numpy()
            size = self.tile_size
            out = np.empty((len(parts), self._channels[name] + uncertainty, size, size), np.float32)
            for number, part in enumerate(parts):
                out[number] = self._values(name, part, uncertainty)[0].numpy()
            return out

    def detect(self, name: str, picks: Sequence[tuple[EncodedTiles, Sequence[int]]]) -> list[Detections]:
        """Find objects in chosen tiles of one or more batches, see `model.Model.detect`.

        Tile by tile, in float32 and with one thread, whatever the encoder runs in: no byte of what is found
        in a tile hangs on its batch mates.

        Raises:
            BundleError: the network says what is no number, which would pass for nothing found.
        """
        found = []
        with torch.inference_mode(), _one_thread() if self.device == "cpu" else nullcontext():
            for features, index in picks:
                for number in index:
                    output = self.network.detect(name, features.one(number))
                    if not all(part.isfinite().all() for part in (output.logits, output.boxes, output.rects)):
                        raise BundleError(
                            f"Expert '{name}' gave values that are not finite. The bundle is damaged, use "
                            "another one."
                        )
                    found += detections(output, self.tile_size)
        return found

    def _values(self, name: str, features: Features, uncertainty: bool) -> Tensor:
        """An expert's output, float32 and contiguous (n, C, H, W), or (n, C + 1, H, W)."""
        if self._heads[name] > 1:
            with _one_thread() if self._single else nullcontext():
                parts = self.network.decode_apart(name, features)
                return mean_of_heads(parts, self._kind[name], uncertainty)
        # Brought into planes first: a softmax over channels that lie side by side takes three times as long.
        logits = self.network.decode(name, features).contiguous()
        if self._kind[name] == "classes":
            return torch.softmax(logits, 1, dtype=torch.float32)
        logits = logits.float()
        return torch.sigmoid(logits) if self._kind[name] == "probability" else logits


def _widened(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors whose names begin with `prefix`, kept as float16, as the float32 that they are computed in."""
    return {
        name: value.float() if name.startswith(prefix) and value.dtype == torch.float16 else value
        for name, value in tensors.items()
    }


def _form(tensor: Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype
