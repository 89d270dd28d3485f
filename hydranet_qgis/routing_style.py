"""How the routing layer is drawn: outlines over the image, the strongest expert, or one expert's scores."""

from __future__ import annotations

import struct
from typing import Any

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsNullSymbolRenderer,
    QgsRendererCategory,
    QgsRendererRange,
    QgsSimpleFillSymbolLayer,
    QgsSingleSymbolRenderer,
)

from .expert_colors import assign
from .heat_ramps import MARGIN, RAMPS, STEPS, VIRIDIS
from .i18n import tr
from .run_folder import Run
from .tile_records import OUTSIDE_MASK

PROPERTY_SHOWN = "hydranet/shown"
PROPERTY_OPACITY = "hydranet/heat_opacity"
PROPERTY_RAMP = "hydranet/heat_ramp"
OUTLINES, STRONGEST, NO_TILES = "", "*strongest", "*none"
"""What can be shown besides an expert's scores; a name of an expert never begins with a star."""
_MARGIN = "*margin:"
_ABSTAINED = "*abstained"

DEFAULT_OPACITY = 0.72
# A threshold at 0 or 1 leaves nothing on one side; the steps there still need some width.
_LEAST_SIDE = 0.01


def show(layer: Any, run: Run, what: str, opacity: float | None = None, ramp: str | None = None) -> None:
    """Draw a run's routing layer another way.

    What is chosen is kept with the layer, so that a project opened again shows the same.

    Args:
        layer: the routing layer.
        run: its run.
        what: OUTLINES, STRONGEST, NO_TILES (draws nothing), the name of an expert whose scores fill the
            tiles, or its `margin_of`. Tiles without scores stay empty.
        opacity: of the fill, 0 to 1; None leaves it as it is.
        ramp: one of `RAMPS`, None leaves it as it is.
    """
    if opacity is not None:
        layer.setCustomProperty(PROPERTY_OPACITY, min(max(float(opacity), 0.0), 1.0))
    if ramp is not None:
        layer.setCustomProperty(PROPERTY_RAMP, ramp)
    alpha, expert = opacity_of(layer), expert_of(what)
    if what == OUTLINES:
        renderer = _outlines()
    elif what == NO_TILES:
        renderer = QgsNullSymbolRenderer()
    elif what == STRONGEST:
        renderer = _strongest(run, alpha)
    elif is_margin(what):
        renderer = _margins(expert, _threshold(run, expert), alpha)
    else:
        renderer = _scores(expert, RAMPS[ramp_of(layer)], alpha)
    layer.setRenderer(renderer)
    layer.setCustomProperty(PROPERTY_SHOWN, what)
    layer.triggerRepaint()
    layer.emitStyleChanged()  # the legend follows only this signal


def shown(layer: Any) -> str:
    """What a routing layer shows, as given to `show`."""
    return str(layer.customProperty(PROPERTY_SHOWN, OUTLINES) or OUTLINES)


def opacity_of(layer: Any) -> float:
    """Opacity of the fill, 0 to 1."""
    try:
        return min(max(float(layer.customProperty(PROPERTY_OPACITY, DEFAULT_OPACITY)), 0.0), 1.0)
    except (TypeError, ValueError):
        return DEFAULT_OPACITY


def ramp_of(layer: Any) -> str:
    """Name of the ramp of scores, one of `RAMPS`."""
    name = str(layer.customProperty(PROPERTY_RAMP, VIRIDIS))
    return name if name in RAMPS else VIRIDIS


def margin_of(expert: str) -> str:
    """What `show` takes to draw how far an expert's scores are from its threshold."""
    return _MARGIN + expert


def is_margin(what: str) -> bool:
    """Whether it is one of `margin_of`."""
    return what.startswith(_MARGIN)


def expert_of(what: str) -> str:
    """The expert whose score or margin is meant, "" for anything else."""
    name = what[len(_MARGIN) :] if is_margin(what) else what
    return "" if name.startswith("*") else name


def _threshold(run: Run, name: str) -> float:
    return next((expert.threshold for expert in run.experts if expert.name == name), 0.5)


def _outlines() -> QgsSingleSymbolRenderer:
    # A light line on a darker one is seen on bright and on dark images.
    symbol = QgsFillSymbol.createSimple(
        {"style": "no", "outline_color": "20,25,30,120", "outline_width": "0.7", "outline_style": "solid"}
    )
    inner = {"style": "no", "outline_color": "255,255,255,225", "outline_width": "0.22"}
    symbol.appendSymbolLayer(QgsSimpleFillSymbolLayer.create(inner))
    return QgsSingleSymbolRenderer(symbol)


def _strongest(run: Run, alpha: float) -> QgsCategorizedSymbolRenderer:
    colors = assign(run.experts)
    used = [expert for expert in run.experts if expert.tiles]
    categories = [QgsRendererCategory(e.name, _fill(colors[e.name], alpha), e.label) for e in used]
    categories.append(QgsRendererCategory(_ABSTAINED, _fill("#8c979d", alpha / 3), tr("abstained")))
    # The field lists experts strongest first. What the model never saw has no colour; its value must not
    # be empty, which a category might take for its own.
    expression = (
        f"case when \"reason\" in ('no data', '{OUTSIDE_MASK}') then '*unseen' "
        f"when coalesce(\"chosen\", '') = '' then '{_ABSTAINED}' "
        "else left(\"chosen\", strpos(\"chosen\" || ',', ',') - 1) end"
    )
    return QgsCategorizedSymbolRenderer(expression, categories)


def _scores(expert: str, colors: tuple[str, ...], alpha: float) -> QgsGraduatedSymbolRenderer:
    """Ten equal steps rather than a continuous ramp, so that the legend tells what a colour means."""
    ranges = []
    for step, color in enumerate(colors):
        low, high = step / STEPS, (step + 1) / STEPS
        ranges.append(QgsRendererRange(low, high, _fill(color, alpha), f"{low:.1f} – {high:.1f}"))
    return QgsGraduatedSymbolRenderer(f"score_{expert}", ranges)


def _margins(expert: str, threshold: float, alpha: float) -> QgsGraduatedSymbolRenderer:
    """Five equal steps from score 0 up to the threshold, five from there to 1.

    Both sides are stretched to all of their colours, so that a threshold near an end still divides the
    map into tiles that are nearly chosen and tiles that are far from it.
    """
    steps = margin_steps(threshold)
    middle = steps[STEPS // 2][0]
    ranges = [
        QgsRendererRange(low, high, _fill(color, alpha), f"{low - middle:+.2f} – {high - middle:+.2f}")
        for (low, high), color in zip(steps, MARGIN)
    ]
    # A score on the border of two ranges belongs to the first one found, and one that equals its threshold
    # is in: the highest range comes first.
    return QgsGraduatedSymbolRenderer(f"score_{expert}", ranges[::-1])


def margin_steps(threshold: float) -> list[tuple[float, float]]:
    """Scores from and to of each step of the margin, ascending: half of them below the threshold."""
    # In single precision like the scores, so that one that equals its threshold is found above it.
    (middle,) = struct.unpack("f", struct.pack("f", threshold))
    middle, half = min(max(middle, _LEAST_SIDE), 1.0 - _LEAST_SIDE), STEPS // 2
    edges = [middle * step / half for step in range(half)]
    edges += [middle + (1.0 - middle) * step / half for step in range(half + 1)]
    return list(zip(edges, edges[1:]))


def _fill(color: str, alpha: float) -> QgsFillSymbol:
    symbol = QgsFillSymbol.createSimple(
        {"color": color, "outline_color": "255,255,255,110", "outline_width": "0.12"}
    )
    symbol.setOpacity(alpha)
    return symbol
