"""`hydranet:exporttiles`: rasters and labels of the user's own become tiles that an expert can learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingUtils,
)

from .. import paths
from ..bundle_info import known_sensors
from ..errors import InputError
from ..i18n import tr
from . import inputs, tiles_inputs, tiles_summary, values
from . import run_parameters as declare
from . import tiles_parameters as own
from .footprints import Footprints
from .label_file import LabelFile, check_polygons, open_polygons, resolve_polygons
from .label_requests import SPLITS, label_layer, tiles_request
from .layer_export import LayerExport, check_exportable
from .mask_file import MaskFile, resolve_mask
from .several_rasters import raster_layers, source_or_export
from .sources import band_count, local_source
from .told_labels import ToldLabels, box_of, label_raster, percentage, read_labels
from .worker_algorithm import Steps, WorkerAlgorithm


class ExportTilesAlgorithm(WorkerAlgorithm):
    """Has the worker cut rasters and labels into a routerset, and shows what became of it."""

    NAME = "exporttiles"
    METHOD = "tiles"

    def __init__(self) -> None:
        super().__init__()
        self._request: dict[str, Any] = {}
        self._notes: list[str] = []
        self._files: list[MaskFile] = []
        self._exports: list[LayerExport] = []

    def displayName(self) -> str:
        return tr("Export training tiles")

    def tags(self) -> list[str]:
        return tr(
            "hydranet,training,labels,tiles,routerset,chips,samples,ground truth,polygons,split,catalogue,"
            "deep learning"
        ).split(",")

    def summary(self) -> str:
        return tr(
            "<p>Cuts rasters and labels of your own into tiles that a new expert can learn from: imagery, "
            "label rasters, which tiles need the expert, and a split into train, val, cal and test by "
            "regions. What the labels do not tell stays unknown.</p>"
            "<p>Give polygons with a class field, or a label raster. Classes and colours are taken from the "
            "layer's legend where it is drawn by them.</p>"
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterMultipleLayers(
                "INPUT", tr("Input rasters"), QgsProcessing.SourceType.TypeRaster
            ),
            tr("Rasters as for Predict; all are read in the same way. Each keeps its own pixel grid."),
        )
        own.declare_labels(self)
        own.declare_task(self)
        own.declare_area(
            self,
            tr(
                "Polygons of the area that was looked at. Tiles are cut only there, and what lies outside is "
                "unknown. Empty: all of each raster was looked at."
            ),
        )
        own.declare_outside(self)
        declare.declare_bands(self, known_sensors(paths.resources()))
        own.declare_content(self)
        own.declare_cutting(self)
        own.declare_splits(self)
        declare.declare_radiometry(self)
        declare.declare_threads(self)
        own.declare_way_on(self)
        self.add(
            QgsProcessingParameterFeatureSink(
                "FOOTPRINTS",
                tr("Tiles"),
                QgsProcessing.SourceType.TypeVectorPolygon,
                optional=True,
                createByDefault=True,
            ),
            tr("One polygon per tile with its split, its region, and whether it needs the expert."),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "SUMMARY", tr("Summary"), tr("HTML files (*.html)"), optional=True, createByDefault=True
            ),
            tr("Counts and the contact sheet as a page, listed in the Results Viewer."),
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT_FOLDER", tr("Folder of tiles")),
            tr("Where the tiles are kept; Train reads them from there."),
        )
        self.addOutput(QgsProcessingOutputNumber("TILES", tr("Tiles, all splits")))
        for split in SPLITS:
            self.addOutput(
                QgsProcessingOutputNumber(split.upper(), tr("Tiles of the split {split}").format(split=split))
            )
        self.addOutput(QgsProcessingOutputFile("CONTACT_SHEET", tr("Contact sheet")))

    def progress_text(self) -> str:
        return tr("Cutting tiles {done} of {total}")

    def open_input(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        if parameters.get("INPUT"):
            raster_layers(self, parameters, context)
        open_polygons(self, parameters, context, "LABELS", "AREA")
        if values.is_given(parameters.get("LABEL_RASTER")):
            label_raster(self, parameters, "LABEL_RASTER", context)

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        layers = raster_layers(self, parameters, context)
        bands = self.parameterAsString(parameters, "BANDS", context)
        for layer in layers:
            if local_source(layer) is None:
                check_exportable(layer)
            inputs.check_bands(bands, band_count(layer), known_sensors(paths.resources()))
        inputs.check_radiometry(self.parameterAsString(parameters, "RADIOMETRY", context))
        field = self.parameterAsString(parameters, "FIELD", context)
        check_polygons(self, parameters, "LABELS", context, layers, field)
        check_polygons(self, parameters, "AREA", context, layers)
        self._read(parameters, context)
        overwrite = self.parameterAsBool(parameters, "OVERWRITE", context)
        resume = self.parameterAsBool(parameters, "RESUME", context)
        if overwrite and resume:
            raise InputError(
                tr("Resume continues the export in the folder and Overwrite replaces it; tick only one.")
            )
        output = parameters.get("OUTPUT_FOLDER")
        if isinstance(output, str) and output and output != QgsProcessing.TEMPORARY_OUTPUT:
            tiles_inputs.check_output(output, overwrite or resume)
            for name in ("FOOTPRINTS", "SUMMARY"):
                tiles_inputs.check_beside(values.destination(parameters.get(name)), output)

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        layers = raster_layers(self, parameters, context)
        told = self._read(parameters, context)
        self._notes = told.notes
        folder = Path(self.parameterAsFileOutput(parameters, "OUTPUT_FOLDER", context))
        beside = None if folder.is_relative_to(QgsProcessingUtils.tempFolder()) else folder
        resume = self.parameterAsBool(parameters, "RESUME", context)
        sources = []
        for number, layer in enumerate(layers, start=1):
            box = box_of(self, parameters, "AREA", context, layer)
            name = f"input_{number}"
            sources.append(source_or_export(layer, box, self._exports, beside, name, resume))
        labels = self._labels(parameters, context, beside, resume)
        area = resolve_mask(self, parameters, "AREA", context)
        if area is not None:
            self._files.append(area)
        first = label_layer(
            task=told.task,
            path=labels.file.path,
            layer=labels.layer,
            field=labels.field,
            classes=told.classes.names,
            background=told.background,
            colors=told.classes.colors,
            present=told.present,
            share=percentage(self, parameters, "SHARE", context),
            title=self.parameterAsString(parameters, "TITLE", context).strip(),
            label_kind=self.parameterAsEnumString(parameters, "LABEL_KIND", context),
        )
        self._request = tiles_request(
            inputs=sources,
            output=str(folder),
            labels=[first, *told.more],
            area=area.path if area is not None else None,
            bands=self.parameterAsString(parameters, "BANDS", context),
            radiometry=self.parameterAsString(parameters, "RADIOMETRY", context),
            tile_size=self.parameterAsInt(parameters, "TILE_SIZE", context),
            stride=values.optional_int(self, parameters, "STRIDE", context),
            block_m=values.optional_float(self, parameters, "BLOCK", context),
            splits=tiles_inputs.read_splits(self.parameterAsString(parameters, "SPLITS", context)),
            seed=self.parameterAsInt(parameters, "SEED", context),
            keep_unlabelled=self.parameterAsBool(parameters, "KEEP_UNLABELLED", context),
            least_valid=percentage(self, parameters, "LEAST_VALID", context),
            licence=self.parameterAsString(parameters, "LICENCE", context),
            overwrite=self.parameterAsBool(parameters, "OVERWRITE", context),
            resume=resume,
            threads=values.optional_int(self, parameters, "THREADS", context),
        )

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        shown = values.is_given(parameters.get("FOOTPRINTS"))
        steps = Steps(feedback, 1 + len(self._exports) + shown)
        for note in self._notes:
            feedback.pushInfo(note)
        for export in self._exports:
            feedback.pushInfo(export.notice(kept=False))
            export.write(steps.begin(tr("Exporting the layer")))
        if any(file.copied for file in self._files):
            feedback.pushInfo(
                tr(
                    "Polygons that are not one plain file are copied while this lasts; to repeat it on the "
                    "command line, save them as a GeoPackage."
                )
            )
        summary = self.job(self._request, steps.begin()).get("summary") or {}
        folder = Path(self._request["output"])
        for line in tiles_summary.log_lines(summary):
            feedback.pushInfo(line)
        if summary.get("command"):
            feedback.pushInfo(tr("The same on the command line:"))
            feedback.pushCommandInfo(str(summary["command"]))
        results = {"OUTPUT_FOLDER": str(folder), **_counts(summary)}
        if summary.get("contact_sheet"):
            results["CONTACT_SHEET"] = str(folder / summary["contact_sheet"])
        if shown:
            footprints = Footprints(folder)
            results["FOOTPRINTS"] = footprints.write(
                self, parameters, "FOOTPRINTS", context, steps.begin(tr("Drawing the tiles"))
            )
        target = self.parameterAsFileOutput(parameters, "SUMMARY", context)
        if target:
            tiles_summary.write(Path(target), tiles_summary.page(summary, folder))
            results["SUMMARY"] = target
        return results

    def clean(self) -> None:
        for file in self._files:
            file.remove()
        # To be resumed, an export has to find the same files.
        if not self._resumable():
            for export in self._exports:
                export.path.unlink(missing_ok=True)  # also one that an unfinished call left

    def _resumable(self) -> bool:
        """Whether the worker left something to be continued, where it outlives this QGIS."""
        folder = Path(self._request.get("output") or QgsProcessingUtils.tempFolder())
        kept = not folder.is_relative_to(QgsProcessingUtils.tempFolder())
        return kept and tiles_inputs.is_unfinished(folder)

    def _labels(
        self, parameters: dict[str, Any], context: QgsProcessingContext, beside: Path | None, reuse: bool
    ) -> LabelFile:
        """The file of the labels."""
        if values.is_given(parameters.get("LABELS")):
            field = self.parameterAsString(parameters, "FIELD", context)
            labels = resolve_polygons(self, parameters, "LABELS", context, field)
            self._files.append(labels.file)
            return labels
        layer = label_raster(self, parameters, "LABEL_RASTER", context)
        path = source_or_export(layer, None, self._exports, beside, "labels", reuse)
        return LabelFile(MaskFile(path), None, None)

    def _read(self, parameters: dict[str, Any], context: QgsProcessingContext) -> ToldLabels:
        """Check what was typed, which nobody does for a step of a model; what it says of the labels.

        Raises:
            InputError: something cannot work.
        """
        tiles_inputs.check_tiling(
            self.parameterAsInt(parameters, "TILE_SIZE", context),
            values.optional_int(self, parameters, "STRIDE", context),
        )
        tiles_inputs.read_splits(self.parameterAsString(parameters, "SPLITS", context))
        return read_labels(self, parameters, context)


def _counts(summary: dict[str, Any]) -> dict[str, int]:
    tiles = summary.get("tiles") or {}
    counts = {split.upper(): int(tiles.get(split, 0)) for split in SPLITS}
    return {"TILES": sum(counts.values()), **counts}
