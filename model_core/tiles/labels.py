"""Label layers laid over a raster: which class each pixel of a tile is.

Polygons: see `burnt`; pixels in no polygon are the background if the layer has one. Rasters: the nearest
pixel counts. What lies outside the area that was looked at, or has no imagery, is unknown.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Protocol

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from ..area_file import Shapes, read_shapes
from ..burnt import Burnt
from ..errors import CancelledError, RequestError, SceneError
from ..raster_file import detail, known_pixels, open_raster
from ..routerset import UNKNOWN, TaskSpec
from .classes import MOST_CLASSES, task_of, texts_of, unlisted
from .request import LabelLayer

_WHAT = "label layer"


class Placed(Protocol):
    """Labels on the pixel grid of one raster."""

    def burn(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Classes of a window: uint8 (height, width), 255 = unknown."""

    def close(self) -> None:
        """Close what is open."""


class Labels(Protocol):
    """One label layer, whatever it is.

    Attributes:
        layer: what the user says of it.
        task: what it is labels of.
        notes: sentences for the user.
        beyond: class of what no label reaches, 255 = unknown.
    """

    layer: LabelLayer
    task: TaskSpec
    notes: list[str]
    beyond: int

    def on(self, crs: CRS | None, transform: Affine, width: int, height: int) -> Placed | None:
        """The labels over one raster; None where they do not reach."""


def open_labels(layer: LabelLayer, cancelled: Callable[[], bool] = lambda: False) -> Labels:
    """Read a label layer: polygons whole, of a raster what values it holds if the user does not say so.

    Raises:
        RequestError: it cannot be read, or not be understood.
        BundleError: no expert could be called as the task is.
        CancelledError: `cancelled` said so.
    """
    if layer.layer is None and layer.field is None and _is_raster(layer.path):
        return RasterLabels(layer, cancelled)
    return PolygonLabels(layer)


def _is_raster(path: str) -> bool:
    """Whether GDAL opens it as a raster; a GeoPackage with both counts as its polygons."""
    if path.lower().endswith((".gpkg", ".shp", ".geojson", ".json", ".fgb")):
        return False
    try:
        open_raster(path).close()
    except SceneError:
        return False
    return True


class PolygonLabels:
    """Polygons with a class each."""

    def __init__(self, layer: LabelLayer) -> None:
        self.layer = layer
        self.beyond = 0 if layer.background else UNKNOWN
        self._shapes: Shapes = read_shapes(layer.path, _WHAT, layer.layer, layer.field)
        values = self._shapes.values
        texts = ["1"] * len(self._shapes.polygons) if values is None else texts_of(values)
        self.task, codes = task_of(layer, sorted({text for text in texts if text is not None}), True)
        self._codes = np.array([UNKNOWN if text is None else codes[text] for text in texts], dtype=np.uint8)
        self.notes = list(self._shapes.notes)
        nothing = texts.count(None)
        if nothing:
            self.notes.append(
                f"{nothing} polygons of '{layer.path}' have nothing in the field '{layer.field}'; what "
                "lies in them is unknown."
            )

    def on(self, crs: CRS | None, transform: Affine, width: int, height: int) -> Placed | None:
        """The polygons over one raster; None where there are none."""
        burnt = Burnt(self._shapes, self._codes, crs, transform, width, height)
        return _PlacedPolygons(burnt, self.beyond) if burnt.met() else None


class _PlacedPolygons:
    """Polygons in pixel coordinates; safe to use from several threads."""

    def __init__(self, burnt: Burnt, fill: int) -> None:
        self._burnt, self._fill = burnt, fill

    def burn(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        return self._burnt.burn(x, y, width, height, self._fill)

    def close(self) -> None:
        """Nothing is open."""


class RasterLabels:
    """A raster of whole numbers."""

    def __init__(self, layer: LabelLayer, cancelled: Callable[[], bool]) -> None:
        self.layer = layer
        self.beyond = UNKNOWN
        self.notes: list[str] = []
        with _opened(layer) as dataset:
            if dataset.count != 1 and ColorInterp.alpha not in dataset.colorinterp:
                self.notes.append(
                    f"The label raster '{layer.path}' has {dataset.count} bands; the first was used."
                )
            found = [] if layer.classes is not None else _values_of(layer, dataset, cancelled)
        self.task, self._codes = task_of(layer, found, False)

    def on(self, crs: CRS | None, transform: Affine, width: int, height: int) -> Placed | None:
        """The raster over another one."""
        with ExitStack() as stack:
            dataset = stack.enter_context(_opened(self.layer))
            if dataset.crs is None or crs is None:
                _check_plain(self.layer, dataset, crs, width, height)
                stack.pop_all()
                return _PlacedRaster(self.layer, self._codes, dataset, dataset)
            try:
                alpha = ColorInterp.alpha not in dataset.colorinterp
                warped = WarpedVRT(
                    dataset, crs=crs, transform=transform, width=width, height=height,
                    resampling=Resampling.nearest, add_alpha=alpha,
                )  # fmt: skip
            except (RasterioError, ValueError) as error:
                raise RequestError(
                    f"The label raster '{self.layer.path}' cannot be brought to the raster's CRS "
                    f"({detail(error)}); save it in that CRS."
                ) from error
            stack.pop_all()
            return _PlacedRaster(self.layer, self._codes, warped, dataset)


def _check_plain(layer: LabelLayer, dataset: DatasetReader, crs: CRS | None, width: int, height: int) -> None:
    """Refuse two rasters that cannot be laid over each other for want of a CRS."""
    both = dataset.crs is None and crs is None
    if not both or (dataset.width, dataset.height) != (width, height):
        raise RequestError(
            f"The label raster '{layer.path}' of {dataset.width} x {dataset.height} pixels "
            f"{'has no' if dataset.crs is None else 'has a'} CRS and the raster of {width} x {height} "
            f"{'has none' if crs is None else 'has one'}; give both a CRS, or labels of the raster's size."
        )


class _PlacedRaster:
    """A label raster on another one's grid; one thread reads at a time."""

    def __init__(
        self,
        layer: LabelLayer,
        codes: Mapping[str, int],
        grid: DatasetReader | WarpedVRT,
        dataset: DatasetReader,
    ) -> None:
        self._layer, self._codes, self._grid, self._dataset = layer, codes, grid, dataset
        self._lock = threading.Lock()

    def burn(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        window = Window(x, y, width, height)
        try:
            with self._lock:
                values = self._grid.read(1, window=window)
                there = known_pixels(self._grid, window)
        except (RasterioError, OSError, ValueError) as error:
            raise RequestError(
                f"The label raster '{self._layer.path}' cannot be read ({detail(error)}); get it again."
            ) from error
        found = np.full((height, width), UNKNOWN, dtype=np.uint8)
        texts = _texts_in(self._layer, values[there])
        missing = sorted(text for text in texts.values() if text not in self._codes)
        if missing:
            raise unlisted(self._layer, missing)
        for value, text in texts.items():
            found[there & (values == value)] = self._codes[text]
        return found

    def close(self) -> None:
        """Close the raster."""
        self._grid.close()
        self._dataset.close()


def _opened(layer: LabelLayer) -> DatasetReader:
    try:
        dataset = open_raster(layer.path, 1)
    except SceneError as error:
        raise RequestError(f"The labels of '{layer.task}' cannot be used: {error}") from error
    if np.dtype(dataset.dtypes[0]).kind == "c":
        dataset.close()
        raise RequestError(
            f"The label raster '{layer.path}' holds complex numbers; give one of whole numbers."
        )
    return dataset


def _values_of(layer: LabelLayer, dataset: DatasetReader, cancelled: Callable[[], bool]) -> list[str]:
    """All values of a label raster, as texts, block by block."""
    found: Counter[str] = Counter()
    try:
        for _, window in dataset.block_windows(1):
            if cancelled():
                raise CancelledError("Stopped; nothing was written.")
            values = dataset.read(1, window=window)
            found.update(_texts_in(layer, values[known_pixels(dataset, window)]).values())
            if len(found) > MOST_CLASSES + 1:  # `task_of` says that this is too many
                break
    except (RasterioError, OSError, ValueError) as error:
        raise RequestError(
            f"The label raster '{layer.path}' cannot be read ({detail(error)}); get it again."
        ) from error
    return sorted(found)


def _texts_in(layer: LabelLayer, values: np.ndarray) -> dict[float, str]:
    """The distinct values, and how `LabelLayer.classes` names them; NaN is no value."""
    distinct = np.unique(values)
    if distinct.dtype.kind == "f":
        distinct = distinct[~np.isnan(distinct)]
        odd = distinct[distinct != np.rint(distinct)]
        if odd.size:
            raise RequestError(
                f"The label raster '{layer.path}' holds {odd[0]:g}, which is no whole number; give a raster "
                "of classes."
            )
    return {value: str(int(value)) for value in distinct.tolist()}
