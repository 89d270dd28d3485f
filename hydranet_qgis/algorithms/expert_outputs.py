"""One optional raster destination per expert of the bundle, so that models can chain what predict finds.

The run folder has a raster only for experts that were used; a destination always gets one, all NoData
if its expert was not routed anywhere.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsPalettedRasterRenderer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterRasterDestination,
    QgsProcessingUtils,
    QgsRasterFileWriter,
    QgsRasterLayer,
)
from qgis.PyQt.QtGui import QColor

from ..bundle_info import BundleInfo
from ..errors import InputError, WorkerCancelled
from ..i18n import tr
from ..layer_identity import expert_role
from ..results import PlannedLayer, plan
from ..run_folder import Run, RunExpert
from .base import HydraNetAlgorithm
from .empty_raster import write_empty
from .loading import describe
from .values import destination, is_given

PREFIX = "EXPERT_"
_PIECE = 1 << 22
_SIDECARS = (".aux.xml", ".ovr", ".msk")  # of a raster that is replaced: they would lie about the new one


def output_name(expert: str) -> str:
    """Name of an expert's destination, such as EXPERT_FOREST_DAMAGE."""
    return PREFIX + "".join(c if c.isalnum() else "_" for c in expert).upper()


def declare_experts_rasters(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
    """Add a destination for each expert of the plugin's own bundle."""
    for expert in bundle.experts:
        algorithm.add(
            QgsProcessingParameterRasterDestination(
                output_name(expert.name),
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


def wanted_experts(parameters: dict[str, Any], own: BundleInfo) -> list[str]:
    """Experts of the plugin's own bundle whose destination is given."""
    return [name for name in own.names if is_given(parameters.get(output_name(name)))]


def check_wanted(
    parameters: dict[str, Any],
    wanted: list[str],
    bundle: BundleInfo,
    experts: list[str],
    run_folder: str,
    source: str,
) -> None:
    """Check that each wanted expert's raster can be had.

    Args:
        parameters: of the call.
        wanted: names of experts.
        bundle: the model to be used.
        experts: the experts to be used, empty for all.
        run_folder: "" if it is not known yet.
        source: the input's file, "" if it has none.

    Raises:
        InputError: the model lacks one, it is left out, or its raster cannot lie where it is to.
    """
    taken: dict[str, str] = {}
    for name in wanted:
        if bundle.names and name not in bundle.names:
            raise InputError(
                tr(
                    "A raster of the expert {name} is wanted, but the chosen model bundle has only {names}; "
                    "leave {parameter} empty."
                ).format(name=name, names=", ".join(bundle.names), parameter=output_name(name))
            )
        if experts and name not in experts:
            raise InputError(
                tr(
                    "A raster of the expert {name} is wanted, but the experts are limited to {names}; add it "
                    "there, or leave {parameter} empty."
                ).format(name=name, names=", ".join(experts), parameter=output_name(name))
            )
        target = destination(parameters[output_name(name)])
        if target:
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
    wanted: list[str],
    run: Run,
    crs: Any,
    feedback: QgsProcessingFeedback,
) -> tuple[dict[str, Any], set[str]]:
    """Write the wanted experts' rasters and have those loaded that are to be loaded.

    Returns:
        Results of the algorithm, and the roles of the run that need not be loaded besides.

    Raises:
        InputError: one cannot be written.
        WorkerCancelled: the user stopped it.
    """
    results: dict[str, Any] = {}
    roles = set()
    experts = {expert.name: expert for expert in run.experts}
    for done, name in enumerate(wanted, start=1):
        expert = experts[name]
        path = algorithm.parameterAsOutputLayer(parameters, output_name(name), context)
        feedback.setProgressText(tr("Writing {file}").format(file=path))
        _write(run, expert, Path(path), crs.toWkt() if crs is not None else "", feedback)
        feedback.setProgress(100.0 * done / len(wanted))
        results[output_name(name)] = path
        if context.willLoadLayerOnCompletion(path):
            planned = _planned(run, expert, path)
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


def _planned(run: Run, expert: RunExpert, path: str) -> PlannedLayer:
    """What the raster is for those who style and group it."""
    style = Path(path).with_suffix(".qml")
    role = expert_role(expert.name)
    layers = plan(run)
    own = next((item for item in layers if item.role == role), None)
    if own is None:  # never routed: nothing of it can be seen, so it lies at the bottom
        return PlannedLayer(path, expert.label, role, style, len(layers), len(expert.classes))
    return replace(own, source=path, style=style)
