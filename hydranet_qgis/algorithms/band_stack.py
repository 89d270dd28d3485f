"""Bands that lie in a file each, such as a Sentinel-2 product's, as one virtual raster for the worker."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsRectangle

from ..errors import InputError
from ..i18n import tr
from .block_copy import band_name

# B02, B8A, blue, nir1, … at the end of a file's name; a resolution and a date are no names.
_CODE = re.compile(r"b(0?[1-9]|1[0-2]|8a)\Z", re.IGNORECASE)
_WORD = re.compile(
    r"(pan|blue|green|yellow|red|nir|coastal|re|rededge|red_edge)[ _-]?([1-3]|i{1,3})?\Z", re.IGNORECASE
)
_NO_NAME = re.compile(r"(\d+m|\d{6,}|\d{8}t\d{6}|clip|clipped|cut|crop|cropped|merged)\Z", re.IGNORECASE)
_SEPARATOR = re.compile(r"[_\-. ]+")


@dataclass(frozen=True)
class Single:
    """One band of one layer, as plain values.

    Attributes:
        source: what GDAL opens.
        name: of the layer, for the user.
        band: what the band is called, "" if nothing says so.
        crs: well-known text, "" if unknown.
        box: where it lies.
    """

    source: str
    name: str
    band: str
    crs: str
    box: QgsRectangle


def single_of(layer: Any, source: str) -> Single:
    """What has to be known of a layer; in the main thread.

    Raises:
        InputError: it has more than one band.
    """
    if layer.bandCount() != 1:
        raise InputError(
            tr(
                "Layer '{name}' has {count} bands; give one layer with all the bands, or several with one "
                "band each."
            ).format(name=layer.name(), count=layer.bandCount())
        )
    provider = layer.dataProvider()
    told = band_name(provider.generateBandName(1), 1)
    stem = Path(source.replace("\\", "/")).stem
    band = told or name_in(stem) or name_in(layer.name())
    return Single(source, layer.name(), band, provider.crs().toWkt(), provider.extent())


def name_in(text: str) -> str:
    """The band's name at the end of a file's or layer's name; "" if there is none.

    "T32UMU_20230801T103629_B02_10m" gives "B02", "scene_red_edge_1" gives "red_edge_1".
    """
    words = [word for word in _SEPARATOR.split(text) if word]
    while words and _NO_NAME.match(words[-1]):
        words.pop()
    for count in (3, 2, 1):
        tail = "_".join(words[-count:])
        if len(words) >= count and (_WORD.match(tail) or _CODE.match(tail)):
            return tail
    return ""


def check_together(bands: Sequence[Single]) -> None:
    """Check that several bands can lie on each other.

    Raises:
        InputError: their coordinate systems differ, or two do not overlap.
    """
    first = bands[0]
    common = QgsRectangle(first.box)
    for band in bands[1:]:
        if band.crs != first.crs:
            raise InputError(
                tr(
                    "The layers '{one}' and '{other}' have different coordinate systems; reproject one of "
                    "them first."
                ).format(one=first.name, other=band.name)
            )
        common = common.intersect(band.box)
        if common.isEmpty():
            raise InputError(
                tr("The layer '{other}' does not overlap the others; choose layers of one scene.").format(
                    other=band.name
                )
            )


def write_stack(bands: Sequence[Single], path: Path) -> None:
    """Write the virtual raster: one band per layer in their order, in the finest of their resolutions.

    Raises:
        InputError: a layer cannot be read.
    """
    from osgeo import gdal

    sources = [os.path.abspath(b.source) if os.path.exists(b.source) else b.source for b in bands]
    try:
        stack = gdal.BuildVRT(str(path), sources, separate=True, resolution="highest")
        if stack is None or stack.RasterCount != len(bands):
            raise RuntimeError(gdal.GetLastErrorMsg() or "GDAL left a layer out")
        for number, band in enumerate(bands, start=1):
            stack.GetRasterBand(number).SetDescription(band.band)
        stack.FlushCache()
    except RuntimeError as error:
        raise InputError(
            tr(
                "The layers could not be put together ({why}); check that each can be opened and that none "
                "is rotated."
            ).format(why=error)
        ) from error
