"""Objects that a run found as an output of an algorithm: a copy of its layer, or an empty one like it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from qgis.core import (
    QgsFeatureSink,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..errors import InputError, WorkerCancelled
from ..i18n import tr
from ..objects_fields import CLASS, empty_layer, missing_columns
from ..results import plan_expert
from ..run_folder import Run, RunExpert
from .loading import describe
from .routing_sink import plain_fields
from .values import destination

_DATABASE = re.compile(r"dbname='([^']*)'")
_NOW_AND_THEN = 500


class Written(NamedTuple):
    """What became of a destination: identifier of the layer, number of objects, whether it will be loaded."""

    layer: str
    count: int
    loaded: bool


def check_target(target: str, run_folder: str) -> None:
    """Check where objects are to be saved.

    Args:
        target: what the destination says, "" for a temporary one.
        run_folder: "" if it is not known yet.

    Raises:
        InputError: that is in the run folder, which has its own.
    """
    named = _DATABASE.search(target)
    path = os.path.realpath(named[1] if named else target)
    if target and run_folder and os.path.dirname(path) == os.path.realpath(run_folder):
        raise InputError(
            tr(
                "The objects cannot be saved in the run folder {folder}, which has its own; choose another "
                "folder."
            ).format(folder=run_folder)
        )


def write_objects(
    algorithm: Any,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
    run: Run,
    expert: RunExpert,
    crs: Any,
    feedback: QgsProcessingFeedback,
    classes: Collection[str] = (),
) -> Written:
    """Copy a run's objects into the destination `name` of an algorithm, and have it styled if it is loaded.

    Args:
        algorithm: whose destination it is.
        parameters: of the call.
        name: of the destination.
        context: of the call.
        run: the finished run.
        expert: who found them.
        crs: of the input, used where the run's layer tells none.
        feedback: hears of the progress.
        classes: only objects of these; empty for all.

    Raises:
        InputError: the run's objects cannot be read.
        QgsProcessingException: the destination cannot be written.
        WorkerCancelled: the user stopped it.
    """
    source = _opened(expert)
    fields, kept = plain_fields(source)
    # A table of a scene without CRS tells one all the same, and so does an empty layer.
    known = source.crs() if run.crs_wkt and expert.output is not None else crs
    sink, identifier = algorithm.parameterAsSink(parameters, name, context, fields, source.wkbType(), known)
    if sink is None:
        raise QgsProcessingException(algorithm.invalidSinkError(parameters, name))
    target = destination(parameters.get(name))
    try:
        count = _copy(source, sink, fields, kept, classes, feedback)
    except (WorkerCancelled, QgsProcessingException):
        sink = None  # lets go of the file
        _remove(target)
        raise
    sink = None  # flushes the file before anyone opens it
    memory = context.temporaryLayerStore().mapLayer(identifier)
    if memory is not None and not known.isValid():
        memory.setCrs(known)  # older versions take degrees where nothing is known
    _style_beside(target, expert)
    loaded = context.willLoadLayerOnCompletion(identifier)
    if loaded:
        planned = replace(plan_expert(run, expert), source=identifier)
        describe(context.layerToLoadOnCompletionDetails(identifier), run, planned, crs)
    feedback.setProgress(100)
    return Written(identifier, count, loaded)


def _copy(
    source: QgsVectorLayer,
    sink: QgsFeatureSink,
    fields: Any,
    kept: list[int],
    classes: Collection[str],
    feedback: QgsProcessingFeedback,
) -> int:
    """Copy the objects of these classes, of all if there are none; how many were."""
    total, count = max(source.featureCount(), 1), 0
    for done, feature in enumerate(source.getFeatures()):
        if done % _NOW_AND_THEN == 0:
            feedback.setProgress(100.0 * done / total)
            if feedback.isCanceled():
                raise WorkerCancelled(tr("Cancelled; the run itself is finished and kept."), began=False)
        if classes and feature[CLASS] not in classes:
            continue
        values = feature.attributes()
        feature.setFields(fields, True)
        feature.setAttributes([values[index] for index in kept])
        if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(
                tr("The objects could not be written: {why}.").format(why=sink.lastError())
            )
        count += 1
    return count


def _remove(target: str) -> None:
    """Take away a file with a part of the objects, which looks like all; a table in a database stays."""
    path = Path(target) if target else None
    if path is None or not path.is_file():
        return
    if path.suffix.lower() == ".shp":
        QgsVectorFileWriter.deleteShapeFile(str(path))
    else:
        path.unlink()


def _opened(expert: RunExpert) -> QgsVectorLayer:
    """The run's layer of objects; an empty one if no tile was routed to their expert.

    Raises:
        InputError: it is missing or damaged.
    """
    if expert.output is None:
        return empty_layer()
    layer = QgsVectorLayer(expert.source, "objects", "ogr")
    if not layer.isValid() or missing_columns(layer):
        raise InputError(
            tr("{path} is missing or holds no layer of objects; run HydraNet again.").format(
                path=expert.output
            )
        )
    return layer


def _style_beside(target: str, expert: RunExpert) -> None:
    """Put the run's style beside a file that was written, for whoever opens it alone."""
    path = Path(target) if target else None
    if path is not None and path.is_file() and expert.style is not None and expert.style.is_file():
        shutil.copyfile(expert.style, path.with_suffix(".qml"))
