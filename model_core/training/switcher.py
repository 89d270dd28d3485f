"""The switcher, trained with everything else frozen.

The encoder is folded and in eval mode, so its output for a tile is fixed; the pooled bottleneck is
computed once per tile and the switcher, a small perceptron, is trained on these vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..networks.hydranet import HydraNet
from ..networks.switcher import Switcher
from ..tasks import TASK_NAMES
from .calibration import ENOUGH, Calibration, calibrate, calibrate_columns
from .framework.checkpoint import digest
from .framework.run_folder import Log
from .layout import PlacedTile
from .losses import masked_bce
from .pack import Sample
from .recipe import Recipe
from .relevance import relevance
from .sampling import Tile, TileSampler, TileStream, collate

__all__ = [
    "Calibration", "PooledTiles", "calibrate", "calibrate_all", "fit_head", "frozen_digest", "pool_augmented",
    "pool_batch", "pool_tiles", "tile_stats", "train_switcher",
]  # fmt: skip

SWITCHER_BATCH = 128
INPUT_DROPOUT, HIDDEN_DROPOUT = 0.5, 0.3


@dataclass(frozen=True)
class PooledTiles:
    """What the switcher and its controls are trained on.

    Attributes:
        pooled: bottlenecks (N, 2C).
        target: (N, E) of 1, 0, -1 unknown.
        source: (N,) data set each tile is from; never an input, only for telling tiles apart.
        stats: (N, 16) per-band mean and standard deviation, see `tile_stats`.
    """

    pooled: Tensor
    target: Tensor
    source: tuple[str, ...]
    stats: Tensor

    def where(self, keep: Iterable[bool]) -> PooledTiles:
        """The tiles marked True."""
        index = [number for number, wanted in enumerate(keep) if wanted]
        return PooledTiles(
            self.pooled[index], self.target[index], tuple(self.source[i] for i in index), self.stats[index]
        )

    def tensors(self) -> dict[str, Tensor]:
        """As a safetensors file takes them; see `load`."""
        names = sorted(set(self.source))
        return {
            "pooled": self.pooled.contiguous(),
            "target": self.target.contiguous(),
            "stats": self.stats.contiguous(),
            "source": torch.tensor([names.index(name) for name in self.source], dtype=torch.int64),
            "names": torch.tensor(list("\n".join(names).encode()), dtype=torch.uint8),  # what `source` counts
        }

    @classmethod
    def load(cls, stored: Mapping[str, Tensor]) -> PooledTiles:
        """The tiles that `tensors` describes."""
        names = bytes(stored["names"].tolist()).decode().split("\n")
        source = tuple(names[number] for number in stored["source"].tolist())
        return cls(stored["pooled"], stored["target"], source, stored["stats"])


def frozen_digest(network: HydraNet) -> str:
    """SHA-256 over every weight but the switcher's: equal before and after, or it was not frozen."""
    rest = {name: v for name, v in network.state_dict().items() if not name.startswith("switcher.")}
    return digest(rest)


@torch.inference_mode()
def pool_batch(network: HydraNet, batch: Mapping[str, Any]) -> Tensor:
    """Pooled bottleneck (B, 2C) of a collated batch."""
    return network.switcher.pool(network.encode(batch["reflectance"], batch["available"], batch["valid"]))


def tile_stats(batch: Mapping[str, Any]) -> Tensor:
    """Mean and standard deviation of each band over the valid pixels: (B, 16), 0 where a band is missing.

    All that a router can know of a tile without looking at where anything is; what it is fed for the
    control router.
    """
    x, valid, available = batch["reflectance"], batch["valid"], batch["available"]
    count = valid.sum((2, 3)).clamp_min(1)  # (B, 1)
    mean = (x * valid).sum((2, 3)) / count  # (B, 8)
    spread = (x - mean[:, :, None, None]) * valid
    std = (spread.square().sum((2, 3)) / count).sqrt()
    return torch.cat([mean * available, std * available], 1)


def _targets(batch: Mapping[str, Any]) -> Tensor:
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


def _pool(network: HydraNet, batches: Iterable[Mapping[str, Any]]) -> PooledTiles:
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    source: list[str] = []
    for batch in batches:
        parts.append((pool_batch(network, batch), _targets(batch), tile_stats(batch)))
        source += batch["source"]
    pooled, target, stats = (torch.cat(column).clone() for column in zip(*parts, strict=True))
    return PooledTiles(pooled, target, tuple(source), stats)


def pool_augmented(
    network: HydraNet, samples: list[Sample], count: int, recipe: Recipe, log: Log
) -> PooledTiles:
    """Pool `count` augmented training tiles; chips with image-level truth lead a quarter of them."""
    weights = {**recipe.task_weights, "": sum(recipe.task_weights.values()) / 3}
    batch_size = 16
    stream = TileStream(TileSampler(samples, 256, weights), batch_size, recipe.seed + 77)

    def batches():
        for number, batch in enumerate(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4)):
            if number * batch_size >= count:
                return
            if number % 50 == 0:
                log(f"switcher: pooled {number * batch_size} of {count} tiles")
            yield batch

    return _pool(network, batches())


def pool_tiles(network: HydraNet, tiles: Iterable[PlacedTile]) -> PooledTiles:
    """Pool unaugmented tiles one by one, so that only the vectors stay in memory."""
    return _pool(network, (collate([placed.tile]) for placed in tiles))


# Asymmetric loss (Ridnik et al. 2021) was tried in place of the weighted BCE, on 3,200 pooled tiles of the
# 0.1.0 encoder, judged on val, best thresholds for each (seeds 100 and 101): micro-F1 0.897 and 0.890
# (gamma 0 / 4, margin 0.05) against 0.910 and 0.907, macro-F1 0.824 and 0.831 against 0.839 and 0.844. The
# weighted BCE stays. On 2,400 tiles of the 0.3.0 encoder, at a score of a half, 60, 125, 300, 600 and 1,000
# steps gave micro-F1 0.826, 0.836, 0.844, 0.846 and 0.845 on val (three seeds): some 375 are taken. Drawing
# sources equally often, noise, other dropout and weight decay, and pooling 1/16 besides 1/32 gained nothing
# beyond the spread of seeds. Scoring each cell of the bottleneck, taught by its own labels, gained a little
# (0.861) for a larger head and was left for later.
def fit_head(
    head: Switcher,
    inputs: Tensor,
    target: Tensor,
    recipe: Recipe,
    log: Log,
    *,
    input_dropout: float = INPUT_DROPOUT,
) -> tuple[Tensor, Tensor]:
    """Train a perceptron in place over a fixed cosine schedule; its inputs are standardised first.

    There is no early stopping: on few regions the validation loss rises with overconfidence long before
    the ranking of the tiles stops improving, and overconfidence is what the calibration repairs.

    Args:
        head: its hidden and output layers are initialised anew, from the recipe's seed.
        inputs: (N, I).
        target: (N, E) of 1, 0, -1.
        recipe: seed and epochs.
        log: hears of every epoch.
        input_dropout: share of the inputs hidden from each tile.

    Returns:
        Mean and standard deviation (I,) that the inputs were standardised by.
    """
    torch.manual_seed(recipe.seed)
    for layer in (head.hidden, head.out):
        layer.reset_parameters()
    mean, std = inputs.mean(0), inputs.std(0).clamp_min(1e-4)
    inputs = (inputs - mean) / std
    positive, negative = (target == 1).sum(0).float(), (target == 0).sum(0).float()
    weight = (negative / positive.clamp_min(1)).clamp(0.25, 4.0)
    optimizer = torch.optim.AdamW(
        (*head.hidden.parameters(), *head.out.parameters()), lr=1e-3, weight_decay=0.3
    )
    batches = -(-len(inputs) // SWITCHER_BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.switcher_epochs * batches)
    random = torch.Generator().manual_seed(recipe.seed)
    for epoch in range(recipe.switcher_epochs):
        total = 0.0
        for index in torch.randperm(len(inputs), generator=random).split(SWITCHER_BATCH):
            x = nn.functional.dropout(inputs[index], input_dropout)  # no single feature may carry a task
            x = nn.functional.dropout(nn.functional.gelu(head.hidden(x)), HIDDEN_DROPOUT)
            loss = masked_bce(head.out(x), target[index], weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        log(f"switcher: epoch {epoch + 1} of {recipe.switcher_epochs}, loss {total / batches:.4f}")
    return mean, std


def train_switcher(network: HydraNet, train: PooledTiles, recipe: Recipe, log: Log) -> None:
    """Fit the switcher in place, with everything else frozen.

    Raises:
        RuntimeError: another weight changed meanwhile.
    """
    before = frozen_digest(network)
    switcher = network.switcher
    switcher.train()
    mean, std = fit_head(switcher, train.pooled, train.target, recipe, log)
    with torch.no_grad():  # fold the standardisation of the inputs into the first layer
        switcher.hidden.bias -= switcher.hidden.weight @ (mean / std)
        switcher.hidden.weight /= std
    switcher.eval()
    if frozen_digest(network) != before:
        raise RuntimeError("The frozen part of the network changed while the switcher was trained.")


def calibrate_all(
    network: HydraNet, cal: PooledTiles, val: PooledTiles, *, enough: int = ENOUGH
) -> dict[str, Calibration]:
    """Calibrate every expert on `cal`; where it holds too few tiles of either kind, on `cal` and `val`."""
    with torch.no_grad():
        cal_logits = network.switcher.classify(cal.pooled).numpy()
        val_logits = network.switcher.classify(val.pooled).numpy()
    return calibrate_columns(
        TASK_NAMES,
        (cal_logits, cal.target.numpy(), cal.source),
        (val_logits, val.target.numpy(), val.source),
        enough=enough,
    )
