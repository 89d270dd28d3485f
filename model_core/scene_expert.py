"""The scene expert, as the bundle declares it: one class for a whole tile, by branches for groups of classes.

Nothing here needs torch. The network is `networks.scene_head.SceneHead`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import BundleError
from .spec import check_resolution, is_number

_LIMITS = {
    "level": (0, 15),
    "width": (1, 256),
    "depth": (1, 8),
    "macs_common": (0, 10**15),
    "macs_branch": (0, 10**15),
}
"""Least and most of whole numbers: more would be built in memory before the weights show it is wrong."""


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
        texts = (self.title, self.description, self.license, *self.classes)
        if not all(isinstance(text, str) for text in texts):
            raise BundleError(
                "The scene expert's title, description, license and classes must be text; restore the bundle."
            )
        if len(set(self.classes)) != len(self.classes) or "" in self.classes:
            raise BundleError(
                f"The scene expert's classes {self.classes} must be different names; restore the bundle."
            )
        numbers = [number for group in self.branches for number in group]
        whole = all(type(number) is int for number in numbers)
        if not whole or sorted(numbers) != list(range(len(self.classes))) or not all(self.branches):
            raise BundleError(
                f"The scene expert's branches {self.branches} do not part its {len(self.classes)} classes; "
                "restore the bundle."
            )
        if type(self.k) is not int or not 1 <= self.k <= len(self.branches):
            raise BundleError(
                f"The scene expert runs {self.k!r} of {len(self.branches)} branches; restore the bundle."
            )
        if not is_number(self.temperature) or not self.temperature > 0:
            raise BundleError(
                f"The scene expert has temperature {self.temperature!r}; expected a number above 0."
            )
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise BundleError(
                    f"The scene expert has {name} {value!r}; expected a whole number, {least} to {most}."
                )
        check_resolution("The scene expert", self.valid_gsd_m)

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
        branches, gsd = data["branches"], data["valid_gsd_m"]
        lists = [data["classes"], branches, *(branches if isinstance(branches, list) else ())]
        if not all(isinstance(part, list) for part in lists) or not isinstance(gsd, list | None):
            raise BundleError(
                "The scene expert in model.json has classes, branches or valid_gsd_m that are no lists; "
                "restore the bundle."
            )
        return cls(
            **{
                **data,
                "classes": tuple(data["classes"]),
                "branches": tuple(tuple(group) for group in branches),
                "valid_gsd_m": None if gsd is None else tuple(gsd),
            }
        )


@dataclass(frozen=True)
class SceneScores:
    """What the scene expert says of N tiles.

    Attributes:
        probability: float32 (N, classes), each row summing to 1.
        branches: bool (N, branches), those that ran.
    """

    probability: np.ndarray
    branches: np.ndarray
