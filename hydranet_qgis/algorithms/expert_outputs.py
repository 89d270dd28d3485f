"""One optional destination per expert of the bundle, so that models can chain what predict finds.

The run folder has a raster only for experts that were used; a destination always gets one, all NoData
if its expert was not routed anywhere. The destination of objects is a vector layer, and may be empty.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsPalettedRasterRenderer,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterDestination,
    QgsProcessingUtils,
    QgsRasterFileWriter,
    QgsRasterLayer,
)
from qgis.PyQt.QtGui import QColor

from ..bundle_info import BundleInfo, ExpertTitle
from ..errors import InputError, WorkerCancelled
from ..i18n import tr
from ..results import plan_expert
from ..run_folder import Run, RunExpert
from .base import HydraNetAlgorithm
from .empty_raster import write_empty
from .loading import describe
from .objects_sink import check_target, write_objects
from .values import destination, is_given

PREFIX = "EXPERT_"
OBJECTS_OUTPUT = "OUTPUT_OBJECTS"
_PIECE = 1 << 22
_SIDECARS = (".aux.xml", ".ovr", ".msk")  # of a raster that is replaced: they would lie about the new one


def output_name(expert: ExpertTitle) -> str:
    """Name of an expert's destination, such as EXPERT_FOREST_DAMAGE."""
    if expert.finds_objects:
        return OBJECTS_OUTPUT
    return PREFIX + "".join(c if c.isalnum() else "_" for c in expert.name).upper()


def declare_outputs(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
    """Add a destination for each expert of the plugin's own bundle."""
    for expert in bundle.experts:
        if expert.finds_objects:
            _declare_objects(algorithm)
            continue
        algorithm.add(
            QgsProcessingParameterRasterDestination(
                output_name(expert),
                tr("Raster of expert {title}").format(title=expert.title),
                optional=True,
                createByDefault=False,
            ),
            tr(
                "A copy of what the expert {name} finds, for the next step of a model or another place than "
                "the run folder; all no data if no tile was routed to it."
            ).format(name=expert.name),
            advanced=True,
        )


def _declare_objects(algorithm: HydraNetAlgorithm) -> None:
    algorithm.add(
        QgsProcessingParameterFeatureSink(
            OBJECTS_OUTPUT,
            tr("Layer of found objects"),
            QgsProcessing.SourceType.TypeVectorPolygon,
            optional=True,
            createByDefault=False,
        ),
        tr(
            "A copy of the objects that were found, for the next step of a model or another place than the "
            "run folder; without any if no tile was routed to their expert."
        ),
        advanced=True,
    )


def wanted_experts(parameters: dict[str, Any], own: BundleInfo) -> dict[str, str]:
    """Experts of the plugin's own bundle whose destination is given, with its name."""
    named = {expert.name: output_name(expert) for expert in own.experts}
    return {name: output for name, output in named.items() if is_given(parameters.get(output))}


def check_wanted(
    parameters: dict[str, Any],
    wanted: dict[str, str],
    bundle: BundleInfo,
    experts: list[str],
    run_folder: str,
    source: str,
) -> None:
    """Check that what is wanted of each expert can be had.

    Args:
        parameters: of the call.
        wanted: names of experts, with the parameter that asks for each.
        bundle: the model to be used.
        experts: the experts to be used, empty for all.
        run_folder: "" if it is not known yet.
        source: the input's file, "" if it has none.

    Raises:
        InputError: the model lacks one, it is left out, or its output cannot lie where it is to.
    """
    taken: dict[str, str] = {}
    for name, output in wanted.items():
        objects = output == OBJECTS_OUTPUT
        alike = [expert.name for expert in bundle.experts if expert.finds_objects == objects]
        text = tr("A raster of the expert {name} is wanted")
        if objects:
            text = tr("Objects of the expert {name} are wanted")
        what = text.format(name=name)
        if bundle.names and name not in alike:
            raise InputError(
                tr("{what}, but the chosen model bundle has only {names}; leave {parameter} empty.").format(
                    what=what, names=", ".join(alike or bundle.names), parameter=output
                )
            )
        if experts and name not in experts:
            raise InputError(
                tr(
                    "{what}, but the experts are limited to {names}; add it there, or leave {parameter} "
                    "empty."
                ).format(what=what, names=", ".join(experts), parameter=output)
            )
        target = destination(parameters[output])
        if objects:
            check_target(target, run_folder)
        elif target:
            _check_target(name, target, run_folder, source, taken)


def _check_target(name: str, target: str, run_folder: str, source: str, taken: dict[str, str]) -> None:
    """Check where the raster of an expert is to lie.

    Raises:
        InputError: that would destroy something, or the format is not known.
    """
    path = os.path.realpath(target)
    if run_folder and os.path.dirname(path) == os.path.realpath(run_folder):
        raise InputError(
            tr(
                "The raster of the expert {name} cannot lie in the run folder {folder}, which has its "
                "own; choose another folder."
            ).format(name=name, folder=run_folder)
        )
    if source and os.path.realpath(source) == path:
        raise InputError(
            tr(
                "The raster of the expert {name} would replace the input raster {path}; give another name."
            ).format(name=name, path=target)
        )
    if path in taken:
        raise InputError(
            tr(
                "The rasters of the experts {one} and {other} are both to be {path}; give one another name."
            ).format(one=taken[path], other=name, path=target)
        )
    taken[path] = name
    suffix = Path(target).suffix
    if not QgsRasterFileWriter.driverForExtension(suffix.lstrip(".")):
        raise InputError(
            tr(
                "The raster of the expert {name} is to be {path}, but no raster format ends in '{suffix}'; "
                "give a name that ends in .tif."
            ).format(name=name, path=target, suffix=suffix)
        )


def write_wanted(
    algorithm: Any,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    wanted: dict[str, str],
    run: Run,
    crs: Any,
    feedback: QgsProcessingFeedback,
) -> tuple[dict[str, Any], set[str]]:
    """Write the wanted experts' outputs and have those loaded that are to be loaded.

    Returns:
        Results of the algorithm, and the roles of the run that need not be loaded besides.

    Raises:
        InputError: one cannot be written.
        WorkerCancelled: the user stopped it.
    """
    results: dict[str, Any] = {}
    roles = set()
    experts = {expert.name: expert for expert in run.experts}
    for done, (name, output) in enumerate(wanted.items(), start=1):
        expert = experts[name]
        if output == OBJECTS_OUTPUT:
            written = write_objects(algorithm, parameters, output, context, run, expert, crs, feedback)
            results[output] = written.layer
            if written.loaded:
                roles.add(plan_expert(run, expert).role)
            continue
        path = algorithm.parameterAsOutputLayer(parameters, output, context)
        feedback.setProgressText(tr("Writing {file}").format(file=path))
        _write(run, expert, Path(path), crs.toWkt() if crs is not None else "", feedback)
        feedback.setProgress(100.0 * done / len(wanted))
        results[output] = path
        if context.willLoadLayerOnCompletion(path):
            planned = replace(plan_expert(run, expert), source=path, style=Path(path).with_suffix(".qml"))
            roles.add(planned.role)
            describe(context.layerToLoadOnCompletionDetails(path), run, planned, crs)
    return results, roles


def _write(run: Run, expert: RunExpert, path: Path, wkt: str, feedback: QgsProcessingFeedback) -> None:
    """Write one destination and the style beside it."""
    style = path.with_suffix(".qml")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for suffix in _SIDECARS:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        source = expert.output
        if source is None:
            source = Path(QgsProcessingUtils.generateTempFilename(f"{expert.name}.tif"))
            write_empty(run, expert, source, wkt)
        if path.suffix.lower() in (".tif", ".tiff"):
            _copy(source, path, feedback)
        else:
            _translate(source, path, feedback)
        if expert.style is not None and expert.style.is_file():
            shutil.copyfile(expert.style, style)
        elif expert.classes:
            _save_style(path, style, expert)
    except (OSError, RuntimeError) as error:  # GDAL raises the latter where its exceptions are on
        raise InputError(
            tr(
                "The raster of the expert {name} could not be written to {path} ({why}); the run itself is "
                "finished and lies in {folder}."
            ).format(
                name=expert.name,
                path=path,
                why=getattr(error, "strerror", None) or error,
                folder=run.folder,
            )
        ) from error


def _copy(source: Path, path: Path, feedback: QgsProcessingFeedback) -> None:
    with source.open("rb") as whence, path.open("wb") as into:
        while piece := whence.read(_PIECE):
            if feedback.isCanceled():
                break
            into.write(piece)
    _stop_if_cancelled(path, feedback)


def _translate(source: Path, path: Path, feedback: QgsProcessingFeedback) -> None:
    from osgeo import gdal

    driver = QgsRasterFileWriter.driverForExtension(path.suffix.lstrip("."))
    if not driver:
        raise OSError(tr("the ending {suffix} is not known").format(suffix=path.suffix))

    def told(share: float, *_: Any) -> int:
        return 0 if feedback.isCanceled() else 1

    try:
        written = gdal.Translate(str(path), str(source), format=driver, callback=told)
    except RuntimeError:
        _stop_if_cancelled(path, feedback)
        raise
    _stop_if_cancelled(path, feedback)
    if written is None:
        raise OSError(gdal.GetLastErrorMsg())


def _stop_if_cancelled(path: Path, feedback: QgsProcessingFeedback) -> None:
    if feedback.isCanceled():
        path.unlink(missing_ok=True)
        raise WorkerCancelled(tr("Cancelled; the run itself is finished and kept."), began=False)


def _save_style(path: Path, style: Path, expert: RunExpert) -> None:
    """Write a style for classes that the run wrote none for."""
    layer = QgsRasterLayer(str(path), expert.label, "gdal", QgsRasterLayer.LayerOptions(False))
    clear = QColor(255, 255, 255, 0)
    classes = [
        QgsPalettedRasterRenderer.Class(item.value, QColor(item.color) if item.color else clear, item.name)
        for item in expert.classes
    ]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))
    layer.saveNamedStyle(str(style))
