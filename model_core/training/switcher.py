"""The switcher, trained with everything else frozen, then calibrated per expert.

The encoder is folded and in eval mode, so its output for a tile is fixed; the pooled bottleneck is
computed once per tile and the switcher, a small perceptron, is trained on these vectors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..networks.hydranet import HydraNet
from ..tasks import TASK_NAMES
from .layout import PlacedTile
from .losses import masked_bce
from .pack import Sample
from .recipe import Recipe
from .relevance import relevance
from .sampling import Tile, TileSampler, TileStream, collate

SWITCHER_BATCH = 128


@dataclass(frozen=True)
class PooledTiles:
    """Pooled bottlenecks (N, 2C) and targets (N, E): 1, 0, -1 unknown."""

    pooled: Tensor
    target: Tensor


def frozen_digest(network: HydraNet) -> str:
    """SHA-256 over every weight but the switcher's: equal before and after, or it was not frozen."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if not name.startswith("switcher."):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return f"sha256:{digest.hexdigest()}"


@torch.inference_mode()
def pool_batch(network: HydraNet, batch: dict[str, Tensor]) -> Tensor:
    """Pooled bottleneck (B, 2C) of a collated batch."""
    return network.switcher.pool(network.encode(batch["reflectance"], batch["available"], batch["valid"]))


def _targets(batch: dict[str, Tensor]) -> Tensor:
    return torch.stack(
        [
            relevance(
                Tile(
                    batch["reflectance"][i],
                    batch["available"][i],
                    batch["valid"][i, 0].bool(),
                    batch["labels"][i],
                    batch["needs"][i],
                )
            )
            for i in range(len(batch["labels"]))
        ]
    )


def pool_augmented(
    network: HydraNet, samples: list[Sample], count: int, recipe: Recipe, log: Callable[[str], None]
) -> PooledTiles:
    """Pool `count` augmented training tiles; chips with image-level truth lead a quarter of them."""
    weights = {**recipe.task_weights, "": sum(recipe.task_weights.values()) / 3}
    batch_size = 16
    stream = TileStream(TileSampler(samples, 256, weights), batch_size, recipe.seed + 77)
    pooled, targets = [], []
    for number, batch in enumerate(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4)):
        if number * batch_size >= count:
            break
        pooled.append(pool_batch(network, batch))
        targets.append(_targets(batch))
        if number % 50 == 0:
            log(f"switcher: pooled {number * batch_size} of {count} tiles")
    return PooledTiles(torch.cat(pooled).clone(), torch.cat(targets))


def pool_tiles(network: HydraNet, tiles: Iterable[PlacedTile]) -> PooledTiles:
    """Pool unaugmented tiles one by one, so that only the vectors stay in memory."""
    pooled, targets = [], []
    for placed in tiles:
        batch = collate([placed.tile])
        pooled.append(pool_batch(network, batch))
        targets.append(_targets(batch))
    return PooledTiles(torch.cat(pooled).clone(), torch.cat(targets))


def train_switcher(network: HydraNet, train: PooledTiles, recipe: Recipe, log: Callable[[str], None]) -> None:
    """Fit the switcher in place over a fixed cosine schedule.

    There is no early stopping: on few regions the validation loss rises with overconfidence long before
    the ranking of the tiles stops improving, and overconfidence is what the calibration repairs.
    """
    before = frozen_digest(network)
    torch.manual_seed(recipe.seed)
    switcher = network.switcher
    for layer in (switcher.hidden, switcher.out):
        layer.reset_parameters()
    mean, std = train.pooled.mean(0), train.pooled.std(0).clamp_min(1e-4)
    inputs = (train.pooled - mean) / std
    positive, negative = (train.target == 1).sum(0).float(), (train.target == 0).sum(0).float()
    weight = (negative / positive.clamp_min(1)).clamp(0.25, 4.0)
    optimizer = torch.optim.AdamW(switcher.parameters(), lr=1e-3, weight_decay=0.3)
    batches = -(-len(inputs) // SWITCHER_BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.switcher_epochs * batches)
    random = torch.Generator().manual_seed(recipe.seed)
    switcher.train()
    for epoch in range(recipe.switcher_epochs):
        total = 0.0
        for index in torch.randperm(len(inputs), generator=random).split(SWITCHER_BATCH):
            x = nn.functional.dropout(inputs[index], 0.5)  # few regions: no single feature may carry a task
            x = nn.functional.dropout(nn.functional.gelu(switcher.hidden(x)), 0.3)
            loss = masked_bce(switcher.out(x), train.target[index], weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        log(f"switcher: epoch {epoch + 1} of {recipe.switcher_epochs}, loss {total / batches:.4f}")
    with torch.no_grad():  # fold the standardisation of the inputs into the first layer
        switcher.hidden.bias -= switcher.hidden.weight @ (mean / std)
        switcher.hidden.weight /= std
    switcher.eval()
    if frozen_digest(network) != before:
        raise RuntimeError("The frozen part of the network changed while the switcher was trained.")


@dataclass(frozen=True)
class Calibration:
    """Temperature, bias and threshold of one expert's score, and what they were fitted on."""

    temperature: float
    bias: float
    threshold: float
    positives: int
    negatives: int
    split: str


def calibrate(logits: np.ndarray, target: np.ndarray, split: str) -> Calibration:
    """Platt scaling with a prior at the identity, then the threshold with the best macro F1.

    The calibration split is small: the prior (worth about five tiles) keeps a handful of tiles from
    moving the scores far. Macro F1 is the mean of the F1 of "needed" and of "not needed": the F1 of
    "needed" alone is best served by always saying yes where most tiles need the expert. The threshold is
    the middle of the best plateau.

    Args:
        logits: (N,) uncalibrated.
        target: (N,) of 1, 0, -1 unknown.
        split: name of the split, kept with the result.
    """
    known = target >= 0
    x, y = logits[known].astype(np.float64), target[known].astype(np.float64)
    positives, negatives = int(y.sum()), int((1 - y).sum())
    if positives < 3 or negatives < 3:
        return Calibration(1.0, 0.0, 0.5, positives, negatives, split)

    def objective(parameters: np.ndarray) -> float:
        scale, shift = np.exp(parameters[0]), parameters[1]
        z = x * scale + shift
        loss = np.logaddexp(0, z) - y * z
        return float(loss.sum() + 5.0 * (parameters[0] ** 2 + 0.25 * shift**2))

    scale, shift = minimize(objective, np.zeros(2), method="Nelder-Mead").x
    p = 1 / (1 + np.exp(-(x * np.exp(scale) + shift)))
    grid = np.arange(0.2, 0.81, 0.01)
    quality = np.array([_f1(y, p >= t) + _f1(1 - y, p < t) for t in grid])
    threshold = float(np.median(grid[quality >= quality.max() - 1e-9]))
    return Calibration(float(np.exp(-scale)), float(shift), round(threshold, 3), positives, negatives, split)


def _f1(truth: np.ndarray, chosen: np.ndarray) -> float:
    return 2 * float((truth * chosen).sum()) / max(1.0, float(truth.sum() + chosen.sum()))


def calibrate_all(
    network: HydraNet, cal: PooledTiles, val: PooledTiles, *, enough: int = 8
) -> dict[str, Calibration]:
    """Calibrate every expert on `cal`; where it holds too few tiles of either kind, on `cal` and `val`."""
    with torch.no_grad():
        cal_logits = network.switcher.classify(cal.pooled).numpy()
        val_logits = network.switcher.classify(val.pooled).numpy()
    result = {}
    for row, name in enumerate(TASK_NAMES):
        logits, target, split = cal_logits[:, row], cal.target[:, row].numpy(), "cal"
        if (target == 1).sum() < enough or (target == 0).sum() < enough:
            logits = np.concatenate([logits, val_logits[:, row]])
            target = np.concatenate([target, val.target[:, row].numpy()])
            split = "cal+val"
        result[name] = calibrate(logits, target, split)
    return result
