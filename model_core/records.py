"""What a run has found out so far, in memory and, through the journal, on the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .objects.detections import Detections
from .pixel_counts import PixelCounts
from .routing import Routing
from .scene_tiles import SceneTiles


@dataclass(frozen=True)
class TileRecord:
    """What is known of one row of tiles once it is routed.

    Attributes:
        row: of tiles.
        valid: float64 (n,), share of valid pixels of its tiles.
        scores: float32 (n, E), NaN for tiles without data or not wanted.
        counts: odd pixels met while it was read.
        scenes: what the scene expert said of its n tiles; None = the model has none.
    """

    row: int
    valid: np.ndarray
    scores: np.ndarray
    counts: PixelCounts
    scenes: SceneTiles | None = None


@dataclass
class Start:
    """Where an interrupted run left off; the default is the beginning.

    Attributes:
        row: first row of tiles to work on.
        records: of all rows above it.
        spent: as given to `Output.rows_above`.
        found: by the index of each tile in these rows that went to the objects expert, what it found.
    """

    row: int = 0
    records: list[TileRecord] = field(default_factory=list)
    spent: dict[str, Any] = field(default_factory=dict)
    found: dict[int, Detections] = field(default_factory=dict)


@dataclass
class Tally:
    """What the run decided and what it cost.

    Attributes:
        scores: float32 (N, E), NaN for tiles without data and tiles not wanted.
        routing: ranks and reasons of all N tiles.
        valid: float64 (N,), share of valid pixels.
        counts: odd pixels met.
        decode_seconds: float64 (E,), thread time spent in each expert.
        seconds: thread time in `read`, `encode` (scoring included), `decode`, `blend`, `write`; these run
            beside each other, so their sum is more than the run took.
        scenes: what the scene expert said of all N tiles; None = the model has none.
    """

    scores: np.ndarray
    routing: Routing
    valid: np.ndarray
    counts: PixelCounts
    decode_seconds: np.ndarray
    seconds: dict[str, float]
    scenes: SceneTiles | None = None

    @property
    def encoded(self) -> int:
        """Tiles that went through the encoder."""
        return int((~np.isnan(self.scores[:, 0])).sum())
