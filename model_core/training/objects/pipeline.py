"""From the training pack to a bundle with an objects expert, or to the comparison of its routings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ...evaluation.objects import above
from ...evaluation.objects_scan import as_record, find_objects
from ...evaluation.objects_usage import usage_figures
from ...networks.objects.detector import ObjectsExpert
from ...objects.spec import ObjectsSpec
from ..framework.loop import fit
from ..framework.options import Options
from ..framework.run_folder import Log
from .ablation import ArmPlan, record_arms, train_arms
from .chips import load_chips
from .export import as_kept, objects_bundle
from .frozen import FrozenEncoder
from .judging import Finder, best_thresholds
from .router import RouterPlan, RouterRow, train_router
from .router_file import kept_row
from .sampling import ObjectSampler, load_sampler
from .scenes import CHIP_LICENSE, CHIP_SOURCE
from .trainee import ObjectsTrainee
from .truth import BUILDING, BUILDING_SOURCE, CLASSES, SHIP, SHIP_SOURCE, ObjectScene, load_objects
from .usage import write_usage

SPEC = ObjectsSpec(
    expert="objects",
    routing="full",
    queries=128,
    memory_width=48,
    width=64,
    layers=2,
    groups=4,
    experts=16,
    top_groups=2,
    top_experts=2,
    hidden=64,
    thresholds=(0.5, 0.5),
)
"""Sizes; the thresholds are found in the end."""

REAL = {
    "ship": "images and boxes are real, drawn by hand; a third of the training tiles are composed: real "
    "ships, cut out of real chips, pasted on real water",
    "building": "images and masks are real, drawn by hand; that a connected part of a mask is one building "
    "is derived, so buildings that touch are one",
}
"""What of each class is real, as the bundle tells it."""

KINDS = ("real", "real masks, instances derived")
"""By class."""


@dataclass(frozen=True)
class Recipe:
    """What a training takes beyond `Options`.

    Attributes:
        base_epochs: of the maps and the dense head alone, which the arms of the ablation share.
        base_lr: their learning rate.
        size: edge of the training tiles, pixels.
        steps: batches of an epoch.
    """

    base_epochs: int = 8
    base_lr: float = 2e-3
    size: int = 192
    steps: int = 100


class ObjectsTraining:
    """The parts that training and comparison share.

    Args:
        data: the pack.
        bundle: whose encoder is read.
        run: folder of the training.
        options: numbers of the training.
        recipe: the rest.
        log: hears of it.
    """

    def __init__(
        self, data: Path, bundle: Path, run: Path, options: Options, recipe: Recipe, log: Log
    ) -> None:
        self.data, self.bundle, self.run = data, bundle, run
        self.options, self.recipe, self.log = options, recipe, log
        self.encoder = FrozenEncoder(bundle)
        self.scenes: list[ObjectScene] = load_objects(data, ("val", "test"))
        self.val = [scene for scene in self.scenes if scene.split == "val"]

    @cached_property
    def sampler(self) -> ObjectSampler:
        """Of training tiles; a training that is done needs none."""
        return load_sampler(self.data, "train", self.recipe.size, self.options.seed)

    def _trainee(self, module: ObjectsExpert, options: Options, *, decoder: bool) -> ObjectsTrainee:
        return ObjectsTrainee(
            module,
            self.encoder,
            lambda: self.sampler,
            self.val,
            options,
            decoder=decoder,
            steps=self.recipe.steps,
        )

    def base(self) -> ObjectsExpert:
        """What the ablation begins with: trained maps and dense head, and a decoder that is new."""
        options = replace(
            self.options, epochs=self.recipe.base_epochs, lr=self.recipe.base_lr,
            patience=self.recipe.base_epochs, model_name="objects-base",
        )  # fmt: skip
        torch.manual_seed(options.seed)
        module = ObjectsExpert(SPEC, len(CLASSES), self.encoder.widths, noise=options.noise)
        trainee = self._trainee(module, options, decoder=False)
        fit(trainee, options, self.run / "base", self.log, {"recipe": asdict(self.recipe)})
        return module

    def expert(self) -> ObjectsExpert:
        """The whole expert, trained at once: what the cells say supports the decoder from the first step."""
        torch.manual_seed(self.options.seed)
        module = ObjectsExpert(SPEC, len(CLASSES), self.encoder.widths, noise=self.options.noise)
        trainee = self._trainee(module, self.options, decoder=True)
        fit(trainee, self.options, self.run / "expert", self.log, {"recipe": asdict(self.recipe)})
        return module

    def ablation(self, seeds: Sequence[int], steps: int) -> Path:
        """Train all routings for these seeds and search val and test with them; the list of the arms."""
        base, folder = self.base(), self.run / "ablation"
        plan = ArmPlan(steps, self.options.batch_size, self.recipe.size)
        train_arms(folder, base, self.encoder, self.sampler, SPEC, seeds, plan, self.options, self.log)
        return record_arms(folder, base, self.encoder, SPEC, self.scenes, self.log)

    def _told(self) -> list[dict[str, Any]]:
        """What was trained on, a row for each source and class."""
        rows = []
        train = load_objects(self.data, ("train",))
        for source, label in ((SHIP_SOURCE, SHIP), (BUILDING_SOURCE, BUILDING)):
            own = [scene for scene in train if scene.source == source]
            rows.append(
                {
                    "source": source,
                    "class": CLASSES[label],
                    "kind": KINDS[label],
                    "images": len(own),
                    "boxes": sum(int((scene.labels == label).sum()) for scene in own),
                    "license": "; ".join(sorted({scene.license for scene in own})),
                }
            )
        chips = load_chips(self.data, ("train",))
        rows.append(
            {
                "source": CHIP_SOURCE, "class": CLASSES[SHIP], "kind": "composed",
                "images": len(chips), "boxes": len(chips), "license": CHIP_LICENSE,
            }
        )  # fmt: skip
        return rows

    def router_row(self, plan: RouterPlan | None = None) -> RouterRow:
        """The row of the switcher for the expert, trained or as it lies in the run folder."""
        plan = plan or RouterPlan()
        return kept_row(
            self.run / "router", plan, self.encoder.model.sha256,
            lambda: train_router(self.data, self.bundle, self.log, plan=plan),
        )  # fmt: skip

    def bundle_with(self, router: RouterPlan | None = None) -> Path:
        """Train the expert and its row of the switcher, and write the bundle; its folder.

        Args:
            router: what the row is trained on, see `RouterPlan`.
        """
        module = self.expert()
        module.eval().requires_grad_(False)
        folded = as_kept(module)  # judged as it will be in the bundle
        finder = Finder(folded, self.encoder.model)
        found = {scene.id: find_objects(finder, scene) for scene in self.val}
        told = {name: as_record(one) for name, one in found.items()}
        spec = replace(SPEC, thresholds=best_thresholds(told, self.val))
        self.log(f"thresholds {dict(zip(CLASSES, spec.thresholds, strict=True))}, where F1 on val is highest")
        taken = {name: above(one, spec.thresholds) for name, one in found.items()}
        usage = usage_figures(taken, spec, CLASSES)
        if usage is not None:
            write_usage(self.run / "analysis", usage)
        row = self.router_row(router)
        summary = json.loads((self.run / "expert" / "results" / "training.json").read_text(encoding="utf-8"))
        provenance = {
            "recipe": asdict(self.recipe),
            "options": self.options.as_dict(),
            "best_epoch": summary["best_epoch"],
            "val": summary["best"],
            "seconds": summary["seconds"],
            "usage": usage,
            "thresholds": "the scores with the highest F1 (IoU 0.5) on val",
            "real": REAL,
            "data": self._told(),
        }
        licences = sorted({scene.license for scene in self.scenes})
        info = objects_bundle(
            self.bundle, self.run / "bundle", folded, spec, row, provenance,
            license="training data: " + "; ".join(licences),
        )  # fmt: skip
        return info.folder
