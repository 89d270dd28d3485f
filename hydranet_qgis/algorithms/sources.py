"""Where a raster layer's pixels lie, and under which name the worker can open them."""

from __future__ import annotations

import os
import re
from typing import Any

# GDAL reads inside these; every other /vsi… lies in memory, on a network or in another process.
_ARCHIVES = ("/vsizip/", "/vsitar/", "/vsigzip/", "/vsi7z/", "/vsirar/")
# A driver's name before the colon; one letter would be a Windows drive.
_DRIVER = re.compile(r"[A-Za-z][A-Za-z0-9_]+:")
_SENTINEL2 = re.compile(r"SENTINEL2_L\d\w*:", re.IGNORECASE)


def local_source(layer: Any) -> str | None:
    """Source of a raster layer as another process can open it, GDAL's subdataset names unchanged.

    None if its pixels are not in a file on this computer, so that they have to be exported first.
    """
    if layer.providerType() != "gdal":
        return None
    # What follows "|" tells QGIS how to open it and is not part of GDAL's name.
    source = str(layer.source()).split("|", 1)[0]
    return source if _is_local(source) else None


def band_count(layer: Any) -> int | None:
    """Number of bands the worker will see; None where it is not the layer's.

    Of a Sentinel-2 product QGIS shows the bands of one resolution, and the worker puts those of 10 m and
    20 m together.
    """
    return None if _SENTINEL2.match(str(layer.source())) else int(layer.bandCount())


def _is_local(source: str) -> bool:
    if os.path.exists(source):
        return True
    virtual = _virtual(source)
    if virtual:
        return all(kind in _ARCHIVES for _, kind in virtual) and _archive(source[virtual[-1][0] :])
    if not _DRIVER.match(source):
        return False
    # DRIVER:file:subdataset, DRIVER:"file":subdataset or DRIVER:number:file; files may hold colons.
    parts = source.split(":")[1:]
    pieces = (":".join(parts[i:j]) for i in range(len(parts)) for j in range(len(parts), i, -1))
    return any(os.path.isfile(piece.strip('"')) for piece in pieces)


def _virtual(source: str) -> list[tuple[int, str]]:
    """GDAL's virtual file systems in a name: where each begins, and which it is."""
    return [(match.start(), match.group()) for match in re.finditer(r"/vsi[a-z0-9_]+/", source)]


def _archive(name: str) -> bool:
    """Whether the archive of /vsizip//data/x.zip/y.tif or /vsizip/{/data/x.zip}/y.xml:10m is there."""
    path = name.split("/", 2)[2].replace("{", "").replace("}", "")
    while path.strip("/\\"):
        if os.path.isfile(path):
            return True
        path = os.path.dirname(path.rstrip("/\\"))
    return False
