"""Handing a finished run's layers to Processing, which loads them when the algorithm is done."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingLayerPostProcessorInterface,
)

from ..results import PlannedLayer, finish_layer, place_in_group, plan
from ..run_folder import Run

# Processing keeps only a bare pointer to a post-processor; without a Python reference it is gone
# by the time it is called. They are small and shared data, so they are kept until the plugin unloads.
_alive: list[QgsProcessingLayerPostProcessorInterface] = []


class RunLayerFinisher(QgsProcessingLayerPostProcessorInterface):
    """Styles a loaded layer, ties it to its run and puts it into the run's group (main thread)."""

    def __init__(self, run: Run, planned: PlannedLayer, crs: QgsCoordinateReferenceSystem | None) -> None:
        super().__init__()
        self._run, self._planned, self._crs = run, planned, crs
        _alive.append(self)

    def postProcessLayer(self, layer: Any, context: QgsProcessingContext, feedback: Any) -> None:
        finish_layer(layer, self._run, self._planned, self._crs)
        project = context.project()
        if project is not None:
            place_in_group(project, layer, self._run)


def release() -> None:
    """Let go of the post-processors; nothing may be loading any more."""
    _alive.clear()


def in_model(context: QgsProcessingContext) -> bool:
    """Whether the algorithm runs as a step of a model, whose inner results are not loaded."""
    return context.expressionContext().hasVariable("model_path")


def load_on_completion(
    context: QgsProcessingContext,
    project: Any,
    run: Run,
    roles: set[str],
    output: str,
    crs: QgsCoordinateReferenceSystem | None,
) -> None:
    """Have the run's layers of the given roles loaded when the algorithm is done.

    Args:
        context: of the algorithm.
        project: where to; nothing is loaded if it is None.
        run: the finished run.
        roles: which of its layers.
        output: name of the algorithm's output they belong to.
        crs: for layers without one.
    """
    if project is None:
        return
    for planned in plan(run):
        if planned.role in roles:
            details = QgsProcessingContext.LayerDetails(planned.name, project, output)
            describe(details, run, planned, crs)
            context.addLayerToLoadOnCompletion(planned.source, details)


def describe(details: Any, run: Run, planned: PlannedLayer, crs: QgsCoordinateReferenceSystem | None) -> None:
    """Give a layer to be loaded its group, place and finishing, as far as this QGIS knows them."""
    if hasattr(details, "groupName"):
        details.groupName = run.label
    if hasattr(details, "layerSortKey"):
        details.layerSortKey = -planned.order  # the highest comes on top
    details.setPostProcessor(RunLayerFinisher(run, planned, crs))
