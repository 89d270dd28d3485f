"""The group of a run in the layer tree: found again wherever the user has put it, its layers in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import QgsLayerTreeGroup, QgsLayerTreeNode, QgsProject

from .layer_identity import PROPERTY_RUN, layer_role, run_folder_of, same_folder
from .run_folder import Run, is_run

PROPERTY_LABEL = "hydranet/label"
"""The name a group was given, to tell it from one that the user chose."""

_LAYER, _GROUP = QgsLayerTreeNode.NodeType.NodeLayer, QgsLayerTreeNode.NodeType.NodeGroup


def put_into_group(
    project: QgsProject, layer: Any, run: Run, role: str, orders: Mapping[str, int], expanded: bool
) -> None:
    """Move a layer of the project into its run's group.

    Args:
        project: that the layer is part of.
        layer: which; nothing happens if it is nowhere in the layer tree.
        run: its run.
        role: of the layer in the run.
        orders: position of each role, 0 on top; others come last.
        expanded: whether its legend is unfolded.
    """
    node = project.layerTreeRoot().findLayer(layer.id())
    if node is None:
        return
    parent = node.parent()
    # Made beside the layer: a results group chosen in QGIS's settings is kept.
    group = _group(project, run, parent)
    moved = node.clone()
    moved.setExpanded(expanded)
    group.insertChildNode(_position(group, orders, role), moved)
    # Only now: a layer that is nowhere in the tree is removed from the project.
    parent.removeChildNode(node)
    if parent.name() == run.label and not parent.children():
        parent.parent().removeChildNode(parent)
    # A view unfolds a group only when this changes, and not while it is still empty.
    group.setExpanded(False)
    group.setExpanded(True)


def run_group(project: QgsProject, run: Run) -> QgsLayerTreeGroup:
    """The run's group, made on top of the tree if there is none."""
    return _group(project, run, project.layerTreeRoot())


def _group(project: QgsProject, run: Run, beside: QgsLayerTreeGroup) -> QgsLayerTreeGroup:
    group = _find_group(project.layerTreeRoot(), run.folder)
    if group is None:
        # QGIS adds a layer beside the active one, which may well be of another run.
        while beside.customProperty(PROPERTY_RUN) and beside.name() != run.label and beside.parent():
            beside = beside.parent()
        group = beside if beside.name() == run.label else beside.insertGroup(0, run.label)
    group.setCustomProperty(PROPERTY_RUN, str(run.folder))
    if group.name() == str(group.customProperty(PROPERTY_LABEL, group.name())):
        group.setName(run.label)  # a run that was overwritten has another time
        group.setCustomProperty(PROPERTY_LABEL, run.label)
    return group


def _find_group(group: QgsLayerTreeGroup, folder: Path) -> QgsLayerTreeGroup | None:
    told = str(group.customProperty(PROPERTY_RUN, "") or "")
    if told and (same_folder(Path(told), folder) or (not is_run(Path(told)) and _holds(group, folder))):
        return group
    inner = (child for child in group.children() if child.nodeType() == _GROUP)
    return next((found for found in (_find_group(child, folder) for child in inner) if found), None)


def _holds(group: QgsLayerTreeGroup, folder: Path) -> bool:
    """Whether a layer of the run lies in the group: all that is left to go by after a project has moved."""
    layers = (child.layer() for child in group.children() if child.nodeType() == _LAYER)
    found = (run_folder_of(layer) for layer in layers if layer is not None)
    return any(other is not None and same_folder(other, folder) for other in found)


def _position(group: QgsLayerTreeGroup, orders: Mapping[str, int], role: str) -> int:
    mine = orders.get(role, len(orders))
    for index, child in enumerate(group.children()):
        layer = child.layer() if child.nodeType() == _LAYER else None
        other = orders.get(layer_role(layer)) if layer is not None else None
        if other is not None and other > mine:
            return index
    return len(group.children())
