"""`hydranet:preparebands`: any raster that can be matched, rewritten as the model's eight bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterDestination,
    QgsProcessingUtils,
)

from .. import paths
from ..bundle_info import known_sensors
from ..errors import InputError
from ..i18n import tr
from . import band_stack, inputs, natural_colour, values
from . import run_parameters as declare
from .layer_export import LayerExport, check_exportable
from .request import prepare_request
from .several_rasters import raster_layers
from .sources import band_count, local_source
from .worker_algorithm import Steps, WorkerAlgorithm


class PrepareBandsAlgorithm(WorkerAlgorithm):
    """Has the worker write an 8-band GeoTIFF of one layer, or of several with a band each."""

    NAME = "preparebands"
    METHOD = "prepare"

    def __init__(self) -> None:
        super().__init__()
        self._request: dict[str, Any] = {}
        self._exports: list[LayerExport] = []
        self._stack: list[band_stack.Single] = []

    def displayName(self) -> str:
        return tr("Prepare bands")

    def tags(self) -> list[str]:
        return tr(
            "hydranet,bands,stack,merge,reflectance,sentinel-2,superdove,planet,worldview,phisat-2,8 bands,"
            "geotiff"
        ).split(",")

    def summary(self) -> str:
        return tr(
            "<p>Writes an 8-band GeoTIFF of reflectance &times; 10000 with the bands pan, blue, green, red, "
            "re1, re2, re3 and nir, named and in this order, as the model reads it.</p>"
            "<p>Give one layer with several bands, or several layers with one band each, such as the files "
            "B02, B03, B04 and B08 of a Sentinel-2 product. Pan is made from the other bands where it is "
            "lacking.</p>"
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterMultipleLayers(
                "INPUT", tr("Input rasters"), QgsProcessing.SourceType.TypeRaster
            ),
            tr(
                "One layer with all the bands, or one layer per band, all in the same coordinate system; the "
                "finest of their resolutions is used for all. Band descriptions or endings of file names "
                "such as B02 or blue say which is which."
            ),
        )
        declare.declare_bands(self, known_sensors(paths.resources()))
        declare.declare_extent(self)
        self.add(
            QgsProcessingParameterBoolean(
                "ALLOW_MISSING", tr("Allow missing bands"), defaultValue=False, optional=True
            ),
            tr(
                "Write bands that the input lacks as no data, where it would otherwise be refused. The model "
                "works without them, less well."
            ),
        )
        declare.declare_reading(self)
        declare.declare_threads(self)
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Prepared raster")),
            tr("The GeoTIFF to write."),
        )

    def progress_text(self) -> str:
        return tr("Writing pieces {done} of {total}")

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        layers = raster_layers(self, parameters, context)
        sources = []
        for layer in layers:
            sources.append(local_source(layer))
            if sources[-1] is None:
                check_exportable(layer)
        if len(layers) > 1:
            singles = [band_stack.single_of(layer, layer.source()) for layer in layers]
            band_stack.check_together(singles)
        count = len(layers) if len(layers) > 1 else band_count(layers[0])
        bands = self.parameterAsString(parameters, "BANDS", context)
        inputs.check_bands(bands, count, known_sensors(paths.resources()))
        inputs.check_radiometry(self.parameterAsString(parameters, "RADIOMETRY", context))
        values.extent_of(self, parameters, context, layers[0])
        target = parameters.get("OUTPUT")
        if isinstance(target, str) and target != QgsProcessing.TEMPORARY_OUTPUT:
            _check_target(target, sources)

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        layers = raster_layers(self, parameters, context)
        extent = values.extent_of(self, parameters, context, layers[0])
        target = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        sources = [local_source(layer) for layer in layers]
        _check_target(target, sources)
        for number, layer in enumerate(layers):
            if sources[number] is None:
                path = QgsProcessingUtils.generateTempFilename(f"input_{number + 1}.tif")
                self._exports.append(LayerExport(layer, extent, Path(path)))
                sources[number] = path
        source = str(sources[0])
        if len(layers) > 1:
            self._stack = [band_stack.single_of(layer, str(s)) for layer, s in zip(layers, sources)]
            band_stack.check_together(self._stack)
            source = QgsProcessingUtils.generateTempFilename("bands.vrt")
        self._request = prepare_request(
            source=source,
            output=target,
            bands=self.parameterAsString(parameters, "BANDS", context),
            radiometry=self.parameterAsString(parameters, "RADIOMETRY", context),
            extent=extent,
            allow_missing=self.parameterAsBool(parameters, "ALLOW_MISSING", context),
            skip_damaged=self.parameterAsBool(parameters, "SKIP_DAMAGED", context),
            threads=values.optional_int(self, parameters, "THREADS", context),
        )

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        steps = Steps(feedback, 1 + len(self._exports))
        for export in self._exports:
            feedback.pushInfo(export.notice(kept=False))
            export.write(steps.begin(tr("Exporting the layer")))
        if self._stack:
            for number, band in enumerate(self._stack, start=1):
                told = band.band or tr("nothing says which band it is")
                feedback.pushInfo(f"{number}: {band.name} ({told})")
            band_stack.write_stack(self._stack, Path(self._request["input"]))
        self.job(self._request, steps.begin())
        output = self._request["output"]
        if context.willLoadLayerOnCompletion(output):
            ranges = natural_colour.natural_ranges(Path(output))
            if ranges:
                details = context.layerToLoadOnCompletionDetails(output)
                details.setPostProcessor(natural_colour.NaturalColour(ranges))
        return {"OUTPUT": output}

    def clean(self) -> None:
        for export in self._exports:
            export.remove()
        if self._stack:
            Path(self._request["input"]).unlink(missing_ok=True)

    def open_input(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        if parameters.get("INPUT"):
            raster_layers(self, parameters, context)


def _check_target(target: str, sources: list[str | None]) -> None:
    """Check the file to be written.

    Raises:
        InputError: it is no GeoTIFF by name, or one of the inputs.
    """
    if Path(target).suffix.lower() not in (".tif", ".tiff"):
        raise InputError(
            tr("The prepared raster '{target}' is to be a GeoTIFF; give a name that ends in .tif.").format(
                target=target
            )
        )
    if any(s is not None and Path(s).exists() and Path(target).exists() and Path(s).samefile(target)
           for s in sources):  # fmt: skip
        raise InputError(
            tr("The prepared raster '{target}' is one of the inputs; give another name.").format(
                target=target
            )
        )
