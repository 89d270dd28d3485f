"""From a pack and a bundle to a bundle with a scene expert."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from ...bundle import BundleInfo, load_bundle
from ...errors import RequestError
from ...networks.scene_head import SceneHead
from ...scene_expert import SceneExpertSpec
from ..classify.partition import Groups, kmeans_partition
from ..framework.loop import fit
from ..framework.options import Options
from ..framework.run_folder import write_json
from ..pack import Sample, load_chips, load_pack
from .bank import Bank, BankPlan, Part
from .covers import completed
from .export import encoder_digest, folded_head, head_macs, scene_bundle
from .labels import CLASSES, COVERS, GSD_M, LABELLED, MOST_BARE, chip_class
from .losses import class_loss
from .trainee import DROPOUT, FEATURE_NOISE, GATE_WEIGHT, REAL_WEIGHT, Checks, SceneTrainee, judged, predict

LEVEL, WIDTH, DEPTH = 2, 48, 2
"""Shape of the head. Linear probes of the pooled levels of the bundled encoder gave 0.81 of EuroSAT's val
chips at 1/8, 0.79 at 1/16, 0.73 at 1/32, and 0.84 with 1/8 and 1/16 together."""

TRAINED_K = 2
"""Branches that run for a tile in training."""

WORTH = 0.003
"""Accuracy that another branch must add on the validation split to be run in the product."""

Log = Callable[[str], None]


def train_scene(
    data: Path,
    bundle: Path,
    run: Path,
    options: Options,
    log: Log,
    *,
    plan: BankPlan | None = None,
    k: int | None = None,
) -> BundleInfo:
    """Train the head on a bundle's frozen encoder, and write the bundle with it to `run/bundle`.

    Resumes; a finished training is only exported again.

    Args:
        data: folder of the pack.
        bundle: gives the encoder, and everything else that the new bundle holds.
        run: run folder.
        options: numbers of the training.
        log: takes lines for the user.
        plan: tiles to encode.
        k: branches that run for a tile in the product; None = as many as pay on the validation split.

    Raises:
        RequestError: no pack, more branches than classes, or a run of other numbers in `run`.
        BundleError: the bundle is not sound.
    """
    plan = plan or BankPlan()
    model = load_bundle(bundle, device="cpu", precision="fp32")
    widths = model.network.config.encoder_widths
    bank = Bank(model.network.encoder, LEVEL, options.seed, log)
    stop, cal = halves(load_chips(data, ("val",)))
    branches = _partition(data, run, bank, options)
    log("branches: " + "; ".join(" + ".join(CLASSES[n] for n in group) for group in branches))
    spec = SceneExpertSpec(
        title="Scene",
        classes=CLASSES,
        branches=branches,
        k=min(TRAINED_K, len(branches)) if k is None else min(k, len(branches)),
        temperature=1.0,
        valid_gsd_m=GSD_M,
        level=LEVEL,
        width=WIDTH,
        depth=DEPTH,
        macs_common=0,
        macs_branch=0,
        description="What the tile as a whole shows, as one of EuroSAT's ten classes.",
        license="training data: MIT (EuroSAT); covers from the labels of other sources",
    )
    torch.manual_seed(options.seed)
    head = SceneHead.of(spec, widths, noise=options.noise)
    checks: list[Checks] = []

    def checked() -> Checks:
        if not checks:
            real = bank.covers(load_pack(data, ("val",)))
            checks.append(Checks(bank.alone(stop), bank.pure(stop, plan.validation), real))
        return checks[0]

    def tiles() -> list[Part]:
        scenes = completed(load_pack(data, ("train",)), model.network)
        log(f"covers of {len(scenes)} scenes, by the bundle's land-cover expert where no label tells them")
        return bank.training(load_chips(data, ("train",)), scenes, plan)

    trainee = SceneTrainee(
        head,
        branches,
        min(TRAINED_K, len(branches)),
        options,
        tiles,
        checked,
    )
    # Another bundle with the same encoder takes what was trained on this one; its experts told covers.
    encoder = encoder_digest(model.network.encoder)
    config = {"encoder": encoder, "plan": asdict(plan), "branches": branches}
    summary = fit(trainee, options, run, log, json.loads(json.dumps(config)))
    head.body.gate.temperature = trainee.temperature(summary["best_epoch"] - 1)
    curve = [{"k": number, **judged(head, checked(), number)} for number in range(1, len(branches) + 1)]
    if k is None:
        spec = replace(spec, k=fewest(curve))
    log(f"k = {spec.k}; on val with 1, 2 … branches: " + ", ".join(f"{row['score']:.3f}" for row in curve))
    temperature = fit_temperature(head, _layouts(bank, cal, load_pack(data, ("cal",)), plan), spec.k)
    spec = replace(spec, temperature=round(temperature, 4))
    final = folded_head(head, spec, widths)
    common, branch = head_macs(final, widths, model.tile_size)
    spec = replace(spec, macs_common=common, macs_branch=branch)
    provenance = {
        "options": options.as_dict(),
        "plan": asdict(plan),
        "gate_weight": GATE_WEIGHT,
        "partition": "balanced k-means over the mean encoder features of the classes",
        "dropout": DROPOUT,
        "feature_noise": FEATURE_NOISE,
        "real_tiles": {
            "covers": {name: list(names) for name, names in COVERS.items()},
            "labelled": LABELLED,
            "most_bare": MOST_BARE,
            "weight": REAL_WEIGHT,
            "pseudo_labels": "land cover and clouds by the bundle's own experts where no label tells them",
        },
        "trained_k": trainee.k,
        "epochs": summary["epochs"],
        "best_epoch": summary["best_epoch"],
        "val": summary["best"],
        "val_by_k": curve,
        "calibration": {
            "split": "the half of val's chips that did not stop the training, and real tiles of cal",
            "chips": len(cal),
        },
        "encoder": encoder,
    }
    write_json(run / "results" / "scene.json", {"spec": spec.as_dict(), "training": provenance})
    info = scene_bundle(bundle, run / "bundle", final, spec, provenance)
    log(
        f"bundle with a scene expert of {(common + spec.k * branch) / 1e6:.1f} M multiply-adds: {info.folder}"
    )
    return info


def halves(chips: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Every other chip: one half stops the training, the other calibrates what came out."""
    return list(chips[::2]), list(chips[1::2])


def class_features(part: Part) -> np.ndarray:
    """Mean features of every class, float64 (classes, C): levels pooled, brought to one spread, averaged."""
    levels = [level for level in part.features.levels if level.shape[1]]
    pooled = torch.cat([level.float().mean((2, 3)) for level in levels], 1).double()
    pooled = (pooled - pooled.mean(0)) / pooled.std(0).clamp_min(1e-4)
    return np.stack([pooled[part.target[:, n] == 1].mean(0).numpy() for n in range(len(CLASSES))])


def _partition(data: Path, run: Path, bank: Bank, options: Options) -> Groups:
    """The classes of each branch, worked out once for a run folder."""
    path = run / "results" / "partition.json"
    if path.is_file():
        return tuple(tuple(group) for group in json.loads(path.read_text(encoding="utf-8")))
    chips = load_chips(data, ("train",))
    lacking = sorted(set(range(len(CLASSES))) - {chip_class(chip) for chip in chips})
    if lacking:
        raise RequestError(
            f"The training chips in {data} lack {', '.join(CLASSES[n] for n in lacking)}; the scene expert "
            "needs chips of all ten classes of EuroSAT."
        )
    features = class_features(bank.alone(chips[::3] if len(chips) > 1000 else chips))
    groups = kmeans_partition(features, options.num_experts, options.seed)
    write_json(path, [list(group) for group in groups])
    return groups


def fewest(curve: Sequence[dict[str, Any]]) -> int:
    """The smallest k that no larger one beats by more than `WORTH`."""
    best = max(row["score"] for row in curve)
    return next(row["k"] for row in curve if row["score"] >= best - WORTH)


def _layouts(bank: Bank, chips: Sequence[Sample], scenes: Sequence[Sample], plan: BankPlan) -> list[Part]:
    """Tiles as the product meets them: chips in either light, alone in a tile, many of a class; real ones."""
    return [
        bank.alone(chips),
        bank.alone(chips, calibrated=True),
        bank.alone(chips[:: max(1, len(chips) // 150)], size=256),
        bank.pure(chips, plan.validation),
        *bank.covers(scenes),
    ]


def fit_temperature(head: SceneHead, parts: Sequence[Part], k: int) -> float:
    """Temperature with the smallest mean loss (Guo et al. 2017), parts counted equally.

    The loss is that of the training, on real tiles that of the shares of covers.
    """
    found = [(predict(head, part, k)[0].double(), part.target.double()) for part in parts if len(part)]

    def loss(log_temperature: float) -> float:
        scale = float(np.exp(-log_temperature))
        return float(np.mean([float(class_loss(x * scale, y)) for x, y in found]))

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))
