"""What a single training needs beforehand: a teacher from a finished run, groups of classes, targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from ...errors import RequestError
from ...networks.resnet import ResNet
from ..framework.run_folder import write_json
from .data import EuroSat
from .partition import class_means, kmeans_partition, random_partition
from .spec import ClassifierSpec
from .train import soft_labels

GROUPS_FILE = "groups.json"


def read_plain(run: Path, data: EuroSat) -> ResNet:
    """The plain classifier that a finished run holds, in evaluation mode.

    Raises:
        RequestError: the run is unfinished, damaged, of another kind, or of other classes.
    """
    expected = "a finished run of hydranet train classifier --kind plain"
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
        spec, classes = ClassifierSpec(**config["network"]), tuple(config["classes"])
        tensors = load_file(run / "weights" / "best.safetensors")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RequestError(f"--teacher {run} cannot be read ({error}); give {expected}.") from error
    if spec.kind != "plain":
        raise RequestError(f"--teacher {run} is a run of kind {spec.kind}; give {expected}.")
    if classes != data.classes:
        raise RequestError(
            f"--teacher {run} knows the classes {', '.join(classes)}; the pack has {', '.join(data.classes)}."
        )
    net = spec.build(len(classes))
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise RequestError(
            f"The weights in --teacher {run} do not fit its own numbers; train it anew."
        ) from error
    return net.eval()


def branch_plan(
    spec: ClassifierSpec,
    data: EuroSat,
    seed: int,
    teacher: Path | None,
    *,
    one_hot: bool,
    random_groups: bool,
) -> dict[str, Any]:
    """`groups`, `teacher` and `config` for `train_classifier`; empty for what has no branches.

    Raises:
        RequestError: a teacher is needed and there is none, or it cannot be used.
    """
    if spec.kind != "hydranets":
        return {}
    classes = len(data.classes)
    if teacher is None and not (one_hot and random_groups):
        raise RequestError(
            "HydraNets need a plain classifier, which says what classes look alike and what the gate should "
            "say; give its run with --teacher, or --one-hot and --random-groups to do without."
        )
    net = None if teacher is None else read_plain(teacher, data)
    if random_groups:
        groups = random_partition(classes, spec.experts, seed)
    else:
        groups = kmeans_partition(class_means(net, data.train, classes), spec.experts, seed)
    return {
        "groups": groups,
        "teacher": None if one_hot else soft_labels(net, data),
        "config": {"teacher": None if teacher is None else teacher.name},
    }


def write_groups(run: Path, data: EuroSat, groups: tuple[tuple[int, ...], ...]) -> Path:
    """Write the names of the classes of each branch beside the other results of a run."""
    path = run / "results" / GROUPS_FILE
    write_json(path, [[data.classes[number] for number in members] for members in groups])
    return path
