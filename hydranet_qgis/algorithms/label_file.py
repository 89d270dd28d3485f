"""Polygons with a class as the worker gets them: which file, which layer in it, which attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsWkbTypes,
)

from ..errors import InputError
from ..i18n import tr
from .mask_file import MaskFile, copied_name, copy_polygons, is_restricted, own_layer
from .values import is_given

_GEOMETRY = QgsWkbTypes.GeometryType


@dataclass(frozen=True)
class LabelFile:
    """What to hand to the worker.

    Attributes:
        file: the layer's own, or a copy to be removed.
        layer: its name in a file with several, else None.
        field: attribute of the class as it is called there, None for none.
    """

    file: MaskFile
    layer: str | None
    field: str | None


def open_polygons(
    algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext, *names: str
) -> None:
    """Open the layers of parameters that are given.

    Raises:
        InputError: one cannot be opened; QGIS would name the parameter and no more.
    """
    for name in names:
        if is_given(parameters.get(name)):
            _source(algorithm, parameters, name, context)


def check_polygons(
    algorithm: Any,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
    rasters: Sequence[Any],
    field: str = "",
) -> None:
    """Check the parameter `name`, if it is given: polygons that meet one of the rasters, with that field.

    Raises:
        InputError: something is wrong with it.
    """
    if not is_given(parameters.get(name)):
        return
    source = _source(algorithm, parameters, name, context)
    title = source.sourceName()
    if QgsWkbTypes.geometryType(source.wkbType()) not in (
        _GEOMETRY.PolygonGeometry,
        _GEOMETRY.UnknownGeometry,
    ):
        raise InputError(
            tr("The layer '{name}' holds no polygons; choose a polygon layer.").format(name=title)
        )
    if source.featureCount() == 0:
        value = parameters[name]
        chosen = isinstance(value, QgsProcessingFeatureSourceDefinition) and value.selectedFeaturesOnly
        told = (
            tr("No polygon of the layer '{name}' is selected; select some, or use all of them.")
            if chosen
            else tr("The layer '{name}' is empty; choose one with polygons.")
        )
        raise InputError(told.format(name=title))
    if field and source.fields().indexOf(field) < 0:
        raise InputError(
            tr("The layer '{name}' has no field '{field}'; its fields are {fields}.").format(
                name=title, field=field, fields=", ".join(source.fields().names()) or "-"
            )
        )
    if not any(_meets(source, raster, context) for raster in rasters):
        raise InputError(
            tr("The layer '{name}' lies outside the raster '{raster}'; choose one that overlaps it.").format(
                name=title, raster=rasters[0].name()
            )
            if len(rasters) == 1
            else tr("The layer '{name}' lies outside all of the rasters; choose one that overlaps.").format(
                name=title
            )
        )


def resolve_polygons(
    algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext, field: str
) -> LabelFile:
    """The file behind the parameter `name`, which is given; in the main thread.

    A layer that is the same in its file is used as it is; see `mask_file`.

    Raises:
        InputError: it cannot be opened or copied.
    """
    value, layer = parameters[name], layer_of(algorithm, parameters, name, context)
    own = None
    # A joined or virtual field is not in the file, and GDAL does not give the key of a table as one.
    if layer is not None and not is_restricted(value) and _is_own(layer, field):
        own = own_layer(layer)
    if own is not None:
        return LabelFile(MaskFile(own[0]), own[1], field or None)
    copy = copy_polygons(_source(algorithm, parameters, name, context), field)
    return LabelFile(copy, None, copied_name(field) if field else None)


def layer_of(algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> Any:
    """The vector layer behind the parameter `name`; None where it is something else."""
    value = parameters[name]
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source
    return algorithm.parameterAsVectorLayer({name: value}, name, context)


def _is_own(layer: Any, field: str) -> bool:
    fields = layer.dataProvider().fields()
    return not field or (fields.indexOf(field) >= 0 and copied_name(field) == field)


def _source(algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> Any:
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        value = parameters[name]
        told = value.source.staticValue() if hasattr(value, "source") else value
        raise InputError(tr("The layer '{name}' cannot be opened; choose a polygon layer.").format(name=told))
    return source


def _meets(source: Any, raster: Any, context: QgsProcessingContext) -> bool:
    """Whether a layer's box meets a raster's; true where that cannot be told."""
    if not (source.sourceCrs().isValid() and raster.crs().isValid()):
        return True
    move = QgsCoordinateTransform(source.sourceCrs(), raster.crs(), context.transformContext())
    try:
        box = move.transformBoundingBox(source.sourceExtent())
    except QgsCsException:
        return True  # it reaches where the raster's projection does not; the worker looks closer
    return bool(box.intersects(raster.extent()))
