"""How far bf16 agrees with float32: class maps of whole scenes and the router's decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from model_core.evaluation.segment import segment
from model_core.grid import TileGrid
from model_core.model import Model
from model_core.scene import Scene
from model_core.training.pack import Sample

from .tiles import Tiles, scores_of

NEAR = 0.01  # a score this close to its threshold may fall on either side


@dataclass
class Agreement:
    """Counts over all scenes given to `add`.

    Attributes:
        pixels: classified pixels by expert.
        equal: those of them where both precisions give the same class.
        decisions: tiles x experts.
        flipped: decisions that differ.
        unexplained: of those, with a float32 score farther than `NEAR` from the threshold.
        score_difference: largest difference of two scores.
    """

    pixels: dict[str, int] = field(default_factory=dict)
    equal: dict[str, int] = field(default_factory=dict)
    decisions: int = 0
    flipped: int = 0
    unexplained: int = 0
    score_difference: float = 0.0

    def share(self, name: str) -> float:
        """Share of an expert's classified pixels that are equal."""
        return self.equal[name] / self.pixels[name] if self.pixels[name] else 1.0

    def as_dict(self) -> dict[str, object]:
        """JSON form."""
        return {
            "pixels": self.pixels,
            "equal": {name: round(self.share(name), 6) for name in self.pixels},
            "decisions": self.decisions,
            "flipped": self.flipped,
            "flipped_beyond_0.01_of_threshold": self.unexplained,
            "largest_score_difference": round(self.score_difference, 5),
        }


def compare(reference: Model, other: Model, samples: Iterable[Sample], overlap: int = 64) -> Agreement:
    """Every expert on every tile of every sample, whether it would be routed there or not."""
    found = Agreement()
    names = [spec.name for spec in reference.experts if spec.kind == "classes"]
    found.pixels, found.equal = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for sample in samples:
        maps = [segment(model, sample, names, overlap=overlap) for model in (reference, other)]
        for name in names:
            found.pixels[name] += int(sample.valid.sum())
            found.equal[name] += int((maps[0][name] == maps[1][name])[sample.valid].sum())
        tiles = sample_tiles(sample, reference.tile_size, overlap)
        if tiles is not None:
            add_decisions(found, reference, scores_of(reference, tiles), scores_of(other, tiles))
    return found


def add_decisions(found: Agreement, model: Model, scores: np.ndarray, others: np.ndarray) -> None:
    """Compare scores (N, E) on both sides of each expert's threshold."""
    thresholds = np.array([spec.threshold for spec in model.experts])
    flipped = (scores >= thresholds) != (others >= thresholds)
    found.decisions += scores.size
    found.flipped += int(flipped.sum())
    found.unexplained += int((flipped & (np.abs(scores - thresholds) > NEAR)).sum())
    found.score_difference = max(found.score_difference, float(np.abs(scores - others).max()))


def sample_tiles(sample: Sample, size: int, overlap: int) -> Tiles | None:
    """The sample's tiles with data, cut as `predict` cuts them."""
    rows, cols = sample.valid.shape
    reflectance, valid = [], []
    for tile in TileGrid(cols, rows, size, overlap).tiles:
        window = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        mask = np.zeros((size, size), bool)
        mask[: tile.height, : tile.width] = sample.valid[window]
        if mask.any():
            pixels = np.zeros((8, size, size), np.float32)
            pixels[:, : tile.height, : tile.width] = sample.bands[(slice(None), *window)] * np.float32(1e-4)
            reflectance.append(pixels)
            valid.append(mask)
    if not reflectance:
        return None
    return Tiles(np.stack(reflectance), np.stack(valid), sample.available)


def open_sample(path: Path, bands: str = "auto") -> Sample:
    """A scene as a sample without labels."""
    with Scene.open(str(path), bands=bands) as scene:
        patch = scene.read(Window(0, 0, scene.width, scene.height))
        return Sample(
            id=path.stem, source="sample", region="", split="", gsd_m=scene.gsd_m, radiometry="toa",
            license="", bands=np.rint(patch.reflectance * 10000).astype(np.uint16),
            available=np.asarray(scene.mapping.available, bool), valid=patch.valid,
            labels={}, label_kind={}, needs={},
        )  # fmt: skip
