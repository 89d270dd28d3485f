"""What the parameters say of labels: checked, with the classes that the user or a layer's legend names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsProcessingContext

from ..errors import InputError
from ..i18n import tr
from . import class_table, tiles_inputs, values
from .class_table import Classes
from .label_file import layer_of
from .layer_export import check_exportable
from .sources import local_source

_COLUMNS = 3  # value, class, colour


@dataclass(frozen=True)
class ToldLabels:
    """The task as far as the plugin knows it.

    Attributes:
        task: its name.
        classes: empty if only the worker will know them.
        present: names of the classes that need the expert, empty for all but the background.
        background: class outside the polygons, "" if it is unknown there.
        more: further tasks as the request has them.
        notes: for the log.
    """

    task: str
    classes: Classes
    present: list[str]
    background: str
    more: list[dict[str, Any]]
    notes: list[str]


def read_labels(algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext) -> ToldLabels:
    """Read and check the parameters; in the main thread, where layers may be asked how they are drawn.

    Raises:
        InputError: something cannot work.
    """
    task = algorithm.parameterAsString(parameters, "TASK", context).strip()
    tiles_inputs.check_task(task)
    polygons = values.is_given(parameters.get("LABELS"))
    if polygons == values.is_given(parameters.get("LABEL_RASTER")):
        raise InputError(
            tr("Label polygons and a label raster are both given; leave one of them out.")
            if polygons
            else tr("There are no labels; give label polygons or a label raster.")
        )
    more = tiles_inputs.read_more_labels(algorithm.parameterAsFile(parameters, "MORE_LABELS", context), task)
    raster = None if polygons else label_raster(algorithm, parameters, "LABEL_RASTER", context)
    classes, notes = _classes(algorithm, parameters, context, raster)
    present = class_table.read_names(algorithm.parameterAsString(parameters, "PRESENT", context))
    background = algorithm.parameterAsString(parameters, "BACKGROUND", context).strip()
    known = [name for name in classes.names.values() if name != class_table.UNKNOWN]
    tiles_inputs.check_present(present, [*known, background] if known and background else known)
    return ToldLabels(task, classes, present, background, more, notes)


def label_raster(algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> Any:
    """The layer of a raster of classes.

    Raises:
        InputError: it cannot be opened, or has no pixels of its own.
    """
    layer = algorithm.parameterAsRasterLayer(parameters, name, context)
    if layer is None or not layer.isValid():
        raise InputError(
            tr("The raster of classes '{name}' cannot be opened; choose one that QGIS can show.").format(
                name=parameters.get(name)
            )
        )
    if local_source(layer) is None:
        check_exportable(layer)
    return layer


def percentage(algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> float:
    """A share, of a parameter in per cent, which is easier to read."""
    # Rounded: 2.3 % must not become 0.02299….
    return round(algorithm.parameterAsDouble(parameters, name, context) / 100.0, 10)


def box_of(
    algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext, raster: Any
) -> values.Box | None:
    """The part of a raster that polygons need, as xmin, ymin, xmax, ymax in its CRS; None for all of it."""
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        return None
    crs = raster.dataProvider().crs()  # the layer's may be overridden, which an export does not follow
    crs = crs if crs.isValid() else raster.crs()
    move = QgsCoordinateTransform(source.sourceCrs(), crs, context.transformContext())
    try:
        box = move.transformBoundingBox(source.sourceExtent()).intersect(raster.extent())
    except QgsCsException:
        return None  # it reaches where the raster's projection does not
    return None if box.isEmpty() else [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def _classes(
    algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext, raster: Any
) -> tuple[Classes, list[str]]:
    """Classes of the user's table, or else of the layer's legend; what the log is to say of them.

    Args:
        algorithm: whose parameters they are.
        parameters: of the call.
        context: of the call.
        raster: the label raster, None where the labels are polygons.
    """
    written = class_table.read_table(algorithm.parameterAsMatrix(parameters, "CLASSES", context), _COLUMNS)
    field = algorithm.parameterAsString(parameters, "FIELD", context)
    if raster is None and not field:
        return written, [tr("No field is given, so all label polygons are one class.")]
    if written.names:
        return written, []
    if raster is None:
        layer = layer_of(algorithm, parameters, "LABELS", context)
        found = class_table.style_of_polygons(layer, field)
    else:
        layer, found = raster, class_table.style_of_raster(raster)
    if found is None:
        return Classes(), []
    note = tr("Classes and colours are those of the legend of '{layer}': {classes}.")
    return found, [note.format(layer=layer.name(), classes=found.listed())]
