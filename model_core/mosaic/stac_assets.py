"""The files of a run as STAC assets: what they hold, in the words of STAC's extensions.

Raster 1.1: https://github.com/stac-extensions/raster, classification 2.0:
https://github.com/stac-extensions/classification
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from pystac import Asset, Item, MediaType
from pystac.extensions.classification import Classification, ClassificationExtension
from pystac.extensions.raster import DataType, NoDataStrings, RasterBand, RasterExtension

from ..rundir import ROUTING_STYLE, RUN_JSON
from ..spec import ClassSpec, ExpertSpec
from ..uncertainty import ALEATORIC, MODEL, TOTAL
from ..writer import PROBABILITY_STEPS
from .raster_vrt import relative_to
from .runs import Raster, Run

_UNFIT = re.compile(r"[^0-9A-Za-z_-]+")
_UNCERTAINTIES = (TOTAL, ALEATORIC, MODEL)
STYLE = ["metadata", "style"]
ENDS = re.compile("[#?]")
"""What ends the path of an address."""


def href_of(path: Path, folder: Path) -> str:
    """How a document in a folder names a file.

    As it is, which is what readers open; but `#` and `?` end a path in an address, so one with these is
    percent-encoded.
    """
    name = relative_to(path, folder)[0]
    return quote(name, safe="/:") if ENDS.search(name) else name


def add_assets(item: Item, run: Run, href: dict[str, str]) -> None:
    """Add every file of a run.

    Args:
        item: takes them; it has a file name already.
        run: the run.
        href: how the item names each file, by the file's name.
    """
    for name, raster in run.rasters.items():
        text = raster.spec.description or None
        asset = Asset(href[raster.path.name], raster.spec.title, text, MediaType.COG, ["data"])
        item.add_asset(name, asset)
        RasterExtension.ext(asset, add_if_missing=True).bands = [
            _band(raster, role) for role in sorted(raster.bands, key=lambda role: raster.bands[role])
        ]
        if raster.spec.kind == "classes":
            ClassificationExtension.ext(asset, add_if_missing=True)  # its classes stand with the band
    if run.objects is not None:
        file, spec = run.objects
        asset = Asset(href[file], spec.title, spec.description or None, MediaType.GEOPACKAGE, ["data"])
        item.add_asset(spec.name, asset)
        ClassificationExtension.ext(asset, add_if_missing=True).classes = classes_of(spec.classes)
    item.add_asset(
        "routing",
        Asset(
            href[run.routing.name], "Tiles with scores and reasons", None, MediaType.GEOPACKAGE, ["metadata"]
        ),
    )
    item.add_asset("run", Asset(href[RUN_JSON], "What was run, and how", None, MediaType.JSON, ["metadata"]))
    for file in sorted(href):
        if file.endswith(".qml"):
            title = "QGIS style" + ("" if file != ROUTING_STYLE else " of the tiles")
            item.add_asset(f"style_{file[:-4]}", Asset(href[file], title, None, MediaType.XML, STYLE))


def classes_of(classes: Sequence[ClassSpec]) -> list[Classification]:
    """Classes with their colours; names are made fit, as the extension wants, and stand whole as titles."""
    taken: set[str] = set()
    found = []
    for item in classes:
        name = _UNFIT.sub("_", item.name).strip("_") or f"class_{item.value}"
        if name in taken:
            name = f"{name}_{item.value}"
        taken.add(name)
        color = None if item.color is None else item.color[1:].upper()
        found.append(
            Classification.create(
                value=item.value, name=name, title=item.name, description=item.name, color_hint=color
            )
        )
    return found


def _band(raster: Raster, role: str) -> RasterBand:
    nodata = NoDataStrings.NAN if math.isnan(raster.nodata) else raster.nodata
    share = role in _UNCERTAINTIES or raster.spec.kind == "probability"
    band = RasterBand.create(
        nodata=nodata, data_type=DataType(raster.dtype), unit=None if share else raster.spec.unit,
        scale=1 / PROBABILITY_STEPS if share else None, offset=0 if share else None,
    )  # fmt: skip
    band.properties["name"] = band_name(raster.spec, role)
    if raster.spec.kind == "classes" and role == "1":
        ClassificationExtension.ext(band).classes = classes_of(raster.spec.classes)
    return band


def band_name(spec: ExpertSpec, role: str) -> str:
    """What a band is called."""
    if role in _UNCERTAINTIES:
        return f"{role}_uncertainty"
    return {"classes": "class", "probability": "probability"}.get(spec.kind, f"{spec.name}_{role}")
