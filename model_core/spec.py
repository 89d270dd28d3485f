"""What an expert is, as the bundle declares it: its task, its classes and how its score is read.

Nothing here needs torch, so the engine, the writers and their tests can use it alone.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from .errors import BundleError

KINDS = ("classes", "density", "objects", "probability")
LISTING = ("classes", "objects")
"""Kinds that list classes, one for each channel."""
MOST_HEADS = 32

RESERVED = frozenset({"routing", "run", "con", "prn", "aux", "nul"})
"""Names of a run's other files, and of devices on Windows."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}\Z")


def is_number(value: object) -> bool:
    """Whether a value read from JSON is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_resolution(who: str, valid_gsd_m: tuple[float, float] | None) -> None:
    """Refuse ground sampling distances (m) that are not a span.

    Raises:
        BundleError: they are something else than two numbers above 0, the smaller one first.
    """
    if valid_gsd_m is None:
        return
    numbers = len(valid_gsd_m) == 2 and all(map(is_number, valid_gsd_m))
    if not numbers or not 0 < valid_gsd_m[0] <= valid_gsd_m[1]:
        raise BundleError(
            f"{who} has valid_gsd_m {list(valid_gsd_m)}; expected two numbers above 0, the smaller one first."
        )


@dataclass(frozen=True)
class ClassSpec:
    """One class of a `classes` expert; `color` None marks the background, drawn transparent."""

    value: int
    name: str
    color: str | None

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 254:
            raise BundleError(f"Class '{self.name}' has value {self.value}; use 0 to 254 (255 is NoData).")
        if self.color is not None and not _COLOR.match(self.color):
            raise BundleError(f"Class '{self.name}' has colour '{self.color}'; write it as #rrggbb.")


@dataclass(frozen=True)
class ExpertSpec:
    """One task expert.

    Attributes:
        name: identifier, also the file name of its output (`water` -> `water.tif`, `objects.gpkg`).
        title: what the user reads.
        kind: `classes` (one class per pixel), `density` (values with a unit, one band per channel),
            `probability` (0 to 1) or `objects` (polygons; the bundle has an `ObjectsSpec` for it).
        channels: output channels of the decoder; for `classes` and `objects` the number of classes.
        valid_gsd_m: smallest and largest ground sampling distance (m) the expert was trained for.
        threshold: calibrated score from which a tile is routed to this expert.
        temperature, bias: calibration of the switcher, p = sigmoid(logit / temperature + bias)
            (Platt scaling; Guo et al. 2017, eq. 9 with a bias).
        simulated: trained on simulated data only.
        needed_scores: calibrated scores, ascending, of the calibration tiles that need the expert; the
            recall policy's thresholds come from them, see `conformal`.
        heads: M of a Hydra expert (Tran et al. 2020), whose output is the mean over its heads and which
            tells aleatoric from model uncertainty; 1 = an expert without heads of its own.
    """

    name: str
    title: str
    kind: str
    channels: int
    classes: tuple[ClassSpec, ...] = ()
    unit: str | None = None
    valid_gsd_m: tuple[float, float] | None = None
    threshold: float = 0.5
    temperature: float = 1.0
    bias: float = 0.0
    simulated: bool = False
    description: str = ""
    license: str = ""
    needed_scores: tuple[float, ...] = ()
    heads: int = 1

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise BundleError(f"Expert name '{self.name}' is not usable as a file name; use a-z, 0-9 and _.")
        if self.name in RESERVED:
            raise BundleError(f"Expert name '{self.name}' is reserved; rename it in the bundle.")
        if not all(isinstance(text, str) for text in (self.title, self.description, self.license)):
            raise BundleError(
                f"Expert '{self.name}' has a title, description or license that is no text; restore it."
            )
        if not isinstance(self.simulated, bool):
            raise BundleError(
                f"Expert '{self.name}' has simulated {self.simulated!r}; expected true or false."
            )
        if self.kind not in KINDS:
            raise BundleError(
                f"Expert '{self.name}' has kind '{self.kind}'; expected one of {', '.join(KINDS)}."
            )
        if self.kind in LISTING and [c.value for c in self.classes] != list(range(self.channels)):
            raise BundleError(
                f"Expert '{self.name}' has {self.channels} channels but classes "
                f"{[c.value for c in self.classes]}; they must be numbered 0 to channels - 1."
            )
        if self.kind not in LISTING and self.classes:
            raise BundleError(f"Expert '{self.name}' of kind '{self.kind}' must not list classes.")
        if self.kind == "probability" and self.channels != 1:
            raise BundleError(f"Probability expert '{self.name}' has {self.channels} channels; expected 1.")
        if self.channels < 1:
            raise BundleError(f"Expert '{self.name}' has {self.channels} channels; expected at least 1.")
        if not 0.0 <= self.threshold <= 1.0:
            raise BundleError(f"Expert '{self.name}' has threshold {self.threshold}; expected 0 to 1.")
        if not self.temperature > 0.0 or not is_number(self.temperature):
            raise BundleError(f"Expert '{self.name}' has temperature {self.temperature}; it must be above 0.")
        if not is_number(self.bias):
            raise BundleError(f"Expert '{self.name}' has bias {self.bias!r}; expected a number.")
        check_resolution(f"Expert '{self.name}'", self.valid_gsd_m)
        needed = self.needed_scores
        if not all(0.0 <= score <= 1.0 for score in needed) or list(needed) != sorted(needed):
            raise BundleError(
                f"Expert '{self.name}' has needed_scores that are not ascending or not 0 to 1; "
                "calibrate the bundle again."
            )
        if type(self.heads) is not int or not 1 <= self.heads <= MOST_HEADS:
            raise BundleError(
                f"Expert '{self.name}' has heads {self.heads!r}; expected a whole number, 1 to {MOST_HEADS}."
            )
        if self.kind in ("density", "objects") and self.heads > 1:
            raise BundleError(
                f"{self.kind.capitalize()} expert '{self.name}' has {self.heads} heads; expected 1, as heads "
                "tell the uncertainty of a pixel's probabilities only."
            )

    def as_dict(self) -> dict[str, Any]:
        """The JSON form kept in model.json."""
        return {
            "name": self.name,
            "title": self.title,
            "kind": self.kind,
            "channels": self.channels,
            "classes": [{"value": c.value, "name": c.name, "color": c.color} for c in self.classes],
            "unit": self.unit,
            "valid_gsd_m": list(self.valid_gsd_m) if self.valid_gsd_m else None,
            "threshold": self.threshold,
            "temperature": self.temperature,
            "bias": self.bias,
            "simulated": self.simulated,
            "description": self.description,
            "license": self.license,
            "needed_scores": list(self.needed_scores),
            "heads": self.heads,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ExpertSpec:
        """Read the JSON form strictly.

        Raises:
            BundleError: an unknown or missing key, or a value the class refuses.
        """
        known = set(cls.__dataclass_fields__)
        if set(data) != known:
            missing, unknown = sorted(known - set(data)), sorted(set(data) - known)
            raise BundleError(
                f"An expert in model.json has unknown keys {unknown} and lacks {missing}; "
                "the bundle was written by another version."
            )
        gsd = data["valid_gsd_m"]
        needed = data["needed_scores"]
        if not isinstance(needed, list) or not all(type(score) in (int, float) for score in needed):
            raise BundleError(
                f"Expert '{data['name']}' in model.json has needed_scores that are no list of numbers; "
                "restore the bundle."
            )
        try:
            classes = tuple(ClassSpec(int(c["value"]), str(c["name"]), c["color"]) for c in data["classes"])
            fields = {
                **data,
                "classes": classes,
                "valid_gsd_m": None if gsd is None else tuple(gsd),
                "needed_scores": tuple(float(score) for score in needed),
            }
            return cls(**fields)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BundleError(
                f"Expert '{data.get('name')}' in model.json cannot be read: {error}."
            ) from error


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulate operations per tile, counted from what the network runs.

    Attributes:
        encoder, switcher: of every tile with data.
        experts: of a tile that the expert decodes, with all its heads.
        scene: of a tile that the scene expert looks at, with the branches that run; 0 = there is none.
    """

    encoder: int
    switcher: int
    experts: dict[str, int] = field(default_factory=dict)
    scene: int = 0

    @property
    def all_experts(self) -> int:
        """Cost of a tile that every task expert decodes, the scene expert left out."""
        return self.encoder + self.switcher + sum(self.experts.values())
