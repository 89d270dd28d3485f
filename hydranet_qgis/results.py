"""A run folder's files as layers of a project: what to load, in which order, and bringing it up to date.

Works with and without a window. How layers look is told in `layer_styles` and `routing_style`, what they
say of themselves in `layer_metadata`, where they lie in `layer_group`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsMessageLog,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from . import layer_styles, objects_style, routing_style
from .i18n import tr
from .layer_files import file_of, is_current, note_opened, reopen, stands_in
from .layer_group import put_into_group, run_group
from .layer_identity import (
    PROPERTY_ROLE,
    PROPERTY_RUN,
    ROUTING_ROLE,
    expert_role,
    find_layer,
    is_tied,
    layer_role,
    own_layers,
    run_folder_of,
    tie,
)
from .layer_metadata import describe_layer
from .run_folder import Run, RunExpert

__all__ = [
    "PROPERTY_ROLE",
    "PROPERTY_RUN",
    "ROUTING_ROLE",
    "PlannedLayer",
    "find_layer",
    "finish_layer",
    "layer_role",
    "load_routing",
    "load_run",
    "loading_steps",
    "place_in_group",
    "plan",
    "plan_expert",
    "refresh_layer",
    "run_folder_of",
]

# Legends longer than this start folded.
_OPEN_LEGEND = 8


@dataclass(frozen=True)
class PlannedLayer:
    """One layer of a run.

    Attributes:
        source: what QGIS opens.
        name: of the layer.
        role: "routing" or "expert:<name>".
        style: its style file, None for the routing layer.
        order: position in the group, 0 on top.
        classes: length of its legend.
        is_raster: whether it is an expert's raster, rather than the table of tiles or a layer of objects.
    """

    source: str
    name: str
    role: str
    style: Path | None
    order: int
    classes: int = 0
    is_raster: bool = False


def plan(run: Run) -> list[PlannedLayer]:
    """The run's layers, top first.

    Objects lie on top, as they cover least, then the tiles' outlines. Below them what covers little lies
    above what covers much, and continuous surfaces, which hide everything under them, at the bottom.
    """
    produced = [expert for expert in run.experts if expert.output is not None]
    rasters = [expert for expert in produced if not expert.finds_objects]
    rasters.sort(
        key=lambda e: (e.kind != "classes", e.foreground if e.foreground is not None else e.pixels, e.name)
    )
    layers = [_planned(expert) for expert in produced if expert.finds_objects]
    layers.append(PlannedLayer(run.routing_uri, tr("Routing"), ROUTING_ROLE, None, 0))
    layers += [_planned(expert) for expert in rasters]
    return [replace(layer, order=order) for order, layer in enumerate(layers)]


def plan_expert(run: Run, expert: RunExpert) -> PlannedLayer:
    """What an expert's layer is in the run; of one that was never routed, what it would be at the bottom."""
    layers = plan(run)
    own = next((layer for layer in layers if layer.role == expert_role(expert.name)), None)
    return own if own is not None else replace(_planned(expert), order=len(layers))


def _planned(expert: RunExpert) -> PlannedLayer:
    return PlannedLayer(
        expert.source,
        expert.label,
        expert_role(expert.name),
        expert.style,
        0,
        len(expert.classes),
        is_raster=not expert.finds_objects,
    )


def finish_layer(
    layer: Any, run: Run, planned: PlannedLayer, crs: QgsCoordinateReferenceSystem | None = None
) -> None:
    """Style a layer that has just been loaded, describe it and tie it to its run.

    Processing hands over the layer of an earlier run where one of the same file is in the project; that
    one is brought up to date.

    Args:
        layer: raster or vector layer.
        run: its run.
        planned: what it is in the run.
        crs: used if the layer has none, because its scene has none but the user told QGIS one.
    """
    layer.setName(planned.name)  # Processing prefers file names
    if layer.customProperty(PROPERTY_ROLE) == planned.role:
        refresh_layer(layer, run, planned)
        return
    expert = _expert(run, planned)
    if expert is None:
        # The style beside the table fills the tiles, for whoever opens it alone; here rasters lie below.
        routing_style.show(layer, run, routing_style.OUTLINES)
    elif planned.is_raster:
        layer_styles.first_style(layer, expert, planned.style)
    else:
        objects_style.first_style(layer, expert)
    if crs is not None and crs.isValid() and not layer.crs().isValid():
        layer.setCrs(crs)
    _tell(layer, run, planned)
    note_opened(layer)
    layer.triggerRepaint()


def refresh_layer(layer: Any, run: Run, planned: PlannedLayer) -> None:
    """Have a layer whose file was replaced show the new one.

    What the user has set stays: name, visibility, opacity, place, filter, and the style unless the run
    brings another one. A file that is still the same is not read again: with many layers that takes time,
    and so does drawing them.
    """
    changed = not (is_current(layer) or stands_in(layer))
    if changed:
        _read_again(layer, planned)
    if planned.role == ROUTING_ROLE:
        routing_style.show(layer, run, routing_style.shown(layer))
        _tell(layer, run, planned)
        return
    if planned.is_raster:
        changed = layer_styles.follow_style(layer, planned.style) or changed
    _tell(layer, run, planned)
    if changed:
        layer.triggerRepaint()
        layer.emitStyleChanged()  # the legend follows only this signal


def place_in_group(project: QgsProject, layer: Any, run: Run) -> None:
    """Move a layer of the project into its run's group, at its place in the order.

    A run that was overwritten keeps its group, and loses the layers it no longer has.
    """
    planned = {item.role: item for item in plan(run)}
    role = layer_role(layer)
    orders = {item.role: item.order for item in planned.values()}
    unfolded = role in planned and planned[role].classes <= _OPEN_LEGEND
    put_into_group(project, layer, run, role, orders, unfolded)
    _remove_stale(project, run)


def load_run(run: Run, project: QgsProject) -> list[Any]:
    """Bring a run's layers in the project in line with its folder.

    Missing ones are added in order, those already there read their files again, and those the run no
    longer has are removed.

    Returns:
        All layers of the run in the project, top first.
    """
    layers = [step() for step in loading_steps(run, project)]
    return [layer for layer in layers if layer is not None]


def loading_steps(run: Run, project: QgsProject) -> list[Callable[[], Any]]:
    """What `load_run` does, in steps short enough that a window does not stand still.

    Returns:
        Functions to call one after the other; they give the layers, top first, and in the end None.
    """
    steps = [partial(_bring_in_line, item, run, project) for item in plan(run)]
    return [*steps, partial(_remove_stale, project, run)]


def load_routing(run: Run, project: QgsProject) -> Any | None:
    """Add only the run's routing layer to the project; None if it cannot be read."""
    (planned,) = (item for item in plan(run) if item.role == ROUTING_ROLE)
    return _add(planned, run, project)


def _bring_in_line(planned: PlannedLayer, run: Run, project: QgsProject) -> Any | None:
    """Refresh the layers in one role, or add one; None if it cannot be read."""
    present = [layer for layer in own_layers(project, run) if layer_role(layer) == planned.role]
    for layer in present:
        refresh_layer(layer, run, planned)
    return present[0] if present else _add(planned, run, project)


def _add(planned: PlannedLayer, run: Run, project: QgsProject) -> Any | None:
    if planned.is_raster:
        # QGIS's own style only where there is no other: for it the raster is read, and statistics of it
        # are written beside it.
        styled = planned.style is not None and planned.style.is_file()
        options = QgsRasterLayer.LayerOptions(not styled)
        layer = QgsRasterLayer(planned.source, planned.name, "gdal", options)
    else:
        layer = QgsVectorLayer(planned.source, planned.name, "ogr")
    if not layer.isValid():
        text = tr("{path} is missing or damaged, so its layer is left out; run HydraNet again.")
        path, _ = file_of(planned.source)
        QgsMessageLog.logMessage(text.format(path=path), "HydraNet", Qgis.MessageLevel.Warning)
        return None
    finish_layer(layer, run, planned)
    project.addMapLayer(layer, False)
    run_group(project, run).addLayer(layer)
    place_in_group(project, layer, run)
    return layer


def _tell(layer: Any, run: Run, planned: PlannedLayer) -> None:
    # After the style, which may bring custom properties of its own, and before the second style, which
    # carries them along.
    tie(layer, run, planned.role)
    expert = _expert(run, planned)
    describe_layer(layer, run, expert)
    if expert is None:
        return
    if planned.is_raster:
        layer_styles.offer_uncertainty(layer, expert)
    else:
        objects_style.offer_styles(layer)


def _expert(run: Run, planned: PlannedLayer) -> RunExpert | None:
    """Whose layer it is, None for the routing layer."""
    return next((e for e in run.experts if expert_role(e.name) == planned.role), None)


def _read_again(layer: Any, planned: PlannedLayer) -> None:
    """Open the file anew; one and the same path may lead to another file since."""
    if planned.is_raster:
        _forget_statistics(Path(planned.source))
    only = "" if planned.is_raster else layer.subsetString()
    reopen(layer, planned.source)  # bands and statistics: only a new provider knows them
    if only:
        layer.setSubsetString(only)
    note_opened(layer)


def _forget_statistics(raster: Path) -> None:
    """Remove statistics of the former raster, which GDAL keeps in a file beside it."""
    if not raster.with_name(raster.name + ".aux.xml").is_file():
        return
    from osgeo import gdal

    dataset = gdal.Open(str(raster))
    if dataset is not None:
        dataset.ClearStatistics()


def _remove_stale(project: QgsProject, run: Run) -> None:
    """Remove layers of this run folder that the run in it does not have any more."""
    roles = {item.role for item in plan(run)}
    known = [layer for layer in own_layers(project, run) if is_tied(layer)]
    project.removeMapLayers([layer.id() for layer in known if layer_role(layer) not in roles])
