"""The scene expert of a run: one class for a whole tile, found by branches that are for some classes each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .i18n import tr

_WORDS = {"SeaLake": "Sea or lake"}  # of EuroSAT: both, not a lake of the sea


@dataclass(frozen=True)
class SceneExpert:
    """The scene expert as `run.json` tells of it.

    Attributes:
        title: what the user reads.
        classes: names.
        branches: for each branch the names of the classes it is for.
        k: branches that run for a tile.
    """

    title: str
    classes: tuple[str, ...]
    branches: tuple[tuple[str, ...], ...]
    k: int = 1

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> SceneExpert | None:
        """What run.json tells, None for a run without one, or whose pixels it was not trained for.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is damaged.
        """
        told = data.get("scene_expert")
        if told is None or told.get("skipped"):
            return None
        return cls(
            title=str(told.get("title") or tr("Scene")),
            classes=tuple(str(name) for name in told["classes"]),
            branches=tuple(tuple(str(name) for name in group) for group in told["branches"]),
            k=int(told.get("k") or 1),
        )

    def branch(self, number: int) -> tuple[str, ...]:
        """Classes of a branch, counted from 1 as in the table of tiles; none for one that is not known."""
        return self.branches[number - 1] if 1 <= number <= len(self.branches) else ()


def spoken(name: str) -> str:
    """A class as a reader expects it: data sets write "AnnualCrop" where the dock says "Annual crop"."""
    if name in _WORDS:
        return _WORDS[name]
    return re.sub(r"(?<=[a-z])([A-Z])(?=[a-z])", lambda found: " " + found[1].lower(), name)
