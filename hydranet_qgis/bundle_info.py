"""What the plugin needs to know of a model bundle: the experts' names, read from `model.json` alone.

The weights are never opened here, and a missing or damaged bundle is no reason for the provider not
to register: the worker says what is wrong with it when it is used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .i18n import tr

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
    """

    name: str
    title: str
    description: str = ""
    simulated: bool = False


@dataclass(frozen=True)
class BundleInfo:
    """The experts of a bundle and its tile size.

    Attributes:
        problem: None, or why nothing could be read.
        tile_size: pixels.
    """

    experts: tuple[ExpertTitle, ...]
    tile_size: int = DEFAULT_TILE
    problem: str | None = None

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
        )
        for item in listed
        if isinstance(item, dict) and item.get("name")
    )
    declared = data.get("input")
    tile = declared.get("tile_size") if isinstance(declared, dict) else None
    return BundleInfo(experts, tile_size=tile if isinstance(tile, int) and tile > 0 else DEFAULT_TILE)


def known_sensors(resources: Path) -> list[str]:
    """Names of the sensors whose band order is known; empty if the list cannot be read."""
    try:
        data = json.loads((resources / "sensors.json").read_text(encoding="utf-8"))
        return [str(item["id"]) for item in data["sensors"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
