"""One tile: read, labelled, judged, and made into files."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from rasterio.io import MemoryFile
from rasterio.windows import Window

from .. import __version__
from ..area import Area, lay_area
from ..area_file import Shapes
from ..radiometry import INTEGER_SCALE, SCALE_TAG
from ..routerset import LABELS, SCENES, UNKNOWN, relevance_of
from ..scene import Scene
from .labels import Labels, Placed
from .request import TilesRequest
from .source import Source

NODATA = 0
NO_DATA, UNLABELLED = "no data", "unlabelled"  # why a tile is left out


@dataclass(frozen=True)
class Cut:
    """A tile as it was cut.

    Attributes:
        record: what the journal keeps of it, see `Bench.cut`.
        files: its files by their names below the routerset; none if it is left out.
    """

    record: dict[str, Any]
    files: dict[str, bytes]


class Bench:
    """An open raster with the labels laid over it; tiles may be cut by several threads at a time."""

    def __init__(
        self, source: Source, request: TilesRequest, labels: Sequence[Labels], area: Shapes | None
    ) -> None:
        """Open the raster and place the labels.

        Raises:
            SceneError, BandError, RequestError: something cannot be read any more.
        """
        self._source, self._request, self._labels = source, request, labels
        self._lock = threading.Lock()  # GDAL's datasets are used by one thread at a time
        place = (source.crs, source.transform, source.width, source.height)
        self._scene = Scene.open(source.path, request.bands, request.radiometry, threads=request.threads)
        self._placed: list[Placed | None] = []
        try:
            self._area: Area | None = None if area is None else lay_area(area, *place)
            for layer in labels:
                self._placed.append(layer.on(*place))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the raster and the labels."""
        self._scene.close()
        for placed in self._placed:
            if placed is not None:
                placed.close()

    def cut(self, x: int, y: int) -> Cut:
        """Cut the tile whose upper left pixel is (x, y).

        Returns:
            A record with `tile` (its id), `source`, `x`, `y`, and either `left` (why it is left out) or
            `relevance` (1 or 0 by task, none if unknown), `pixels` (by task, of each class, none if nothing
            is known) and `files` (CRC-32 by name); and the files.

        Raises:
            SceneError, RequestError: raster or labels cannot be read, or labels hold a value without class.
        """
        source, size = self._source, self._request.tile_size
        width, height = min(size, source.width - x), min(size, source.height - y)
        record: dict[str, Any] = {"tile": source.tile_id(x, y), "source": source.number, "x": x, "y": y}
        with self._lock:
            patch = self._scene.read(Window(x, y, width, height))
        share = np.count_nonzero(patch.valid) / patch.valid.size
        if share < self._request.least_valid:
            return Cut({**record, "left": NO_DATA}, {})
        known = patch.valid if self._area is None else patch.valid & self._area.inside(x, y, width, height)
        labels = [
            _labelled(layer, placed, known, x, y)
            for layer, placed in zip(self._labels, self._placed, strict=True)
        ]
        if not self._request.keep_unlabelled and all((label == UNKNOWN).all() for label in labels):
            return Cut({**record, "left": UNLABELLED}, {})
        relevance, pixels = {}, {}
        transform = source.transform * Affine.translation(x, y)
        files = {f"{SCENES}/{record['tile']}.tif": self._image(patch.reflectance, patch.valid, transform)}
        for layer, label in zip(self._labels, labels, strict=True):
            task = layer.task
            needed = relevance_of(label, patch.valid, task)
            if needed is not None:
                relevance[task.name] = needed
            counts = np.bincount(label.ravel(), minlength=UNKNOWN + 1)[: len(task.classes)]
            if counts.any():
                pixels[task.name] = [int(count) for count in counts]
                name = f"{LABELS}/{record['tile']}__{task.name}.tif"
                files[name] = self._file(label[None], transform, UNKNOWN, (task.name,), {})
        told = {name: zlib.crc32(content) for name, content in files.items()}
        return Cut({**record, "relevance": relevance, "pixels": pixels, "files": told}, files)

    def _image(self, reflectance: np.ndarray, valid: np.ndarray, transform: Affine) -> bytes:
        """The image as reflectance x 10000; a valid value is at least 1, because 0 is NoData."""
        numbers = reflectance[list(self._source.bands)]
        numbers *= np.float32(1.0 / INTEGER_SCALE)
        np.clip(np.rint(numbers), 1.0, 65535.0, out=numbers)
        whole = numbers.astype(np.uint16)
        whole *= valid
        tags = {
            "CREATED_BY": f"HydraNet {__version__} tiles",
            "SOURCE": self._source.name,
            SCALE_TAG: f"{INTEGER_SCALE:g},0",
        }
        if self._source.radiometry:
            tags["RADIOMETRY"] = self._source.radiometry
        return self._file(whole, transform, NODATA, self._source.band_names, tags)

    def _file(
        self, values: np.ndarray, transform: Affine, nodata: int, names: tuple[str, ...], tags: dict[str, str]
    ) -> bytes:
        """A GeoTIFF of one tile, with NoData where the raster ends."""
        size = self._request.tile_size
        count, height, width = values.shape
        if (height, width) != (size, size):
            whole = np.full((count, size, size), nodata, dtype=values.dtype)
            whole[:, :height, :width] = values
            values = whole
        place = {} if self._source.transform.is_identity else {"transform": transform}
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff", width=size, height=size, count=count, dtype=values.dtype, nodata=nodata,
                crs=self._source.crs, tiled=True, blockxsize=size, blockysize=size, compress="DEFLATE",
                zlevel=6, predictor=2, photometric="MINISBLACK", interleave="band", num_threads=1, **place,
            ) as dataset:  # fmt: skip
                dataset.descriptions = names
                dataset.update_tags(**tags)
                dataset.write(values)
            return bytes(memory.read())


def _labelled(layer: Labels, placed: Placed | None, known: np.ndarray, x: int, y: int) -> np.ndarray:
    """The labels of a tile, 255 where nothing is known: uint8 (H, W)."""
    height, width = known.shape
    if placed is not None:
        label = placed.burn(x, y, width, height)
    else:  # no polygon lies anywhere near
        label = np.full((height, width), layer.beyond, dtype=np.uint8)
    label[~known] = UNKNOWN
    return label
