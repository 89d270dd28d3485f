"""Measure finished decoders: maps of whole scenes, what the gate chose, multiply-adds and time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import RequestError
from ...evaluation.evaluate import HEADLINE
from ...evaluation.segment import segment
from ...evaluation.tiles import tile_table
from ...networks.encoder import Features
from ...networks.inference import native_bf16
from ...networks.macs import counting
from ...tasks import UNKNOWN
from ..framework.run_folder import Log
from ..layout import natural_tiles
from ..pack import Sample, load_pack
from ..sampling import collate
from .arms import TASK, logits_of
from .frozen import Frozen
from .groups import Groups, class_shares, group_shares, known_labels
from .train import ROW

SCORE = HEADLINE[TASK][1]


@dataclass(frozen=True)
class Decoder:
    """A finished decoder and how many of its branches run on a tile (0 = it has none)."""

    module: nn.Module
    k: int

    @torch.no_grad()
    def logits(self, features: Features) -> Tensor:
        """Float32 (n, C, H, W)."""
        return logits_of(self.module, features, self.k).float()


def as_run(module: nn.Module) -> nn.Module:
    """A folded decoder in the precision the product runs it in on this machine; the gate stays float32."""
    if native_bf16("cpu"):
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                part.to(torch.bfloat16)
    return module


def scenes_of(data: Path, split: str) -> list[Sample]:
    """The scenes of a split with labels of the task, in the order of their ids.

    Raises:
        RequestError: there are none.
    """
    samples = [sample for sample in load_pack(data, (split,)) if TASK in sample.labels]
    if not samples:
        raise RequestError(f"No scene of split '{split}' in {data} has labels of '{TASK}'.")
    return sorted(samples, key=lambda sample: sample.id)


class _Model:
    """As much of `model_core.model.Model` as `segment` needs: one encoding for all decoders."""

    def __init__(self, frozen: Frozen, decoders: Mapping[str, Any]) -> None:
        self.frozen, self.decoders, self.tile_size = frozen, decoders, frozen.tile_size
        self.experts = [SimpleNamespace(name=name, channels=frozen.channels, heads=1) for name in decoders]

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> Features:
        flags = torch.from_numpy(available.astype(np.float32)).expand(len(reflectance), -1)
        mask = torch.from_numpy(valid.astype(np.float32))[:, None]
        return self.frozen.encode(torch.from_numpy(reflectance), flags, mask)

    def decode(self, name: str, picks: Sequence[tuple[Features, Sequence[int]]]) -> np.ndarray:
        parts = [self.decoders[name].logits(features.select(torch.tensor(i))) for features, i in picks]
        return torch.softmax(torch.cat(parts), 1).numpy()


def scene_tables(
    frozen: Frozen, decoders: Mapping[str, Any], samples: Sequence[Sample], log: Log
) -> dict[str, np.ndarray]:
    """Counts (scenes, 4, 4) of label and prediction, vegetation merged, by decoder.

    Scenes are decoded tile by tile and blended exactly as `predict` does it.

    Args:
        frozen: for the encoder.
        decoders: by name, each with a method `logits`.
        samples: scenes with labels of the task.
        log: takes lines for the user.
    """
    model, rows = _Model(frozen, decoders), {name: [] for name in decoders}
    for sample in samples:
        label = np.where(sample.valid, sample.labels[TASK], UNKNOWN)
        for name, predicted in segment(model, sample, list(decoders)).items():
            rows[name].append(tile_table(TASK, label, predicted, frozen.channels))
    log(f"scored {len(samples)} scenes with {len(decoders)} decoders")
    return {name: np.stack(tables) for name, tables in rows.items()}


def gate_figures(
    frozen: Frozen, decoder: Decoder, groups: Groups, samples: Sequence[Sample]
) -> dict[str, Any]:
    """What the gate of a branched decoder chose on tiles, and what a perfect one would have gained.

    The oracle is the gate's own target: the share of each group among the tile's labelled pixels.

    Returns:
        tiles; utilisation (share of the tiles each branch ran on) and mean_gate, by branch; agreement (share
        of the tiles whose strongest branch is that of the largest group); own and oracle (the task's figure
        over the tiles with the gate's choice and with the oracle's).
    """
    chosen, gates, right, own, oracle = [], [], [], [], []
    for placed in natural_tiles(list(samples), frozen.tile_size):
        batch = collate([placed.tile])
        label = known_labels(batch, ROW)
        features = frozen.encode(batch["reflectance"], batch["available"], batch["valid"])
        valid = batch["valid"][:, 0].bool()
        target = group_shares(class_shares(label, valid, frozen.teach(features)), groups)
        with torch.no_grad():
            mine = decoder.module(features, decoder.k)
            theirs = decoder.module(features, decoder.k, gates=target)
        chosen.append(mine.chosen[0].float())
        gates.append(mine.gates[0])
        right.append(bool(mine.gates.argmax(1) == target.argmax(1)))
        for found, kept in ((mine, own), (theirs, oracle)):
            predicted = found.logits.float().argmax(1)[0].numpy()
            kept.append(tile_table(TASK, label[0].numpy(), predicted, frozen.channels))
    return {
        "tiles": len(chosen),
        "utilisation": torch.stack(chosen).mean(0).tolist(),
        "mean_gate": torch.stack(gates).mean(0).tolist(),
        "agreement": float(np.mean(right)),
        "own": SCORE(sum(own)),
        "oracle": SCORE(sum(oracle)),
    }


def sample_features(frozen: Frozen, samples: Sequence[Sample], count: int) -> list[Features]:
    """Features of `count` tiles at most, evenly out of all of the scenes."""
    tiles = list(natural_tiles(list(samples), frozen.tile_size))
    picked = tiles[:: max(1, len(tiles) // count)][:count]
    batches = [collate([placed.tile]) for placed in picked]
    return [frozen.encode(b["reflectance"], b["available"], b["valid"]) for b in batches]


def count_macs(decoder: Decoder, tiles: Sequence[Features]) -> int:
    """Multiply-adds of a tile, counted from the convolutions that ran; the most of the given tiles."""
    most = 0
    for features in tiles:
        with counting(decoder.module) as counter:
            decoder.logits(features)
        most = max(most, counter.total)
    return most


def measure_ms(
    decoders: Mapping[str, Decoder], tiles: Sequence[Features], rounds: int = 6
) -> dict[str, float]:
    """Median milliseconds a tile of each decoder on one thread, all of them in turn on every tile."""
    threads, names = torch.get_num_threads(), list(decoders)
    torch.set_num_threads(1)
    seen: dict[str, list[float]] = {name: [] for name in names}
    try:
        with torch.inference_mode():
            for turn in range(rounds + 1):  # the first round warms up
                for number, features in enumerate(tiles):
                    first = (turn + number) % len(names)  # nobody is always the first
                    for name in names[first:] + names[:first]:
                        began = time.perf_counter()
                        logits_of(decoders[name].module, features, decoders[name].k)
                        if turn:
                            seen[name].append(1e3 * (time.perf_counter() - began))
    finally:
        torch.set_num_threads(threads)
    return {name: statistics.median(values) for name, values in seen.items()}
