"""What the scene expert said of the tiles of a run, as it is kept, written down and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .scene_expert import SceneExpertSpec, SceneScores


@dataclass(frozen=True)
class SceneTiles:
    """The scene expert's answers for n tiles.

    Attributes:
        label: int16 (n,), number of the likeliest class; -1 = it was not asked, as there is no data or the
            resolution is not its own.
        score: float32 (n,), that class's probability; NaN = not asked.
        branches: bool (n, B), the branches that ran.
    """

    label: np.ndarray
    score: np.ndarray
    branches: np.ndarray

    @classmethod
    def unasked(cls, count: int, branches: int) -> SceneTiles:
        """Of tiles of which it was not asked."""
        return cls(
            np.full(count, -1, dtype=np.int16),
            np.full(count, np.nan, dtype=np.float32),
            np.zeros((count, branches), dtype=bool),
        )

    @classmethod
    def of(cls, scores: SceneScores) -> SceneTiles:
        """The likeliest class of each tile; of equal ones the first."""
        label = np.argmax(scores.probability, axis=1)
        score = scores.probability[np.arange(len(label)), label]
        return cls(label.astype(np.int16), score.astype(np.float32), np.asarray(scores.branches, dtype=bool))

    def __len__(self) -> int:
        return len(self.label)

    def part(self, where: slice) -> SceneTiles:
        """Of some of the tiles; a view."""
        return SceneTiles(self.label[where], self.score[where], self.branches[where])

    def put(self, where: slice | list[int], other: SceneTiles) -> None:
        """Take over what is said of some of the tiles."""
        self.label[where], self.score[where] = other.label, other.score
        self.branches[where] = other.branches

    def as_list(self) -> list[list[Any] | None]:
        """Tile by tile [class, score, [numbers of branches]], None where it was not asked; for JSON."""
        return [
            None if label < 0 else [int(label), float(score), np.flatnonzero(row).tolist()]
            for label, score, row in zip(self.label, self.score, self.branches, strict=True)
        ]

    @classmethod
    def from_list(cls, rows: list[list[Any] | None], branches: int) -> SceneTiles:
        """Read what `as_list` gave.

        Raises:
            ValueError, TypeError, IndexError: it is something else.
        """
        tiles = cls.unasked(len(rows), branches)
        for number, row in enumerate(rows):
            if row is not None:
                tiles.label[number], tiles.score[number], ran = row
                tiles.branches[number, ran] = True
        return tiles

    def columns(self, spec: SceneExpertSpec) -> dict[str, np.ndarray]:
        """As columns of the routing table: class as text, its score, branch numbers from 1 as "1,3"."""
        asked = self.label >= 0
        return {
            "scene": _texts(spec.classes[n] if n >= 0 else None for n in self.label),
            "scene_score": self.score.astype(np.float64),
            "scene_branches": _texts(
                ",".join(str(n + 1) for n in np.flatnonzero(row)) if there else None
                for row, there in zip(self.branches, asked, strict=True)
            ),
        }

    @classmethod
    def from_columns(cls, fields: Mapping[str, np.ndarray], spec: SceneExpertSpec) -> SceneTiles:
        """Read what `columns` gave.

        Raises:
            KeyError, ValueError, TypeError, IndexError: a column is missing, or is not of this scene expert.
        """
        names, texts = fields["scene"], fields["scene_branches"]
        tiles = cls.unasked(len(names), len(spec.branches))
        tiles.score[:] = fields["scene_score"]
        numbers = {name: number for number, name in enumerate(spec.classes)}
        for row, (name, text) in enumerate(zip(names, texts, strict=True)):
            if name is None:
                continue
            tiles.label[row] = numbers[name]
            ran = [int(number) - 1 for number in text.split(",")]
            if len(ran) != spec.k or ran != sorted({*ran} & {*range(len(spec.branches))}):
                raise ValueError(f"branches {text}")
            tiles.branches[row, ran] = True
        if not np.array_equal(np.isnan(tiles.score), tiles.label < 0):
            raise ValueError("scores without a scene, or the other way round")
        if not ((tiles.score[tiles.label >= 0] >= 0) & (tiles.score[tiles.label >= 0] <= 1)).all():
            raise ValueError("scores that are not 0 to 1")
        return tiles


SCENE_COLUMNS = ("scene", "scene_score", "scene_branches")


def _texts(values: Any) -> np.ndarray:
    return np.array(list(values), dtype=object)
