"""The switcher's row for the objects expert, trained with everything else frozen.

The switcher has hidden features, which its other rows were trained with, and a row of weights per expert.
Only a new row is trained: encoder, hidden layer and all other rows stay, so that no score of another expert
changes. Calibration, threshold and the scores behind the recall policy are made as for the other experts, but
on the split `val`: no scene of `cal` has an object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ...bundle import load_bundle
from ..calibration import Calibration, calibrate
from ..recall import rounded_down
from ..router_row import fit_row, row_figures, row_logits
from .described import SIZE, Described, RouterPlan, drawn_tiles, held_tiles

SPLIT = "val"

Log = Callable[[str], None]


@dataclass(frozen=True)
class RouterRow:
    """One row of the switcher's output layer, as a bundle takes it.

    Attributes:
        weight: float32 (H,).
        bias: of the row, a float32 value.
        calibration: temperature, bias and threshold, rounded as in a bundle.
        needed_scores: ascending, of the tiles of `val` that need the expert, see `recall`.
        needed_scenes: how many scenes these show.
        figures: of `val` and `test`, see `measured`.
        plan: what it was trained on.
        tiles: training tiles by source, needed and not.
    """

    weight: Tensor
    bias: float
    calibration: Calibration
    needed_scores: tuple[float, ...]
    needed_scenes: int
    figures: dict[str, Any]
    plan: RouterPlan
    tiles: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """What a bundle tells of it, in JSON form."""
        return {
            "how": "one new row on the frozen encoder and hidden layer; all other rows as they were",
            "calibrated_on": f"{SPLIT}, as no scene of cal has an object; {SPLIT} also stopped the training",
            "plan": vars(self.plan),
            "tiles": self.tiles,
            "figures": self.figures,
        }

    def recall(self) -> dict[str, Any]:
        """What stands behind the recall policy, as `recall.add_needed_scores` tells it of other experts."""
        return {"tiles": len(self.needed_scores), "scenes": self.needed_scenes, "split": SPLIT}


def train_router(data: Path, bundle: Path, log: Log, *, plan: RouterPlan | None = None) -> RouterRow:
    """Train, calibrate and measure the row.

    Args:
        data: folder of the pack.
        bundle: gives encoder and switcher.
        log: takes lines for the user.
        plan: see `RouterPlan`.

    Raises:
        RequestError: no pack in `data`.
        BundleError: the bundle is not sound.
    """
    plan = plan or RouterPlan()
    model = load_bundle(bundle, device="cpu", precision="fp32")
    train = drawn_tiles(data, model, plan, log).known()
    weight, bias = fit_row(train.hidden, train.target, plan)
    # Tiles behind the recall policy do not overlap, as new ones will not; see `recall`.
    val, val_apart = held_tiles(data, model, SPLIT, SIZE // 2, SIZE)
    told = row_logits(val.hidden, weight, bias)
    fitted = calibrate(told, val.target.numpy(), SPLIT, val.source)
    fitted = replace(fitted, temperature=round(fitted.temperature, 4), bias=round(fitted.bias, 4))
    log(f"router: calibration {fitted}")
    apart = {SPLIT: val_apart, "test": held_tiles(data, model, "test", SIZE)[0]}
    scores = {name: _scores(part, weight, bias, fitted) for name, part in apart.items()}
    needed = apart[SPLIT].target.numpy() == 1
    figures = {name: measured(scores[name], part, fitted.threshold) for name, part in apart.items()}
    for name, row in figures.items():
        log(f"router: {name} {row}")
    return RouterRow(
        weight,
        bias,
        fitted,
        tuple(sorted(rounded_down(score) for score in scores[SPLIT][needed])),
        len({name for number in np.flatnonzero(needed) for name in apart[SPLIT].ids[number]}),
        figures,
        plan,
        _counts(train),
    )


def _scores(part: Described, weight: Tensor, bias: float, fitted: Calibration) -> np.ndarray:
    return fitted.score(row_logits(part.hidden, weight, bias)).astype(np.float32)


def measured(score: np.ndarray, tiles: Described, threshold: float) -> dict[str, Any]:
    """Precision, recall and F1 at the threshold, average precision, and tiles by source.

    Tiles whose target is unknown are counted, and take no other part. A figure is None where it has no tiles.
    """
    return {**row_figures(score, tiles.target.numpy(), threshold), "sources": _counts(tiles)}


def _counts(tiles: Described) -> dict[str, dict[str, int]]:
    """Tiles by source: needed, not needed, unknown."""
    names = {1: "needed", 0: "not_needed", -1: "unknown"}
    counted = Counter(zip(tiles.source, tiles.target.tolist(), strict=True))
    return {
        source: {word: counted[source, value] for value, word in names.items()}
        for source in sorted(set(tiles.source))
    }
