"""Train one classifier into a run folder, or read it from there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..framework.loop import fit
from ..framework.options import Options
from ..framework.run_folder import Log
from .data import EuroSat
from .partition import Groups, gate_targets
from .spec import ClassifierSpec, predict
from .trainees import Branched, Mixture, Plain, set_temperature

TEACHER_TEMPERATURE = 2.0
"""Of the teacher's softmax: it knows its training chips too well, and would else be as hard as the labels."""


def train_classifier(
    spec: ClassifierSpec,
    data: EuroSat,
    options: Options,
    run: Path,
    log: Log,
    *,
    groups: Groups | None = None,
    teacher: np.ndarray | None = None,
    config: Mapping[str, Any] | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """Train, or go on with what the folder holds; a finished training is read.

    Args:
        spec: what is trained.
        data: chips of all splits; the test split is not read.
        options: every number of it.
        run: run folder.
        log: takes lines for the user.
        groups: classes of each branch, for HydraNets.
        teacher: float (training chips, classes), probabilities behind the gate's targets; the labels if None.
        config: what else tells this training from others.

    Returns:
        The classifier with the weights that were best on the validation split, in evaluation mode, and what
        `framework.loop.fit` says of the training.
    """
    kept = {"network": spec.as_dict(), "classes": list(data.classes), **(config or {})}
    if spec.kind == "plain":
        trainee: Plain = Plain(spec, data, options)
    elif spec.kind == "moe":
        trainee = Mixture(spec, data, options)
    else:
        if groups is None:
            raise ValueError("HydraNets are trained for groups of classes.")
        kept |= {"groups": [list(members) for members in groups], "soft_targets": teacher is not None}
        truth = np.eye(len(data.classes), dtype=np.float32)[data.train.labels]
        trainee = Branched(spec, data, options, gate_targets(truth if teacher is None else teacher, groups))
    summary = fit(trainee, options, run, log, kept)
    if spec.gated:
        # Weights of an epoch belong to the temperature of that epoch, which they do not hold.
        set_temperature(trainee.module, summary["best_epoch"] - 1, options)
    return trainee.module, summary


def soft_labels(teacher: nn.Module, data: EuroSat) -> np.ndarray:
    """A trained plain classifier's probabilities of the training chips as they are: float32 (N, classes)."""
    logits = predict(teacher, data.train.images)
    return torch.softmax(logits / TEACHER_TEMPERATURE, 1).numpy()
