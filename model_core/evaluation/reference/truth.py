"""The reference on the pixels of the input: polygons burnt, or the nearest pixel of another raster."""

from __future__ import annotations

import os

import numpy as np
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.windows import Window

from ...burnt import Burnt
from ...errors import RequestError
from .codes import NONE
from .legend import Legend
from .meanings import Meanings, Truth, read_area, unnamed
from .polygons import PixelGrid, read_classes
from .raster_truth import open_raster_truth
from .request import EvaluateRequest


def open_truth(request: EvaluateRequest, grid: PixelGrid, legend: Legend) -> Truth:
    """Open the reference of a request for the pixels of the input.

    Args:
        request: what was asked.
        grid: of the input.
        legend: what the input's values mean.

    Raises:
        RequestError: it cannot be read, does not meet the input, or its classes are not the input's.
    """
    if is_vector(request.reference):
        return PolygonTruth(request, grid, legend)
    return open_raster_truth(request, grid, legend)


def is_vector(path: str) -> bool:
    """Whether a file has layers of places; GeoPackages may hold rasters, too.

    Raises:
        RequestError: there is no such file.
    """
    if not path.startswith("/vsi") and ":" not in path[2:] and not os.path.exists(path):
        raise RequestError(f"The reference '{path}' does not exist; check the path.")
    try:
        return any(kind is not None for _, kind in pyogrio.list_layers(path))
    except (DataSourceError, DataLayerError, OSError, ValueError):
        return False


class PolygonTruth:
    """Polygons as classes; see `Truth`."""

    def __init__(self, request: EvaluateRequest, grid: PixelGrid, legend: Legend) -> None:
        """Read all polygons.

        Raises:
            RequestError: they cannot be read, do not meet the input, or have classes that it has not.
        """
        shapes, texts = read_classes(request.reference, request.layer, request.field)
        meanings = Meanings(request.classes, legend)
        classes = {text: None if text is None else meanings.of(text) for text in dict.fromkeys(texts)}
        background = None if request.background is None else legend.find(request.background, "--background")
        values = [value for value in (*classes.values(), background) if value is not None]
        self.values = tuple(dict.fromkeys(values))
        numbers = {value: number for number, value in enumerate(self.values)}
        self._fill = NONE if background is None else numbers[background]
        self._table = np.array([*self.values, *[0] * (256 - len(self.values))], np.int64)
        codes = {text: NONE if value is None else numbers[value] for text, value in classes.items()}
        if grid.transform.is_degenerate:
            raise RequestError("The input's pixels have no size, so no polygons can be laid over it.")
        each = [codes[text] for text in texts]  # NONE hides what earlier polygons say
        self._burnt = Burnt(shapes, each, grid.crs, grid.transform, grid.width, grid.height)
        if not self._burnt.met() - {NONE}:
            raise RequestError(
                f"No polygon of the reference '{request.reference}' that has a class lies on the input; "
                "check where its polygons lie and which CRS it declares."
            )
        self._area, more = read_area(request, grid)
        self.notes = [*self._burnt.notes, *more]
        if left := meanings.left_out(text for text in classes if text is not None):
            self.notes.append(unnamed(left))
        if nothing := texts.count(None):
            self.notes.append(
                f"{nothing} polygons of the reference have nothing in the field '{request.field}'; what lies "
                "in them was not compared."
            )
        self.kind = "polygons" if request.field is None else f"polygons by their field '{request.field}'"

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        box = int(window.col_off), int(window.row_off), int(window.width), int(window.height)
        codes = self._burnt.burn(*box, self._fill)
        known = codes != NONE
        if self._area is not None:
            known &= self._area.inside(*box)
        return self._table[codes], known

    def told(self) -> list[str]:
        return self.notes

    def close(self) -> None:
        """Nothing is open."""
