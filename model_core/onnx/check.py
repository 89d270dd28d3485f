"""Runs the exported files and the network on the same tiles, and compares all that they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ..networks.inference import NetworkModel
from ..objects.spec import FLOOR
from .agreement import Agreement
from .names import ENCODER, SCENE, expert_file, value_name
from .tiles import CheckTile

BATCH = 3
"""Tiles at a time; not the number of the example that a graph is traced with, and the last one is smaller."""


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A file, to be run on one thread of the CPU: on more, sums may round differently from run to run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Exported:
    """The files of an export, run as others would run them: features of the first one go into all others.

    Args:
        folder: holds the files.
        names: of those that are to be run beside the first.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.sessions = {name: open_session(folder / name) for name in (ENCODER, *names)}

    def run(self, tiles: Sequence[CheckTile]) -> dict[str, dict[str, np.ndarray]]:
        """All outputs of a batch, by file and name."""
        values = {
            "reflectance": np.stack([tile.reflectance for tile in tiles]),
            "available": np.stack([tile.available for tile in tiles]).astype(np.float32),
            "valid": np.stack([tile.valid for tile in tiles])[:, None].astype(np.float32),
        }
        told: dict[str, dict[str, np.ndarray]] = {}
        for name, session in self.sessions.items():
            given = {one.name: values[one.name] for one in session.get_inputs()}
            names = [one.name for one in session.get_outputs()]
            told[name] = dict(zip(names, session.run(names, given), strict=True))
            values = values | told[name] if name == ENCODER else values
        return told


def compare(
    model: NetworkModel,
    exported: Exported,
    tiles: Sequence[CheckTile],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Agreement]:
    """Compare on tiles, by file.

    Args:
        model: the bundle on the CPU in float32, as the engine runs it.
        exported: its files.
        tiles: one or more.
        progress: told of the tiles that are done, and of all.
    """
    found = {name: Agreement() for name in exported.sessions}
    for first in range(0, len(tiles), BATCH):
        batch = tiles[first : first + BATCH]
        told = exported.run(batch)
        for number, tile in enumerate(batch):
            ours = {
                file: {name: value[number] for name, value in outputs.items()}
                for file, outputs in told.items()
            }
            _compare_tile(model, tile, ours, found)
        progress(first + len(batch), len(tiles))
    return found


def _compare_tile(
    model: NetworkModel, tile: CheckTile, told: dict[str, dict[str, np.ndarray]], found: dict[str, Agreement]
) -> None:
    encoded = model.encode(tile.reflectance[None], tile.available, tile.valid[None])
    features = encoded.one(0)
    wanted = {f"level_{number}": level[0].numpy() for number, level in enumerate(features.levels, start=1)}
    wanted |= {
        "coverage": features.coverage[0].numpy(),
        "logits": model.logits(encoded)[0].numpy(),
        "scores": model.scores(encoded)[0],
    }
    _add_all(found[ENCODER], wanted, told[ENCODER])
    if SCENE in told:
        scene = model.scene_scores(encoded)
        wanted = {"probabilities": scene.probability[0], "branches": scene.branches[0]}
        _add_all(found[SCENE], wanted, told[SCENE])
    for expert in model.experts:
        file = expert_file(expert.name)
        if file not in told:
            continue
        if expert.kind == "objects":
            found[file].add_objects(_wanted_objects(model, encoded), _found_objects(told[file]))
            continue
        values = model.decode(expert.name, [(encoded, [0])], uncertainty=True)[0]
        main = value_name(expert)
        wanted = {main: values[: expert.channels]}
        if expert.heads > 1:
            wanted["expected_entropy"] = values[expert.channels :]
        _add_all(found[file], wanted, told[file])
        if expert.kind == "classes":
            found[file].add_classes(values[: expert.channels], told[file][main])


def _add_all(agreement: Agreement, wanted: dict[str, np.ndarray], told: dict[str, np.ndarray]) -> None:
    for name, value in wanted.items():
        agreement.add(name, value, told[name])


def _wanted_objects(model: NetworkModel, encoded: Any) -> dict[str, np.ndarray]:
    """What the network finds in a tile, in the names of the file's outputs."""
    found = model.detect(model.objects.expert, [(encoded, [0])])[0]
    told = {"scores": found.score, "boxes": found.box, "labels": found.label, "rectangles": found.outline}
    if found.experts.shape[2]:
        told |= {"experts": found.experts, "weights": found.weights}
    if found.groups.shape[1]:
        told["groups"] = np.broadcast_to(found.groups, (len(found), *found.groups.shape))
    return told


def _found_objects(told: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The queries of a tile that reach the score from which the network tells of them."""
    kept = told["scores"] >= FLOOR
    found = {name: value[kept] for name, value in told.items() if name != "groups"}
    if "groups" in told:
        found["groups"] = np.broadcast_to(told["groups"], (int(kept.sum()), *told["groups"].shape))
    return found
