"""How an expert's raster is drawn: its saved style, how much shows through it, and its uncertainty.

The style beside a raster is for whoever opens it alone. Here it lies over the scene it was read from, and
gets one more style for each band of uncertainty, to switch to in QGIS's Styles menu; all are saved with the
project.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsColorRampLegendNodeSettings,
    QgsColorRampShader,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

from .run_folder import RunExpert
from .uncertainty import KINDS, MODEL, MODEL_TOP, legend_ends, style_name

PROPERTY_STYLE = "hydranet/style"
"""Checksum of the style file that a layer was given: only another one is worth losing a user's own style."""

# The image stays readable under one class, and under a map that leaves no pixel of it free even more so.
MASK_OPACITY, COVER_OPACITY = 0.7, 0.55

# At six equal steps: dark where the expert is sure, bright where it is not. Of the total and its aleatoric
# part the colours mean the same and can be compared; the model's part has others, for its range is another.
_MAGMA = ("#000004", "#3b0f70", "#8c2981", "#de4968", "#fe9f6d", "#fcfdbf")
_VIRIDIS = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725")
# Both were given to the public domain (CC0) by S. van der Walt, N. Smith and E. Firing.


def first_opacity(expert: RunExpert) -> float | None:
    """Opacity of an expert's layer when it is first shown, None to leave it to its style.

    A mask draws one class, a land cover draws every class: below both lies what the user wants to compare
    them with. Some classes among undrawn ones, and surfaces, are the style's affair.
    """
    drawn = [item for item in expert.classes if item.color is not None]
    if not drawn:
        return None
    if len(drawn) == len(expert.classes):
        return COVER_OPACITY
    return MASK_OPACITY if len(drawn) == 1 else None


def first_style(layer: Any, expert: RunExpert, style: Path | None) -> None:
    """Style a raster that has just been loaded.

    Args:
        layer: the raster.
        expert: whose it is.
        style: the file beside it.
    """
    _load(layer, style)
    opacity = first_opacity(expert)
    if opacity is not None:
        layer.setOpacity(opacity)


def follow_style(layer: Any, style: Path | None) -> bool:
    """Take over a style file that has changed, such as the range of a density; the opacity stays.

    What the user has changed in the style is kept as long as the file is the same.

    Returns:
        Whether the style file is another one.
    """
    if style is None or _checksum(style) == layer.customProperty(PROPERTY_STYLE):
        return False
    manager = layer.styleManager()
    current = manager.currentStyle()
    manager.setCurrentStyle(_own_style(manager))
    opacity = layer.opacity()
    if _load(layer, style):
        layer.setOpacity(opacity)
    manager.setCurrentStyle(current)
    return True


def offer_uncertainty(layer: Any, expert: RunExpert) -> None:
    """Add a style for each band of uncertainty, and remove those of bands that are there no more.

    The style that is shown stays. A style carries a layer's custom properties along, so this comes after
    they are set.
    """
    manager = layer.styleManager()
    bands = {kind: band for kind, band in expert.uncertainty.present() if band <= layer.bandCount()}
    for kind in KINDS:
        name = style_name(kind)
        there = name in manager.styles()
        if there and kind not in bands:
            if manager.currentStyle() == name:
                manager.setCurrentStyle(_own_style(manager))
            manager.removeStyle(name)
        elif kind in bands and not there:
            shown = manager.currentStyle()
            if manager.addStyleFromLayer(name) and manager.setCurrentStyle(name):
                layer.setRenderer(_uncertainty(layer, kind, bands[kind]))
                manager.setCurrentStyle(shown)


def _load(layer: Any, style: Path | None) -> bool:
    """Whether a style file was there and could be taken over."""
    if style is None or not style.is_file():
        return False
    _, loaded = layer.loadNamedStyle(str(style))
    if loaded:
        layer.setCustomProperty(PROPERTY_STYLE, _checksum(style))
    return bool(loaded)


def _checksum(style: Path) -> int | None:
    try:
        return zlib.crc32(style.read_bytes()) & 0x7FFFFFFF  # a project keeps it as a signed number
    except OSError:
        return None


def _own_style(manager: Any) -> str:
    """The style that is shown, or if that is one of an uncertainty, the first that is none."""
    ours = {style_name(kind) for kind in KINDS}
    current = manager.currentStyle()
    return next((name for name in [current, *manager.styles()] if name not in ours), current)


def _uncertainty(layer: Any, kind: str, band: int) -> QgsSingleBandPseudoColorRenderer:
    """A continuous ramp with a fixed range; pixels without data are not drawn, as nowhere else."""
    colors = _VIRIDIS if kind == MODEL else _MAGMA
    last = len(colors) - 1
    shares = [step / last for step in range(last + 1)]
    if kind == MODEL:
        # Even steps of the root: most of a scene lies in the lowest tenth of the range.
        shares = [share * share for share in shares]
    top = MODEL_TOP if kind == MODEL else 1.0
    stops = [QgsGradientStop(shares[step], QColor(colors[step])) for step in range(1, last)]
    ramp = QgsGradientColorRamp(QColor(colors[0]), QColor(colors[-1]), False, stops)
    items = [
        QgsColorRampShader.ColorRampItem(share * top, QColor(color), f"{share * top:.2g}")
        for share, color in zip(shares, colors)
    ]
    function = QgsColorRampShader(0.0, top, ramp, QgsColorRampShader.Type.Interpolated)
    function.setColorRampItemList(items)
    least, most = legend_ends(kind)
    legend = QgsColorRampLegendNodeSettings()
    legend.setMinimumLabel(least)
    legend.setMaximumLabel(most)
    if kind == MODEL:
        # A list of numbers: along a continuous bar uneven steps could not be read.
        legend.setUseContinuousLegend(False)
        items[0].label, items[-1].label = least, most
        function.setColorRampItemList(items)
    function.setLegendSettings(legend)
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(function)
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), band, shader)
    renderer.setClassificationMin(0.0)
    renderer.setClassificationMax(top)
    return renderer
