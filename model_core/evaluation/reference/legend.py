"""What the values of a class raster are called: from a run, from the file's own tables, or not at all."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from ...errors import RequestError

UNKNOWN_NAME = "unknown"
"""Stands in `classes` for what is not to be compared."""

# Colours of classes that have none: told apart by people who see colours differently, too (Tol's bright).
_SPARE = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#e69f00", "#999999")
_EMPTY = "#d5dade"
_MOST_LISTED = 12
# Kinds of columns of a raster attribute table, as GDAL numbers them (GDALRATFieldUsage).
_NAME_COLUMN, _MINMAX_COLUMN = "2", "5"


@dataclass(frozen=True)
class Legend:
    """Names and colours of class values.

    Attributes:
        names: value -> name; empty = the raster tells none, and any value may be a class.
        colors: value -> "#rrggbb" of those that have one.
        background: the value that stands for "nothing of interest here"; None = there is no such class.
    """

    names: Mapping[int, str]
    colors: Mapping[int, str]
    background: int | None = None

    def name(self, value: int) -> str:
        """What a value is called; the number itself where it has no name."""
        return self.names.get(value, str(value))

    def color(self, value: int) -> str:
        """The colour of a class; one from a fixed list where it has none, grey for the background."""
        if value == self.background and value not in self.colors:
            return _EMPTY
        return self.colors.get(value) or _SPARE[value % len(_SPARE)]

    def find(self, text: str, whose: str) -> int:
        """The value of a class told by its name or its number; a name goes first.

        Args:
            text: of the user, or from the reference.
            whose: where it stands, for the message.

        Raises:
            RequestError: there is no such class, or two are called so.
        """
        for fold in (str, str.casefold):
            named = [value for value, name in self.names.items() if fold(name) == fold(text.strip())]
            if len(named) == 1:
                return named[0]
            if named:
                raise RequestError(
                    f"{whose} has the class '{text}', but {len(named)} classes are called so; give its value."
                )
        if re.fullmatch(r"\s*[+-]?\d{1,9}\s*", text) and (not self.names or int(text) in self.names):
            return int(text)
        raise RequestError(
            f"{whose} has the class '{text}', which the input does not have ({self.listed()}); say what it "
            "means with --class (in QGIS: Classes), such as "
            f"'{text}={self.example()}' or '{text}={UNKNOWN_NAME}'."
        )

    def listed(self) -> str:
        """The classes in a few words."""
        if not self.names:
            return "its classes are numbers without names"
        some = [f"{value} {name}" for value, name in sorted(self.names.items())]
        more = f", … {len(some)} in all" if len(some) > _MOST_LISTED else ""
        return f"its classes are {', '.join(some[:_MOST_LISTED])}{more}"

    def example(self) -> str:
        """A class that there is."""
        return self.names[max(self.names)] if self.names else "1"


def legend_of(dataset: DatasetReader) -> Legend:
    """The legend of band 1 of a raster file: attribute table, category names, colour table.

    The tables are read as GDAL writes them down for a virtual copy, because rasterio has no other way to
    them.
    """
    text = _as_virtual(dataset)
    names = _table_names(text) or _category_names(text)
    return Legend(names, _table_colors(dataset, names))


def _as_virtual(dataset: DatasetReader) -> str:
    """The file as text of GDAL's virtual format; empty where it cannot be had."""
    path = f"/vsimem/{uuid.uuid4().hex}.vrt"
    try:
        rasterio.shutil.copy(dataset, path, driver="VRT")
        try:
            with rasterio.open(path) as copy:
                return "".join(copy.tags(ns="xml:VRT").values())
        finally:
            rasterio.shutil.delete(path)
    except (RasterioError, OSError, ValueError):
        return ""  # names are a help, not a need


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    return found[1] if found else ""


def _category_names(text: str) -> dict[int, str]:
    """Category number i is the class of value i."""
    names = re.findall(
        r"<Category(?:/>|>(.*?)</Category>)", _first(r"<CategoryNames>(.*?)</Categ\w+Names>", text)
    )
    return {value: unescape(name).strip() for value, name in enumerate(names) if name.strip()}


def _table_names(text: str) -> dict[int, str]:
    """Value and name columns of a raster attribute table."""
    table = _first(r"<GDALRasterAttributeTable[^>]*>(.*?)</GDALRasterAttributeTable>", text)
    usages = re.findall(r"<FieldDefn.*?<Usage>(\d+)</Usage>.*?</FieldDefn>", table, re.DOTALL)
    if _NAME_COLUMN not in usages or _MINMAX_COLUMN not in usages:
        return {}
    value_at, name_at = usages.index(_MINMAX_COLUMN), usages.index(_NAME_COLUMN)
    names = {}
    for row in re.findall(r"<Row[^>]*>(.*?)</Row>", table, re.DOTALL):
        cells = [unescape(cell) for cell in re.findall(r"<F(?:/>|>(.*?)</F>)", row, re.DOTALL)]
        if len(cells) != len(usages) or not re.fullmatch(r"-?\d{1,9}(\.0*)?", cells[value_at]):
            continue
        if cells[name_at].strip():
            names[int(float(cells[value_at]))] = cells[name_at].strip()
    return names


def _table_colors(dataset: DatasetReader, names: Mapping[int, str]) -> dict[int, str]:
    """Colours that a colour table gives to named values, or without names to values that differ in colour."""
    try:
        table = dataset.colormap(1)
    except ValueError:
        return {}
    colors = {value: f"#{r:02x}{g:02x}{b:02x}" for value, (r, g, b, _) in table.items()}
    # Values that nobody coloured are all black.
    return {value: color for value, color in colors.items() if value in names or color != "#000000"}
