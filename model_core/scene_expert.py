"""The scene expert, as the bundle declares it: one class for a whole tile, by branches for groups of classes.

Nothing here needs torch. The network is `networks.scene_head.SceneHead`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import BundleError


@dataclass(frozen=True)
class SceneExpertSpec:
    """The scene expert.

    Attributes:
        title: what the user reads.
        classes: names, in the order of the probabilities.
        branches: for each branch the classes it is for, as numbers; every class is in exactly one.
        k: branches that run for a tile.
        temperature: calibration, p = softmax(logits / temperature) (Guo et al. 2017, eq. 9).
        valid_gsd_m: smallest and largest ground sampling distance (m) it was trained for.
        level: level of the encoder's features that is its stem, 0 = half resolution.
        width, depth: channels and convolutions of a branch.
        macs_common, macs_branch: multiply-accumulates of a tile without any branch, and of each branch.
        description, license: as of the other experts.
    """

    title: str
    classes: tuple[str, ...]
    branches: tuple[tuple[int, ...], ...]
    k: int
    temperature: float
    valid_gsd_m: tuple[float, float] | None
    level: int
    width: int
    depth: int
    macs_common: int
    macs_branch: int
    description: str = ""
    license: str = ""

    def __post_init__(self) -> None:
        found = sorted(number for group in self.branches for number in group)
        if found != list(range(len(self.classes))) or not all(self.branches):
            raise BundleError(
                f"The scene expert's branches {self.branches} do not part its {len(self.classes)} classes; "
                "restore the bundle."
            )
        if not 1 <= self.k <= len(self.branches):
            raise BundleError(
                f"The scene expert runs {self.k} of {len(self.branches)} branches; restore the bundle."
            )
        if not self.temperature > 0 or min(self.level, self.width - 1, self.depth - 1) < 0:
            raise BundleError("The scene expert has numbers out of range; restore the bundle.")

    def as_dict(self) -> dict[str, Any]:
        """The JSON form kept in model.json."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        gsd = self.valid_gsd_m
        return {
            **data,
            "classes": list(self.classes),
            "branches": [list(group) for group in self.branches],
            "valid_gsd_m": list(gsd) if gsd else None,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SceneExpertSpec:
        """Read the JSON form strictly.

        Raises:
            BundleError: an unknown or missing key, or a value the class refuses.
        """
        known = set(cls.__dataclass_fields__)
        if not isinstance(data, dict) or set(data) != known:
            raise BundleError(
                f"The scene expert in model.json must have the keys {sorted(known)}; the bundle was written "
                "by another version."
            )
        try:
            gsd = data["valid_gsd_m"]
            return cls(
                **{
                    **data,
                    "classes": tuple(str(name) for name in data["classes"]),
                    "branches": tuple(tuple(int(n) for n in group) for group in data["branches"]),
                    "k": int(data["k"]),
                    "temperature": float(data["temperature"]),
                    "valid_gsd_m": (float(gsd[0]), float(gsd[1])) if gsd else None,
                    **{name: int(data[name]) for name in ("level", "width", "depth")},
                    **{name: int(data[name]) for name in ("macs_common", "macs_branch")},
                }
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BundleError(f"The scene expert in model.json cannot be read: {error}.") from error


@dataclass(frozen=True)
class SceneScores:
    """What the scene expert says of N tiles.

    Attributes:
        probability: float32 (N, classes), each row summing to 1.
        branches: bool (N, branches), those that ran.
    """

    probability: np.ndarray
    branches: np.ndarray
