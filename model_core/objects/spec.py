"""The objects expert, as the bundle declares it beside its `ExpertSpec`: shape of its network, thresholds.

Nothing here needs torch. The network is `networks.objects.detector.ObjectsExpert`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import BundleError
from ..spec import is_number

ROUTINGS = ("full", "instance", "scene", "token", "dense")
"""How the feed-forward parts are routed: `full` is both levels of HI-MoE (arXiv:2604.04908); `instance` asks
each query alone, `scene` the tile alone, `token` routes the cells of the feature map instead of queries, and
`dense` does not route."""

FLOOR = 0.05
"""Detections with a lower score are not handed out by the network at all."""

HEADS = 4
"""Attention heads of the decoder."""

_LIMITS = {
    "queries": (1, 1000),
    "memory_width": (8, 512),
    "width": (8, 512),
    "layers": (1, 8),
    "groups": (1, 32),
    "experts": (1, 256),
    "top_groups": (1, 32),
    "top_experts": (1, 32),
    "hidden": (1, 4096),
}
"""Least and most of whole numbers: more would be built in memory before the weights show it is wrong."""


@dataclass(frozen=True)
class ObjectsSpec:
    """Shape and thresholds of the objects expert.

    Attributes:
        expert: name of the expert of kind `objects` that this is.
        routing: one of `ROUTINGS`.
        queries: object queries of a tile; no more objects can be found in one.
        memory_width: channels of the feature maps that the queries look at.
        width: channels of a query.
        layers: of the decoder.
        groups: G scene groups that part the experts evenly.
        experts: E experts in each layer.
        top_groups: groups whose experts are candidates in a tile.
        top_experts: experts that serve a query.
        hidden: hidden channels of one expert.
        thresholds: for each class the score from which a detection is an object.
    """

    expert: str
    routing: str
    queries: int
    memory_width: int
    width: int
    layers: int
    groups: int
    experts: int
    top_groups: int
    top_experts: int
    hidden: int
    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.expert, str) or self.routing not in ROUTINGS:
            raise BundleError(
                f"The objects expert {self.expert!r} has routing {self.routing!r}; expected one of "
                f"{', '.join(ROUTINGS)}."
            )
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise BundleError(
                    f"The objects expert has {name} {value!r}; expected a whole number, {least} to {most}."
                )
        if self.width % HEADS:
            raise BundleError(
                f"The objects expert has width {self.width}; expected a multiple of its {HEADS} heads."
            )
        fits = self.experts % self.groups == 0 and self.top_groups <= self.groups
        if not fits or self.top_experts > self.top_groups * (self.experts // self.groups):
            raise BundleError(
                f"The objects expert has {self.experts} experts in {self.groups} groups and takes "
                f"{self.top_experts} of the {self.top_groups} best groups; the groups must be even and hold "
                "as many."
            )
        if not all(is_number(value) and 0 <= value <= 1 for value in self.thresholds):
            raise BundleError(f"The objects expert has thresholds {self.thresholds}; expected 0 to 1.")

    def as_dict(self) -> dict[str, Any]:
        """The JSON form kept in model.json."""
        return {**asdict(self), "thresholds": list(self.thresholds)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ObjectsSpec:
        """Read the JSON form strictly.

        Raises:
            BundleError: an unknown or missing key, or a value the class refuses.
        """
        known = set(cls.__dataclass_fields__)
        if not isinstance(data, dict) or set(data) != known or not isinstance(data["thresholds"], list):
            raise BundleError(
                f"The objects expert in model.json must have the keys {sorted(known)}; the bundle was "
                "written by another version."
            )
        return cls(**{**data, "thresholds": tuple(data["thresholds"])})
