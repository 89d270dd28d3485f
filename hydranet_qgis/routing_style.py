"""How the routing layer is drawn: outlines, scene classes, the strongest expert, or one expert's numbers."""

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
from .scene_colors import scene_colors_of
from .scene_expert import spoken
from .tile_records import OUTSIDE_MASK
from .uncertainty import MODEL, TILE_MODEL_TOP, TOTAL

PROPERTY_SHOWN = "hydranet/shown"
PROPERTY_OPACITY = "hydranet/heat_opacity"
PROPERTY_RAMP = "hydranet/heat_ramp"
OUTLINES, STRONGEST, NO_TILES, SCENE = "", "*strongest", "*none", "*scene"
"""What can be shown besides an expert's scores; a name of an expert never begins with a star."""
_MARGIN = "*margin:"
_UNSURE = {TOTAL: "*uncertainty:", MODEL: "*model_uncertainty:"}
_COLUMNS = {TOTAL: "uncertainty_", MODEL: "model_uncertainty_"}
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
        what: OUTLINES, STRONGEST, NO_TILES (draws nothing), SCENE, the name of an expert whose scores fill
            the tiles, or its `margin_of` or `unsure_of`. Tiles without such a value stay empty. What the run
            does not tell, such as a scene class, gives way to the outlines.
        opacity: of the fill, 0 to 1; None leaves it as it is.
        ramp: one of `RAMPS`, None leaves it as it is.
    """
    if opacity is not None:
        layer.setCustomProperty(PROPERTY_OPACITY, min(max(float(opacity), 0.0), 1.0))
    if ramp is not None:
        layer.setCustomProperty(PROPERTY_RAMP, ramp)
    what = what if _told(run, what) else OUTLINES
    alpha, expert = opacity_of(layer), expert_of(what)
    if what == OUTLINES:
        renderer = _outlines()
    elif what == NO_TILES:
        renderer = QgsNullSymbolRenderer()
    elif what == STRONGEST:
        renderer = _strongest(run, alpha)
    elif what == SCENE:
        renderer = _scenes(run, alpha)
    elif unsure_kind(what):
        renderer = _unsure(expert, unsure_kind(what), RAMPS[ramp_of(layer)], alpha)
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


def unsure_of(expert: str, kind: str) -> str:
    """What `show` takes to draw an expert's mean uncertainty.

    Args:
        expert: its name.
        kind: TOTAL or MODEL, see `uncertainty`.
    """
    return _UNSURE[kind] + expert


def unsure_kind(what: str) -> str:
    """TOTAL or MODEL if it is one of `unsure_of`, else ""."""
    return next((kind for kind, prefix in _UNSURE.items() if what.startswith(prefix)), "")


def expert_of(what: str) -> str:
    """The expert whose score, margin or uncertainty is meant, "" for anything else."""
    kind = unsure_kind(what)
    prefix = _UNSURE[kind] if kind else _MARGIN if is_margin(what) else ""
    name = what[len(prefix) :]
    return "" if name.startswith("*") else name


def _told(run: Run, what: str) -> bool:
    """Whether the run tells what is to be drawn; runs of older versions lack scene and uncertainty."""
    if what == SCENE:
        return run.scene_expert is not None
    kind, name = unsure_kind(what), expert_of(what)
    return not kind or any(e.name == name and e.uncertainty.has_mean(kind) for e in run.experts)


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


def _scenes(run: Run, alpha: float) -> QgsCategorizedSymbolRenderer:
    """A colour per class, also of those that no tile has, so that runs can be compared."""
    categories = [
        QgsRendererCategory(name, _fill(color, alpha), spoken(name))
        for name, color in scene_colors_of(run).items()
    ]
    return QgsCategorizedSymbolRenderer("scene", categories)


def _unsure(expert: str, kind: str, colors: tuple[str, ...], alpha: float) -> QgsGraduatedSymbolRenderer:
    """Ten steps that grow with the value: see `unsure_steps`."""
    ranges = [
        QgsRendererRange(low, high, _fill(color, alpha), f"{low:.2g} – {high:.2g}")
        for (low, high), color in zip(unsure_steps(kind), colors)
    ]
    if kind == MODEL:
        # The colours end there, but no tile is left out.
        last = ranges[-1]
        ranges[-1] = QgsRendererRange(
            last.lowerValue(), 1.0, last.symbol().clone(), f"≥ {last.lowerValue():.2g}"
        )
    return QgsGraduatedSymbolRenderer(f"{_COLUMNS[kind]}{expert}", ranges)


def unsure_top(kind: str) -> float:
    """Mean uncertainty at which the colours of a tile end."""
    return TILE_MODEL_TOP if kind == MODEL else 1.0


def unsure_steps(kind: str) -> list[tuple[float, float]]:
    """Mean uncertainty from and to of each step, ascending.

    Even steps of its root: an expert is sure of most of what it is given, and the few tiles where it is not
    are to be told from those where it is a little unsure.
    """
    edges = [unsure_top(kind) * (step / STEPS) ** 2 for step in range(STEPS + 1)]
    return list(zip(edges, edges[1:]))


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
