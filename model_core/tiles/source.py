"""One raster to cut tiles from: what is known of it, and where its tiles lie."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from ..area import lay_area
from ..area_file import Shapes
from ..bands import BAND_NAMES, STATUS_GIVEN
from ..radiometry import DISPLAY_SCALE
from ..scene import Scene
from .request import TilesRequest

_SENSOR_TAGS = ("SENSOR", "SATELLITE", "SPACECRAFT_NAME", "DATATAKE_1_SPACECRAFT_NAME", "PLATFORM")
_LEVEL_TAGS = ("PROCESSING_LEVEL", "PRODUCT_TYPE", "PRODUCT_URI", "PRODUCT_URI_1C", "PRODUCT_URI_2A")
_LEVELS = {"1C": "toa", "2A": "boa"}  # of Sentinel-2's products


@dataclass(frozen=True)
class Source:
    """One raster.

    Attributes:
        number: from 0, in the order of their names.
        path: as asked for.
        name: begins the names of its tiles; no two rasters have the same.
        width, height, crs, transform: of the raster.
        gsd_m: ground sampling distance (m), None = not known.
        bands: model band indices that are written: those the raster has, so no synthesised PAN.
        radiometry: "toa", "boa", "display" or "" = not known.
        sensor: as its metadata say, else "".
        record: how bands and radiometry were read, for routerset.json and the journal.
        warnings: sentences for the user.
        corners: x, y of the tiles' upper left pixels, row by row.
        outside: how many more there are outside the area.
    """

    number: int
    path: str
    name: str
    width: int
    height: int
    crs: CRS | None
    transform: Affine
    gsd_m: float | None
    bands: tuple[int, ...]
    radiometry: str
    sensor: str
    record: dict[str, Any]
    warnings: tuple[str, ...]
    corners: tuple[tuple[int, int], ...]
    outside: int

    @property
    def band_names(self) -> tuple[str, ...]:
        """Of the bands that are written."""
        return tuple(BAND_NAMES[index] for index in self.bands)

    def tile_id(self, x: int, y: int) -> str:
        """Name of a tile by the pixel it begins with."""
        return f"{self.name}_y{y:05d}_x{x:05d}"


@dataclass(frozen=True)
class _Window:
    x: int
    y: int
    width: int
    height: int


def look_at(number: int, path: str, name: str, request: TilesRequest, area: Shapes | None) -> Source:
    """Open a raster and lay the grid of tiles over it.

    Args:
        number: see `Source`.
        path: of the raster.
        name: see `Source`.
        request: for bands, radiometry and the grid.
        area: where tiles are cut; None = everywhere.

    Raises:
        SceneError, BandError, RequestError: as `Scene.open`; or the area cannot be laid over it.
    """
    with Scene.open(path, request.bands, request.radiometry, threads=1) as scene:
        mapping = scene.mapping
        bands = tuple(
            index
            for index, band in enumerate(mapping.source_band)
            if band is not None and mapping.status(index) == STATUS_GIVEN
        )
        grid = None if area is None else lay_area(area, scene.crs, scene.transform, scene.width, scene.height)
        size, corners, outside = request.tile_size, [], 0
        for x, y in _corners(scene.width, scene.height, size, request.stride or size):
            window = _Window(x, y, min(size, scene.width - x), min(size, scene.height - y))
            if grid is None or grid.touches(window):
                corners.append((x, y))
            else:
                outside += 1
        record = {
            "path": path,
            "size": [scene.width, scene.height],
            "crs": None if scene.crs is None else scene.crs.to_wkt(),
            "transform": list(scene.transform)[:6],
            "band mapping": mapping.as_dict(),
            "reflectance": scene.radiometry.as_dict(),
        }
        return Source(
            number,
            path,
            name,
            scene.width,
            scene.height,
            scene.crs,
            scene.transform,
            scene.gsd_m,
            bands,
            radiometry_kind(scene),
            _sensor(scene),
            record,
            tuple(scene.warnings),
            tuple(corners),
            outside,
        )


def _corners(width: int, height: int, size: int, stride: int) -> Iterator[tuple[int, int]]:
    """Tiles that lie wholly inside; of a raster smaller than a tile, one that begins at its corner."""
    for y in range(0, max(height - size, 0) + 1, stride):
        for x in range(0, max(width - size, 0) + 1, stride):
            yield x, y


def names_of(paths: Sequence[str]) -> dict[str, str]:
    """For each raster a name that files may bear, whatever order the rasters come in."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path in sorted(paths):
        stem = Path(path.rstrip("/")).stem or "raster"
        plain = re.sub(r"[^A-Za-z0-9-]+", "_", stem).strip("_-")[:60] or "raster"
        name, count = plain, 1
        while name.lower() in taken:  # some file systems know no capitals
            count += 1
            name = f"{plain}_{count}"
        taken.add(name.lower())
        names[path] = name
    return names


def radiometry_kind(scene: Scene) -> str:
    """What the raster's metadata say its numbers are: "toa", "boa", "display", or "" = nothing."""
    said = scene.tags.get("RADIOMETRY", "").strip().lower()
    if said in ("toa", "boa", "display"):
        return said
    if scene.radiometry.method == "range" and np.allclose(scene.radiometry.scale, DISPLAY_SCALE):
        return "display"
    upper = {key.upper(): value.upper() for key, value in scene.tags.items()}
    for key in _LEVEL_TAGS:
        found = re.search(r"(?:LEVEL-?|MSI_?L?)(1C|2A)\b|MSIL(1C|2A)_", upper.get(key, ""))
        if found:
            return _LEVELS[found[1] or found[2]]
    return ""


def _sensor(scene: Scene) -> str:
    if scene.mapping.method.startswith("sensor:"):
        return scene.mapping.method.partition(":")[2]
    upper = {key.upper(): value.strip() for key, value in scene.tags.items()}
    return next((upper[key] for key in _SENSOR_TAGS if upper.get(key)), "")
