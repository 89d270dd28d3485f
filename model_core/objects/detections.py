"""What the objects expert finds in one tile, before the tiles are brought together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Detections:
    """n detections in one tile, the highest score first.

    Attributes:
        box: float32 (n, 4), x0, y0, x1, y1 in pixels of the tile's window, x1 > x0 and y1 > y0.
        outline: float32 (n, 4, 2), corners (x, y) of the oriented rectangle, in pixels of the window; they
            may lie beyond it.
        label: int16 (n,), number of the class.
        score: float32 (n,), 0 to 1.
        groups: int16 (L, g), the scene groups that were candidates in each decoder layer, strongest first;
            the same for all detections of the tile; g = 0 where the routing has none.
        experts: int16 (n, L, k), the experts that served each detection in each layer, strongest first;
            k = 0 where the routing has none.
        weights: float32 (n, L, k), their weights, which sum to 1.
    """

    box: np.ndarray
    outline: np.ndarray
    label: np.ndarray
    score: np.ndarray
    groups: np.ndarray
    experts: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.score)

    def pick(self, index: np.ndarray) -> Detections:
        """Some of them, in the order of `index`, numbers or bool (n,)."""
        return Detections(
            self.box[index], self.outline[index], self.label[index], self.score[index], self.groups,
            self.experts[index], self.weights[index],
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """JSON form; the shortest text that reads back as the same float, so nothing is lost."""
        return {
            "box": self.box.tolist(),
            "outline": self.outline.tolist(),
            "label": self.label.tolist(),
            "score": self.score.tolist(),
            "groups": self.groups.tolist(),
            "experts": self.experts.tolist(),
            "weights": self.weights.tolist(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Detections:
        """Read what `as_dict` gave.

        Raises:
            KeyError, ValueError, TypeError: it is something else.
        """
        count = len(data["score"])
        groups = _whole(data["groups"])
        if groups.ndim != 2:
            raise ValueError("groups of detections are no table")
        layers = len(groups)
        found = cls(
            _real(data["box"]).reshape(count, 4),
            _real(data["outline"]).reshape(count, 4, 2),
            _whole(data["label"]).reshape(count),
            _real(data["score"]).reshape(count),
            groups,
            _whole(data["experts"]).reshape(count, layers, -1 if count else 0),
            _real(data["weights"]).reshape(count, layers, -1 if count else 0),
        )
        if found.experts.shape != found.weights.shape:
            raise ValueError("experts and weights of detections differ in number")
        return found


def _real(values: list) -> np.ndarray:
    """Numbers as float32; nothing else is taken for one."""
    found = np.array(values)
    if found.size and found.dtype.kind not in "iuf":
        raise ValueError("a value of detections is no number")
    return found.astype(np.float32)


def _whole(values: list) -> np.ndarray:
    """Whole numbers as int16; NumPy itself would round them, or wrap around, to other ones."""
    found, most = np.array(values), np.iinfo(np.int16).max
    if found.size and not (found.dtype.kind in "iu" and -most <= found.min() <= found.max() <= most):
        raise ValueError(f"a class, group or expert of detections is no whole number up to {most}")
    return found.astype(np.int16)
