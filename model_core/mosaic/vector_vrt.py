"""Many GeoPackages as one layer, without copying a row: the text of an OGR virtual data source.

Format: https://gdal.org/drivers/vector/vrt.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import pyogrio
from rasterio.transform import array_bounds

from ..errors import OutputError
from ..geopackage import READ_FAILURES
from .layers import VectorLayer
from .raster_vrt import source_name
from .runs import Run

_TYPES = {"int32": "Integer", "int64": "Integer64", "float64": "Real", "object": "String"}
_GEOMETRY = "geom"  # as in the sources: polygons too are put together by the names of their columns
RUN = "run"
"""The column that says which run a row is from; it holds the run's name."""


def vector_vrt(layer: VectorLayer, folder: Path) -> str:
    """The virtual layer of all sources, with the columns of all of them and one for the run.

    Args:
        layer: what is in it.
        folder: where it will lie; the sources are named relative to it.

    Returns:
        XML.

    Raises:
        OutputError: a source cannot be read.
    """
    columns = _columns(layer.layer, (path for _run, path in layer.sources))
    name = escape(layer.name)
    srs = "" if layer.crs is None else f"<SRS>{escape(layer.crs.to_wkt())}</SRS>"
    # Told columns and extent, GDAL opens a source only when its rows are wanted.
    fields = "".join(f'<Field name="{escape(key)}" type="{kind}"/>\n' for key, kind in columns.items())
    sources = "".join(
        f'<OGRVRTLayer name="{escape(run.name)}">{source_name(path, folder, "SrcDataSource")}'
        f"<SrcLayer>{layer.layer}</SrcLayer></OGRVRTLayer>\n"
        for run, path in layer.sources
    )
    return (
        f'<OGRVRTDataSource>\n<OGRVRTUnionLayer name="{name}">\n{sources}'
        f'<SourceLayerFieldName>{RUN}</SourceLayerFieldName>\n<GeometryField name="{_GEOMETRY}">'
        f"<GeometryType>wkbPolygon</GeometryType>{srs}\n{_extent([run for run, _path in layer.sources])}"
        f"</GeometryField>\n{fields}</OGRVRTUnionLayer>\n</OGRVRTDataSource>\n"
    )


def _extent(runs: Sequence[Run]) -> str:
    """The rectangle around the runs' rasters, in their CRS."""
    boxes = [array_bounds(run.height, run.width, run.transform) for run in runs]
    west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
    east, north = max(box[2] for box in boxes), max(box[3] for box in boxes)
    ends = {"XMin": west, "YMin": south, "XMax": east, "YMax": north}
    return "".join(f"<Extent{name}>{value!r}</Extent{name}>\n" for name, value in ends.items())


def _columns(layer: str, paths: Iterable[Path]) -> dict[str, str]:
    """Name and type of every column, in the order in which they come up."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            info = pyogrio.read_info(path, layer=layer)
        except READ_FAILURES as error:
            raise OutputError(f"'{path}' cannot be read ({error}); run the prediction again.") from error
        for name, kind in zip(info["fields"], info["dtypes"], strict=True):
            if found.setdefault(name, _TYPES.get(str(kind), "String")) != _TYPES.get(str(kind), "String"):
                found[name] = "String"
    return found
