"""A raster opened for the model: windows of reflectance with a mask, whatever the file looks like.

Reading happens band by band into the model's order and in place; nothing larger than the window is held.
A Scene is used from one thread at a time; what `read` returns depends on the window alone.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .band_choice import find_mapping
from .band_names import wavelength_from_tags
from .bands import (
    BAND_NAMES,
    PAN,
    STATUS_ALPHA,
    STATUS_MISSING,
    STATUS_SYNTHESISED,
    BandMapping,
    pan_weights,
)
from .errors import RequestError, SceneError
from .geometry import ground_sampling_distance
from .masks import Masks
from .radiometry import Radiometry, find_radiometry
from .raster_file import detail, open_raster

# Windows (n x n of them, edge in pixels) that are looked at to tell the radiometry; the second, finer
# set is read only where the first meets no valid pixel. Bounded, so a huge raster opens as fast as a small.
_SAMPLE_SETS = ((4, 64), (12, 16))
# Rounding of coordinates must not push a window one pixel outward.
_SNAP = 1e-6


@dataclass(frozen=True)
class Patch:
    """One window of a scene.

    Attributes:
        reflectance: float32 (8, H, W) in the model's band order; 0 where invalid or missing.
        valid: bool (H, W), True where every band that is used holds data.
    """

    reflectance: np.ndarray
    valid: np.ndarray


class Scene:
    """An open raster; make one with `Scene.open` and use it as a context manager.

    Attributes:
        path: as given.
        width, height: in pixels.
        crs: coordinate reference system, or None.
        transform: pixel to coordinates.
        tags: metadata of the dataset.
        gsd_m: ground sampling distance in metres at the centre, or None if unknown.
        mapping: which raster band feeds which model band.
        radiometry: how numbers become reflectance.
    """

    def __init__(self, path: str, dataset: DatasetReader, bands: str, radiometry: str) -> None:
        self.path = path
        self._dataset = dataset
        self.width, self.height = dataset.width, dataset.height
        self.crs: CRS | None = dataset.crs or None
        self.transform: Affine = dataset.transform
        self.gsd_m = ground_sampling_distance(self.crs, self.transform, self.width, self.height)
        self.tags: dict[str, str] = {**dataset.tags(ns="IMAGERY"), **dataset.tags()}
        band_tags = [{**dataset.tags(i, ns="IMAGERY"), **dataset.tags(i)} for i in dataset.indexes]
        status = _band_status(dataset, band_tags)
        self.mapping: BandMapping = find_mapping(
            bands,
            dataset.descriptions,
            [wavelength_from_tags(one) for one in band_tags],
            dataset.count,
            self.tags,
            status,
        )
        used = [(index, band) for index, band in enumerate(self.mapping.source_band) if band is not None]
        self._targets = [index for index, _ in used]
        self._sources = [band for _, band in used]
        self._types = [np.dtype(dataset.dtypes[band - 1]) for band in self._sources]
        if any(kind.kind == "c" for kind in self._types):
            raise SceneError(
                f"'{path}' holds complex numbers; HydraNet reads optical imagery, choose another raster."
            )
        self._masks = Masks(dataset, self._sources, status)
        self.radiometry: Radiometry = find_radiometry(
            radiometry,
            self.mapping.source_band,
            dataset.dtypes,
            dataset.scales,
            dataset.offsets,
            self.tags,
            self._sample,
        )
        self._pan = pan_weights(self.mapping.available) if self.mapping.source_band[PAN] is None else {}
        self._values_read = 0
        self._values_below_zero = 0

    @classmethod
    def open(cls, path: str | os.PathLike[str], bands: str = "auto", radiometry: str = "auto") -> Scene:
        """Open a raster.

        Args:
            path: a file, or anything GDAL opens (`/vsizip/...`, `NETCDF:file:variable`).
            bands: band choice, see `band_choice.find_mapping`.
            radiometry: `auto` or `scale,offset`, see `radiometry`.

        Raises:
            SceneError: no such file, no raster, or the start of it cannot be read.
            BandError: the bands cannot be matched.
            RequestError: bands or radiometry cannot be understood.
        """
        name = os.fspath(path)
        dataset = open_raster(name)
        try:
            return cls(name, dataset, bands, radiometry)
        except BaseException:
            dataset.close()
            raise

    @property
    def warnings(self) -> list[str]:
        """What the user should know, including what reading has met so far."""
        found = list(self.mapping.notes)
        if self.mapping.missing:
            names = ", ".join(self.mapping.missing)
            found.append(f"Bands the raster lacks: {names}; the model works without, but less surely.")
        if self.radiometry.warning:
            found.append(self.radiometry.warning)
        if self.crs is None:
            found.append(
                "The raster has no coordinate reference system, so its place and pixel size are unknown."
            )
        if self._values_below_zero:
            share = 100.0 * self._values_below_zero / self._values_read
            found.append(f"Reflectance was below 0 in {share:.2g} % of the values read; 0 was used there.")
        return found

    def read(self, window: Window) -> Patch:
        """Read one window.

        Args:
            window: whole pixels, wholly inside the raster.

        Raises:
            RequestError: the window is not inside the raster.
            SceneError: the file is truncated or damaged there.
        """
        x, y, width, height = (int(v) for v in (window.col_off, window.row_off, window.width, window.height))
        if width < 1 or height < 1 or x < 0 or y < 0 or x + width > self.width or y + height > self.height:
            raise RequestError(
                f"A window of {width} x {height} pixels at column {x}, row {y} was asked for, "
                f"but '{self.path}' has {self.width} x {self.height} pixels."
            )
        reflectance, valid = self._read_raw(Window(x, y, width, height))
        self._to_reflectance(reflectance, valid)
        return Patch(reflectance, valid)

    def window_from_bounds(self, xmin: float, ymin: float, xmax: float, ymax: float) -> Window:
        """The pixels that bounds in the scene's CRS touch, snapped outward and clipped to the raster.

        Raises:
            RequestError: the bounds are empty or do not meet the raster.
        """
        bounds = (xmin, ymin, xmax, ymax)
        if not all(map(math.isfinite, bounds)) or xmin >= xmax or ymin >= ymax:
            raise RequestError(
                f"The extent {bounds} is empty; give xmin, ymin, xmax, ymax with min below max."
            )
        if self.transform.is_degenerate:
            raise RequestError(f"The pixels of '{self.path}' have no size, so no extent can be found in it.")
        to_pixel = ~self.transform
        corners = [to_pixel * (x, y) for x in (xmin, xmax) for y in (ymin, ymax)]
        left, right = min(c for c, _ in corners), max(c for c, _ in corners)
        top, bottom = min(r for _, r in corners), max(r for _, r in corners)
        x0, x1 = max(0, math.floor(left + _SNAP)), min(self.width, math.ceil(right - _SNAP))
        y0, y1 = max(0, math.floor(top + _SNAP)), min(self.height, math.ceil(bottom - _SNAP))
        if x0 >= x1 or y0 >= y1:
            raise RequestError(
                f"The extent {bounds} lies outside '{self.path}'; give it in the raster's own coordinates."
            )
        return Window(x0, y0, x1 - x0, y1 - y0)

    def close(self) -> None:
        """Close the file."""
        self._dataset.close()

    def __enter__(self) -> Scene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_raw(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Raw numbers as float32 (8, H, W), those of unused bands undefined, and the mask (H, W)."""
        shape = (len(BAND_NAMES), int(window.height), int(window.width))
        values = np.empty(shape, dtype=np.float32)
        # One call for all bands, straight into the last planes; each then moves up to its place, which is
        # never behind where it was read, so no plane is overwritten before it has moved.
        first = shape[0] - len(self._sources)
        try:
            self._dataset.read(self._sources, out=values[first:], window=window)
            valid = self._masks.read(window)
        except (RasterioError, OSError, ValueError) as error:
            last_column, last_row = window.col_off + window.width - 1, window.row_off + window.height - 1
            raise SceneError(
                f"'{self.path}' cannot be read at columns {window.col_off} to {last_column}, rows "
                f"{window.row_off} to {last_row} ({detail(error)}); it is truncated or damaged, get it again."
            ) from error
        for position, target in enumerate(self._targets, start=first):
            if position != target:
                values[target] = values[position]
        self._masks.exclude(valid, values, self._targets)
        return values, valid

    def _to_reflectance(self, values: np.ndarray, valid: np.ndarray) -> None:
        """Turn raw numbers into reflectance in place, make PAN if need be, and put 0 where invalid."""
        invalid = None if valid.all() else ~valid
        for target, kind in zip(self._targets, self._types, strict=True):
            plane = values[target]
            scale, offset = self.radiometry.scale[target], self.radiometry.offset[target]
            if offset:
                plane += np.float32(offset)
            if scale != 1.0:
                plane *= np.float32(scale)
            if invalid is not None:
                np.copyto(plane, np.float32(0.0), where=invalid)
            if offset < 0.0 or kind.kind != "u":
                self._values_below_zero += int(np.count_nonzero(plane < 0.0))
                np.maximum(plane, np.float32(0.0), out=plane)
        self._values_read += int(np.count_nonzero(valid)) * len(self._targets)
        if self._pan:
            _weighted_sum(values, self._pan, out=values[PAN])
        for target, available in enumerate(self.mapping.available):
            if not available:
                values[target] = 0.0

    def _sample(self) -> np.ndarray:
        """Valid raw values of the used bands from windows spread evenly over the raster: float64 (n,)."""
        for count, edge in _SAMPLE_SETS:
            found = []
            for row in range(count):
                for col in range(count):
                    window = _spread(self.width, self.height, col, row, count, edge)
                    values, valid = self._read_raw(window)
                    found.append(values[self._targets][:, valid].ravel())
            joined = np.concatenate(found).astype(np.float64)
            if joined.size:
                return joined
        return np.empty(0)


def _weighted_sum(values: np.ndarray, weights: dict[int, float], out: np.ndarray) -> None:
    """`out` = sum of weight * plane, without a stack of copies."""
    part = np.empty_like(out)
    out.fill(0.0)
    for index, weight in weights.items():
        np.multiply(values[index], np.float32(weight), out=part)
        out += part


def _spread(width: int, height: int, col: int, row: int, count: int, edge: int) -> Window:
    """Window (col, row) of count x count ones, centred in equal parts of the raster."""
    w, h = min(edge, width), min(edge, height)
    x = min(max((2 * col + 1) * width // (2 * count) - w // 2, 0), width - w)
    y = min(max((2 * row + 1) * height // (2 * count) - h // 2, 0), height - h)
    return Window(x, y, w, h)


def _band_status(dataset: DatasetReader, band_tags: list[dict[str, str]]) -> dict[int, str]:
    """What is known of single bands (1-based): prepared as missing or synthesised, or transparency."""
    status: dict[int, str] = {}
    for band, (tags, colour) in enumerate(zip(band_tags, dataset.colorinterp, strict=True), start=1):
        if tags.get("STATUS") in (STATUS_MISSING, STATUS_SYNTHESISED):
            status[band] = tags["STATUS"]
        elif colour == ColorInterp.alpha:
            status[band] = STATUS_ALPHA
    return status
