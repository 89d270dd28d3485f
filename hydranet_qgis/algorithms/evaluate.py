"""`hydranet:evaluate`: a raster of classes, or a run, is judged by a reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessing, QgsProcessingContext, QgsProcessingFeedback, QgsProcessingUtils

from ..errors import InputError
from ..i18n import tr
from . import class_table, tiles_inputs, values
from . import evaluate_parameters as own
from . import run_parameters as declare
from .class_table import Classes
from .judged import Judged, judged
from .label_file import LabelFile, check_polygons, layer_of, open_polygons, resolve_polygons
from .label_requests import evaluate_request
from .layer_export import LayerExport
from .mask_file import MaskFile, resolve_mask
from .several_rasters import source_or_export
from .told_labels import label_raster, percentage
from .worker_algorithm import Steps, WorkerAlgorithm

REPORT_FILE = "report.html"
_COLUMNS = 2  # value, class
_NUMBERS = {
    "OVERALL_ACCURACY": "overall_accuracy",
    "MEAN_IOU": "mean_iou",
    "MEAN_F1": "mean_f1",
    "KAPPA": "kappa",
    "PIXELS": "pixels",
}


class EvaluateAlgorithm(WorkerAlgorithm):
    """Has the worker compare classes with a reference, and hands over its report and headline figures."""

    NAME = METHOD = "evaluate"

    def __init__(self) -> None:
        super().__init__()
        self._request: dict[str, Any] = {}
        self._notes: list[str] = []
        self._files: list[MaskFile] = []
        self._exports: list[LayerExport] = []

    def displayName(self) -> str:
        return tr("Evaluate against a reference")

    def tags(self) -> list[str]:
        return tr(
            "hydranet,evaluation,validation,accuracy assessment,confusion matrix,iou,f1,kappa,precision,"
            "recall,reliability,ground truth,reference,report"
        ).split(",")

    def summary(self) -> str:
        return tr(
            "<p>Compares a raster of classes with reference polygons or a reference raster: confusion "
            "matrix, accuracy, and IoU, F1, precision and recall of each class, as a report with tables. "
            "Works on any raster of classes.</p>"
            "<p>Of a run of HydraNet also the switcher is judged: did the tiles that needed the expert get "
            "it, and do its scores mean what they say.</p>"
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        own.declare_judged(self)
        own.declare_reference(self)
        declare.declare_threads(self)
        own.declare_report(self)

    def progress_text(self) -> str:
        return tr("Comparing parts {done} of {total}")

    def open_input(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        if values.is_given(parameters.get("INPUT")):
            values.raster_layer(self, parameters, context)
        open_polygons(self, parameters, context, "REFERENCE", "AREA")
        if values.is_given(parameters.get("REFERENCE_RASTER")):
            label_raster(self, parameters, "REFERENCE_RASTER", context)

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        found = judged(self, parameters, context)
        self._read(parameters, context, found)
        field = self.parameterAsString(parameters, "FIELD", context)
        check_polygons(self, parameters, "REFERENCE", context, [found.layer], field)
        check_polygons(self, parameters, "AREA", context, [found.layer])
        output = parameters.get("OUTPUT_FOLDER")
        if isinstance(output, str) and output and output != QgsProcessing.TEMPORARY_OUTPUT:
            _check_output(output, self.parameterAsBool(parameters, "OVERWRITE", context))

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        found = judged(self, parameters, context)
        classes, self._notes = self._read(parameters, context, found)
        folder = Path(self.parameterAsFileOutput(parameters, "OUTPUT_FOLDER", context))
        beside = None if folder.is_relative_to(QgsProcessingUtils.tempFolder()) else folder
        if found.run is not None:
            source = str(found.run.folder)
            self._notes.append(
                tr("The run {folder} is judged: what its expert {expert} found, and its routing.").format(
                    folder=found.run.folder, expert=found.expert.label
                )
            )
        else:
            source = source_or_export(found.layer, None, self._exports, beside, "input", False)
        reference = self._reference(parameters, context, beside)
        area = resolve_mask(self, parameters, "AREA", context)
        self._files += [area] if area is not None else []
        self._request = evaluate_request(
            source=source,
            output=str(folder),
            reference=reference.file.path,
            expert=found.expert.name if found.expert is not None else None,
            layer=reference.layer,
            field=reference.field,
            classes=classes.names,
            background=self.parameterAsString(parameters, "BACKGROUND", context),
            area=area.path if area is not None else None,
            share=percentage(self, parameters, "SHARE", context),
            overwrite=self.parameterAsBool(parameters, "OVERWRITE", context),
            threads=values.optional_int(self, parameters, "THREADS", context),
        )

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        steps = Steps(feedback, 1 + len(self._exports))
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
        figures = summary.get("figures") or {}
        for line in figure_lines(figures):
            feedback.pushInfo(line)
        if summary.get("command"):
            feedback.pushInfo(tr("The same on the command line:"))
            feedback.pushCommandInfo(str(summary["command"]))
        folder = Path(self._request["output"])
        results: dict[str, Any] = {
            "OUTPUT_FOLDER": str(folder),
            "REPORT": str(folder / (summary.get("report") or REPORT_FILE)),
        }
        results |= {name: figures[key] for name, key in _NUMBERS.items() if figures.get(key) is not None}
        tables = [name for name in summary.get("files") or () if Path(name).match("*confusion*.csv")]
        if tables:
            results["CONFUSION"] = str(folder / tables[0])
        return results

    def clean(self) -> None:
        for file in self._files:
            file.remove()
        for export in self._exports:
            export.remove()

    def _reference(
        self, parameters: dict[str, Any], context: QgsProcessingContext, beside: Path | None
    ) -> LabelFile:
        """The file of the reference."""
        if values.is_given(parameters.get("REFERENCE")):
            field = self.parameterAsString(parameters, "FIELD", context)
            found = resolve_polygons(self, parameters, "REFERENCE", context, field)
            self._files.append(found.file)
            return found
        layer = label_raster(self, parameters, "REFERENCE_RASTER", context)
        path = source_or_export(layer, None, self._exports, beside, "reference", False)
        return LabelFile(MaskFile(path), None, None)

    def _read(
        self, parameters: dict[str, Any], context: QgsProcessingContext, found: Judged
    ) -> tuple[Classes, list[str]]:
        """Check what was typed of the reference; what its values mean, and what the log is to say of it.

        Raises:
            InputError: something cannot work.
        """
        polygons = values.is_given(parameters.get("REFERENCE"))
        if polygons == values.is_given(parameters.get("REFERENCE_RASTER")):
            raise InputError(
                tr("Reference polygons and a reference raster are both given; leave one of them out.")
                if polygons
                else tr("There is no reference; give reference polygons or a reference raster.")
            )
        layer = None
        if not polygons:
            layer = label_raster(self, parameters, "REFERENCE_RASTER", context)
        known = [*found.class_names, class_table.UNKNOWN]
        written = class_table.read_table(self.parameterAsMatrix(parameters, "CLASSES", context), _COLUMNS)
        background = self.parameterAsString(parameters, "BACKGROUND", context).strip()
        for name in [*written.names.values(), background] if found.class_names else []:
            if name and not _is_class(name, found):
                raise InputError(
                    tr("'{name}' is no class of the expert {expert}; its classes are {names}.").format(
                        name=name, expert=found.expert.label, names=", ".join(found.class_names)
                    )
                )
        if written.names:
            return written, []
        field = self.parameterAsString(parameters, "FIELD", context)
        if polygons:
            layer = layer_of(self, parameters, "REFERENCE", context)
            styled = class_table.style_of_polygons(layer, field) if field else None
        else:
            styled = class_table.style_of_raster(layer)
        # A legend may call things otherwise; it helps only if it says what the raster says.
        if styled is None or not set(styled.names.values()) <= set(known):
            return Classes(), []
        note = tr("What the reference's values mean is taken from the legend of '{layer}': {classes}.")
        return styled, [note.format(layer=layer.name(), classes=styled.listed())]


def figure_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """The headline figures as a small table for the log."""
    titles = {
        tr("Overall accuracy"): figures.get("overall_accuracy"),
        tr("Kappa"): figures.get("kappa"),
        tr("Mean IoU"): figures.get("mean_iou"),
        tr("Mean F1"): figures.get("mean_f1"),
    }
    told = ", ".join(f"{title} {_number(value)}" for title, value in titles.items())
    yield tr("{figures}; {pixels} pixels compared").format(figures=told, pixels=figures.get("pixels", "-"))
    classes = figures.get("classes") or ()
    if not classes:
        return
    width = max(len(tr("Class")), *(len(str(item.get("name"))) for item in classes))
    heads = [tr("IoU"), tr("F1"), tr("Precision"), tr("Recall"), tr("Pixels")]
    yield f"{tr('Class'):<{width}}  " + "  ".join(f"{head:>9}" for head in heads)
    for item in classes:
        cells = [_number(item.get(key)) for key in ("iou", "f1", "precision", "recall")]
        cells.append(str(item.get("pixels", "-")))
        yield f"{item.get('name')!s:<{width}}  " + "  ".join(f"{cell:>9}" for cell in cells)


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, (int, float)) else "-"


def _is_class(name: str, found: Judged) -> bool:
    """Whether a class is called so, or has that value."""
    classes = found.expert.classes if found.expert is not None else ()
    folded = name.casefold()
    named = any(folded == item.name.casefold() for item in classes)
    return named or folded == class_table.UNKNOWN or name in {str(item.value) for item in classes}


def _check_output(folder: str, overwrite: bool) -> None:
    """Check the folder to be written.

    Raises:
        InputError: it cannot be one, or holds a report that nothing was said about.
    """
    tiles_inputs.check_folder(folder)
    if not overwrite and (Path(folder) / REPORT_FILE).exists():
        raise InputError(
            tr("The folder {folder} already holds a report; choose another, or tick Overwrite.").format(
                folder=folder
            )
        )
