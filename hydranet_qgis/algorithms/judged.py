"""What is to be judged by a reference: a class raster as such, or an expert's part in a run of ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingContext, QgsRasterLayer

from ..errors import InputError, RunFolderError
from ..i18n import tr
from ..run_folder import Run, RunExpert, is_run, read_run
from . import values
from .layer_export import check_exportable
from .sources import local_source

_CLASSES = "classes"


@dataclass(frozen=True)
class Judged:
    """One result.

    Attributes:
        layer: the raster.
        run: the run it belongs to, None for a plain raster.
        expert: whose result of the run it is.
    """

    layer: Any
    run: Run | None = None
    expert: RunExpert | None = None

    @property
    def class_names(self) -> list[str]:
        """Names of its classes, empty if only the worker will know."""
        return [item.name for item in self.expert.classes] if self.expert is not None else []


def judged(algorithm: Any, parameters: dict[str, Any], context: QgsProcessingContext) -> Judged:
    """The result that INPUT, or RUN_FOLDER and EXPERT, mean.

    Raises:
        InputError: both are given or none, or it is no result of classes.
    """
    folder = algorithm.parameterAsFile(parameters, "RUN_FOLDER", context)
    name = algorithm.parameterAsString(parameters, "EXPERT", context).strip()
    if bool(folder) == values.is_given(parameters.get("INPUT")):
        raise InputError(
            tr("A class raster and a run folder are both given; leave one of them out.")
            if folder
            else tr("There is nothing to judge; give a class raster or a run folder.")
        )
    if folder:
        return _of_run(Path(folder), name)
    if name:
        raise InputError(
            tr("The expert '{name}' is named, but no run folder is given; leave it out.").format(name=name)
        )
    layer = values.raster_layer(algorithm, parameters, context)
    source = local_source(layer)
    if source is None:
        check_exportable(layer)
        return Judged(layer)
    return _of_layer(layer, Path(source))


def _of_layer(layer: Any, path: Path) -> Judged:
    """A raster; if it lies in a run folder as the result of an expert, that."""
    if not is_run(path.parent):
        return Judged(layer)
    try:
        run = read_run(path.parent)
    except RunFolderError:
        return Judged(layer)
    expert = next((one for one in run.experts if one.output is not None and _same(one.output, path)), None)
    if expert is None:
        return Judged(layer)
    _check_kind(expert)
    return Judged(layer, run, expert)


def _of_run(folder: Path, name: str) -> Judged:
    """A run's expert; without a name, the only one that gave classes."""
    try:
        run = read_run(folder)
    except RunFolderError as error:
        raise InputError(str(error)) from error
    fitting = [one for one in run.experts if one.kind == _CLASSES and one.output is not None]
    listed = ", ".join(one.name for one in fitting)
    if not name:
        if len(fitting) == 1:
            return _opened(run, fitting[0])
        raise InputError(
            tr("The run {folder} has results of the experts {names}; say which one is to be judged.").format(
                folder=folder, names=listed
            )
            if fitting
            else tr("The run {folder} has no raster of classes; choose a run with one.").format(folder=folder)
        )
    expert = next((one for one in run.experts if one.name == name), None)
    if expert is not None:
        _check_kind(expert)
    if expert is None or expert.output is None:
        raise InputError(
            tr("The run {folder} has no result of an expert '{name}'; it has {names}.").format(
                folder=folder, name=name, names=listed or "-"
            )
        )
    return _opened(run, expert)


def _opened(run: Run, expert: RunExpert) -> Judged:
    layer = QgsRasterLayer(expert.source, expert.label)
    if not layer.isValid():
        raise InputError(
            tr("{path} is missing or cannot be read; run HydraNet again.").format(path=expert.output)
        )
    return Judged(layer, run, expert)


def _check_kind(expert: RunExpert) -> None:
    if expert.kind != _CLASSES:
        raise InputError(
            tr("The expert {expert} gives no classes ({kind}); choose a raster of classes.").format(
                expert=expert.label, kind=expert.kind
            )
        )


def _same(first: Path, second: Path) -> bool:
    return os.path.exists(first) and os.path.exists(second) and os.path.samefile(first, second)
