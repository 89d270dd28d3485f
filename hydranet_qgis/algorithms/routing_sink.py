"""The routing table as an output of an algorithm: the run's own table, or a copy elsewhere."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
    QgsVectorLayer,
)

from ..i18n import tr
from ..results import ROUTING_ROLE, plan
from ..run_folder import Run
from .loading import describe


def keeps_run_table(value: Any, context: QgsProcessingContext) -> bool:
    """Whether a destination is temporary or without a name, so that the table in the run folder serves.

    It lives as long as the run does and the dock knows it; a memory layer would be lost on closing.
    """
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    if isinstance(value, QgsProperty):
        value, _ = value.valueAsString(context.expressionContext(), "")
    text = str(value)
    return text in ("", QgsProcessing.TEMPORARY_OUTPUT) or text.startswith("memory:")


def plain_fields(source: Any) -> tuple[Any, list[int]]:
    """Fields of a layer without a GeoPackage's own key, and their places.

    That key would collide with the key the destination makes.
    """
    fields, kept = source.fields(), []
    for index in range(fields.count() - 1, -1, -1):
        if fields.at(index).name().lower() == "fid":
            fields.remove(index)
        else:
            kept.insert(0, index)
    return fields, kept


def write_sink(
    algorithm: Any,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
    run: Run,
    crs: Any,
) -> str:
    """Copy the run's table into the destination `name` of an algorithm.

    Returns:
        Identifier of the layer written, for the algorithm's results.

    Raises:
        QgsProcessingException: the destination cannot be written.
    """
    source = QgsVectorLayer(run.routing_uri, "routing", "ogr")
    if not source.isValid():
        raise QgsProcessingException(
            tr("{path} cannot be read; run HydraNet again.").format(path=run.routing)
        )
    known = source.crs() if source.crs().isValid() else crs
    fields, kept = plain_fields(source)
    sink, identifier = algorithm.parameterAsSink(parameters, name, context, fields, source.wkbType(), known)
    if sink is None:
        raise QgsProcessingException(algorithm.invalidSinkError(parameters, name))
    for feature in source.getFeatures():
        values = feature.attributes()
        feature.setFields(fields, True)
        feature.setAttributes([values[index] for index in kept])
        if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(
                tr("The routing layer could not be written: {why}.").format(why=sink.lastError())
            )
    del sink  # flushes the file before anyone opens it
    if context.willLoadLayerOnCompletion(identifier):
        routing = next(planned for planned in plan(run) if planned.role == ROUTING_ROLE)
        describe(context.layerToLoadOnCompletionDetails(identifier), run, routing, crs)
    return identifier
