"""Several rasters as the input of one algorithm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingUtils

from ..errors import InputError
from ..i18n import tr
from .layer_export import LayerExport
from .sources import local_source
from .values import Box


def raster_layers(algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext) -> list[Any]:
    """The layers of the parameter INPUT, in the user's order.

    Raises:
        InputError: one cannot be opened.
    """
    layers = algorithm.parameterAsLayerList(parameters, "INPUT", context)
    given = parameters.get("INPUT")
    given = given if isinstance(given, (list, tuple)) else [given]
    if len(layers) < len(given) or not all(layer.isValid() for layer in layers):
        names = [x for x in given if not algorithm.parameterAsLayerList({"INPUT": [x]}, "INPUT", context)]
        raise InputError(
            tr("The input raster '{name}' cannot be opened; choose rasters that QGIS can show.").format(
                name=(names or given)[0]
            )
        )
    return layers


def source_or_export(
    layer: Any, extent: Box | None, exports: list[LayerExport], beside: Path | None, name: str, reuse: bool
) -> str:
    """What the worker opens: the layer's own file, or the one that it will be exported to.

    Args:
        layer: a raster.
        extent: part to export in the layer's CRS, None for all of it.
        exports: gets the export, if there has to be one.
        beside: folder that an export is to lie beside, None for Processing's own.
        name: of the export.
        reuse: take the same export that an earlier call left there.

    Raises:
        InputError: it has no pixels of its own, or another file is in the way.
    """
    source = local_source(layer)
    if source is None:
        path = (
            Path(QgsProcessingUtils.generateTempFilename(f"{name}.tif"))
            if beside is None
            else beside.with_name(f"{beside.name}_{name}.tif")
        )
        exports.append(LayerExport(layer, extent, path, reuse))
        source = str(path)
    return source
