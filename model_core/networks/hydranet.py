"""HydraNet: encode once, score every expert, decode with the chosen ones only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from ..errors import BundleError
from ..objects.spec import ObjectsSpec
from ..scene_expert import SceneExpertSpec
from .blocks import ConvUnit
from .encoder import Encoder, Features
from .expert import Expert
from .objects.detector import ObjectsExpert, ObjectsOutput
from .scene_head import SceneHead
from .switcher import Switcher


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network; kept in model.json so that a bundle rebuilds itself."""

    encoder_widths: tuple[int, ...] = (32, 48, 96, 160, 256)
    encoder_depths: tuple[int, ...] = (2, 2, 2, 1)
    expert_widths: tuple[int, ...] = (16, 32, 48, 64, 64)
    switcher_hidden: int = 128

    def as_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> NetworkConfig:
        """Read the JSON form strictly.

        Raises:
            BundleError: unknown or missing keys.
        """
        if set(data) != set(cls.__dataclass_fields__):
            raise BundleError(
                f"The network section of model.json has keys {sorted(data)}; "
                f"expected {sorted(cls.__dataclass_fields__)}."
            )
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})


class HydraNet(nn.Module):
    """The mixture-of-experts network of systems.md section 1.

    Args:
        config: widths and depths.
        experts: output channels by expert name, of the objects expert its classes; the order is the order of
            the scores.
        heads: M by the name of each Hydra expert; all others have one.
        scene: the scene expert, None = there is none.
        objects: which of the experts finds objects, and how; None = none does.
        deploy: build the folded form that bundles hold.

    Raises:
        ValueError: `objects` names none of the experts.
    """

    def __init__(
        self,
        config: NetworkConfig,
        experts: Mapping[str, int],
        *,
        heads: Mapping[str, int] | None = None,
        scene: SceneExpertSpec | None = None,
        objects: ObjectsSpec | None = None,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        if objects is not None and objects.expert not in experts:
            raise ValueError(f"no expert '{objects.expert}' to find objects; there are {', '.join(experts)}")
        self.config = config
        self.channels = dict(experts)
        self.heads = {name: int((heads or {}).get(name, 1)) for name in experts}
        self.scene_spec = scene
        self.objects_spec = objects
        self.deploy = deploy
        self.encoder = Encoder(config.encoder_widths, config.encoder_depths, deploy=deploy)
        self.switcher = Switcher(config.encoder_widths[-1], config.switcher_hidden, len(experts))
        self.experts = nn.ModuleDict(
            {
                name: ObjectsExpert.of(objects, channels, config.encoder_widths, deploy=deploy)
                if self.finds_objects(name)
                else Expert(
                    config.encoder_widths,
                    config.expert_widths,
                    channels,
                    heads=self.heads[name],
                    deploy=deploy,
                )
                for name, channels in experts.items()
            }
        )
        self.scene = None if scene is None else SceneHead.of(scene, config.encoder_widths, deploy=deploy)

    def finds_objects(self, name: str) -> bool:
        """Whether an expert finds objects, by `detect`, where others decode pixels."""
        return self.objects_spec is not None and self.objects_spec.expert == name

    def encode(self, reflectance: Tensor, available: Tensor, valid: Tensor) -> Features:
        """(B, 8, H, W), (B, 8), (B, 1, H, W) -> features; see `Encoder.forward`."""
        return self.encoder(reflectance, available, valid)

    def decode(self, name: str, features: Features, index: Tensor | None = None) -> Tensor:
        """Task logits (n, M * C, H, W), head after head, of the tiles in `index` (all if None).

        Other tiles are not computed.

        Raises:
            ValueError: the expert finds objects and has no pixels to decode.
        """
        if self.finds_objects(name):
            raise ValueError(f"expert '{name}' finds objects and decodes no pixels; call detect")
        return self.experts[name](features if index is None else features.select(index))

    def decode_apart(self, name: str, features: Features) -> list[Tensor]:
        """As `decode`, of all tiles: each head's logits before the pixel shuffle, see `Expert.forward`."""
        return self.experts[name](features, apart=True)

    def detect(self, name: str, features: Features) -> ObjectsOutput:
        """What the objects expert says of all tiles.

        Raises:
            ValueError: the expert decodes pixels.
        """
        if not self.finds_objects(name):
            raise ValueError(f"expert '{name}' decodes pixels and finds no objects; call decode")
        return self.experts[name](features)

    def forward(
        self, reflectance: Tensor, available: Tensor, valid: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Dense pass, for counting and export: logits of the switcher and of every task expert.

        Those of the objects expert are its queries', (B, N, C).
        """
        features = self.encode(reflectance, available, valid)
        return self.switcher(features), {
            name: self.detect(name, features).logits
            if self.finds_objects(name)
            else self.decode(name, features)
            for name in self.experts
        }

    @torch.no_grad()
    def folded(self) -> HydraNet:
        """The equivalent network with every unit folded into one convolution, in eval mode."""
        target = HydraNet(
            self.config,
            self.channels,
            heads=self.heads,
            scene=self.scene_spec,
            objects=self.objects_spec,
            deploy=True,
        )
        units = dict(self.named_modules())
        state = {key: value for key, value in self.state_dict().items() if key in target.state_dict()}
        for name, module in target.named_modules():
            if isinstance(module, ConvUnit):
                state[f"{name}.conv.weight"], state[f"{name}.conv.bias"] = units[name].folded()
        if self.objects_spec is not None:
            # Its routers fold as well: their temperatures go into their weights.
            name = self.objects_spec.expert
            part = self.experts[name].folded().state_dict()
            state |= {f"experts.{name}.{key}": value for key, value in part.items()}
        target.load_state_dict(state)  # strict: every parameter must have been given
        return target.eval()
