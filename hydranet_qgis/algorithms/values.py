"""Reading parameters into plain values, with what Processing itself does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsExpressionContext,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
)

from .. import bundles
from ..bundle_info import MODEL_FILE, BundleInfo, read_bundle
from ..errors import InputError
from ..i18n import tr

Box = list[float]
"""xmin, ymin, xmax, ymax."""


def is_given(value: Any) -> bool:
    """Whether a parameter holds anything; the batch dialog gives destinations without a name."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink.valueAsString(QgsExpressionContext(), "")[0]
    return value is not None and value != NULL and value != ""


def destination(value: Any) -> str:
    """File that a raster destination names, "" if there is none or QGIS chooses it."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    if isinstance(value, QgsProperty):
        value = value.valueAsString(QgsExpressionContext(), "")[0]
    text = str(value) if is_given(value) else ""
    return "" if text == QgsProcessing.TEMPORARY_OUTPUT else text


def optional_int(
    algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> int | None:
    """A whole number that need not be given; Processing itself knows no such thing."""
    if not is_given(parameters.get(name)):
        return None
    return int(algorithm.parameterAsInt(parameters, name, context))


def optional_float(
    algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> float | None:
    """A number that need not be given; see `optional_int`."""
    if not is_given(parameters.get(name)):
        return None
    return float(algorithm.parameterAsDouble(parameters, name, context))


def miss_rate(algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext) -> float:
    """The share that may be missed. A percentage is easier to read, a share is what the engine takes."""
    # Rounded: 2.3 % must not become 0.02299….
    return round(algorithm.parameterAsDouble(parameters, "MISS_RATE", context) / 100.0, 10)


def raster_layer(algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext) -> Any:
    """The layer of the parameter INPUT.

    Raises:
        InputError: it cannot be opened.
    """
    layer = algorithm.parameterAsRasterLayer(parameters, "INPUT", context)
    if layer is None:
        raise InputError(
            tr("The input raster '{name}' cannot be opened; choose a raster that QGIS can show.").format(
                name=parameters.get("INPUT")
            )
        )
    return layer


def extent_of(
    algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext, layer: Any
) -> Box | None:
    """The parameter EXTENT in the layer's coordinate system, None if it is not given.

    Raises:
        InputError: it lies outside the layer.
    """
    # The worker reads the file's own CRS, which is the provider's; the layer's may be overridden.
    crs = layer.dataProvider().crs()
    box = algorithm.parameterAsExtent(parameters, "EXTENT", context, crs if crs.isValid() else layer.crs())
    if box.isNull() or box.isEmpty():
        return None
    if not box.intersects(layer.extent()):
        raise InputError(
            tr("The extent lies outside the raster '{name}'; choose one that overlaps it.").format(
                name=layer.name()
            )
        )
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def bundle_folder(algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext) -> str | None:
    """Folder of the bundle to be used: as BUNDLE says, or else the user's default; None = the plugin's own.

    A request that names none means the bundle that comes with the plugin.
    """
    given = algorithm.parameterAsString(parameters, "BUNDLE", context)
    return given or bundles.chosen() or None


def chosen_bundle(algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext) -> BundleInfo:
    """What the bundle to be used says of itself, see `bundle_folder`.

    Raises:
        InputError: the folder holds no bundle.
    """
    folder = algorithm.parameterAsString(parameters, "BUNDLE", context)
    if folder and not (Path(folder) / MODEL_FILE).is_file():
        raise InputError(
            tr("The model bundle {folder} has no {file}; choose the folder that holds it.").format(
                folder=folder, file=MODEL_FILE
            )
        )
    if not folder and bundles.chosen() and bundles.is_missing(bundles.default_folder()):
        raise InputError(
            tr(
                "The default model bundle {folder} has no {file} any more; choose another one in Settings > "
                "Options > HydraNet, or name one as Model bundle."
            ).format(folder=bundles.chosen(), file=MODEL_FILE)
        )
    return read_bundle(Path(folder) if folder else bundles.default_folder())


def names(algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> list[str]:
    """The chosen words of an enumeration that allows several; empty for none.

    Not as Processing reads them: the experts and classes of another bundle are no options of the enumeration,
    which knows those of the default one.
    """
    return _words(parameters.get(name), context)


def _words(value: Any, context: QgsProcessingContext) -> list[str]:
    if isinstance(value, QgsProperty):
        value = value.value(context.expressionContext(), None)[0]
    if value is None or value == NULL:
        return []
    parts = value if isinstance(value, (list, tuple)) else str(value).split(",")
    texts = (str(part).strip() for part in parts)
    return list(dict.fromkeys(text for text in texts if text))


def experts(
    algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext, bundle: BundleInfo
) -> list[str]:
    """The experts that may be used, by name; empty for all.

    Raises:
        InputError: the bundle does not know one.
    """
    wanted = names(algorithm, parameters, "EXPERTS", context)
    for name in wanted:
        if bundle.names and name not in bundle.names:
            raise InputError(
                tr(
                    "EXPERTS names '{name}', which the model bundle does not have; its experts are {names}."
                ).format(name=name, names=", ".join(bundle.names))
            )
    return wanted
