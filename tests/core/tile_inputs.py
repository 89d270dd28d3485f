"""Made-up rasters and labels to cut tiles from, for the tests of `tiles`."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from pyogrio import raw
from rasterio.transform import from_origin

from model_core.tiles.export import export_tiles
from model_core.tiles.request import LabelLayer, TilesRequest

WEST, NORTH, PIXEL = 500000.0, 5000000.0, 10.0
BANDS = ("blue", "green", "red", "nir")


def scene(
    path: Path, width: int = 128, height: int = 96, *, west: float = WEST, north: float = NORTH,
    crs: Any = "EPSG:32631", seed: int = 0, **tags: str,
) -> str:  # fmt: skip
    """A raster of 4 bands, reflectance x 10000; its last 8 columns hold no data."""
    values = np.random.default_rng(seed).integers(300, 3000, (4, height, width)).astype(np.uint16)
    values[:, :, -8:] = 0
    values[0, 0, 0] = 1
    place = {} if crs is None else {"crs": crs, "transform": from_origin(west, north, PIXEL, PIXEL)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", width=width, height=height, count=4, dtype="uint16", nodata=0, **place
        ) as dataset:
            dataset.write(values)
            dataset.descriptions = BANDS
            dataset.update_tags(**{"RADIOMETRY": "boa", "RADIOMETRY_SCALE": "0.0001,0", **tags})
    return str(path)


def box(
    x0: float, y0: float, x1: float, y1: float, west: float = WEST, north: float = NORTH
) -> shapely.Polygon:
    """A box of whole pixels."""
    return shapely.box(west + x0 * PIXEL, north - y1 * PIXEL, west + x1 * PIXEL, north - y0 * PIXEL)


def polygons(
    path: Path, shapes: Sequence[shapely.Geometry], crs: str | None = "EPSG:32631", layer: str = "labels",
    append: bool = False, **fields: Sequence[Any],
) -> str:  # fmt: skip
    """A vector file with the fields given."""
    data = [
        np.array(values, dtype=object if any(isinstance(v, str) or v is None for v in values) else None)
        for values in fields.values()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        raw.write(
            str(path), geometry=np.array([shapely.to_wkb(shape) for shape in shapes], dtype=object),
            field_data=data, fields=list(fields), driver="GPKG", layer=layer, geometry_type="Unknown",
            crs=crs, append=append,
        )  # fmt: skip
    return str(path)


def request(
    tmp_path: Path, labels: LabelLayer | Sequence[LabelLayer], *inputs: str, **more: Any
) -> TilesRequest:
    """A request with tiles of 32 pixels into `tmp_path/out`."""
    layers = (labels,) if isinstance(labels, LabelLayer) else tuple(labels)
    options = {"output": str(tmp_path / "out"), "tile_size": 32, "threads": 2, **more}
    return TilesRequest(inputs=inputs, labels=layers, **options)


def export(asked: TilesRequest) -> dict[str, Any]:
    """Do it, without listening."""
    return export_tiles(asked, lambda event: None, lambda: False)


def digest(folder: Path) -> dict[str, str]:
    """What lies in a folder, by name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def label_of(folder: Path, tile: str, task: str) -> np.ndarray:
    """A tile's labels."""
    with rasterio.open(folder / "labels" / f"{tile}__{task}.tif") as dataset:
        return dataset.read(1)
