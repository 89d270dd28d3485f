"""QGIS styles (.qml) written beside the outputs, so that they look right wherever they are opened.

Plain text, made without QGIS: a paletted renderer for classes, a colour ramp for probabilities and
densities, one colour per expert for the tiles, and outlines by class and score for objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .spec import ExpertSpec

# Colour-blind-safe ramp from dark to bright (viridis at 0, 1/4, 1/2, 3/4, 1).
_RAMP = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")
# For experts without a class colour of their own.
_SPARE = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#e69f00")
_NO_COLOR = "#ffffff"
# Classes lie over the imagery they were read from; whoever judges them wants to see both.
_OPACITY = 0.7
_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


def raster_style(spec: ExpertSpec, lowest: float | None = None, highest: float | None = None) -> str:
    """Style of an expert's raster.

    Args:
        spec: the expert.
        lowest: smallest value of a `density`; a probability always runs from 0 to 1.
        highest: largest value of a `density`.

    Returns:
        QML text.
    """
    if spec.kind == "classes":
        renderer = _paletted(spec)
    elif spec.kind == "probability":
        renderer = _ramp(0.0, 1.0, "")
    else:
        low, high = (0.0 if lowest is None else lowest), (1.0 if highest is None else highest)
        renderer = _ramp(low, high if high > low else low + 1.0, spec.unit or "")
    return (
        f'{_HEAD}<qgis version="3.22.0" styleCategories="Symbology" hasScaleBasedVisibilityFlag="0">\n'
        f"<pipe>\n{renderer}"
        '<brightnesscontrast brightness="0" contrast="0" gamma="1"/>\n'
        '<huesaturation saturation="0" grayscaleMode="0" colorizeOn="0"/>\n'
        '<rasterresampler maxOversampling="2"/>\n'
        "</pipe>\n<blendMode>0</blendMode>\n</qgis>\n"
    )


def objects_style(spec: ExpertSpec) -> str:
    """Style of an objects expert's layer: outlines in the colour of the class, the firmer the surer.

    From a score of 0 to one of 1 the line grows from 0.3 to 0.9 mm, and the symbol from 40 % to all of its
    opacity. The fill lets the imagery show.

    Returns:
        QML text.
    """
    colors = [item.color or _SPARE[i % len(_SPARE)] for i, item in enumerate(spec.classes)]
    categories = "".join(
        f'<category value="{_text(c.name)}" label="{_text(c.name)}" symbol="{i}" type="string" '
        'render="true"/>\n'
        for i, c in enumerate(spec.classes)
    )
    symbols = "".join(
        f'<symbol type="fill" name="{i}" alpha="1" clip_to_extent="1" force_rhr="0">\n'
        f"{_driven('alpha', '40 + 60 * coalesce(&quot;score&quot;, 0)')}"
        '<layer class="SimpleFill" enabled="1" locked="0" pass="0">\n'
        f"{_options((('color', _channels(color, '50')), ('outline_color', _channels(color, '255'))))}"
        f"{_driven('outlineWidth', '0.3 + 0.6 * coalesce(&quot;score&quot;, 0)')}</layer>\n</symbol>\n"
        for i, color in enumerate(colors)
    )
    return (
        f'{_HEAD}<qgis version="3.22.0" styleCategories="Symbology">\n'
        '<renderer-v2 type="categorizedSymbol" attr="class" symbollevels="0" enableorderby="0" '
        'forceraster="0">\n'
        f"<categories>\n{categories}</categories>\n<symbols>\n{symbols}</symbols>\n</renderer-v2>\n"
        "<blendMode>0</blendMode>\n<featureBlendMode>0</featureBlendMode>\n"
        "<layerGeometryType>2</layerGeometryType>\n</qgis>\n"
    )


def expert_color(spec: ExpertSpec, position: int) -> str:
    """The colour an expert is known by: its first class colour, else one from a fixed list."""
    for item in spec.classes:
        if item.color is not None:
            return item.color
    return _SPARE[position % len(_SPARE)]


def tiles_style(experts: Sequence[ExpertSpec]) -> str:
    """Style of the routing table: each tile in the colour of the strongest expert it went to.

    Returns:
        QML text.
    """
    rows = [(s.name, s.title, expert_color(s, i), "110") for i, s in enumerate(experts)]
    rows += [("abstained", "abstained", "#808080", "40")]
    rows += [(value, value, "#000000", "0") for value in ("no data", "outside mask")]
    first = (
        "CASE WHEN \"reason\" IN ('no data', 'outside mask') THEN \"reason\" WHEN \"k\" = 0 THEN 'abstained' "
        "ELSE regexp_substr(\"chosen\", '^([^,]+)') END"
    )
    categories = "".join(
        f'<category value="{_text(value)}" label="{_text(label)}" symbol="{i}" type="string" '
        'render="true"/>\n'
        for i, (value, label, _color, _alpha) in enumerate(rows)
    )
    symbols = "".join(
        f'<symbol type="fill" name="{i}" alpha="1" clip_to_extent="1" force_rhr="0">\n'
        '<layer class="SimpleFill" enabled="1" locked="0" pass="0">\n'
        f"{_options((('color', _channels(color, alpha)), ('outline_color', _channels(color, '255'))))}"
        "</layer>\n</symbol>\n"
        for i, (_value, _label, color, alpha) in enumerate(rows)
    )
    return (
        f'{_HEAD}<qgis version="3.22.0" styleCategories="Symbology">\n'
        f'<renderer-v2 type="categorizedSymbol" attr="{_text(first)}" symbollevels="0" enableorderby="0" '
        'forceraster="0">\n'
        f"<categories>\n{categories}</categories>\n<symbols>\n{symbols}</symbols>\n</renderer-v2>\n"
        "<blendMode>0</blendMode>\n<featureBlendMode>0</featureBlendMode>\n"
        "<layerGeometryType>2</layerGeometryType>\n</qgis>\n"
    )


def _paletted(spec: ExpertSpec) -> str:
    entries = "".join(
        f'<paletteEntry value="{c.value}" label="{_text(c.name)}" color="{c.color or _NO_COLOR}" '
        f'alpha="{0 if c.color is None else 255}"/>\n'
        for c in spec.classes
    )
    return (
        f'<rasterrenderer type="paletted" band="1" opacity="{_OPACITY}" alphaBand="-1" nodataColor="">\n'
        f"<rasterTransparency/>\n<colorPalette>\n{entries}</colorPalette>\n</rasterrenderer>\n"
    )


def _ramp(low: float, high: float, unit: str) -> str:
    steps = [low + (high - low) * i / (len(_RAMP) - 1) for i in range(len(_RAMP))]
    items = "".join(
        f'<item value="{value!r}" label="{_text(f"{value:.4g} {unit}".strip())}" '
        f'color="{color}" alpha="255"/>\n'
        for value, color in zip(steps, _RAMP, strict=True)
    )
    return (
        '<rasterrenderer type="singlebandpseudocolor" band="1" opacity="1" alphaBand="-1" nodataColor="" '
        f'classificationMin="{low!r}" classificationMax="{high!r}">\n<rasterTransparency/>\n<rastershader>\n'
        '<colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" '
        f'minimumValue="{low!r}" maximumValue="{high!r}">\n{items}</colorrampshader>\n'
        "</rastershader>\n</rasterrenderer>\n"
    )


def _options(changes: Iterable[tuple[str, str]]) -> str:
    """A fill's properties in the new (Option) and the old (prop) notation, which both QGIS lines read."""
    values = {"style": "solid", "outline_style": "solid", "outline_width": "0.3", **dict(changes)}
    new = "".join(f'<Option type="QString" name="{k}" value="{v}"/>\n' for k, v in values.items())
    old = "".join(f'<prop k="{k}" v="{v}"/>\n' for k, v in values.items())
    return f'<Option type="Map">\n{new}</Option>\n{old}'


def _driven(name: str, expression: str) -> str:
    """A property of a symbol, or of its layer, that follows an expression, which is escaped already."""
    return (
        '<data_defined_properties>\n<Option type="Map">\n<Option type="QString" name="name" value=""/>\n'
        f'<Option type="Map" name="properties">\n<Option type="Map" name="{name}">\n'
        '<Option type="bool" name="active" value="true"/>\n'
        f'<Option type="QString" name="expression" value="{expression}"/>\n'
        '<Option type="int" name="type" value="3"/>\n</Option>\n</Option>\n'
        '<Option type="QString" name="type" value="collection"/>\n</Option>\n</data_defined_properties>\n'
    )


def _channels(color: str, alpha: str) -> str:
    return ",".join([*(str(int(color[i : i + 2], 16)) for i in (1, 3, 5)), alpha])


def _text(value: str) -> str:
    return escape(value, quote=True)
