"""Layers of polygons and plain tables in GeoPackages whose bytes depend on their content alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyogrio
from pyogrio import raw
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS

from .errors import OutputError

# What every GDAL since 2.2 reads without a warning; the default of new ones is not.
_VERSION = "1.2"
_CLOCK = "OGR_CURRENT_DATE"

# A damaged file may hold texts that are none.
READ_FAILURES = (DataSourceError, DataLayerError, OSError, RuntimeError, UnicodeDecodeError)


def write_layer(
    path: Path,
    layer: str,
    fields: Mapping[str, np.ndarray],
    *,
    polygons: np.ndarray | None = None,
    crs: CRS | None = None,
    nulls: Mapping[str, np.ndarray] | None = None,
    append: bool = False,
) -> None:
    """Write a layer, or a table without places.

    Args:
        path: the GeoPackage.
        layer: its name.
        fields: columns of n values; NaN and None are written as NULL.
        polygons: WKB of each row, object (n,); None = a table.
        crs: of the polygons, or None.
        nulls: bool (n,) for columns of whole numbers, True where NULL is to stand.
        append: beside the layers that are there; otherwise the file is new.

    Raises:
        OutputError: the file cannot be written.
    """
    masks = [(nulls or {}).get(name) for name in fields] if nulls else None
    clock = pyogrio.get_gdal_config_option(_CLOCK)
    pyogrio.set_gdal_config_options({_CLOCK: "2000-01-01T00:00:00.000Z"})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a scene without CRS has its own warning
            raw.write(
                str(path), geometry=polygons, field_data=list(fields.values()),
                fields=np.array(list(fields), dtype=object), field_mask=masks, driver="GPKG", layer=layer,
                geometry_type=None if polygons is None else "Polygon", crs=_crs_text(crs), append=append,
                dataset_options=None if append else {"VERSION": _VERSION},
            )  # fmt: skip
    except (DataSourceError, OSError, RuntimeError) as error:
        raise OutputError(f"'{path.name}' could not be written ({error}); check the free space.") from error
    finally:
        pyogrio.set_gdal_config_options({_CLOCK: clock})


def texts(values: Iterable[str | None]) -> np.ndarray:
    """A column of texts, object (n,)."""
    return np.array(list(values), dtype=object)


def _crs_text(crs: CRS | None) -> str | None:
    """`EPSG:n` where the CRS is exactly that, else its WKT."""
    if crs is None:
        return None
    authority = crs.to_authority(confidence_threshold=100)
    return ":".join(authority) if authority else crs.to_wkt()
