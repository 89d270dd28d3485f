"""Made-up references, and comparisons with them, for the tests of `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from pyogrio import raw
from rasterio.transform import from_origin

from model_core.evaluation.reference.evaluate import evaluate_reference
from model_core.evaluation.reference.request import EvaluateRequest

UTM = from_origin(500000.0, 5000000.0, 10.0, 10.0)


def box(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    """A rectangle on the pixels of `UTM`; (x, y) is its upper left corner."""
    left, top = UTM * (x, y)
    return shapely.box(left, top - 10 * height, left + 10 * width, top)


def write_polygons(path: Path, polygons: list, crs: str | None = "EPSG:32631", **fields: Any) -> str:
    data = [np.array(c, dtype=object) if isinstance(c[0], str) else np.array(c) for c in fields.values()]
    names = np.array(list(fields), dtype=object)
    raw.write(
        str(path), shapely.to_wkb(np.array(polygons, dtype=object)), data, names,
        driver="GPKG", geometry_type="Polygon", crs=crs,
    )  # fmt: skip
    return str(path)


def write_classes(path: Path, values: np.ndarray, nodata: float | None = None, **more: Any) -> str:
    options = {"crs": "EPSG:32631", "transform": UTM, **more}
    height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=1, dtype=values.dtype, nodata=nodata,
        **options,
    ) as raster:  # fmt: skip
        raster.write(values, 1)
    return str(path)


def compare(source: str | Path, reference: str | Path, output: str | Path, **options: Any) -> dict[str, Any]:
    request = EvaluateRequest(str(source), str(output), str(reference), **options)
    return evaluate_reference(request, lambda event: None)


def matrix_of(folder: str | Path) -> list[list[int]]:
    """The pixels of confusion.csv."""
    lines = (Path(folder) / "confusion.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [[int(cell) for cell in line.split(",")[1:]] for line in lines]
