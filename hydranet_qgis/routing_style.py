"""How the routing layer is drawn: outlines over the image, the strongest expert, or one expert's scores."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsRendererCategory,
    QgsRendererRange,
    QgsSimpleFillSymbolLayer,
    QgsSingleSymbolRenderer,
)

from .expert_colors import assign
from .run_folder import OUTSIDE_MASK, Run

PROPERTY_SHOWN = "hydranet/shown"
OUTLINES, STRONGEST = "", "*strongest"
"""What can be shown besides an expert's scores; a name of an expert never begins with a star."""
_ABSTAINED = "*abstained"

# Viridis at ten equal steps: even to the eye, and readable for colour-blind people. CC0.
_HEAT = (
    *("#482374", "#453882", "#3d4e8a", "#34618d", "#2b758e"),
    *("#24878e", "#1f998a", "#35b779", "#6dcd59", "#c2df23"),
)
_ALPHA = 0.72


def show(layer: Any, run: Run, what: str) -> None:
    """Draw a run's routing layer another way.

    Args:
        layer: the routing layer.
        run: its run.
        what: OUTLINES, STRONGEST, or the name of an expert whose scores fill the tiles. Tiles without
            scores stay empty.
    """
    if what == OUTLINES:
        renderer = _outlines()
    elif what == STRONGEST:
        renderer = _strongest(run)
    else:
        renderer = _scores(what)
    layer.setRenderer(renderer)
    layer.setCustomProperty(PROPERTY_SHOWN, what)
    layer.triggerRepaint()
    layer.emitStyleChanged()  # the legend follows only this signal


def shown(layer: Any) -> str:
    """What a routing layer shows, as given to `show`."""
    return str(layer.customProperty(PROPERTY_SHOWN, OUTLINES) or OUTLINES)


def _outlines() -> QgsSingleSymbolRenderer:
    # A light line on a darker one is seen on bright and on dark images.
    symbol = QgsFillSymbol.createSimple(
        {"style": "no", "outline_color": "20,25,30,120", "outline_width": "0.7", "outline_style": "solid"}
    )
    inner = {"style": "no", "outline_color": "255,255,255,225", "outline_width": "0.22"}
    symbol.appendSymbolLayer(QgsSimpleFillSymbolLayer.create(inner))
    return QgsSingleSymbolRenderer(symbol)


def _strongest(run: Run) -> QgsCategorizedSymbolRenderer:
    colors = assign(run.experts)
    used = [expert for expert in run.experts if expert.tiles]
    categories = [QgsRendererCategory(e.name, _fill(colors[e.name]), e.label) for e in used]
    categories.append(QgsRendererCategory(_ABSTAINED, _fill("#8c979d", 0.25), "abstained"))
    # The field lists experts strongest first. What the model never saw has no colour; its value must not
    # be empty, which a category might take for its own.
    expression = (
        f"case when \"reason\" in ('no data', '{OUTSIDE_MASK}') then '*unseen' "
        f"when coalesce(\"chosen\", '') = '' then '{_ABSTAINED}' "
        "else regexp_substr(\"chosen\", '^([^,]*)') end"
    )
    return QgsCategorizedSymbolRenderer(expression, categories)


def _scores(expert: str) -> QgsGraduatedSymbolRenderer:
    """Ten equal steps rather than a continuous ramp, so that the legend tells what a colour means."""
    ranges = []
    for step, color in enumerate(_HEAT):
        low, high = step / 10, (step + 1) / 10
        ranges.append(QgsRendererRange(low, high, _fill(color), f"{low:.1f} – {high:.1f}"))
    return QgsGraduatedSymbolRenderer(f"score_{expert}", ranges)


def _fill(color: str, alpha: float = _ALPHA) -> QgsFillSymbol:
    symbol = QgsFillSymbol.createSimple(
        {"color": color, "outline_color": "255,255,255,110", "outline_width": "0.12"}
    )
    symbol.setOpacity(alpha)
    return symbol
