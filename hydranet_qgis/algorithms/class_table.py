"""Which value of a label layer is which class: from the user's table, or from how the layer is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qgis.core import NULL, QgsCategorizedSymbolRenderer, QgsPalettedRasterRenderer
from qgis.PyQt.QtGui import QColor

from ..errors import InputError
from ..i18n import tr

UNKNOWN = "unknown"
"""Class of values that are not learnt, or not compared."""

_FIRST_BAND = 1  # the one that the worker reads of a label raster
_MOST_VALUES = 1000  # of a field; more are no classes, and the worker says so


@dataclass(frozen=True)
class Classes:
    """What values mean.

    Attributes:
        names: value as text -> class name.
        colors: class name -> "#rrggbb"; others have none.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)

    def listed(self) -> str:
        """For the log."""
        return ", ".join(f"{value} = {name}" for value, name in self.names.items())


def value_text(value: Any) -> str:
    """A value of a field or a raster as a request names it: whole numbers have no point. "" for none."""
    if value is None or value == NULL:
        return ""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return str(value).strip()


def read_table(cells: Sequence[Any], columns: int) -> Classes:
    """Read the user's table, given as its cells row by row: value, class, and colour if it has `columns` 3.

    Rows without any text are passed over.

    Raises:
        InputError: a row is not whole, a value comes twice, or a colour is none.
    """
    texts = [value_text(cell) for cell in cells]
    if not any(texts):
        return Classes()  # Processing gives one cell where no table was given
    if len(texts) % columns:
        raise InputError(
            tr("The table of classes has {count} cells, which are no whole rows of {columns}.").format(
                count=len(texts), columns=columns
            )
        )
    names: dict[str, str] = {}
    colors: dict[str, str] = {}
    for start in range(0, len(texts), columns):
        value, name, color = (*texts[start : start + columns], "")[:3]
        if not (value or name or color):
            continue
        if not value or not name:
            raise InputError(
                tr(
                    "Row {row} of the table of classes has value '{value}' and class '{name}'; give both."
                ).format(row=start // columns + 1, value=value, name=name)
            )
        if value in names:
            raise InputError(
                tr("The table of classes names the value '{value}' twice; name each value once.").format(
                    value=value
                )
            )
        names[value] = name
        if color:
            if not QColor.isValidColor(color):
                raise InputError(
                    tr(
                        "The table of classes gives '{name}' the colour '{color}'; write it as #rrggbb."
                    ).format(name=name, color=color)
                )
            _add_color(colors, name, QColor(color))
    return Classes(names, colors)


def style_of_polygons(layer: Any, name: str) -> Classes | None:
    """Classes as the legend of a layer has them; None if it is not drawn by the values of that field.

    Values that the legend leaves out are what it calls all others, and unknown where it has no name for
    them.
    """
    renderer = layer.renderer() if layer is not None else None
    if not isinstance(renderer, QgsCategorizedSymbolRenderer):
        return None
    if renderer.classAttribute().strip().strip('"') != name:
        return None
    names: dict[str, str] = {}
    colors: dict[str, str] = {}
    rest = UNKNOWN
    for category in renderer.categories():
        value, label = category.value(), category.label().strip()
        values = value if isinstance(value, (list, tuple)) else [value]
        texts = [text for text in map(value_text, values) if text]
        told = label or (texts[0] if texts else UNKNOWN)
        if not texts:
            rest = told
        names.update({text: told for text in texts if text not in names})
        _add_color(colors, told, category.symbol().color())
    if not names:
        return None
    found = layer.uniqueValues(layer.fields().indexOf(name), _MOST_VALUES)
    others = sorted({value_text(value) for value in found} - set(names) - {""})
    names.update(dict.fromkeys(others, rest))
    return Classes(names, {told: colors[told] for told in names.values() if told in colors})


def style_of_raster(layer: Any) -> Classes | None:
    """Classes as the legend of a raster has them, the values ascending; None if it has no palette."""
    renderer = layer.renderer()
    if not isinstance(renderer, QgsPalettedRasterRenderer):
        return None
    band = renderer.inputBand() if hasattr(renderer, "inputBand") else renderer.band()  # before QGIS 3.38
    if band != _FIRST_BAND:
        return None
    names: dict[str, str] = {}
    colors: dict[str, str] = {}
    for item in sorted(renderer.classes(), key=lambda item: item.value):
        text = value_text(item.value)
        names[text] = item.label.strip() or text
        _add_color(colors, names[text], item.color)
    return Classes(names, colors) if names else None


def read_names(text: str) -> list[str]:
    """Names separated by commas, or by semicolons if there is one."""
    mark = ";" if ";" in text else ","
    return list(dict.fromkeys(part.strip() for part in text.split(mark) if part.strip()))


def _add_color(colors: dict[str, str], name: str, color: QColor) -> None:
    """Note the colour of a class; what is not drawn, or not learnt, has none."""
    if color.alpha() and name != UNKNOWN:
        colors.setdefault(name, color.name())
