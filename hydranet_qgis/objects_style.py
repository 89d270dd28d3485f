"""How the layer of objects is drawn: by class and score, and other ways to switch to in the Styles menu.

All steps and colours are fixed, so that runs can be compared and tiles decoded later change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsProperty,
    QgsRendererCategory,
    QgsRendererRange,
    QgsSimpleFillSymbolLayer,
    QgsSymbolLayer,
)

from .expert_colors import PALETTE
from .heat_ramps import RAMPS, STEPS, VIRIDIS
from .i18n import tr
from .objects_fields import CLASS, LENGTH, SCORE, TOP_EXPERT, give_titles
from .run_folder import RunExpert
from .scene_colors import mixed

BY_CLASS, BY_SCORE, BY_EXPERT, BY_LENGTH = KINDS = ("class", "score", "expert", "length")

LENGTHS_M = (0, 10, 20, 30, 50, 100, 200)
"""Lengths (m) at which the steps begin: small boats, fishing vessels, ferries, cargo ships; houses, halls."""

# Kept with the layer object only: which experts its style of experts was last seen to list.
_KNOWN = "hydranet_experts"
_GREY = "#8c979d"
_FILL_ALPHA, _LINE_ALPHA = (25, 130), (95, 160)  # of 255 at score 0, and what is added up to score 1
_MOST_M = 1e6


def style_name(kind: str) -> str:
    """What a style is called in QGIS's Styles menu."""
    return {
        BY_CLASS: tr("Class and score"),
        BY_SCORE: tr("Score"),
        BY_EXPERT: tr("Serving expert"),
        BY_LENGTH: tr("Length"),
    }[kind]


def expert_color(number: int) -> str:
    """Colour of one of the experts that serve objects, as `#rrggbb`.

    Args:
        number: of the expert, from 1.
    """
    turn, place = divmod(number - 1, len(PALETTE))
    color = PALETTE[place]
    return (color, mixed(color, 255), mixed(color, 0))[turn % 3]


def first_style(layer: Any, expert: RunExpert) -> None:
    """Style a layer of objects that has just been loaded: by class, the fainter the lower the score.

    Args:
        layer: the layer.
        expert: who found the objects.
    """
    give_titles(layer)
    manager = layer.styleManager()
    if style_name(BY_CLASS) not in manager.styles():
        manager.renameStyle(manager.currentStyle(), style_name(BY_CLASS))
    layer.setRenderer(_classes(layer, expert))
    layer.setLabelsEnabled(False)


def offer_styles(layer: Any) -> None:
    """Add the other styles, and to that of the experts those which are new; the style that is shown stays.

    A style carries a layer's custom properties along, so this comes after they are set.
    """
    manager = layer.styleManager()
    shown = manager.currentStyle()
    for kind in KINDS[1:]:
        name = style_name(kind)
        if name not in manager.styles() and manager.addStyleFromLayer(name) and manager.setCurrentStyle(name):
            layer.setRenderer(_other(kind))
            manager.setCurrentStyle(shown)
    served = _served(layer)
    if layer.property(_KNOWN) != served and manager.setCurrentStyle(style_name(BY_EXPERT)):
        _add_experts(layer.renderer(), served)
        manager.setCurrentStyle(shown)
        layer.setProperty(_KNOWN, served)


def _classes(layer: Any, expert: RunExpert) -> QgsCategorizedSymbolRenderer:
    """A colour per class, also of those that were not found; the score is told by opacity."""
    colors = {item.name: item.color or _GREY for item in expert.classes}
    # A class that run.json does not list is shown all the same, here as in the dock.
    index = layer.fields().indexOf(CLASS)
    there = layer.uniqueValues(index) if index >= 0 else ()
    colors.update(dict.fromkeys(sorted({str(name) for name in there if name} - {*colors}), _GREY))
    categories = []
    for name, color in colors.items():
        symbol = _outlined(color)
        line = symbol.symbolLayer(symbol.symbolLayerCount() - 1)
        line.setDataDefinedProperty(_key("FillColor"), _faded(*_FILL_ALPHA))
        line.setDataDefinedProperty(_key("StrokeColor"), _faded(*_LINE_ALPHA))
        categories.append(QgsRendererCategory(name, symbol, name))
    return QgsCategorizedSymbolRenderer(CLASS, categories)


def _other(kind: str) -> QgsCategorizedSymbolRenderer | QgsGraduatedSymbolRenderer:
    if kind == BY_SCORE:
        return _scores()
    if kind == BY_LENGTH:
        return _lengths()
    # What no expert served, as the network does not route, is taken in by the category of all others.
    return QgsCategorizedSymbolRenderer(TOP_EXPERT, [QgsRendererCategory(None, _plain(_GREY), tr("none"))])


def _scores() -> QgsGraduatedSymbolRenderer:
    ranges = []
    for step, color in enumerate(RAMPS[VIRIDIS]):
        low, high = step / STEPS, (step + 1) / STEPS
        ranges.append(QgsRendererRange(low, high, _plain(color), f"{low:.1f} – {high:.1f}"))
    # A score on the border of two steps belongs to the first one found: the higher one.
    return QgsGraduatedSymbolRenderer(SCORE, ranges[::-1])


def _lengths() -> QgsGraduatedSymbolRenderer:
    """Steps of metres, and one for objects whose length is not known, which must not vanish."""
    ranges = [QgsRendererRange(-1.0, -1.0, _plain(_GREY), tr("unknown"))]
    colors = RAMPS["magma"][-len(LENGTHS_M) :]
    for low, high, color in zip(LENGTHS_M, [*LENGTHS_M[1:], _MOST_M], colors):
        text = f"{low} – {high} m" if high != _MOST_M else f"≥ {low} m"
        ranges.append(QgsRendererRange(low, high, _plain(color), text))
    return QgsGraduatedSymbolRenderer(f'coalesce("{LENGTH}", -1)', ranges[::-1])


def _add_experts(renderer: Any, served: list[int]) -> None:
    """Add categories of experts that are not listed yet; a renderer of the user's own stays as it is."""
    if not isinstance(renderer, QgsCategorizedSymbolRenderer) or renderer.classAttribute() != TOP_EXPERT:
        return
    categories = [(_number(item.value()), QgsRendererCategory(item)) for item in renderer.categories()]
    known = {number for number, _ in categories}
    for number in served:
        if number not in known:
            title = tr("Expert {number}").format(number=number)
            item = QgsRendererCategory(number, _plain(expert_color(number)), title)
            categories.append((number, item))
    renderer.deleteAllCategories()
    # By number, which a renderer that was saved keeps as text; that of all others comes last.
    for _, item in sorted(categories, key=lambda pair: (pair[0] is None, pair[0] or 0)):
        renderer.addCategory(item)


def _served(layer: Any) -> list[int]:
    """Numbers of the experts that served an object of the layer most, ascending."""
    index = layer.fields().indexOf(TOP_EXPERT)
    found: Iterable[Any] = layer.uniqueValues(index) if index >= 0 else ()
    return sorted(number for number in map(_number, found) if number is not None)


def _number(value: Any) -> int | None:
    """A number as a table or a category holds it, None for none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _faded(least: int, more: int) -> QgsProperty:
    """The symbol's own colour, the more opaque the higher the score; in the legend that of score 1."""
    alpha = f'{least} + {more} * coalesce("{SCORE}", 1)'
    return QgsProperty.fromExpression(f"set_color_part(@symbol_color, 'alpha', {alpha})")


def _outlined(color: str) -> QgsFillSymbol:
    """A filled outline on a darker one, which is seen on bright and on dark images."""
    symbol = QgsFillSymbol.createSimple(
        {"color": color, "style": "no", "outline_color": "20,25,30,110", "outline_width": "0.8"}
    )
    line = {"color": color, "outline_color": color, "outline_width": "0.4"}
    symbol.appendSymbolLayer(QgsSimpleFillSymbolLayer.create(line))
    return symbol


def _plain(color: str) -> QgsFillSymbol:
    """The same without a score to be told."""
    symbol = _outlined(color)
    symbol.symbolLayer(1).setFillColor(_see_through(symbol.symbolLayer(1).fillColor()))
    return symbol


def _see_through(color: Any) -> Any:
    color.setAlpha(sum(_FILL_ALPHA))
    return color


def _key(name: str) -> Any:
    """A property of a symbol layer, which older versions call otherwise."""
    keys = QgsSymbolLayer.Property
    return getattr(keys, name) if hasattr(keys, name) else getattr(keys, f"Property{name}")
