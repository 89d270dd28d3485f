"""One pass over the test scenes for the Hydra comparison: each tile encoded once, decoded by all methods.

Tiles do not overlap: where the last of a row would, only its new pixels count, so that none is counted twice.
Nothing is blended, hence what a pixel is told is what one decoder said of one tile.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..networks.inference import NetworkModel
from ..tasks import UNKNOWN
from ..training.pack import Sample
from .hydra_methods import DIVIDING, ENSEMBLE, SINGLE, Contest
from .probabilities import SUMS, as_scored, divide, tally
from .tiles import tile_table

PIXELS = 1000
"""Pixels drawn of a scene for correlations; neighbours repeat each other."""


@dataclass(frozen=True)
class Cut:
    """One tile of a scene: reflectance (1, 8, S, S), valid (1, S, S), window, and which pixels are new."""

    reflectance: np.ndarray
    valid: np.ndarray
    window: tuple[slice, slice]
    fresh: np.ndarray


def cut(sample: Sample, size: int) -> Iterator[Cut]:
    """The scene's tiles from the top left, none without a valid new pixel."""
    rows, cols = sample.valid.shape
    seen = np.zeros((rows, cols), bool)
    for top in _starts(rows, size):
        for left in _starts(cols, size):
            window = np.s_[top : top + size, left : left + size]
            fresh = sample.valid[window] & ~seen[window]
            seen[window] = True
            if not fresh.any():
                continue
            height, width = fresh.shape
            reflectance = np.zeros((1, 8, size, size), np.float32)
            valid = np.zeros((1, size, size), bool)
            reflectance[0, :, :height, :width] = sample.bands[(slice(None), *window)] * np.float32(1e-4)
            valid[0, :height, :width] = sample.valid[window]
            yield Cut(reflectance, valid, window, fresh)


def _starts(length: int, size: int) -> list[int]:
    return [0] if length <= size else [*range(0, length - size, size), length - size]


@dataclass
class SceneRecord:
    """What the methods said of one scene.

    Attributes:
        sums: by method (and `single-0`, `single-1` ... for the members), `probabilities.tally`; 0 where the
            scene has no label of the expert.
        tables: by the same, confusion counts as the expert's figure is computed from.
        tiles: by measure, such as "hydra.model", the mean over each tile's new pixels.
        pixels: by measure, some pixels' values.
    """

    id: str
    source: str
    region: str
    sums: dict[str, np.ndarray] = field(default_factory=dict)
    tables: dict[str, np.ndarray] = field(default_factory=dict)
    tiles: dict[str, list[float]] = field(default_factory=dict)
    pixels: dict[str, list[np.ndarray]] = field(default_factory=dict)

    @property
    def scored(self) -> bool:
        """Whether a pixel of it was labelled."""
        return bool(self.sums) and next(iter(self.sums.values()))[0] > 0


def scan(
    model: NetworkModel,
    contests: Sequence[Contest],
    scenes: Sequence[Sample],
    wanted: Mapping[str, Callable[[Sample], bool]],
    log: Callable[[str], None] = lambda _message: None,
) -> dict[str, list[SceneRecord]]:
    """Decode every scene with every method of the experts that want it.

    Args:
        model: encodes.
        contests: of one or more experts.
        scenes: of one split.
        wanted: by expert, whether it has a use for a scene.
        log: hears of the progress.

    Returns:
        Records by expert, in the order of the scenes' ids.
    """
    records: dict[str, list[SceneRecord]] = {contest.spec.name: [] for contest in contests}
    for number, sample in enumerate(sorted(scenes, key=lambda s: s.id)):
        takers = [contest for contest in contests if wanted[contest.spec.name](sample)]
        if takers:
            open_records = [SceneRecord(sample.id, sample.source, sample.region) for _ in takers]
            tiles = list(cut(sample, model.tile_size))
            random = np.random.default_rng([7, zlib.crc32(sample.id.encode())])
            for tile in tiles:
                features = model.encode(tile.reflectance, sample.available, tile.valid).parts[0]
                where = np.flatnonzero(tile.fresh)
                drawn = random.permutation(len(where))[: max(1, PIXELS // len(tiles))]
                for contest, record in zip(takers, open_records, strict=True):
                    height, width = tile.fresh.shape
                    heads = {
                        method: p[:, :, :height, :width].reshape(*p.shape[:2], -1)[:, :, where]
                        for method, p in contest.heads(features).items()
                    }
                    _measure(record, heads, drawn)
                    name = contest.spec.name
                    if name in sample.labels:
                        label = sample.labels[name][tile.window].ravel()[where]
                        _score(record, contest, heads, label)
            for contest, record in zip(takers, open_records, strict=True):
                records[contest.spec.name].append(record)
        if number % 25 == 0:
            log(f"compared {number} of {len(scenes)} scenes")
    return records


def _measure(record: SceneRecord, heads: Mapping[str, np.ndarray], drawn: np.ndarray) -> None:
    """Uncertainty of every method, from heads (M, C, n), as a mean of the tile and at the drawn pixels."""
    for method, p in heads.items():
        parts = divide(p)
        found = {"total": parts.total}
        if method in DIVIDING:
            found |= {"model": parts.model}
        for kind, values in found.items():
            key = f"{method}.{kind}"
            record.tiles.setdefault(key, []).append(float(values.mean()))
            record.pixels.setdefault(key, []).append(values[drawn])
        if method == ENSEMBLE:
            for number in range(len(p)):
                value = float(divide(p[number : number + 1]).total.mean())
                record.tiles.setdefault(f"{SINGLE}-{number}.total", []).append(value)


def _score(record: SceneRecord, contest: Contest, heads: Mapping[str, np.ndarray], label: np.ndarray) -> None:
    """Add a tile's labelled pixels to the sums of every method."""
    known = np.flatnonzero(label != UNKNOWN)
    if not known.size:
        return
    name, classes = contest.spec.name, contest.spec.channels
    answers = {method: p.mean(0) for method, p in heads.items()}
    answers |= {f"{SINGLE}-{number}": p for number, p in enumerate(heads[ENSEMBLE])}
    for key, p in answers.items():
        p, truth = p[:, known], label[known]
        table = tile_table(name, truth, p.argmax(0), classes)
        record.sums[key] = record.sums.get(key, np.zeros(SUMS)) + tally(*as_scored(name, p, truth))
        record.tables[key] = record.tables.get(key, 0) + table
