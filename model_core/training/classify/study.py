"""The classifiers of the EuroSAT table: what is trained, in which order, by which recipe.

All of them follow one recipe, `RECIPE`: the defaults of the framework but for fewer epochs without early
stopping, so that the whole table takes little over an hour of one core. Choices are made on the
validation split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from ..framework.options import Options
from ..framework.run_folder import Log
from .data import EuroSat
from .partition import Groups, class_means, kmeans_partition, random_partition
from .spec import ClassifierSpec
from .train import soft_labels, train_classifier

EPOCHS = 20
RECIPE = Options(epochs=EPOCHS, patience=EPOCHS)
PLAIN_WIDTHS = (8, 16, 24, 32)
MIXTURE_WIDTH = 16
BRANCHES = 5
HYDRANETS = {
    "hydranets-20": ClassifierSpec("hydranets", 20, BRANCHES, k=2, branch_width=64),
    "hydranets-16": ClassifierSpec("hydranets", 16, BRANCHES, k=2, branch_width=56),
}
"""With two branches they cost 0.4 of the widest and 0.5 of the second widest baseline, or less."""

RANDOM = "hydranets-16"
"""Which of them is trained again for random groups."""

RANDOM_SUFFIX = "-random"

MIXTURE = ClassifierSpec("moe", MIXTURE_WIDTH, 4)
ABLATIONS = {
    "moe": (1.0, 1.0),
    "moe-no-diversity": (0.0, 1.0),
    "moe-no-balance": (1.0, 0.0),
    "moe-neither": (0.0, 0.0),
}
"""Factors on the weights of the diversity and of the balance loss."""


@dataclass(frozen=True)
class Trained:
    """A classifier of the table.

    Attributes:
        name: of its folder and its row.
        spec: what it is.
        module: with its best weights, in evaluation mode.
        summary: what `framework.loop.fit` said.
        groups: classes of its branches, None without.
        run: its folder.
    """

    name: str
    spec: ClassifierSpec
    module: nn.Module
    summary: dict[str, Any]
    groups: Groups | None
    run: Path


def train_all(data: EuroSat, folder: Path, log: Log, *, epochs: int = EPOCHS) -> Iterator[Trained]:
    """Train what is missing below a folder, one sub-folder each; what is finished is read.

    The plain ones come first, since the best of them on the validation split is the teacher of the gates
    and says which classes look alike.
    """
    recipe = replace(RECIPE, epochs=epochs, patience=epochs)

    def train(name: str, spec: ClassifierSpec, options: Options, **more) -> Trained:
        run = folder / name
        options = replace(options, model_name=name, num_experts=spec.experts)
        module, summary = train_classifier(spec, data, options, run, log, **more)
        return Trained(name, spec, module, summary, more.get("groups"), run)

    plain = []
    for width in PLAIN_WIDTHS:
        plain.append(train(f"plain-{width}", ClassifierSpec("plain", width), recipe))
        yield plain[-1]
    best = best_plain(plain)
    means = class_means(best.module, data.train, len(data.classes))
    # The targets of the gate ask for decided gates of even load already, see `trainees.Branched`.
    branched = replace(recipe, diversity_weight=0.0, balance_weight=0.0)
    told = {"teacher": soft_labels(best.module, data), "config": {"teacher": best.name}}
    similar = kmeans_partition(means, BRANCHES, recipe.seed)
    for name, spec in HYDRANETS.items():
        yield train(name, spec, branched, groups=similar, **told)
    for name, (diversity, balance) in ABLATIONS.items():
        options = replace(
            recipe,
            diversity_weight=diversity * recipe.diversity_weight,
            balance_weight=balance * recipe.balance_weight,
        )
        yield train(name, MIXTURE, options)
    unlike = random_partition(len(data.classes), BRANCHES, recipe.seed)
    yield train(RANDOM + RANDOM_SUFFIX, HYDRANETS[RANDOM], branched, groups=unlike, **told)


def best_plain(trained: list[Trained]) -> Trained:
    """The plain classifier with the best validation accuracy; of equals the narrowest."""
    plain = [entry for entry in trained if entry.spec.kind == "plain"]
    return max(plain, key=lambda entry: (entry.summary["best"]["accuracy"], -entry.spec.width))
