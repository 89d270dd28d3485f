"""One click back to the imagery: a run's layers hidden together, and shown again just as they were.

What was visible is remembered in the layer tree, which is saved with the project.
"""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProject

from ..layer_identity import ROUTING_ROLE, find_layer, own_layers
from ..run_folder import Run

PROPERTY = "hydranet/visible_before"


def hide(project: QgsProject, run: Run) -> None:
    """Hide all layers of a run."""
    for node in nodes(project, run):
        node.setCustomProperty(PROPERTY, "1" if node.itemVisibilityChecked() else "0")
        node.setItemVisibilityChecked(False)


def bring_back(project: QgsProject, run: Run) -> None:
    """Show what was visible when the run was hidden; a layer that came since is shown."""
    for node in nodes(project, run):
        node.setItemVisibilityChecked(str(node.customProperty(PROPERTY, "1")) == "1")
        node.removeCustomProperty(PROPERTY)


def is_hidden(project: QgsProject, run: Run) -> bool:
    """Whether the run is hidden by `hide` and the user has shown nothing of it since."""
    found = nodes(project, run)
    marked = any(node.customProperty(PROPERTY) is not None for node in found)
    return marked and not any(node.itemVisibilityChecked() for node in found)


def nodes(project: QgsProject, run: Run) -> list[Any]:
    """The run's layers in the layer tree."""
    root = project.layerTreeRoot()
    layers = {layer.id() for layer in own_layers(project, run)}
    routing = find_layer(project, run, ROUTING_ROLE)  # it may be a copy saved elsewhere
    if routing is not None:
        layers.add(routing.id())
    listed = (root.findLayer(number) for number in sorted(layers))
    return [node for node in listed if node is not None]
