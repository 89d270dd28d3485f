"""Polygons, such as a mask, as a file for the worker: the layer's own, or a copy of what is meant."""

from __future__ import annotations

import collections
import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsApplication,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from ..errors import InputError
from ..i18n import tr

# What every GDAL reads; the worker's own need not have the drivers of QGIS's.
_READABLE = (".gpkg", ".shp", ".geojson", ".json", ".fgb")
_CLOCK = "OGR_CURRENT_DATE"
_TIME = 946684800  # 2000-01-01
_POLYGONS = QgsWkbTypes.GeometryType.PolygonGeometry


# Copies in use, by path: two runs waiting for the worker may share one.
_users: collections.Counter[str] = collections.Counter()
_users_lock = threading.Lock()


class MaskFile:
    """The file to hand to the worker.

    Attributes:
        path: the file.
        copied: whether it is a copy made for this run, to be removed by `remove`.
    """

    def __init__(self, path: str, copied: bool = False) -> None:
        self.path, self.copied = path, copied
        if copied:
            with _users_lock:
                _users[path] += 1

    def remove(self) -> None:
        """Remove the copy once nobody uses it any more; the user's own file stays."""
        if not self.copied:
            return
        self.copied = False
        with _users_lock:
            _users[self.path] -= 1
            if _users[self.path] <= 0:
                del _users[self.path]
                Path(self.path).unlink(missing_ok=True)


def check_mask(
    algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext, raster: Any
) -> None:
    """Check the parameter `name`: that it can be opened and holds polygons that meet the raster.

    Raises:
        InputError: something is wrong with it.
    """
    if not _is_given(parameters.get(name)):
        return
    source = _source(algorithm, parameters, name, context)
    title = source.sourceName()
    if QgsWkbTypes.geometryType(source.wkbType()) not in (
        _POLYGONS,
        QgsWkbTypes.GeometryType.UnknownGeometry,
    ):
        raise InputError(
            tr("The mask '{name}' holds no polygons; choose a polygon layer.").format(name=title)
        )
    if source.featureCount() == 0:
        chosen = _only_selected(parameters[name])
        told = (
            tr("No polygon of the mask '{name}' is selected; select some, or use all of them.")
            if chosen
            else tr("The mask '{name}' is empty; choose a layer with polygons.")
        )
        raise InputError(told.format(name=title))
    if source.sourceCrs().isValid() and raster.crs().isValid():
        move = QgsCoordinateTransform(source.sourceCrs(), raster.crs(), context.transformContext())
        try:
            box = move.transformBoundingBox(source.sourceExtent())
        except QgsCsException:
            return  # it reaches where the raster's projection does not; the worker looks closer
        if not box.intersects(raster.extent()):
            raise InputError(
                tr(
                    "The mask '{name}' lies outside the raster '{raster}'; choose one that overlaps it."
                ).format(name=title, raster=raster.name())
            )


def resolve_mask(
    algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> MaskFile | None:
    """The file behind the parameter `name`, None if it is not given; in the main thread.

    A layer that is one plain file is used as it is. Where the file says something else than the layer
    (selected features, a filter, edits, another CRS, several layers) or may not be readable, the
    polygons are copied.

    Raises:
        InputError: it cannot be opened or copied.
    """
    value = parameters.get(name)
    if not _is_given(value):
        return None
    layer = _layer(algorithm, value, name, context)
    own = None if layer is None or is_restricted(value) else _own_file(layer)
    return MaskFile(own) if own else copy_polygons(_source(algorithm, parameters, name, context))


def _is_given(value: Any) -> bool:
    return value is not None and value != NULL and value != ""


def _only_selected(value: Any) -> bool:
    return isinstance(value, QgsProcessingFeatureSourceDefinition) and value.selectedFeaturesOnly


def is_restricted(value: Any) -> bool:
    """Whether the parameter means only some of the layer's features."""
    if not isinstance(value, QgsProcessingFeatureSourceDefinition):
        return False
    limited = getattr(value, "featureLimit", -1) not in (-1, None)
    return value.selectedFeaturesOnly or limited or bool(getattr(value, "filterExpression", ""))


def _layer(algorithm: Any, value: Any, name: str, context: QgsProcessingContext) -> Any:
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source
    return algorithm.parameterAsVectorLayer({name: value}, name, context)


def _source(algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> Any:
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        value = parameters[name]
        told = value.source.staticValue() if hasattr(value, "source") else value
        raise InputError(tr("The mask '{name}' cannot be opened; choose a polygon layer.").format(name=told))
    return source


def _own_file(layer: Any) -> str | None:
    """File of a layer that is that file and nothing else."""
    own = own_layer(layer)
    return own[0] if own is not None and own[1] is None else None


def own_layer(layer: Any) -> tuple[str, str | None] | None:
    """File of a layer that is the same there, and its name in it if it is one of several; None if it is not.

    Args:
        layer: a vector layer.
    """
    provider = layer.dataProvider()
    if layer.providerType() != "ogr" or layer.subsetString() or layer.isModified():
        return None
    if layer.crs() != provider.crs() or QgsWkbTypes.isCurvedType(layer.wkbType()):
        return None
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
    path = str(parts.get("path") or "")
    count = _layers_in(path) if path.lower().endswith(_READABLE) and os.path.isfile(path) else 0
    name = str(parts.get("layerName") or "") if count > 1 else None
    return (os.path.abspath(path), name) if count and name != "" else None


def _layers_in(path: str) -> int:
    from osgeo import ogr  # asked of the file: the provider of one of its layers knows only that one

    try:
        dataset = ogr.Open(path, 0)
    except RuntimeError:  # where OGR's exceptions are switched on
        return 0
    return dataset.GetLayerCount() if dataset is not None else 0


def copies() -> Path:
    """Where copies lie while they are used: the same place in every session of this user."""
    return Path(QgsApplication.qgisSettingsDirPath() or tempfile.gettempdir()) / "hydranet" / "masks"


def copy_polygons(source: Any, field: str = "") -> MaskFile:
    """Write the polygons into a file of our own, with one of their attributes if it is named.

    The same polygons always give the same file: name, bytes and time. So an unfinished run finds its
    mask unchanged when it is resumed, also after QGIS was started anew.

    Raises:
        InputError: it cannot be written.
    """
    try:
        copies().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=copies()) as folder:
            made = Path(folder) / "mask.gpkg"
            trouble = _write(source, made, field)
            if not trouble:
                target = copies() / f"{hashlib.sha256(made.read_bytes()).hexdigest()[:32]}.gpkg"
                os.utime(made, (_TIME, _TIME))
                with _users_lock:
                    if not _users[str(target)]:
                        os.replace(made, target)
                return MaskFile(str(target), copied=True)
    except OSError as error:
        trouble = str(error.strerror or error)
    raise InputError(
        tr(
            "The layer '{name}' cannot be copied for the worker ({trouble}); save it as a GeoPackage and use "
            "that."
        ).format(name=source.sourceName(), trouble=trouble)
    )


def copied_name(field: str) -> str:
    """What an attribute is called in a copy, where some names are taken."""
    return f"{field}_" if field.lower() in ("fid", "geom") else field


def _write(source: Any, path: Path, field: str) -> str:
    """Write a GeoPackage; returns what went wrong, "" if nothing did."""
    from osgeo import gdal

    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", "mask"
    before = gdal.GetConfigOption(_CLOCK)
    gdal.SetConfigOption(_CLOCK, "2000-01-01T00:00:00.000Z")  # else the file tells when it was made
    try:
        kind, context = QgsWkbTypes.Type.MultiPolygon, QgsCoordinateTransformContext()
        crs = source.sourceCrs()
        fields, request = QgsFields(), QgsFeatureRequest().setNoAttributes()
        if field:
            kept = QgsField(source.fields().field(field))
            kept.setName(copied_name(field))
            fields.append(kept)
            request = QgsFeatureRequest().setSubsetOfAttributes([field], source.fields())
        writer = QgsVectorFileWriter.create(str(path), fields, kind, crs, context, options)
        if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
            return str(writer.errorMessage())
        # The worker mends polygons that cross themselves; a refusal here would say less.
        flag = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        for feature in source.getFeatures(request, flag):
            plain = _plain(feature)
            if plain is None:
                continue
            if field:
                plain.setFields(fields, True)
                plain.setAttribute(0, feature[field])
            if not writer.addFeature(plain, QgsFeatureSink.Flag.FastInsert):
                return str(writer.errorMessage())
        del writer  # writes what is left and closes the file
    finally:
        gdal.SetConfigOption(_CLOCK, before)
    return ""


def _plain(feature: QgsFeature) -> QgsFeature | None:
    """The feature's polygons alone, without curves, heights and attributes; None if it has none."""
    geometry = QgsGeometry(feature.geometry())
    if geometry.isNull() or geometry.isEmpty() or geometry.type() != _POLYGONS:
        return None
    geometry.convertToStraightSegment()
    geometry.get().dropZValue()
    geometry.get().dropMValue()
    geometry.convertToMultiType()
    plain = QgsFeature()
    plain.setGeometry(geometry)
    return plain
