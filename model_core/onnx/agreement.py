"""How far apart two answers are, and how far they may be.

Both compute the same sums in float32, in another order. Of the bundled model that is 2e-6 of the largest
feature and 9e-6 of a probability at most; an operator that means something else is off by a hundredth or
more. The tolerances lie between, nearer to the rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..objects.spec import FLOOR

TOLERANCE = {
    # Of the largest value of the output, as there is no end to what they can be.
    **{f"level_{number}": 1e-4 for number in range(1, 6)},
    "values": 1e-4,
    "logits": 1e-4,
    # Shares: far below 1 / 254, the step in which a run's files keep them.
    **dict.fromkeys(("coverage", "scores", "probabilities", "expected_entropy"), 1e-4),
    "branches": 0.0,
    # In pixels: no one places a ship to a twentieth of one.
    "boxes": 0.05,
    "rectangles": 0.05,
    "weights": 1e-3,
    **dict.fromkeys(("labels", "experts", "groups"), 0.0),
}
"""Largest difference by the name of an output."""

RELATIVE = frozenset({"values", "logits", *(f"level_{number}" for number in range(1, 6))})
CHOICES = frozenset({"experts", "groups"})
"""Of an object: one that others served is another one."""

LEAST_EQUAL = 0.999
"""Share of pixels that must have the same most likely class: nearly even ones may tip over by rounding."""

LEAST_FOUND = 0.99
"""Share of objects that both must find alike: which cell begins a query, and which expert serves it, may tip
over as well."""


@dataclass
class Difference:
    """The largest difference seen in one output, and what it is to be compared with.

    Attributes:
        error: largest absolute difference.
        largest: largest absolute value of the reference.
    """

    error: float = 0.0
    largest: float = 0.0

    def add(self, wanted: np.ndarray, found: np.ndarray) -> None:
        """Take in two arrays of one shape; what is no number in either is an endless difference."""
        if wanted.size:
            apart = np.abs(wanted.astype(np.float64) - found.astype(np.float64)).max()
            self.error = max(self.error, float(apart) if np.isfinite(apart) else float("inf"))
            self.largest = max(self.largest, float(np.abs(wanted.astype(np.float64)).max()))

    def allowed(self, name: str) -> float:
        """The tolerance of the output of that name."""
        return TOLERANCE[name] * (max(1.0, self.largest) if name in RELATIVE else 1.0)


@dataclass
class Agreement:
    """What was compared of one file.

    Attributes:
        outputs: difference by output.
        pixels, equal: pixels with classes, and those whose most likely class is the same.
        objects, matched: objects that either found, and those that both did.
    """

    outputs: dict[str, Difference] = field(default_factory=dict)
    pixels: int = 0
    equal: int = 0
    objects: int = 0
    matched: int = 0

    def add(self, name: str, wanted: np.ndarray, found: np.ndarray) -> None:
        """Compare an output of one tile."""
        self.outputs.setdefault(name, Difference()).add(wanted, found)

    def add_classes(self, wanted: np.ndarray, found: np.ndarray) -> None:
        """Compare the most likely classes of (C, S, S)."""
        same = wanted.argmax(0) == found.argmax(0)
        self.pixels, self.equal = self.pixels + same.size, self.equal + int(same.sum())

    def add_objects(self, wanted: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> None:
        """Compare two sets of objects of a tile: arrays by output, the objects along the first axis of each.

        One without its like counts, unless its score is that of the floor, where rounding decides.
        """
        free = np.ones(len(found["scores"]), bool)
        pairs = []
        for number, box in enumerate(wanted["boxes"]):
            near = free & (found["labels"] == wanted["labels"][number])
            near &= np.abs(found["scores"] - wanted["scores"][number]) <= TOLERANCE["scores"]
            for name in CHOICES & wanted.keys():
                near &= (found[name] == wanted[name][number]).reshape(len(near), -1).all(1)
            apart = np.where(near, np.abs(found["boxes"] - box).max(1, initial=0.0), np.inf)
            best = int(apart.argmin()) if len(apart) else -1
            if best >= 0 and apart[best] <= TOLERANCE["boxes"]:
                free[best] = False
                pairs.append((number, best))
        alone = np.ones(len(wanted["scores"]), bool)
        alone[[number for number, _ in pairs]] = False
        unsure = FLOOR + TOLERANCE["scores"]
        lonely = int((wanted["scores"][alone] > unsure).sum() + (found["scores"][free] > unsure).sum())
        self.objects += len(pairs) + lonely
        self.matched += len(pairs)
        for name in wanted:
            for number, best in pairs:
                self.add(name, *_alike(name, wanted[name][number], found[name][best]))

    def failure(self) -> str | None:
        """What is further apart than allowed, in words."""
        for name, one in self.outputs.items():
            if one.error > one.allowed(name):
                return f"its '{name}' is off by {one.error:.2g}, where {one.allowed(name):.2g} is allowed"
        if self.equal < LEAST_EQUAL * self.pixels:
            return (
                f"{self.equal / self.pixels:.2%} of its pixels have the same class, where {LEAST_EQUAL:.1%} "
                "are expected"
            )
        if self.matched < LEAST_FOUND * self.objects:
            share = f"{LEAST_FOUND:.0%}"
            return f"{self.matched} of {self.objects} objects were found alike, where {share} are expected"
        return None

    def as_dict(self) -> dict[str, Any]:
        """For the manifest; two digits say enough."""
        told: dict[str, Any] = {
            "outputs": {
                name: {"max_abs_error": _short(one.error), "tolerance": _short(one.allowed(name))}
                for name, one in self.outputs.items()
            }
        }
        if self.pixels:
            told |= {"pixels": self.pixels, "equal_classes": round(self.equal / self.pixels, 6)}
        if self.objects:
            told |= {"objects": self.objects, "objects_found_by_both": self.matched}
        return told


def _alike(name: str, wanted: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of rectangles the turn of the corners that fits best: where they begin may tip over by rounding."""
    if name != "rectangles":
        return wanted, found
    turns = [np.roll(found, number, 0) for number in range(len(found))]
    return wanted, min(turns, key=lambda one: float(np.abs(one - wanted).max()))


def _short(value: float) -> float:
    return float(f"{value:.2g}")
