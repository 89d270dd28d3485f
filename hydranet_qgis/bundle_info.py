"""What the plugin needs to know of a model bundle: the experts' names, read from `model.json` alone.

The weights are never opened here, and a missing or damaged bundle is no reason for the provider not
to register: the worker says what is wrong with it when it is used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .i18n import tr
from .run_folder import OBJECTS

MODEL_FILE = "model.json"
DEFAULT_TILE = 256


@dataclass(frozen=True)
class ExpertTitle:
    """One expert as the bundle lists it.

    Attributes:
        name: identifier, such as "water".
        title: what the user reads.
        description: a sentence, may be "".
        simulated: trained on simulated data only.
        kind: such as "classes"; "" where the bundle does not say.
        classes: names of its classes.
    """

    name: str
    title: str
    description: str = ""
    simulated: bool = False
    kind: str = ""
    classes: tuple[str, ...] = ()

    @property
    def finds_objects(self) -> bool:
        """Whether it gives a layer of polygons rather than a raster."""
        return self.kind == OBJECTS


@dataclass(frozen=True)
class BundleInfo:
    """The experts of a bundle and its tile size.

    Attributes:
        problem: None, or why nothing could be read.
        tile_size: pixels.
        least_scores: for each class of the objects expert the score from which a detection counts; empty
            where the bundle does not say.
        id: what it calls itself, "" where it does not say.
        version: as it says, may be "".
    """

    experts: tuple[ExpertTitle, ...]
    tile_size: int = DEFAULT_TILE
    problem: str | None = None
    least_scores: tuple[float, ...] = ()
    id: str = ""
    version: str = ""

    @property
    def objects(self) -> ExpertTitle | None:
        """The expert that finds objects, None in a bundle without one."""
        return next((expert for expert in self.experts if expert.finds_objects), None)

    @property
    def names(self) -> list[str]:
        """The experts' names in the bundle's order."""
        return [expert.name for expert in self.experts]


def read_bundle(folder: Path) -> BundleInfo:
    """Read the experts of the bundle in `folder`; never raises, see `BundleInfo.problem`."""
    path = folder / MODEL_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return BundleInfo((), problem=tr("{path} cannot be read: {why}").format(path=path, why=error))
    listed = data.get("experts") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        return BundleInfo((), problem=tr("{path} lists no experts").format(path=path))
    experts = tuple(
        ExpertTitle(
            name=str(item["name"]),
            title=str(item.get("title") or item["name"]),
            description=str(item.get("description") or ""),
            simulated=bool(item.get("simulated")),
            kind=str(item.get("kind") or ""),
            classes=_classes(item.get("classes")),
        )
        for item in listed
        if isinstance(item, dict) and item.get("name")
    )
    declared = data.get("input")
    tile = declared.get("tile_size") if isinstance(declared, dict) else None
    size = tile if isinstance(tile, int) and tile > 0 else DEFAULT_TILE
    return BundleInfo(
        experts,
        tile_size=size,
        least_scores=_least_scores(data.get("objects")),
        id=str(data.get("id") or ""),
        version=str(data.get("version") or ""),
    )


def _classes(listed: Any) -> tuple[str, ...]:
    items = listed if isinstance(listed, list) else []
    return tuple(str(item["name"]) for item in items if isinstance(item, dict) and item.get("name"))


def _least_scores(declared: Any) -> tuple[float, ...]:
    """Of the objects expert, which bundles have since format 4."""
    listed = declared.get("thresholds") if isinstance(declared, dict) else None
    known = isinstance(listed, list) and all(type(value) in (int, float) for value in listed)
    return tuple(map(float, listed)) if known else ()


def known_sensors(resources: Path) -> list[str]:
    """Names of the sensors whose band order is known; empty if the list cannot be read."""
    try:
        data = json.loads((resources / "sensors.json").read_text(encoding="utf-8"))
        return [str(item["id"]) for item in data["sensors"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
