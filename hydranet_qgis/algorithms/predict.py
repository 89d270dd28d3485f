"""`hydranet:predict`: the main job. A raster goes in, a run folder and its layers come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingUtils,
)

from .. import paths, run_events
from ..bundle_info import known_sensors, read_bundle
from ..environment import find_interpreter
from ..errors import InputError, PluginError, WorkerCancelled, WorkerCrashed
from ..results import ROUTING_ROLE, plan
from ..run_folder import RUN_FILE, Run, read_run
from ..worker_client import shared_client
from . import predict_values
from .base import HydraNetAlgorithm
from .leftovers import Leftovers
from .loading import in_model, load_on_completion
from .mask_file import MaskFile, resolve_mask
from .predict_parameters import declare
from .progress import JobFeedback
from .request import command_line
from .routing_sink import keeps_run_table, write_sink


class PredictAlgorithm(HydraNetAlgorithm):
    """Tiles a raster, has each tile routed to experts by the worker, and loads what they found."""

    NAME = "predict"
    TITLE = "Predict with routed experts"
    TAGS = (
        *("hydranet", "mixture of experts", "moe", "deep learning", "segmentation", "classification"),
        *("satellite", "phisat-2", "sentinel-2", "tiles", "routing", "clouds", "water", "land cover"),
    )
    SUMMARY = (
        "<p>Runs the HydraNet mixture-of-experts network over a multi-band satellite raster. The raster is "
        "cut into tiles; each tile is encoded once, a switcher scores every expert, and only the experts a "
        "tile needs decode it. Every expert that was used gives one layer; the routing layer keeps all "
        "scores.</p>"
        "<p>A worker process with its own Python environment does the work, so running out of memory there "
        "does not take QGIS down.</p>"
    )

    def __init__(self) -> None:
        super().__init__()
        self._request: dict[str, Any] = {}
        self._problem: str | None = None
        self._crs: Any = None
        self._mask: MaskFile | None = None
        self._kept = True

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        declare(self, read_bundle(paths.default_bundle()), known_sensors(paths.resources()))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Refuse what cannot work before anything starts, in one sentence."""
        if parameters.get("INPUT") and self.parameterAsRasterLayer(parameters, "INPUT", context) is None:
            return False, _not_opened(parameters)
        accepted, message = super().checkParameterValues(parameters, context)
        if not accepted:
            return accepted, message
        try:
            predict_values.check(self, parameters, context)
        except InputError as error:
            return False, str(error)
        return True, ""

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Turn layers and project things into plain values, in the main thread."""
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        try:
            if layer is None:
                raise InputError(_not_opened(parameters))
            self._crs = layer.crs()
            self._mask = resolve_mask(self, parameters, "MASK", context)
            self._request = predict_values.read(self, parameters, context, layer, self._mask)
            # What lies in Processing's own folder goes with this QGIS, and so cannot be continued.
            self._kept = not Path(self._request["output"]).is_relative_to(QgsProcessingUtils.tempFolder())
        except InputError as error:
            # Told by processAlgorithm: an error raised here reaches nobody but the log.
            self._problem = str(error)
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Have the worker do the job and hand over what it wrote. Touches no project and no window."""
        try:
            if self._problem:
                raise QgsProcessingException(self._problem)
            run = self._run(feedback)
        except PluginError as error:
            raise QgsProcessingException(str(error)) from error
        finally:
            if self._mask is not None:
                self._mask.remove()
        for expert in run.experts:
            if expert.tiles:
                feedback.pushInfo(f"{expert.label}: {expert.tiles} of {run.total} tiles")
        if run.masked:
            feedback.pushInfo(f"Left out by the mask: {run.masked} of {run.total} tiles")
        for fact in run.facts:
            feedback.pushInfo(f"{fact.title}: {fact.text}")
        routing = self._hand_over(run, parameters, context)
        feedback.setProgress(100)
        return {
            "OUTPUT_FOLDER": str(run.folder),
            "OUTPUT_LAYERS": [planned.source for planned in plan(run) if planned.is_raster],
            "ROUTING": routing,
            "TILES": run.total,
            "ROUTED_TILES": run.routed,
            "ABSTAINED_TILES": run.abstained,
            "RUN_JSON": str(run.folder / RUN_FILE),
        }

    def postProcessAlgorithm(
        self, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Tell whoever shows runs that there is a new one."""
        run_events.announce(Path(self._request["output"]))
        return {}

    def _run(self, feedback: QgsProcessingFeedback) -> Run:
        if self._mask is not None and self._mask.copied:
            feedback.pushInfo(
                "The mask is not one plain file, so its polygons are copied while this run lasts; "
                "to repeat it on the command line, save the mask as a GeoPackage."
            )
        feedback.pushInfo("The same run on the command line:")
        feedback.pushCommandInfo(command_line(self._request))
        folder = Path(self._request["output"])
        leftovers = Leftovers(folder, self._kept)
        try:
            shared_client().run(
                find_interpreter(), "predict", self._request, JobFeedback(feedback), feedback.isCanceled
            )
        except WorkerCancelled as error:
            if error.began:
                leftovers.remove()
            raise
        except WorkerCrashed as error:
            raise WorkerCrashed(leftovers.keep(str(error))) from error
        return read_run(folder)

    def _hand_over(self, run: Run, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Have the run's layers loaded; returns the identifier of the routing layer."""
        if not in_model(context):
            roles = {planned.role for planned in plan(run)} - {ROUTING_ROLE}
            load_on_completion(context, context.project(), run, roles, "OUTPUT_LAYERS", self._crs)
        destination = parameters.get("ROUTING")
        if not destination or keeps_run_table(destination, context):
            project = getattr(destination, "destinationProject", None)
            load_on_completion(context, project, run, {ROUTING_ROLE}, "ROUTING", self._crs)
            return run.routing_uri
        return write_sink(self, parameters, "ROUTING", context, run, self._crs)


def _not_opened(parameters: dict[str, Any]) -> str:
    return (
        f"The input raster '{parameters.get('INPUT')}' cannot be opened; choose a raster that QGIS can show."
    )
