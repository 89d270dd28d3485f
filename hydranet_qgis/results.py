"""A run folder's files as styled layers: what to load, how to style it, in which order.

Works with and without a window. A layer is tied to its run by custom properties, which are saved
with the project, so that the dock finds the run again next week.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsLayerTreeGroup,
    QgsLayerTreeNode,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from . import routing_style
from .run_folder import ROUTING_FILE, Run, is_run

PROPERTY_RUN = "hydranet/run_folder"
PROPERTY_ROLE = "hydranet/role"
ROUTING_ROLE = "routing"

_LAYER, _GROUP = QgsLayerTreeNode.NodeType.NodeLayer, QgsLayerTreeNode.NodeType.NodeGroup

# Legends longer than this start folded.
_OPEN_LEGEND = 8


@dataclass(frozen=True)
class PlannedLayer:
    """One layer of a run.

    Attributes:
        role: "routing" or "expert:<name>".
        order: position in the group, 0 on top.
    """

    source: str
    name: str
    role: str
    style: Path | None
    order: int
    classes: int = 0

    @property
    def is_raster(self) -> bool:
        """Whether it is an expert's raster rather than the table of tiles."""
        return self.role != ROUTING_ROLE


def plan(run: Run) -> list[PlannedLayer]:
    """The run's layers, top first.

    The tiles' outlines lie on top. Below them what covers little lies above what covers much, and
    continuous surfaces, which hide everything under them, at the bottom.
    """
    routing = PlannedLayer(run.routing_uri, "Routing", ROUTING_ROLE, None, 0)
    produced = [expert for expert in run.experts if expert.output is not None]
    produced.sort(
        key=lambda e: (e.kind != "classes", e.foreground if e.foreground is not None else e.pixels, e.name)
    )
    layers = [
        PlannedLayer(str(e.output), e.label, f"expert:{e.name}", e.style, position, len(e.classes))
        for position, e in enumerate(produced, start=1)
    ]
    return [routing, *layers]


def finish_layer(
    layer: Any, run: Run, planned: PlannedLayer, crs: QgsCoordinateReferenceSystem | None = None
) -> None:
    """Style a loaded layer and tie it to its run.

    Args:
        layer: raster or vector layer.
        run: its run.
        planned: what it is in the run.
        crs: used if the layer has none, because its scene has none but the user told QGIS one.
    """
    if planned.style is not None and planned.style.is_file():
        layer.loadNamedStyle(str(planned.style))
    if not planned.is_raster:
        # The style beside the table fills the tiles, for whoever opens it alone; here rasters lie below.
        routing_style.show(layer, run, routing_style.OUTLINES)
    layer.setName(planned.name)  # Processing prefers file names
    # After the style, which may bring custom properties of its own.
    layer.setCustomProperty(PROPERTY_RUN, str(run.folder))
    layer.setCustomProperty(PROPERTY_ROLE, planned.role)
    if crs is not None and crs.isValid() and not layer.crs().isValid():
        layer.setCrs(crs)
    layer.reload()  # its file may have been replaced by a run that overwrote another
    layer.triggerRepaint()


def place_in_group(project: QgsProject, layer: Any, run: Run) -> None:
    """Move a layer of the project into its run's group, at its place in the order.

    A run that was overwritten keeps its group, and loses the layers it no longer has.
    """
    node = project.layerTreeRoot().findLayer(layer.id())
    if node is None:
        return
    parent = node.parent()
    # Made beside the layer: a results group chosen in QGIS's settings is kept.
    group = _group(project, run, parent)
    planned = {item.role: item for item in plan(run)}
    role = str(layer.customProperty(PROPERTY_ROLE, ""))
    moved = node.clone()
    moved.setExpanded(role in planned and planned[role].classes <= _OPEN_LEGEND)
    group.insertChildNode(_position(group, planned, role), moved)
    # Only now: a layer that is nowhere in the tree is removed from the project.
    parent.removeChildNode(node)
    if parent.name() == run.label and not parent.children():
        parent.parent().removeChildNode(parent)
    gone = [c.layer() for c in group.children() if c.nodeType() == _LAYER and c.layer() is not None]
    project.removeMapLayers([other.id() for other in gone if _is_stale(other, run, planned)])
    # A view unfolds a group only when this changes, and not while it is still empty.
    group.setExpanded(False)
    group.setExpanded(True)


def load_run(run: Run, project: QgsProject) -> list[Any]:
    """Add a run's layers to the project in a group of their own; those already there stay.

    Returns:
        All layers of the run in the project, top first.
    """
    layers = [find_layer(project, run, item.role) or _add(item, run, project) for item in plan(run)]
    return [layer for layer in layers if layer is not None]


def load_routing(run: Run, project: QgsProject) -> Any | None:
    """Add only the run's routing layer to the project; None if it cannot be read."""
    return _add(plan(run)[0], run, project)


def find_layer(project: QgsProject, run: Run, role: str) -> Any | None:
    """The project's layer of a run in a role, None if it is not loaded."""
    wanted = _norm(run.folder)
    for layer in project.mapLayers().values():
        if layer_role(layer) == role:
            folder = run_folder_of(layer)
            if folder is not None and _norm(folder) == wanted:
                return layer
    return None


def layer_role(layer: Any) -> str:
    """Role of a layer in its run, "" if it is none of ours."""
    role = str(layer.customProperty(PROPERTY_ROLE, "") or "")
    if role:
        return role
    path = _file(layer)
    if path is None:
        return ""
    return ROUTING_ROLE if path.name == ROUTING_FILE else f"expert:{path.stem}"


def run_folder_of(layer: Any) -> Path | None:
    """Run folder a layer belongs to, None if it belongs to none.

    The layer's own file is looked at first: QGIS keeps its path right when a project moves.
    """
    path = _file(layer)
    if path is not None and is_run(path.parent):
        return path.parent
    told = str(layer.customProperty(PROPERTY_RUN, "") or "")
    return Path(told) if told and is_run(Path(told)) else None


def _add(planned: PlannedLayer, run: Run, project: QgsProject) -> Any | None:
    kind, provider = (QgsRasterLayer, "gdal") if planned.is_raster else (QgsVectorLayer, "ogr")
    layer = kind(planned.source, planned.name, provider)
    if not layer.isValid():
        return None
    finish_layer(layer, run, planned)
    project.addMapLayer(layer, False)
    _group(project, run, project.layerTreeRoot()).addLayer(layer)
    place_in_group(project, layer, run)
    return layer


def _group(project: QgsProject, run: Run, beside: QgsLayerTreeGroup) -> QgsLayerTreeGroup:
    """The run's group, found by its folder wherever the user has put it, else made in `beside`."""
    group = _find_group(project.layerTreeRoot(), _norm(run.folder))
    if group is None:
        group = beside if beside.name() == run.label else beside.insertGroup(0, run.label)
        group.setCustomProperty(PROPERTY_RUN, str(run.folder))
    group.setName(run.label)
    return group


def _find_group(group: QgsLayerTreeGroup, folder: str) -> QgsLayerTreeGroup | None:
    told = str(group.customProperty(PROPERTY_RUN, "") or "")
    if told and _norm(Path(told)) == folder:
        return group
    inner = (child for child in group.children() if child.nodeType() == _GROUP)
    return next((found for found in (_find_group(child, folder) for child in inner) if found), None)


def _position(group: QgsLayerTreeGroup, planned: dict[str, PlannedLayer], role: str) -> int:
    mine = planned[role].order if role in planned else len(planned)
    for index, child in enumerate(group.children()):
        layer = child.layer() if child.nodeType() == _LAYER else None
        other = planned.get(layer_role(layer)) if layer is not None else None
        if other is not None and other.order > mine:
            return index
    return len(group.children())


def _is_stale(layer: Any, run: Run, planned: dict[str, PlannedLayer]) -> bool:
    """Whether a layer is an output of this folder that the run in it does not have any more."""
    told = str(layer.customProperty(PROPERTY_RUN, "") or "")
    return bool(told) and _norm(Path(told)) == _norm(run.folder) and layer_role(layer) not in planned


def _file(layer: Any) -> Path | None:
    """File of a local raster or vector layer."""
    if layer.providerType() not in ("gdal", "ogr"):
        return None
    source = layer.source().split("|", 1)[0]
    return Path(source) if source and not source.startswith("/vsi") else None


def _norm(folder: Path) -> str:
    return os.path.normcase(os.path.realpath(folder))
