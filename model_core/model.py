"""What the engine asks of a model. The bundle's network is one; tests bring others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from .objects.detections import Detections
from .objects.spec import ObjectsSpec
from .scene_expert import SceneExpertSpec, SceneScores
from .spec import ExpertSpec, Macs


class Model(Protocol):
    """An encoder, a switcher, task experts, perhaps a scene and an objects expert, behind plain arrays."""

    id: str
    version: str
    sha256: str
    tile_size: int
    experts: tuple[ExpertSpec, ...]
    scene: SceneExpertSpec | None
    objects: ObjectsSpec | None  # of the one expert of kind `objects`, if there is one
    macs: Macs
    device: str  # where it runs and in which precision: both may change results, so they are recorded
    precision: str
    default_batch: int  # tiles that one inference thread best takes at once
    max_workers: int | None  # most inference threads; None = as many as there are cores

    def prepare_thread(self) -> None:
        """Called once in each inference thread, before anything else."""

    def tile_bytes(self) -> int:
        """Memory that one tile in work takes at most."""

    def feature_bytes(self) -> int:
        """Memory that the features of one tile take while they are kept."""

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> Any:
        """Read a batch of tiles once.

        Args:
            reflectance: float32 (B, 8, H, W), 0 where invalid or missing.
            available: bool (8,), which bands the scene has.
            valid: bool (B, H, W), False where there is no data.

        Returns:
            Features, opaque to the caller, to be handed to `scores`, `scene_scores` and `decode`.
        """

    def scores(self, features: Any) -> np.ndarray:
        """Calibrated probability that each expert's content is in the tile: float32 (B, E)."""

    def scene_scores(self, features: Any) -> SceneScores:
        """What the scene expert says of a batch of B tiles; only where `scene` is not None."""

    def decode(
        self, name: str, picks: Sequence[tuple[Any, Sequence[int]]], *, uncertainty: bool = False
    ) -> np.ndarray:
        """Decode chosen tiles with one expert: float32 (n, C, H, W), the caller's to change.

        `picks` are pairs of features, as `encode` gave them, and the tiles wanted of that batch: an
        expert that few tiles need is fed from several batches at once. No other tile is computed.

        `classes` experts return class probabilities summing to 1, `probability` experts one
        channel of 0 to 1, `density` experts values in their unit. Of an expert with M heads that is the
        mean over the heads, and with `uncertainty` one more plane follows, their expected entropy
        mean_m H[p_m] in parts of the largest entropy there can be.
        """

    def detect(self, name: str, picks: Sequence[tuple[Any, Sequence[int]]]) -> list[Detections]:
        """Find objects in chosen tiles with one expert of kind `objects`: for each tile its detections.

        `picks` as of `decode`. Only detections with a score of `objects.spec.FLOOR` or more are told; a
        tile's do not depend on the other tiles.
        """
