"""From the parameters of `hydranet:predict` to checked plain values. All in the main thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import NULL, QgsProcessing, QgsProcessingContext

from .. import paths
from ..bundle_info import MODEL_FILE, known_sensors, read_bundle
from ..errors import InputError
from . import inputs
from .mask_file import MaskFile, check_mask
from .request import predict_request
from .sources import band_count, local_source


def check(algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
    """Check what the parameters' own types cannot know.

    Raises:
        InputError: something cannot work.
    """
    layer = algorithm.parameterAsRasterLayer(parameters, "INPUT", context)
    local_source(layer)
    bands = algorithm.parameterAsString(parameters, "BANDS", context)
    inputs.check_bands(bands, band_count(layer), known_sensors(paths.resources()))
    inputs.check_radiometry(algorithm.parameterAsString(parameters, "RADIOMETRY", context))
    folder = algorithm.parameterAsString(parameters, "BUNDLE", context)
    if folder and not (Path(folder) / MODEL_FILE).is_file():
        raise InputError(f"The model bundle {folder} has no {MODEL_FILE}; choose the folder that holds it.")
    bundle = read_bundle(Path(folder) if folder else paths.default_bundle())
    inputs.check_overlap(algorithm.parameterAsInt(parameters, "OVERLAP", context), bundle.tile_size)
    extent = _extent(algorithm, parameters, context, layer)
    if extent is not None and not _overlaps(extent, layer.extent()):
        raise InputError(f"The extent lies outside the raster '{layer.name()}'; choose one that overlaps it.")
    check_mask(algorithm, parameters, "MASK", context, layer)
    overwrite = algorithm.parameterAsBool(parameters, "OVERWRITE", context)
    resume = algorithm.parameterAsBool(parameters, "RESUME", context)
    inputs.check_ways_on(overwrite, resume)
    output = parameters.get("OUTPUT_FOLDER")
    if isinstance(output, str) and output and output != QgsProcessing.TEMPORARY_OUTPUT:
        inputs.check_output(output, overwrite, resume)


def read(
    algorithm: Any,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    layer: Any,
    mask: MaskFile | None,
) -> dict[str, Any]:
    """The worker's request.

    Raises:
        InputError: the raster's pixels are not in a file.
    """
    return predict_request(
        source=local_source(layer),
        output=algorithm.parameterAsFileOutput(parameters, "OUTPUT_FOLDER", context),
        bundle=algorithm.parameterAsString(parameters, "BUNDLE", context) or None,
        bands=algorithm.parameterAsString(parameters, "BANDS", context),
        radiometry=algorithm.parameterAsString(parameters, "RADIOMETRY", context),
        experts=[n for n in algorithm.parameterAsEnumStrings(parameters, "EXPERTS", context) if n],
        policy=algorithm.parameterAsEnumString(parameters, "POLICY", context),
        top_k=algorithm.parameterAsInt(parameters, "TOP_K", context),
        # A percentage is easier to read, a share is what the engine takes; 2.3 % must not become 0.02299….
        miss_rate=round(algorithm.parameterAsDouble(parameters, "MISS_RATE", context) / 100.0, 10),
        overlap=algorithm.parameterAsInt(parameters, "OVERLAP", context),
        extent=_extent(algorithm, parameters, context, layer),
        mask=mask.path if mask is not None else None,
        force_gsd=algorithm.parameterAsBool(parameters, "FORCE_GSD", context),
        skip_damaged=algorithm.parameterAsBool(parameters, "SKIP_DAMAGED", context),
        overwrite=algorithm.parameterAsBool(parameters, "OVERWRITE", context),
        resume=algorithm.parameterAsBool(parameters, "RESUME", context),
        threads=_optional(algorithm, parameters, "THREADS", context),
        memory_mb=_optional(algorithm, parameters, "MEMORY_MB", context),
    )


def _optional(
    algorithm: Any, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> int | None:
    """A whole number that need not be given; Processing itself knows no such thing."""
    value = parameters.get(name)
    if value is None or value == NULL or value == "":
        return None
    return int(algorithm.parameterAsInt(parameters, name, context))


def _extent(
    algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext, layer: Any
) -> list[float] | None:
    # The worker reads the file's own CRS, which is the provider's; the layer's may be overridden.
    crs = layer.dataProvider().crs()
    box = algorithm.parameterAsExtent(parameters, "EXTENT", context, crs if crs.isValid() else layer.crs())
    if box.isNull() or box.isEmpty():
        return None
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def _overlaps(extent: list[float], box: Any) -> bool:
    return (
        extent[0] < box.xMaximum()
        and extent[2] > box.xMinimum()
        and extent[1] < box.yMaximum()
        and extent[3] > box.yMinimum()
    )
