"""What every reference has: classes that mean classes of the input, and an area that was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from rasterio.windows import Window

from ...area import Area, load_area
from .legend import UNKNOWN_NAME, Legend
from .polygons import PixelGrid
from .request import EvaluateRequest


class Truth(Protocol):
    """A reference; safe to use from several threads.

    Attributes:
        kind: what it is, in words.
        values: class values that it can say, as far as known before it is read.
    """

    kind: str
    values: tuple[int, ...]

    def told(self) -> list[str]:
        """Sentences for the user, complete when all has been read."""

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Class values, integers (h, w), and where they are known, bool (h, w)."""

    def close(self) -> None:
        """Close what is open."""


@dataclass(frozen=True)
class Meanings:
    """What the reference's values mean as classes of the input."""

    classes: Mapping[str, str] | None
    legend: Legend
    whose: str = "The reference"

    def of(self, text: str) -> int | None:
        """Class value of a value of the reference as text; None = not to be compared.

        Raises:
            RequestError: the input has no such class.
        """
        if self.classes is None:
            return None if text == UNKNOWN_NAME else self.legend.find(text, self.whose)
        said = self.classes.get(text)
        return None if said is None or said == UNKNOWN_NAME else self.legend.find(said, "--class")

    def left_out(self, texts: Iterable[str]) -> list[str]:
        """Those of the values that the mapping does not name."""
        return [] if self.classes is None else sorted(set(texts) - set(self.classes))


def unnamed(values: Iterable[str]) -> str:
    """What is said of values that were left out."""
    return f"Values of the reference that the classes do not name were not compared: {', '.join(values)}."


def read_area(request: EvaluateRequest, grid: PixelGrid) -> tuple[Area | None, tuple[str, ...]]:
    """Polygons of what was looked at, and what was met in the file; None = everything was."""
    if request.area is None:
        return None, ()
    area = load_area(request.area, grid.crs, grid.transform, grid.width, grid.height)
    return area, area.notes
