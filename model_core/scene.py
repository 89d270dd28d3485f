"""A raster opened for the model: windows of reflectance with a mask, whatever the file looks like.

Reading happens into the model's band order and in place; nothing larger than the window is held.
A Scene is used from one thread at a time; what `read` returns depends on the window alone, and a pixel's
values on the pixel alone, however windows are cut.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .band_choice import find_mapping
from .band_names import wavelength_from_tags
from .bands import (
    PAN,
    STATUS_ALPHA,
    STATUS_MISSING,
    STATUS_SYNTHESISED,
    BandMapping,
    pan_weights,
)
from .errors import RequestError, SceneError
from .geometry import ground_sampling_distance, sample_windows, window_of_bounds
from .masks import Masks
from .pixel_counts import WHOLE, Part, PixelCounts, pixel_warnings
from .radiometry import Radiometry, find_radiometry
from .raster_file import open_raster
from .raster_reader import RasterReader
from .sentinel2 import find_product
from .windows import WindowReader

__all__ = ["Patch", "PixelCounts", "Scene", "pixel_warnings"]


@dataclass(frozen=True)
class Patch:
    """One window of a scene.

    Attributes:
        reflectance: float32 (8, H, W) in the model's band order; 0 where invalid or missing.
        valid: bool (H, W), True where every band that is used holds data.
        counts: what was corrected or left out in this window.
    """

    reflectance: np.ndarray
    valid: np.ndarray
    counts: PixelCounts = PixelCounts()


class Scene:
    """An open raster; make one with `Scene.open` and use it as a context manager.

    Attributes:
        path: as given.
        width, height: in pixels.
        crs: coordinate reference system, or None.
        transform: pixel to coordinates.
        tags: metadata of the dataset.
        descriptions: of each raster band, None where it has none.
        gsd_m: ground sampling distance in metres at the centre, or None if unknown.
        mapping: which raster band feeds which model band.
        radiometry: how numbers become reflectance.
    """

    def __init__(
        self,
        path: str,
        dataset: DatasetReader,
        bands: str,
        radiometry: str,
        skip_damaged: bool = False,
        threads: int | None = None,
        product: bool = False,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Use `Scene.open`; `product` says that the dataset is a whole Sentinel-2 product."""
        self.path = path
        self._notes = notes
        self._raster = RasterReader(dataset, threads, jpeg2000=product)
        self.width, self.height = dataset.width, dataset.height
        self.crs: CRS | None = dataset.crs or None
        self.transform: Affine = dataset.transform
        self.gsd_m = ground_sampling_distance(self.crs, self.transform, self.width, self.height)
        self.tags: dict[str, str] = {**dataset.tags(ns="IMAGERY"), **dataset.tags()}
        band_tags = [{**dataset.tags(i, ns="IMAGERY"), **dataset.tags(i)} for i in dataset.indexes]
        status = _band_status(dataset, band_tags)
        self.descriptions: tuple[str | None, ...] = dataset.descriptions
        self.mapping: BandMapping = find_mapping(
            bands,
            dataset.descriptions,
            [wavelength_from_tags(one) for one in band_tags],
            dataset.count,
            self.tags,
            status,
            [colour.name for colour in dataset.colorinterp],
        )
        used = [(index, band) for index, band in enumerate(self.mapping.source_band) if band is not None]
        self._targets = [index for index, _ in used]
        self._sources = [band for _, band in used]
        self._types = [np.dtype(dataset.dtypes[band - 1]) for band in self._sources]
        if any(kind.kind == "c" for kind in self._types):
            raise SceneError(
                f"'{path}' holds complex numbers; HydraNet reads optical imagery, choose another raster."
            )
        self._reader = WindowReader(
            path,
            dataset,
            self._raster,
            self._sources,
            self._targets,
            Masks(dataset, self._raster, self._sources, status),
            skip_damaged,
        )
        self.radiometry: Radiometry = find_radiometry(
            radiometry,
            self.mapping.source_band,
            dataset.dtypes,
            dataset.scales,
            dataset.offsets,
            self.tags,
            self._sample,
            band_tags,
            trusted=product,
        )
        self._pan = pan_weights(self.mapping.available) if self.mapping.source_band[PAN] is None else {}

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        bands: str = "auto",
        radiometry: str = "auto",
        skip_damaged: bool = False,
        threads: int | None = None,
    ) -> Scene:
        """Open a raster.

        Args:
            path: a file, anything GDAL opens (`/vsizip/...`, `NETCDF:file:variable`), or a Sentinel-2
                product: SAFE folder, its metadata file, its zip, or the driver's name for a part of it.
            bands: band choice, see `band_choice.find_mapping`.
            radiometry: `auto` or `scale,offset`, see `radiometry`.
            skip_damaged: parts that cannot be read are NoData instead of an error.
            threads: threads that decode blocks; None takes all cores up to 4.

        Raises:
            SceneError: no such file, no raster, or the start of it cannot be read.
            BandError: the bands cannot be matched.
            RequestError: bands or radiometry cannot be understood.
        """
        name = os.fspath(path)
        product = find_product(name)
        dataset, notes = product.open(threads) if product else (open_raster(name, threads), ())
        try:
            return cls(name, dataset, bands, radiometry, skip_damaged, threads, product is not None, notes)
        except BaseException:
            dataset.close()
            raise

    @property
    def warnings(self) -> list[str]:
        """What the user should know; all of it is known on opening. See `pixel_warnings` for the pixels."""
        found = [*self._notes, *self.mapping.notes]
        if self.mapping.missing:
            names = ", ".join(self.mapping.missing)
            found.append(f"Bands the raster lacks: {names}; the model works without, but less surely.")
        if self.radiometry.warning:
            found.append(self.radiometry.warning)
        if self.crs is None:
            found.append(
                "The raster has no coordinate reference system, so its place and pixel size are unknown."
            )
        return found

    def read(self, window: Window, own: Part = WHOLE) -> Patch:
        """Read one window.

        Args:
            window: whole pixels, wholly inside the raster.
            own: rows and columns of the window whose odd pixels are counted; windows that share pixels
                count each once if their own parts do not overlap.

        Raises:
            RequestError: the window is not inside the raster.
            SceneError: the file is truncated or damaged there (not with `skip_damaged`), or gone.
        """
        x, y, width, height = (int(v) for v in (window.col_off, window.row_off, window.width, window.height))
        if width < 1 or height < 1 or x < 0 or y < 0 or x + width > self.width or y + height > self.height:
            raise RequestError(
                f"A window of {width} x {height} pixels at column {x}, row {y} was asked for, "
                f"but '{self.path}' has {self.width} x {self.height} pixels."
            )
        reflectance, valid, not_finite, damaged = self._reader.read(Window(x, y, width, height), own)
        below_zero = self._to_reflectance(reflectance, valid, own)
        values = int(np.count_nonzero(valid[own])) * len(self._targets)
        return Patch(reflectance, valid, PixelCounts(values, below_zero, not_finite, damaged))

    def window_from_bounds(self, xmin: float, ymin: float, xmax: float, ymax: float) -> Window:
        """The pixels that bounds in the scene's CRS touch, snapped outward and clipped to the raster.

        Raises:
            RequestError: the bounds are empty or do not meet the raster.
        """
        return window_of_bounds((xmin, ymin, xmax, ymax), self.transform, self.width, self.height, self.path)

    def blocks_under(self, rows: int) -> int:
        """Bytes of all blocks of the used bands, in full width, that so many rows touch at most."""
        return self._raster.blocks_under(self._sources, rows)

    def close(self) -> None:
        """Close the file."""
        self._raster.close()

    def __enter__(self) -> Scene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _to_reflectance(self, values: np.ndarray, valid: np.ndarray, own: Part) -> int:
        """Turn raw numbers into reflectance in place, make PAN if need be, and put 0 where invalid.

        Returns:
            How many valid values of the part `own` were below 0 and became 0.
        """
        below_zero = 0
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
                below_zero += int(np.count_nonzero(plane[own] < 0.0))
                np.maximum(plane, np.float32(0.0), out=plane)
        if self._pan:
            _weighted_sum(values, self._pan, out=values[PAN])
        for target, available in enumerate(self.mapping.available):
            if not available:
                values[target] = 0.0
        return below_zero

    def _sample(self) -> np.ndarray:
        """Valid raw values of the used bands from windows spread evenly over the raster: float64 (n,)."""
        for windows in sample_windows(self.width, self.height):
            found = []
            for window in windows:
                values, valid, _, _ = self._reader.read(window)
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


def _band_status(dataset: DatasetReader, band_tags: list[dict[str, str]]) -> dict[int, str]:
    """What is known of single bands (1-based): prepared as missing or synthesised, or transparency."""
    status: dict[int, str] = {}
    for band, (tags, colour) in enumerate(zip(band_tags, dataset.colorinterp, strict=True), start=1):
        if tags.get("STATUS") in (STATUS_MISSING, STATUS_SYNTHESISED):
            status[band] = tags["STATUS"]
        elif colour == ColorInterp.alpha:
            status[band] = STATUS_ALPHA
    return status
