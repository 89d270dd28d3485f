"""What the run folder of a Hydra training tells of itself, and whether it belongs to a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import RequestError
from ..networks.inference import NetworkModel
from ..training.framework.checkpoint import digest


def run_facts(run: Path, names: Sequence[str]) -> dict[str, Any]:
    """What a run folder says of its training, as far as it says so.

    Returns:
        members and seed; by expert seconds, and starts: what the students began as, "bundle" or "fresh".

    Raises:
        RequestError: a file of it is damaged.
    """
    recipe = _read(run / "config.json").get("recipe", {})
    facts = {key: recipe[key] for key in ("members", "seed") if key in recipe}
    records = {name: _read(run / name / "results" / "record.json") for name in names}
    facts["starts"] = {name: row["start"]["kept"] for name, row in records.items() if "start" in row}
    return facts | {"seconds": {name: row["seconds"] for name, row in records.items() if "seconds" in row}}


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; {} where there is no such file."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read ({error}); train in a new run folder.") from error
    if not isinstance(found, dict):
        raise RequestError(f"{path} holds no JSON object; train in a new run folder.")
    return found


def same_encoder(one: NetworkModel, other: NetworkModel) -> bool:
    """Whether two bundles encode by the same numbers."""
    mine, theirs = one.network.encoder.state_dict(), other.network.encoder.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


def check_encoder(model: NetworkModel, run: Path) -> None:
    """Make sure that a run's decoders were trained on the features of a bundle's encoder.

    Raises:
        RequestError: they were trained on those of another one.
    """
    told = _read(run / "config.json").get("encoder")
    if told is not None and told != digest(model.network.encoder.state_dict()):
        raise RequestError(
            f"{run} was trained on another encoder than that of {model.info.folder}; give the bundle that "
            "the run started from with --bundle."
        )
