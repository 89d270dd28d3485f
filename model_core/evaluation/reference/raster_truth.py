"""A class raster of any CRS and pixel size as a reference: its nearest pixel."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import numpy as np
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from ...area import Area
from ...errors import HydraNetError, RequestError
from ...raster_file import detail, known_pixels, open_raster, quiet_gdal
from .codes import NONE, Codes
from .compared import check_classes, grid_of
from .legend import Legend, legend_of
from .meanings import Meanings, read_area, unnamed
from .polygons import PixelGrid
from .request import EvaluateRequest

_SAME = 1e-6  # of a pixel: grids that differ by less are one


class RasterTruth:
    """Another class raster, its nearest pixel; see `Truth`."""

    def __init__(self, path: str, grid: PixelGrid, area: Area | None, meanings: Meanings) -> None:
        """Open nothing yet; each thread opens the file for itself."""
        self.kind = "class raster"
        self.values: tuple[int, ...] = ()
        self._path, self._grid, self._area, self._meanings = path, grid, area, meanings
        self._local = threading.local()
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._codes = Codes()
        self._classes: dict[int, int | None] = {}
        self.notes: list[str] = []

    def told(self) -> list[str]:
        left = self._meanings.left_out(str(value) for value in self._codes.values)
        return [*self.notes, unnamed(left)] if left else list(self.notes)

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        source = self._opened()
        try:
            values = source.read(1, window=window)
            known = known_pixels(source, window)
        except (RasterioError, OSError) as error:
            raise RequestError(
                f"The reference '{self._path}' cannot be read ({detail(error)}); it is truncated or damaged, "
                "get it again."
            ) from error
        if self._area is not None:
            box = int(window.col_off), int(window.row_off), int(window.width), int(window.height)
            known &= self._area.inside(*box)
        if self._meanings.classes is None and not self._meanings.legend.names:
            return values, known
        return self._translated(self._codes.encode(values, known, "The reference"))

    def _translated(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classes of the input for values of the reference, by their codes."""
        table, compared = np.zeros(256, np.int64), np.zeros(256, bool)
        met = self._codes.values
        for code in np.flatnonzero(np.bincount(codes.ravel(), minlength=256)[:NONE]).tolist():
            if met[code] not in self._classes:
                self._classes[met[code]] = self._meanings.of(str(met[code]))
            value = self._classes[met[code]]
            table[code], compared[code] = value or 0, value is not None
        return table[codes], compared[codes]

    def _opened(self) -> DatasetReader | WarpedVRT:
        source = getattr(self._local, "source", None)
        if source is None:
            with quiet_gdal(1):
                dataset = open_raster(self._path, 1)
                source = dataset if same_grid(grid_of(dataset), self._grid) else self._warped(dataset)
            with self._lock:
                self._stack.callback(dataset.close)
                if source is not dataset:
                    self._stack.callback(source.close)
            self._local.source = source
        return source

    def _warped(self, dataset: DatasetReader) -> WarpedVRT:
        return WarpedVRT(
            dataset, crs=self._grid.crs, transform=self._grid.transform, width=self._grid.width,
            height=self._grid.height, resampling=Resampling.nearest, tolerance=0.01,
            add_alpha=dataset.nodata is None and ColorInterp.alpha not in dataset.colorinterp,
        )  # fmt: skip

    def close(self) -> None:
        """Close every thread's file."""
        self._stack.close()


def same_grid(one: PixelGrid, other: PixelGrid) -> bool:
    """Whether two rasters have the same pixels."""
    if one.transform.is_degenerate or other.transform.is_degenerate:
        return False
    if (one.width, one.height) != (other.width, other.height) or one.crs != other.crs:
        return False
    corners = [(0, 0), (one.width, 0), (0, one.height)]
    apart = [~other.transform * (one.transform * corner) for corner in corners]
    return all(abs(a - b) < _SAME for found, corner in zip(apart, corners, strict=True)
               for a, b in zip(found, corner, strict=True))  # fmt: skip


def open_raster_truth(request: EvaluateRequest, grid: PixelGrid, legend: Legend) -> RasterTruth:
    """Check that a raster can be the reference, and that it lies where the input does.

    Raises:
        RequestError: it cannot be read, holds no classes, does not meet the input, or something was asked
            that goes with polygons only.
    """
    for name in ("layer", "field", "background"):
        if (value := getattr(request, name)) is not None:
            raise RequestError(
                f"'{name}' is '{value}', but the reference '{request.reference}' is a raster; it goes with "
                "polygons only, leave it out."
            )
    try:
        dataset = open_raster(request.reference, 1)
    except HydraNetError as error:
        raise RequestError(
            f"The reference '{request.reference}' can be read neither as polygons nor as a raster; give a "
            "vector file such as GeoPackage or GeoJSON, or a raster of whole numbers."
        ) from error
    with dataset:
        check_classes(dataset, request.reference)
        theirs = grid_of(dataset)
        _check_place(theirs, grid, request.reference)
        names = legend_of(dataset).names
    area, notes = read_area(request, grid)
    truth = RasterTruth(request.reference, grid, area, Meanings(request.classes, legend))
    other = [
        f"{value} is '{name}' there and '{legend.names[value]}' here"
        for value, name in sorted(names.items())
        if request.classes is None and legend.names.get(value, name).casefold() != name.casefold()
    ]
    if other:
        notes = (
            *notes,
            f"Values were compared as they are, but are called otherwise: {', '.join(other[:5])}.",
        )
    truth.notes = list(notes)
    return truth


def _check_place(theirs: PixelGrid, ours: PixelGrid, path: str) -> None:
    """Refuse a raster that cannot be laid over the input."""
    if same_grid(theirs, ours):
        return
    if theirs.crs is None or ours.crs is None:
        lacks = "neither the reference nor the input has a CRS, and their pixels are not the same"
        if (theirs.crs is None) != (ours.crs is None):
            lacks = f"the {'reference' if theirs.crs is None else 'input'} has no CRS"
        raise RequestError(
            f"The reference '{path}' cannot be laid over the input, as {lacks}; give it its CRS."
        )
    if not _meet(theirs, ours):
        raise RequestError(
            f"The reference '{path}' does not overlap the input; check where both lie and which CRS they "
            "declare."
        )


def _meet(theirs: PixelGrid, ours: PixelGrid) -> bool:
    """Whether two rasters may overlap, by the boxes around them in the reference's CRS."""

    def box(grid: PixelGrid) -> tuple[float, float, float, float]:
        corners = [(0, 0), (grid.width, 0), (0, grid.height), (grid.width, grid.height)]
        xs, ys = zip(*(grid.transform * corner for corner in corners), strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    try:
        a = transform_bounds(ours.crs, theirs.crs, *box(ours), densify_pts=21)
    except Exception:  # rasterio lets PROJ's own errors through: what cannot be told is not refused here
        return True
    b = box(theirs)
    if not np.isfinite(a).all() or a[0] > a[2]:  # over the antimeridian
        return True
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
