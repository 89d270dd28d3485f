"""How an expert's raster is drawn: its saved style, how much shows through it, and its uncertainty.

The style beside a raster is for whoever opens it alone. Here it lies over the scene it was read from, and
gets a second style, "Uncertainty", to switch to in QGIS's Styles menu; both are saved with the project.
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

from .i18n import tr
from .run_folder import RunExpert

PROPERTY_STYLE = "hydranet/style"
"""Checksum of the style file that a layer was given: only another one is worth losing a user's own style."""

# The image stays readable under one class, and under a map that leaves no pixel of it free even more so.
MASK_OPACITY, COVER_OPACITY = 0.7, 0.55

# Magma at six equal steps: dark where the expert is sure, bright where it is not. CC0.
_MAGMA = ("#000004", "#3b0f70", "#8c2981", "#de4968", "#fe9f6d", "#fcfdbf")


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
    if current == uncertainty_name():
        manager.setCurrentStyle(_other_style(manager, current))
    opacity = layer.opacity()
    if _load(layer, style):
        layer.setOpacity(opacity)
    manager.setCurrentStyle(current)
    return True


def uncertainty_name() -> str:
    """Name of the second style in QGIS's Styles menu."""
    return tr("Uncertainty")


def offer_uncertainty(layer: Any, expert: RunExpert) -> None:
    """Add the style of the uncertainty band, or remove it where there is none any more.

    The style that is shown stays. A style carries a layer's custom properties along, so this comes after
    they are set.
    """
    manager, name = layer.styleManager(), uncertainty_name()
    there, band = name in manager.styles(), expert.uncertainty_band
    if band is None or band > layer.bandCount():
        if there:
            if manager.currentStyle() == name:
                manager.setCurrentStyle(_other_style(manager, name))
            manager.removeStyle(name)
        return
    if there:
        return
    shown = manager.currentStyle()
    if manager.addStyleFromLayer(name) and manager.setCurrentStyle(name):
        layer.setRenderer(_uncertainty(layer, band))
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


def _other_style(manager: Any, name: str) -> str:
    return next((other for other in manager.styles() if other != name), name)


def _uncertainty(layer: Any, band: int) -> QgsSingleBandPseudoColorRenderer:
    """A continuous ramp from 0 to 1; pixels without data are not drawn, as nowhere else."""
    last = len(_MAGMA) - 1
    stops = [QgsGradientStop(step / last, QColor(_MAGMA[step])) for step in range(1, last)]
    ramp = QgsGradientColorRamp(QColor(_MAGMA[0]), QColor(_MAGMA[-1]), False, stops)
    items = [
        QgsColorRampShader.ColorRampItem(step / last, QColor(color), f"{step / last:.1f}")
        for step, color in enumerate(_MAGMA)
    ]
    function = QgsColorRampShader(0.0, 1.0, ramp, QgsColorRampShader.Type.Interpolated)
    function.setColorRampItemList(items)
    legend = QgsColorRampLegendNodeSettings()
    legend.setMinimumLabel(tr("0 – one answer is certain"))
    legend.setMaximumLabel(tr("1 – all answers equally likely"))
    function.setLegendSettings(legend)
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(function)
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), band, shader)
    renderer.setClassificationMin(0.0)
    renderer.setClassificationMax(1.0)
    return renderer
